#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "image/image.h"

TestSuite(config);

#define ID(digit) "sha256:" digit "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" ID("0") "\"]}"
#define CONFIG(fields) "{" ROOTFS ",\"config\":{" fields "}}"

static int parse(struct arena *arena, const char *text, size_t layers, struct image *image, struct error *err)
{
	*image = (struct image){.size = 77};
	*err = (struct error){0};
	return image_parse_config(arena, text, strlen(text), layers, image, err);
}

static void expect_texts(const char *name, const struct image_texts *texts, const char *expected)
{
	struct buf joined = {0};

	buf_puts(&joined, "");
	for (size_t i = 0; i < texts->count; i++)
		buf_printf(&joined, "%s%s", i ? "|" : "", texts->items[i]);
	cr_expect_str_eq(joined.text, expected, "%s", name);
	buf_done(&joined);
}

/* As BuildKit writes it. */
static const char docker[] =
    "{\"architecture\":\"arm\",\"variant\":\"v7\",\"os\":\"linux\",\"created\":\"2024-05-06T07:08:09.5Z\",\"author\":\"a\",\"config\":{\"Hostname\":\"\",\"User\":\"ada:users\","
    "\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},\"Env\":[\"PATH=/bin\",\"A=\"],\"Entrypoint\":[\"/bin/sh\",\"-c\",\"\"],\"Cmd\":[\"a b\"],\"Image\":\"sha256:x\","
    "\"Volumes\":{\"/data\":{},\"/a/../b/\":{}},\"WorkingDir\":\"/srv/../w\",\"OnBuild\":null,\"Labels\":{\"z\":\"1\",\"a\":\"x=\\ny\",\"n\":null},\"StopSignal\":\"SIGQUIT\"},"
    "\"history\":[{\"created_by\":\"x\"}],\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" ID("1") "\",\"" ID("2") "\"]}}";

Test(config, all_fields)
{
	struct arena arena = {0};
	struct image image;
	struct error err;

	cr_assert_eq(parse(&arena, docker, 2, &image, &err), 0, "%s", err.cause);
	cr_expect_str_eq(image.created, "2024-05-06T07:08:09.5Z");
	cr_expect_str_eq(platform_format(&arena, &image.platform), "linux/arm/v7");
	cr_assert_eq(image.layer_count, 2);
	cr_expect_str_eq(image.layers[0].text, ID("1"));
	cr_expect_str_eq(image.layers[1].text, ID("2"));
	expect_texts("entrypoint", &image.entrypoint, "/bin/sh|-c|");
	expect_texts("command", &image.command, "a b");
	expect_texts("environment", &image.environment, "PATH=/bin|A=");
	expect_texts("volumes", &image.volumes, "/data|/b");
	expect_texts("ports", &image.ports, "80/tcp|53/udp");
	expect_texts("labels", &image.labels, "z=1|a=x=\ny|n=");
	cr_expect_str_eq(image.user, "ada:users");
	cr_expect_str_eq(image.workdir, "/w");
	cr_expect_str_eq(image.stop_signal, "SIGQUIT");
	cr_expect_eq(image.size, 77, "what the configuration does not say stays");
	arena_done(&arena);
}

/* Null, missing and empty are the same. */
static const struct {
	const char *name, *text;
	size_t layers;
} empty[] = {
	{"missing", "{" ROOTFS "}", 1},
	{"config is null", "{" ROOTFS ",\"config\":null,\"created\":null,\"os\":null,\"history\":null}", 1},
	{"config is empty", CONFIG(""), 1},
	{"all are null", CONFIG("\"User\":null,\"ExposedPorts\":null,\"Env\":null,\"Entrypoint\":null,\"Cmd\":null,\"Volumes\":null,\"WorkingDir\":null,\"Labels\":null,\"StopSignal\":null"), 1},
	{"all are empty", CONFIG("\"User\":\"\",\"ExposedPorts\":{},\"Env\":[],\"Entrypoint\":[],\"Cmd\":[],\"Volumes\":{},\"WorkingDir\":\"\",\"Labels\":{},\"StopSignal\":\"\""), 1},
	{"no layers", "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"created\":\"\",\"os\":\"\"}", 0},
	{"no layers and null", "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}", 0},
};

Test(config, empty)
{
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		struct arena arena = {0};
		struct image image;
		struct error err;

		cr_assert_eq(parse(&arena, empty[i].text, empty[i].layers, &image, &err), 0, "%s: %s", empty[i].name, err.cause);
		cr_expect_eq(image.layer_count, empty[i].layers, "%s", empty[i].name);
		cr_expect(!image.entrypoint.count && !image.command.count && !image.environment.count && !image.volumes.count && !image.ports.count && !image.labels.count, "%s", empty[i].name);
		cr_expect(!image.user && !image.workdir && !image.stop_signal && !image.created && !image.platform.os && !image.platform.architecture, "%s", empty[i].name);
		arena_done(&arena);
	}
}

Test(config, one_text_is_a_list)
{
	struct arena arena = {0};
	struct image image;
	struct error err;

	cr_assert_eq(parse(&arena, CONFIG("\"Cmd\":\"a b\",\"WorkingDir\":\"srv\""), 1, &image, &err), 0, "%s", err.cause);
	expect_texts("command", &image.command, "a b");
	cr_expect_str_eq(image.workdir, "/srv");
	arena_done(&arena);
}

/* What others take is taken, without what means nothing. */
static const struct {
	const char *name, *text, *environment, *created;
} lenient[] = {
	{"a variable without a name", CONFIG("\"Env\":[\"A=b\",\"=x\",\"C=\"]"), "A=b|C=", NULL},
	{"a variable without =", CONFIG("\"Env\":[\"A\",\"B=c\",\"\"]"), "B=c", NULL},
	{"only a variable without =", CONFIG("\"Env\":\"A\""), "", NULL},
	{"a time in words", "{" ROOTFS ",\"created\":\"yesterday\"}", "", NULL},
	{"a time that is a number", "{" ROOTFS ",\"created\":1700000000}", "", NULL},
	{"a time with a line of its own", "{" ROOTFS ",\"created\":\"2024-05-06T07:08:09Z\\nuser root\"}", "", NULL},
	{"a time that is one", "{" ROOTFS ",\"created\":\"2024-05-06T07:08:09Z\"}", "", "2024-05-06T07:08:09Z"},
};

Test(config, lenient)
{
	for (size_t i = 0; i < ARRAY_SIZE(lenient); i++) {
		struct arena arena = {0};
		struct image image, again;
		struct error err;
		cleanup_buf struct buf record = {0};

		cr_assert_eq(parse(&arena, lenient[i].text, 1, &image, &err), 0, "%s: %s", lenient[i].name, err.cause);
		cr_expect_eq(err.code, 0, "%s", lenient[i].name);
		expect_texts(lenient[i].name, &image.environment, lenient[i].environment);
		cr_expect(image.created ? lenient[i].created && !strcmp(image.created, lenient[i].created) : !lenient[i].created, "%s: %s", lenient[i].name, image.created);
		image_record_format(&image, &record);
		cr_expect_eq(image_record_parse(&arena, record.text, record.size, &again, &err), 0, "%s is no record: %s", lenient[i].name, err.cause);
		arena_done(&arena);
	}
}

static const struct {
	const char *name, *text;
	int result;
	const char *cause;
} bad[] = {
	{"no JSON", "tar", -EINVAL, "no JSON"},
	{"no rootfs", "{}", -EINVAL, "rootfs is missing"},
	{"no diff ids", "{\"rootfs\":{\"type\":\"layers\"}}", -EINVAL, "rootfs.diff_ids is missing"},
	{"fewer diff ids than layers", "{\"rootfs\":{\"diff_ids\":[]}}", -EINVAL, "rootfs.diff_ids has 0 items, and the manifest has 1 layers"},
	{"more diff ids than layers", "{\"rootfs\":{\"diff_ids\":[\"" ID("1") "\",\"" ID("2") "\"]}}", -EINVAL, "rootfs.diff_ids has 2 items, and the manifest has 1 layers"},
	{"another kind of root", "{\"rootfs\":{\"type\":\"baggage\",\"diff_ids\":[]}}", -EINVAL, "rootfs.type is not 'layers'"},
	{"a diff id that is a path", "{\"rootfs\":{\"diff_ids\":[\"../x\"]}}", -EINVAL, "rootfs.diff_ids[0] is no digest"},
	{"a diff id of another algorithm", "{\"rootfs\":{\"diff_ids\":[\"sha512:00\"]}}", -EOPNOTSUPP, "only sha256 is supported"},
	{"a diff id that is null", "{\"rootfs\":{\"diff_ids\":[null]}}", -EINVAL, "rootfs.diff_ids[0] is missing"},
	{"config as a list", "{" ROOTFS ",\"config\":[]}", -EINVAL, "config is no object"},
	{"a variable that is a number", CONFIG("\"Env\":[7]"), -EINVAL, "config.Env[0] is no text"},
	{"a word that is null", CONFIG("\"Cmd\":[null]"), -EINVAL, "config.Cmd[0] is missing"},
	{"a zero byte", CONFIG("\"Cmd\":[\"a\\u0000b\"]"), -EINVAL, "zero byte"},
	{"a command as a number", CONFIG("\"Cmd\":7"), -EINVAL, "config.Cmd is no array"},
	{"a volume that is relative", CONFIG("\"Volumes\":{\"data\":{}}"), -EINVAL, "config.Volumes has a path that is not absolute: 'data'"},
	{"a volume without a name", CONFIG("\"Volumes\":{\"\":{}}"), -EINVAL, "config.Volumes has an item without a name"},
	{"volumes as a list", CONFIG("\"Volumes\":[\"/data\"]"), -EINVAL, "config.Volumes is no object"},
	{"a label that is a number", CONFIG("\"Labels\":{\"a\":7}"), -EINVAL, "config.Labels.a is no text"},
	{"a user that is a number", CONFIG("\"User\":1000"), -EINVAL, "config.User is no text"},
	{"a signal that is none", CONFIG("\"StopSignal\":\"SIG TERM\""), -EINVAL, "config.StopSignal is no signal"},
	{"an architecture that is none", "{" ROOTFS ",\"architecture\":\"a/b\"}", -EINVAL, "architecture is no word"},
};

Test(config, bad)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct arena arena = {0};
		struct image image;
		struct error err;

		cr_expect_eq(parse(&arena, bad[i].text, 1, &image, &err), bad[i].result, "%s", bad[i].name);
		cr_expect(strstr(err.cause, bad[i].cause), "%s: %s", bad[i].name, err.cause);
		cr_expect_eq(image.size, 77, "%s", bad[i].name);
		arena_done(&arena);
	}
}

/* What is taken in must fit a record, escaped. */
Test(config, too_much)
{
	struct arena arena = {0};
	struct image image;
	struct error err;
	struct buf text = {0};

	buf_puts(&text, "{" ROOTFS ",\"config\":{\"Labels\":{\"a\":\"");
	for (size_t i = 0; i < IMAGE_RECORD_MAX / 4; i++)
		buf_puts(&text, "\\n");
	buf_puts(&text, "\"}}}");
	cr_expect_eq(parse(&arena, text.text, 1, &image, &err), -EINVAL);
	cr_expect(strstr(err.cause, "it says more than 1024 KiB"), "%s", err.cause);
	buf_done(&text);
	arena_done(&arena);
}
