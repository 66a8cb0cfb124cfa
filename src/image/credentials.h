/* Who we are to a registry: Docker's config.json and podman's auth.json (containers-auth.json(5)), and credential helpers (docker-credential-NAME, the protocol of
 * docker-credential-helpers).
 *
 * Read in this order: $DOCKER_CONFIG/config.json, or ~/.docker/config.json where that is not set; $XDG_RUNTIME_DIR/containers/auth.json;
 * ~/.config/containers/auth.json. The first that has an entry for the registry (also REGISTRY/NAMESPACE, longest first; docker.io as https://index.docker.io/v1/)
 * counts. $REGISTRY_AUTH_FILE, where it is set, is the only one, as for podman. `login` writes to the first of them that exists, else to Docker's
 * (0600, temporary name + rename, what else it holds kept), or hands it to the helper that the file names.
 */
#ifndef CARREL_IMAGE_CREDENTIALS_H
#define CARREL_IMAGE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "image/reference.h"
#include "util/error.h"

struct credentials {
	char *user, *password; /* malloced; NULL: anonymous */
	char *identity_token;  /* Docker's refresh token; NULL */
	char *source;          /* the file or helper, for messages; NULL: nothing was found */
};

/* What a lookup depends on, all from the caller's environment; each may be NULL. Helpers also get the environment itself. */
struct credentials_place {
	const char *home, *docker_config, *runtime_dir, *auth_file, *config_home;
	const char *path; /* where helpers are looked for */
};

/* Nothing found is no error: an empty `ret`. A file that is no JSON, or a helper that fails, is. Helpers are executed: call it before confining oneself. */
int credentials_find(const struct credentials_place *place, const struct reference *reference, struct credentials *ret, struct error *err) MUST_CHECK;
void credentials_done(struct credentials *credentials); /* the password is overwritten */

/* Where login and logout kept or found them. */
struct credentials_kept {
	char *where;    /* malloced: the file, or the helper's name */
	bool by_helper; /* else the file has the password, as good as unencrypted */
};

/* `registry` as in a reference: "docker.io", "localhost:5000". */
int credentials_store(const struct credentials_place *place, const char *registry, const struct credentials *credentials, struct credentials_kept *ret, struct error *err) MUST_CHECK;
/* From each file and its helper that has some, `ret` being the first. -ENOENT: nobody was logged in there. */
int credentials_erase(const struct credentials_place *place, const char *registry, struct credentials_kept *ret, struct error *err) MUST_CHECK;

#endif
