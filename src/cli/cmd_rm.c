#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/report.h"
#include "run/storage.h"

extern char **environ;

struct rm_use {
	char **names;
	int count;
	bool force;
};

static int set_force(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	((struct rm_use *)context)->force = use->on;
	return 0;
}

/* Docker's --volumes: what a sandbox keeps is all that it has. */
static int ignore(void *context, const struct option_use *use, struct error *err)
{
	(void)context;
	(void)use;
	(void)err;
	return 0;
}

const struct cli_option rm_options[] = {
	{"force", 'f', NULL, NULL, "No failure where there is none of that name", NULL, set_force, .key = NULL},
	{"volumes", 'v', NULL, NULL, "Docker's; nothing else is kept", NULL, ignore, .hidden = true},
	{.name = NULL},
};

static int take_name(void *context, const char *text, struct error *err)
{
	struct rm_use *use = context;

	(void)err;
	use->names[use->count++] = (char *)text;
	return 1;
}

/* Each one on its own, as Docker does: what can be removed is, and its name printed. */
static int remove_one(const struct host *host, const char *name, bool force)
{
	struct error err = {0};
	int r = storage_remove_instance(host, name, &err);

	if (r < 0) {
		report_error(&err);
		return r == -ENOENT && force ? 0 : EXIT_CARREL;
	}
	(void)printf("%s\n", name);
	return 0;
}

static int remove_all(const struct rm_use *use)
{
	struct arena arena = {0};
	struct error err = {0};
	struct host host;
	int status = 0;

	if (host_read(&arena, environ, &host, &err) < 0) {
		report_error(&err);
		status = EXIT_CARREL;
	}
	for (int i = 0; !err.code && i < use->count; i++) {
		int r = remove_one(&host, use->names[i], use->force);

		status = r ? r : status;
	}
	arena_done(&arena);
	return status;
}

int cmd_rm(int argc, char **argv)
{
	cleanup_free char **names = mem_resize(NULL, (size_t)argc + 1, sizeof(*names));
	struct rm_use use = {.names = names};
	struct options_result result;
	struct error err = {0};

	if (options_parse(rm_options, argc - 1, argv + 1, take_name, &use, &result, &err) == 0) {
		for (int i = 1 + result.count; i < argc; i++)
			names[use.count++] = argv[i];
		if (use.count)
			return remove_all(&use);
		(void)error_set(&err, EINVAL, "cannot remove a sandbox");
		(void)error_cause(&err, "no name was given");
		(void)error_hint(&err, "carrel rm NAME");
	}
	report_error(&err);
	return EXIT_CARREL;
}
