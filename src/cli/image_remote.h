/* A registry as pull and push want it: allowed by the policy, with the user's account there. */
#ifndef CARREL_CLI_IMAGE_REMOTE_H
#define CARREL_CLI_IMAGE_REMOTE_H

#include "cli/image_context.h"
#include "image/credentials.h"
#include "image/reference.h"
#include "image/registry.h"

struct image_remote {
	struct reference reference;
	struct credentials credentials;
	struct registry_options options;
	struct registry *registry;
};

/* Where this user's accounts are. */
struct credentials_place image_remote_place(const struct host *host);
/* The word of the command line, and may images come from (or go) there? Nothing was contacted yet. */
int image_remote_parse(struct image_context *context, const char *word, struct image_remote *ret, struct error *err) MUST_CHECK;
/* Look for the account, which may execute credential helpers, and open the registry: before the process confines itself. `progress` is used until the end. */
int image_remote_open(const struct image_context *context, const struct progress *progress, struct image_remote *remote, struct error *err) MUST_CHECK;
/* Accepts one that was never opened (all zero). */
void image_remote_close(struct image_remote *remote);

#endif
