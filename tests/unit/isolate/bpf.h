/* A filter run in the test's own hands, so that calls can be asked about that no test could make. */
#ifndef CARREL_TESTS_ISOLATE_BPF_H
#define CARREL_TESTS_ISOLATE_BPF_H

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "isolate/seccomp.h"

struct bpf_outcome {
	uint32_t result;   /* SECCOMP_RET_…; BPF_BROKEN when the program is not one that we expect */
	bool looked_at_args;
};

#define BPF_BROKEN 0xdeadbeefu

static inline bool bpf_compare(const struct sock_filter *at, uint32_t a)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ:
		return a == at->k;
	case BPF_JGT:
		return a > at->k;
	case BPF_JGE:
		return a >= at->k;
	default: /* BPF_JSET */
		return (a & at->k) != 0;
	}
}

static inline struct bpf_outcome bpf_run(const struct seccomp_program *program, const struct seccomp_data *data)
{
	struct bpf_outcome outcome = {.result = BPF_BROKEN};
	uint32_t a = 0;

	for (size_t pc = 0; pc < program->length; pc++) {
		const struct sock_filter *at = &program->code[pc];

		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (at->k % 4 || at->k + 4 > sizeof(*data))
				return outcome;
			outcome.looked_at_args |= at->k >= offsetof(struct seccomp_data, args);
			memcpy(&a, (const char *)data + at->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= at->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += at->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += bpf_compare(at, a) ? at->jt : at->jf;
			break;
		case BPF_RET | BPF_K:
			outcome.result = at->k;
			return outcome;
		default:
			return outcome;
		}
	}
	return outcome;
}

#endif
