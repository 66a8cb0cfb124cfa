/* A registry that means no good: each lie has a clear error, nothing of it becomes visible, and the same image from an honest one goes into the same store. */
#include <string.h>

#include "e2e/hostile.h"
#include "e2e/transfer.h"

HARNESS_SUITE(pull_hostile);

#define MANIFEST_TYPE "Content-Type: " HOSTILE_OCI "manifest.v1+json\r\n"
#define INDEX_TYPE "Content-Type: " HOSTILE_OCI "index.v1+json\r\n"

/* Files of images, by name: NAME.layer, NAME.config, NAME.manifest. image NAME LAYER-FILE DIFF-ID; each file's digest is its name with .sum, its size .size.
 * "good" is one, "diff" has the diff id of something else, "junk" a layer that is no archive, "path" one that climbs out. */
static const char make_script[] =
	HOSTILE_SHELL
	"image() {\n"
	"	cp $2 $1.layer; printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}' $3 >$1.config\n"
	"	sums $1.layer $1.config\n"
	"	printf '{\"schemaVersion\":2,\"mediaType\":\"" HOSTILE_OCI "manifest.v1+json\",\"config\":%s,\"layers\":[%s]}'"
	" \"$(descriptor config.v1+json $1.config)\" \"$(descriptor layer.v1.tar+gzip $1.layer)\" >$1.manifest; sums $1.manifest\n"
	"}\n"
	"index() { printf '{\"schemaVersion\":2,\"mediaType\":\"" HOSTILE_OCI "index.v1+json\",\"manifests\":[%s]}' \"$2\" >$1; sums $1; }\n"
	"mkdir hostile t; echo hello >t/motd; cd hostile\n"
	"tar -C ../t --owner=0 --group=0 -cf layer.tar .; gzip -k layer.tar; sum=$(sha256sum <layer.tar | cut -c 1-64)\n"
	"yes junk | head -c 3000 >junk; tar -C ../t --owner=0 --group=0 --transform='s,^motd,../../motd,' -Pcf path.tar motd; gzip -k path.tar\n"
	"image good layer.tar.gz $sum; image junk junk $sum; image diff layer.tar.gz $(sha256sum <junk | cut -c 1-64)\n"
	"image path path.tar.gz $(sha256sum <path.tar | cut -c 1-64)\n"
	"printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\",\"sha256:%s\"]}}' $(sha256sum <junk | cut -c 1-64) $sum >two.config; sums two.config\n"
	"printf '{\"schemaVersion\":2,\"mediaType\":\"" HOSTILE_OCI "manifest.v1+json\",\"config\":%s,\"layers\":[%s,%s]}' \"$(descriptor config.v1+json two.config)\""
	" \"$(descriptor layer.v1.tar+gzip junk.layer)\" \"$(descriptor layer.v1.tar+gzip good.layer)\" >two.manifest; sums two.manifest; cp junk.layer two.layer; cp junk.layer.sum two.layer.sum\n"
	"size=$(cat good.layer.size); head -c $size /dev/zero >zeros; head -c $((size - 1)) good.layer >short; head -c $(cat good.config.size) /dev/zero >no-config\n"
	"index inner \"$(descriptor manifest.v1+json good.manifest)\"; index outer \"$(descriptor index.v1+json inner)\"\n"
	"index self \"$(descriptor index.v1+json good.layer)\"; index lying \"$(descriptor manifest.v1+json good.manifest | sed 's/\"size\":/&1/')\"\n"
	"head -c 100000 /dev/zero | tr '\\0' '[' >deep\n";

static const char *file(const char *name)
{
	return harness_path("hostile/%s", name);
}

static const char *sum(const char *name)
{
	return harness_slurp(harness_path("hostile/%s.sum", name));
}

/* An honest registry of one image, with whatever is hostile laid over it later. */
static void serve(struct hostile *hostile, const char *repository, const char *image)
{
	static const char *const parts[] = {"config", "layer"};
	const char *manifest = harness_text("%s.manifest", image);

	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/", .answers = {{.body = "{}"}}});
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *part = harness_text("%s.%s", image, parts[i]);

		hostile_route(hostile, &(const struct hostile_route){.path = harness_text("/v2/%s/blobs/sha256:%s", repository, sum(part)), .answers = {{.file = file(part)}}});
	}
	hostile_route(hostile, &(const struct hostile_route){.path = harness_text("/v2/%s/manifests/1", repository), .answers = {{.headers = MANIFEST_TYPE, .file = file(manifest)}}});
	hostile_route(hostile, &(const struct hostile_route){.path = harness_text("/v2/%s/manifests/sha256:%s", repository, sum(manifest)), .answers = {{.headers = MANIFEST_TYPE, .file = file(manifest)}}});
}

enum lie { LIE_NONE, LIE_LAYER, LIE_CONFIG, LIE_MANIFEST, LIE_EVERYTHING, LIE_INNER };

static const struct hostile_case {
	const char *name, *image;
	enum lie about;
	struct hostile_answer answer;
	const char *file; /* of the answer */
	const char *err;
} cases[] = {
	{"a layer with another digest", "good", LIE_LAYER, {0}, "zeros", "its digest is sha256:"},
	{"a layer that is too short", "good", LIE_LAYER, {0}, "short", "bytes, which is not the blob's size"},
	{"a layer that is too long", "good", LIE_LAYER, {.announce = HOSTILE_NO_LENGTH, .total = 100000}, "good.layer", "more than the blob's size"},
	{"a size that lies", "good", LIE_LAYER, {.announce = 1LL << 40}, "good.layer", "bytes, which is not the blob's size"},
	{"an endless layer", "good", LIE_LAYER, {.body = "x", .endless = true}, NULL, "more than the blob's size"},
	{"no layer", "good", LIE_LAYER, {.status = 404, .body = "{}"}, NULL, "404"},
	{"a circle of addresses", "good", LIE_LAYER, {.status = 307, .headers = "Location: ?\r\n"}, NULL, "from one address to the next"},
	{"401 to everything", "good", LIE_EVERYTHING, {.status = 401, .headers = "WWW-Authenticate: Basic realm=\"x\"\r\n"}, NULL, "401"},
	{"no registry", "good", LIE_EVERYTHING, {.raw = "SSH-2.0-OpenSSH_9.2\r\n"}, NULL, "cannot get the manifest"},
	{"a configuration with another digest", "good", LIE_CONFIG, {0}, "no-config", "its digest is sha256:"},
	{"a manifest of 1 GB", "good", LIE_MANIFEST, {.headers = MANIFEST_TYPE, .body = "{ ", .total = 1LL << 30}, NULL, "4194304"},
	{"an endless manifest", "good", LIE_MANIFEST, {.headers = MANIFEST_TYPE, .body = " ", .endless = true}, NULL, "4194304"},
	{"JSON of 100,000 levels", "good", LIE_MANIFEST, {.headers = MANIFEST_TYPE}, "deep", "cannot pull"},
	{"an empty manifest", "good", LIE_MANIFEST, {.headers = MANIFEST_TYPE, .body = ""}, NULL, "empty"},
	{"a manifest that is said to be an index", "good", LIE_MANIFEST, {.headers = INDEX_TYPE}, "good.manifest", "cannot pull"},
	{"an index that is said to be a manifest", "good", LIE_MANIFEST, {.headers = MANIFEST_TYPE}, "inner", "cannot pull"},
	{"an index in an index", "good", LIE_INNER, {.headers = INDEX_TYPE}, "outer", "names another index"},
	{"an index that names something else", "good", LIE_MANIFEST, {.headers = INDEX_TYPE}, "self", "404"},
	{"an index that lies about a size", "good", LIE_MANIFEST, {.headers = INDEX_TYPE}, "lying", "its index says 1"},
	{"a layer with another diff id", "diff", LIE_NONE, {0}, NULL, "and the image's configuration says"},
	{"a layer that is no archive", "junk", LIE_NONE, {0}, NULL, "layer "},
	{"a layer that climbs out", "path", LIE_NONE, {0}, NULL, "../../motd"},
};

/* The answer, with a file of harness_tmp() in it. */
static void lie(struct hostile *hostile, const struct hostile_case *row, const char *repository)
{
	struct hostile_route route = {.answers = {row->answer}};

	route.answers[0].file = row->file ? file(row->file) : NULL;
	switch (row->about) {
	case LIE_NONE:
		return;
	case LIE_LAYER:
	case LIE_CONFIG:
		route.path = harness_text("/v2/%s/blobs/sha256:%s", repository, sum(row->about == LIE_LAYER ? "good.layer" : "good.config"));
		if (row->answer.status == 307)
			route.answers[0].headers = harness_text("Location: %s\r\n", route.path);
		break;
	case LIE_INNER:
		hostile_route(hostile, &(const struct hostile_route){.path = harness_text("/v2/%s/manifests/sha256:%s", repository, sum("inner")), .answers = {{.headers = INDEX_TYPE, .file = file("inner")}}});
		route.path = harness_text("/v2/%s/manifests/1", repository);
		break;
	case LIE_MANIFEST:
		route.path = harness_text("/v2/%s/manifests/1", repository);
		break;
	case LIE_EVERYTHING:
		route.path = "/*";
		break;
	}
	hostile_route(hostile, &route);
}

static struct harness_result pull(struct hostile *hostile, const char *repository, const char *store)
{
	return harness_run(&(const struct harness_run){ARGV("pull", "--platform", "linux/amd64", harness_text("%s/%s:1", hostile_host(hostile), repository)), .env = transfer_env(store, NULL), .timeout_ms = 60000});
}

/* No name, no record and no layer, whatever blobs were right. */
static void expect_nothing(const char *name, const char *store)
{
	const char *left = harness_shell(harness_text("cd '%s'; ls refs images layers tmp | grep -v ':$' || :", harness_path("%s", store)));

	cr_expect_str_eq(harness_shell(harness_text("printf %%s '%s' | tr -d '\\n'", left)), "", "%s: %s", name, left);
	transfer_expect_good(name, store);
}

Test(pull_hostile, every_lie_is_told)
{
	(void)harness_shell(make_script);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hostile *hostile = hostile_start();
		const char *store = harness_text("store-%zu", i);
		struct harness_result result;

		serve(hostile, "bad", cases[i].image);
		lie(hostile, &cases[i], "bad");
		result = pull(hostile, "bad", store);
		harness_expect_status(cases[i].name, &result, 125);
		harness_expect_err(cases[i].name, &result, cases[i].err);
		expect_nothing(cases[i].name, store);
		harness_done(&result);
		hostile_stop(hostile);
	}
}

Test(pull_hostile, the_store_is_as_good_as_before)
{
	struct hostile *hostile = hostile_start();
	struct harness_result result;

	(void)harness_shell(make_script);
	serve(hostile, "bad", "good");
	lie(hostile, &cases[0], "bad");
	result = pull(hostile, "bad", "store");
	harness_expect_status("lie", &result, 125);
	harness_done(&result);
	serve(hostile, "bad", "good");
	result = pull(hostile, "bad", "store");
	harness_expect_status("truth", &result, 0);
	transfer_expect_good("truth", "store");
	transfer_expect_file("truth", "store", "motd", "hello\n");
	harness_done(&result);
	hostile_stop(hostile);
}

/* When one layer is bad, nobody waits for the answer to another one. */
Test(pull_hostile, the_others_are_given_up)
{
	enum { DELAY_MS = 100000 };
	struct hostile *hostile = hostile_start();
	struct harness_result result;

	(void)harness_shell(make_script);
	serve(hostile, "bad", "two");
	hostile_route(hostile, &(const struct hostile_route){.path = harness_text("/v2/bad/blobs/sha256:%s", sum("good.layer")), .answers = {{.file = file("good.layer"), .delay_ms = DELAY_MS}}});
	result = pull(hostile, "bad", "store");
	harness_expect_status("two", &result, 125);
	harness_expect_err("two", &result, harness_text("layer %.12s", sum("junk.layer")));
	cr_expect(!result.timed_out && result.elapsed_ms < DELAY_MS / 2, "%ld ms", result.elapsed_ms);
	expect_nothing("two", "store");
	harness_done(&result);
	hostile_stop(hostile);
}
