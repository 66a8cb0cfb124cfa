#include "isolate/cgroup_parts.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"

TestSuite(cgroup_values);

static void put(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%s", file);
	cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
	(void)fd_close(fd);
}

static int open_folder(char path[32])
{
	(void)strcpy(path, "/tmp/carrel-cgroup.XXXXXX");
	cr_assert_not_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Test(cgroup_values, processor_quota)
{
	static const struct {
		const char *name, *text;
		uint64_t thousandths;
	} cases[] = {
		{"half", "50000 100000", 500},
		{"two and a half", "250000 100000", 2500},
		{"least of the usual period", "1000 100000", 10},
		{"less needs a longer one", "9000 1000000", 9},
		{"least of all", "1000 1000000", 1},
	};
	char text[CGROUP_VALUE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cgroup_format_cpus(cases[i].thousandths, text);
		cr_expect_str_eq(text, cases[i].text, "%s: %s", cases[i].name, text);
	}
}

Test(cgroup_values, disks)
{
	static const struct {
		const char *name, *number;
	} disks[] = {{"sda", "8:0\n"}, {"loop0", "7:0\n"}, {"zram0", "254:0\n"}, {"ram1", "1:1\n"}, {"odd", "x\n"}};
	char path[32];
	int dir = open_folder(path);

	for (size_t i = 0; i < ARRAY_SIZE(disks); i++) {
		cleanup_free char *file = mem_printf("%s/dev", disks[i].name);

		cr_assert_eq(mkdirat(dir, disks[i].name, 0755), 0);
		put(dir, file, disks[i].number);
	}
	cleanup_free char *list = cgroup_list_disks(dir);
	cr_expect_str_eq(list, "8:0 ");
	(void)fd_close(dir);
	cr_expect_eq(path_remove_tree(AT_FDCWD, path), 0);
}

Test(cgroup_values, what_the_files_get)
{
	static const struct {
		const char *name, *file, *text; /* text NULL: no such file, and an error */
		enum limit limit;
		uint64_t value;
	} cases[] = {
		{"memory", "memory.max", "4096", LIMIT_MEMORY, 4096},
		{"memory without a swap limit, as docker's", "memory.swap.max", "4096", LIMIT_MEMORY, 4096},
		{"memory kills the whole tree", "memory.oom.group", "1", LIMIT_MEMORY, 4096},
		{"high", "memory.high", "1", LIMIT_MEMORY_HIGH, 1},
		{"no swap", "memory.swap.max", "0", LIMIT_SWAP, 0},
		{"tasks", "pids.max", "9", LIMIT_TASKS, 9},
		{"cpus", "cpu.max", "150000 100000", LIMIT_CPUS, 1500},
		{"cpu weight", "cpu.weight", "20", LIMIT_CPU_WEIGHT, 20},
		{"cpuset", "cpuset.cpus", "0-3,6", LIMIT_CPUSET, 0},
		{"weight", "io.weight", "default 7", LIMIT_IO_WEIGHT, 7},
		{"weight of bfq", "io.bfq.weight", "default 1000", LIMIT_IO_WEIGHT, 10000},
		{"half delegated: memory", "memory.max", NULL, LIMIT_MEMORY, 1},
		{"half delegated: tasks", "pids.max", NULL, LIMIT_TASKS, 1},
		{"half delegated: weight", "io.weight", NULL, LIMIT_IO_WEIGHT, 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct limit_spec spec = {.cpuset = "0-3,6"};
		struct error err = {0};
		char path[32], text[CGROUP_TEXT];
		int dir = open_folder(path);

		spec.values[cases[i].limit] = (struct limit_value){.is_set = true, .value = cases[i].value, .at = {.file = "p.yaml", .line = 7}};
		if (cases[i].limit == LIMIT_MEMORY && cases[i].text) {
			put(dir, "memory.max", "");
			put(dir, "memory.swap.max", "");
			put(dir, "memory.oom.group", "");
		}
		if (cases[i].text)
			put(dir, cases[i].file, "");
		int r = cgroup_set_values(dir, path, "/nowhere", &spec, ~0u, ~0u, &err);
		if (cases[i].text) {
			cr_expect_eq(r, 0, "%s: %s: %s", cases[i].name, err.what, err.cause);
			cr_expect_str_eq(cgroup_read_text(dir, cases[i].file, text), cases[i].text, "%s: '%s'", cases[i].name, text);
		} else {
			cr_expect(r == -ENOENT && err.line == 7 && !strcmp(err.key, limit_key(cases[i].limit)), "%s: %d %s", cases[i].name, r, err.what);
		}
		(void)fd_close(dir);
		cr_expect_eq(path_remove_tree(AT_FDCWD, path), 0);
	}
}

Test(cgroup_values, controller_that_is_not_there)
{
	struct limit_spec spec = {.values[LIMIT_TASKS] = {.is_set = true, .value = 1, .at = {.file = "p.yaml", .line = 3}}};
	struct error err = {0};

	cr_expect_eq(cgroup_set_values(-1, "/x", "/nowhere", &spec, ~0u, CGROUP_MEMORY, &err), -EOPNOTSUPP);
	cr_expect_eq(err.line, 3);
	cr_expect_eq(cgroup_set_values(-1, "/x", "/nowhere", &spec, 0, CGROUP_MEMORY, &err), 0, "it is not in the mask");
}
