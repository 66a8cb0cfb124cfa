/* System calls. Where the row's last word is EPERM and not "done", the kernel itself stands behind the filter: the other errno shows that the
 * call reached it. */
#include "escape/cases.h"

#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "util/sys.h"

HARNESS_SUITE(escape_calls);

#define UNFILTERED OFF(UNCONFINED)

static const struct escape_case namespaces[] = {
	{"clone3 hides its flags (CVE-2021-41133)", TRY("calls", "clone3-user"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("done")},
	{"clone(CLONE_NEWUSER)", TRY("calls", "clone-user"), BLOCKED("EPERM"), OFF("--set", "process.new_namespaces=true"), OPEN("done")},
	{"unshare(CLONE_NEWUSER)", TRY("calls", "unshare-user"), BLOCKED("EPERM"), UNFILTERED, OPEN("done")},
	{"setns", TRY("calls", "join", "/proc/self/ns/user"), BLOCKED("EPERM"), UNFILTERED, OPEN("EINVAL")},
	{"setns to init's namespace", TRY("calls", "join", "/proc/1/ns/user"), BLOCKED("EACCES")},
	{"a fresh proc", TRY("calls", "mount-proc"), BLOCKED("ENOSYS"), OFF(PRIVILEGED), OPEN("done")},
	{"umount of a mask", TRY("calls", "unmount", "/proc/keys"), BLOCKED("ENOSYS"), OFF(PRIVILEGED), OPEN("done")},
	{"remount of the root", TRY("calls", "remount-rw", "/"), BLOCKED("ENOSYS"), OFF(PRIVILEGED), OPEN("done")},
	{"umount, root without capabilities", TRY("calls", "unmount", "/proc/keys"), ON(UNCONFINED, "-u", "root"), BLOCKED("EPERM"), OFF(PRIVILEGED), OPEN("done")},
	{"pivot_root", TRY("calls", "pivot"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("EPERM")},
	{"fsopen", TRY("calls", "fs-context", "tmpfs"), BLOCKED("ENOSYS"), OFF(PRIVILEGED), OPEN("done")},
	{"open_tree", TRY("calls", "clone-tree", "/tmp"), BLOCKED("ENOSYS"), OFF(PRIVILEGED), OPEN("done")},
	{"a device node", TRY("calls", "make-device", "c", "1", "1"), ON(PRIVILEGED), BLOCKED("EPERM")},
	{"a disk", TRY("calls", "make-device", "b", "254", "0"), ON(PRIVILEGED), BLOCKED("EPERM")},
};

Test(escape_calls, namespaces_and_mounts)
{
	escape_table(namespaces, ARRAY_SIZE(namespaces));
}

/* A profile that lets a program make namespaces does not let it undo what was mounted outside of them: the kernel locks that. */
#define NESTING ON(UNCONFINED, "--set", "process.new_namespaces=true")
static const struct escape_case nested[] = {
	{"umount of a mask", TRY("calls", "nested-unmount", "/proc/keys"), NESTING, BLOCKED("EINVAL")},
	{"umount of the home's cover", TRY("calls", "nested-unmount", "/home"), NESTING, BLOCKED("EINVAL")},
	{"remount of the root", TRY("calls", "nested-remount", "/"), NESTING, BLOCKED("EPERM")},
	{"the root without its mounts", TRY("calls", "nested-bind", "/"), NESTING, BLOCKED("EINVAL")},
	{"/proc without its masks", TRY("calls", "nested-bind", "/proc"), NESTING, BLOCKED("EINVAL")},
};

Test(escape_calls, namespaces_in_namespaces)
{
	escape_table(nested, ARRAY_SIZE(nested));
}

/* The core of it in each profile as it is shipped. */
Test(escape_calls, in_every_profile)
{
	static const char *const profiles[] = {"@default", "@build", "@strict", "@login", "@container"};

	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		const char *const *options = WORDS(profiles[i], "--set", "filesystem.root=host");
		const struct {
			const char *const *attack;
			const char *said;
		} rows[] = {
			{WORDS("calls", "io-uring"), "EPERM"}, {WORDS("calls", "add-key"), "EPERM"}, {WORDS("calls", "clone3-user"), "ENOSYS"},
			{WORDS("calls", "unshare-user"), "EPERM"}, {WORDS("calls", "clone-user"), "EPERM"}, {WORDS("calls", "tiocsti"), "EPERM"},
			{WORDS("calls", "tiocsti-wide"), "EPERM"}, {WORDS("calls", "tioclinux"), "EPERM"}, {WORDS("calls", "int80"), "ENOSYS"}, {WORDS("calls", "x32"), "ENOSYS"},
			{WORDS("calls", "mount-proc"), "ENOSYS"}, {WORDS("calls", "bpf"), "ENOSYS"}, {WORDS("calls", "userfaultfd"), "ENOSYS"},
			{WORDS("processes", "status", "NoNewPrivs", "Seccomp"), "1 2"}, {WORDS("files", "read", "/proc/1/environ"), "EACCES"},
			{WORDS("files", "writable-below", "/proc/sys", "/sys"), "none"}, {WORDS("files", "descriptors"), "none"},
		};

		for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
			const char *said = escape_try(&(const struct escape_run){.options = options, .attack = rows[k].attack}, NULL);

			cr_expect_str_eq(said, rows[k].said, "%s: %s %s: it says '%s', expected '%s'", profiles[i], rows[k].attack[0], rows[k].attack[1], said, rows[k].said);
		}
	}
}

static const struct escape_case usual[] = {
	{"io_uring", TRY("calls", "io-uring"), BLOCKED("EPERM"), UNFILTERED, OPEN("done"), LACKING("ENOSYS")},
	{"a key", TRY("calls", "add-key"), BLOCKED("EPERM"), UNFILTERED, OPEN("done"), LACKING("ENOSYS")},
	{"bpf", TRY("calls", "bpf"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("EPERM")},
	{"perf_event_open", TRY("calls", "perf"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("done"), LACKING("EACCES")},
	{"userfaultfd", TRY("calls", "userfaultfd"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("done"), LACKING("ENOSYS")},
	{"open_by_handle_at", TRY("calls", "by-handle"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("EPERM")},
	{"open_by_handle_at, root", TRY("calls", "by-handle"), ON(PRIVILEGED), BLOCKED("EPERM")},
	{"the kernel's log", TRY("calls", "kernel-log"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("EPERM")},
	{"the clock", TRY("calls", "set-clock"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("EPERM")},
	{"the clock, root", TRY("calls", "set-clock"), ON(PRIVILEGED), BLOCKED("EPERM")},
	{"a virtual socket", TRY("calls", "socket", "40", "1"), BLOCKED("EAFNOSUPPORT"), UNFILTERED, OPEN("done"), LACKING("EAFNOSUPPORT")},
	{"a packet socket", TRY("calls", "socket", "17", "3"), BLOCKED("EPERM"), OFF("--cap-add", "CAP_NET_RAW"), OPEN("done")},
	{"no randomisation", TRY("calls", "personality", "0x40000"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("done")},
};

Test(escape_calls, the_usual_list)
{
	escape_table(usual, ARRAY_SIZE(usual));
}

/* Refused calls that do nothing good for anybody; each by its number, with arguments that no call takes. */
static const char *const never[] = {"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff", "acct",
    "iopl", "ioperm", "mount", "umount2", "move_mount", "fsconfig", "fsmount", "fspick", "mount_setattr", "quotactl", "nfsservctl", "syslog",
    "settimeofday", "clock_settime", "pivot_root", "vhangup", "lookup_dcookie", "open_by_handle_at",
    "process_madvise", "kcmp", "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "add_key", "keyctl", "request_key", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "setns", "sethostname", "setdomainname", "move_pages", "mbind", "set_mempolicy", "migrate_pages", "uselib", "_sysctl", "ustat", "sysfs"};

Test(escape_calls, never_reach_the_kernel)
{
	char number[16];

	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		int n = seccomp_syscall_resolve_name(never[i]);
		const char *said;

		if (n < 0)
			continue; /* not on this machine */
		(void)snprintf(number, sizeof(number), "%d", n);
		said = ESCAPE_TRY(NULL, "calls", "number", number);
		cr_expect(!strcmp(said, "ENOSYS") || !strcmp(said, "EPERM"), "%s: it says '%s'", never[i], said);
	}
}

/* CVE-2021-41133: what the list does not know yet must not work. libseccomp's list is as new as the kernel headers of its day; behind it lies what
 * this kernel may have learned since. */
Test(escape_calls, newer_than_the_list)
{
	enum { FIRST = 300, LAST = 560 };
	static char texts[LAST - FIRST][8];
	const char *attack[LAST - FIRST + 3] = {"calls", "numbers"};
	size_t count = 2;
	const char *said;

	for (int number = FIRST; number < LAST; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
		bool exempt = number == 335 || number == 336; /* uretprobe and uprobe (6.11, x86): only the kernel's own trampolines call them, past any filter */

		if (!name && !exempt) {
			(void)snprintf(texts[number - FIRST], sizeof(texts[0]), "%d", number);
			attack[count++] = texts[number - FIRST];
		}
		free(name);
	}
	said = escape_try(&(const struct escape_run){.attack = attack}, NULL);
	cr_expect_str_eq(said, "ENOSYS", "newer calls: %s", said);
	said = escape_try(&(const struct escape_run){.options = WORDS(UNCONFINED), .attack = attack}, NULL);
	if (!strcmp(said, "ENOSYS"))
		harness_skip("newer calls, without the filter", "this kernel has none that libseccomp does not know");
}

Test(escape_calls, other_abis)
{
	const struct escape_case rows[] = {
		{"x32", TRY("calls", "x32"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("done"), LACKING("ENOSYS")},
		{"int 0x80", TRY("calls", "int80"), BLOCKED("ENOSYS"), UNFILTERED, OPEN("done"), LACKING("")},
	};

	escape_table(rows, ARRAY_SIZE(rows));
}
