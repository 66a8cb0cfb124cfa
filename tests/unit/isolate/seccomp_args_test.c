#include "isolate/seccomp_args.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/seccomp.h>

#include "unit/isolate/bpf.h"

TestSuite(seccomp_args);

Test(seccomp_args, widths)
{
	static const struct {
		const char *call;
		unsigned arg;
		uint64_t width;
	} cases[] = {
		{"ioctl", 0, UINT32_MAX},
		{"ioctl", 1, UINT32_MAX},
		{"ioctl", 2, UINT64_MAX}, /* often a pointer */
		{"clone", 0, UINT32_MAX},
		{"clone", 1, UINT64_MAX},
		{"personality", 0, UINT32_MAX},
		{"socket", 2, UINT32_MAX},
		{"prctl", 0, UINT32_MAX},
		{"prctl", 1, UINT64_MAX},
		{"unshare", 0, UINT64_MAX}, /* the kernel refuses high bits itself */
		{"mmap", 0, UINT64_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(seccomp_arg_width(cases[i].call, cases[i].arg), cases[i].width, "%s, argument %u", cases[i].call, cases[i].arg);
}

static struct seccomp_program returns(const uint32_t *results, size_t count)
{
	struct seccomp_program program = {.code = mem_alloc(count * sizeof(*program.code)), .length = (unsigned short)count};

	for (size_t i = 0; i < count; i++)
		program.code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, results[i]);
	return program;
}

Test(seccomp_args, every_return_of_a_chain_becomes_a_jump_to_it)
{
	static const uint32_t results[] = {SECCOMP_RET_TRACE | 1, SECCOMP_RET_ALLOW, SECCOMP_RET_TRACE | 0, SECCOMP_RET_TRACE | 1, SECCOMP_RET_TRACE | 2};
	struct seccomp_condition condition = {.arg = 3, .mask = UINT64_MAX, .value = UINT64_C(7) << 32 | 9, .result = SECCOMP_RET_ERRNO | EIO};
	struct seccomp_chain chains[] = {{.otherwise = SECCOMP_RET_LOG}, {&condition, 1, SECCOMP_RET_ALLOW}};
	static const struct {
		const char *name;
		unsigned short start;
		uint64_t arg;
		uint32_t result;
	} cases[] = {
		{"first return, matching", 0, UINT64_C(7) << 32 | 9, SECCOMP_RET_ERRNO | EIO},
		{"first return, low half", 0, 9, SECCOMP_RET_ALLOW},
		{"first return, high half", 0, UINT64_C(7) << 32, SECCOMP_RET_ALLOW},
		{"no chain", 1, 0, SECCOMP_RET_ALLOW},
		{"a chain without conditions", 2, 0, SECCOMP_RET_LOG},
		{"second return", 3, UINT64_C(7) << 32 | 9, SECCOMP_RET_ERRNO | EIO},
		{"a number without a chain stays", 4, 0, SECCOMP_RET_TRACE | 2},
	};
	struct seccomp_program program = returns(results, ARRAY_SIZE(results));

	cr_assert_eq(seccomp_args_link(&program, chains, ARRAY_SIZE(chains)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_program from = {.code = program.code + cases[i].start, .length = (unsigned short)(program.length - cases[i].start)};
		struct seccomp_data data = {.args = {[3] = cases[i].arg}};

		cr_expect_eq(bpf_run(&from, &data).result, cases[i].result, "%s: %#x", cases[i].name, bpf_run(&from, &data).result);
	}
	seccomp_done(&program);
}

Test(seccomp_args, what_the_kernel_would_not_take_is_refused)
{
	static const uint32_t result = SECCOMP_RET_TRACE;
	static struct seccomp_condition conditions[BPF_MAXINSNS];
	struct seccomp_chain chain = {conditions, ARRAY_SIZE(conditions), SECCOMP_RET_ALLOW};
	struct seccomp_program program = returns(&result, 1);

	cr_expect_eq(seccomp_args_link(&program, &chain, 1), -E2BIG);
	cr_expect_eq(program.length, 1, "untouched");
	seccomp_done(&program);
}
