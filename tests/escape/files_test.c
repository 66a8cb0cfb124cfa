/* Files: of the kernel, of init, of the host; descriptors and the working directory. */
#include "escape/cases.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

HARNESS_SUITE(escape_files);

#define NO_COVER OFF(PRIVILEGED), WEAK("cover,landlock")

static const struct escape_case kernel[] = {
	{"keys", TRY("files", "read", "/proc/keys"), BLOCKED("empty"), NO_COVER, OPEN("done")},
	{"timers", TRY("files", "read", "/proc/timer_list"), BLOCKED("EACCES")},
	{"firmware", TRY("files", "list", "/sys/firmware"), BLOCKED("empty"), NO_COVER, OPEN("done")},
	{"kernel log", TRY("files", "read", "/dev/kmsg"), BLOCKED("ENOENT")},
	{"disks", TRY("files", "read", "/dev/vda"), BLOCKED("ENOENT")},
	{"kernel settings", TRY("files", "writable-below", "/proc/sys"), ON(PRIVILEGED), BLOCKED("none")},
	{"kernel settings of files", TRY("files", "writable-below", "/proc/sys/fs"), ON(PRIVILEGED), BLOCKED("none"), NO_COVER, OPEN("/proc/sys/fs/mqueue/msg_default"), LACKING_BEFORE(6, "none")},
	{"sysrq and the rest of /proc", TRY("files", "writable-below", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi"), BLOCKED("none")},
	{"sysfs", TRY("files", "writable-below", "/sys"), ON(PRIVILEGED), BLOCKED("none"), OFF(PRIVILEGED), WEAK("readonly,landlock"), OPEN("/sys/devices/virtual/net/lo/uevent"), LACKING_BEFORE(6, "none")},
	{"control groups", TRY("files", "writable-below", "/sys/fs/cgroup"), ON(PRIVILEGED), BLOCKED("none")},
	{"control groups, host network", TRY("files", "writable-below", "/sys/fs/cgroup"), ON(PRIVILEGED, "--network", "host"), BLOCKED("none")},
	{"the system", TRY("files", "create", "/etc/carrel-escape"), BLOCKED("EROFS"), OFF("--set", "filesystem.writes=discard"), OPEN("done")},
	{"the system, root", TRY("files", "create", "/usr/carrel-escape"), ON("-u", "root"), BLOCKED("EROFS"), OFF("-u", "root", "--set", "filesystem.writes=discard"), OPEN("done")},
};

Test(escape_files, of_the_kernel)
{
	escape_table(kernel, ARRAY_SIZE(kernel));
}

/* Where the kernel has it (CONFIG_PROC_KCORE) it belongs to the host's root and is closed to everybody else, so that there is nothing to cover; where not, it
 * must not be there either. */
Test(escape_files, kernel_memory)
{
	const char *says = access("/proc/kcore", F_OK) == 0 ? "EACCES" : "ENOENT";
	const struct escape_case rows[] = {
		{"kernel memory", TRY("files", "read", "/proc/kcore"), BLOCKED(says)},
		{"kernel memory, all rights", TRY("files", "read", "/proc/kcore"), ON(PRIVILEGED), BLOCKED(says)},
		{"kernel memory, root of an image", TRY("files", "read", "/proc/kcore"), ON("-u", "root", "--cap-add", "DAC_OVERRIDE", "--cap-add", "SYS_RAWIO"), BLOCKED(says)},
	};

	escape_table(rows, ARRAY_SIZE(rows));
}

/* Init's memory is the launcher's: the whole environment of the caller, with its secrets, stands in it. */
#define TRACEABLE ON(PRIVILEGED), BLOCKED("EACCES"), WEAK("dumpable"), OPEN("done")
static const struct escape_case init[] = {
	{"environment", TRY("files", "read", "/proc/1/environ"), BLOCKED("EACCES")},
	{"environment, all rights", TRY("files", "read", "/proc/1/environ"), TRACEABLE},
	{"environment, root of an image", TRY("files", "read", "/proc/1/environ"), ON("-u", "root", "--cap-add", "CAP_SYS_PTRACE"), BLOCKED("EACCES"),
	    OFF("-u", "root", "--cap-add", "CAP_SYS_PTRACE"), WEAK("dumpable,landlock"), OPEN("done")},
	{"memory", TRY("files", "write", "/proc/1/mem"), TRACEABLE},
	{"memory map", TRY("files", "read", "/proc/1/maps"), TRACEABLE},
	{"auxiliary vector", TRY("files", "read", "/proc/1/auxv"), TRACEABLE},
	{"descriptors", TRY("files", "list", "/proc/1/fd"), TRACEABLE},
	{"descriptors of a thread", TRY("files", "list", "/proc/1/task/1/fd"), TRACEABLE},
	{"root", TRY("files", "list", "/proc/1/root"), TRACEABLE},
	{"id map", TRY("files", "write", "/proc/1/uid_map"), TRACEABLE},
	{"program", TRY("files", "read", "/proc/1/exe"), TRACEABLE},
	{"program, to overwrite (CVE-2019-5736)", TRY("files", "write", "/proc/1/exe"), ON(PRIVILEGED), BLOCKED("EACCES")},
	{"every program", TRY("files", "executables"), ON(PRIVILEGED), BLOCKED("0")},
	{"command line", TRY("files", "show", "/proc/1/cmdline"), ON("-e", "TOKEN=hunter2"), BLOCKED("carrel")},
};

Test(escape_files, of_init)
{
	escape_table(init, ARRAY_SIZE(init));
}

/* CVE-2025-31133 and kin: what the root brings along must not stand for a device or for /proc. */
Test(escape_files, fakes_in_the_root)
{
	const char *root = harness_path("fake");
	const char *make = "set -e; mkdir -p \"$1\"/dev \"$1\"/proc/sys/kernel \"$1\"/sys/kernel \"$1\"/tmp \"$1\"/etc; echo evil >\"$1\"/dev/null; ln -s /etc \"$1\"/dev/zero;"
			   "ln -s /tmp \"$1\"/dev/pts; echo evil >\"$1\"/proc/kcore; echo evil >\"$1\"/proc/sys/kernel/core_pattern; ln -s /etc \"$1\"/dev/shm; ln -s ../.. \"$1\"/etc/up";
	struct harness_result made = harness_run(&(const struct harness_run){.program = "/bin/sh", ARGV("-c", make, "sh", root)});
	const struct escape_case rows[] = {
		{"/dev/null", TRY("files", "type", "/dev/null"), ON("--rootfs", root), BLOCKED("device 1:3")},
		{"/dev/zero", TRY("files", "type", "/dev/zero"), ON("--rootfs", root), BLOCKED("device 1:5")},
		{"/dev/pts", TRY("files", "type", "/dev/pts"), ON("--rootfs", root), BLOCKED("directory")},
		{"/proc is the kernel's", TRY("files", "read", "/proc/self/stat"), ON("--rootfs", root), BLOCKED("done")},
		{"/proc/keys", TRY("files", "read", "/proc/keys"), ON("--rootfs", root), BLOCKED("empty")},
		{"/proc/sys", TRY("files", "writable-below", "/proc/sys"), ON("--rootfs", root), BLOCKED("none")},
		{"/sys", TRY("files", "writable-below", "/sys"), ON("--rootfs", root), BLOCKED("none")},
		{"up and out", TRY("files", "read", "/etc/up/../../etc/passwd"), ON("--rootfs", root), BLOCKED("ENOENT")},
	};

	cr_assert_eq(made.status, 0, "%s", made.err);
	harness_done(&made);
	escape_table(rows, ARRAY_SIZE(rows));
}

/* A symlink where a system directory should be: it is followed inside the root, or refused, and never out of it. */
Test(escape_files, system_directories_as_symlinks)
{
	static const char *const names[] = {"proc", "sys", "dev", "tmp", "run"};
	const char *outside = harness_path("outside");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *root = harness_path("link-%s", names[i]), *script = "mkdir -p \"$1/etc\" \"$3\" && ln -s \"$3\" \"$1/$2\"";
		struct harness_result result = harness_run(&(const struct harness_run){.program = "/bin/sh", ARGV("-c", script, "sh", root, names[i], outside)});

		harness_done(&result);
		(void)ESCAPE_TRY(WORDS("--rootfs", root, "--set", "filesystem.writes=discard"), "files", "put", "/tmp/mark", "x");
		result = harness_run(&(const struct harness_run){.program = "/bin/ls", ARGV("-A", outside)});
		cr_expect_str_eq(result.out, "", "/%s as a symlink: the host has %s", names[i], result.out);
		harness_done(&result);
	}
}

/* --- descriptors and the working directory --- */

/* Criterion has descriptors of its own in that range, so a shell opens them. */
static const char *with_many_open(const char *program, const char *weak, const struct escape_run *run)
{
	static const char script[] = "for ((i = 3; i <= 200; i++)); do eval \"exec $i</\"; done; exec \"$@\"";
	const char *const *words = escape_argv(run);
	const char *argv[128] = {"-c", script, "sh", program};
	const char *const env[] = {escape_text("CARREL_WEAK=%s", weak ? weak : ""), NULL};
	struct harness_result result;
	static char said[128];

	harness_requires_program("bash");
	for (size_t i = 0; words[i] && i < 100; i++)
		argv[i + 4] = words[i];
	result = harness_run(&(const struct harness_run){.program = "/bin/bash", .argv = argv, .env = env});
	(void)snprintf(said, sizeof(said), "%.*s", (int)strcspn(result.out, "\n"), result.out[0] ? result.out : result.err);
	harness_done(&result);
	return said;
}

#define DESCRIPTORS(...) &(const struct escape_run){.options = WORDS(__VA_ARGS__), .attack = WORDS("files", "descriptors")}

Test(escape_files, descriptors_stay_outside)
{
	const char *said = with_many_open(harness_program(), NULL, DESCRIPTORS(NULL));

	cr_expect_str_eq(said, "none", "open inside: %s", said);
	said = with_many_open(harness_program(), NULL, DESCRIPTORS("--preserve-fds", "5,7-8"));
	cr_expect_str_eq(said, "5 7 8", "open inside: %s", said);
	/* Nor do those of carrel's own: the report, the trace, the channel, the guard's socket, the terminal. */
	said = with_many_open(harness_program(), NULL, DESCRIPTORS("--report", "7", "--trace-startup", "-t", "--set", "filesystem.protect=[\"$PWD/absent\"]"));
	cr_expect(strncmp(said, "none", 4) == 0, "open inside: %s", said);
	said = with_many_open(escape_weak_program(), "close_range", DESCRIPTORS(NULL));
	cr_expect(strstr(said, "3 4 5 6 7 8 9 10 11"), "the check does not bite: %s", said);
}

/* A number that is free outside would be that of a descriptor of carrel's own. */
Test(escape_files, descriptors_that_are_not_open)
{
	for (int fd = 3; fd < 24; fd++) {
		const char *said = ESCAPE_TRY(WORDS("--preserve-fds", escape_text("%d", fd)), "files", "descriptors");

		cr_expect(strstr(said, "cannot hand descriptor"), "descriptor %d: %s", fd, said);
	}
}

static const struct escape_case climbing[] = {
	{"from the working directory", TRY("files", "climb"), BLOCKED("inside")},
	{"from a process's directory", TRY("files", "climb"), ON("-w", "/proc/self/cwd"),
	    BLOCKED("carrel: cannot enter '/proc/self/cwd' in the sandbox: Too many levels of symbolic links")},
	{"from init's root", TRY("files", "climb"), ON("-w", "/proc/1/root"), BLOCKED("carrel: cannot enter '/proc/1/root' in the sandbox: Permission denied")},
	{"from above the root", TRY("files", "climb"), ON("-w", "/../../.."), BLOCKED("inside")},
};

/* CVE-2024-21626: the working directory by way of a descriptor of the runtime. */
Test(escape_files, working_directory)
{
	int outside = 0;

	escape_table(climbing, ARRAY_SIZE(climbing));
	for (int fd = 3; fd < 20; fd++) {
		const char *dir = escape_text("/proc/self/fd/%d", fd);
		struct escape_run run = {.options = WORDS("-w", dir, "--set", "filesystem.writes=discard"), .attack = WORDS("files", "climb")};
		const char *said = escape_try(&run, NULL);

		cr_expect(strstr(said, "cannot enter"), "%s: %s", dir, said);
		run.weak = "inside,close_range";
		said = escape_try(&run, NULL);
		outside += !strcmp(said, "done") || !strcmp(said, "outside");
	}
	cr_expect(outside > 0, "the check does not bite");
}

Test(escape_files, network_devices_are_its_own)
{
	struct if_nameindex *devices = if_nameindex();

	for (size_t i = 0; devices && devices[i].if_index; i++) {
		const char *path = escape_text("/sys/class/net/%s", devices[i].if_name);
		const struct escape_case row = {devices[i].if_name, TRY("files", "list", path), BLOCKED("ENOENT"), OFF("--network", "host"), OPEN("done")};

		if (strcmp(devices[i].if_name, "lo") != 0)
			escape_table(&row, 1);
	}
	if_freenameindex(devices);
}
