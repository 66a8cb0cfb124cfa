#include "util/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "util/mem.h"

TestSuite(error);

Test(error, set_begins_anew)
{
	struct error err = {.hint = "old", .file = "old", .line = 7, .key = "old"};

	cr_expect_eq(error_set(&err, ENOENT, "cannot open '%s'", "/x"), -ENOENT);
	cr_expect_eq(err.code, ENOENT);
	cr_expect_eq(err.exit_status, EXIT_CARREL);
	cr_expect_str_eq(err.what, "cannot open '/x'");
	cr_expect_str_eq(err.cause, strerror(ENOENT));
	cr_expect_str_empty(err.hint);
	cr_expect_str_empty(err.file);
	cr_expect_str_empty(err.key);
	cr_expect_eq(err.line, 0);
}

Test(error, is_filled_step_by_step)
{
	struct origin at = {"web.yaml", 12, 3};
	struct error err;

	(void)error_set(&err, EPERM, "cannot map");
	cr_expect_eq(error_cause(&err, "no range for %s", "ada"), -EPERM);
	cr_expect_eq(error_hint(&err, "ask %d", 1), -EPERM);
	cr_expect_eq(error_at(&err, &at, "identity.map"), -EPERM);
	cr_expect_eq(error_prefix(&err, "in '%s'", "web"), -EPERM);
	cr_expect_str_eq(err.what, "in 'web': cannot map");
	cr_expect_str_eq(err.cause, "no range for ada");
	cr_expect_str_eq(err.hint, "ask 1");
	cr_expect_str_eq(err.file, "web.yaml");
	cr_expect_str_eq(err.key, "identity.map");
	cr_expect(err.line == 12 && err.column == 3);
}

Test(error, an_origin_may_be_unknown)
{
	struct error err;

	(void)error_set(&err, EPERM, "x");
	cr_expect_eq(error_at(&err, NULL, NULL), -EPERM);
	cr_expect_eq(error_at(&err, &(struct origin){0}, "key"), -EPERM);
	cr_expect_str_empty(err.file);
	cr_expect_str_eq(err.key, "key");
}

Test(error, nobody_asks)
{
	cr_expect_eq(error_set(NULL, ENOENT, "x"), -ENOENT);
	cr_expect_lt(error_cause(NULL, "x"), 0);
	cr_expect_lt(error_hint(NULL, "x"), 0);
	cr_expect_lt(error_at(NULL, NULL, NULL), 0);
	cr_expect_lt(error_prefix(NULL, "x"), 0);
}

/* Whatever is longer than its buffer is cut and still a text. */
Test(error, long_texts_are_cut)
{
	char text[3000];
	struct origin at = {text, 1, 1};
	struct error err;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	(void)error_set(&err, EPERM, "%s", text);
	(void)error_cause(&err, "%s", text);
	(void)error_hint(&err, "%s", text);
	(void)error_at(&err, &at, text);
	(void)error_prefix(&err, "%s", text);
	cr_expect_eq(strlen(err.what), sizeof(err.what) - 1);
	cr_expect_eq(strlen(err.cause), sizeof(err.cause) - 1);
	cr_expect_eq(strlen(err.hint), sizeof(err.hint) - 1);
	cr_expect_eq(strlen(err.file), sizeof(err.file) - 1);
	cr_expect_eq(strlen(err.key), sizeof(err.key) - 1);
}

Test(error, goes_through_a_pipe_in_one_write)
{
	cr_expect_leq(sizeof(struct error), PIPE_BUF);
}

Test(error, of_another_process)
{
	struct error err;

	memset(&err, 'x', sizeof(err));
	error_mend(&err);
	cr_expect_eq(strnlen(err.what, sizeof(err.what)), sizeof(err.what) - 1);
	cr_expect_eq(strnlen(err.cause, sizeof(err.cause)), sizeof(err.cause) - 1);
	cr_expect_eq(strnlen(err.hint, sizeof(err.hint)), sizeof(err.hint) - 1);
	cr_expect_eq(strnlen(err.file, sizeof(err.file)), sizeof(err.file) - 1);
	cr_expect_eq(strnlen(err.key, sizeof(err.key)), sizeof(err.key) - 1);
	cr_expect_eq(err.code, EPROTO);
	cr_expect_eq(err.exit_status, EXIT_CARREL);
}

/* Who returns -code must not return what means success, and nobody exits with what another process says. */
Test(error, codes_of_another_process)
{
	static const struct {
		const char *name;
		int code, exit_status, expected;
	} cases[] = {
		{"as it should be", ENOENT, EXIT_CARREL, ENOENT}, {"none", 0, 0, EPROTO}, {"negative", -5, 0, EPROTO}, {"no errno", 4096, 256, EPROTO}, {"the least", INT_MIN, -1, EPROTO},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {.code = cases[i].code, .exit_status = cases[i].exit_status};

		error_mend(&err);
		cr_expect_eq(err.code, cases[i].expected, "%s: %d", cases[i].name, err.code);
		cr_expect_eq(err.exit_status, EXIT_CARREL, "%s: %d", cases[i].name, err.exit_status);
	}
}
