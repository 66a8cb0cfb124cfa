#include "escape/cases.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/path.h"

enum { WORDS_MAX = 512 };

static struct arena texts;

const char *escape_text(const char *fmt, ...)
{
	char text[4096];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return arena_strdup(&texts, text);
}

const char *escape_weak_program(void)
{
	return arena_printf(&texts, "%s/tests/weak/build/carrel", path_dirname(&texts, harness_program()));
}

static size_t add(const char **argv, size_t count, const char *const *words)
{
	for (; words && *words; words++) {
		cr_assert(count < WORDS_MAX);
		argv[count++] = *words;
	}
	return count;
}

/* The attacking programs are shown below /tmp, which no root lacks and where nothing of the host is. */
const char *const *escape_argv(const struct escape_run *run)
{
	const char **argv = arena_alloc(&texts, (WORDS_MAX + 1) * sizeof(*argv));
	const char *folder = path_dirname(&texts, harness_payload("escape", run->attack[0]));
	size_t count = add(argv, 0, WORDS("run", "-v", arena_printf(&texts, "%s:/tmp/escape:ro", folder)));

	count = add(argv, count, run->options);
	count = add(argv, count, WORDS("--", arena_printf(&texts, "/tmp/escape/%s", run->attack[0])));
	count = add(argv, count, run->attack + 1);
	argv[count] = NULL;
	return argv;
}

const char *escape_try(const struct escape_run *run, int *ret_status)
{
	struct harness_result result;
	const char *said;
	size_t len;
	const char *env[16] = {arena_printf(&texts, "CARREL_WEAK=%s", run->weak ? run->weak : "")};

	(void)add(env, 1, run->env);
	struct harness_run start = {.argv = escape_argv(run), .env = env, .cwd = run->cwd, .terminal = run->terminal};
	if (run->weak)
		start.program = escape_weak_program();
	result = harness_run(&start);
	said = arena_strdup(&texts, result.out[0] ? result.out : result.err);
	len = strlen(said);
	while (len > 0 && strchr("\r\n ", said[len - 1]))
		len--;
	if (ret_status)
		*ret_status = result.status;
	harness_done(&result);
	return arena_strndup(&texts, said, len);
}

static bool may_lack(const struct escape_case *row)
{
	struct utsname kernel;

	return !row->lacking_before || (uname(&kernel) == 0 && strtoul(kernel.release, NULL, 10) < row->lacking_before);
}

static void try_row(const struct escape_case *row)
{
	struct escape_run run = {.options = row->on, .attack = row->attack, .terminal = row->terminal};
	const char *said = escape_try(&run, NULL);

	cr_expect_str_eq(said, row->blocked, "%s: with the defence it says '%s', expected '%s'", row->name, said, row->blocked);
	if (!row->off && !row->weak)
		return;
	run.options = row->off ? row->off : row->on;
	run.weak = row->weak;
	said = escape_try(&run, NULL);
	if (row->lacking && !strcmp(said, row->lacking) && may_lack(row))
		harness_skip(row->name, "this kernel lacks what the attack uses");
	else
		cr_expect_str_eq(said, row->open, "%s: without the defence it says '%s', expected '%s'", row->name, said, row->open);
}

void escape_table(const struct escape_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		try_row(&cases[i]);
}
