/* The main job, for real: somebody else's source is built inside. */
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(build);

Test(build, a_debian_source_package)
{
	const char *source = harness_root("source");
	struct harness_result result;

	harness_requires_program("dpkg-buildpackage");
	harness_requires_program("dh");
	(void)harness_shell(harness_text("mkdir package && cp '%s'/* package", source));
	result = harness_run(&(struct harness_run){.cwd = harness_path("package"), .timeout_ms = 200000,
		ARGV("run", "@build", "--", "sh", "-ec", "dpkg-source -x *.dsc; cd */; dpkg-buildpackage -us -uc; dpkg-deb --contents ../tree_*.deb")});
	harness_expect_status("dpkg-buildpackage", &result, 0);
	harness_expect_out("dpkg-buildpackage", &result, "./usr/bin/tree");
	cr_expect_str_eq(harness_shell("stat -c %U package/tree_*.deb"), harness_shell("id -un"));
	harness_done(&result);
	result = harness_run(&(struct harness_run){.cwd = harness_path("package"),
		ARGV("run", "@build", "--", "sh", "-ec", "dpkg-deb -x tree_*.deb out; out/usr/bin/tree --noreport out/usr/bin")});
	harness_expect_out("what was built", &result, "tree");
	harness_done(&result);
}

/* carrel itself; the C library's static archives, where they are, make it as `make` does outside. */
Test(build, carrel_itself)
{
	struct harness_result result;

	harness_requires_program("gcc");
	(void)harness_shell(harness_text("mkdir carrel && tar -C '%s' -cf - Makefile src profiles contrib | tar -C carrel -xf -", harness_tree()));
	result = harness_run(&(struct harness_run){.cwd = harness_path("carrel"), .timeout_ms = 200000, ARGV("run", "@build", "--", "make", "-s", "-j2", "CFLAGS=-O0")});
	harness_expect_status("make", &result, 0);
	harness_done(&result);
	result = harness_run(&(struct harness_run){.program = harness_path("carrel/build/carrel"), ARGV("run", "--", "sh", "-c", "echo built by itself; touch /etc/x || exit 3")});
	harness_expect_status("what was built", &result, 3);
	harness_expect_out("what was built", &result, "built by itself");
	harness_done(&result);
}

/* The user's own git must not run what was planted from inside. */
Test(build, leaves_gits_hooks_alone)
{
	struct harness_result result;

	harness_requires_program("git");
	(void)harness_shell("git init -q repo && cd repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one");
	result = harness_run(&(struct harness_run){.cwd = harness_path("repo"), ARGV("run", "@build", "--", "sh", "-c",
		"echo 'touch planted' >.git/hooks/post-commit; chmod +x .git/hooks/post-commit; git config core.fsmonitor 'touch planted'; mv .git x; mkdir -p .git/hooks; git log --oneline")});
	harness_expect_out("log", &result, "one");
	harness_done(&result);
	(void)harness_shell("cd repo && git status >/dev/null && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m two");
	cr_expect(access(harness_path("repo/planted"), F_OK) < 0, "what was planted ran outside");
}
