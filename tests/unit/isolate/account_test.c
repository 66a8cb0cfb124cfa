#include "isolate/account.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"

static char folder[] = "/tmp/carrel-account-XXXXXX";
static int root = -1;

static void put(const char *path, const char *text)
{
	cleanup_close int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0);
	cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
}

static void make_root(void)
{
	cr_assert_not_null(mkdtemp(folder));
	root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(mkdirat(root, "etc", 0755), 0);
	put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
			  "broken:x:12\n+::::::\nbad:x:-1:0::/:/bin/sh\n"
			  "ada:x:1000:100:Ada:/home/ada:/bin/bash\n"
			  "bare:x:1001:1001:::\n"
			  "4711:x:1002:1002::/:/bin/sh");
	put("etc/group", "root:x:0:\nwheel:x:10:root,ada\nusers:x:100:ada\nlab:x:500:adam,ada\nbroken\n");
}

static void remove_root(void)
{
	(void)close(root);
	(void)path_remove_tree(AT_FDCWD, folder);
}

TestSuite(account, .init = make_root, .fini = remove_root, .timeout = 30);

static const struct {
	const char *name, *user;
	int result;
	uint32_t uid, gid;
	const char *found, *home;
	size_t groups;
	uint32_t first_group;
} cases[] = {
	{"name", "ada", 0, 1000, 100, "ada", "/home/ada", 2, 10},
	{"number with a line", "1000", 0, 1000, 100, "ada", "/home/ada", 2, 10},
	{"number without a line", "1234", 0, 1234, 0, NULL, NULL, 0, 0},
	{"name:group", "ada:lab", 0, 1000, 500, "ada", "/home/ada", 0, 0},
	{"name:gid", "ada:7", 0, 1000, 7, "ada", "/home/ada", 0, 0},
	{"uid:gid", "1234:5678", 0, 1234, 5678, NULL, NULL, 0, 0},
	{"uid:group", "1234:wheel", 0, 1234, 10, NULL, NULL, 0, 0},
	{"root", "root", 0, 0, 0, "root", "/root", 1, 10},
	{"empty is root", "", 0, 0, 0, "root", "/root", 1, 10},
	{"group alone", ":lab", 0, 0, 500, "root", "/root", 0, 0},
	{"empty group", "ada:", 0, 1000, 100, "ada", "/home/ada", 2, 10},
	{"empty fields", "bare", 0, 1001, 1001, "bare", NULL, 0, 0},
	{"a name of digits, last line without an end", "4711", 0, 1002, 1002, "4711", "/", 0, 0},
	{"unknown name", "eve", -ENOENT, 0, 0, NULL, NULL, 0, 0},
	{"unknown group", "ada:nobody", -ENOENT, 0, 0, NULL, NULL, 0, 0},
	{"a line with a bad number", "bad", -ENOENT, 0, 0, NULL, NULL, 0, 0},
	{"a short line", "broken", -ENOENT, 0, 0, NULL, NULL, 0, 0},
	{"a negative number", "-1", -ENOENT, 0, 0, NULL, NULL, 0, 0},
	{"no id", "4294967295", -ENOENT, 0, 0, NULL, NULL, 0, 0},
	{"beyond 32 bits", "4294967296", -ENOENT, 0, 0, NULL, NULL, 0, 0},
};

Test(account, lookup)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct error err = {0};
		struct account account = {.uid = 77};
		int result = account_lookup(&arena, root, cases[i].user, &account, &err);

		cr_expect_eq(result, cases[i].result, "%s: %d %s", cases[i].name, result, err.cause);
		cr_expect_eq(account.uid, result < 0 ? 77 : cases[i].uid, "%s: uid %" PRIu32, cases[i].name, account.uid);
		cr_expect_eq(account.gid, cases[i].gid, "%s: gid %" PRIu32, cases[i].name, account.gid);
		cr_expect_eq(account.group_count, cases[i].groups, "%s: %zu groups", cases[i].name, account.group_count);
		if (cases[i].groups && account.group_count)
			cr_expect_eq(account.groups[0], cases[i].first_group, "%s: %" PRIu32, cases[i].name, account.groups[0]);
		cr_expect(cases[i].found ? account.name && !strcmp(account.name, cases[i].found) : !account.name, "%s: name", cases[i].name);
		cr_expect(cases[i].home ? account.home && !strcmp(account.home, cases[i].home) : !account.home, "%s: home", cases[i].name);
		arena_done(&arena);
	}
}

static void replace_by_fifo(void)
{
	cr_assert_eq(mkfifoat(root, "etc/passwd", 0644), 0);
}

static void replace_by_directory(void)
{
	cr_assert_eq(mkdirat(root, "etc/passwd", 0755), 0);
}

static void replace_by_escape(void)
{
	cr_assert_eq(symlinkat("/etc/passwd", root, "etc/passwd"), 0); /* inside the root it points at itself */
}

static void replace_by_dots(void)
{
	cr_assert_eq(symlinkat("../../../../../../etc/passwd", root, "etc/passwd"), 0);
}

static void replace_by_magic(void)
{
	cr_assert_eq(symlinkat("/proc/self/fd/0", root, "etc/passwd"), 0);
}

static void replace_by_huge(void)
{
	put("etc/passwd", "");
	cleanup_close int fd = openat(root, "etc/passwd", O_WRONLY | O_CLOEXEC);
	cr_assert_eq(ftruncate(fd, 2 << 20), 0);
}

static void replace_by_binary(void)
{
	put("etc/passwd", "\x01\xff::::::::\n:::::::\nroot:x:0:0::/r:/s\n");
}

static const struct {
	const char *name;
	void (*replace)(void);
	int result;
} hostile[] = {
	{"a FIFO", replace_by_fifo, -EINVAL},
	{"a directory", replace_by_directory, -EINVAL},
	{"an absolute symlink", replace_by_escape, -ELOOP},
	{"a symlink with ..", replace_by_dots, -ELOOP},
	{"a symlink into /proc", replace_by_magic, 0}, /* no such file in this root: no line, so the number counts */
	{"larger than it may be", replace_by_huge, -EFBIG},
	{"garbage", replace_by_binary, 0},
};

Test(account, hostile_files)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		struct arena arena = {0};
		struct error err = {0};
		struct account account;
		int result;

		(void)path_remove_tree(root, "etc/passwd");
		hostile[i].replace();
		result = account_lookup(&arena, root, "0", &account, &err);
		cr_expect_eq(result, hostile[i].result, "%s: %d %s", hostile[i].name, result, err.cause);
		cr_expect_eq(err.what[0] != 0, result < 0, "%s", hostile[i].name);
		arena_done(&arena);
	}
}

Test(account, of_host)
{
	struct arena arena = {0};
	struct error err = {0};
	struct account account;

	cr_assert_eq(account_of_host(&arena, 0, &account, &err), 0, "%s", err.cause);
	cr_expect_str_eq(account.name, "root");
	cr_assert_eq(account_of_host(&arena, 3999999999, &account, &err), 0, "%s", err.cause);
	cr_expect_null(account.name);
	cr_expect_eq(account.uid, 3999999999);
	arena_done(&arena);
}
