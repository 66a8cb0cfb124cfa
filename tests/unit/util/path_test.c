#include "util/path.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"

static char folder[] = "/tmp/carrel-path-XXXXXX";
static int outer = -1, root = -1;

/* FOLDER/outside is what nobody may reach from FOLDER/root. */
static void make_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
	outer = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(mkdirat(outer, "root", 0755) == 0 && mkdirat(outer, "outside", 0755) == 0);
	root = openat(outer, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(mkdirat(root, "dir", 0755) == 0 && mkdirat(root, "dir/deep", 0755) == 0 && mkdirat(root, "run", 0755) == 0);
}

static void remove_folder(void)
{
	(void)close(root);
	(void)close(outer);
	(void)path_remove_tree(AT_FDCWD, folder);
}

TestSuite(path, .init = make_folder, .fini = remove_folder, .timeout = 60);

static const struct {
	const char *name, *dir, *clean;
} joins[] = {
	{"/", "/x", "/"},
	{"//", "/x", "/"},
	{"/a/b", "/x", "/a/b"},
	{"/a//b///c/", "/x", "/a/b/c"},
	{"/a/./b/.", "/x", "/a/b"},
	{"/a/../b", "/x", "/b"},
	{"/..", "/x", "/"},
	{"/../../a", "/x", "/a"},
	{"/a/b/../../..", "/x", "/"},
	{"/...", "/x", "/..."},
	{"/.a/..b", "/x", "/.a/..b"},
	{"a", "/x", "/x/a"},
	{"", "/x/", "/x"},
	{".", "/x", "/x"},
	{"..", "/x/y", "/x"},
	{"../../../..", "/x", "/"},
};

Test(path, join_and_clean)
{
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_SIZE(joins); i++) {
		char *clean = path_join(&arena, joins[i].dir, joins[i].name);

		cr_expect_str_eq(clean, joins[i].clean, "'%s' became '%s'", joins[i].name, clean);
	}
	arena_done(&arena);
}

static const struct {
	const char *path, *dir;
	bool beneath;
} beneath[] = {
	{"/a/b", "/a", true}, {"/a", "/a", true}, {"/ab", "/a", false}, {"/a", "/a/b", false}, {"/a", "/", true}, {"/", "/", true}, {"/", "/a", false},
};

Test(path, is_beneath)
{
	for (size_t i = 0; i < ARRAY_SIZE(beneath); i++)
		cr_expect_eq(path_is_beneath(beneath[i].path, beneath[i].dir), beneath[i].beneath, "%s in %s", beneath[i].path, beneath[i].dir);
}

static const struct {
	const char *path, *dirname, *basename;
} parts[] = {
	{"/a/b", "/a", "b"}, {"/a", "/", "a"}, {"a", ".", "a"}, {"a/b", "a", "b"}, {"/", "/", ""},
};

Test(path, dirname_and_basename)
{
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		cr_expect_str_eq(path_dirname(&arena, parts[i].path), parts[i].dirname, "%s", parts[i].path);
		cr_expect_str_eq(path_basename(parts[i].path), parts[i].basename, "%s", parts[i].path);
	}
	arena_done(&arena);
}

/* --- hostile roots --- */

static char outside_path[PATH_MAX], magic_path[64];

/* `link` inside the root points to `target`; "OUTSIDE" and "MAGIC" stand for the real places. */
static const struct {
	const char *name, *link, *target, *path;
	int open_result;         /* 0: opened, as `inside` of the root */
	const char *open_inside;
	int make_result;         /* of path_make_in(path, PATH_DIRECTORY) */
	const char *make_inside; /* what it is then */
} hostile[] = {
	{"nothing special", "x", "dir", "x/deep", 0, "dir/deep", 0, "dir/deep"},
	{"absolute inside", "var", "/run", "/var", 0, "run", 0, "run"},
	{"through an absolute one", "var", "/run", "/var/lock/sub", -ENOENT, NULL, 0, "run/lock/sub"},
	{"absolute to the outside", "x", "OUTSIDE", "x", -ENOENT, NULL, -EEXIST, NULL},
	{"below absolute to the outside", "x", "OUTSIDE", "x/new", -ENOENT, NULL, -EEXIST, NULL},
	{"..", "x", "../outside", "x", -ENOENT, NULL, -EEXIST, NULL},
	{"many ..", "x", "../../../../../../../../../../dir", "x", 0, "dir", 0, "dir"},
	{".. in the path", "x", "dir", "../../x/../../dir/deep", 0, "dir/deep", 0, "dir/deep"},
	{".. behind a link", "x", "dir/deep", "x/..", 0, "dir", 0, "dir"},
	{"a magic link", "x", "MAGIC", "x", -ENOENT, NULL, -EEXIST, NULL},
	{"dangling", "x", "nothing", "x", -ENOENT, NULL, -EEXIST, NULL},
	{"below dangling", "x", "nothing", "x/y", -ENOENT, NULL, -EEXIST, NULL},
	{"a link to itself", "x", "x", "x", -ELOOP, NULL, -ELOOP, NULL},
	{"the root", "x", "/", "x", 0, ".", 0, "."},
	{"new folders", "x", "dir", "new/er/est", -ENOENT, NULL, 0, "new/er/est"},
	{"slashes", "x", "dir", "//x///deep//", 0, "dir/deep", 0, "dir/deep"},
};

static void expect_place(int fd, const char *inside, const char *name)
{
	struct stat got, expected;

	cr_assert_eq(fstat(fd, &got), 0);
	cr_expect_eq(fstatat(root, inside, &expected, AT_SYMLINK_NOFOLLOW), 0, "%s: %s is not there", name, inside);
	cr_expect(got.st_ino == expected.st_ino && got.st_dev == expected.st_dev, "%s: is not %s", name, inside);
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC, "%s", name);
}

static void expect_outside_untouched(const char *name)
{
	cr_expect_lt(unlinkat(outer, "outside/new", AT_REMOVEDIR), 0, "%s: made outside", name);
	cr_expect_lt(unlinkat(outer, "outside/new", 0), 0, "%s: made outside", name);
}

static const char *real_target(const char *target)
{
	if (!strcmp(target, "OUTSIDE"))
		return outside_path;
	return strcmp(target, "MAGIC") ? target : magic_path;
}

Test(path, open_and_make_in)
{
	(void)snprintf(outside_path, sizeof(outside_path), "%s/outside", folder);
	(void)snprintf(magic_path, sizeof(magic_path), "/proc/self/fd/%d", outer);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		int fd;

		(void)path_remove_tree(root, "x");
		(void)path_remove_tree(root, "var");
		cr_assert_eq(symlinkat(real_target(hostile[i].target), root, hostile[i].link), 0);
		fd = path_open_in(root, hostile[i].path, O_PATH);
		cr_expect(hostile[i].open_inside ? fd >= 0 : fd == hostile[i].open_result, "%s: open gave %d", hostile[i].name, fd);
		if (fd >= 0 && hostile[i].open_inside)
			expect_place(fd, hostile[i].open_inside, hostile[i].name);
		(void)fd_close(fd);
		fd = path_make_in(root, hostile[i].path, PATH_DIRECTORY, NULL);
		cr_expect(hostile[i].make_inside ? fd >= 0 : fd == hostile[i].make_result, "%s: make gave %d", hostile[i].name, fd);
		if (fd >= 0 && hostile[i].make_inside)
			expect_place(fd, hostile[i].make_inside, hostile[i].name);
		(void)fd_close(fd);
		expect_outside_untouched(hostile[i].name);
	}
}

/* In a root that has a real /proc the way through it is closed, too. */
Test(path, magic_links_of_a_real_proc)
{
	cleanup_close int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/self/fd/%d", outer);
	cr_expect_eq(path_open_in(slash, path, O_PATH), -ELOOP);
	cr_expect_eq(path_open_in(slash, "proc/self/root", O_PATH), -ELOOP);
	cr_expect_eq(path_open_in(slash, "proc/self/cwd", O_PATH), -ELOOP);
	(void)snprintf(path, sizeof(path), "proc/self/fd/%d/outside/new", outer);
	cr_expect_eq(path_make_in(slash, path, PATH_DIRECTORY, NULL), -ELOOP);
	expect_outside_untouched("magic");
}

Test(path, make_in_says_what_it_made)
{
	static const struct {
		const char *path;
		enum path_kind kind;
		bool made;
		mode_t type;
	} rows[] = {
		{"dir", PATH_DIRECTORY, false, S_IFDIR}, {"dir/new", PATH_DIRECTORY, true, S_IFDIR}, {"dir/new", PATH_DIRECTORY, false, S_IFDIR},
		{"a/b/file", PATH_FILE, true, S_IFREG}, {"a/b/file", PATH_FILE, false, S_IFREG}, {"/", PATH_DIRECTORY, false, S_IFDIR},
	};

	(void)umask(022);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool made = !rows[i].made;
		cleanup_close int fd = path_make_in(root, rows[i].path, rows[i].kind, &made);
		struct stat info = {0};

		cr_expect_geq(fd, 0, "%s: %d", rows[i].path, fd);
		(void)fstat(fd, &info);
		cr_expect_eq(made, rows[i].made, "%s", rows[i].path);
		cr_expect_eq(info.st_mode & S_IFMT, rows[i].type, "%s", rows[i].path);
	}
	cr_expect_eq(path_make_in(root, "a/b/file/below", PATH_DIRECTORY, NULL), -ENOTDIR);
}

Test(path, make_dirs)
{
	struct arena arena = {0};
	struct stat info;
	char *path = arena_printf(&arena, "%s/one/two/three", folder);

	cr_expect_eq(path_make_dirs(path, 0700), 0);
	cr_expect_eq(path_make_dirs(path, 0700), 0);
	cr_expect(stat(path, &info) == 0 && (info.st_mode & 07777) == 0700);
	cr_expect_eq(path_make_dirs("/proc/carrel/x", 0700), -ENOENT);
	cr_expect_eq(path_make_dirs("/dev/null/x", 0700), -ENOTDIR);
	cr_expect_eq(path_make_dirs("/dev/null", 0700), -ENOTDIR);
	arena_done(&arena);
}

/* --- removing --- */

static bool is_there(int dirfd, const char *name)
{
	struct stat info;

	return fstatat(dirfd, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

Test(path, remove_tree)
{
	cleanup_close int file = openat(outer, "outside/keep", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	cr_assert_geq(file, 0);
	cr_assert_eq(symlinkat("../../outside", root, "dir/link"), 0);
	cr_assert_eq(symlinkat(folder, root, "dir/absolute"), 0);
	cr_assert_eq(mkfifoat(root, "dir/fifo", 0), 0);
	cr_assert_eq(mkdirat(root, "dir/closed", 0755), 0);
	cr_assert_eq(mkdirat(root, "dir/closed/inner", 0), 0);
	cr_assert_eq(fchmodat(root, "dir/closed", 0, 0), 0);
	cr_expect_eq(path_remove_tree(root, "dir"), 0);
	cr_expect(!is_there(root, "dir"));
	cr_expect(is_there(outer, "outside/keep"), "a symlink was followed");
	cr_expect_eq(path_remove_tree(root, "nothing"), 0);
}

/* A payload that makes a tree deeper than there are descriptors leaves nothing behind. */
Test(path, remove_tree_of_any_depth)
{
	enum { DEPTH = 6000 }; /* more than PATH_MAX, and than a process may have open */
	int at = openat(root, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < DEPTH; i++) {
		int next;

		cr_assert(mkdirat(at, "d", 0755) == 0 && mkdirat(at, "e", 0755) == 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cr_assert_geq(next, 0);
		(void)close(at);
		at = next;
	}
	(void)close(at);
	cr_expect_eq(path_remove_tree(root, "dir"), 0);
	cr_expect(!is_there(root, "dir"));
}
