/* The addresses of a registry's API, and where its answers may lead. Pure. (Where an address is taken apart, libcurl does it: libcurl_load comes before.) */
#ifndef CARREL_IMAGE_REGISTRY_URL_H
#define CARREL_IMAGE_REGISTRY_URL_H

#include <stdbool.h>

#include "util/error.h"

/* Is "HOST[:PORT]" this machine itself (localhost, *.localhost, 127.0.0.0/8, [::1])? By its text alone. */
bool registry_url_is_loopback(const char *host);
/* The same of an URL. */
bool registry_url_leads_to_loopback(const char *url);

/* "https://HOST/v2/REPOSITORY/KIND/NAME"; malloced. KIND: "manifests", "blobs", "blobs/uploads". What does not belong into a path is escaped. */
char *registry_url_make(const char *base, const char *repository, const char *kind, const char *name) __attribute__((malloc, returns_nonnull));
/* `url` with "NAME=VALUE" added to its query, the value escaped; malloced. A fragment goes. */
char *registry_url_add(const char *url, const char *name, const char *value) __attribute__((malloc, returns_nonnull));

/* Where `location`, absolute or relative (RFC 3986, section 5), leads from `base`; malloced. -EPROTO with `err`: no URL, another scheme than http and https, from https to http
 * (-EACCES), with a user in it. *ret_same_origin: scheme, host and port are the same, so that what was meant for one may be told to the other. */
int registry_url_follow(const char *base, const char *location, char **ret_url, bool *ret_same_origin, struct error *err) MUST_CHECK;

#endif
