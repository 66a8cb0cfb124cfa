/* Resource limits of the calling process (getrlimit(2)). */
#ifndef CARREL_ISOLATE_RLIMIT_H
#define CARREL_ISOLATE_RLIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct rlimit_entry {
	int resource;          /* RLIMIT_NOFILE … */
	uint64_t soft, hard;   /* RLIM_INFINITY as UINT64_MAX */
	const char *key;       /* "resources.open_files", for messages */
	struct origin at;
};

/* "nofile" (Docker's --ulimit names) → RLIMIT_NOFILE; -EINVAL. */
int rlimit_parse(const char *name, int *ret_resource) MUST_CHECK;
/* Docker's "nofile=1024:2048" or "core=0", "-1" or "unlimited" for no limit. -EINVAL, -ERANGE. */
int rlimit_parse_ulimit(const char *text, struct rlimit_entry *ret) MUST_CHECK;
/* Pure: would lowering to these work here? A hard limit above our own hard limit is an error that says both numbers and the line. */
int rlimit_check(const struct rlimit_entry *entries, size_t count, struct error *err) MUST_CHECK;
int rlimit_apply(const struct rlimit_entry *entries, size_t count, struct error *err) MUST_CHECK;

#endif
