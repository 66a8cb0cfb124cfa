#include <criterion/criterion.h>
#include <errno.h>

#include "cli/report.h"
#include "util/mem.h"

Test(report, format)
{
	static const struct {
		const char *name;
		struct error err;
		const char *text;
	} cases[] = {
		{"all parts",
			{.what = "cannot map ids for 'ada'", .cause = "/etc/subuid has no range for this user", .hint = "use --userns single", .file = "web.yaml", .line = 12, .key = "identity.map"},
			"carrel: cannot map ids for 'ada': /etc/subuid has no range for this user\n  at:   web.yaml:12 (identity.map)\n  hint: use --userns single\n"},
		{"column", {.what = "w", .cause = "c", .file = "f", .line = 3, .column = 7}, "carrel: w: c\n  at:   f:3:7\n"},
		{"a column needs its line", {.what = "w", .cause = "c", .file = "command line --memory", .column = 7, .key = "resources.memory"}, "carrel: w: c\n  at:   command line --memory (resources.memory)\n"},
		{"key only", {.what = "w", .cause = "c", .key = "k"}, "carrel: w: c\n  at:   (k)\n"},
		{"no cause", {.what = "w"}, "carrel: w\n"},
		{"terminal controls", {.what = "\x1b]0;x\a'", .cause = "a\nb\r\x7f", .hint = "\xc2\x9b" "2J", .file = "\t", .key = "\x01"},
			"carrel: \\x1b]0;x\\x07': a\\x0ab\\x0d\\x7f\n  at:   \\x09 (\\x01)\n  hint: \\xc2\\x9b2J\n"},
		{"bytes of no text", {.what = "\x9b" "2J", .cause = "cut \xc3", .hint = "\xc0\x9b"}, "carrel: \\x9b2J: cut \\xc3\n  hint: \\xc0\\x9b\n"},
		{"another direction", {.what = "\u202eexe.txt", .cause = "c"}, "carrel: \\xe2\\x80\\xaeexe.txt: c\n"},
		{"letters of others", {.what = "größe 本", .cause = "…"}, "carrel: größe 本: …\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_buf struct buf out = {0};

		report_format(&out, &cases[i].err);
		cr_expect_str_eq(out.text, cases[i].text, "%s: %s", cases[i].name, out.text);
	}
}
