/* The registry client against a real registry: what others put there is read, what it puts there others read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "e2e/registry.h"
#include "image/digest_hash.h"
#include "image/registry.h"
#include "util/buf.h"
#include "util/fd.h"

HARNESS_SUITE(registry_client);

static const struct variant {
	const char *name;
	struct registry_spec spec;
	bool verify;
} variants[] = {
	{"plain http on loopback", {.tls = false}, true},
	{"TLS and a password", {.tls = true, .user = "ada", .password = "se:cret"}, true},
	{"a password, nothing verified", {.tls = true, .user = "ada", .password = "secret"}, false},
};

static struct registry *client(const struct registry_server *server, const char *name, bool verify)
{
	const struct credentials credentials = {.user = (char *)server->spec.user, .password = (char *)server->spec.password};
	const struct registry_options options = {.tls_verify = verify, .credentials = server->spec.user ? &credentials : NULL};
	struct reference reference;
	struct registry *registry;
	struct error err = {0};

	if (server->ca && verify)
		(void)setenv("SSL_CERT_FILE", server->ca, 1);
	else
		(void)unsetenv("SSL_CERT_FILE");
	cr_assert_eq(reference_parse(harness_arena(), harness_text("%s/%s", server->host, name), &reference, &err), 0, "%s: %s", err.what, err.cause);
	cr_assert_eq(registry_open(&reference, &options, &registry, &err), 0, "%s: %s", err.what, err.cause);
	return registry;
}

/* A registry that cannot even be opened. */
static int try_client(const struct registry_server *server, const char *name, struct error *err)
{
	const struct registry_options options = {.tls_verify = true};
	const struct reference reference = {.registry = server->host, .repository = name};
	struct registry *registry;
	int r = registry_open(&reference, &options, &registry, err);

	if (r == 0)
		registry_close(registry);
	return r;
}

static int collect(void *context, const void *data, size_t size, struct error *err)
{
	(void)err;
	buf_add(context, data, size);
	return 0;
}

static void expect_blobs(const char *name, struct registry *registry, const char *layout)
{
	const char *list = harness_shell(harness_text("cd '%s/blobs/sha256' && stat -c '%%s %%n' *", layout));
	unsigned long long size;
	char hex[80];
	int taken, count = 0;

	for (const char *at = list; sscanf(at, " %llu %64s\n%n", &size, hex, &taken) == 2; at += taken) {
		cleanup_buf struct buf text = {0};
		struct digest digest, got;
		struct error err = {0};
		int r;

		(void)snprintf(digest.text, sizeof(digest.text), "sha256:%.64s", hex);
		r = registry_get_blob(registry, &digest, size, &(const struct registry_sink){collect, &text}, &err);
		if (r == -ENOENT) /* (manifests are no blobs) */
			continue;
		cr_assert_eq(r, 0, "%s: %s: %s", name, err.what, err.cause);
		digest_of(text.text, text.size, &got);
		cr_expect_str_eq(got.text, digest.text, "%s", name);
		count++;
	}
	cr_expect_eq(count, 3, "%s: %d blobs", name, count);
}

/* What skopeo pushed, as pull asks for it. */
static void read_all(const struct variant *v, const struct registry_server *server, const char *image)
{
	struct registry *registry = client(server, "team/two", v->verify);
	struct registry_manifest manifest = {0}, again = {0};
	struct error err = {0};

	cr_assert_eq(registry_get_manifest(registry, "1", &manifest, &err), 0, "%s: %s: %s", v->name, err.what, err.cause);
	cr_expect_str_eq(manifest.media_type, MEDIA_OCI_MANIFEST, "%s", v->name);
	cr_assert_eq(registry_get_manifest(registry, manifest.digest.text, &again, &err), 0, "%s: %s: %s", v->name, err.what, err.cause);
	cr_expect(again.size == manifest.size && !memcmp(again.text, manifest.text, again.size), "%s", v->name);
	expect_blobs(v->name, registry, image);
	free(manifest.text);
	free(again.text);
	registry_close(registry);
}

static struct digest put(const char *name, struct registry *registry, const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	struct digest digest;
	struct error err = {0};
	size_t size;

	cr_assert_eq(fd_slurp(fd, 1 << 24, &text, &size), 0);
	digest_of(text, size, &digest);
	cr_expect_eq(registry_has_blob(registry, &digest, &err), 0, "%s: %s: %s", name, err.what, err.cause);
	cr_assert_eq(registry_put_blob(registry, &digest, size, fd, &err), 0, "%s: %s: %s", name, err.what, err.cause);
	cr_expect_eq(registry_has_blob(registry, &digest, &err), 1, "%s: %s: %s", name, err.what, err.cause);
	return digest;
}

/* The blobs and the manifest of a layout, as push would send them; returns the layer's digest. */
static struct digest push_by_hand(const char *name, struct registry *registry, const char *image)
{
	const char *hex = harness_shell(harness_text("cd '%s'; sed 's/.*\"digest\":\"sha256:\\([0-9a-f]*\\)\".*/\\1/' index.json | tr -d '\\n'", image));
	const char *manifest = harness_slurp(harness_text("%s/blobs/sha256/%s", image, hex));
	struct digest last = {0};
	struct error err = {0};

	for (const char *at = manifest; (at = strstr(at, "sha256:")); at += 7)
		last = put(name, registry, harness_text("%s/blobs/sha256/%.64s", image, at + 7));
	cr_assert_eq(registry_put_manifest(registry, "new", MEDIA_OCI_MANIFEST, manifest, strlen(manifest), &err), 0, "%s: %s: %s", name, err.what, err.cause);
	return last;
}

static void write_all(const struct variant *v, const struct registry_server *server, const char *image)
{
	struct registry *registry = client(server, "team/new", v->verify), *other = client(server, "other/new", v->verify);
	struct digest layer = push_by_hand(v->name, registry, image);
	struct error err = {0};

	(void)harness_shell(harness_text("diff -r '%s/blobs' '%s/blobs'", image, registry_fetch(server, "team/new:new", harness_text("back-%s", v->name))));
	cr_expect_eq(registry_has_blob(other, &layer, &err), 0, "%s", v->name);
	cr_expect_eq(registry_mount_blob(other, &layer, "no/such", &err), 0, "%s: %s: %s", v->name, err.what, err.cause);
	cr_expect_eq(registry_mount_blob(other, &layer, "team/new", &err), 1, "%s: %s: %s", v->name, err.what, err.cause);
	cr_expect_eq(registry_has_blob(other, &layer, &err), 1, "%s", v->name);
	registry_close(registry);
	registry_close(other);
}

Test(registry_client, understands_skopeo_and_the_other_way_round)
{
	const char *image = registry_make_image("two", "mkdir etc; echo hello >etc/motd; layer; head -c 400000 /dev/urandom >more; config --config.cmd=/bin/sh");

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		struct registry_server server = registry_start(&variants[i].spec);

		registry_push(&server, image, "team/two:1");
		read_all(&variants[i], &server, image);
		write_all(&variants[i], &server, image);
		registry_stop(&server);
	}
}

/* Whom the user trusts and who he is, from his own folders. */
Test(registry_client, certificates_of_the_users_own)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = true, .wants_certificate = true});
	const char *folder = harness_path("home/.config/containers/certs.d/%s", server.host), *image = registry_make_image("one", "echo hello >file");
	struct registry_manifest manifest = {0};
	struct registry *registry;
	struct error err = {0};

	registry_push(&server, image, "one:1");
	server.ca = NULL; /* not by SSL_CERT_FILE */
	(void)harness_shell(harness_text("mkdir -p '%s'; cp '%s'/* '%s'", folder, server.certs, folder));
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)setenv("HOME", harness_path("home"), 1);
	registry = client(&server, "one", true);
	cr_expect_eq(registry_get_manifest(registry, "1", &manifest, &err), 0, "%s: %s", err.what, err.cause);
	free(manifest.text);
	registry_close(registry);

	(void)harness_shell(harness_text("rm '%s'/client.*", folder));
	registry = client(&server, "one", true);
	cr_expect_lt(registry_get_manifest(registry, "1", &manifest, &err), 0, "no certificate was wanted");
	cr_expect(strstr(err.cause, "certificate") && strstr(err.hint, "NAME.cert"), "%s, %s", err.cause, err.hint);
	registry_close(registry);

	(void)harness_shell(harness_text("rm '%s'/ca.crt", folder));
	(void)setenv("SSL_CERT_DIR", server.certs, 1); /* (its names are no hashes) */
	(void)harness_shell(harness_text("mv '%s'/client.* '%s'", server.certs, folder));
	registry = client(&server, "one", true);
	cr_expect_eq(registry_get_manifest(registry, "1", &manifest, &err), 0, "SSL_CERT_DIR: %s: %s", err.what, err.cause);
	free(manifest.text);
	registry_close(registry);

	(void)harness_shell(harness_text("rm '%s'/client.key", folder));
	cr_expect_lt(try_client(&server, "one", &err), 0);
	cr_expect(strstr(err.what, "client.key"), "%s", err.what);
	registry_stop(&server);
}

static void expect_error(const char *name, int r, const struct error *err, int errnum, const char *cause, const char *hint)
{
	cr_expect_eq(r, -errnum, "%s: %d, %s: %s", name, r, err->what, err->cause);
	cr_expect(strstr(err->cause, cause), "%s: '%s' is not in '%s'", name, cause, err->cause);
	cr_expect(strstr(err->hint, hint), "%s: '%s' is not in '%s'", name, hint, err->hint);
}

Test(registry_client, says_what_is_wrong)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = true, .user = "ada", .password = "secret"}), wrong = server, plain;
	struct registry_manifest manifest;
	struct registry *registry;
	struct error err = {0};

	registry = client(&server, "team/two", true);
	expect_error("no such name", registry_get_manifest(registry, "1", &manifest, &err), &err, ENOENT, "404 Not Found: ", "right?");
	cr_expect_eq(registry_check_login(registry, &err), 0);
	registry_close(registry);

	wrong.spec.password = "wrong";
	registry = client(&wrong, "team/two", true);
	expect_error("a wrong password", registry_get_manifest(registry, "1", &manifest, &err), &err, EACCES, "401 Unauthorized", "carrel login localhost:");
	expect_error("a wrong password at login", registry_check_login(registry, &err), &err, EACCES, "401 Unauthorized", "carrel login localhost:");
	registry_close(registry);

	wrong.spec.user = NULL;
	registry = client(&wrong, "team/two", true);
	expect_error("nobody", registry_get_manifest(registry, "1", &manifest, &err), &err, EACCES, "401 Unauthorized", "carrel login localhost:");
	registry_close(registry);

	wrong.ca = NULL;
	registry = client(&wrong, "team/two", true);
	expect_error("an unknown authority", registry_get_manifest(registry, "1", &manifest, &err), &err, EACCES, "certificate", "certs.d/localhost:");
	registry_close(registry);
	registry_stop(&server);

	registry = client(&wrong, "team/two", true);
	expect_error("nobody there", registry_get_manifest(registry, "1", &manifest, &err), &err, ECONNREFUSED, "onnect", "running");
	registry_close(registry);
	plain = registry_start(&(const struct registry_spec){.tls = false});
	registry_stop(&plain);
}
