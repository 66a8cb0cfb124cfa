#include "run/outcome.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/json.h"
#include "util/mem.h"
#include "util/units.h"

static const char *const cause_names[OUTCOME_CAUSE_MAX] = {
    [OUTCOME_EXITED] = "exited",
    [OUTCOME_SIGNALED] = "signaled",
    [OUTCOME_TIMEOUT] = "timeout",
    [OUTCOME_CPU_TIME] = "cpu_time",
    [OUTCOME_FILE_SIZE] = "file_size",
    [OUTCOME_SECCOMP] = "seccomp",
    [OUTCOME_INTERRUPTED] = "interrupted",
    [OUTCOME_TERMINAL_CLOSED] = "terminal_closed",
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

/* The limit that a cause is about; NULL: none. */
static const struct outcome_limit *limit_of(const struct outcome *outcome)
{
	switch (outcome->cause) {
	case OUTCOME_TIMEOUT:
		return &outcome->limits.timeout;
	case OUTCOME_CPU_TIME:
		return &outcome->limits.cpu_time;
	case OUTCOME_FILE_SIZE:
		return &outcome->limits.file_size;
	default:
		return NULL;
	}
}

static void append(char buffer[OUTCOME_TEXT], const char *fmt, ...) PRINTF_LIKE(2, 3);
static void append(char buffer[OUTCOME_TEXT], const char *fmt, ...)
{
	size_t used = strlen(buffer);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(buffer + used, OUTCOME_TEXT - used, fmt, args);
	va_end(args);
}

static void explain_limit(const struct outcome *outcome, const char *name, char buffer[OUTCOME_TEXT])
{
	const struct outcome_limit *limit = limit_of(outcome);
	char value[UNITS_TEXT];

	append(buffer, "ended by the %s", name);
	if (limit->value)
		append(buffer, " of %s", outcome->cause == OUTCOME_FILE_SIZE ? units_format_size(limit->value, value) : units_format_duration(limit->value, value));
	if (limit->origin.file && limit->origin.line)
		append(buffer, " (%s:%u)", limit->origin.file, limit->origin.line);
	else if (limit->origin.file)
		append(buffer, " (%s)", limit->origin.file);
}

const char *outcome_explain(const struct outcome *outcome, char buffer[OUTCOME_TEXT])
{
	buffer[0] = 0;
	switch (outcome->cause) {
	case OUTCOME_TIMEOUT:
		explain_limit(outcome, "timeout", buffer);
		break;
	case OUTCOME_CPU_TIME:
		explain_limit(outcome, "CPU time limit", buffer);
		break;
	case OUTCOME_FILE_SIZE:
		explain_limit(outcome, "file size limit", buffer);
		break;
	case OUTCOME_SECCOMP:
		append(buffer, "ended by the system call filter: the command made a call that the profile answers with 'kill'");
		break;
	case OUTCOME_TERMINAL_CLOSED:
		append(buffer, "ended because the terminal was closed");
		break;
	case OUTCOME_KILLED:
		append(buffer, "the whole sandbox was killed from outside (SIGKILL, or the machine was out of memory)");
		break;
	/* Who pressed ^C knows, and a shell says it of any command. */
	case OUTCOME_INTERRUPTED:
	case OUTCOME_EXITED:
	case OUTCOME_SIGNALED:
	case OUTCOME_CAUSE_MAX:
		return NULL;
	}
	return buffer;
}

static void format_limit(struct json *json, const struct outcome_limit *limit, const char *unit)
{
	if (!limit || !limit->value)
		return;
	json_open_object(json, "limit");
	json_number(json, unit, (int64_t)limit->value);
	if (limit->origin.file) {
		json_string(json, "file", limit->origin.file);
		json_number(json, "line", limit->origin.line);
	}
	json_close_object(json);
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
	format_limit(&json, limit_of(outcome), outcome->cause == OUTCOME_FILE_SIZE ? "bytes" : "ms");
	json_open_object(&json, "usage");
	json_number(&json, "wall_us", (int64_t)outcome->usage.wall_us);
	json_number(&json, "user_us", (int64_t)outcome->usage.user_us);
	json_number(&json, "system_us", (int64_t)outcome->usage.system_us);
	json_number(&json, "max_rss_kb", (int64_t)outcome->usage.max_rss_kb);
	json_close_object(&json);
	format_rungs(&json, outcome);
	json_close_object(&json);
	if (out->size && out->text[out->size - 1] != '\n')
		buf_puts(out, "\n");
}
