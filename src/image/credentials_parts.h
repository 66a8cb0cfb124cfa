/* Between the files of credentials: the files' text, and the helpers' protocol. */
#ifndef CARREL_IMAGE_CREDENTIALS_PARTS_H
#define CARREL_IMAGE_CREDENTIALS_PARTS_H

#include "image/credentials.h"
#include "util/buf.h"

enum { AUTH_FILE_MAX = 4 << 20 };

/* --- names of registries in files (credentials_names.c) --- */

#define AUTH_HUB "docker.io"
#define AUTH_HUB_DOCKER "https://index.docker.io/v1/" /* what Docker calls it in its own file */

/* Does the key of a file ("quay.io", "https://quay.io/v2/", "docker.io/library") mean this registry, with this namespace ("" for none)? */
bool auth_key_is(const char *key, const char *registry, const char *space, size_t space_len);
/* The name that helpers and Docker's file have for a registry. */
const char *auth_docker_name(const char *registry);

/* --- reading (credentials_file.c) --- */

/* What one file says of a registry. */
struct auth_found {
	char *helper; /* "pass": docker-credential-pass is to be asked first; NULL */
	struct credentials credentials;
};

/* The text of a file; `name` says which for messages. `repository` is NULL where only the registry matters. All of `ret` may be empty. */
int auth_file_parse(const char *name, const char *text, size_t size, const char *registry, const char *repository, struct auth_found *ret, struct error *err) MUST_CHECK;
void auth_found_done(struct auth_found *found);

/* --- writing (credentials_edit.c) --- */

/* The text with what `auths` had for the registry taken out, and with `credentials` (may be NULL) in its place under `key`; ones that are empty make an empty entry, as Docker
 * writes it beside a helper. All else stays. *ret_had (may be NULL): there was something. */
int auth_file_edit(const char *name, const char *text, size_t size, const char *registry, const char *key, const struct credentials *credentials, struct buf *out, bool *ret_had,
    struct error *err) MUST_CHECK;

/* --- helpers (credentials_helper.c) --- */

/* Each runs docker-credential-HELPER, found in `path`, and waits a minute for it. -ENOENT, with `err`: it has nothing for this registry (or for erase: had). */
int auth_helper_get(const char *helper, const char *path, const char *registry, struct credentials *ret, struct error *err) MUST_CHECK;
int auth_helper_store(const char *helper, const char *path, const char *registry, const struct credentials *credentials, struct error *err) MUST_CHECK;
int auth_helper_erase(const char *helper, const char *path, const char *registry, struct error *err) MUST_CHECK;

#endif
