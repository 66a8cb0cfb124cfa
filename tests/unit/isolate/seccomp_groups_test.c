#include "isolate/seccomp_groups.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"

#define GROUPS_FILE "profiles/syscalls/groups.yaml"

TestSuite(seccomp_groups);

static void load(struct seccomp_groups *groups)
{
	struct error err = {0};

	cr_assert_eq(seccomp_groups_load(GROUPS_FILE, groups, &err), 0, "%s: %s (%s:%u)", err.what, err.cause, err.file, err.line);
}

static bool is_in_a_group(const struct seccomp_groups *groups, const char *call)
{
	for (size_t i = 0; i < groups->count; i++) {
		for (size_t j = 0; j < groups->groups[i].count; j++) {
			if (strcmp(groups->groups[i].members[j], call) == 0)
				return true;
		}
	}
	return false;
}

Test(seccomp_groups, every_call_that_libseccomp_knows_is_in_a_group)
{
	static const struct {
		const char *name;
		uint32_t arch;
	} cases[] = {{"x86_64", SCMP_ARCH_X86_64}, {"i386", SCMP_ARCH_X86}, {"arm64", SCMP_ARCH_AARCH64}};
	cleanup_buf struct buf missing = {0};
	struct seccomp_groups groups;

	load(&groups);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned seen = 0;

		for (int number = 0; number < 1024; number++) {
			char *call = seccomp_syscall_resolve_num_arch(cases[i].arch, number);

			seen += call != NULL;
			if (call && !is_in_a_group(&groups, call))
				buf_printf(&missing, " %s(%s)", call, cases[i].name);
			free(call);
		}
		cr_expect_gt(seen, 250, "%s: libseccomp's table has only %u calls", cases[i].name, seen);
	}
	cr_expect_eq(missing.size, 0, "in no group of " GROUPS_FILE ":%s", missing.size ? missing.text : "");
	seccomp_groups_done(&groups);
}

Test(seccomp_groups, every_call_of_the_kernel_headers_is_in_a_group)
{
	static const char *const headers[] = {"/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"};
	cleanup_buf struct buf missing = {0};
	struct seccomp_groups groups;
	char line[256], call[128];
	FILE *header = NULL;
	unsigned seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(headers) && !header; i++)
		header = fopen(headers[i], "re");
	if (!header)
		cr_skip_test("no asm/unistd_64.h here");
	load(&groups);
	while (fgets(line, sizeof(line), header)) {
		if (sscanf(line, "#define __NR_%127s ", call) != 1)
			continue;
		seen++;
		if (!is_in_a_group(&groups, call))
			buf_printf(&missing, " %s", call);
	}
	(void)fclose(header);
	cr_expect_gt(seen, 300, "the header has only %u calls", seen);
	cr_expect_eq(missing.size, 0, "in no group of " GROUPS_FILE ":%s", missing.size ? missing.text : "");
	seccomp_groups_done(&groups);
}

Test(seccomp_groups, only_declared_calls_are_unknown_to_libseccomp)
{
	cleanup_buf struct buf unknown = {0};
	const struct seccomp_group *newer;
	struct seccomp_groups groups;

	load(&groups);
	newer = seccomp_groups_find(&groups, SECCOMP_GROUP_NEWER);
	cr_assert_not_null(newer);
	for (size_t i = 0; i < groups.count; i++) {
		for (size_t j = 0; j < groups.groups[i].count; j++) {
			const char *member = groups.groups[i].members[j];

			if (member[0] != '@' && seccomp_syscall_resolve_name(member) == __NR_SCMP_ERROR && !seccomp_group_has(&groups, newer, member))
				buf_printf(&unknown, " %s in %s", member, groups.groups[i].name);
		}
	}
	cr_expect_eq(unknown.size, 0, "no libseccomp knows, and " SECCOMP_GROUP_NEWER " does not list:%s", unknown.size ? unknown.text : "");
	seccomp_groups_done(&groups);
}

Test(seccomp_groups, systemds_groups_are_there_and_mean_the_same)
{
	static const struct {
		const char *group, *has, *lacks;
	} cases[] = {
		{"@aio", "io_submit", "read"},
		{"@basic-io", "read", "open"},
		{"@chown", "fchownat", "chmod"},
		{"@clock", "clock_settime", "clock_gettime"},
		{"@cpu-emulation", "modify_ldt", "ptrace"},
		{"@debug", "ptrace", "kill"},
		{"@default", "exit_group", "ptrace"},
		{"@file-system", "openat", "mount"},
		{"@io-event", "epoll_wait", "read"},
		{"@ipc", "shmget", "socket"},
		{"@keyring", "keyctl", "ioctl"},
		{"@memlock", "mlockall", "mmap"},
		{"@module", "finit_module", "mount"},
		{"@mount", "pivot_root", "chdir"},
		{"@network-io", "socket", "read"},
		{"@obsolete", "uselib", "open"},
		{"@pkey", "pkey_alloc", "mprotect"},
		{"@privileged", "init_module", "read"}, /* through @module */
		{"@process", "clone3", "ptrace"},
		{"@raw-io", "iopl", "ioctl"},
		{"@reboot", "kexec_load", "kill"},
		{"@resources", "setpriority", "getpriority"},
		{"@sandbox", "seccomp", "chroot"},
		{"@setuid", "setresuid", "getuid"},
		{"@signal", "rt_sigaction", "kill"},
		{"@swap", "swapon", "mount"},
		{"@sync", "fsync", "write"},
		{"@system-service", "openat", "mount"},
		{"@timer", "timerfd_create", "nanosleep"},
		{"@docker-default", "ptrace", "keyctl"},
		{"@docker-default", "openat2", "mount"},
		{"@docker-default", "fork", "clone3"},
		{"@docker-default", "fork", "clone"},
		{"@docker-default", "splice", "io_uring_setup"},
		{"@docker-default", "seccomp", "bpf"},
		{"@docker-default", "prctl", "unshare"},
		{"@docker-default", "capset", "setns"},
		{"@docker-default", "name_to_handle_at", "open_by_handle_at"},
		{"@docker-default", "madvise", "userfaultfd"},
		{"@docker-default", "statmount", "perf_event_open"},
	};
	struct seccomp_groups groups;

	load(&groups);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct seccomp_group *group = seccomp_groups_find(&groups, cases[i].group);

		cr_expect_not_null(group, "%s is missing", cases[i].group);
		if (!group)
			continue;
		cr_expect(seccomp_group_has(&groups, group, cases[i].has), "%s lacks %s", cases[i].group, cases[i].has);
		cr_expect_not(seccomp_group_has(&groups, group, cases[i].lacks), "%s has %s", cases[i].group, cases[i].lacks);
	}
	cr_expect_null(seccomp_groups_find(&groups, "@nonsense"));
	seccomp_groups_done(&groups);
}

Test(seccomp_groups, a_file_of_another_shape_is_refused)
{
	static const struct {
		const char *name, *text;
		int result;
		unsigned line;
	} cases[] = {
		{"good", "\"@a\": [read, \"@b\"]\n\"@b\": [write]\n", 0, 0},
		{"empty", "", -EINVAL, 0},
		{"a list at the top", "- read\n", -EINVAL, 1},
		{"a name without @", "a: [read]\n", -EINVAL, 1},
		{"no list", "\"@a\": read\n", -EINVAL, 1},
		{"a list in the list", "\"@a\":\n  [read,\n   [write]]\n", -EINVAL, 3},
		{"twice", "\"@a\": [read]\n\"@a\": [write]\n", -EINVAL, 2},
		{"the built-in one", "\"@known\": [read]\n", -EINVAL, 1},
		{"an unknown member group", "\"@a\": [\"@c\"]\n", -EINVAL, 0},
		{"itself", "\"@a\": [\"@a\"]\n", -EINVAL, 0},
		{"a ring", "\"@a\": [\"@b\"]\n\"@b\": [\"@c\"]\n\"@c\": [\"@a\"]\n", -EINVAL, 0},
		{"an alias", "\"@a\": &x [read]\n\"@b\": *x\n", -EINVAL, 2},
		{"not YAML", "\"@a\": [read\n", -EINVAL, 0},
		{"binary", "\x01\x02", -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[] = "/tmp/carrel-groups-XXXXXX";
		cleanup_close int fd = mkstemp(path);
		struct seccomp_groups groups = {0};
		struct error err = {0};
		int r;

		cr_assert_eq(fd_write_all(fd, cases[i].text, strlen(cases[i].text)), 0);
		r = seccomp_groups_load(path, &groups, &err);
		cr_expect_eq(r, cases[i].result, "%s: %d", cases[i].name, r);
		cr_expect_eq(err.code, -cases[i].result, "%s: the error says %d", cases[i].name, err.code);
		if (cases[i].line)
			cr_expect_eq(err.line, cases[i].line, "%s: line %u", cases[i].name, err.line);
		seccomp_groups_done(&groups);
		(void)unlink(path);
	}
}

Test(seccomp_groups, a_missing_file_says_so)
{
	struct seccomp_groups groups;
	struct error err = {0};

	cr_expect_eq(seccomp_groups_load("/nonexistent/groups.yaml", &groups, &err), -ENOENT);
	cr_expect(strstr(err.what, "/nonexistent/groups.yaml") != NULL);
	cr_expect_neq(err.hint[0], 0);
}
