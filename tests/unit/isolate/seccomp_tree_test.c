#include "isolate/seccomp_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "isolate/seccomp_groups.h"
#include "unit/isolate/bpf.h"
#include "util/fd.h"

#define OTHERWISE (SECCOMP_RET_ERRNO | ENOSYS)

TestSuite(seccomp_tree);

static uint32_t ask(const struct seccomp_program *program, uint32_t arch, uint32_t number)
{
	struct seccomp_data data = {.nr = (int)number, .arch = arch};

	return bpf_run(program, &data).result;
}

/* The shapes of tables that matter: how many runs, and how far the jumps. */
static uint32_t all_the_same(size_t number)
{
	return number < 4096 ? SECCOMP_RET_ALLOW : 0;
}

static uint32_t all_otherwise(size_t number)
{
	return number < 4096 ? OTHERWISE : 0;
}

static uint32_t each_different(size_t number)
{
	return SECCOMP_RET_ERRNO | (uint32_t)(number + 100);
}

static uint32_t alternating(size_t number)
{
	return number % 2 ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;
}

static uint32_t in_pairs(size_t number)
{
	return number % 4 < 2 ? SECCOMP_RET_ALLOW : SECCOMP_RET_LOG;
}

static uint32_t only_the_last(size_t number)
{
	return number == 1023 ? SECCOMP_RET_ALLOW : OTHERWISE;
}

Test(seccomp_tree, each_number_gets_its_result)
{
	static const struct {
		const char *name;
		uint32_t (*result)(size_t);
		size_t count;
		unsigned longest; /* instructions */
	} cases[] = {
		{"all the same", all_the_same, 1024, 7},
		{"all as what is beyond", all_otherwise, 1024, 5},
		{"empty", all_the_same, 0, 5},
		{"one", all_the_same, 1, 7},
		{"each different", each_different, 1024, 4096},
		{"alternating", alternating, 1024, 1200},
		{"alternating, odd count", alternating, 1023, 1200},
		{"in pairs", in_pairs, 1000, 2048},
		{"one block", each_different, 63, 131},
		{"two blocks", each_different, 64, 135},
		{"two full blocks", each_different, 127, 262},
		{"only the last", only_the_last, 1024, 9},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_program program;
		uint32_t results[1024];

		for (size_t number = 0; number < cases[i].count; number++)
			results[number] = cases[i].result(number);
		seccomp_tree_build(results, cases[i].count, OTHERWISE, &program);
		cr_expect_leq(program.length, cases[i].longest, "%s: %u instructions", cases[i].name, program.length);
		for (uint32_t number = 0; number < 2048; number++) {
			uint32_t want = number < cases[i].count ? results[number] : OTHERWISE;

			cr_expect_eq(ask(&program, AUDIT_ARCH_X86_64, number), want, "%s: %u", cases[i].name, number);
			cr_expect_eq(ask(&program, AUDIT_ARCH_X86_64, number | 0x40000000), OTHERWISE, "%s: x32 %u", cases[i].name, number);
			cr_expect_eq(ask(&program, AUDIT_ARCH_I386, number), OTHERWISE, "%s: i386 %u", cases[i].name, number);
		}
		cr_expect_eq(ask(&program, AUDIT_ARCH_X86_64, UINT32_MAX), OTHERWISE, "%s: -1", cases[i].name);
		seccomp_done(&program);
	}
}

/* --- libseccomp as the referee --------------------------------------------------------------------------------------------------------------- */

static void allow_call(const char *call, void *context)
{
	int number = seccomp_syscall_resolve_name(call);

	if (number >= 0) /* a second rule for the same call is no error: -EEXIST */
		(void)seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
}

static struct seccomp_program by_libseccomp(const struct seccomp_groups *groups, const char *group)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	cleanup_close int fd = memfd_create("filter", MFD_CLOEXEC);
	char *code = NULL;
	size_t size = 0;

	cr_assert(filter && fd >= 0);
	cr_assert_eq(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)), 0);
	cr_assert_eq(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), 0);
	seccomp_group_visit(groups, seccomp_groups_find(groups, group), allow_call, filter);
	cr_assert_eq(seccomp_export_bpf(filter, fd), 0);
	seccomp_release(filter);
	cr_assert(lseek(fd, 0, SEEK_SET) == 0 && fd_slurp(fd, 1 << 20, &code, &size) == 0);
	return (struct seccomp_program){.code = (struct sock_filter *)(void *)code, .length = (unsigned short)(size / sizeof(struct sock_filter))};
}

Test(seccomp_tree, says_what_libseccomps_tree_says_in_fewer_instructions)
{
	static const struct {
		const char *name;
		unsigned shorter; /* how many times at least */
	} cases[] = {{"@docker-default", 4}, {"@system-service", 4}, {"@file-system", 1}, {"@default", 0}, {"@clock", 0}, {"@privileged", 0}};
	struct seccomp_groups groups;

	cr_assert_eq(seccomp_groups_load("profiles/syscalls/groups.yaml", &groups, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seccomp_name allow = {.name = cases[i].name};
		struct seccomp_spec spec = {.enabled = true, .fallback = {SECCOMP_VERDICT_ERRNO, ENOSYS}, .allow = &allow, .allow_count = 1,
		    .groups_file = "profiles/syscalls/groups.yaml"};
		struct seccomp_program theirs = by_libseccomp(&groups, cases[i].name), ours;

		cr_assert_eq(seccomp_prepare(&spec, &ours, NULL), 0);
		for (uint32_t number = 0; number < 4096; number++) {
			static const uint32_t arches[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64};

			for (size_t k = 0; k < ARRAY_SIZE(arches); k++) {
				cr_expect_eq(ask(&ours, arches[k], number), ask(&theirs, arches[k], number), "%s: %u", cases[i].name, number);
				cr_expect_eq(ask(&ours, arches[k], number | 0x40000000), ask(&theirs, arches[k], number | 0x40000000), "%s: x32 %u", cases[i].name, number);
			}
		}
		cr_expect_leq(ours.length * cases[i].shorter, theirs.length, "%s: %u instructions, libseccomp %u", cases[i].name, ours.length, theirs.length);
		seccomp_done(&ours);
		seccomp_done(&theirs);
	}
	seccomp_groups_done(&groups);
}
