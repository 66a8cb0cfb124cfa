/* Images that are odd but allowed, as Docker and podman take them: through load and through pull. */
#include <string.h>

#include "e2e/hostile.h"
#include "e2e/transfer.h"
#include "image/manifest.h"

HARNESS_SUITE(lenient);

/* In odd/: an image without layers, whose configuration has a variable without '=' and a time in words; an index that names it beside others with digests of sha512;
 * as archives good.tar (the index) and bad.tar (whose one image has such a digest). Files have their digests in .sum, sizes in .size. */
static const char make_script[] =
	"mkdir -p odd/blobs/sha256; cd odd\n"
	"put() { sha256sum <$1 | cut -c 1-64 | tr -d '\\n' >$1.sum; wc -c <$1 | tr -d ' \\n' >$1.size; cp $1 blobs/sha256/$(cat $1.sum); }\n"
	"pack() { printf '{\"schemaVersion\":2,\"manifests\":[%s]}' \"$2\" >index.json; printf '{\"imageLayoutVersion\":\"1.0.0\"}' >oci-layout; tar -cf $1 oci-layout index.json blobs; }\n"
	"entry() { printf '{\"mediaType\":\"" HOSTILE_OCI "%s\",\"digest\":\"%s\",\"size\":%s,\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"},"
	"\"annotations\":{\"org.opencontainers.image.ref.name\":\"people/odd:1\"}}' \"$@\"; }\n"
	"long=sha512:$(head -c 1 </dev/null | sha512sum | cut -c 1-128)\n"
	"printf '{\"architecture\":\"%s\",\"os\":\"linux\",\"created\":\"yesterday\",\"config\":{\"Env\":[\"A\",\"B=c\"],\"Cmd\":[\"/bin/true\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}' $HERE >config; put config\n"
	"printf '{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" HOSTILE_OCI "config.v1+json\",\"digest\":\"sha256:%s\",\"size\":%s},\"layers\":null}' $(cat config.sum) $(cat config.size) >manifest; put manifest\n"
	"mine=$(entry manifest.v1+json sha256:$(cat manifest.sum) $(cat manifest.size) $HERE)\n"
	"printf '{\"schemaVersion\":2,\"mediaType\":\"" HOSTILE_OCI "index.v1+json\",\"manifests\":[%s,%s]}' \"$(entry manifest.v1+json $long 7 s390x)\" \"$mine\" >index; put index\n"
	"printf '{\"schemaVersion\":2,\"mediaType\":\"" HOSTILE_OCI "index.v1+json\",\"manifests\":[%s]}' \"$(entry manifest.v1+json $long 7 $HERE)\" >odder; put odder\n"
	"pack good.tar \"$(entry manifest.v1+json $long 7 s390x),$(entry index.v1+json sha256:$(cat index.sum) $(cat index.size) $HERE)\"; pack bad.tar \"$(entry manifest.v1+json $long 7 $HERE)\"\n";

static void make(void)
{
	struct arena *arena = harness_arena();
	struct platform here = platform_host();

	here.variant = NULL;
	(void)harness_shell(arena_printf(arena, "HERE=%s\n%s", here.architecture, make_script));
}

static void expect(const char *name, const char *const *argv, int status, const char *out, const char *err)
{
	struct harness_result result = harness_run(&(const struct harness_run){.argv = argv, .env = transfer_env("store", NULL)});

	harness_expect_status(name, &result, status);
	harness_expect_out(name, &result, out);
	harness_expect_err(name, &result, err);
	harness_done(&result);
}
#define EXPECT(name, status, out, err, ...) expect(name, HARNESS_WORDS(__VA_ARGS__), status, out, err)

/* A configuration alone: nothing to run, until something is mounted. */
static void expect_odd(const char *image)
{
	struct harness_result result;
	const char *mount = harness_text("%s:/b:ro", harness_root("busybox"));

	EXPECT("images", 0, "N/A", "", "images");
	EXPECT("history", 0, "IMAGE", "", "history", image);
	EXPECT("run", 127, "", "has no layers, so no files but those that are mounted into it", "run", image);
	EXPECT("run a word", 127, "", "has no layers", "run", image, "ls");
	result = harness_run(&(const struct harness_run){ARGV("run", "-v", mount, image, "/b/bin/busybox", "env"), .env = transfer_env("store", NULL)});
	harness_expect_status("mounted", &result, 0);
	harness_expect_out("mounted", &result, "B=c\n");
	cr_expect(!strstr(result.out, "A\n") && !strstr(result.out, "A="), "%s", result.out);
	harness_done(&result);
	EXPECT("a word that is not there either", 127, "", "has no layers", "run", "-v", mount, image, "/b/bin/none");
	transfer_expect_good("odd", "store");
}

Test(lenient, loaded)
{
	make();
	EXPECT("load", 0, "Loaded image: people/odd:1", "", "load", "--userns", "single", "-i", harness_path("odd/good.tar"));
	expect_odd("people/odd:1");
	EXPECT("save", 0, "", "", "save", "-o", harness_path("again.tar"), "people/odd:1");
	EXPECT("rmi", 0, "Untagged", "", "rmi", "people/odd:1");
	EXPECT("load what was saved", 0, "Loaded image: people/odd:1", "", "load", "--userns", "single", "-i", harness_path("again.tar"));
	EXPECT("a digest that cannot be checked", 125, "", "only sha256 is supported", "load", "--userns", "single", "-i", harness_path("odd/bad.tar"));
}

static void serve(struct hostile *hostile, const char *path, const char *type, const char *name)
{
	hostile_route(hostile, &(const struct hostile_route){.path = path, .answers = {{.headers = harness_text("Content-Type: " HOSTILE_OCI "%s.v1+json\r\n", type), .file = harness_path("odd/%s", name)}}});
}

static const char *sum(const char *name)
{
	return harness_slurp(harness_path("odd/%s.sum", name));
}

Test(lenient, pulled)
{
	struct hostile *hostile = hostile_start();
	const char *image = harness_text("%s/odd:1", hostile_host(hostile));

	make();
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/", .answers = {{.body = "{}"}}});
	serve(hostile, "/v2/odd/manifests/1", "index", "index");
	serve(hostile, "/v2/odd/manifests/2", "index", "odder");
	serve(hostile, harness_text("/v2/odd/manifests/sha256:%s", sum("manifest")), "manifest", "manifest");
	serve(hostile, harness_text("/v2/odd/blobs/sha256:%s", sum("config")), "config", "config");
	EXPECT("pull", 0, "", "", "pull", "--userns", "single", image);
	expect_odd(image);
	EXPECT("a digest that cannot be checked", 125, "", "only sha256 is supported", "pull", "--userns", "single", harness_text("%s/odd:2", hostile_host(hostile)));
	hostile_stop(hostile);
}
