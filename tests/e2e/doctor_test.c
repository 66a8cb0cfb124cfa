/* `carrel doctor` from outside; and that a run which fails says what doctor says. */
#include <string.h>

#include "e2e/harness.h"

HARNESS_SUITE(doctor);

static const struct harness_case cases[] = {
	{"for people", ARGV("doctor"), .status = 0, .out = "`carrel run` works here"},
	{"for programs", ARGV("doctor", "--json"), .status = 0, .out = "\"works\": true"},
	{"profile for AppArmor", ARGV("doctor", "--json"), .status = 0, .out = "flags=(unconfined) {\\n  userns,"},
	{"a word too many", ARGV("doctor", "kernel"), .status = 125, .err = "does not know 'kernel'"},
	{"an unknown option", ARGV("doctor", "--jsno"), .status = 125, .err = "--json"},
	{"without an environment", ARGV("doctor"), ENVIRONMENT("HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "TMPDIR"), .status = 0, .out = "export HOME="},
};

Test(doctor, command_line)
{
	harness_table(cases, ARRAY_SIZE(cases));
}

/* Each script makes the rest of itself run where something is refused; "$0" is the program under test. */
static const struct {
	const char *name, *script, *said;
} refusals[] = {
	{"user namespaces switched off", "exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && \"$0\" \"$@\"' \"$0\" \"$@\"", "user.max_user_namespaces=0"},
	{"network namespaces switched off", "exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && \"$0\" \"$@\"' \"$0\" \"$@\"", "user.max_net_namespaces"},
};

static struct harness_result run_refused(const char *script, const char *const words[4])
{
	const char *const argv[] = {"-c", script, harness_program(), words[0], words[1], words[2], words[3], NULL};
	struct harness_run run = {.argv = argv, .program = "/bin/sh"};

	return harness_run(&run);
}

Test(doctor, a_failing_run_says_the_same)
{
	harness_requires_program("unshare");
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct harness_result doctor = run_refused(refusals[i].script, (const char *const[4]){"doctor"});
		struct harness_result run = run_refused(refusals[i].script, (const char *const[4]){"run", "--", "true"});

		harness_expect_out(refusals[i].name, &doctor, refusals[i].said);
		harness_expect_status(refusals[i].name, &run, 125);
		harness_expect_err(refusals[i].name, &run, refusals[i].said);
		harness_expect_err(refusals[i].name, &run, "hint: sudo sysctl -w user.max_");
		harness_done(&doctor);
		harness_done(&run);
	}
}
