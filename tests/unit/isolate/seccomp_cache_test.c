#include "isolate/seccomp_cache.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "isolate/landlock.h"
#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/path.h"

#define GROUPS_FILE "profiles/syscalls/groups.yaml"

static char folder[] = "/tmp/carrel-filters-XXXXXX";
static char cache[sizeof(folder) + 16], entry[sizeof(cache) + 300];

static const struct seccomp_name allow[] = {{.name = "@docker-default"}};
static struct seccomp_spec spec = {.enabled = true, .fallback = {SECCOMP_VERDICT_ERRNO, EPERM}, .allow = allow, .allow_count = 1, .groups_file = GROUPS_FILE};

static void make_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
	(void)snprintf(cache, sizeof(cache), "%s/filters", folder);
	spec.cache_dir = cache;
}

static void remove_folder(void)
{
	(void)path_remove_tree(AT_FDCWD, folder);
}

TestSuite(seccomp_cache, .init = make_folder, .fini = remove_folder);

static bool prepare(const char *name)
{
	struct seccomp_program program = {0};
	struct error err = {0};
	int r = seccomp_prepare(&spec, &program, &err);
	bool hit = program.from_cache;

	cr_assert_eq(r, 0, "%s: %s: %s", name, err.what, err.cause);
	cr_expect_gt(program.length, 50, "%s", name);
	seccomp_done(&program);
	return hit;
}

/* How many files the cache holds; `entry` becomes the path of the last. */
static unsigned list_cache(void)
{
	DIR *dir = opendir(cache);
	unsigned count = 0;

	cr_assert_not_null(dir);
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		count++;
		(void)snprintf(entry, sizeof(entry), "%s/%s", cache, e->d_name);
	}
	(void)closedir(dir);
	return count;
}

Test(seccomp_cache, the_second_time_is_a_hit)
{
	struct seccomp_program first, second;
	struct stat st;

	cr_assert_eq(seccomp_prepare(&spec, &first, NULL), 0);
	cr_assert_eq(seccomp_prepare(&spec, &second, NULL), 0);
	cr_expect_not(first.from_cache);
	cr_expect(second.from_cache);
	cr_expect_eq(first.length, second.length);
	cr_expect_eq(memcmp(first.code, second.code, first.length * sizeof(*first.code)), 0);
	seccomp_done(&first);
	seccomp_done(&second);
	cr_expect_eq(list_cache(), 1, "no temporary file stays");
	cr_expect(stat(entry, &st) == 0 && (st.st_mode & 07777) == 0600);
	cr_expect(stat(cache, &st) == 0 && (st.st_mode & 07777) == 0700);
}

/* --- bad entries ------------------------------------------------------------------------------------------------------------------------- */

static void put_byte(off_t where, int whence)
{
	cleanup_close int fd = open(entry, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	cr_assert(fd >= 0 && lseek(fd, where, whence) >= 0 && read(fd, &byte, 1) == 1);
	byte ^= 0x41;
	cr_assert(lseek(fd, -1, SEEK_CUR) >= 0 && write(fd, &byte, 1) == 1);
}

static void spoil_magic(void)
{
	put_byte(0, SEEK_SET);
}

static void spoil_key_size(void)
{
	put_byte(9, SEEK_SET);
}

static void spoil_length(void)
{
	put_byte(12, SEEK_SET);
}

static void spoil_check(void)
{
	put_byte(20, SEEK_SET);
}

static void spoil_key(void)
{
	put_byte(30, SEEK_SET);
}

static void spoil_code(void)
{
	put_byte(-100, SEEK_END);
}

static void spoil_last_byte(void)
{
	put_byte(-1, SEEK_END);
}

static void cut_to(off_t size)
{
	cr_assert_eq(truncate(entry, size), 0);
}

static void cut_all(void)
{
	cut_to(0);
}

static void cut_in_header(void)
{
	cut_to(10);
}

static void cut_code(void)
{
	struct stat st;

	cr_assert_eq(stat(entry, &st), 0);
	cut_to(st.st_size - 8);
}

static void add_code(void)
{
	struct stat st;

	cr_assert_eq(stat(entry, &st), 0);
	cut_to(st.st_size + 8);
}

static void make_huge(void)
{
	cut_to((off_t)1 << 40);
}

static void make_group_writable(void)
{
	cr_assert_eq(chmod(entry, 0620), 0);
}

static void make_world_writable(void)
{
	cr_assert_eq(chmod(entry, 0602), 0);
}

static void make_unreadable(void)
{
	cr_assert_eq(chmod(entry, 0), 0);
}

static void make_symlink(void)
{
	cleanup_free char *real = mem_printf("%s/real", folder);

	cr_assert_eq(rename(entry, real), 0);
	cr_assert_eq(symlink(real, entry), 0);
}

static void make_fifo(void)
{
	cr_assert(unlink(entry) == 0 && mkfifo(entry, 0600) == 0);
}

static void make_directory(void)
{
	cr_assert(unlink(entry) == 0 && mkdir(entry, 0700) == 0);
}

static const struct {
	const char *name;
	void (*spoil)(void);
	bool mends; /* the new entry takes its place */
} bad_entries[] = {
	{"another magic", spoil_magic, true},
	{"another key size", spoil_key_size, true},
	{"another length", spoil_length, true},
	{"another check", spoil_check, true},
	{"another key", spoil_key, true},
	{"an instruction changed", spoil_code, true},
	{"the last byte changed", spoil_last_byte, true},
	{"empty", cut_all, true},
	{"cut in the header", cut_in_header, true},
	{"one instruction short", cut_code, true},
	{"one instruction long", add_code, true},
	{"huge", make_huge, true},
	{"writable by the group", make_group_writable, true},
	{"writable by all", make_world_writable, true},
	{"a symlink", make_symlink, true},
	{"a FIFO", make_fifo, true},
	{"a directory", make_directory, false},
};

Test(seccomp_cache, a_bad_entry_is_a_miss, .timeout = 30)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_entries); i++) {
		const char *name = bad_entries[i].name;

		(void)path_remove_tree(AT_FDCWD, cache);
		cr_assert_not(prepare(name), "%s: the cache was empty", name);
		cr_assert_eq(list_cache(), 1, "%s", name);
		cr_assert(prepare(name), "%s: as it was written, it must be a hit", name);
		bad_entries[i].spoil();
		cr_expect_not(prepare(name), "%s: taken", name);
		cr_expect_eq(prepare(name), bad_entries[i].mends, "%s: afterwards", name);
		cr_expect_eq(list_cache(), 1, "%s: something else stays", name);
	}
}

Test(seccomp_cache, an_unreadable_entry_is_a_miss)
{
	if (geteuid() == 0)
		cr_skip_test("root reads everything");
	cr_assert_not(prepare("first"));
	cr_assert_eq(list_cache(), 1);
	make_unreadable();
	cr_expect_not(prepare("unreadable"));
}

/* tests/in-ids makes us root of a subordinate range, where there is one. */
Test(seccomp_cache, an_entry_of_somebody_else_is_a_miss)
{
	struct stat st;

	cr_assert_not(prepare("first"));
	cr_assert_eq(list_cache(), 1);
	if (geteuid() == 0) {
		cr_assert_eq(chown(entry, 1, 1), 0);
	} else {
		cleanup_free char *command = mem_printf("tests/in-ids chown 1:1 '%s' 2>/dev/null && tests/in-ids chmod 0644 '%s' 2>/dev/null", entry, entry);

		(void)chmod(folder, 0711);
		if (system(command) != 0)
			cr_skip_test("no subordinate ids here");
	}
	cr_assert(stat(entry, &st) == 0 && st.st_uid != geteuid());
	(void)chmod(entry, 0644); /* readable, so that only the owner is wrong */
	cr_expect_not(prepare("foreign"));
}

/* Two keys cannot be made to collide in a test, but one's entry can be put where the other's belongs. */
Test(seccomp_cache, an_entry_for_another_filter_is_a_miss)
{
	char first[sizeof(entry)];
	struct seccomp_program program;

	cr_assert_not(prepare("first"));
	cr_assert_eq(list_cache(), 1);
	memcpy(first, entry, sizeof(first));
	cleanup_free char *kept = mem_printf("%s/kept", folder);
	cr_assert_eq(rename(first, kept), 0);
	spec.fallback.errnum = EACCES;
	cr_assert_not(prepare("second"));
	cr_assert_eq(list_cache(), 1);
	cr_assert_eq(rename(kept, entry), 0);
	cr_assert_eq(seccomp_prepare(&spec, &program, NULL), 0);
	cr_expect_not(program.from_cache);
	seccomp_done(&program);
}

/* --- what makes another key -------------------------------------------------------------------------------------------------------------- */

static void copy_groups(const char *to)
{
	cleanup_free char *text = NULL;
	cleanup_close int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t size;

	cr_assert_eq(fd_slurp_at(AT_FDCWD, GROUPS_FILE, 1 << 20, &text, &size), 0);
	cr_assert_eq(fd_write_all(fd, text, size), 0);
}

Test(seccomp_cache, another_groups_file_is_a_miss)
{
	cleanup_free char *groups = mem_printf("%s/groups.yaml", folder), *other = mem_printf("%s/other.yaml", folder);
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	FILE *file;

	copy_groups(groups);
	cr_assert_eq(utimensat(AT_FDCWD, groups, times, 0), 0);
	spec.groups_file = groups;
	cr_expect_not(prepare("new file"));
	cr_expect(prepare("the same file"));
	file = fopen(groups, "ae");
	cr_assert(file && fputs("# longer\n", file) >= 0 && fclose(file) == 0);
	cr_expect_not(prepare("longer"));
	cr_expect(prepare("the longer again"));
	/* Same size and the time put back: the inode, or at least its change time, is another. */
	copy_groups(groups);
	cr_assert_eq(utimensat(AT_FDCWD, groups, times, 0), 0);
	cr_expect_not(prepare("time put back"));
	copy_groups(other);
	cr_assert_eq(utimensat(AT_FDCWD, other, times, 0), 0);
	cr_assert_eq(rename(other, groups), 0);
	cr_expect_not(prepare("replaced"));
}

Test(seccomp_cache, every_part_of_the_spec_is_in_the_key)
{
	static const struct seccomp_name other_allow[] = {{.name = "@docker-default"}, {.name = "clone"}};
	static const struct seccomp_rule rules[] = {
		{.call = "ioctl", .arg = 1, .mask = 0xff, .value = 1, .action = {SECCOMP_VERDICT_ERRNO, EPERM}},
		{.call = "prctl", .arg = 1, .mask = 0xff, .value = 1, .action = {SECCOMP_VERDICT_ERRNO, EPERM}},
		{.call = "ioctl", .arg = 2, .mask = 0xff, .value = 1, .action = {SECCOMP_VERDICT_ERRNO, EPERM}},
		{.call = "ioctl", .arg = 1, .mask = 0xf, .value = 1, .action = {SECCOMP_VERDICT_ERRNO, EPERM}},
		{.call = "ioctl", .arg = 1, .mask = 0xff, .value = 2, .action = {SECCOMP_VERDICT_ERRNO, EPERM}},
		{.call = "ioctl", .arg = 1, .mask = 0xff, .value = 1, .action = {SECCOMP_VERDICT_ERRNO, EIO}},
		{.call = "ioctl", .arg = 1, .mask = 0xff, .value = 1, .action = {SECCOMP_VERDICT_KILL, 0}},
	};
	static const struct seccomp_spec variants[] = {
		{.fallback = {SECCOMP_VERDICT_ERRNO, EPERM}, .allow = allow, .allow_count = 1},
		{.fallback = {SECCOMP_VERDICT_ERRNO, EIO}, .allow = allow, .allow_count = 1},
		{.fallback = {SECCOMP_VERDICT_KILL, 0}, .allow = allow, .allow_count = 1},
		{.fallback = {SECCOMP_VERDICT_ERRNO, EPERM}, .allow = other_allow, .allow_count = 2},
		{.fallback = {SECCOMP_VERDICT_ERRNO, EPERM}, .allow = allow, .allow_count = 1, .deny = other_allow + 1, .deny_count = 1},
	};
	struct seccomp_spec varied;

	for (size_t i = 0; i < ARRAY_SIZE(variants) + ARRAY_SIZE(rules); i++) {
		struct seccomp_program program = {0};
		bool is_rule = i >= ARRAY_SIZE(variants);

		varied = variants[is_rule ? 0 : i];
		varied.enabled = true;
		varied.groups_file = GROUPS_FILE;
		varied.cache_dir = cache;
		if (is_rule) {
			varied.rules = &rules[i - ARRAY_SIZE(variants)];
			varied.rule_count = 1;
		}
		cr_assert_eq(seccomp_prepare(&varied, &program, NULL), 0, "variant %zu", i);
		cr_expect_not(program.from_cache, "variant %zu is taken for an earlier one", i);
		seccomp_done(&program);
	}
}

/* --- misfortune -------------------------------------------------------------------------------------------------------------------------- */

Test(seccomp_cache, without_a_place_for_it_the_filter_is_compiled)
{
	static const char *const places[] = {"/proc/nowhere", "/dev/null/filters"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		spec.cache_dir = places[i];
		cr_expect_not(prepare(places[i]));
	}
	spec.cache_dir = NULL;
	cr_expect_not(prepare("no cache"));
}

Test(seccomp_cache, an_error_stores_nothing)
{
	static const struct seccomp_name unknown[] = {{.name = "opennat"}};
	struct seccomp_program program;
	struct stat st;

	spec.allow = unknown;
	cr_expect_eq(seccomp_prepare(&spec, &program, NULL), -EINVAL);
	cr_expect(stat(cache, &st) < 0);
}

static int prepare_often(const void *context)
{
	int hits = 0;

	(void)context;
	for (int i = 0; i < 30; i++) {
		struct seccomp_program program = {0};

		if (i % 3 == 0 && list_cache() > 0 && strstr(entry, "/filter-"))
			(void)unlink(entry);
		if (seccomp_prepare(&spec, &program, NULL) < 0 || program.length < 50 || program.code[program.length - 1].code != (BPF_RET | BPF_K))
			return 100;
		hits += program.from_cache;
		seccomp_done(&program);
	}
	return hits;
}

Test(seccomp_cache, writers_and_readers_at_once_never_see_half_a_file, .timeout = 60)
{
	pid_t pids[4];

	cr_assert_not(prepare("first"));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(prepare_often(NULL));
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status = proc_wait(pids[i]);

		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) < 100, "child %zu: %#x", i, (unsigned)status);
	}
	(void)prepare("after");
	cr_expect(prepare("at last"));
	cr_expect_eq(list_cache(), 1);
}

/* Landlock lets the child see that the groups file is the same (stat), but not open it: only a compilation needs that. */
static int prepare_without_groups(const void *context)
{
	struct landlock_rule rule = {.path = folder, .access = LANDLOCK_WRITE};
	struct landlock_plan plan = {.enabled = true, .rules = &rule, .rule_count = 1};
	struct seccomp_program program = {0};

	(void)context;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_apply(&plan, NULL) < 0)
		return 100;
	return seccomp_prepare(&spec, &program, NULL) == 0 && program.from_cache ? 0 : 1;
}

Test(seccomp_cache, a_hit_reads_no_groups)
{
	if (landlock_abi() < LANDLOCK_ABI_FILES)
		cr_skip_test("no Landlock here");
	cr_expect_eq(in_child(prepare_without_groups, NULL), 1, "a miss needs them");
	cr_assert_not(prepare("first"));
	cr_expect_eq(in_child(prepare_without_groups, NULL), 0);
}
