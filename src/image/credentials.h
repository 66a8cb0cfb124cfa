/* Who we are to a registry: Docker's config.json and podman's auth.json (containers-auth.json(5)), and credential helpers (docker-credential-NAME, the protocol of
 * docker-credential-helpers).
 *
 * Read in this order: $REGISTRY_AUTH_FILE; $DOCKER_CONFIG/config.json; ~/.docker/config.json; $XDG_RUNTIME_DIR/containers/auth.json; ~/.config/containers/auth.json. The
 * first that has an entry for the registry (also REGISTRY/NAMESPACE, longest first; docker.io as https://index.docker.io/v1/) counts. `login` writes to the first of
 * them that exists, else ~/.docker/config.json (0600, temporary name + rename, what else it holds kept), or hands it to the helper that the file names.
 */
#ifndef CARREL_IMAGE_CREDENTIALS_H
#define CARREL_IMAGE_CREDENTIALS_H

#include <stddef.h>

#include "image/reference.h"
#include "util/error.h"

struct credentials {
	char *user, *password; /* malloced; NULL: anonymous */
	char *identity_token;  /* Docker's refresh token; NULL */
	char *source;          /* the file or helper, for messages; NULL: nothing was found */
};

/* What a lookup depends on, all from the caller's environment; each may be NULL. */
struct credentials_place {
	const char *home, *docker_config, *runtime_dir, *auth_file, *config_home;
	const char *path; /* where helpers are looked for */
};

/* Nothing found is no error: an empty `ret`. A file that is no JSON, or a helper that fails, is. Helpers are executed: call it before confining oneself. */
int credentials_find(const struct credentials_place *place, const struct reference *reference, struct credentials *ret, struct error *err) MUST_CHECK;
int credentials_store(const struct credentials_place *place, const char *registry, const struct credentials *credentials, const char **ret_where, struct error *err) MUST_CHECK;
/* -ENOENT: nobody was logged in there. */
int credentials_erase(const struct credentials_place *place, const char *registry, struct error *err) MUST_CHECK;
void credentials_done(struct credentials *credentials); /* the password is overwritten */

#endif
