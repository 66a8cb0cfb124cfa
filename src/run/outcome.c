#include "run/outcome_parts.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/json.h"
#include "util/mem.h"

static const char *const cause_names[OUTCOME_CAUSE_MAX] = {
    [OUTCOME_EXITED] = "exited",
    [OUTCOME_SIGNALED] = "signaled",
    [OUTCOME_TIMEOUT] = "timeout",
    [OUTCOME_CPU_TIME] = "cpu_time",
    [OUTCOME_FILE_SIZE] = "file_size",
    [OUTCOME_SECCOMP] = "seccomp",
    [OUTCOME_INTERRUPTED] = "interrupted",
    [OUTCOME_TERMINAL_CLOSED] = "terminal_closed",
    [OUTCOME_MEMORY] = "memory",
    [OUTCOME_TASKS] = "tasks",
    [OUTCOME_SCRATCH] = "scratch",
    [OUTCOME_CPUS] = "cpus",
    [OUTCOME_OUTPUT] = "output",
    [OUTCOME_KILLED] = "killed",
};

enum outcome_cause outcome_cause_of(int wait_status)
{
	if (!WIFSIGNALED(wait_status))
		return OUTCOME_EXITED;
	switch (WTERMSIG(wait_status)) {
	case SIGXCPU:
		return OUTCOME_CPU_TIME;
	case SIGXFSZ:
		return OUTCOME_FILE_SIZE;
	case SIGSYS:
		return OUTCOME_SECCOMP;
	default:
		return OUTCOME_SIGNALED;
	}
}

const char *outcome_cause_name(enum outcome_cause cause)
{
	return cause_names[cause];
}

int outcome_exit_status(const struct outcome *outcome)
{
	if (WIFSIGNALED(outcome->wait_status))
		return 128 + WTERMSIG(outcome->wait_status);
	return WEXITSTATUS(outcome->wait_status);
}

static void format_origin(struct json *json, const struct origin *origin)
{
	if (!origin->file)
		return;
	json_string(json, "file", origin->file);
	json_number(json, "line", origin->line);
}

static void format_limit(struct json *json, const struct outcome *outcome)
{
	static const char *const units[] = {[OUTCOME_MS] = "ms", [OUTCOME_BYTES] = "bytes", [OUTCOME_COUNT] = "count", [OUTCOME_THOUSANDTHS] = "thousandths"};
	struct outcome_words words;

	if (!outcome_limit_of(outcome, &words) || !words.limit->value)
		return;
	json_open_object(json, "limit");
	json_number(json, units[words.unit], (int64_t)words.limit->value);
	format_origin(json, &words.limit->origin);
	json_close_object(json);
	if (!outcome->reached.used)
		return;
	json_open_object(json, "reached");
	json_number(json, "used", (int64_t)outcome->reached.used);
	if (outcome->reached.largest) {
		json_string(json, "largest_process", outcome->reached.largest_comm);
		json_number(json, "largest_bytes", (int64_t)outcome->reached.largest);
	}
	json_close_object(json);
}

/* Arguments as text: a JSON number has 53 bits for most readers. */
static void format_call(struct json *json, const struct seccomp_victim *victim)
{
	char text[24];

	json_open_object(json, "syscall");
	json_string(json, "name", victim->reason.call);
	json_number(json, "number", victim->number);
	json_open_array(json, "args");
	for (size_t i = 0; i < ARRAY_SIZE(victim->args); i++) {
		(void)snprintf(text, sizeof(text), "0x%" PRIx64, victim->args[i]);
		json_string(json, NULL, text);
	}
	json_close_array(json);
	json_string(json, "process", victim->comm);
	json_number(json, "pid", victim->inside);
	json_string(json, "entry", victim->reason.entry ? victim->reason.entry : victim->reason.at.file ? "default" : NULL);
	format_origin(json, &victim->reason.at);
	json_close_object(json);
}

static void format_known(struct json *json, const char *key, uint64_t value)
{
	if (value != UINT64_MAX)
		json_number(json, key, (int64_t)value);
}

static void format_usage(struct json *json, const struct outcome *outcome)
{
	const struct limit_usage *tree = &outcome->tree_usage;

	json_open_object(json, "usage");
	json_number(json, "wall_us", (int64_t)outcome->usage.wall_us);
	json_number(json, "user_us", (int64_t)outcome->usage.user_us);
	json_number(json, "system_us", (int64_t)outcome->usage.system_us);
	json_number(json, "max_rss_kb", (int64_t)outcome->usage.max_rss_kb);
	format_known(json, "memory_peak", tree->memory_peak);
	format_known(json, "tasks_peak", tree->tasks_peak);
	format_known(json, "scratch_peak", tree->scratch_peak);
	format_known(json, "io_read", tree->io_read);
	format_known(json, "io_written", tree->io_written);
	format_known(json, "forks_refused", tree->fork_refused);
	format_known(json, "throttled_us", tree->throttled_us);
	json_close_object(json);
}

static void format_limits(struct json *json, const struct outcome *outcome)
{
	json_open_array(json, "limits");
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		if (!outcome->tree_rungs[limit])
			continue;
		json_open_object(json, NULL);
		json_string(json, "limit", limit_name(limit));
		json_number(json, "value", (int64_t)outcome->tree_limits[limit].value);
		json_string(json, "rung", outcome->tree_rungs[limit]);
		format_origin(json, &outcome->tree_limits[limit].origin);
		json_close_object(json);
	}
	json_close_array(json);
}

static void format_rungs(struct json *json, const struct outcome *outcome)
{
	json_open_object(json, "rungs");
	json_string(json, "ids", outcome->rungs.ids);
	json_string(json, "overlay", outcome->rungs.overlay);
	json_string(json, "limits", outcome->rungs.limits);
	json_string(json, "network", outcome->rungs.network);
	json_close_object(json);
	json_open_array(json, "notes");
	for (size_t i = 0; i < outcome->note_count; i++)
		json_string(json, NULL, outcome->notes[i]);
	json_close_array(json);
}

void outcome_format(const struct outcome *outcome, struct buf *out)
{
	struct json json = {.out = out};
	char text[OUTCOME_TEXT];

	json_open_object(&json, NULL);
	json_number(&json, "status", outcome_exit_status(outcome));
	json_string(&json, "cause", outcome_cause_name(outcome->cause));
	json_string(&json, "explanation", outcome_explain(outcome, text));
	if (WIFSIGNALED(outcome->wait_status))
		json_number(&json, "signal", WTERMSIG(outcome->wait_status));
	if (outcome->outside_signal)
		json_number(&json, "outside_signal", outcome->outside_signal);
	format_limit(&json, outcome);
	if (outcome->victim)
		format_call(&json, outcome->victim);
	format_usage(&json, outcome);
	format_limits(&json, outcome);
	format_rungs(&json, outcome);
	json_close_object(&json);
	if (out->size && out->text[out->size - 1] != '\n')
		buf_puts(out, "\n");
}
