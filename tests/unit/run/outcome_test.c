#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/outcome.h"
#include "util/fd.h"
#include "util/mem.h"

Test(outcome, causes_and_statuses)
{
	static const struct {
		const char *name;
		int wait_status;
		enum outcome_cause cause;
		int status;
	} cases[] = {
	    {"success", 0, OUTCOME_EXITED, 0},
	    {"a status", 3 << 8, OUTCOME_EXITED, 3},
	    {"the highest", 255 << 8, OUTCOME_EXITED, 255},
	    {"a signal", SIGTERM, OUTCOME_SIGNALED, 143},
	    {"with a core", SIGSEGV | 0x80, OUTCOME_SIGNALED, 139},
	    {"CPU time", SIGXCPU, OUTCOME_CPU_TIME, 128 + SIGXCPU},
	    {"file size", SIGXFSZ, OUTCOME_FILE_SIZE, 128 + SIGXFSZ},
	    {"a system call", SIGSYS, OUTCOME_SECCOMP, 128 + SIGSYS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome outcome = {.wait_status = cases[i].wait_status};

		cr_assert_eq(outcome_cause_of(cases[i].wait_status), cases[i].cause, "%s", cases[i].name);
		cr_assert_eq(outcome_exit_status(&outcome), cases[i].status, "%s", cases[i].name);
	}
	for (int cause = 0; cause < OUTCOME_CAUSE_MAX; cause++)
		cr_assert_not_null(outcome_cause_name((enum outcome_cause)cause), "cause %d has no name", cause);
}

Test(outcome, explanations)
{
	static const struct seccomp_victim swapon = {.comm = "prog", .reason = {.call = "swapon", .at = {"web.yaml", 12, 3}}};
	static const struct {
		const char *name;
		struct outcome outcome;
		const char *text;
	} cases[] = {
	    {"own exit", {.cause = OUTCOME_EXITED}, NULL},
	    {"own signal", {.cause = OUTCOME_SIGNALED}, NULL},
	    {"^C", {.cause = OUTCOME_INTERRUPTED}, NULL},
	    {"timeout", {.cause = OUTCOME_TIMEOUT, .limits.timeout = {5000, {"web.yaml", 12, 3}}}, "ended by the timeout of 5s (web.yaml:12)"},
	    {"timeout of the command line", {.cause = OUTCOME_TIMEOUT, .limits.timeout = {90000, {"command line", 0, 0}}}, "ended by the timeout of 90s (command line)"},
	    {"timeout, origin unknown", {.cause = OUTCOME_TIMEOUT, .limits.timeout = {1000, {NULL, 0, 0}}}, "ended by the timeout of 1s"},
	    {"CPU time", {.cause = OUTCOME_CPU_TIME, .limits.cpu_time = {1000, {"a.yaml", 1, 1}}}, "ended by the CPU time limit of 1s (a.yaml:1)"},
	    {"file size", {.cause = OUTCOME_FILE_SIZE, .limits.file_size = {1048576, {"a.yaml", 2, 1}}}, "ended by the file size limit of 1M (a.yaml:2)"},
	    {"memory", {.cause = OUTCOME_MEMORY, .tree_limits[LIMIT_MEMORY] = {64 << 20, {"web.yaml", 3, 1}}, .reached = {.largest = 60u << 20, .largest_comm = "python3"}},
	     "ended by the memory limit of 64M (web.yaml:3); the largest process was 'python3' with 60.0M"},
	    {"memory, nobody saw which", {.cause = OUTCOME_MEMORY, .tree_limits[LIMIT_MEMORY] = {64 << 20, {"web.yaml", 3, 1}}}, "ended by the memory limit of 64M (web.yaml:3)"},
	    {"tasks", {.cause = OUTCOME_TASKS, .tree_limits[LIMIT_TASKS] = {64, {"web.yaml", 4, 1}}}, "ended by the tasks limit of 64 (web.yaml:4)"},
	    {"scratch", {.cause = OUTCOME_SCRATCH, .tree_limits[LIMIT_SCRATCH] = {1 << 20, {"web.yaml", 5, 1}}}, "ended by the scratch limit of 1M (web.yaml:5)"},
	    {"CPUs", {.cause = OUTCOME_CPUS, .tree_limits[LIMIT_CPUS] = {500, {"web.yaml", 5, 1}}}, "ended by the CPU limit of 0.5 (web.yaml:5): each time that it was stopped, it continued itself"},
	    {"output", {.cause = OUTCOME_OUTPUT, .limits.output = {1024, {"command line --set resources.output", 0, 0}}}, "ended by the output limit of 1K (command line --set resources.output)"},
	    {"forks refused", {.cause = OUTCOME_EXITED, .wait_status = 2 << 8, .tree_limits[LIMIT_TASKS] = {64, {"web.yaml", 4, 1}}, .tree_usage = {.fork_refused = 3}},
	     "the tasks limit of 64 (web.yaml:4) was reached: 3 new ones were refused"},
	    {"forks refused, for all we know", {.cause = OUTCOME_EXITED, .wait_status = 2 << 8, .tree_limits[LIMIT_TASKS] = {64, {"web.yaml", 4, 1}}, .tree_usage = {.tasks_peak = 64, .fork_refused = UINT64_MAX}},
	     "the tasks limit of 64 (web.yaml:4) was reached"},
	    {"forks refused, and all went well", {.cause = OUTCOME_EXITED, .tree_limits[LIMIT_TASKS] = {64, {"web.yaml", 4, 1}}, .tree_usage = {.fork_refused = 3}}, NULL},
	    {"forks not refused", {.cause = OUTCOME_EXITED, .wait_status = 2 << 8, .tree_limits[LIMIT_TASKS] = {64, {"web.yaml", 4, 1}}, .tree_usage = {.tasks_peak = 63, .fork_refused = UINT64_MAX}}, NULL},
	    {"a system call", {.cause = OUTCOME_SECCOMP, .victim = &swapon}, "ended by the system call filter: 'swapon' (web.yaml:12) by process prog"},
	    {"a system call, unseen", {.cause = OUTCOME_SECCOMP, .kills = "swapon (web.yaml:12)"},
	     "ended by the system call filter: the command made a call that the profile answers with 'kill', one of: swapon (web.yaml:12)"},
	    {"a system call, by no rule of ours", {.cause = OUTCOME_SECCOMP}, "ended by SIGSYS, by a system call filter of its own or of an outer sandbox, not of the profile"},
	    {"file size of somebody else", {.cause = OUTCOME_FILE_SIZE}, "ended by the file size limit"},
	};
	char buffer[OUTCOME_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *text = outcome_explain(&cases[i].outcome, buffer);

		if (!cases[i].text)
			cr_assert_null(text, "%s: %s", cases[i].name, text);
		else
			cr_assert_str_eq(text, cases[i].text, "%s: %s", cases[i].name, text);
	}
	for (int cause = OUTCOME_TIMEOUT; cause < OUTCOME_CAUSE_MAX; cause++) {
		struct outcome outcome = {.cause = (enum outcome_cause)cause};

		if (cause != OUTCOME_INTERRUPTED)
			cr_assert_not_null(outcome_explain(&outcome, buffer), "%s", outcome_cause_name(outcome.cause));
	}
}
