#include <errno.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/report.h"
#include "cli/run_parse.h"
#include "run/launch.h"
#include "run/plan.h"
#include "run/trace.h"
#include "util/fd.h"
#include "util/interrupt.h"

static void warn_root(const struct request *request)
{
	if (geteuid() == 0 && (request->verbose || isatty(STDERR_FILENO)))
		report_note("carrel is meant for ordinary users: nothing that it does needs root");
}

static void print_notes(const struct launch_result *result, bool verbose)
{
	for (size_t i = 0; i < result->note_count; i++) {
		if (verbose || result->notes[i].loud)
			report_note("%s", result->notes[i].text);
	}
}

static void print_rungs(const struct outcome *outcome)
{
	report_note("ids: %s, layers: %s, limits: %s, network: %s", outcome->rungs.ids, outcome->rungs.overlay ? outcome->rungs.overlay : "none",
	    outcome->rungs.limits, outcome->rungs.network);
}

/* After the run: what it did less than asked, why it ended, how it started. */
static int print_result(const struct request *request, const struct launch_result *result, struct error *err)
{
	char buffer[OUTCOME_TEXT];
	const char *end = result->ran ? outcome_explain(&result->outcome, buffer) : NULL;
	int r = 0;

	if (result->ran && request->verbose)
		print_rungs(&result->outcome);
	if (end)
		report_line("%s", end);
	if (result->ran && request->stats) {
		cleanup_buf struct buf stats = {0};

		outcome_format_stats(&result->outcome, &stats);
		(void)!fd_write_all(STDERR_FILENO, stats.text, stats.size); /* nowhere to say so */
	}
	if (request->trace_startup) {
		cleanup_buf struct buf trace = {0};
		trace_format(&trace);
		(void)!fd_write_all(STDERR_FILENO, trace.text ? trace.text : "", trace.size); /* nowhere to say so */
	}
	if (result->ran)
		r = report_file_write(&result->report, &result->outcome, err);
	return r;
}

static int run_request(struct request *request)
{
	struct launch_paths paths = {.data_dir = cli_data_dir(), .puller = cli_image_program()};
	struct launch_result result;
	struct error err = {0};
	int status, r;

	warn_root(request);
	cli_profile_path(&paths.profiles);
	r = launch_run(request, &paths, &result, &err);
	print_notes(&result, request->verbose);
	if (r == 0 && request->dry_run)
		r = report_print(&result.text) ? error_set(&err, EIO, "cannot print the plan") : 0;
	else if (r == 0)
		r = print_result(request, &result, &err);
	if (r < 0 && !interrupt_is_noted())
		report_error(&err);
	status = r == 0 ? result.status : err.exit_status ? err.exit_status : EXIT_CARREL;
	launch_done(&result);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct request request;
	struct error err = {0};
	cleanup_free char *cwd = getcwd(NULL, 0);
	bool help = false;
	int status = EXIT_CARREL;

	request_init(&request);
	/* getcwd(3) gives "(unreachable)/…" for a directory outside of our root. */
	request.cwd = cwd && cwd[0] == '/' ? cwd : NULL;
	request.verbose = cli_verbose;
	if (run_parse(&request, argc - 1, argv + 1, &help, &err) < 0)
		report_error(&err);
	else
		status = help ? help_print(command_find("run")) : run_request(&request);
	request_done(&request);
	return status;
}
