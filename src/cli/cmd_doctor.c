#include <errno.h>

#include "cli/command.h"
#include "cli/report.h"
#include "isolate/explain.h"
#include "run/doctor.h"
#include "util/json.h"
#include "util/mem.h"

enum { PROFILE_TEXT = 1024 };

struct doctor_request {
	bool json;
};

static int take_json(void *context, const struct option_use *use, struct error *err)
{
	struct doctor_request *request = context;

	(void)err;
	request->json = use->on;
	return 0;
}

static int refuse_word(void *context, const char *text, struct error *err)
{
	(void)context;
	(void)error_set(err, EINVAL, "`carrel doctor` does not know '%s'", text);
	(void)error_cause(err, "it examines the whole host");
	return error_hint(err, "carrel doctor --json");
}

const struct cli_option doctor_options[] = {
	{.name = "json", .help = "Print the rows as JSON", .section = "Options", .apply = take_json},
	{.name = NULL},
};

static void format_row(struct buf *out, const struct doctor_row *row)
{
	buf_printf(out, "%-9s %-23s %s\n", doctor_state_name(row->state), row->name, row->what);
	if (row->consequence[0])
		buf_printf(out, "%34s%s\n", "", row->consequence);
	if (row->command[0])
		buf_printf(out, "%34smend: %s\n", "", row->command);
}

static void format_text(struct buf *out, const struct doctor_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		format_row(out, &rows[i]);
	buf_puts(out, doctor_works(rows, count) ? "\n`carrel run` works here.\n" : "\n`carrel run` does not work here: see what is missing above.\n");
}

static void format_json(struct buf *out, const struct doctor_row *rows, size_t count)
{
	struct json json = {.out = out};
	char profile[PROFILE_TEXT];

	explain_apparmor_profile(profile, sizeof(profile));
	json_open_object(&json, NULL);
	json_bool(&json, "works", doctor_works(rows, count));
	json_open_array(&json, "checks");
	for (size_t i = 0; i < count; i++) {
		json_open_object(&json, NULL);
		json_string(&json, "name", rows[i].name);
		json_string(&json, "state", doctor_state_name(rows[i].state));
		json_bool(&json, "essential", rows[i].essential);
		json_string(&json, "what", rows[i].what);
		json_string(&json, "consequence", rows[i].consequence[0] ? rows[i].consequence : NULL);
		json_string(&json, "command", rows[i].command[0] ? rows[i].command : NULL);
		json_close_object(&json);
	}
	json_close_array(&json);
	json_string(&json, "apparmor_profile", profile);
	json_close_object(&json);
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor_request request = {0};
	struct options_result parsed;
	cleanup_free struct doctor_row *rows = NULL;
	cleanup_buf struct buf out = {0};
	struct error err;
	size_t count;
	int status;

	if (options_parse(doctor_options, argc - 1, argv + 1, refuse_word, &request, &parsed, &err) < 0) {
		report_error(&err);
		return EXIT_CARREL;
	}
	rows = doctor_examine(&count);
	if (request.json)
		format_json(&out, rows, count);
	else
		format_text(&out, rows, count);
	status = report_print(&out);
	return status ? status : !doctor_works(rows, count);
}
