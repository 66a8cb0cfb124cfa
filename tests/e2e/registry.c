#include "e2e/registry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/proc.h"

enum { START_MS = 20000, ATTEMPTS = 5 };

/* A port that was free a moment ago. */
static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0, "no free port: %s", strerror(errno));
	return ntohs(address.sin_port);
}

static bool answers(int port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

/* An authority, and a certificate by it for loopback, made once for a test. OpenSSL 1.1 and 3 both take these words. */
static const char *make_certificates(void)
{
	const char *folder = harness_path("registry-tls");

	(void)harness_shell(harness_text(
	    "[ -e '%s/key.pem' ] && exit; mkdir -p '%s/certs'; cd '%s'\n"
	    "exec >log 2>&1\n"
	    "export OPENSSL_CONF=$PWD/openssl.cnf\n"
	    "printf '[req]\ndistinguished_name=name\n[name]\n[ca]\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n' >openssl.cnf\n"
	    "openssl req -x509 -extensions ca -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=carrel test authority' -keyout ca.key -out certs/ca.crt\n"
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key.pem -out request.pem\n"
	    "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >extensions\n"
	    "openssl x509 -req -days 30 -in request.pem -CA certs/ca.crt -CAkey ca.key -CAcreateserial -extfile extensions -out certificate.pem\n",
	    folder, folder, folder));
	return folder;
}

static void make_client_certificate(const char *folder)
{
	(void)harness_shell(harness_text(
	    "cd '%s'; exec >>log 2>&1; export OPENSSL_CONF=$PWD/openssl.cnf\n"
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=ada -keyout certs/client.key -out client.request\n"
	    "openssl x509 -req -days 30 -in client.request -CA certs/ca.crt -CAkey ca.key -CAcreateserial -out certs/client.cert\n",
	    folder));
}

static const char *configuration(const struct registry_server *server, const char *folder)
{
	const char *tls = "", *auth = "";

	if (server->spec.tls) {
		const char *made = make_certificates();

		tls = harness_text("  tls: {certificate: %s/certificate.pem, key: %s/key.pem%s}\n", made, made,
		    server->spec.wants_certificate ? harness_text(", clientcas: [%s/certs/ca.crt]", made) : "");
	}
	if (server->spec.user) {
		harness_requires_program("htpasswd");
		(void)harness_shell(harness_text("htpasswd -Bbc -C 4 '%s/htpasswd' '%s' '%s' 2>/dev/null", folder, server->spec.user, server->spec.password));
		auth = harness_text("auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", folder);
	}
	return harness_text("version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: %s}\n  delete: {enabled: true}\n%s"
	                    "http:\n  addr: 127.0.0.1:%d\n%s",
	    server->storage, auth, server->port, tls);
}

/* Start it on this port. False: it ended, since somebody else had the port by then. */
static bool start(struct registry_server *server, const char *folder)
{
	const char *file = harness_text("%s/config.yml", folder);
	int64_t until = proc_now_ms() + START_MS * harness_patience();

	(void)harness_file(file + strlen(harness_tmp()) + 1, configuration(server, folder));
	/* (setpriv: it is not to outlive a test that crashed.) */
	server->process = harness_start(&(const struct harness_run){.program = "/bin/sh",
	    .argv = HARNESS_WORDS("-c", "exec setpriv --pdeathsig KILL docker-registry serve \"$1\" >>\"$2\" 2>&1", "sh", file, server->log)});
	while (!answers(server->port)) {
		const struct timespec pause = {0, 5000000};
		siginfo_t ended = {0};

		if (waitid(P_PID, (id_t)server->process.pid, &ended, WEXITED | WNOHANG | WNOWAIT) < 0 || ended.si_pid || proc_now_ms() > until)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

struct registry_server registry_start(const struct registry_spec *spec)
{
	static int count;
	struct registry_server server = {.spec = *spec, .ssl_cert_file = "CARREL_TEST_NOTHING=1"};
	const char *folder = harness_path("registry-%d", count++);

	harness_requires_program("docker-registry");
	harness_requires_program("setpriv");
	(void)harness_shell(harness_text("mkdir -p '%s/storage'", folder));
	server.storage = spec->storage ? spec->storage : harness_text("%s/storage", folder);
	server.log = harness_text("%s/log", folder);
	if (spec->tls) {
		harness_requires_program("openssl");
		server.certs = harness_text("%s/certs", make_certificates());
		server.ca = harness_text("%s/ca.crt", server.certs);
		if (spec->wants_certificate)
			make_client_certificate(make_certificates());
		server.ssl_cert_file = harness_text("SSL_CERT_FILE=%s", server.ca);
	}
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		server.port = free_port();
		server.host = harness_text("localhost:%d", server.port);
		if (start(&server, folder))
			return server;
		registry_stop(&server);
	}
	cr_assert(false, "docker-registry does not start:\n%s", harness_slurp(server.log));
	return server;
}

void registry_stop(struct registry_server *server)
{
	struct harness_result result;

	if (server->process.pid <= 0)
		return;
	(void)kill(server->process.pid, SIGKILL);
	result = harness_finish(&server->process);
	harness_done(&result);
	server->process.pid = 0;
}

/* --- images --- */

static const char prelude[] =
    "image=$1 work=$2 ROOT=$3\n"
    "made() { umoci raw add-layer --image \"$image:latest\" \"$1\" >>\"$work/log\" 2>&1 || { cat \"$work/log\" >&2; exit 1; }; }\n"
    "layer_tar() { made \"$1\"; }\n"
    "config() { umoci config --image \"$image:latest\" \"$@\" >>\"$work/log\" 2>&1 || { cat \"$work/log\" >&2; exit 1; }; }\n"
    "layer() {\n"
    "	tar -C \"$work/tree\" --owner=0 --group=0 --numeric-owner --mtime=@1577836800 --sort=name --format=pax --pax-option=delete=atime,delete=ctime"
    " -cf \"$work/layer.tar\" .\n"
    "	made \"$work/layer.tar\"\n"
    "	chmod -R u+rwX \"$work/tree\"; find \"$work/tree\" -mindepth 1 -delete\n"
    "}\n"
    "mkdir -p \"$work/tree\" \"${image%/*}\"\n"
    "umoci init --layout \"$image\"; umoci new --image \"$image:latest\"\n"
    "cd \"$work/tree\"\n";

static const char epilogue[] = "\n[ -z \"$(ls -A \"$work/tree\")\" ] || layer\numoci gc --layout \"$image\"\nrm -rf \"$work\"\n";

const char *registry_make_image(const char *name, const char *script)
{
	const char *image = harness_path("images/%s", name), *work = harness_path("images/%s.work", name);
	const char *root = strstr(script, "$ROOT") ? harness_root("busybox") : "";
	struct harness_result result;

	harness_requires_program("umoci");
	result = harness_run(&(const struct harness_run){.program = "/bin/sh",
	    .argv = HARNESS_WORDS("-ec", harness_text("%s%s%s", prelude, script, epilogue), "sh", image, work, root)});
	cr_assert(result.status == 0, "cannot make the image %s:\n%s", name, result.err);
	harness_done(&result);
	return image;
}

const char *registry_skopeo_options(const struct registry_server *server, const char *side)
{
	const char *tls = server->spec.tls ? harness_text("--%s-cert-dir=%s", side, server->certs) : harness_text("--%s-tls-verify=false", side);

	return server->spec.user ? harness_text("%s --%s-creds=%s:%s", tls, side, server->spec.user, server->spec.password) : tls;
}

void registry_push(const struct registry_server *server, const char *layout, const char *name)
{
	harness_requires_program("skopeo");
	(void)harness_shell(harness_text("HOME=. skopeo --insecure-policy copy -q %s oci:'%s':latest docker://%s/%s", registry_skopeo_options(server, "dest"), layout, server->host, name));
}

const char *registry_fetch(const struct registry_server *server, const char *name, const char *as)
{
	const char *layout = harness_path("images/%s", as);

	harness_requires_program("skopeo");
	(void)harness_shell(harness_text("mkdir -p images; HOME=. skopeo --insecure-policy copy -q %s docker://%s/%s oci:'%s':latest", registry_skopeo_options(server, "src"), server->host, name, layout));
	return layout;
}

const char *registry_get(const struct registry_server *server, const char *path)
{
	const char *credentials = server->spec.user ? harness_text("-u '%s:%s'", server->spec.user, server->spec.password) : "";
	const char *ca = server->ca ? harness_text("--cacert '%s'", server->ca) : "";
	const char *us = server->spec.wants_certificate ? harness_text("--cert '%s/client.cert' --key '%s/client.key'", server->certs, server->certs) : "";

	return harness_shell(harness_text("curl -sS --max-time 20 %s %s %s '%s://%s/v2/%s'", credentials, ca, us, server->ca ? "https" : "http", server->host, path));
}
