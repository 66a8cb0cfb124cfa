#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/report.h"
#include "run/storage.h"

extern char **environ;

/* Each one on its own, as Docker does: what can be removed is, and its name printed. */
static int remove_one(const struct host *host, const char *name)
{
	struct error err = {0};

	if (storage_remove_instance(host, name, &err) < 0) {
		report_error(&err);
		return EXIT_CARREL;
	}
	(void)printf("%s\n", name);
	return 0;
}

int cmd_rm(int argc, char **argv)
{
	struct arena arena = {0};
	struct error err = {0};
	struct host host;
	int status = 0;

	if (argc < 2) {
		(void)error_set(&err, EINVAL, "cannot remove a sandbox");
		(void)error_cause(&err, "no name was given");
		(void)error_hint(&err, "carrel rm NAME");
		report_error(&err);
		return EXIT_CARREL;
	}
	if (host_read(&arena, environ, &host, &err) < 0) {
		report_error(&err);
		arena_done(&arena);
		return EXIT_CARREL;
	}
	for (int i = 1; i < argc; i++) {
		int r = remove_one(&host, argv[i]);

		status = r ? r : status;
	}
	arena_done(&arena);
	return status;
}
