#include "isolate/seccomp_args.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of an argument is loaded from its first four bytes");

enum { CONDITION_MAX = 7 }; /* load, and, compare, for two halves; return */

/* Calls that take an int, or an unsigned long of which only the low half counts, where a 64-bit comparison could be evaded by bits that the
 * kernel throws away. From the SYSCALL_DEFINE lines of Linux 6.18. One bit per argument. */
static const struct {
	const char *call;
	unsigned narrow;
} narrow_args[] = {
	{"ioctl", 1u << 0 | 1u << 1},
	{"clone", 1u << 0}, /* lower_32_bits(clone_flags), kernel/fork.c */
	{"setns", 1u << 0 | 1u << 1},
	{"personality", 1u << 0},
	{"socket", 1u << 0 | 1u << 1 | 1u << 2},
	{"socketpair", 1u << 0 | 1u << 1 | 1u << 2},
	{"setsockopt", 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4},
	{"getsockopt", 1u << 0 | 1u << 1 | 1u << 2},
	{"fcntl", 1u << 0 | 1u << 1},
	{"prctl", 1u << 0},
	{"arch_prctl", 1u << 0},
	{"keyctl", 1u << 0},
	{"bpf", 1u << 0 | 1u << 2},
	{"seccomp", 1u << 0 | 1u << 1},
	{"open", 1u << 1 | 1u << 2},
	{"openat", 1u << 0 | 1u << 2 | 1u << 3},
	{"chmod", 1u << 1},
	{"fchmod", 1u << 0 | 1u << 1},
	{"fchmodat", 1u << 0 | 1u << 2},
	{"mknod", 1u << 1 | 1u << 2},
	{"mknodat", 1u << 0 | 1u << 2 | 1u << 3},
	{"kill", 1u << 0 | 1u << 1},
	{"tgkill", 1u << 0 | 1u << 1 | 1u << 2},
	{"quotactl", 1u << 0},
	{"unlinkat", 1u << 0 | 1u << 2},
	{"memfd_create", 1u << 1},
};

uint64_t seccomp_arg_width(const char *call, unsigned arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(narrow_args); i++) {
		if (strcmp(narrow_args[i].call, call) == 0)
			return narrow_args[i].narrow & (1u << arg) ? UINT32_MAX : UINT64_MAX;
	}
	return UINT64_MAX;
}

static void emit(struct seccomp_program *program, struct sock_filter instruction)
{
	program->code[program->length++] = instruction;
}

/* Compare one half; on a difference skip `skip` instructions after the comparison. */
static void emit_half(struct seccomp_program *program, unsigned offset, uint32_t mask, uint32_t value, unsigned skip)
{
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
	if (mask != UINT32_MAX)
		emit(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)skip));
}

static unsigned half_size(uint32_t mask)
{
	if (!mask)
		return 0;
	return mask == UINT32_MAX ? 2 : 3;
}

static void emit_condition(struct seccomp_program *program, const struct seccomp_condition *condition)
{
	unsigned offset = (unsigned)offsetof(struct seccomp_data, args) + condition->arg * (unsigned)sizeof(uint64_t);
	uint32_t low = (uint32_t)condition->mask, high = (uint32_t)(condition->mask >> 32);

	if (low)
		emit_half(program, offset, low, (uint32_t)condition->value, half_size(high) + 1);
	if (high)
		emit_half(program, offset + 4, high, (uint32_t)(condition->value >> 32), 1);
	emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, condition->result));
}

static void emit_chain(struct seccomp_program *program, const struct seccomp_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		emit_condition(program, &chain->conditions[i]);
	emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, chain->otherwise));
}

int seccomp_args_link(struct seccomp_program *program, const struct seccomp_chain *chains, size_t count)
{
	size_t tree = program->length, total = tree;

	for (size_t k = 0; k < count; k++)
		total += chains[k].count * CONDITION_MAX + 1; /* an upper bound */
	if (total > BPF_MAXINSNS)
		return -E2BIG;
	program->code = mem_resize(program->code, total, sizeof(*program->code));
	for (size_t k = 0; k < count; k++) {
		size_t target = program->length;

		emit_chain(program, &chains[k]);
		for (size_t i = 0; i < tree; i++) {
			struct sock_filter *at = &program->code[i];

			if (at->code == (BPF_RET | BPF_K) && at->k == (SECCOMP_RET_TRACE | (uint32_t)k))
				*at = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(target - i - 1));
		}
	}
	return 0;
}
