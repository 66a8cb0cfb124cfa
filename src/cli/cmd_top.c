#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/report.h"
#include "cli/top.h"
#include "run/host.h"
#include "util/units.h"

extern char **environ;

enum {
	DELAY_MS = 1000,
	DELAY_LEAST_MS = 100,
	ONCE_MS = 300, /* between the two looks that a rate needs */
};

struct top_request {
	struct top_settings settings;
	bool once, json;
};

static int take_once(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct top_request *)context)->once = use->on;
	return 0;
}

static int take_json(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct top_request *)context)->json = use->on;
	return 0;
}

static int take_delay(void *context, const struct option_use *use, struct error *err)
{
	struct top_request *request = context;
	uint64_t ms;

	if (units_parse_duration(use->value, &ms) == 0 && ms >= DELAY_LEAST_MS) {
		request->settings.delay_ms = ms;
		return 0;
	}
	(void)error_set(err, EINVAL, "bad value '%s' for --delay", use->value);
	(void)error_cause(err, "it is a duration of at least %d ms", DELAY_LEAST_MS);
	return error_hint(err, "write  --delay 2s  or  --delay 500ms");
}

static int take_sort(void *context, const struct option_use *use, struct error *err)
{
	static const char *const words[] = {[TOP_BY_AGE] = "age", [TOP_BY_MEMORY] = "memory", [TOP_BY_CPU] = "cpu", [TOP_BY_TASKS] = "tasks"};
	struct top_request *request = context;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], use->value) != 0)
			continue;
		request->settings.sort = (enum top_sort)i;
		return 0;
	}
	(void)error_set(err, EINVAL, "bad value '%s' for --sort", use->value);
	(void)error_cause(err, "no such order");
	return error_hint(err, "one of  age, memory, cpu, tasks");
}

static int refuse_word(void *context, const char *text, struct error *err)
{
	(void)context;
	(void)error_set(err, EINVAL, "`carrel top` does not know '%s'", text);
	(void)error_cause(err, "it shows all sandboxes that run");
	return error_hint(err, "carrel top --once");
}

const struct cli_option top_options[] = {
	{.name = "once", .help = "Print the table once; so it is where the output is no terminal", .section = "Options", .apply = take_once},
	{.name = "json", .help = "Print once, as an array of objects, in bytes and microseconds", .section = "Options", .apply = take_json},
	{.name = "delay", .letter = 'd', .argument = "DURATION", .help = "Time between two looks (1s)", .section = "Options", .apply = take_delay},
	{.name = "sort", .argument = "ORDER", .words = "age memory cpu tasks", .help = "Order of the rows: age, memory, cpu or tasks", .section = "Options", .apply = take_sort},
	{.name = NULL},
};

static int take_twice(const struct top_settings *settings, struct top_sample *ret, struct error *err)
{
	const struct timespec pause = {.tv_nsec = ONCE_MS * 1000000L};
	struct top_sample first;
	int r = top_sample_take(settings->runtime_dir, NULL, &first, err);

	if (r < 0)
		return r;
	if (!first.count) {
		*ret = first;
		return 0;
	}
	(void)nanosleep(&pause, NULL);
	r = top_sample_take(settings->runtime_dir, &first, ret, err);
	top_sample_done(&first);
	return r;
}

static int print_once(const struct top_request *request)
{
	cleanup_buf struct buf out = {0};
	struct top_sample sample;
	struct error err;

	if (take_twice(&request->settings, &sample, &err) < 0) {
		report_error(&err);
		return EXIT_CARREL;
	}
	top_sort_rows(&sample, request->settings.sort);
	if (!sample.count)
		report_line("no sandbox is running");
	if (request->json)
		top_format_json(&sample, &out);
	else if (sample.count)
		top_format_table(&sample, 0, 0, "\n", &out);
	top_sample_done(&sample);
	return report_print(&out);
}

/* Keys are read and cells are placed: both ends must be a terminal, and one that can do it. */
static bool has_screen(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

int cmd_top(int argc, char **argv)
{
	struct top_request request = {.settings = {.delay_ms = DELAY_MS}};
	struct options_result parsed;
	struct arena arena = {0};
	struct host host;
	struct error err;
	int status;

	if (options_parse(top_options, argc - 1, argv + 1, refuse_word, &request, &parsed, &err) < 0 || host_read(&arena, environ, &host, &err) < 0) {
		report_error(&err);
		arena_done(&arena);
		return EXIT_CARREL;
	}
	request.settings.runtime_dir = host.runtime_dir;
	status = request.once || request.json || !has_screen() ? print_once(&request) : top_screen_run(&request.settings);
	arena_done(&arena);
	return status;
}
