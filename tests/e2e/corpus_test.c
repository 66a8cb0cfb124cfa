/* Hostile archives (tests/unit/image/tar_corpus.c) through the whole way in: `import`, its unpacker and its cage. The unit tests know what each comes to; here the message must
 * name the culprit, and of what is refused nothing may stay. */
#include <string.h>

#include "e2e/harness.h"

HARNESS_SUITE(corpus);

static const struct {
	const char *name;
	const char *err; /* refused: a part of the message; NULL: accepted */
} cases[] = {
	{"dotdot", "cannot unpack '../sibling/touched'"},
	{"dotdot-pax", "cannot unpack '../sibling/touched'"},
	{"absolute", NULL},
	{"symlink-up", "cannot unpack 'up/touched'"},
	{"symlink-up-inside", NULL},
	{"symlink-proc", "cannot unpack 'p/touched'"},
	{"symlink-loop", "cannot unpack 'a/x'"},
	{"symlink-made-later", "cannot unpack 'd/touched'"},
	{"symlink-final-file", NULL},
	{"hardlink-outside", "cannot unpack 'h'"},
	{"hardlink-absolute", "cannot unpack 'h'"},
	{"hardlink-parent", "cannot unpack 'h'"},
	{"hardlink-symlink", NULL},
	{"root-symlink", "cannot unpack './'"},
	{"whiteout", ".wh.gone"},
	{"device-zero", NULL},
	{"fifo-passwd", NULL},
	{"setuid", NULL},
	{"truncated", "cannot unpack 'b'"},
	{"size-huge", "cannot unpack 'b'"},
	{"sparse-beyond", "cannot unpack 'b'"},
	{"name-bytes", NULL},
	{"name-4095", NULL},
	{"nested", "longer than 4095 bytes"},
	{"junk-behind", NULL},
	{"bad-checksum", "behind 'a'"},
};

Test(corpus, comes_in_or_is_refused_by_name)
{
	const char *program = harness_payload("e2e", "tar_corpus");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const store[] = {harness_text("CARREL_ROOT=%s", harness_path("store")), NULL};
		const char *file = harness_path("in.tar"), *left;

		(void)harness_shell(harness_text("%s %s >in.tar", program, cases[i].name));
		struct harness_result result = harness_run(&(struct harness_run){ARGV("import", "-q", file, harness_text("case:%zu", i)), .env = store});
		harness_expect_status(cases[i].name, &result, cases[i].err ? 125 : 0);
		if (cases[i].err)
			harness_expect_err(cases[i].name, &result, cases[i].err);
		harness_done(&result);
		left = harness_shell(harness_text("ls -A store/tmp; ls store/refs | grep case:%zu$ || :", i));
		cr_expect(cases[i].err ? left[0] == 0 : strstr(left, "case:") != NULL, "%s: in the store there is: %s", cases[i].name, left);
	}
}
