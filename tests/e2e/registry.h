/* A real registry for tests: Debian's docker-registry on a free loopback port, its storage in harness_tmp(), and small images to put into it, made by umoci and
 * pushed by skopeo. A test is skipped where one of these is not installed.
 *
 *	struct registry_server server = registry_start(&(const struct registry_spec){.tls = true});
 *
 *	registry_push(&server, registry_make_image("small", "mkdir etc; echo hello >etc/motd"), "team/small:1");
 *	harness_run(… ARGV("pull", harness_text("%s/team/small:1", server.host)), ENVIRONMENT(server.ssl_cert_file) …);
 *	registry_stop(&server);
 *
 * A registry that a failed test left behind ends with the test's process.
 */
#ifndef CARREL_TESTS_E2E_REGISTRY_H
#define CARREL_TESTS_E2E_REGISTRY_H

#include <stdbool.h>

#include "e2e/harness.h"

struct registry_spec {
	bool tls;                    /* a certificate for localhost and 127.0.0.1, signed by an authority made for it */
	bool wants_certificate;      /* with TLS: only clients that show a certificate of that authority are served; `certs` has one */
	const char *user, *password; /* by htpasswd (bcrypt); NULL: open to everyone */
	const char *storage;         /* a folder of an earlier one; NULL: a new one */
};

struct registry_server {
	struct registry_spec spec;
	struct harness_started process;
	int port;
	const char *host;          /* "localhost:PORT" */
	const char *ca;            /* the authority's certificate, a PEM file; NULL without TLS */
	const char *certs;         /* a folder as containers-certs.d(5) has it for one registry: ca.crt, and client.cert and client.key where they are wanted */
	const char *ssl_cert_file; /* "SSL_CERT_FILE=…", for a run's environment; without TLS a variable that nobody reads */
	const char *storage;
	const char *log;           /* its messages and an access log, a line for each request */
};

/* Answers when this returns. */
struct registry_server registry_start(const struct registry_spec *spec);
void registry_stop(struct registry_server *server);

/* An OCI layout with the one reference "latest", in harness_tmp()/images/NAME; its path. `script` runs by sh -e in an empty folder and knows these:
 *	layer                  all that is in the folder becomes a layer (owned by 0:0, dated 2020-01-01) and the folder is empty again; done once more at the end
 *	                       if something is left
 *	layer_tar FILE         this archive becomes a layer, as it is
 *	config OPTION…         umoci config: --config.cmd=…, --config.env=A=b, --config.user=…
 *	$ROOT                  is harness_root("busybox"), where `script` names it
 */
const char *registry_make_image(const char *name, const char *script);

/* skopeo copies the layout's "latest" to NAME[:TAG] there, or back into a new layout harness_tmp()/images/AS, whose path it gives. */
void registry_push(const struct registry_server *server, const char *layout, const char *name);
const char *registry_fetch(const struct registry_server *server, const char *name, const char *as);
/* Options for another run of skopeo: "--src-tls-verify=false --src-creds=USER:PASSWORD", with "src" or "dest". */
const char *registry_skopeo_options(const struct registry_server *server, const char *side);
/* GET of this path below /v2/, by curl: what came. */
const char *registry_get(const struct registry_server *server, const char *path);

#endif
