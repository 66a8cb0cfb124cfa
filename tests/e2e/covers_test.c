/* What is hidden and protected inside a writable directory of the host, there or not: it holds against every way of making, replacing and moving that
 * a shell has, and leaves no trace on the host. Each script must get through where nothing is protected, or it would prove nothing. */
#include <signal.h>

#include "e2e/harness.h"

HARNESS_SUITE(covers);

static const struct cover {
	const char *name, *key, *paths, *setup, *script;
	const char *also; /* what the script may leave, as a name in the project; it is removed before the comparison */
} covers[] = {
	{"a file", "protect", "[$PWD/.env]", "echo s >.env", "echo x >.env; rm -f .env; mv .env y; ln -sf y .env; mkdir .env", NULL},
	{"a file through its folder", "protect", "[$PWD/a/b/.env]", "mkdir -p a/b && echo s >a/b/.env", "mv a c; mv a/b a/d; rm -rf a; mkdir -p a/b; echo x >a/b/.env", NULL},
	{"a folder", "protect", "[$PWD/.git/hooks]", "mkdir -p .git/hooks && echo h >.git/hooks/h",
		"echo x >.git/hooks/h; touch .git/hooks/new; rm -rf .git; mv .git x; mkdir -p .git/hooks; rmdir .git/hooks; chmod 777 .git/hooks", NULL},
	{"an absent file", "protect", "[$PWD/.env]", "true", "echo x >.env; mkdir .env; rm -rf .env; mv .env y; ln -sf y .env; echo x >.env", NULL},
	{"an absent folder", "protect", "[$PWD/.hooks/]", "true", "mkdir .hooks; touch .hooks/x; rm -rf .hooks; mv .hooks y; mkdir -p .hooks/x", NULL},
	{"absent below an absent folder", "protect", "[$PWD/.git/hooks]", "true", "mkdir -p .git/hooks; mv .git x; rm -rf .git; mkdir -p .git/hooks; echo x >.git/hooks/h", NULL},
	{"absent in a present folder", "protect", "[$PWD/.git/hooks/]", "mkdir .git", "mkdir .git/hooks; mv .git x; mkdir -p .git/hooks; echo x >.git/hooks/h", NULL},
	{"a symlink", "protect", "[$PWD/.env]", "echo s >real && ln -s real .env", "echo x >.env; echo x >real; rm -f .env; mv real r; echo x >.env", NULL},
	{"a dangling symlink", "protect", "[$PWD/.env]", "ln -s real .env", "echo x >.env; echo x >real; rm -f .env; ln -sf other .env; mkdir real", NULL},
	{"a dangling symlink on the way", "protect", "[$PWD/.git/hooks]", "ln -s git .git", "rm -f .git; mkdir git; mkdir -p .git/hooks; echo x >.git/hooks/h; mv .git y", NULL},
	{"a dangling chain", "protect", "[$PWD/.env]", "ln -s one .env && ln -s sub/../two one && mkdir sub", "echo x >two; echo x >one; rm -f one; mv one y; echo x >.env", NULL},
	{"a symlink on the way", "protect", "[$PWD/.git/hooks]", "mkdir -p git/hooks && ln -s git .git", "rm -f .git; mkdir -p .git/hooks; touch git/hooks/h; mv git g; mkdir -p git/hooks", NULL},
	{"two at once", "protect", "[$PWD/.env, $PWD/.git/hooks/]", "true", "echo x >.env; mkdir -p .git/hooks; mv .git x; mv .env y", NULL},
	{"a folder inside a hidden one", "hide", "[$PWD/.git, $PWD/.git/hooks]", "mkdir -p .git/hooks && echo secret >.git/hooks/h", "cat .git/hooks/h; mv .git x; rm -rf .git; mkdir -p .git/hooks", NULL},
	{"a hidden file", "hide", "[$PWD/.env]", "echo secret >.env", "cat .env; echo x >.env; rm -f .env; mv .env y; cat y", NULL},
	{"a hidden folder", "hide", "[$PWD/keys]", "mkdir keys && echo secret >keys/k", "cat keys/k; touch keys/x; mv keys y; rm -rf keys; cat y/k; mkdir keys", NULL},
	{"a hidden symlink", "hide", "[$PWD/.env]", "echo secret >real && ln -s real .env", "cat .env; cat real; rm -f .env; mv real r; cat r", NULL},
	{"a hidden absent file", "hide", "[$PWD/.env]", "true", "echo x >.env; mkdir .env; mv .env y; rm -rf .env", NULL},
	{"new files beside", "protect", "[$PWD/.env]", "true", "echo new >ok; echo x >.env", "ok"},
};

static const char *prepare(const struct cover *cover)
{
	(void)harness_shell(harness_text("test ! -e project || chmod -R u+rwx project; rm -rf project; mkdir project; cd project; %s", cover->setup));
	return harness_snapshot(harness_path("project"));
}

static struct harness_result attempt(const struct cover *cover, bool covered)
{
	const char *script = harness_text("(%s) 2>/dev/null; true", cover->script);
	const char *setting = harness_text("filesystem.%s=%s", cover->key, cover->paths);

	return harness_run(&(struct harness_run){.cwd = harness_path("project"),
		.argv = harness_words(covered ? HARNESS_WORDS("run", "--set", setting) : HARNESS_WORDS("run"), HARNESS_WORDS("--", "sh", "-c", script))});
}

Test(covers, hold_and_leave_no_trace)
{
	for (size_t i = 0; i < ARRAY_SIZE(covers); i++) {
		const struct cover *c = &covers[i];
		const char *before = prepare(c), *after;
		struct harness_result result = attempt(c, false);

		cr_expect_str_neq(harness_snapshot(harness_path("project")), before, "%s: does nothing even where nothing is covered", c->name);
		harness_done(&result);
		before = prepare(c);
		result = attempt(c, true);
		harness_expect_status(c->name, &result, 0);
		cr_expect(!strstr(result.out, "secret"), "%s: what was hidden was read", c->name);
		harness_done(&result);
		if (c->also)
			(void)harness_shell(harness_text("rm project/%s", c->also));
		after = harness_snapshot(harness_path("project"));
		cr_expect_str_eq(after, before, "%s: before:\n%safter:\n%s", c->name, before, after);
		cr_expect_str_eq(harness_shell("find project -type f -exec grep -l x {} + || true"), "", "%s: a file was changed", c->name);
	}
}

/* --- the launcher dies, and several at once ------------------------------------------------------------------------------------- */

static struct harness_started start_covered(const char *script)
{
	return harness_start(&(struct harness_run){.cwd = harness_path("project"),
		ARGV("run", "--set", "filesystem.protect=[$PWD/.env, $PWD/.git/hooks/]", "--set", "filesystem.hide=[$PWD/keys]", "--", "sh", "-c", script)});
}

Test(covers, no_trace_after_sigkill)
{
	static const char *const setups[] = {"true", "mkdir -p .git/hooks keys && touch .env", "mkdir .git"};

	for (size_t i = 0; i < ARRAY_SIZE(setups); i++) {
		const char *before = prepare(&(struct cover){.setup = setups[i]});
		struct harness_started run = start_covered("touch ready; sleep 30");
		struct harness_result result;

		cr_assert(harness_wait_for(harness_path("project/ready"), 5000));
		cr_assert_eq(kill(run.pid, SIGKILL), 0);
		result = harness_finish(&run);
		harness_expect_status(setups[i], &result, 137);
		harness_done(&result);
		(void)harness_shell("rm project/ready");
		cr_expect_str_eq(harness_snapshot(harness_path("project")), before, "%s: a trace is left", setups[i]);
	}
}

/* Whichever ends first must take nothing from under the other. */
Test(covers, two_sandboxes_share_a_placeholder)
{
	static const char body[] = "touch ready%d; until test -e go%d; do sleep 0.05; done; echo x >.env || echo held; mkdir -p .git/hooks/x || echo held; mkdir keys || echo held";

	for (int last = 0; last < 2; last++) {
		const char *before = prepare(&(struct cover){.setup = "true"});
		struct harness_started runs[2];

		for (int i = 0; i < 2; i++) {
			runs[i] = start_covered(harness_text(body, i, i));
			cr_assert(harness_wait_for(harness_path("project/ready%d", i), 5000));
		}
		for (int i = 0; i < 2; i++) {
			int which = i == last ? 1 : 0;
			struct harness_result result;

			(void)harness_shell(harness_text("touch project/go%d", which));
			result = harness_finish(&runs[which]);
			harness_expect_out(which == last ? "the last" : "the first", &result, "held\nheld\nheld\n");
			harness_done(&result);
		}
		(void)harness_shell("rm project/go? project/ready?");
		cr_expect_str_eq(harness_snapshot(harness_path("project")), before, "a trace is left:\n%s", harness_snapshot(harness_path("project")));
	}
}

/* A file that the user makes meanwhile, over a placeholder, is the user's. */
Test(covers, what_the_user_makes_meanwhile_stays)
{
	struct harness_started run;
	struct harness_result result;

	(void)prepare(&(struct cover){.setup = "true"});
	run = start_covered("touch ready; until test -e go; do sleep 0.05; done");
	cr_assert(harness_wait_for(harness_path("project/ready"), 5000));
	(void)harness_shell("rm -f project/.env && echo mine >project/.env && touch project/go");
	result = harness_finish(&run);
	harness_expect_status("run", &result, 0);
	harness_done(&result);
	cr_expect_str_eq(harness_slurp(harness_path("project/.env")), "mine\n");
}
