/* Rules on the arguments of a call, as BPF behind the tree of seccomp_tree.h.
 *
 * libseccomp gives several rules of one call no order: one without arguments swallows those with (seccomp_rule_add(3)), a rule may not have the default's
 * action, and the complement of a masked comparison needs a rule per bit. So the tree only dispatches by number: a call with rules has the result "trace k",
 * which nothing else uses here, and each such return is replaced, instruction for instruction, by a jump to a chain of comparisons in order, first match wins.
 */
#ifndef CARREL_ISOLATE_SECCOMP_ARGS_H
#define CARREL_ISOLATE_SECCOMP_ARGS_H

#include "isolate/seccomp.h"

struct seccomp_condition { /* return `result` when (args[arg] & mask) == value */
	unsigned arg;
	uint64_t mask, value;
	uint32_t result; /* SECCOMP_RET_… with its data */
};

struct seccomp_chain {
	struct seccomp_condition *conditions;
	size_t count;
	uint32_t otherwise;
};

/* The bits of the argument that the kernel looks at: the low 32 where it takes an int, such as ioctl's request (CVE-2019-10063), else all. */
uint64_t seccomp_arg_width(const char *call, unsigned arg);

/* Replace every `return trace k` in the program by chain k. -E2BIG: longer than the kernel takes (BPF_MAXINSNS). */
int seccomp_args_link(struct seccomp_program *program, const struct seccomp_chain *chains, size_t count) MUST_CHECK;

#endif
