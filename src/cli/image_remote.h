/* A registry as pull and push want it: with the user's account there, and mirrors. */
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
/* Look for the account at `remote->reference`'s registry, which may execute credential helpers, and open it: before the process confines itself.
 * `progress` is used until the end. Nothing is contacted yet. */
int image_remote_open(struct image_context *context, const struct progress *progress, struct image_remote *remote, struct error *err) MUST_CHECK;
/* Accepts one that was never opened (all zero). */
void image_remote_close(struct image_remote *remote);

#endif
