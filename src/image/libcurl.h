/* libcurl, loaded when a registry is about to be asked: with it come some thirty libraries (TLS, Kerberos, LDAP, SSH), and linking those takes longer than most of
 * what is done with images here. So no program names it as needed, and all that is not about registries works without it.
 *
 * Its functions are members of `libcurl`: libcurl.easy_init() for curl_easy_init(). (The compiler checks the types of what curl_easy_setopt(3) takes by a macro, which
 * does not see these calls: a number is a long or a curl_off_t, as its page says.)
 */
#ifndef CARREL_IMAGE_LIBCURL_H
#define CARREL_IMAGE_LIBCURL_H

#include <curl/curl.h>

#include "util/error.h"

#define LIBCURL_SONAME "libcurl.so.4"

/* Every function of it that is used. */
#define LIBCURL_FUNCTIONS(FUNCTION) \
	FUNCTION(easy_cleanup) \
	FUNCTION(easy_getinfo) \
	FUNCTION(easy_init) \
	FUNCTION(easy_perform) \
	FUNCTION(easy_reset) \
	FUNCTION(easy_setopt) \
	FUNCTION(easy_strerror) \
	FUNCTION(free) \
	FUNCTION(getdate) \
	FUNCTION(global_init) \
	FUNCTION(share_cleanup) \
	FUNCTION(share_init) \
	FUNCTION(share_setopt) \
	FUNCTION(slist_append) \
	FUNCTION(slist_free_all) \
	FUNCTION(url) \
	FUNCTION(url_cleanup) \
	FUNCTION(url_get) \
	FUNCTION(url_set) \
	FUNCTION(version_info)

struct libcurl {
#define LIBCURL_MEMBER(name) __typeof__(curl_##name) *name;
	LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
#undef LIBCURL_MEMBER
};

/* All NULL before libcurl_load. */
extern struct libcurl libcurl;

/* Its options are known by number, and one that it does not know it passes over: what is left is a connection without the bounds that were asked for. So it must be as new as
 * the headers that this was compiled with, as far as an option or a field (http.c, registry_tls.c) depends on that. */
#if LIBCURL_VERSION_NUM >= 0x075500
#define LIBCURL_LEAST 0x075500 /* 7.85: CURLOPT_PROTOCOLS_STR */
#elif LIBCURL_VERSION_NUM >= 0x074d00
#define LIBCURL_LEAST 0x074d00 /* 7.77: CURLOPT_CAINFO_BLOB */
#else
#define LIBCURL_LEAST 0x074700 /* 7.71: CURLOPT_SSLCERT_BLOB */
#endif

/* -ELIBACC: it is older than that. */
int libcurl_check_version(unsigned number, const char *text, struct error *err) MUST_CHECK;

/* Once for the process, and for good; later calls find it there. To be called before the process confines itself, which cannot load code then, and before threads are
 * made. -ELIBACC with the loader's words and a hint: it is not installed, not whole, or too old. */
int libcurl_load(struct error *err) MUST_CHECK;

#endif
