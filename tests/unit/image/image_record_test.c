#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "image/image.h"

TestSuite(image_record);

#define ID(digit) "sha256:" digit "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *words[] = {"", "a b", "\n\\\x01\x7f", "\xc3\xa9\xff"};
static const char *variables[] = {"A=", "B=\nx"};
static const char *paths[] = {"/data", "/"};
static const char *ports[] = {"80/tcp"};
static struct digest layers[] = {{ID("1")}, {ID("2")}}, blobs[] = {{ID("3")}, {ID("4")}};

#define TEXTS(list) {.items = (list), .count = ARRAY_SIZE(list)}

static const struct image full = {
	.manifest = {ID("5")}, .config = {ID("6")}, .media_type = MEDIA_DOCKER_MANIFEST, .size = INT64_MAX, .created = "2024-05-06T07:08:09Z", .platform = {"linux", "arm", "v7"},
	.layers = layers, .layer_count = 2, .blobs = blobs, .blob_count = 2, .entrypoint = TEXTS(words), .command = TEXTS(words), .environment = TEXTS(variables),
	.volumes = TEXTS(paths), .ports = TEXTS(ports), .labels = TEXTS(words), .user = "0:0", .workdir = "/w", .stop_signal = "9",
};

static void expect_texts(const char *name, const struct image_texts *texts, const struct image_texts *expected)
{
	cr_assert_eq(texts->count, expected->count, "%s", name);
	for (size_t i = 0; i < texts->count; i++)
		cr_expect_str_eq(texts->items[i], expected->items[i], "%s, %zu", name, i);
}

Test(image_record, there_and_back)
{
	struct arena arena = {0};
	struct buf text = {0}, again = {0};
	struct image image;
	struct error err = {.code = 7};

	image_record_format(&full, &text);
	cr_expect(!strncmp(text.text, "carrel-image 1\nmanifest " ID("5") "\n", 20), "%s", text.text);
	cr_expect(strstr(text.text, "\nentrypoint \nentrypoint a b\nentrypoint \\x0a\\x5c\\x01\\x7f\n"), "%s", text.text);
	cr_assert_eq(image_record_parse(&arena, text.text, text.size, &image, &err), 0, "%s", err.cause);
	cr_expect_eq(err.code, 0);
	cr_expect(digest_equal(&image.manifest, &full.manifest) && digest_equal(&image.config, &full.config));
	cr_expect_str_eq(image.media_type, full.media_type);
	cr_expect_eq(image.size, full.size);
	cr_expect_str_eq(image.created, full.created);
	cr_expect_str_eq(platform_format(&arena, &image.platform), "linux/arm/v7");
	cr_assert(image.layer_count == 2 && image.blob_count == 2);
	cr_expect(digest_equal(&image.layers[1], &layers[1]) && digest_equal(&image.blobs[0], &blobs[0]));
	expect_texts("entrypoint", &image.entrypoint, &full.entrypoint);
	expect_texts("command", &image.command, &full.command);
	expect_texts("environment", &image.environment, &full.environment);
	expect_texts("volumes", &image.volumes, &full.volumes);
	expect_texts("ports", &image.ports, &full.ports);
	expect_texts("labels", &image.labels, &full.labels);
	cr_expect_str_eq(image.user, "0:0");
	cr_expect_str_eq(image.workdir, "/w");
	cr_expect_str_eq(image.stop_signal, "9");
	image_record_format(&image, &again);
	cr_expect_str_eq(again.text, text.text);
	buf_done(&text);
	buf_done(&again);
	arena_done(&arena);
}

Test(image_record, nothing_said)
{
	struct arena arena = {0};
	struct buf text = {0};
	struct image image, none = {0};

	image_record_format(&none, &text);
	cr_expect_str_eq(text.text, "carrel-image 1\nsize 0\nend\n");
	cr_assert_eq(image_record_parse(&arena, text.text, text.size, &image, NULL), 0);
	cr_expect(!digest_is_set(&image.manifest) && !image.user && !image.workdir && !image.created && !image.layer_count && !image.entrypoint.count && !image.platform.os);
	buf_done(&text);
	arena_done(&arena);
}

#define RECORD(lines) "carrel-image 1\n" lines "end\n"

static const struct {
	const char *name, *text, *cause; /* NULL: good */
} cases[] = {
	{"empty but good", RECORD(""), NULL},
	{"of a later version", RECORD("colour blue\ncolour red\\q\n"), NULL},
	{"paths are cleaned", RECORD("workdir /a/../../b//\nvolume /./c\n"), NULL},
	{"nothing", "", "it is empty"},
	{"no line", "carrel-image 1", "no text that ends with a line"},
	{"another file", "#!/bin/sh\n", "does not begin with 'carrel-image 1'"},
	{"another version", "carrel-image 2\nend\n", "does not begin with 'carrel-image 1'"},
	{"cut off", "carrel-image 1\nsize 7\n", "cut off"},
	{"cut off at once", "carrel-image 1\n", "cut off"},
	{"more behind it", RECORD("") "size 7\n", "goes on behind its end"},
	{"a line without a value", RECORD("size\n"), "line 2 has no value: 'size'"},
	{"an empty line", RECORD("\n"), "line 2 has no value"},
	{"said twice", RECORD("user a\nuser b\n"), "line 3 says again"},
	{"a negative size", RECORD("size -1\n"), "line 2 has a value that is not valid: 'size'"},
	{"a huge size", RECORD("size 9223372036854775808\n"), "line 2 has a value"},
	{"a digest that is a path", RECORD("layer sha256:../../../../../../../../../../../../../../../../../etc/passwd\n"), "line 2 has a value"},
	{"blobs, and layers missing", RECORD("blob " ID("1") "\n"), "names 0 layers and 1 blobs"},
	{"a variable without a name", RECORD("environment =b\n"), "line 2 has a value"},
	{"a relative volume", RECORD("volume data\n"), "line 2 has a value"},
	{"a relative directory", RECORD("workdir w\n"), "line 2 has a value"},
	{"an empty user", RECORD("user \n"), "line 2 has a value"},
	{"an odd system", RECORD("os li nux\n"), "line 2 has a value"},
	{"an odd signal", RECORD("stop-signal 9;\n"), "line 2 has a value"},
	{"an odd time", RECORD("created now\n"), "line 2 has a value"},
	{"an escaped zero byte", RECORD("user a\\x00b\n"), "line 2 has a value"},
	{"half an escape", RECORD("user a\\x0\n"), "line 2 has a value"},
	{"a backslash at the end", RECORD("user a\\\n"), "line 2 has a value"},
	{"another escape", RECORD("user a\\n\n"), "line 2 has a value"},
	{"an escape in capitals", RECORD("user a\\x0A\n"), "line 2 has a value"},
	{"a tab that is not escaped", RECORD("user a\tb\n"), "line 2 has a value"},
};

Test(image_record, parse)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		struct image image = {.size = 77};
		struct error err = {0};
		int r = image_record_parse(&arena, cases[i].text, strlen(cases[i].text), &image, &err);

		cr_expect_eq(r, cases[i].cause ? -EINVAL : 0, "%s: %s", cases[i].name, err.cause);
		cr_expect(!cases[i].cause || strstr(err.cause, cases[i].cause), "%s: %s", cases[i].name, err.cause);
		cr_expect_eq(image.size, cases[i].cause ? 77 : 0, "%s", cases[i].name);
		cr_expect(!image.workdir || !strcmp(image.workdir, "/b"), "%s: %s", cases[i].name, image.workdir);
		cr_expect(!image.volumes.count || !strcmp(image.volumes.items[0], "/c"), "%s", cases[i].name);
		arena_done(&arena);
	}
}

Test(image_record, limits)
{
	struct arena arena = {0};
	struct image image;
	struct error err = {0};
	struct buf text = {0};

	cr_expect_eq(image_record_parse(&arena, "carrel-image 1\n\0end\n", 20, &image, &err), -EINVAL);
	buf_puts(&text, "carrel-image 1\n");
	for (size_t i = 0; i < MANIFEST_LAYERS_MAX; i++)
		buf_puts(&text, "layer " ID("1") "\n");
	buf_puts(&text, "end\n");
	cr_expect_eq(image_record_parse(&arena, text.text, text.size, &image, &err), 0, "%s", err.cause);
	cr_expect_eq(image.layer_count, MANIFEST_LAYERS_MAX);
	text.size -= strlen("end\n");
	buf_puts(&text, "layer " ID("1") "\nend\n");
	cr_expect_eq(image_record_parse(&arena, text.text, text.size, &image, &err), -EINVAL);
	cr_expect(strstr(err.cause, "line 502 "), "%s", err.cause);
	while (text.size <= IMAGE_RECORD_MAX)
		buf_puts(&text, "label a=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n");
	cr_expect_eq(image_record_parse(&arena, text.text, text.size, &image, &err), -EINVAL);
	cr_expect(strstr(err.cause, "1048576 are the most"), "%s", err.cause);
	buf_done(&text);
	arena_done(&arena);
}
