/* Push to a real registry: what comes back from it, by others, is what was there before, byte for byte. */
#include <string.h>

#include "e2e/transfer.h"

HARNESS_SUITE(push);

static void pull(const struct registry_server *server, const char *name)
{
	struct harness_result result = harness_run(&(const struct harness_run){ARGV("pull", "-q", harness_text("%s/%s", server->host, name)), .env = transfer_env("store", server)});

	harness_expect_status(name, &result, 0);
	harness_done(&result);
}

static struct harness_result push(const struct registry_server *server, const char *from, const char *to)
{
	return harness_run(&(const struct harness_run){ARGV("push", from, harness_text("%s/%s", server->host, to)), .env = transfer_env("store", server)});
}

/* As skopeo's "dir:", manifest and blobs are files. */
static void expect_same(const char *name, const struct registry_server *one, const char *from, const struct registry_server *two, const char *to)
{
	static const char script[] = "rm -rf one two; for i in 'one %s docker://%s/%s' 'two %s docker://%s/%s'; do set -- $i; to=$1; shift; HOME=. skopeo --insecure-policy copy -q \"$@\" dir:$to; done\n"
				     "diff -r one two || :";
	const char *difference =
		harness_shell(harness_text(script, registry_skopeo_options(one, "src"), one->host, from, registry_skopeo_options(two, "src"), two->host, to));

	cr_expect_str_eq(difference, "", "%s: %s", name, difference);
}

static const struct {
	const char *name;
	struct registry_spec spec; /* of the registry that is pushed to */
	const char *copy;          /* options of skopeo's copy into the first one */
	const char *media_type;
} kinds[] = {
	{"OCI, gzip", {.tls = false}, "", "application/vnd.oci.image.manifest.v1+json"},
	{"zstd, to TLS and a password", {.tls = true, .user = "ada", .password = "secret"}, "--dest-compress-format zstd", "application/vnd.oci.image.manifest.v1+json"},
	{"Docker schema 2", {.tls = false}, "--format v2s2", "application/vnd.docker.distribution.manifest.v2+json"},
};

/* The fixture's `server` answers a HEAD with the type that was put. */
static void expect_type(const char *name, const struct registry_server *server, const char *image, const char *media_type)
{
	const char *answer = registry_get(server, harness_text("%s/manifests/2' -I -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json", image));

	cr_expect_not_null(strstr(answer, media_type), "%s: %s", name, answer);
}

Test(push, byte_for_byte)
{
	struct registry_server one = registry_start(&(const struct registry_spec){.tls = false});

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *image = registry_make_image(harness_text("kind-%zu", i), harness_text("echo %zu >kind; layer; echo top >top", i)), *from = harness_text("kind/%zu:1", i);
		struct registry_server two = registry_start(&kinds[i].spec);
		struct harness_result result;

		(void)harness_shell(harness_text("HOME=. skopeo --insecure-policy copy -q --dest-tls-verify=false %s oci:'%s':latest docker://%s/%s", kinds[i].copy, image, one.host, from));
		pull(&one, from);
		transfer_log_in(&two);
		for (int again = 0; again < 2; again++) {
			result = push(&two, harness_text("%s/%s", one.host, from), "new/name:2");
			harness_expect_status(kinds[i].name, &result, 0);
			cr_expect_str_eq(result.out, harness_text("%s/new/name:2\n", two.host), "%s: %s", kinds[i].name, result.out);
			harness_expect_err(kinds[i].name, &result, again ? ": Already exists\n" : ": Pushed\n");
			cr_expect(!again || !strstr(result.err, ": Pushed"), "%s: %s", kinds[i].name, result.err);
			harness_done(&result);
		}
		expect_same(kinds[i].name, &one, from, &two, "new/name:2");
		expect_type(kinds[i].name, &two, "new/name", kinds[i].media_type);
		registry_stop(&two);
	}
	registry_stop(&one);
}

/* Within one registry no layer is sent a second time. */
Test(push, mounts_from_another_repository)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	struct harness_result result;

	registry_push(&server, registry_make_image("app", "echo base >base; layer; echo top >top"), "team/app:1");
	pull(&server, "team/app:1");
	(void)harness_shell(harness_text("cp '%s' before", server.log));
	result = push(&server, harness_text("%s/team/app:1", server.host), "fork/app:2");
	harness_expect_status("mount", &result, 0);
	harness_expect_err("mount", &result, ": Already exists\n");
	harness_done(&result);
	/* POST …?from=…&mount=… is answered by 201, and nothing was PUT but the manifest. */
	cr_expect_str_eq(harness_shell(harness_text("grep -v -x -F -f before '%s' >new; grep -c '\"POST .*mount=.* 201 ' new; grep -c '\"PUT ' new", server.log)), "3\n1\n", "%s",
		harness_slurp(harness_path("new")));
	expect_same("mount", &server, "team/app:1", &server, "fork/app:2");
	registry_stop(&server);
}

Test(push, is_read_by_podman)
{
	/* podman takes no long path for a runroot. */
	static const char script[] = "export HOME=\"$PWD/podman-home\"; mkdir podman-home; r=$(mktemp -d /var/tmp/pr.XXXXXX); trap 'rm -rf $r' EXIT\n"
				     "p=\"podman --root $PWD/podman --runroot $r --storage-driver vfs --cgroup-manager cgroupfs\"\n"
				     "$p pull -q --tls-verify=false %s/copy >&2 && $p image inspect --format '{{.Digest}}' %s/copy; s=$?\n"
				     "$p system migrate >/dev/null 2>&1 || true; exit $s"; /* (that ends the process that podman leaves) */
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	struct harness_result result;
	const char *digest;

	harness_requires_program("podman");
	harness_requires_subids();
	registry_push(&server, registry_make_image("app", "echo base >base; layer; echo top >top"), "app");
	pull(&server, "app");
	result = push(&server, harness_text("%s/app", server.host), "copy");
	harness_expect_status("push", &result, 0);
	digest = harness_shell(harness_text(script, server.host, server.host));
	harness_expect_err("podman", &result, harness_text("\nDigest: %s", digest));
	harness_done(&result);
	registry_stop(&server);
}

/* --- what cannot be pushed --- */

static const struct {
	const char *name, *from, *to; /* %s: the registry */
	const char *err, *hint;
} wrong[] = {
	{"no such image", "none", "%s/x", "no image 'none'", "carrel images"},
	{"not of that name", "%s/x", NULL, "no image", "carrel images"},
	{"to a digest", "%s/app", "%s/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "cannot push to", "name a tag"},
	{"no reference", "%s/app", "%s/App", "App", "%s/app"},
	{"nobody there", "%s/app", "localhost:1/app", "localhost:1", NULL},
};

/* The text with the registry in the place of its %s. */
static const char *at(const char *text, const char *host)
{
	const char *place = strstr(text, "%s");

	return place ? harness_text("%.*s%s%s", (int)(place - text), text, host, place + 2) : text;
}

Test(push, refuses)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});

	registry_push(&server, registry_make_image("app", "echo base >base"), "app");
	pull(&server, "app");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *from = at(wrong[i].from, server.host), *to = wrong[i].to ? at(wrong[i].to, server.host) : NULL;
		struct harness_result result = harness_run(&(const struct harness_run){ARGV("push", from, to), .env = transfer_env("store", &server)});

		harness_expect_status(wrong[i].name, &result, 125);
		harness_expect_err(wrong[i].name, &result, wrong[i].err);
		if (wrong[i].hint)
			harness_expect_err(wrong[i].name, &result, at(wrong[i].hint, server.host));
		harness_done(&result);
	}
	registry_stop(&server);
}
