#include "image/transport.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/mem.h"

enum { WORD_MOST = 200 };

/* In the commands '%' stands for the place, '@' for the image that is pushed. */
static const struct transport {
	const char *name, *what, *in, *out;
	bool has_reference; /* "FILE:NAME" */
} transports[] = {
	{"docker-archive", "an archive in a file", "carrel load -i %", "carrel save -o % @", true},
	{"oci-archive", "an archive in a file", "carrel load -i %", "carrel save --format oci-archive -o % @", true},
	{"oci", "a directory", "tar -C % -c . | carrel load", "carrel save --format oci-archive @ | tar -C % -x", true},
	{"dir", "a directory", "skopeo copy dir:% oci-archive:image.tar && carrel load -i image.tar",
	    "carrel save --format oci-archive -o image.tar @ && skopeo copy oci-archive:image.tar dir:%", false},
	{"docker-daemon", "Docker's own store", "docker save % | carrel load", "carrel save @ | docker load", false},
	{"containers-storage", "podman's own store", "podman save % | carrel load", "carrel save @ | podman load", false},
};

static void fill(char *out, size_t size, const char *pattern, const char *place, int place_size, const char *image)
{
	size_t used = 0;

	*out = 0;
	for (; *pattern && used < size; pattern++) {
		int n;

		if (*pattern == '%')
			n = snprintf(out + used, size - used, "%.*s", place_size, place);
		else if (*pattern == '@')
			n = snprintf(out + used, size - used, "%.*s", WORD_MOST, image);
		else
			n = snprintf(out + used, size - used, "%c", *pattern);
		used += (size_t)n;
	}
}

static int explain(const struct transport *transport, const char *word, enum transport_use use, const char *image, struct error *err)
{
	static const char *const acts[] = {[TRANSPORT_PULL] = "pull", [TRANSPORT_RUN] = "run from", [TRANSPORT_PUSH] = "push to"};
	const char *place = word + strlen(transport->name) + 1;
	size_t size = transport->has_reference ? strcspn(place, ":") : strlen(place);
	char command[512];

	fill(command, sizeof(command), use == TRANSPORT_PUSH ? transport->out : transport->in, place, (int)(size < WORD_MOST ? size : WORD_MOST), image ? image : "IMAGE");
	(void)error_set(err, EINVAL, "cannot %s '%.*s'", acts[use], WORD_MOST, word);
	(void)error_cause(err, "'%s:' means %s, and no registry", transport->name, transport->what);
	return error_hint(err, "%s%s", command, use == TRANSPORT_RUN ? " ; it tells the name for  carrel run" : "");
}

int transport_check(const char *word, enum transport_use use, const char *image, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		size_t size = strlen(transports[i].name);

		if (!strncmp(word, transports[i].name, size) && word[size] == ':')
			return explain(&transports[i], word, use, image, err);
	}
	return 0;
}
