/* Sandboxes in sandboxes: only where the outer profile lets them, and then wholly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "e2e/harness.h"

HARNESS_SUITE(nest);

static const struct nested {
	const char *name, *profile, *command;
	int status;
	const char *out, *err;
} cases[] = {
	{"not by default: unshare", "@default", "unshare -Ur true", 1, NULL, "unshare failed"},
	{"not by default: carrel", "@default", "\"$0\" run -- true", 125, NULL, "system call filter"},
	{"a user namespace", "@nest", "unshare -Ur id -u", 0, "0\n", NULL},
	{"carrel", "@nest", "\"$0\" run -- sh -c 'id -u; touch made; test $(ls /proc | grep -c \"^[0-9]\") -lt 9 && echo few' && ls made", 0, "\nfew\nmade\n", NULL},
	{"carrel, denied things", "@nest", "\"$0\" run -- sh -c 'unshare -Ur true || echo no; touch /etc/x || echo no'", 0, "no\nno\n", NULL},
	{"the inner status", "@nest", "\"$0\" run -- sh -c 'exit 17'", 17, NULL, NULL},
	{"three deep", "@nest", "\"$0\" run @nest -- \"$0\" run -- echo deep", 0, "deep\n", NULL},
	{"a layer inside", "@nest", "\"$0\" run --set filesystem.writes=discard --overlay kernel -- sh -c 'touch /x && echo wrote'", 0, "wrote\n", NULL},
	{"the outer masks hold", "@nest", "echo 1 >/proc/sysrq-trigger || test -w /proc/sys/kernel/core_pattern || echo masked", 0, "masked\n", NULL},
	{"bubblewrap", "@nest", "bwrap --unshare-all --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp sh -c 'test $(ls /proc | grep -c \"^[0-9]\") -lt 9 && echo few'", 0, "few\n", NULL},
};

/* Wherever the source tree lies, the working directory is there at every depth: run a copy in it. */
static const char *copy_program(void)
{
	struct harness_result copy = harness_run(&(const struct harness_run){.program = "/bin/sh", ARGV("-c", "mkdir -p copy/build && cp \"$0\" copy/build/carrel && cp -R \"$1/profiles\" copy/ && pwd",
	    harness_program(), harness_tree())});
	static char path[4096];

	harness_expect_status("copy", &copy, 0);
	(void)snprintf(path, sizeof(path), "%.*s/copy/build/carrel", (int)strcspn(copy.out, "\n"), copy.out);
	harness_done(&copy);
	return path;
}

Test(nest, as_the_profile_says)
{
	harness_requires_program("bwrap");
	const char *program = copy_program();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct nested *c = &cases[i];
		struct harness_result result = HARNESS("run", c->profile, "--", "sh", "-c", c->command, program);

		harness_expect_status(c->name, &result, c->status);
		if (c->out)
			harness_expect_out(c->name, &result, c->out);
		if (c->err)
			harness_expect_err(c->name, &result, c->err);
		harness_done(&result);
	}
}

/* Root in a user namespace that another program made (unshare of util-linux): its ids are the ones to give on, if they are several and setgroups(2) is allowed there. */
static const struct {
	const char *name, *outer, *words;
	int status;
	const char *out, *err;
} foreign[] = {
	{"a single id: the range falls back", "unshare -r", "run -u root --rootfs \"$1\" id -u", 0, "0\n", "note: only one id inside: this user namespace has given setgroups(2) up"},
	{"a single id: the range was asked for", "unshare -r", "run --userns subids -- true", 125, "", "hint: use --userns single"},
	{"several ids", "unshare --user --map-users=auto --map-groups=auto --map-root-user", "run -u daemon --rootfs \"$1\" id -un", 0, "daemon\n", ""},
};

Test(nest, in_a_namespace_of_somebody_else)
{
	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		struct harness_result result;

		if (system(harness_text("%s true 2>/dev/null", foreign[i].outer)) != 0) { /* older util-linux has no `auto` */
			harness_skip(foreign[i].name, "unshare cannot do this here");
			continue;
		}
		result = harness_run(&(const struct harness_run){.program = "/bin/sh",
			ARGV("-c", harness_text("%s \"$0\" %s", foreign[i].outer, foreign[i].words), harness_program(), harness_root("busybox"))});
		harness_expect_status(foreign[i].name, &result, foreign[i].status);
		harness_expect_out(foreign[i].name, &result, foreign[i].out);
		harness_expect_err(foreign[i].name, &result, foreign[i].err);
		harness_done(&result);
	}
}
