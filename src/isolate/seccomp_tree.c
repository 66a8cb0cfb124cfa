#include "isolate/seccomp_tree.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "util/mem.h"

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH_ is this machine's, and has its table numbers that another ABI shares?"
#endif

enum { JUMP_MAX = UINT8_MAX, PER_RUN = 3, PROLOGUE = 4 };

struct run { /* the numbers from `first` to the next run's */
	uint32_t first, result;
};

static size_t find_runs(const uint32_t *results, size_t count, uint32_t otherwise, struct run *runs)
{
	size_t found = 0;

	for (size_t number = 0; number <= count; number++) {
		uint32_t result = number < count ? results[number] : otherwise;

		if (found && runs[found - 1].result == result)
			continue;
		runs[found++] = (struct run){.first = (uint32_t)number, .result = result};
	}
	return found;
}

static void emit(struct seccomp_program *program, struct sock_filter instruction)
{
	program->code[program->length++] = instruction;
}

/* The numbers of runs[0…count), with the number in the accumulator. Depth: the logarithm of the count. */
static void emit_runs(struct seccomp_program *program, const struct run *runs, size_t count)
{
	size_t half = count / 2;

	if (count == 1) {
		emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, runs[0].result));
		return;
	}
	size_t at = program->length;
	/* The lower half has at most PER_RUN instructions per run. Where that may be too far for a conditional jump, it jumps over a long one. */
	bool is_far = half * PER_RUN > JUMP_MAX;
	program->length = (unsigned short)(program->length + (is_far ? 2 : 1));
	size_t lower = program->length;
	emit_runs(program, runs, half);
	uint32_t skip = (uint32_t)(program->length - lower);
	if (is_far) {
		program->code[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, runs[half].first, 0, 1);
		program->code[at + 1] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, skip);
	} else {
		program->code[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, runs[half].first, (uint8_t)skip, 0);
	}
	emit_runs(program, runs + half, count - half);
}

void seccomp_tree_build(const uint32_t *results, size_t count, uint32_t otherwise, struct seccomp_program *ret)
{
	cleanup_free struct run *runs = mem_alloc((count + 1) * sizeof(*runs));
	size_t run_count = find_runs(results, count, otherwise, runs);
	struct seccomp_program program = {.code = mem_alloc((run_count * PER_RUN + PROLOGUE) * sizeof(*program.code))};

	emit(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	emit(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
	emit(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise));
	emit(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	emit_runs(&program, runs, run_count);
	*ret = program;
}
