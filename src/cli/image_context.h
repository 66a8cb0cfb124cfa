/* What nearly every command of carrel-image begins with: the host, the administrator's policy, the store, the process that unpacks, somebody who draws progress. */
#ifndef CARREL_CLI_IMAGE_CONTEXT_H
#define CARREL_CLI_IMAGE_CONTEXT_H

#include "cli/image_use.h"
#include "image/store.h"
#include "image/store_gc.h"
#include "profile/policy.h"
#include "run/host.h"
#include "util/error.h"

struct unpacker;

struct image_context {
	struct arena arena;
	struct host host;
	struct policy *policy;   /* NULL: there is none */
	struct store store;
	struct store_gc_host gc; /* storage_remove */
	struct unpacker *unpacker; /* NULL: none was started */
	void (*end_unpacker)(struct unpacker *unpacker);
	const struct image_use *use;
};

/* Read host and policy. Everything that follows is undone by image_context_done, also after a failure. */
int image_context_init(struct image_context *context, const struct image_use *use, struct error *err) MUST_CHECK;
void image_context_done(struct image_context *context);
/* For reading: a store that is not there is as an empty one where `may_be_missing` (store.dir is -1 then). */
int image_context_read(struct image_context *context, bool may_be_missing, struct error *err) MUST_CHECK;
/* For writing: made where it is missing, and swept of what others left, in bounded time. */
int image_context_write(struct image_context *context, struct error *err) MUST_CHECK;
/* The process that unpacks, by --userns. Before confine_self. (image_unpacker.c) */
int image_context_unpacker(struct image_context *context, struct error *err) MUST_CHECK;
/* May images come from there (policy.yaml's `images`)? -EPERM with the policy's file and line. */
int image_context_allows(const struct image_context *context, const struct reference *reference, struct error *err) MUST_CHECK;
/* The same for an archive or a directory that is open for reading. What it calls itself proves nothing, so that its path must match, as a squashfs file's does when it is run. */
int image_context_allows_input(const struct image_context *context, int fd, struct error *err) MUST_CHECK;
/* The same for an image of the store that is to get one more name: one that it has already must be allowed. `word` is for the message. */
int image_context_allows_image(struct image_context *context, const char *word, const struct digest *manifest, struct error *err) MUST_CHECK;

/* The usual ends: print the error and give its exit status; complain about a number of words. */
int image_fail(const struct error *err);
int image_usage(const char *command, const char *what_is_wrong);

#endif
