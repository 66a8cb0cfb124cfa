/* Each thing that a host may refuse is refused for real, in a process of its own, and doctor must name it. */
#include "run/doctor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/ordinary.h"
#include "util/fd.h"
#include "util/mem.h"

TestSuite(doctor, .timeout = 120);

/* --- what is done to the process before the examination; false: this host cannot show it --- */

static bool nothing(void)
{
	return true;
}

static bool no_more_user_namespaces(void)
{
	return ordinary_be_root_inside(0) && fd_put_at(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0") == 0;
}

static bool no_network_namespaces(void)
{
	return ordinary_be_root_inside(0) && fd_put_at(AT_FDCWD, "/proc/sys/user/max_net_namespaces", "0") == 0;
}

/* A user namespace with a /tmp of its own, so that nothing is left on this one. */
static bool own_tmp(void)
{
	return ordinary_be_root_inside(CLONE_NEWNS) && mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0;
}

/* A chroot onto a directory that is no mount point, as a build tool makes it. */
static bool in_a_chroot(void)
{
	if (!own_tmp() || mkdir("/tmp/root", 0755) < 0 || mkdir("/tmp/root/proc", 0755) < 0)
		return false;
	return mount("/proc", "/tmp/root/proc", NULL, MS_BIND | MS_REC, NULL) == 0 && chdir("/tmp/root") == 0 && chroot(".") == 0;
}

/* Parts of /proc covered, as every container has them. */
static bool proc_covered(void)
{
	return ordinary_be_root_inside(CLONE_NEWNS) && mount("tmpfs", "/proc/sys", "tmpfs", MS_RDONLY, NULL) == 0;
}

static bool filter(const char *call, uint32_t action)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	bool loaded = context && seccomp_rule_add(context, action, seccomp_syscall_resolve_name(call), 0) == 0 && seccomp_load(context) == 0;

	seccomp_release(context);
	return loaded;
}

static bool filter_of_clone(void)
{
	return filter("clone3", SCMP_ACT_ERRNO(EPERM));
}

static bool filter_without_clone3(void)
{
	return filter("clone3", SCMP_ACT_ERRNO(ENOSYS));
}

static bool filter_without_openat2(void)
{
	return filter("openat2", SCMP_ACT_ERRNO(EPERM));
}

static bool filter_that_kills(void)
{
	return filter("landlock_create_ruleset", SCMP_ACT_KILL_PROCESS);
}

static bool no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool no_environment(void)
{
	return clearenv() == 0;
}

static bool runtime_of_somebody_else(void)
{
	return setenv("XDG_RUNTIME_DIR", "/proc", 1) == 0;
}

static bool store_read_only(void)
{
	return setenv("CARREL_ROOT", "/proc/carrel", 1) == 0;
}

/* A filesystem whose server never answers, as an NFS server that is gone. */
static bool home_hangs(void)
{
	char options[128];
	int fuse;

	if (!own_tmp() || mkdir("/tmp/home", 0755) < 0)
		return false;
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC); /* by the namespace that mounts */
	if (fuse < 0)
		return false;
	(void)snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	return mount("none", "/tmp/home", "fuse", MS_NODEV | MS_NOSUID, options) == 0 && setenv("HOME", "/tmp/home", 1) == 0;
}

static const struct {
	const char *name;
	bool (*prepare)(void);
	const char *row;
	enum doctor_state state;
	const char *in_what, *in_command;
	bool works;
} cases[] = {
	{"an ordinary host", nothing, "user namespaces", DOCTOR_WORKS, "was made", "", true},
	{"an ordinary host's kernel", nothing, "kernel", DOCTOR_WORKS, "Linux ", "", true},
	{"user namespaces switched off", no_more_user_namespaces, "user namespaces", DOCTOR_MISSING, "user.max_user_namespaces=0", "sudo sysctl -w user.max_user_namespaces", false},
	{"network namespaces switched off", no_network_namespaces, "network namespaces", DOCTOR_MISSING, "user.max_net_namespaces=0", "sudo sysctl -w user.max_net_namespaces", true},
	{"a chroot", in_a_chroot, "user namespaces", DOCTOR_MISSING, "chroot", "outside", false},
	{"a covered /proc", proc_covered, "user namespaces", DOCTOR_MISSING, "/proc are covered", "systempaths=unconfined", false},
	{"a filter against clone3", filter_of_clone, "user namespaces", DOCTOR_MISSING, "seccomp", " ", false},
	{"a filter that knows no clone3", filter_without_clone3, "user namespaces", DOCTOR_MISSING, "seccomp", "", false},
	{"a filter against openat2", filter_without_openat2, "kernel", DOCTOR_MISSING, "openat2 is refused", "seccomp=unconfined", false},
	{"a filter that kills", filter_that_kills, "Landlock", DOCTOR_MISSING, "was ended", "", true},
	{"no_new_privs", no_new_privileges, "id range", DOCTOR_DEGRADED, "no_new_privs", "outside of what sets it", true},
	{"no runtime directory", no_environment, "runtime directory", DOCTOR_DEGRADED, "is not set", "loginctl", true},
	{"no home", no_environment, "home", DOCTOR_DEGRADED, "HOME is not set", "export HOME", true},
	{"no store", no_environment, "store", DOCTOR_MISSING, "HOME is not set", "export CARREL_ROOT", true},
	{"a runtime directory of root's", runtime_of_somebody_else, "runtime directory", DOCTOR_DEGRADED, "not a directory of yours", "", true},
	{"a store that cannot be written", store_read_only, "store", DOCTOR_MISSING, "/proc/carrel on ", "export CARREL_ROOT", true},
	{"a home that hangs", home_hangs, "home", DOCTOR_MISSING, "did not answer", "", true},
};

struct finding {
	bool shown, works;
	struct doctor_row row;
};

static _Noreturn void examine(size_t which, int fd)
{
	struct finding finding = {0};
	cleanup_free struct doctor_row *rows = NULL;
	size_t count;

	if (ordinary_become())
		_exit(77);
	if (cases[which].prepare()) {
		rows = doctor_examine(&count);
		finding.shown = true;
		finding.works = doctor_works(rows, count);
		for (size_t i = 0; i < count; i++)
			if (!strcmp(rows[i].name, cases[which].row))
				finding.row = rows[i];
	}
	_exit(fd_write_all(fd, &finding, sizeof(finding)) < 0);
}

static int examine_apart(size_t which, struct finding *finding)
{
	int ends[2], result;
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		examine(which, ends[1]);
	(void)close(ends[1]);
	result = fd_read_all(ends[0], finding, sizeof(*finding));
	(void)close(ends[0]);
	(void)waitpid(pid, NULL, 0);
	return result;
}

Test(doctor, cases)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct finding finding;
		struct doctor_row *row = &finding.row;

		if (examine_apart(i, &finding) < 0 || !finding.shown) {
			cr_log_warn("%s: cannot be shown on this host", cases[i].name);
			continue;
		}
		cr_expect_str_eq(row->name, cases[i].row, "%s: no such row", cases[i].name);
		cr_expect_eq(row->state, cases[i].state, "%s: %s, %s", cases[i].name, doctor_state_name(row->state), row->what);
		cr_expect(strstr(row->what, cases[i].in_what), "%s: %s", cases[i].name, row->what);
		cr_expect(strstr(row->command, cases[i].in_command), "%s: %s", cases[i].name, row->command);
		cr_expect(row->state == DOCTOR_WORKS || row->consequence[0] || strstr(row->what, "was ended"), "%s: no consequence", cases[i].name);
		cr_expect_eq(finding.works, cases[i].works, "%s: `carrel run` %s", cases[i].name, finding.works ? "works" : "does not work");
	}
}

Test(doctor, rows_are_whole)
{
	size_t count;
	cleanup_free struct doctor_row *rows = doctor_examine(&count);

	for (size_t i = 0; i < count; i++) {
		cr_expect_str_not_empty(rows[i].name);
		cr_expect_str_not_empty(rows[i].what, "%s", rows[i].name);
		cr_expect(rows[i].state != DOCTOR_WORKS || !rows[i].consequence[0], "%s works, but: %s", rows[i].name, rows[i].consequence);
		cr_expect_leq(sizeof(rows[i]), 4096, "a row must come in one write");
	}
}
