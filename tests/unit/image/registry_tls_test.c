#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/libcurl.h"
#include "image/registry_parts.h"
#include "util/fd.h"
#include "util/path.h"

static char home[] = "/tmp/carrel-tls-XXXXXX";

static void make_home(void)
{
	struct error err = {0};

	cr_assert_eq(libcurl_load(&err), 0, "%s", err.cause);
	cr_assert_not_null(mkdtemp(home));
	(void)setenv("HOME", home, 1);
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("SSL_CERT_FILE");
	(void)unsetenv("SSL_CERT_DIR");
}

static void remove_home(void)
{
	(void)path_remove_tree(AT_FDCWD, home);
}

TestSuite(registry_tls, .init = make_home, .fini = remove_home, .timeout = 30);

static void put(const char *folder, const char *name, const char *text)
{
	cleanup_free char *path = mem_printf("%s/%s/%s", home, folder, name), *parent = mem_printf("%s/%s", home, folder);
	cleanup_close int fd = -1;

	cr_assert_eq(path_make_dirs(parent, 0755), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

#define FOLDER ".config/containers/certs.d/r:5000"

static bool trusts(const struct http_tls *tls, const char *text)
{
	return tls->authorities.text && strstr(tls->authorities.text, text);
}

Test(registry_tls, nothing_of_our_own)
{
	struct http_tls tls;
	struct error err = {0};

	cr_assert_eq(registry_tls_load("r:5000", true, &tls, &err), 0, "%s", err.what);
	cr_expect(!tls.authorities.text && !tls.certificate.text && !tls.key.text && !tls.ca_dir && !tls.no_verify);
	http_tls_done(&tls);
}

Test(registry_tls, folders)
{
	struct http_tls tls;
	struct error err = {0};

	put(FOLDER, "one.crt", "FIRST AUTHORITY");
	put(FOLDER, "two.crt", "SECOND AUTHORITY");
	put(FOLDER, "a.cert", "OUR CERTIFICATE");
	put(FOLDER, "a.key", "OUR KEY");
	put(FOLDER, "b.cert", "ANOTHER");
	put(FOLDER, "b.key", "ANOTHER KEY");
	put(FOLDER, "notes.txt", "NOTES");
	put(".config/containers/certs.d/other", "ca.crt", "OF ANOTHER REGISTRY");
	cr_assert_eq(registry_tls_load("r:5000", true, &tls, &err), 0, "%s", err.what);
	cr_expect(trusts(&tls, "FIRST AUTHORITY\nSECOND AUTHORITY\n") && !trusts(&tls, "OTHER") && !trusts(&tls, "NOTES"), "%s", tls.authorities.text);
	cr_expect(!strcmp(tls.certificate.text, "OUR CERTIFICATE\n") && !strcmp(tls.key.text, "OUR KEY\n"), "%s", tls.certificate.text);
	http_tls_done(&tls);

	/* Nobody is verified, but we may still have to say who we are. */
	cr_assert_eq(registry_tls_load("r:5000", false, &tls, &err), 0, "%s", err.what);
	cr_expect(tls.no_verify && !tls.authorities.text && tls.certificate.text);
	http_tls_done(&tls);
}

Test(registry_tls, another_configuration_folder)
{
	cleanup_free char *folder = mem_printf("%s/xdg", home);
	struct http_tls tls;
	struct error err = {0};

	(void)setenv("XDG_CONFIG_HOME", folder, 1);
	put("xdg/containers/certs.d/r:5000", "ca.crt", "IN XDG");
	put(FOLDER, "ca.crt", "AT HOME");
	cr_assert_eq(registry_tls_load("r:5000", true, &tls, &err), 0, "%s", err.what);
	cr_expect(trusts(&tls, "IN XDG") && !trusts(&tls, "AT HOME"), "%s", tls.authorities.text);
	http_tls_done(&tls);
}

Test(registry_tls, a_certificate_without_its_key)
{
	struct http_tls tls;
	struct error err = {0};

	put(FOLDER, "a.cert", "OUR CERTIFICATE");
	cr_expect_eq(registry_tls_load("r:5000", true, &tls, &err), -ENOENT);
	cr_expect(strstr(err.what, "/r:5000/a.key"), "%s", err.what);
}

Test(registry_tls, a_fifo_for_a_certificate)
{
	cleanup_free char *path = mem_printf("%s/" FOLDER "/ca.crt", home);
	struct http_tls tls;
	struct error err = {0};

	put(FOLDER, "x", "");
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_lt(registry_tls_load("r:5000", true, &tls, &err), 0);
	cr_expect(strstr(err.what, "ca.crt"), "%s", err.what);
}

Test(registry_tls, environment)
{
	cleanup_free char *file = mem_printf("%s/file", home), *dirs = mem_printf("%s/one:%s/two", home, home), *missing = mem_printf("%s/missing", home);
	struct http_tls tls;
	struct error err = {0};

	put(".", "file", "THE FILE");
	put("one", "a", "-----BEGIN CERTIFICATE----- ONE");
	put("two", "b", "-----BEGIN CERTIFICATE----- TWO");
	put("two", "README", "no certificate");
	(void)setenv("SSL_CERT_FILE", file, 1);
	cr_assert_eq(registry_tls_load("r", true, &tls, &err), 0, "%s", err.what);
	cr_expect(!strcmp(tls.authorities.text, "THE FILE\n") && !tls.no_file && !tls.ca_dir, "%s", tls.authorities.text);
	http_tls_done(&tls);

	(void)setenv("SSL_CERT_DIR", dirs, 1);
	cr_assert_eq(registry_tls_load("r", true, &tls, &err), 0, "%s", err.what);
	cr_expect(trusts(&tls, "THE FILE") && trusts(&tls, "ONE") && trusts(&tls, "TWO") && !trusts(&tls, "no cert") && tls.ca_dir, "%s", tls.authorities.text);
	http_tls_done(&tls);

	(void)setenv("SSL_CERT_DIR", "/etc/ssl/certs:/usr/share/certs", 1);
	(void)unsetenv("SSL_CERT_FILE");
	cr_assert_eq(registry_tls_load("r", true, &tls, &err), 0, "%s", err.what);
	cr_expect_str_eq(tls.ca_dir, "/etc/ssl/certs:/usr/share/certs"); /* below /etc and /usr: read when wanted */
	cr_expect_null(tls.authorities.text);
	http_tls_done(&tls);

	(void)setenv("SSL_CERT_FILE", missing, 1);
	cr_expect_eq(registry_tls_load("r", true, &tls, &err), -ENOENT);
	cr_expect(strstr(err.what, "SSL_CERT_FILE: cannot read"), "%s", err.what);
	cr_assert_eq(registry_tls_load("r", false, &tls, &err), 0, "nobody is verified");
	http_tls_done(&tls);
}
