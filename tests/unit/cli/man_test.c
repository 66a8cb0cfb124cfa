#include <criterion/criterion.h>
#include <string.h>

#include "cli/command.h"
#include "profile/policy.h"
#include "profile/schema.h"
#include "util/mem.h"

Test(man, text)
{
	static const struct {
		const char *text, *troff;
	} cases[] = {
		{"plain", "plain"},
		{"a-b", "a\\-b"},
		{"a\\b", "a\\eb"},
		{".request", "\\&.request"},
		{"'quoted'", "\\&'quoted'"},
		{"a.b", "a.b"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_buf struct buf out = {0};

		man_text(&out, cases[i].text);
		cr_expect_str_eq(out.text, cases[i].troff, "%s: %s", cases[i].text, out.text);
	}
}

/* No line that is a request by accident: each one that begins with a dot is one of those that we write. */
static void check_requests(const char *name, const char *page)
{
	static const char *const known[] = {".TH ", ".SH ", ".SS ", ".TP\n", ".PP\n", ".br\n", ".RS\n", ".RE\n", ".nf\n", ".fi\n"};

	for (const char *line = page; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		bool is_known = line[0] != '.' && line[0] != '\'';

		for (size_t i = 0; i < ARRAY_SIZE(known) && !is_known; i++)
			is_known = strncmp(line, known[i], 4) == 0;
		cr_expect(is_known, "%s: %.40s", name, line);
		cr_expect_neq(line[0], '\n', "%s: an empty line", name);
	}
}

Test(man, pages)
{
	cleanup_buf struct buf overview = {0}, profile = {0}, policy = {0};

	man_format(&overview, NULL);
	check_requests("carrel.1", overview.text);
	man_format_profile(&profile);
	check_requests("carrel-profile.5", profile.text);
	man_format_policy(&policy);
	check_requests("carrel-policy.5", policy.text);
	for (const struct command *command = commands; command->name; command++) {
		cleanup_buf struct buf page = {0};

		man_format(&page, command);
		check_requests(command->name, page.text);
	}
}

static void check_keys(const char *page, const struct schema_key *table)
{
	for (const struct schema_key *key = table; key->name; key++) {
		cleanup_buf struct buf name = {0};

		buf_printf(&name, key->type == SCHEMA_SECTION ? ".SS %s\n" : "\\fB%s\\fR\n", key->name);
		cr_expect_not_null(strstr(page, name.text), "%s", key->name);
	}
}

Test(man, every_key)
{
	cleanup_buf struct buf profile = {0}, policy = {0};

	man_format_profile(&profile);
	check_keys(profile.text, schema_table);
	man_format_policy(&policy);
	check_keys(policy.text, policy_table());
}
