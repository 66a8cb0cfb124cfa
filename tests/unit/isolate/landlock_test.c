/* Each act is tried in a child under the ruleset, and again without the part that should stop it. The expectations are by ABI: what the running kernel does not
 * have is not restricted. */
#include "isolate/landlock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

static char folder[] = "/tmp/carrel-landlock-XXXXXX";

static char *in_folder(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void put_file(const char *name)
{
	cleanup_free char *path = in_folder(name);
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, "text", 4) == 0);
}

static void make_tree(void)
{
	static const char *const dirs[] = {"ro", "rw", "rw/a", "rw/b", "other"};

	cr_assert_not_null(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		cleanup_free char *path = in_folder(dirs[i]);

		cr_assert_eq(mkdir(path, 0755), 0);
	}
	put_file("ro/file");
	put_file("rw/a/file");
	put_file("other/file");
	put_file("other/single");
}

static void remove_tree(void)
{
	(void)path_remove_tree(AT_FDCWD, folder);
}

TestSuite(landlock, .init = make_tree, .fini = remove_tree);

Test(landlock, each_abi_is_asked_for_what_it_has)
{
	static const struct landlock_rule rule = {"/", LANDLOCK_READ};
	static const struct landlock_plan whole = {true, &rule, 1, true, true, true}, off = {false, &rule, 1, true, true, true}, net = {.enabled = true, .deny_tcp = true};
	static const struct {
		const char *name;
		const struct landlock_plan *plan;
		int abi;
		struct landlock_handled handled;
		size_t size;
	} cases[] = {
		{"no Landlock", &whole, 0, {0, 0, 0}, 8},
		{"5.13: renaming would break", &whole, 1, {0, 0, 0}, 8},
		{"5.19", &whole, 2, {0x3fff, 0, 0}, 8},
		{"6.2", &whole, 3, {0x7fff, 0, 0}, 8},
		{"6.7", &whole, 4, {0x7fff, 3, 0}, 16},
		{"6.10", &whole, 5, {0xffff, 3, 0}, 16},
		{"6.12", &whole, 6, {0xffff, 3, 3}, 24},
		{"6.15", &whole, 7, {0xffff, 3, 3}, 24},
		{"a later one", &whole, 99, {0xffff, 3, 3}, 24},
		{"not enabled", &off, 7, {0, 0, 0}, 24},
		{"the network alone", &net, 7, {0, 3, 0}, 24},
		{"the network alone, too old", &net, 3, {0, 0, 0}, 8},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = 0;
		struct landlock_handled handled = landlock_handled(cases[i].plan, cases[i].abi, &size);

		cr_expect_eq(memcmp(&handled, &cases[i].handled, sizeof(handled)), 0, "%s: %llx %llx %llx", cases[i].name, (unsigned long long)handled.fs,
		    (unsigned long long)handled.net, (unsigned long long)handled.scoped);
		cr_expect_eq(size, cases[i].size, "%s: %zu bytes", cases[i].name, size);
	}
}

/* --- acts: 0 or the errno ------------------------------------------------------------------------------------------------------------------ */

static int open_as(const char *name, int flags)
{
	cleanup_free char *path = in_folder(name);
	cleanup_close int fd = open(path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? errno : 0;
}

static int read_ro(void)
{
	return open_as("ro/file", O_RDONLY);
}

static int list_ro(void)
{
	return open_as("ro", O_RDONLY | O_DIRECTORY);
}

static int write_ro(void)
{
	return open_as("ro/file", O_WRONLY);
}

static int create_ro(void)
{
	return open_as("ro/new", O_WRONLY | O_CREAT);
}

static int unlink_ro(void)
{
	cleanup_free char *path = in_folder("ro/file");

	return unlink(path) < 0 ? errno : 0;
}

static int mkdir_ro(void)
{
	cleanup_free char *path = in_folder("ro/dir");

	return mkdir(path, 0755) < 0 ? errno : 0;
}

static int symlink_ro(void)
{
	cleanup_free char *path = in_folder("ro/link");

	return symlink("file", path) < 0 ? errno : 0;
}

static int truncate_ro(void)
{
	cleanup_free char *path = in_folder("ro/file");

	return truncate(path, 0) < 0 ? errno : 0;
}

static int write_rw(void)
{
	return open_as("rw/a/file", O_RDWR | O_TRUNC);
}

static int create_rw(void)
{
	return open_as("rw/new", O_WRONLY | O_CREAT);
}

static int rename_between(void)
{
	cleanup_free char *from = in_folder("rw/a/file"), *to = in_folder("rw/b/file");

	return rename(from, to) < 0 ? errno : 0;
}

static int link_from_ro(void)
{
	cleanup_free char *from = in_folder("ro/file"), *to = in_folder("rw/b/linked");

	return link(from, to) < 0 ? errno : 0;
}

static int read_other(void)
{
	return open_as("other/file", O_RDONLY);
}

static int write_single(void)
{
	return open_as("other/single", O_RDWR | O_TRUNC);
}

static int device_io(void)
{
	cleanup_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

/* /dev/zero has no ioctl: the driver says ENOTTY, Landlock EACCES. */
static int device_ioctl(void)
{
	cleanup_close int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	int value;

	if (fd < 0)
		return errno;
	return ioctl(fd, TIOCGWINSZ, &value) < 0 ? errno : 0;
}

static int create_in_dev(void)
{
	cleanup_close int fd = open("/dev/carrel-landlock", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		(void)unlink("/dev/carrel-landlock");
	return fd < 0 ? errno : 0;
}

static int bind_tcp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

static int connect_tcp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

/* To the listener that the test opened before the child was restricted. */
static struct sockaddr_un abstract = {.sun_family = AF_UNIX};

static int connect_abstract(void)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&abstract, sizeof(abstract)) < 0 ? errno : 0;
}

static int signal_parent(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static int mount_something(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	return mount("none", "/proc", "tmpfs", 0, NULL) < 0 ? errno : 0;
}

/* --- rules --------------------------------------------------------------------------------------------------------------------------------- */

enum { RO, RW, SINGLE, DEV, MISSING, UNDER_A_FILE, RULES };

static struct landlock_rule rules[RULES] = {
	[RO] = {NULL, LANDLOCK_READ},
	[RW] = {NULL, LANDLOCK_WRITE},
	[SINGLE] = {NULL, LANDLOCK_WRITE}, /* a file: only what means something for one */
	[DEV] = {"/dev", LANDLOCK_DEVICE},
	[MISSING] = {"/nonexistent/folder", LANDLOCK_WRITE},
	[UNDER_A_FILE] = {"/dev/null/folder", LANDLOCK_WRITE},
};

static struct landlock_rule read_all = {"/", LANDLOCK_READ};

#define FILES .enabled = true, .rules = rules, .rule_count = RULES
#define READ_ALL .enabled = true, .rules = &read_all, .rule_count = 1

static const struct landlock_plan nothing = {.enabled = false}, no_rules = {.enabled = true};

static const struct {
	const char *name;
	int (*act)(void);
	struct landlock_plan plan;
	int expected, through; /* with the plan, and with `without` */
	int abi;               /* from which it is restricted */
	const struct landlock_plan *without;
} acts[] = {
	{"read what is readable", read_ro, {FILES}, 0, 0, LANDLOCK_ABI_FILES, NULL},
	{"list it", list_ro, {FILES}, 0, 0, LANDLOCK_ABI_FILES, NULL},
	{"write it", write_ro, {FILES}, EACCES, 0, LANDLOCK_ABI_FILES, &nothing},
	{"create in it", create_ro, {FILES}, EACCES, 0, LANDLOCK_ABI_FILES, &nothing},
	{"make a folder in it", mkdir_ro, {FILES}, EACCES, 0, LANDLOCK_ABI_FILES, &nothing},
	{"make a symlink in it", symlink_ro, {FILES}, EACCES, 0, LANDLOCK_ABI_FILES, &nothing},
	{"truncate it", truncate_ro, {FILES}, EACCES, 0, 3, &nothing},
	{"unlink in it", unlink_ro, {FILES}, EACCES, 0, LANDLOCK_ABI_FILES, &nothing},
	{"write what is writable", write_rw, {FILES}, 0, 0, LANDLOCK_ABI_FILES, NULL},
	{"create in it", create_rw, {FILES}, 0, 0, LANDLOCK_ABI_FILES, NULL},
	{"rename between folders of it", rename_between, {FILES}, 0, 0, LANDLOCK_ABI_FILES, NULL},
	{"link what is only readable into it", link_from_ro, {FILES}, EXDEV, 0, LANDLOCK_ABI_FILES, &nothing},
	{"read what no rule names", read_other, {FILES}, EACCES, 0, LANDLOCK_ABI_FILES, &no_rules},
	{"write the single file", write_single, {FILES}, 0, 0, LANDLOCK_ABI_FILES, NULL},
	{"write a device", device_io, {FILES}, 0, 0, LANDLOCK_ABI_FILES, NULL},
	{"ioctl on a device of a device rule", device_ioctl, {FILES}, ENOTTY, ENOTTY, 5, NULL},
	{"ioctl on another device", device_ioctl, {.enabled = true, .rules = (struct landlock_rule[]){{"/", LANDLOCK_READ}}, .rule_count = 1}, EACCES, ENOTTY, 5, &nothing},
	{"create beside the devices", create_in_dev, {FILES}, EACCES, 0, LANDLOCK_ABI_FILES, NULL},
	{"mount", mount_something, {READ_ALL}, EPERM, 0, LANDLOCK_ABI_FILES, &no_rules},
	{"bind TCP", bind_tcp, {.enabled = true, .deny_tcp = true}, EACCES, 0, LANDLOCK_ABI_TCP, &no_rules},
	{"connect TCP", connect_tcp, {.enabled = true, .deny_tcp = true}, EACCES, ECONNREFUSED, LANDLOCK_ABI_TCP, &no_rules},
	{"connect TCP, files restricted only", connect_tcp, {FILES}, ECONNREFUSED, ECONNREFUSED, LANDLOCK_ABI_FILES, NULL},
	{"abstract socket", connect_abstract, {.enabled = true, .scope_abstract_unix = true}, EPERM, 0, LANDLOCK_ABI_SCOPES, &no_rules},
	{"signal outside", signal_parent, {.enabled = true, .scope_signals = true}, EPERM, 0, LANDLOCK_ABI_SCOPES, &no_rules},
	{"signal outside, sockets scoped", signal_parent, {.enabled = true, .scope_abstract_unix = true}, 0, 0, LANDLOCK_ABI_SCOPES, NULL},
};

struct under {
	const struct landlock_plan *plan;
	int (*act)(void);
};

enum { BROKEN = 120 };

static int act_under(const void *context)
{
	const struct under *under = context;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_apply(under->plan, NULL) < 0)
		return BROKEN;
	return under->act();
}

static int try(const struct landlock_plan *plan, int (*act)(void))
{
	return in_child(act_under, &(struct under){.plan = plan, .act = act});
}

static void fill_rules(char *paths[3])
{
	paths[0] = in_folder("ro");
	paths[1] = in_folder("rw");
	paths[2] = in_folder("other/single");
	rules[RO].path = paths[0];
	rules[RW].path = paths[1];
	rules[SINGLE].path = paths[2];
}

static void listen_abstract(int fd)
{
	(void)snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1, "carrel-landlock-%d", getpid());
	cr_assert(bind(fd, (struct sockaddr *)&abstract, sizeof(abstract)) == 0 && listen(fd, 8) == 0);
}

Test(landlock, acts_are_refused_and_only_by_their_rule)
{
	cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int abi = landlock_abi();
	char *paths[3];

	if (abi == 0)
		cr_skip_test("no Landlock here");
	listen_abstract(listener);
	fill_rules(paths);
	for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
		int want = abi >= acts[i].abi ? acts[i].expected : acts[i].through;
		int r = try(&acts[i].plan, acts[i].act);

		cr_expect_eq(r, want, "%s: %d, not %d (ABI %d)", acts[i].name, r, want, abi);
		if (!acts[i].without)
			continue;
		/* The act went through this time: put back what it changed. */
		r = try(acts[i].without, acts[i].act);
		cr_expect_eq(r, acts[i].through, "%s, without the rule: %d, not %d", acts[i].name, r, acts[i].through);
		put_file("ro/file");
	}
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		free(paths[i]);
}

static int apply_bare(const void *context)
{
	struct error err = {0};
	int r = landlock_apply(context, &err);

	return r == -EPERM && strstr(err.cause, "no_new_privs") ? 0 : 1;
}

Test(landlock, without_no_new_privs_the_error_says_so)
{
	static const struct landlock_plan plan = {READ_ALL};

	if (landlock_abi() < LANDLOCK_ABI_FILES || geteuid() == 0)
		cr_skip_test("no Landlock here, or root, who may");
	cr_expect_eq(in_child(apply_bare, &plan), 0);
}

static int apply_often(const void *context)
{
	struct error err = {0};
	int r = 0, layers = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return BROKEN;
	while (r == 0 && layers++ < 40)
		r = landlock_apply(context, &err);
	return r == -E2BIG && err.hint[0] ? 0 : 1;
}

Test(landlock, too_many_layers_are_an_error)
{
	static const struct landlock_plan plan = {READ_ALL};

	if (landlock_abi() < LANDLOCK_ABI_FILES)
		cr_skip_test("no Landlock here");
	cr_expect_eq(in_child(apply_often, &plan), 0);
}
