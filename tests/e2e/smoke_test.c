/* The first look: does the command line start a program, and does it say honestly what became of it? */
#include "e2e/harness.h"

HARNESS_SUITE(smoke);

static const struct harness_case statuses[] = {
	{"true", ARGV("run", "--", "true"), .status = 0},
	{"false", ARGV("run", "--", "false"), .status = 1},
	{"any status", ARGV("run", "--", "sh", "-c", "exit 42"), .status = 42},
	{"a signal", ARGV("run", "--", "sh", "-c", "kill -9 $$"), .status = 137},
	{"no such program", ARGV("run", "--", "no-such-program"), .status = 127, .err = "no-such-program"},
	{"no such path", ARGV("run", "--", "/no/such/program"), .status = 127, .err = "/no/such/program"},
	{"not executable", ARGV("run", "--", "/etc/passwd"), .status = 126, .err = "/etc/passwd"},
	{"a directory", ARGV("run", "--", "/etc"), .status = 126, .err = "/etc"},
	{"unknown option", ARGV("run", "--bad-option", "--", "true"), .status = 125, .err = "--bad-option"},
	{"unknown command", ARGV("no-such-command"), .status = 125, .err = "no-such-command"},
	{"unknown profile", ARGV("run", "@no-such-profile", "--", "true"), .status = 125, .err = "no-such-profile"},
	{"no command", ARGV("run", "--"), .status = 125},
	{"version", ARGV("version"), .status = 0, .out = "carrel"},
};

Test(smoke, status_says_what_happened)
{
	harness_table(statuses, ARRAY_SIZE(statuses));
}

static const struct harness_case streams[] = {
	{"arguments arrive as they are", ARGV("run", "--", "printf", "<%s>", "a b", "--x", "'\"$"), .out = "<a b><--x><'\"$>"},
	{"stdin is the caller's", ARGV("run", "--", "cat"), .input = "hello\n", .out = "hello\n"},
	{"stdin at its end", ARGV("run", "--", "cat"), .status = 0},
	{"stderr is apart", ARGV("run", "--", "sh", "-c", "echo to-err >&2"), .err = "to-err", .not_out = "to-err"},
	{"an environment of its own", ARGV("run", "--", "env"), ENVIRONMENT("SECRET_TOKEN=hunter2", "LANG=C.UTF-8"), .out = "LANG=C.UTF-8", .not_out = "hunter2"},
};

Test(smoke, streams_and_environment)
{
	harness_table(streams, ARRAY_SIZE(streams));
}
