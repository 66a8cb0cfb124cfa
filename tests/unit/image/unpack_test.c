/* The corpus against unpacking, as a layer with the range of ids and with a single one. */
#include <criterion/criterion.h>
#include <string.h>

#include "image/unpack.h"
#include "unit/image/inside.h"
#include "unit/image/tar_corpus.h"
#include "unit/image/unpack_attempt.h"
#include "unit/image/unpack_weak.h"
#include "util/mem.h"

TestSuite(unpack, .timeout = 120);

static void judge(const struct tar_case *tar, const struct attempt *attempt, struct buf *complaints)
{
	const char *tree = attempt->tree.text ? attempt->tree.text : "";

	if (attempt->outside.size)
		buf_printf(complaints, "%s: it was written to outside: %s\n", tar->name, attempt->outside.text);
	if ((attempt->result < 0) != (attempt->err.code != 0))
		buf_printf(complaints, "%s: result %d with the error %d\n", tar->name, attempt->result, attempt->err.code);
	if (!tar->refused && attempt->result < 0)
		buf_printf(complaints, "%s: refused: %s: %s\n", tar->name, attempt->err.what, attempt->err.cause);
	if (tar->refused && attempt->result == 0)
		buf_printf(complaints, "%s: not refused: %s\n", tar->name, tree);
	if (tar->refused && attempt->result < 0 && (!strcasestr(attempt->err.cause, tar->refused) || !strstr(attempt->err.what, tar->entry)))
		buf_printf(complaints, "%s: the message is: %s: %s\n", tar->name, attempt->err.what, attempt->err.cause);
	if (!tar->refused && tar->tree && strcmp(tree, tar->tree))
		buf_printf(complaints, "%s: there is:  %s\n  instead of:  %s\n", tar->name, tree, tar->tree);
}

static void try_corpus(const void *context, struct buf *complaints)
{
	const struct unpack_spec *spec = context;

	for (size_t i = 0; i < tar_case_count; i++) {
		struct attempt one;

		attempt(&one, &tar_cases[i], spec);
		judge(&tar_cases[i], &one, complaints);
		attempt_done(&one, complaints, tar_cases[i].name);
	}
}

Test(unpack, corpus_with_range)
{
	inside_test(true, try_corpus, &(const struct unpack_spec){.owner = LAYER_RANGE, .whiteouts = true});
}

Test(unpack, corpus_with_single_id)
{
	inside_test(false, try_corpus, &(const struct unpack_spec){.owner = LAYER_SINGLE, .whiteouts = true});
}

/* --- the same with the one defence missing --- */

static const char *const led_out[] = {"symlink-up", "symlink-chain", "symlink-made-later", "symlink-implicit", "symlink-whiteout", "symlink-opaque", "hardlink-parent"};

static void try_weak(const void *context, struct buf *complaints)
{
	(void)context;
	unpack_weak = true;
	for (size_t i = 0; i < ARRAY_SIZE(led_out); i++) {
		struct attempt one;

		attempt(&one, tar_case_find(led_out[i]), &(const struct unpack_spec){.owner = LAYER_RANGE, .whiteouts = true});
		if (!one.outside.size)
			buf_printf(complaints, "%s: nothing was touched outside, though nothing forbids it: %s: %s\n", led_out[i], one.err.what, one.err.cause);
		attempt_done(&one, complaints, led_out[i]);
	}
}

Test(unpack, corpus_leads_out_of_a_weak_build)
{
	inside_test(false, try_weak, NULL);
}
