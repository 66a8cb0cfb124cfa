#include "image/change.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "util/buf.h"

TestSuite(change, .timeout = 30);

static void put(struct buf *out, const char *name, const struct image_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		buf_printf(out, "%s%s", i ? "|" : name, texts->items[i]);
	if (texts->count)
		buf_puts(out, ";");
}

static void describe(const struct image *image, struct buf *out)
{
	buf_puts(out, "");
	put(out, "cmd=", &image->command);
	put(out, "entry=", &image->entrypoint);
	put(out, "env=", &image->environment);
	put(out, "ports=", &image->ports);
	put(out, "labels=", &image->labels);
	put(out, "volumes=", &image->volumes);
	if (image->user)
		buf_printf(out, "user=%s;", image->user);
	if (image->workdir)
		buf_printf(out, "dir=%s;", image->workdir);
	if (image->stop_signal)
		buf_printf(out, "stop=%s;", image->stop_signal);
}

static const struct {
	const char *name;
	const char *texts[3];
	const char *result; /* NULL: refused */
} cases[] = {
	{"shell form", {"CMD bash -l"}, "cmd=/bin/sh|-c|bash -l;"},
	{"exec form", {"CMD [\"bash\", \"-l\"]"}, "cmd=bash|-l;"},
	{"empty list", {"CMD a", "CMD []"}, ""},
	{"no list after all", {"CMD [ -f /x ]"}, "cmd=/bin/sh|-c|[ -f /x ];"},
	{"lower case, blanks", {"  entrypoint  [\"/bin/x\"]"}, "entry=/bin/x;"},
	{"a later one replaces", {"CMD a", "CMD b"}, "cmd=/bin/sh|-c|b;"},
	{"variables", {"ENV A=1 B=\"two words\"", "ENV A=3"}, "env=A=3|B=two words;"},
	{"old form", {"ENV A two words"}, "env=A=two words;"},
	{"prefix of another", {"ENV AB=1", "ENV A=2"}, "env=AB=1|A=2;"},
	{"escaped", {"ENV A=b\\ c"}, "env=A=b c;"},
	{"variable without a value", {"ENV A"}, NULL},
	{"variable without a name", {"ENV =x"}, NULL},
	{"label", {"LABEL a.b=\"c d\""}, "labels=a.b=c d;"},
	{"ports", {"EXPOSE 80 53/udp"}, "ports=80/tcp|53/udp;"},
	{"no port", {"EXPOSE http"}, NULL},
	{"volume", {"VOLUME /a /b", "VOLUME [\"/a\", \"/c d\"]"}, "volumes=/a|/b|/c d;"},
	{"relative volume", {"VOLUME data"}, NULL},
	{"user", {"USER 1000:1000"}, "user=1000:1000;"},
	{"two users", {"USER a b"}, NULL},
	{"workdir", {"WORKDIR \"/srv/a b\""}, "dir=/srv/a b;"},
	{"relative workdir", {"WORKDIR srv"}, NULL},
	{"stop signal", {"STOPSIGNAL SIGINT"}, "stop=SIGINT;"},
	{"unknown", {"RUN make"}, NULL},
	{"nothing behind", {"CMD"}, NULL},
	{"empty", {""}, NULL},
};

Test(change, instructions)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct image image = {0};
		struct error err = {0};
		cleanup_buf struct buf text = {0};
		int r = 0;

		for (size_t n = 0; n < ARRAY_SIZE(cases[i].texts) && cases[i].texts[n] && r == 0; n++)
			r = change_apply(&arena, cases[i].texts[n], &image, &err);
		if (!cases[i].result) {
			cr_expect_lt(r, 0, "%s: taken", cases[i].name);
			cr_expect(err.what[0] && err.cause[0] && err.hint[0], "%s: a part of the message is missing", cases[i].name);
		} else {
			cr_expect_eq(r, 0, "%s: %s: %s", cases[i].name, err.what, err.cause);
			describe(&image, &text);
			cr_expect_str_eq(text.text, cases[i].result, "%s: %s", cases[i].name, text.text);
		}
		arena_done(&arena);
	}
}
