/* Why it ended, in one line. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "run/outcome_parts.h"

bool outcome_limit_of(const struct outcome *outcome, struct outcome_words *ret)
{
	const struct outcome_words limits[OUTCOME_CAUSE_MAX] = {
	    [OUTCOME_TIMEOUT] = {"timeout", OUTCOME_MS, &outcome->limits.timeout},
	    [OUTCOME_CPU_TIME] = {"CPU time limit", OUTCOME_MS, &outcome->limits.cpu_time},
	    [OUTCOME_FILE_SIZE] = {"file size limit", OUTCOME_BYTES, &outcome->limits.file_size},
	    [OUTCOME_MEMORY] = {"memory limit", OUTCOME_BYTES, &outcome->tree_limits[LIMIT_MEMORY]},
	    [OUTCOME_TASKS] = {"tasks limit", OUTCOME_COUNT, &outcome->tree_limits[LIMIT_TASKS]},
	    [OUTCOME_SCRATCH] = {"scratch limit", OUTCOME_BYTES, &outcome->tree_limits[LIMIT_SCRATCH]},
	    [OUTCOME_CPUS] = {"CPU limit", OUTCOME_THOUSANDTHS, &outcome->tree_limits[LIMIT_CPUS]},
	    [OUTCOME_OUTPUT] = {"output limit", OUTCOME_BYTES, &outcome->limits.output},
	};

	*ret = limits[outcome->cause];
	return ret->words != NULL;
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

static const char *format_amount(uint64_t value, enum outcome_unit unit, char text[UNITS_TEXT])
{
	if (unit == OUTCOME_MS)
		return units_format_duration(value, text);
	if (unit == OUTCOME_BYTES)
		return units_format_size(value, text);
	if (unit == OUTCOME_THOUSANDTHS)
		(void)snprintf(text, UNITS_TEXT, "%g", (double)value / 1000);
	else
		(void)snprintf(text, UNITS_TEXT, "%" PRIu64, value);
	return text;
}

static void append_limit(char buffer[OUTCOME_TEXT], const struct outcome_words *words)
{
	const struct origin *origin = &words->limit->origin;
	char value[UNITS_TEXT];

	append(buffer, "%s", words->words);
	if (words->limit->value)
		append(buffer, " of %s", format_amount(words->limit->value, words->unit, value));
	if (origin->file && origin->line)
		append(buffer, " (%s:%u)", origin->file, origin->line);
	else if (origin->file)
		append(buffer, " (%s)", origin->file);
}

const char *outcome_format_roughly(uint64_t bytes, char text[UNITS_TEXT])
{
	static const char letters[] = "KMGT";
	double amount = (double)bytes;
	int unit = -1;

	for (; amount >= 1024 && unit < (int)sizeof(letters) - 2; unit++)
		amount /= 1024;
	(void)snprintf(text, UNITS_TEXT, unit < 0 ? "%.0f" : "%.1f%c", amount, unit < 0 ? 0 : letters[unit]);
	return text;
}

static void append_largest(char buffer[OUTCOME_TEXT], const struct limit_verdict *reached)
{
	char size[UNITS_TEXT];

	if (reached->largest)
		append(buffer, "; the largest process was '%.*s' with %s", LIMIT_COMM, reached->largest_comm, outcome_format_roughly(reached->largest, size));
}

/* A limit on tasks ends nothing: it refuses, and what then fails says something of its own. */
static bool explain_refused_tasks(const struct outcome *outcome, char buffer[OUTCOME_TEXT])
{
	const struct outcome_limit *limit = &outcome->tree_limits[LIMIT_TASKS];
	const struct limit_usage *usage = &outcome->tree_usage;
	const struct outcome_words words = {"tasks limit", OUTCOME_COUNT, limit};
	bool is_known = usage->fork_refused && usage->fork_refused != UINT64_MAX;
	bool is_reached = usage->tasks_peak >= limit->value && usage->tasks_peak != UINT64_MAX;

	if (!limit->value || outcome->wait_status == 0 || !(is_known || is_reached))
		return false;
	append(buffer, "the ");
	append_limit(buffer, &words);
	append(buffer, " was reached");
	if (is_known)
		append(buffer, ": %" PRIu64 " new one%s refused", usage->fork_refused, usage->fork_refused == 1 ? " was" : "s were");
	return true;
}

static void append_call(char buffer[OUTCOME_TEXT], const struct outcome *outcome)
{
	char call[OUTCOME_TEXT / 2];

	if (outcome->victim) {
		seccomp_victim_format(outcome->victim, call, sizeof(call));
		append(buffer, "ended by the system call filter: %s", call);
	} else if (outcome->kills) {
		append(buffer, "ended by the system call filter: the command made a call that the profile answers with 'kill', one of: %s", outcome->kills);
	} else {
		append(buffer, "ended by SIGSYS, by a system call filter of its own or of an outer sandbox, not of the profile");
	}
}

/* What failed for it may have been seen to, or said something of its own; only we know which room it was that was full. */
static bool explain_scratch(const struct outcome *outcome, char buffer[OUTCOME_TEXT])
{
	if (outcome->scratch_note)
		append(buffer, "%s", outcome->scratch_note);
	return outcome->scratch_note;
}

const char *outcome_explain(const struct outcome *outcome, char buffer[OUTCOME_TEXT])
{
	struct outcome_words words;

	buffer[0] = 0;
	if (outcome_limit_of(outcome, &words)) {
		append(buffer, "ended by the ");
		append_limit(buffer, &words);
		append_largest(buffer, &outcome->reached);
		if (outcome->cause == OUTCOME_CPUS)
			append(buffer, ": each time that it was stopped, it continued itself");
		return buffer;
	}
	switch (outcome->cause) {
	case OUTCOME_SECCOMP:
		append_call(buffer, outcome);
		return buffer;
	case OUTCOME_TERMINAL_CLOSED:
		append(buffer, "ended because the terminal was closed");
		return buffer;
	case OUTCOME_KILLED:
		append(buffer, "the whole sandbox was killed from outside (SIGKILL, or the machine was out of memory)");
		return buffer;
	case OUTCOME_EXITED:
	case OUTCOME_SIGNALED:
		return explain_refused_tasks(outcome, buffer) || explain_scratch(outcome, buffer) ? buffer : NULL;
	default:
		return NULL; /* who pressed ^C knows, and a shell says it of any command */
	}
}
