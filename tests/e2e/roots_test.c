/* Real roots under a writable layer: both overlays, both rungs of ids, and what is left of the writing afterwards. */
#include <signal.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(roots);

static const struct rung {
	const char *name, *overlay, *ids;
} rungs[] = {
	{"kernel, a range", "kernel", "subids"},
	{"kernel, one id", "kernel", "single"},
	{"fuse, a range", "fuse", "subids"},
	{"fuse, one id", "fuse", "single"},
};

static void requires_all(void)
{
	harness_requires_fuse();
	harness_requires_subids();
	harness_requires_kernel_overlay();
}

static const char *const *options(const struct rung *rung, const char *root)
{
	return harness_words(HARNESS_WORDS("run", "@container", "--overlay"), HARNESS_WORDS(rung->overlay, "--userns", rung->ids, "--rootfs", root));
}

static const struct script {
	const char *name, *script;
	int status;
	const char *out;
	bool range_only;
} scripts[] = {
	{"who", "id -un; test -w /etc/shadow && echo may-write", 0, "root\nmay-write\n", false},
	{"new files", "echo a >/new && echo b >/etc/new && cat /new /etc/new && ls /etc/new", 0, "a\nb\n/etc/new\n", false},
	{"files change", "echo x >>/etc/passwd && tail -n1 /etc/passwd", 0, "x\n", false},
	{"files go", "rm /etc/passwd && ls /etc/passwd", 2, "", false},
	{"a folder goes and comes back empty", "rm -r /usr/share/doc && mkdir /usr/share/doc && ls -A /usr/share/doc | wc -l", 0, "0\n", false},
	{"a folder is renamed", "mv /etc/skel /etc/skull && ls -A /etc/skull | wc -l && test ! -e /etc/skel", 0, "3\n", false},
	{"hard and symbolic links", "echo l >/a && ln /a /b && ln -s b /c && cat /c && stat -c %h /a", 0, "l\n2\n", false},
	{"modes stay", "stat -c %a /tmp /usr/bin/passwd /root", 0, "1777\n4755\n700\n", false},
	{"owners", "touch /f && chown 33:8 /f && stat -c %u:%g /f && chgrp shadow /etc/issue && stat -c %G /etc/issue", 0, "33:8\nshadow\n", true},
	{"another user", "chmod 755 /mnt && chown www-data /mnt && setpriv --reuid 33 --regid 33 --clear-groups sh -c 'touch /mnt/w && stat -c %U /mnt/w'", 0,
		"www-data\n", true},
	{"devices are there", "echo x >/dev/null && head -c3 /dev/zero | wc -c && test -c /dev/urandom && test -d /dev/pts && test -w /dev/shm", 0, "3\n", false},
	{"proc is its own", "cat /proc/1/comm && test -r /proc/self/status && ls /proc | grep -c '^[0-9]'", 0, "", false},
	{"mmap and exec", "cp /bin/true /t && chmod 755 /t && /t && echo ran", 0, "ran\n", false},
};

Test(roots, written_and_forgotten)
{
	const char *root = harness_root("bookworm");
	const char *marker;

	requires_all();
	marker = harness_file("marker", "");
	for (size_t r = 0; r < ARRAY_SIZE(rungs); r++) {
		for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
			const struct script *s = &scripts[i];
			const char *name = harness_text("%s: %s", rungs[r].name, s->name);

			if (s->range_only && rungs[r].ids[1] == 'i')
				continue;
			struct harness_result result = harness_run(
				&(struct harness_run){.argv = harness_words(options(&rungs[r], root), HARNESS_WORDS("--", "sh", "-c", s->script))});
			harness_expect_status(name, &result, s->status);
			harness_expect_out(name, &result, s->out);
			harness_done(&result);
		}
	}
	cr_expect_str_eq(harness_shell(harness_text("cd %s && tests/in-ids find %s -cnewer %s", harness_tree(), root, marker)), "", "the root was written to");
}

/* The archive may be out of reach: then the package comes from the cache of whoever prepared it, which no test can do for itself. */
static const char install[] = "apt-get -q update && apt-get install -qy --no-install-recommends jq && echo '{\"a\": [1, 2, 39]}' | jq '.a | add'";

Test(roots, apt_installs_a_package)
{
	const char *root = harness_root("bookworm");

	requires_all();
	for (size_t r = 0; r < ARRAY_SIZE(rungs); r += 2) {
		struct harness_result result = harness_run(&(struct harness_run){.timeout_ms = 120000,
			.argv = harness_words(options(&rungs[r], root), HARNESS_WORDS("--network", "host", "-v", "/etc/resolv.conf:/etc/resolv.conf:ro", "-u", "root", "--", "sh", "-c", install))});

		harness_expect_status(rungs[r].name, &result, 0);
		harness_expect_out(rungs[r].name, &result, "\n42\n");
		harness_done(&result);
		cr_expect(access(harness_text("%s/usr/bin/jq", root), F_OK) < 0, "%s: jq is in the root", rungs[r].name);
	}
}

Test(roots, deny)
{
	const char *root = harness_root("bookworm");

	harness_requires_subids();
	for (size_t i = 0; i < 2; i++) {
		const char *ids = i ? "single" : "subids";
		struct harness_result result =
			HARNESS("run", "@container", "--userns", ids, "--read-only", "--rootfs", root, "--", "sh", "-c", "touch /x; touch /etc/passwd; touch /dev/shm/x && echo shm");

		harness_expect_err(ids, &result, "'/x': Read-only file system");
		harness_expect_err(ids, &result, "'/etc/passwd': Read-only file system");
		harness_expect_out(ids, &result, "shm");
		harness_done(&result);
	}
}

/* --- kept -------------------------------------------------------------------------------------------------------------------- */

Test(roots, kept_by_name)
{
	const char *root = harness_root("bookworm");
	static const struct {
		const char *name, *sandbox, *script;
		int status;
		const char *out;
	} steps[] = {
		{"written", "first", "echo one >/kept && rm /etc/issue && mkdir /d && chown 7 /d && echo done", 0, "done"},
		{"seen again", "first", "cat /kept && ls /etc/issue", 2, "one"},
		{"owner kept", "first", "stat -c %u /d", 0, "7"},
		{"not in another", "second", "ls /etc/issue /kept", 2, "/etc/issue"},
		{"nor without a name", NULL, "ls /etc/issue /kept", 2, "/etc/issue"},
		{"nor after --rm", "first", "ls /kept", 0, "/kept"},
	};

	requires_all();
	for (size_t r = 0; r < ARRAY_SIZE(rungs); r += 2) {
		const char *store = harness_text("CARREL_ROOT=%s", harness_path("store-%zu", r));

		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			const char *const *name = steps[i].sandbox ? HARNESS_WORDS("--name", steps[i].sandbox) : HARNESS_WORDS(NULL);
			struct harness_result result = harness_run(&(struct harness_run){ENVIRONMENT(store),
				.argv = harness_words(options(&rungs[r], root), harness_words(name, HARNESS_WORDS("--", "sh", "-c", steps[i].script)))});
			const char *row = harness_text("%s: %s", rungs[r].name, steps[i].name);

			harness_expect_status(row, &result, steps[i].status);
			harness_expect_out(row, &result, steps[i].out);
			harness_done(&result);
		}
	}
}

Test(roots, one_at_a_time_by_name)
{
	const char *root = harness_root("busybox"), *store = harness_text("CARREL_ROOT=%s", harness_path("store"));
	const char *ready = harness_path("ready");
	struct harness_started first;
	struct harness_result result;

	harness_requires_subids();
	first = harness_start(&(struct harness_run){ENVIRONMENT(store),
		ARGV("run", "@container", "--rootfs", root, "--name", "one", "-v", harness_text("%s:/out", harness_tmp()), "--", "sh", "-c", "touch /out/ready; sleep 20")});
	cr_assert(harness_wait_for(ready, 5000));
	result = harness_run(&(struct harness_run){ENVIRONMENT(store), ARGV("run", "@container", "--rootfs", root, "--name", "one", "--", "true")});
	harness_expect_status("second", &result, 125);
	harness_expect_err("second", &result, "it is running already");
	harness_done(&result);
	cr_assert_eq(kill(first.pid, SIGKILL), 0);
	result = harness_finish(&first);
	harness_done(&result);
	result = harness_run(&(struct harness_run){ENVIRONMENT(store), ARGV("run", "@container", "--rootfs", root, "--name", "one", "--", "echo", "again")});
	harness_expect_out("after a SIGKILL", &result, "again");
	harness_done(&result);
}

/* --- several layers ------------------------------------------------------------------------------------------------------------ */

Test(roots, several_lower_layers)
{
	const char *root = harness_root("busybox");
	const char *lower;

	requires_all();
	(void)harness_shell("mkdir -p top/etc middle/etc && echo top >top/etc/which && echo middle >middle/etc/which && echo middle >middle/etc/only && chmod 755 top middle");
	lower = harness_text("filesystem.lower=[%s/top, %s/middle]", harness_tmp(), harness_tmp());
	for (size_t r = 0; r < ARRAY_SIZE(rungs); r++) {
		struct harness_result result = harness_run(&(struct harness_run){.argv = harness_words(options(&rungs[r], root),
		                                               HARNESS_WORDS("--set", lower, "--", "sh", "-c", "cat /etc/which /etc/only; tail -n1 /etc/passwd; echo n >/etc/which && cat /etc/which"))});

		harness_expect_status(rungs[r].name, &result, 0);
		harness_expect_out(rungs[r].name, &result, "top\nmiddle\nada:x:1000:1000:Ada:/home/ada:/bin/sh\nn\n");
		harness_done(&result);
	}
	cr_expect_str_eq(harness_slurp(harness_path("top/etc/which")), "top\n");
}

/* --- the host as the root ------------------------------------------------------------------------------------------------------ */

Test(roots, host_with_discarded_writes)
{
	const char *before;

	requires_all();
	(void)harness_shell("mkdir -p project/deep && echo a >project/deep/file");
	before = harness_snapshot(harness_path("project"));
	for (size_t r = 0; r < ARRAY_SIZE(rungs); r++) {
		struct harness_result result = harness_run(&(struct harness_run){.cwd = harness_path("project"),
			ARGV("run", "--set", "filesystem.writes=discard", "-v", harness_text("%s:%s:discard", harness_path("project"), harness_path("project")),
		        "--overlay", rungs[r].overlay, "--userns", rungs[r].ids, "--", "sh", "-c",
		        "touch /zz && echo b >deep/file && rm -r deep && echo c >new && cat new && ls /proc/self/exe /sys/kernel >/dev/null && ls / | grep -c '^usr$'")});

		harness_expect_status(rungs[r].name, &result, 0);
		harness_expect_out(rungs[r].name, &result, "c\n1\n");
		harness_done(&result);
		cr_expect_str_eq(harness_snapshot(harness_path("project")), before, "%s: the host was written to", rungs[r].name);
	}
}
