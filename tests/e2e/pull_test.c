/* Pull from a real registry: every way to reach it, every kind of layer and manifest, several at once, and what is left by one that was killed. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "e2e/registry.h"
#include "e2e/transfer.h"
#include "util/fd.h"

HARNESS_SUITE(pull);

/* --- ways to reach it --- */

static const struct {
	const char *name;
	struct registry_spec spec;
	const char *option; /* in the place of the authority's certificate */
} ways[] = {
	{"http on loopback", {.tls = false}, NULL},
	{"TLS with its authority", {.tls = true}, NULL},
	{"TLS unverified", {.tls = true}, "--tls-verify=false"},
	{"TLS and a password", {.tls = true, .user = "ada", .password = "secret"}, NULL},
};

Test(pull, by_every_way)
{
	const char *image = registry_make_image("two", "mkdir etc; echo hello >etc/motd; layer; echo more >more");

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct registry_server server = registry_start(&ways[i].spec);
		const char *name = harness_text("%s/team/two:1", server.host);
		struct harness_result result;

		registry_push(&server, image, "team/two:1");
		transfer_log_in(&server);
		result = harness_run(&(const struct harness_run){ARGV("pull", ways[i].option ? ways[i].option : "--userns=auto", name),
		    .env = transfer_env("store", ways[i].option ? NULL : &server)});
		harness_expect_status(ways[i].name, &result, 0);
		cr_expect_str_eq(result.out, harness_text("%s\n", name), "%s: %s", ways[i].name, result.out);
		harness_expect_err(ways[i].name, &result, harness_text("%s: Pulling from %s/team/two\n", name, server.host));
		harness_expect_err(ways[i].name, &result, i == 0 ? ": Pull complete\n" : ": Already exists\n");
		harness_expect_err(ways[i].name, &result, "\nDigest: sha256:");
		harness_expect_err(ways[i].name, &result, harness_text("\nStatus: Downloaded newer image for %s\n", name));
		transfer_expect_good(ways[i].name, "store");
		transfer_expect_file(ways[i].name, "store", "etc/motd", "hello\n");
		transfer_expect_file(ways[i].name, "store", "more", "more\n");
		harness_done(&result);
		registry_stop(&server);
	}
}

Test(pull, without_login_or_trust)
{
	static const struct {
		const char *name;
		bool trusts;
		const char *err, *hint;
	} cases[] = {
		{"no account", true, "401 Unauthorized", "carrel login"},
		{"an unknown authority", false, "certificate", "--tls-verify=false"},
	};
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = true, .user = "ada", .password = "secret"});

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct harness_result result =
			harness_run(&(const struct harness_run){ARGV("pull", harness_text("%s/team/two:1", server.host)), .env = transfer_env("store", cases[i].trusts ? &server : NULL)});

		harness_expect_status(cases[i].name, &result, 125);
		harness_expect_err(cases[i].name, &result, cases[i].err);
		harness_expect_err(cases[i].name, &result, cases[i].hint);
		harness_done(&result);
	}
	registry_stop(&server);
}

/* --- what there is to pull --- */

static const struct {
	const char *name, *options; /* for skopeo copy */
	const char *media;          /* in the manifest */
} kinds[] = {
	{"gzip", "--dest-compress-format gzip", "tar+gzip"},
	{"zstd", "--dest-compress-format zstd", "tar+zstd"},
	{"Docker schema 2", "--format v2s2", "application/vnd.docker.image.rootfs.diff.tar.gzip"},
};

static const char *copy_as(const struct registry_server *server, const char *image, const char *options, const char *name)
{
	(void)harness_shell(harness_text("HOME=. skopeo --insecure-policy copy -q %s %s oci:'%s':latest docker://%s/%s", options, registry_skopeo_options(server, "dest"), image, server->host, name));
	return registry_get(server, harness_text("%s/manifests/latest' -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json", name));
}

Test(pull, every_kind_of_layer)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *image = registry_make_image(harness_text("kind-%zu", i), harness_text("echo %zu >kind; layer; echo top >top", i));
		const char *name = harness_text("kind/%zu", i), *manifest = copy_as(&server, image, kinds[i].options, name);
		struct harness_result result;

		cr_expect_not_null(strstr(manifest, kinds[i].media), "%s: %s", kinds[i].name, manifest);
		result = harness_run(&(const struct harness_run){ARGV("pull", "-q", harness_text("%s/%s", server.host, name)), .env = transfer_env("store", &server)});
		harness_expect_status(kinds[i].name, &result, 0);
		cr_expect_str_eq(result.err, "", "%s: %s", kinds[i].name, result.err);
		/* The id is the configuration's digest. */
		cr_expect_not_null(strstr(manifest, harness_text("%.*s", (int)strcspn(result.out, "\n"), result.out)), "%s: %s", kinds[i].name, result.out);
		transfer_expect_good(kinds[i].name, "store");
		transfer_expect_file(kinds[i].name, "store", "kind", harness_text("%zu\n", i));
		harness_done(&result);
	}
	registry_stop(&server);
}

/* An index by hand, as skopeo 1.9 copies such images but makes none: two images, under the names of two machines. */
static const char index_script[] =
	"size() { wc -c <$1; }\n"
	"for n in 0 1; do curl -sS -H 'Accept: application/vnd.oci.image.manifest.v1+json' http://%s/v2/multi/manifests/part-$n >part-$n; done\n"
	"entry() { printf '{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:%%s\",\"size\":%%d,\"platform\":{\"os\":\"linux\",\"architecture\":\"%%s\"}}'"
	" $(sha256sum <part-$1 | cut -c 1-64) $(size part-$1) $2; }\n"
	"printf '{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[%%s,%%s]}' \"$(entry 0 s390x)\" \"$(entry 1 riscv64)\" >index\n"
	"curl -sS -f -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @index http://%s/v2/multi/manifests/all\n"
	"printf sha256:%%s $(sha256sum <index | cut -c 1-64)\n";

static const char *make_index(const struct registry_server *server)
{
	for (size_t i = 0; i < 2; i++)
		registry_push(server, registry_make_image(harness_text("part-%zu", i), harness_text("echo part-%zu >part; config --architecture=%s", i, i ? "riscv64" : "s390x")),
			harness_text("multi:part-%zu", i));
	return harness_shell(harness_text(index_script, server->host, server->host));
}

static const struct {
	const char *name, *platform, *separator;
	bool by_digest;
	int status;
	const char *file, *err;
} platforms[] = {
	{"by tag", "linux/riscv64", ":all", false, 0, "part-1\n", "Status: Downloaded newer image"},
	{"again", "linux/riscv64", ":all", false, 0, "part-1\n", "Status: Image is up to date"},
	{"another", "linux/s390x", ":all", false, 0, "part-0\n", "Status: Downloaded newer image"},
	{"the architecture alone", "s390x", ":all", false, 0, "part-0\n", "Status: Image is up to date"},
	{"by digest", "linux/riscv64", "@", true, 0, "part-1\n", "Status: Downloaded newer image"},
	{"none of this name", "linux/mips64", ":all", false, 125, NULL, "riscv64"},
	{"no platform", "linux/", ":all", false, 125, NULL, "linux/"},
	{"no such tag", "linux/riscv64", ":none", false, 125, NULL, ":none"},
};

Test(pull, one_platform_of_an_index)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	const char *digest = make_index(&server);

	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		const char *name = harness_text("%s/multi%s%s", server.host, platforms[i].separator, platforms[i].by_digest ? digest : "");
		struct harness_result result =
			harness_run(&(const struct harness_run){ARGV("pull", "--platform", platforms[i].platform, name), .env = transfer_env("store", &server)});

		harness_expect_status(platforms[i].name, &result, platforms[i].status);
		harness_expect_err(platforms[i].name, &result, platforms[i].err);
		if (platforms[i].file) {
			harness_expect_err(platforms[i].name, &result, harness_text("\nDigest: %s\n", digest));
			transfer_expect_file(platforms[i].name, "store", "part", platforms[i].file);
		}
		transfer_expect_good(platforms[i].name, "store");
		harness_done(&result);
	}
	registry_stop(&server);
}

/* What is the same in another image is not fetched, and the last reference stands for the new one. */
Test(pull, only_what_is_missing)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	const char *old = registry_make_image("old", "echo base >base; layer; echo old >which"), *new = registry_make_image("new", "echo base >base; layer; echo new >which");
	const char *name = harness_text("%s/app", server.host);
	struct harness_result result;

	registry_push(&server, old, "app");
	result = harness_run(&(const struct harness_run){ARGV("pull", name), .env = transfer_env("store", &server)});
	harness_expect_status("old", &result, 0);
	harness_done(&result);
	registry_push(&server, new, "app");
	result = harness_run(&(const struct harness_run){ARGV("pull", name), .env = transfer_env("store", &server)});
	harness_expect_status("new", &result, 0);
	harness_expect_err("new", &result, ": Already exists\n");
	harness_expect_err("new", &result, ": Pull complete\n");
	harness_expect_err("new", &result, "Status: Downloaded newer image");
	transfer_expect_file("new", "store", "which", "new\n");
	harness_done(&result);
	/* Of three layers each was fetched once. */
	cr_expect_str_eq(harness_shell(harness_text("grep -c 'GET /v2/app/blobs/.* 200 .*carrel' '%s' || grep 'GET ' '%s'", server.log, server.log)), "5\n");
	registry_stop(&server);
}

/* Docker Hub is not asked for what its mirror has. */
Test(pull, from_a_mirror)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	struct harness_result result;

	registry_push(&server, registry_make_image("hub", "echo mirrored >hub"), "library/hub:1");
	result = harness_run(&(const struct harness_run){ARGV("pull", "hub:1"), .env = harness_words(transfer_env("store", &server), HARNESS_WORDS(harness_text("CARREL_MIRRORS=%s", server.host)))});
	harness_expect_status("mirror", &result, 0);
	cr_expect_str_eq(result.out, "docker.io/library/hub:1\n", "%s", result.out);
	transfer_expect_file("mirror", "store", "hub", "mirrored\n");
	harness_done(&result);
	registry_stop(&server);
}

Test(pull, on_a_terminal)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	const char *image = registry_make_image("big", "head -c 3000000 /dev/urandom >big");
	struct harness_result result;

	registry_push(&server, image, "big");
	result = harness_run(&(const struct harness_run){ARGV("pull", harness_text("%s/big", server.host)), .env = transfer_env("store", &server), .terminal = true});
	harness_expect_status("terminal", &result, 0);
	harness_expect_out("terminal", &result, ": Pull complete\033[K\r\n");
	harness_expect_out("terminal", &result, "\r\nStatus: Downloaded newer image");
	harness_done(&result);
	registry_stop(&server);
}
