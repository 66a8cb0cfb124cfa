/* From a spec to a BPF program, with libseccomp's names and numbers: the slow path, taken when the cache has no entry. */
#ifndef CARREL_ISOLATE_SECCOMP_COMPILE_H
#define CARREL_ISOLATE_SECCOMP_COMPILE_H

#include "isolate/seccomp.h"

/* The caller frees ret->code. Errors: an unknown call or group, a rule that can never match, a filter that is too long (-E2BIG). */
int seccomp_compile(const struct seccomp_spec *spec, struct seccomp_program *ret, struct error *err) MUST_CHECK;

#endif
