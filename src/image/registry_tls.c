/* Whom to trust at a registry, and who we are to it: containers-certs.d(5) and Docker's "Verify repository client with certificates".
 *
 * Everything is read into memory, since the caller confines itself afterwards; but the system's own folder of certificates, which lies below /etc or /usr,
 * stays a folder: OpenSSL reads of it what it needs. */
#include "image/registry_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "image/libcurl.h"
#include "util/fd.h"

enum { PEM_MAX = 4 << 20, FILES_MAX = 10000 };

static int cannot_read(const char *path, int errnum, struct error *err)
{
	(void)error_set(err, errnum, "cannot read '%s'", path);
	return error_hint(err, "it should hold certificates or a key as PEM text");
}

static void append(struct http_pem *pem, const char *text, size_t size)
{
	pem->text = mem_resize(pem->text, pem->size + size + 2, 1);
	memcpy(pem->text + pem->size, text, size);
	pem->size += size;
	pem->text[pem->size++] = '\n';
	pem->text[pem->size] = 0;
}

static int append_file(struct http_pem *pem, const char *path, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t size;
	int r = fd_slurp_at(AT_FDCWD, path, PEM_MAX, &text, &size);

	if (r < 0)
		return cannot_read(path, -r, err);
	append(pem, text, size);
	explicit_bzero(text, size);
	return 0;
}

/* --- the system's --- */

static const char *system_file(void)
{
	static const char *const known[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
	const char *file = NULL;

#if LIBCURL_VERSION_NUM >= 0x074600 /* 7.70 */
	file = libcurl.version_info(CURLVERSION_NOW)->cainfo;
#endif
	for (size_t i = 0; !file && i < ARRAY_SIZE(known); i++)
		if (access(known[i], R_OK) == 0)
			file = known[i];
	return file;
}

/* The library's own folder, where it is one that OpenSSL can look things up in (openssl-rehash(1)), as on Debian; or NULL. */
static const char *system_folder(void)
{
	const char *folder = NULL;
	struct dirent *entry;
	bool is_hashed = false;
	DIR *dir;

#if LIBCURL_VERSION_NUM >= 0x074600 /* 7.70 */
	folder = libcurl.version_info(CURLVERSION_NOW)->capath;
#endif
	dir = folder ? opendir(folder) : NULL;
	while (dir && !is_hashed && (entry = readdir(dir)))
		is_hashed = strspn(entry->d_name, "0123456789abcdef") == 8 && !strcmp(entry->d_name + 8, ".0");
	if (dir)
		(void)closedir(dir);
	return is_hashed ? folder : NULL;
}

static bool stays_readable(const char *dirs)
{
	for (const char *at = dirs; at; at = strchr(at, ':')) {
		at += *at == ':';
		if (strncmp(at, "/etc/", 5) != 0 && strncmp(at, "/usr/", 5) != 0)
			return false;
	}
	return true;
}

/* Every file of it that has a certificate: OpenSSL would look them up by hashes of names. */
static void append_folder(struct http_pem *pem, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)) && count++ < FILES_MAX) {
		cleanup_free char *text = NULL;
		size_t size;

		if (fd_slurp_at(dirfd(dir), entry->d_name, PEM_MAX, &text, &size) == 0 && strstr(text, "-----BEGIN") && pem->size + size < 4UL * PEM_MAX)
			append(pem, text, size);
	}
	if (dir)
		(void)closedir(dir);
}

/* SSL_CERT_FILE and SSL_CERT_DIR, as SSL_CTX_load_verify_locations(3) has them: each takes the place of its default. */
static int load_environment(struct http_tls *tls, bool *ret_file_given, struct error *err)
{
	const char *file = getenv("SSL_CERT_FILE"), *dirs = getenv("SSL_CERT_DIR");

	*ret_file_given = file && *file;
	if (*ret_file_given && append_file(&tls->authorities, file, err) < 0)
		return error_prefix(err, "SSL_CERT_FILE");
	if (!dirs || !*dirs)
		return 0;
	if (stays_readable(dirs)) {
		tls->ca_dir = mem_strdup(dirs);
		return 0;
	}
	for (const char *at = dirs; *at;) {
		size_t length = strcspn(at, ":");
		cleanup_free char *path = mem_printf("%.*s", (int)length, at);

		append_folder(&tls->authorities, path);
		at += length + (at[length] == ':');
	}
	/* The library's own folder is not meant any more. */
	tls->ca_dir = mem_strdup("/etc/ssl/no-such-folder");
	return 0;
}

/* --- the registry's folders --- */

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length > tail && !strcmp(name + length - tail, end);
}

static int load_pair(struct http_tls *tls, const char *folder, const char *name, struct error *err)
{
	cleanup_free char *certificate = mem_printf("%s/%s", folder, name);
	cleanup_free char *key = mem_printf("%s/%.*s.key", folder, (int)(strlen(name) - strlen(".cert")), name);
	int r;

	if (access(key, R_OK) < 0 && errno == EACCES) /* the administrator's, not ours */
		return 0;
	r = append_file(&tls->certificate, certificate, err);
	if (r == 0)
		r = append_file(&tls->key, key, err);
	return r;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_folder(struct http_tls *tls, const char *folder, struct error *err)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, by_name), r = 0;

	if (count < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (count < 0)
		return cannot_read(folder, errno, err);
	for (int i = 0; i < count; i++) {
		cleanup_free char *path = mem_printf("%s/%s", folder, entries[i]->d_name);

		if (r == 0 && !tls->no_verify && ends_with(entries[i]->d_name, ".crt"))
			r = append_file(&tls->authorities, path, err);
		else if (r == 0 && !tls->certificate.text && ends_with(entries[i]->d_name, ".cert"))
			r = load_pair(tls, folder, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int load_folders(struct http_tls *tls, const char *host, struct error *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	cleanup_free char *below_home = home && *home == '/' ? mem_printf("%s/.config", home) : NULL;
	const char *const tops[] = {config && *config == '/' ? config : below_home, "/etc", "/etc"};
	static const char *const kinds[] = {"containers", "containers", "docker"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tops) && r == 0; i++) {
		cleanup_free char *folder = tops[i] ? mem_printf("%s/%s/certs.d/%s", tops[i], kinds[i], host) : NULL;

		if (folder)
			r = load_folder(tls, folder, err);
	}
	return r;
}

/* What stands in memory takes the place of the library's file, so that file has to be there too, but where a folder has the same. */
static int load_system(struct http_tls *tls, struct error *err)
{
	const char *file;

	tls->no_file = !tls->ca_dir && system_folder();
	if (tls->no_file || !tls->authorities.text)
		return 0;
	file = system_file();
	return file && access(file, R_OK) == 0 ? append_file(&tls->authorities, file, err) : 0;
}

int registry_tls_load(const char *host, bool verify, struct http_tls *ret, struct error *err)
{
	struct http_tls tls = {.no_verify = !verify};
	bool file_given = false;
	int r = load_folders(&tls, host, err);

	if (r == 0 && verify)
		r = load_environment(&tls, &file_given, err);
	if (r == 0 && verify && !file_given)
		r = load_system(&tls, err);
	if (r < 0) {
		http_tls_done(&tls);
		return r;
	}
	*ret = tls;
	return 0;
}
