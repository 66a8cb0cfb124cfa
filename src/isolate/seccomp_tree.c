#include "isolate/seccomp_tree.h"

#include <linux/seccomp.h>

#include "util/mem.h"

/* A conditional jump reaches 255 instructions. A block of runs has its comparisons first and then each result once, so that nothing in it is further away than
 * twice its runs; blocks are told apart by long jumps. */
enum { BLOCK_RUNS = 64, PER_RUN = 3, PROLOGUE = 4 };

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

/* A branch that ends in a result, to be led to it when the block's results have their places. */
struct leaf {
	uint8_t *jump;
	size_t at, result;
};

struct block {
	struct seccomp_program *program;
	struct leaf leaves[BLOCK_RUNS];
	uint32_t results[BLOCK_RUNS];
	size_t leaf_count, result_count;
};

static void add_leaf(struct block *block, uint8_t *jump, size_t at, uint32_t result)
{
	size_t i = 0;

	while (i < block->result_count && block->results[i] != result)
		i++;
	if (i == block->result_count)
		block->results[block->result_count++] = result;
	block->leaves[block->leaf_count++] = (struct leaf){.jump = jump, .at = at, .result = i};
}

/* Two runs or more. Depth: the logarithm of their count. */
static void emit_comparisons(struct block *block, const struct run *runs, size_t count)
{
	struct seccomp_program *program = block->program;
	size_t half = count / 2, at = program->length;
	struct sock_filter *node = &program->code[at];

	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, runs[half].first, 0, 0));
	if (half == 1)
		add_leaf(block, &node->jf, at, runs[0].result);
	else
		emit_comparisons(block, runs, half); /* the next instruction: jf is 0 */
	if (count - half == 1) {
		add_leaf(block, &node->jt, at, runs[half].result);
		return;
	}
	node->jt = (uint8_t)(program->length - at - 1);
	emit_comparisons(block, runs + half, count - half);
}

static void emit_block(struct seccomp_program *program, const struct run *runs, size_t count)
{
	struct block block = {.program = program};

	if (count == 1) {
		emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, runs[0].result));
		return;
	}
	emit_comparisons(&block, runs, count);
	for (size_t i = 0; i < block.leaf_count; i++)
		*block.leaves[i].jump = (uint8_t)(program->length + block.leaves[i].result - block.leaves[i].at - 1);
	for (size_t i = 0; i < block.result_count; i++)
		emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, block.results[i]));
}

/* The results of runs[0…count), with the number in the accumulator. */
static void emit_runs(struct seccomp_program *program, const struct run *runs, size_t count)
{
	size_t half = count / 2, jump;

	if (count <= BLOCK_RUNS) {
		emit_block(program, runs, count);
		return;
	}
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, runs[half].first, 0, 1));
	jump = program->length;
	emit(program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	emit_runs(program, runs, half);
	program->code[jump].k = (uint32_t)(program->length - jump - 1);
	emit_runs(program, runs + half, count - half);
}

void seccomp_tree_build(const uint32_t *results, size_t count, uint32_t otherwise, struct seccomp_program *ret)
{
	cleanup_free struct run *runs = mem_alloc((count + 1) * sizeof(*runs));
	size_t run_count = find_runs(results, count, otherwise, runs);
	struct seccomp_program program = {.code = mem_alloc((run_count * PER_RUN + PROLOGUE) * sizeof(*program.code))};

	emit(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	emit(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_TREE_ARCH, 1, 0));
	emit(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise));
	emit(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	emit_runs(&program, runs, run_count);
	*ret = program;
}
