/* What runs, as `carrel top` shows it: two sandboxes, one whose launcher was killed, records that lie, and a frame of the live screen. */
#include <signal.h>
#include <unistd.h>

#include "e2e/harness.h"
#include "util/fd.h"

HARNESS_SUITE(top);

static const char idle_script[] = "touch idle; until test -e go; do sleep 0.05; done";
static const char busy_script[] = "touch busy; until test -e go; do :; done";

static const char *const *own_runtime(void)
{
	static const char *env[2];

	env[0] = harness_text("XDG_RUNTIME_DIR=%s", harness_path("runtime"));
	return env;
}

static void make_runtime(void)
{
	(void)harness_shell("mkdir -m 700 runtime");
}

/* The command runs when its file is there; the launcher writes the record beside it, and may be the later one. */
static void wait_until_recorded(const char *file, int records)
{
	const char *count = harness_text("for i in $(seq 200); do test $(ls runtime/carrel/running 2>/dev/null | wc -l) -ge %d && echo recorded && break; sleep 0.05; done", records);

	cr_assert(harness_wait_for(harness_path(file), 10000), "it did not begin");
	cr_assert_str_eq(harness_shell(count), "recorded\n");
}

static struct harness_started start_idle(void)
{
	struct harness_started run =
		harness_start(&(struct harness_run){.env = own_runtime(), ARGV("run", "--", "sh", "-c", idle_script)});

	wait_until_recorded("idle", 1);
	return run;
}

static struct harness_started start_busy(void)
{
	struct harness_started run =
		harness_start(&(struct harness_run){.env = own_runtime(), ARGV("run", "--name", "worker", "--", "sh", "-c", busy_script)});

	wait_until_recorded("busy", 2);
	return run;
}

static void finish(struct harness_started *run)
{
	struct harness_result result;

	(void)harness_file("go", "");
	result = harness_finish(run);
	harness_done(&result);
}

static struct harness_result top(const char *how)
{
	return harness_run(&(struct harness_run){.env = own_runtime(), ARGV("top", how)});
}

static long number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

Test(top, nothing_runs)
{
	struct harness_result result;

	make_runtime();
	result = top("--once");
	harness_expect_status("once", &result, 0);
	harness_expect_err("once", &result, "no sandbox is running");
	cr_expect_str_eq(result.out, "");
	harness_done(&result);
	result = top("--json");
	harness_expect_status("json", &result, 0);
	cr_expect_str_eq(result.out, "[]\n");
	harness_done(&result);
}

Test(top, two_run)
{
	struct harness_started idle, busy;
	struct harness_result result;

	make_runtime();
	idle = start_idle();
	busy = start_busy();
	(void)usleep(500000);
	result = top("--json");
	harness_expect_status("json", &result, 0);
	const char *first = strstr(result.out, "\"id\""), *second = first ? strstr(first + 1, "\"id\"") : NULL;
	cr_assert(first && second && !strstr(second + 1, "\"id\""), "%s", result.out);
	cr_expect(strstr(first, "\"name\": null") < second && strstr(second, "\"name\": \"worker\""), "%s", result.out);
	cr_expect(strstr(first, "\"profile\": \"default\"") < second && strstr(second, "\"profile\": \"default\""), "%s", result.out);
	cr_expect_geq(number_after(second, "\"tasks\": "), 2);
	cr_expect_geq(number_after(first, "\"memory_bytes\": "), 4096);
	/* A loaded machine gives the loop little, but it cannot have had more than was there. */
	cr_expect_gt(number_after(second, "\"cpu_us\": "), 0);
	cr_expect_leq(number_after(second, "\"cpu_us\": "), number_after(second, "\"uptime_us\": ") + 100000);
	harness_done(&result);
	result = top("--once");
	harness_expect_out("heading", &result, "ID            NAME    PROFILE   UPTIME");
	harness_expect_out("row", &result, "worker  default");
	harness_expect_out("command", &result, busy_script);
	harness_done(&result);
	finish(&idle);
	finish(&busy);
	result = top("--json");
	cr_expect_str_eq(result.out, "[]\n");
	cr_expect_str_eq(harness_shell("ls runtime/carrel/running"), "", "a record was left");
	harness_done(&result);
}

Test(top, launcher_killed)
{
	struct harness_started idle, busy;
	struct harness_result result;

	make_runtime();
	idle = start_idle();
	busy = start_busy();
	cr_assert_eq(kill(busy.pid, SIGKILL), 0);
	result = harness_finish(&busy);
	harness_done(&result);
	result = top("--json");
	cr_expect(strstr(result.out, "\"name\": null") && !strstr(result.out, "worker"), "%s", result.out);
	harness_done(&result);
	cr_expect_str_eq(harness_shell("ls runtime/carrel/running | wc -l"), "1\n", "its record is still there");
	finish(&idle);
}

/* Locked by a living process, as a true one is; `sed` makes of the true one what the row says. */
static const struct forgery {
	const char *name, *sed;
} forgeries[] = {
	{"wrong start time of init", "s/^init \\([0-9]*\\) .*/init \\1 1/"},
	{"wrong start time of the launcher", "s/^launcher \\([0-9]*\\) .*/launcher \\1 1/"},
	{"another's process", "s/^init .*/init 1 1/"},
	{"hostile text", "s/^profile .*/profile \033[2J/"},
	{"a key that is none", "s/^profile .*/&\\nmood good/"},
	{"no end", "/^end/d"},
	{"another's id", "s/^id .*/id 000000000000/"},
};

Test(top, forged_records)
{
	struct harness_started idle;

	make_runtime();
	idle = start_idle();
	for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++) {
		const char *script = harness_text("cd runtime/carrel/running && true=$(ls | grep -v abcdefabcdef) && sed -e 's/^id .*/id abcdefabcdef/' -e '%s' $true >abcdefabcdef && "
						  "flock abcdefabcdef sh -c 'XDG_RUNTIME_DIR=%s %s top --json' && rm -f abcdefabcdef",
			forgeries[i].sed, harness_path("runtime"), harness_program());
		const char *out = harness_shell(script);

		cr_expect(strstr(out, "\"id\"") && !strstr(out, "abcdefabcdef") && !strstr(out, "000000000000"), "%s: %s", forgeries[i].name, out);
	}
	finish(&idle);
}

Test(top, live_screen)
{
	struct harness_started idle, screen;
	struct harness_result result;
	const char *const env[] = {own_runtime()[0], "TERM=xterm", NULL};

	make_runtime();
	idle = start_idle();
	screen = harness_start(&(struct harness_run){.terminal = true, .env = env, ARGV("top", "--delay", "200ms")});
	(void)usleep(1000000);
	cr_assert_eq(fd_write_all(screen.terminal, "mq", 2), 0);
	result = harness_finish(&screen);
	harness_expect_status("q", &result, 0);
	harness_expect_out("taken", &result, "\033[?1049h");
	harness_expect_out("header", &result, "1 running, by age");
	harness_expect_out("row", &result, "default");
	harness_expect_out("given back", &result, "\033[?25h\033[?1049l");
	harness_done(&result);
	finish(&idle);
}

/* However it ends, the terminal's modes are the ones of before. */
Test(top, terminal_is_as_before)
{
	static const char script[] = "stty -g >before; (sleep 1; kill -TERM $(cat pid)) & sh -c 'echo $$ >pid; exec \"$0\" top' \"$0\"; echo status=$?; "
				     "stty -g >after; cmp before after && echo same";
	const char *const env[] = {own_runtime()[0], "TERM=xterm", NULL};
	struct harness_result result;

	make_runtime();
	result = harness_run(&(struct harness_run){.program = "/bin/sh", .terminal = true, .env = env, ARGV("-c", script, harness_program())});
	harness_expect_out("ended", &result, "status=143");
	harness_expect_out("modes", &result, "same");
	harness_done(&result);
}
