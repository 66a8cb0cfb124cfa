/* The policy of this machine's administrator for everybody who runs carrel: ceilings, keys that must be set, and what may be chosen.
 *
 * The file is read at every start, by the same code as a profile, from one place that nothing but the build changes. What is wrong with it, with
 * its owner or its mode, is an error: then nothing runs. It binds those who use this carrel; who brings another program is not bound
 * (SECURITY.md says what binds them, too).
 */
#ifndef CARREL_PROFILE_POLICY_H
#define CARREL_PROFILE_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "profile/profile.h"
#include "profile/schema.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/mem.h"

#ifndef CARREL_SYSCONFDIR
#define CARREL_SYSCONFDIR "/etc"
#endif
#define POLICY_FILE CARREL_SYSCONFDIR "/carrel/policy.yaml"

/* A list whose `at.file` is NULL was not given and allows everything. */
struct policy {
	struct arena arena;
	const char *file;
	struct { /* of the profile's resources with the same name; v -1: none */
		struct number_value memory, memory_high, swap, cpus, tasks, timeout, cpu_time, open_files, file_size, scratch, output;
	} ceilings;
	struct text_list require;  /* guarantees */
	struct text_list keys;     /* profile keys that somebody must set */
	struct text_list network;  /* allowed network.mode */
	struct text_list profiles; /* allowed: names, and patterns of paths */
	struct text_list images;   /* allowed: patterns of references */
	struct text_list mirrors;  /* of docker.io: asked first, in this order */
	struct text_value message;
};

/* The keys of a policy, in the form of the profile's table, from which types, ranges and words are taken. */
const struct schema_key *policy_table(void) __attribute__((returns_nonnull));

/* An absent file gives 0 and *ret == NULL. One that cannot be read, is no regular file, belongs to another than root or can be written by
 * others is an error. `path` is kept; the caller frees. */
int policy_load(const char *path, struct policy **ret, struct error *err) MUST_CHECK;
/* The same for a text. */
int policy_parse(const char *text, size_t size, const char *file, struct policy **ret, struct error *err) MUST_CHECK;
void policy_free(struct policy *policy);

/* Lay the policy over a profile that is complete, with what the command line said: refuse what it does not allow (-EPERM), then set the ceilings
 * that the profile leaves open, and add to what it requires. The places of what was set are the policy's lines; the profile owns copies. */
int policy_apply(const struct policy *policy, const struct profile_path *path, struct profile *profile, struct error *err) MUST_CHECK;

/* Is a limit that no profile key says (--ulimit) below the ceiling of this key ("resources.open_files")? `value` in the key's unit, INT64_MAX for
 * no limit; `what` is how it was written. */
int policy_check_limit(const struct policy *policy, const char *key, int64_t value, const char *what, const struct origin *at, struct error *err) MUST_CHECK;

/* May an image come from there? `reference` in full: registry/repository:tag. */
bool policy_allows_image(const struct policy *policy, const char *reference);

/* In one line: "ceilings memory 16G, cpus 4; network none, nat". "" for a policy without a rule. */
void policy_describe(const struct policy *policy, struct buf *out);

#endif
