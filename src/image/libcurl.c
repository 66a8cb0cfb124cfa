#include "image/libcurl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/mem.h"

struct libcurl libcurl;

/* For who packages us, as the list of needed libraries does not have it: https://systemd.io/ELF_DLOPEN_METADATA/ ("ELF dlopen() metadata"). */
#define NOTE_OWNER "FDO"
#define NOTE_TEXT "[{\"feature\":\"registry\",\"description\":\"pull, push and login\",\"priority\":\"recommended\",\"soname\":[\"" LIBCURL_SONAME "\"]}]"

static const struct {
	uint32_t owner_size, text_size, type;
	char owner[sizeof(NOTE_OWNER)]; /* four bytes: what follows is aligned as a note's text is to be */
	char text[sizeof(NOTE_TEXT)];
} note __attribute__((used, section(".note.dlopen"), aligned(4))) = {sizeof(NOTE_OWNER), sizeof(NOTE_TEXT), 0x407c0c0a, NOTE_OWNER, NOTE_TEXT};

static const struct {
	const char *symbol;
	size_t offset;
} functions[] = {
#define FUNCTION(name) {"curl_" #name, offsetof(struct libcurl, name)},
	LIBCURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

static int fail(struct error *err)
{
	const char *why = dlerror();

	(void)error_set(err, ELIBACC, "cannot speak with a registry");
	(void)error_cause(err, "%s", why ? why : "the library " LIBCURL_SONAME " is not whole");
	return error_hint(err, "install libcurl: the package libcurl4 or libcurl4t64 (Debian, Ubuntu), else libcurl");
}

int libcurl_check_version(unsigned number, const char *text, struct error *err)
{
	if (number >= LIBCURL_LEAST)
		return 0;
	(void)error_set(err, ELIBACC, "cannot speak with a registry");
	(void)error_cause(err, LIBCURL_SONAME " is of version %s, and this program was built for %d.%d and later", text, LIBCURL_LEAST >> 16, LIBCURL_LEAST >> 8 & 0xff);
	return error_hint(err, "install a newer libcurl, or build carrel on this machine");
}

static int check(const struct libcurl *loaded, struct error *err)
{
	const curl_version_info_data *info = loaded->version_info(CURLVERSION_NOW);

	return libcurl_check_version(info->version_num, info->version, err);
}

int libcurl_load(struct error *err)
{
	struct libcurl loaded;
	void *library;
	int r;

	if (libcurl.easy_init)
		return 0;
	library = dlopen(LIBCURL_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return fail(err);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		void *function = dlsym(library, functions[i].symbol);

		if (!function) {
			r = fail(err);
			(void)dlclose(library); /* it is of no use, whatever this says */
			return r;
		}
		memcpy((char *)&loaded + functions[i].offset, &function, sizeof(function));
	}
	r = check(&loaded, err);
	if (r == 0)
		libcurl = loaded;
	return r;
}
