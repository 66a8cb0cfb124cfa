/* The user's terminal: a pty inside, its size, ^C and ^Z, job control, and what happens when it goes away. */
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "e2e/harness.h"
#include "util/fd.h"

HARNESS_SUITE(terminal);

static const char loop[] = "touch ready; until test -e go; do sleep 0.05; done";

static struct harness_started start(const char *script)
{
	struct harness_started run = harness_start(&(struct harness_run){.terminal = true, .timeout_ms = 30000, ARGV("run", "--", "sh", "-c", script)});

	cr_assert(harness_wait_for(harness_path("ready"), 10000), "it did not begin");
	return run;
}

static void type(const struct harness_started *run, const char *text)
{
	cr_assert_eq(fd_write_all(run->terminal, text, strlen(text)), 0);
}

static const struct harness_case cases[] = {
	{"a terminal of its own", ARGV("run", "--", "sh", "-c", "tty && test -t 0 && test -t 1 && test -t 2 && echo all"), .out = "/dev/pts/0\r\nall", .terminal = true},
	{"its size", ARGV("run", "--", "stty", "size"), .out = "24 80", .terminal = true},
	{"it controls it", ARGV("run", "--", "sh", "-c", "echo x >/dev/tty && ps -o tty= -p $$ 2>/dev/null || true"), .out = "x", .terminal = true},
	{"input", ARGV("run", "--", "sh", "-c", "read line && echo \"<$line>\""), .input = "typed\n", .out = "<typed>", .terminal = true},
	{"none without -t", ARGV("run", "--", "sh", "-c", "tty; test -t 1 || echo none"), .status = 0, .out = "none"},
	{"-t makes one", ARGV("run", "-t", "--", "sh", "-c", "test -t 1 && echo one"), .out = "one"},
	{"status", ARGV("run", "--", "sh", "-c", "exit 42"), .status = 42, .terminal = true},
	{"a lot of output", ARGV("run", "--", "sh", "-c", "seq 100000 | tail -c 600000; echo end"), .out = "100000\r\nend", .terminal = true},
};

Test(terminal, basics)
{
	harness_table(cases, ARRAY_SIZE(cases));
}

Test(terminal, window_size_follows)
{
	const struct winsize size = {.ws_row = 50, .ws_col = 132};
	struct harness_started run = start("trap 'stty size' WINCH; stty size; touch ready; until test -e go; do sleep 0.05; done");
	struct harness_result result;

	cr_assert_eq(ioctl(run.terminal, TIOCSWINSZ, &size), 0);
	(void)usleep(300000);
	(void)harness_file("go", "");
	result = harness_finish(&run);
	harness_expect_out("size", &result, "24 80\r\n50 132");
	harness_done(&result);
}

Test(terminal, end_of_input)
{
	struct harness_started run = start("touch ready; cat; exit 5");
	struct harness_result result;

	type(&run, "line\n\004");
	result = harness_finish(&run);
	harness_expect_status("cat", &result, 5);
	harness_expect_out("cat", &result, "line\r\nline");
	harness_done(&result);
}

Test(terminal, control_c)
{
	struct harness_started run = start("trap 'echo got; exit 4' INT; touch ready; while sleep 0.05; do :; done");
	struct harness_result result;

	type(&run, "\003");
	result = harness_finish(&run);
	harness_expect_status("trapped", &result, 4);
	harness_expect_out("trapped", &result, "got");
	harness_done(&result);
}

static const struct session {
	const char *name, *input, *out;
} sessions[] = {
	{"^Z, jobs and fg", "sleep 3\n\032jobs\nfg\necho status=$?\nexit 3\n", "Stopped"},
	{"background jobs", "sleep 0.1 &\nwait $!\necho status=$?\nexit 3\n", "status=0"},
	{"^C ends the job, not the shell", "sleep 50\n\003echo alive=$?\nexit 3\n", "alive=130"},
};

/* An interactive shell inside: it says nothing of "no job control", and what is typed reaches the foreground job. */
Test(terminal, job_control)
{
	harness_requires_program("bash");
	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++) {
		struct harness_started run;
		struct harness_result result;

		run = harness_start(&(struct harness_run){.terminal = true, .timeout_ms = 20000, ARGV("run", "-e", "PS1=> ", "--", "bash", "--norc", "-i")});
		for (const char *c = sessions[i].input; *c; c++) {
			/* As somebody who types: after a pause where the shell has to take the terminal back first. */
			if (*c == '\032' || *c == '\003')
				(void)usleep(400000 * (useconds_t)(harness_patience() < 4 ? harness_patience() : 4));
			type(&run, (const char[]){*c, 0});
			if (*c == '\032' || *c == '\003')
				(void)usleep(300000);
		}
		result = harness_finish(&run);
		harness_expect_status(sessions[i].name, &result, 3);
		harness_expect_out(sessions[i].name, &result, sessions[i].out);
		cr_expect(!strstr(result.out, "no job control") && !strstr(result.out, "cannot set terminal"), "%s: %s", sessions[i].name, result.out);
		harness_done(&result);
	}
}

Test(terminal, is_as_before)
{
	static const char script[] = "stty -g >before; \"$0\" run -- true; stty -g >after; \"$0\" run -- sh -c 'kill -9 $$'; stty -g >killed; \"$0\" run -- no-such-program; stty -g >missing; "
				     "cmp before after && cmp before killed && cmp before missing && echo same";
	struct harness_result result = harness_run(&(struct harness_run){.program = "/bin/sh", .terminal = true, ARGV("-c", script, harness_program())});

	harness_expect_out("modes", &result, "same");
	harness_done(&result);
}

/* ^Z stops the whole sandbox as one job of the user's shell; fg goes on with it. */
Test(terminal, suspended_from_outside)
{
	struct harness_started run = harness_start(
		&(struct harness_run){.program = "/bin/bash", .terminal = true, .timeout_ms = 20000, ARGV("--norc", "-i")});
	struct harness_result result;

	type(&run, harness_text("%s run -- sh -c 'touch ready; until test -e go; do sleep 0.05; done; exit 6' </dev/null | cat\n", harness_program()));
	cr_assert(harness_wait_for(harness_path("ready"), 10000));
	type(&run, "\032");
	(void)usleep(500000);
	type(&run, "jobs\ntouch go\nfg\necho status=${PIPESTATUS[0]}\nexit\n");
	result = harness_finish(&run);
	harness_expect_out("shell", &result, "Stopped");
	harness_done(&result);
}

/* The window is closed: the command hears of it, and nothing stays. */
Test(terminal, closed)
{
	struct harness_started run = start("trap 'echo hup >hup; exit' HUP; touch ready; while sleep 0.05; do :; done");
	struct harness_result result;

	run.terminal = fd_close(run.terminal);
	result = harness_finish(&run);
	cr_expect_lt(result.elapsed_ms, 15000);
	cr_expect_str_eq(harness_slurp(harness_path("hup")), "hup\n");
	harness_done(&result);
}

Test(terminal, closed_on_who_ignores_it)
{
	struct harness_started run = harness_start(
		&(struct harness_run){.terminal = true, .timeout_ms = 30000, ARGV("run", "--set", "resources.grace=300ms", "--", "sh", "-c", harness_text("trap '' HUP TERM; %s", loop))});
	struct harness_result result;

	cr_assert(harness_wait_for(harness_path("ready"), 10000));
	run.terminal = fd_close(run.terminal);
	result = harness_finish(&run);
	cr_expect_lt(result.elapsed_ms, 15000, "it took %ld ms", result.elapsed_ms);
	harness_done(&result);
}

/* nohup and & of a shell whose terminal goes: it goes on. */
Test(terminal, nohup_survives_its_end)
{
	static const char script[] = "nohup \"$0\" run -- sh -c 'touch ready; until test -e go; do sleep 0.05; done; echo finished >finished' >/dev/null 2>&1 </dev/null & until test -e ready; do sleep 0.05; done";
	struct harness_started shell =
		harness_start(&(struct harness_run){.program = "/bin/bash", .terminal = true, .leaves_processes = true, ARGV("-c", script, harness_program())});
	struct harness_result result = harness_finish(&shell);

	harness_done(&result);
	(void)usleep(300000);
	(void)harness_file("go", "");
	cr_expect(harness_wait_for(harness_path("finished"), 5000), "it ended with the terminal");
	(void)usleep(300000);
}
