/* Why a filter answers a call as it does: the same decision as the compiler's (seccomp_compile.h), made once more for a single call, with the entry
 * of the profile that made it. Slow (the groups are read): for telling people, after the fact.
 */
#ifndef CARREL_ISOLATE_SECCOMP_EXPLAIN_H
#define CARREL_ISOLATE_SECCOMP_EXPLAIN_H

#include "isolate/seccomp.h"

enum { SECCOMP_CALL_NAME = 32 };

struct seccomp_reason {
	char call[SECCOMP_CALL_NAME]; /* "swapon"; "call 512" where libseccomp has no name for it */
	const char *entry;            /* as the profile has it: "swapon" or "@swap"; NULL: no entry, the fallback decided. The spec's own. */
	struct origin at;             /* of the entry, or of the fallback */
	struct seccomp_action action;
};

/* Which entry decides about this call of this machine's own ABI. -ENOENT and so on where the groups cannot be read; ret->call is filled even then. */
int seccomp_explain(const struct seccomp_spec *spec, int number, const uint64_t args[6], struct seccomp_reason *ret) MUST_CHECK;

/* What the profile answers with kill, for people: "swapon (web.yaml:12), @reboot (web.yaml:13)"; cut with "…" where it does not fit. Empty: nothing. */
void seccomp_explain_kills(const struct seccomp_spec *spec, char *buffer, size_t size);

#endif
