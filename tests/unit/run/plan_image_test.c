#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "run/plan_image.h"
#include "util/buf.h"

enum { WORDS_MAX = 4 };

static void set_texts(struct arena *arena, struct image_texts *texts, const char *const words[])
{
	for (; words[texts->count]; texts->count++) {
		texts->items = arena_grow(arena, texts->items, texts->count, sizeof(*texts->items));
		texts->items[texts->count] = words[texts->count];
	}
}

/* --- what runs --- */

static const struct {
	const char *name;
	bool has_image;
	const char *entrypoint[WORDS_MAX], *command[WORDS_MAX]; /* the image's */
	const char *option;                                     /* --entrypoint */
	const char *words[WORDS_MAX];
	const char *said; /* NULL: an error, */
	const char *err;  /* with this in it */
} commands[] = {
	{"both of the image", true, {"e", "f"}, {"c", "d"}, NULL, {NULL}, "e f c d", NULL},
	{"the entrypoint alone", true, {"e"}, {NULL}, NULL, {NULL}, "e", NULL},
	{"the command alone", true, {NULL}, {"c"}, NULL, {NULL}, "c", NULL},
	{"words for the command", true, {"e"}, {"c", "d"}, NULL, {"x"}, "e x", NULL},
	{"words alone", true, {NULL}, {"c"}, NULL, {"x", "y"}, "x y", NULL},
	{"another entrypoint drops the command", true, {"e", "f"}, {"c"}, "n", {NULL}, "n", NULL},
	{"another entrypoint with words", true, {"e"}, {"c"}, "n", {"x"}, "n x", NULL},
	{"no entrypoint with words", true, {"e"}, {"c"}, "", {"x"}, "x", NULL},
	{"no entrypoint and nothing else", true, {"e"}, {"c"}, "", {NULL}, NULL, "no command specified"},
	{"an image without either", true, {NULL}, {NULL}, NULL, {NULL}, NULL, "no command specified"},
	{"an empty word is none of the image's", true, {NULL}, {"c"}, NULL, {""}, NULL, "the command is empty"},
	{"an empty word behind an entrypoint is one", true, {"e"}, {"c"}, NULL, {""}, "e ", NULL},
	{"the image's is empty", true, {""}, {NULL}, NULL, {NULL}, NULL, "no command specified"},
	{"no image", false, {NULL}, {NULL}, NULL, {"x", "y"}, "x y", NULL},
	{"no image, an entrypoint", false, {NULL}, {NULL}, "n", {"x"}, "n x", NULL},
	{"no image, an empty entrypoint", false, {NULL}, {NULL}, "", {"x"}, "x", NULL},
	{"nothing at all", false, {NULL}, {NULL}, NULL, {NULL}, NULL, "no command was given"},
};

Test(plan_image, commands)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct arena arena = {0};
		struct run_image image = {.name = "app"};
		struct request request = {.entrypoint = commands[i].option, .command = (char **)commands[i].words};
		cleanup_buf struct buf said = {0};
		struct error err = {0};
		char *const *words = NULL;
		int r;

		set_texts(&arena, &image.image.entrypoint, commands[i].entrypoint);
		set_texts(&arena, &image.image.command, commands[i].command);
		while (commands[i].words[request.command_count])
			request.command_count++;
		r = plan_image_command(&arena, &request, commands[i].has_image ? &image : NULL, &words, &err);
		for (size_t k = 0; words && words[k]; k++)
			buf_printf(&said, "%s%s", k ? " " : "", words[k]);
		if (commands[i].said) {
			cr_expect_eq(r, 0, "%s: %s", commands[i].name, err.what);
			cr_expect_str_eq(said.text ? said.text : "", commands[i].said, "%s: %s", commands[i].name, said.text);
		} else {
			cr_expect_eq(r, -EINVAL, "%s", commands[i].name);
			cr_expect(strstr(err.what, commands[i].err) || strstr(err.cause, commands[i].err), "%s: %s: %s", commands[i].name, err.what, err.cause);
			cr_expect(*err.hint, "%s", commands[i].name);
		}
		arena_done(&arena);
	}
}

/* --- as whom --- */

Test(plan_image, users)
{
	static const struct {
		const char *user, *text;
		uint32_t uid, gid;
		bool is_name;
	} cases[] = {
		{NULL, "0", 0, 0, false},
		{"", "0", 0, 0, false},
		{"root", "root", 0, 0, false},
		{"root:wheel", "root:wheel", 0, 0, false},
		{"0:0", "0:0", 0, 0, false},
		{"1000", "1000", 1000, 0, false},
		{"1000:50", "1000:50", 1000, 50, false},
		{"1000:desk", "1000:desk", 1000, 0, false},
		{"node", "node", 0, 0, true},
		{"node:50", "node:50", 0, 0, true},
		{"4294967295", "4294967295", 0, 0, true}, /* no id: whoever looks it up says so */
		{"-1", "-1", 0, 0, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct run_image image = {.image = {.user = cases[i].user}};
		struct plan_image_user user;

		plan_image_user(&image, &user);
		cr_expect_str_eq(user.text, cases[i].text, "'%s'", cases[i].user);
		cr_expect(user.uid == cases[i].uid && user.gid == cases[i].gid && user.is_name == cases[i].is_name, "'%s': %u:%u %d", cases[i].user, user.uid, user.gid, user.is_name);
	}
}

/* --- on what --- */

Test(plan_image, layers_topmost_first)
{
	const char *layers[] = {"/l/bottom", "/l/middle", "/l/top"};
	struct run_image image = {.image = {.layer_count = 3}, .layers = layers};
	struct arena arena = {0};
	struct plan plan = {.arena = &arena};

	plan_image_root(&plan, &image);
	cr_expect_eq(plan.tree.root, TREE_ROOT_LAYERED);
	cr_expect_str_eq(plan.tree.root_source, "/l/bottom");
	cr_assert_eq(plan.tree.lower_count, 2);
	cr_expect_str_eq(plan.tree.lower[0], "/l/top");
	cr_expect_str_eq(plan.tree.lower[1], "/l/middle");
	plan.tree = (struct tree_plan){.root = TREE_ROOT_HOST};
	image.image.layer_count = 1;
	plan_image_root(&plan, &image);
	cr_expect_str_eq(plan.tree.root_source, "/l/bottom");
	cr_expect_eq(plan.tree.lower_count, 0);
	image.image.layer_count = 0;
	plan_image_root(&plan, &image);
	cr_expect_eq(plan.tree.root, TREE_ROOT_EMPTY);
	arena_done(&arena);
}

Test(plan_image, volumes)
{
	static const struct {
		const char *name, *volume;
		bool read_only;
		const char *made, *kept; /* the directory; the entry; NULL: none */
	} cases[] = {
		{"made", "/data", false, "/data", NULL},
		{"stays writable", "/data", true, "/data", "/data"},
		{"is clean", "/a//b/../c/", true, "/a/c", "/a/c"},
		{"does not climb", "/../../data", true, "/data", "/data"},
		{"the root", "/", true, NULL, NULL},
		{"the root by a detour", "/a/..", true, NULL, NULL},
		{"proc", "/proc/sys", true, NULL, NULL},
		{"sys by a detour", "/x/../sys", true, NULL, NULL},
		{"dev", "/dev", true, NULL, NULL},
		{"a longer name", "/device", true, "/device", "/device"},
		{"relative, from a record that somebody wrote", "etc", true, "/etc", "/etc"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *volume = cases[i].volume;
		struct run_image image = {.image = {.volumes = {&volume, 1}}};
		struct arena arena = {0};
		struct plan plan = {.arena = &arena};

		plan_image_volumes(&plan, &image, cases[i].read_only);
		cr_expect_eq(plan.tree.directory_count, cases[i].made ? 1 : 0, "%s", cases[i].name);
		cr_expect_eq(plan.tree.entry_count, cases[i].kept ? 1 : 0, "%s", cases[i].name);
		cr_expect_eq(plan.note_count, cases[i].made ? 0 : 1, "%s", cases[i].name);
		if (plan.tree.directory_count)
			cr_expect_str_eq(plan.tree.directories[0], cases[i].made, "%s: %s", cases[i].name, plan.tree.directories[0]);
		if (plan.tree.entry_count) {
			cr_expect_eq(plan.tree.entries[0].kind, TREE_VOLUME, "%s", cases[i].name);
			cr_expect_str_eq(plan.tree.entries[0].target, cases[i].kept, "%s: %s", cases[i].name, plan.tree.entries[0].target);
		}
		arena_done(&arena);
	}
}

Test(plan_image, workdirs)
{
	static const struct {
		const char *workdir, *said;
	} cases[] = {{NULL, "/"}, {"/", "/"}, {"/srv/app/", "/srv/app"}, {"/a/../../b", "/b"}, {"relative", "/relative"}, {"", "/"}};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct run_image image = {.image = {.workdir = cases[i].workdir}};

		cr_expect_str_eq(plan_image_workdir(&arena, &image), cases[i].said, "'%s'", cases[i].workdir);
	}
	arena_done(&arena);
}

/* --- how it ends --- */

Test(plan_image, signals)
{
	const struct {
		const char *text;
		int signal;
	} cases[] = {
		{"SIGTERM", SIGTERM}, {"TERM", SIGTERM}, {"sigquit", SIGQUIT}, {"9", SIGKILL}, {"SIGRTMIN+3", SIGRTMIN + 3}, {"RTMIN", SIGRTMIN}, {"SIGRTMAX-1", SIGRTMAX - 1},
		{"rtmax", SIGRTMAX}, {"SIGWINCH", SIGWINCH}, {"", 0}, {"SIG", 0}, {"SIGSIGTERM", 0}, {"0", 0}, {"-1", 0}, {"65", 0}, {"SIGRTMIN+99", 0}, {"SIGRTMIN-1", 0},
		{"SIGRTMIN+", 0}, {"SIGNOTHING", 0}, {"TERM ", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(plan_image_signal(cases[i].text), cases[i].signal, "'%s': %d", cases[i].text, plan_image_signal(cases[i].text));
}
