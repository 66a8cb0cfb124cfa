/* SIGKILL of the launcher, at any moment: no process, no mount, no FUSE server, no placeholder and no scratch stays. The harness counts the processes. */
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(killed);

enum { ROUNDS = 50 };

static void pause_us(unsigned us)
{
	const struct timespec t = {0, (long)us * 1000};

	(void)nanosleep(&t, NULL);
}

/* The moments lie between the first instruction and a command that has run for a while. A start takes a few milliseconds. */
static unsigned moment(size_t round)
{
	return (unsigned)(round * round * 12);
}

static const struct kind {
	const char *name;
	const char *const *options;
} kinds[] = {
	{"plain", HARNESS_WORDS(NULL)},
	{"placeholders", HARNESS_WORDS("--set", "filesystem.protect=[$PWD/.env, $PWD/.git/hooks/]", "--set", "filesystem.hide=[$PWD/keys/]")},
	{"fuse", HARNESS_WORDS("--overlay", "fuse", "--userns", "subids", "--set", "filesystem.writes=discard")},
	{"kernel's overlay", HARNESS_WORDS("--overlay", "kernel", "--userns", "subids", "--set", "filesystem.writes=discard")},
};

/* On the host: what names the project among the mounts, and what carrel left in its folders. */
static const char *traces(void)
{
	return harness_shell("grep -c carrel-e2e /proc/self/mounts || true; find \"$XDG_RUNTIME_DIR\" -path '*scratch*' 2>/dev/null || true");
}

static void kill_at_moments(const struct kind *kind, size_t rounds)
{
	const char *before, *mounts = traces();

	(void)harness_shell("mkdir -p project");
	before = harness_snapshot(harness_path("project"));
	for (size_t i = 0; i < rounds; i++) {
		struct harness_started run = harness_start(&(struct harness_run){.cwd = harness_path("project"),
			.argv = harness_words(HARNESS_WORDS("run"), harness_words(kind->options, HARNESS_WORDS("--", "sh", "-c", "setsid sleep 100 & sleep 100")))});
		struct harness_result result;

		pause_us(moment(i * ROUNDS / rounds));
		cr_assert_eq(kill(run.pid, SIGKILL), 0);
		result = harness_finish(&run);
		cr_expect_eq(result.status, 137, "%s: ended by itself with %d: %s", kind->name, result.status, result.err);
		cr_expect_eq(result.left_behind, 0, "%s, after %u us: a process is left", kind->name, moment(i));
		harness_done(&result);
	}
	cr_expect_str_eq(harness_snapshot(harness_path("project")), before, "%s: a trace is left:\n%s", kind->name, harness_snapshot(harness_path("project")));
	cr_expect_str_eq(traces(), mounts, "%s: a mount or scratch is left", kind->name);
}

Test(killed, plain)
{
	kill_at_moments(&kinds[0], ROUNDS);
}

Test(killed, with_placeholders)
{
	kill_at_moments(&kinds[1], ROUNDS);
}

Test(killed, with_layers)
{
	harness_requires_fuse();
	harness_requires_subids();
	kill_at_moments(&kinds[2], ROUNDS / 2);
	kill_at_moments(&kinds[3], ROUNDS / 4);
}

/* Init cannot be ended by the payload, and takes all with it when it is ended from outside. */
Test(killed, init_from_inside)
{
	struct harness_result result = HARNESS("run", "-u", "root", "--", "sh", "-c", "kill -KILL 1; kill -TERM 1; kill -STOP 1; echo alive");

	harness_expect_status("init", &result, 0);
	harness_expect_out("init", &result, "alive");
	harness_done(&result);
}

/* The FUSE server dies: the command gets errors, and the sandbox ends as ever. */
Test(killed, the_fuse_server)
{
	struct harness_started run;
	struct harness_result result;
	const char *pid;

	harness_requires_fuse();
	harness_requires_subids();
	run = harness_start(&(struct harness_run){.timeout_ms = 20000,
		ARGV("run", "--overlay", "fuse", "--set", "filesystem.writes=discard", "--", "sh", "-c", "touch ready; until test -e go; do sleep 0.05; done; ls /etc; exit 9")});
	cr_assert(harness_wait_for(harness_path("ready"), 10000));
	pid = harness_shell(harness_text("for p in /proc/[0-9]*; do grep -qs '^PPid:.%d$' $p/status && grep -qs fuse-overlayfs $p/comm && echo ${p#/proc/}; done; true", (int)run.pid));
	cr_assert(pid[0], "no server was found");
	cr_assert_eq(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
	(void)harness_file("go", "");
	result = harness_finish(&run);
	cr_expect_neq(result.status, 0);
	harness_done(&result);
}

/* The payload cannot even see the server. */
Test(killed, the_server_is_out_of_reach)
{
	struct harness_result result;

	harness_requires_fuse();
	harness_requires_subids();
	result = HARNESS("run", "--overlay", "fuse", "--set", "filesystem.writes=discard", "-u", "root", "--", "sh", "-c", "cat /proc/[0-9]*/comm");
	harness_expect_status("processes", &result, 0);
	cr_expect(!strstr(result.out, "fuse"), "%s", result.out);
	harness_done(&result);
}
