#include <unistd.h>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/report.h"
#include "cli/run_parse.h"
#include "run/launch.h"

static void warn_root(const struct request *request)
{
	if (geteuid() == 0 && (request->verbose || isatty(STDERR_FILENO)))
		report_note("carrel is meant for ordinary users: nothing that it does needs root");
}

static int run_request(struct request *request)
{
	struct launch_paths paths = {.data_dir = cli_data_dir()};
	struct error err = {0};
	int status = EXIT_CARREL;

	warn_root(request);
	cli_profile_path(&paths.profiles);
	if (launch_run(request, &paths, &status, &err) == 0)
		return status;
	report_error(&err);
	return err.exit_status ? err.exit_status : EXIT_CARREL;
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
