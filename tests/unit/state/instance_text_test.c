#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "state/instance.h"

static const char head[] = "carrel-instance 1\nid 0123456789ab\nprofile default\nlauncher 10 20\ninit 11 21\nstarted 5 6\n";

static int parse(struct arena *arena, const char *text, struct instance *ret)
{
	return instance_parse(arena, text, strlen(text), ret);
}

Test(instance_text, survives)
{
	const char *const argv[] = {"make", "a\nb", "\\x41", "\xff\x1b[2J", "", NULL};
	struct instance instance = {
	    .id = "0123456789ab",
	    .name = "web",
	    .profile = "build+./x y.yaml",
	    .cgroup = "/sys/fs/cgroup/a b",
	    .argv = argv,
	    .launcher = {10, 20},
	    .init = {11, 21},
	    .started_boot_ms = 5,
	    .started_wall_ms = 6,
	    .limits = {{"memory", 1ULL << 40, "cgroup"}, {"tasks", 10, "none"}},
	    .limit_count = 2,
	};
	struct instance again;
	struct arena arena = {0};
	struct buf first = {0}, second = {0};

	instance_format(&instance, &first);
	cr_assert_eq(parse(&arena, first.text, &again), 0, "%s", first.text);
	instance_format(&again, &second);
	cr_expect_str_eq(first.text, second.text);
	for (size_t i = 0; i < ARRAY_SIZE(argv) - 1; i++)
		cr_expect_str_eq(again.argv[i], argv[i]);
	cr_expect_null(again.argv[ARRAY_SIZE(argv) - 1]);
	cr_expect_null(again.root);
	cr_expect_eq(instance_limit(&again, "memory")->value, 1ULL << 40);
	cr_expect_null(instance_limit(&again, "tasks"), "one that does not hold is none");
	buf_done(&first);
	buf_done(&second);
	arena_done(&arena);
}

static const struct {
	const char *name, *rest;
	int result;
} cases[] = {
	{"good", "arg x\nend\n", 0},
	{"no arguments", "end\n", 0},
	{"no end", "arg x\n", -EBADMSG},
	{"text behind the end", "end\nx\n", -EBADMSG},
	{"no last line end", "end", -EBADMSG},
	{"twice", "id 0123456789ab\nend\n", -EBADMSG},
	{"unknown key", "mood good\nend\n", -EBADMSG},
	{"no value", "arg\nend\n", -EBADMSG},
	{"control character", "arg \x1b[2J\nend\n", -EBADMSG},
	{"zero byte in an escape", "arg a\\x00b\nend\n", -EBADMSG},
	{"unfinished escape", "arg a\\x0\nend\n", -EBADMSG},
	{"relative cgroup", "cgroup a\nend\n", -EBADMSG},
	{"cgroup that leads up", "cgroup /sys/fs/cgroup/../../etc\nend\n", -EBADMSG},
	{"limit without a rung", "limit memory 5\nend\n", -EBADMSG},
	{"limit with a sign", "limit memory -5 cgroup\nend\n", -EBADMSG},
	{"limit with capitals", "limit MEMORY 5 cgroup\nend\n", -EBADMSG},
	{"limit too large", "limit memory 99999999999999999999 cgroup\nend\n", -EBADMSG},
	{"limit and more", "limit memory 5 cgroup x\nend\n", -EBADMSG},
};

Test(instance_text, is_strict)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct instance instance;
		struct buf text = {0};

		buf_puts(&text, head);
		buf_puts(&text, cases[i].rest);
		cr_expect_eq(parse(&arena, text.text, &instance), cases[i].result, "%s", cases[i].name);
		buf_done(&text);
		arena_done(&arena);
	}
}

Test(instance_text, needs_its_fields)
{
	struct arena arena = {0};
	struct instance instance;

	cr_expect_eq(parse(&arena, "", &instance), -EBADMSG);
	cr_expect_eq(parse(&arena, "\n", &instance), -EBADMSG);
	cr_expect_eq(parse(&arena, "carrel-instance 2\nend\n", &instance), -EBADMSG);
	cr_expect_eq(parse(&arena, "carrel-instance 1\nend\n", &instance), -EBADMSG);
	cr_expect_eq(instance_parse(&arena, "a\0b\n", 4, &instance), -EBADMSG);
	arena_done(&arena);
}
