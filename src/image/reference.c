#include "image/reference.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "util/units.h"

#define DOCKER_HUB "docker.io"
#define LIBRARY "library/"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

enum { SHOWN = 150, TAG_MAX = 128 };

static int bad(const char *text, struct error *err)
{
	return error_set(err, EINVAL, "'%.*s' is no image reference", SHOWN, text);
}

static int fail(const char *text, const char *cause, const char *hint, struct error *err)
{
	(void)bad(text, err);
	(void)error_cause(err, "%s", cause);
	if (hint)
		(void)error_hint(err, "%s", hint);
	return -EINVAL;
}

/* --- what is wrong with a whole text --- */

static int check_text(const char *text, struct error *err)
{
	const char *scheme = strstr(text, "://");

	if (!*text)
		return fail(text, "it is empty", "an image is named like debian:12, or registry.example/team/image:tag", err);
	if (scheme) {
		static const char *const pages[] = {"hub.docker.com/_/", "hub.docker.com/r/"}; /* pages about images, as people copy them */
		const char *name = scheme + 3;

		for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
			name += strncmp(name, pages[i], strlen(pages[i])) ? 0 : strlen(pages[i]);
		(void)bad(text, err);
		(void)error_cause(err, "it is an address with '%.*s'", (int)(scheme - text > 20 ? 20 : scheme - text) + 3, text);
		(void)error_hint(err, "leave that out: '%.*s'", SHOWN, name);
		return -EINVAL;
	}
	for (const char *c = text; *c; c++) {
		if (isspace((unsigned char)*c))
			return fail(text, "it has a blank in it", NULL, err);
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			return fail(text, "it has a character in it that is not ASCII", NULL, err);
	}
	if (strlen(text) == DIGEST_HEX && strspn(text, DIGITS "abcdef") == DIGEST_HEX)
		return fail(text, "64 hexadecimal digits are an image's id, and no name", NULL, err);
	return 0;
}

/* --- registry --- */

static bool is_name_of_host(const char *text, size_t len)
{
	bool edge = true; /* at the begin or end of a component, where no '-' may stand */

	for (size_t i = 0; i < len; i++) {
		bool last = i + 1 == len || text[i + 1] == '.';

		if (text[i] == '.' ? edge : !isalnum((unsigned char)text[i]) && (text[i] != '-' || edge || last))
			return false;
		edge = text[i] == '.';
	}
	return len && !edge;
}

static bool is_host(const char *text, size_t len)
{
	if (len > 4 && text[0] == '[' && text[len - 1] == ']') /* "[::1]", the shortest */
		return strspn(text + 1, DIGITS "abcdefABCDEF:") == len - 2 && memchr(text, ':', len);
	return is_name_of_host(text, len);
}

static bool is_registry(const char *text)
{
	const char *bracket = strrchr(text, ']'), *colon = strchr(bracket ? bracket : text, ':');
	int64_t port;

	if (colon && units_parse_number(colon + 1, 1, 65535, &port) < 0)
		return false;
	return is_host(text, colon ? (size_t)(colon - text) : strlen(text));
}

/* Is the first component of a name, of this length, a registry? */
static bool names_registry(const char *text, size_t len)
{
	return memchr(text, '.', len) || memchr(text, ':', len) || (len == strlen("localhost") && !strncmp(text, "localhost", len));
}

/* --- repository --- */

/* Between two letters or digits: one dot, one or two underscores, any number of dashes. */
static bool is_separator(const char *text, size_t len)
{
	return (len == 1 && *text == '.') || (len <= 2 && strspn(text, "_") >= len) || strspn(text, "-") >= len;
}

static bool is_component(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t letters = strspn(text + i, LOWER DIGITS), separators;

		if (!letters)
			return false;
		i += letters;
		if (i == len)
			return true;
		separators = strspn(text + i, "._-");
		if (!separators || !is_separator(text + i, separators))
			return false;
		i += separators;
	}
	return false; /* empty, or it ends with a separator */
}

static int fail_component(const char *text, const char *component, size_t len, struct error *err)
{
	char lower[SHOWN + 1];

	(void)bad(text, err);
	if (!len)
		return error_cause(err, "its repository has an empty part");
	if (strcspn(component, UPPER) >= len) {
		(void)error_cause(err, "the part '%.*s' of its repository is not made of a-z and 0-9, with one of . _ __ - between them", (int)(len > SHOWN ? SHOWN : len), component);
		return -EINVAL;
	}
	(void)error_cause(err, "its repository has capital letters");
	for (len = 0; len < SHOWN && text[len]; len++)
		lower[len] = (char)tolower((unsigned char)text[len]);
	lower[len] = 0;
	(void)error_hint(err, "is it '%s'?", lower);
	return -EINVAL;
}

static int check_repository(const char *text, const char *repository, struct error *err)
{
	for (const char *part = repository;; part++) {
		size_t len = strcspn(part, "/");

		if (!is_component(part, len)) {
			(void)fail_component(text, part, len, err);
			return -EINVAL;
		}
		part += len;
		if (!*part)
			return 0;
	}
}

/* --- tag --- */

bool reference_tag_is_valid(const char *tag)
{
	size_t len = strspn(tag, LOWER UPPER DIGITS "_.-");

	return len && len <= TAG_MAX && !tag[len] && *tag != '.' && *tag != '-';
}

static int check_tag(const char *text, const char *tag, struct error *err)
{
	if (reference_tag_is_valid(tag))
		return 0;
	if (!*tag)
		return fail(text, "its tag is empty", NULL, err);
	if (strlen(tag) > TAG_MAX)
		return fail(text, "its tag is longer than 128 characters", NULL, err);
	return fail(text, "its tag has other characters than letters, digits and _ . -, or begins with one of . -", NULL, err);
}

/* --- parsing --- */

/* "name:tag@digest" is taken apart from behind; what is left of `name` is returned. */
static int take_suffixes(char *name, const char *text, struct reference *reference, struct error *err)
{
	char *at = strchr(name, '@'), *slash, *colon;

	if (at) {
		int r = digest_parse(at + 1, &reference->digest, err);

		if (r < 0) {
			(void)error_prefix(err, "'%.*s' is no image reference", SHOWN, text);
			return r;
		}
		*at = 0;
	}
	slash = strrchr(name, '/');
	colon = strchr(slash ? slash : name, ':');
	if (!colon) {
		reference->tag = at ? NULL : "latest";
		return 0;
	}
	*colon = 0;
	reference->tag = colon + 1;
	return check_tag(text, reference->tag, err);
}

static int take_name(struct arena *arena, char *name, const char *text, struct reference *reference, struct error *err)
{
	char *slash = strchr(name, '/');

	reference->registry = DOCKER_HUB;
	reference->repository = name;
	if (slash && names_registry(name, (size_t)(slash - name))) {
		*slash = 0;
		if (!is_registry(name)) {
			(void)bad(text, err);
			(void)error_cause(err, "'%.*s' is no registry: a host's name or address, and maybe a port", SHOWN, name);
			return -EINVAL;
		}
		reference->registry = strcmp(name, "index.docker.io") != 0 ? name : DOCKER_HUB; /* its name of old */
		reference->repository = slash + 1;
	}
	if (check_repository(text, reference->repository, err) < 0)
		return -EINVAL;
	if (!strcmp(reference->registry, DOCKER_HUB) && !strchr(reference->repository, '/'))
		reference->repository = arena_printf(arena, LIBRARY "%s", reference->repository);
	return 0;
}

int reference_parse(struct arena *arena, const char *text, struct reference *ret, struct error *err)
{
	static const char docker[] = "docker://"; /* podman's and skopeo's way to say that a registry has it */
	struct reference reference = {0};
	char *name;
	int r;

	if (!strncmp(text, docker, strlen(docker)))
		text += strlen(docker);
	r = check_text(text, err);
	if (r < 0)
		return r;
	name = arena_strdup(arena, text);
	r = take_suffixes(name, text, &reference, err);
	if (r == 0)
		r = take_name(arena, name, text, &reference, err);
	if (r < 0)
		return r;
	if (strlen(reference_format(arena, &reference)) > REFERENCE_MAX) {
		(void)bad(text, err);
		(void)error_cause(err, "in full it is longer than %d characters", REFERENCE_MAX);
		return -EINVAL;
	}
	*ret = reference;
	return 0;
}

/* --- writing --- */

static char *join(struct arena *arena, const char *registry, const char *repository, const struct reference *reference)
{
	return arena_printf(arena, "%s%s%s%s%s%s%s", registry, *registry ? "/" : "", repository, reference->tag ? ":" : "", reference->tag ? reference->tag : "",
	    digest_is_set(&reference->digest) ? "@" : "", reference->digest.text);
}

char *reference_format(struct arena *arena, const struct reference *reference)
{
	return join(arena, reference->registry, reference->repository, reference);
}

/* What is left out must come back when it is read again: docker.io/localhost/x stays as it is. */
char *reference_familiar(struct arena *arena, const struct reference *reference)
{
	const char *name = reference->repository, *slash;

	if (strcmp(reference->registry, DOCKER_HUB) != 0)
		return reference_format(arena, reference);
	if (!strncmp(name, LIBRARY, strlen(LIBRARY)) && !strchr(name + strlen(LIBRARY), '/') && strlen(name) != strlen(LIBRARY) + DIGEST_HEX)
		return join(arena, "", name + strlen(LIBRARY), reference);
	slash = strchr(name, '/');
	return join(arena, slash && names_registry(name, (size_t)(slash - name)) ? DOCKER_HUB : "", name, reference);
}

const char *reference_host(const struct reference *reference)
{
	return strcmp(reference->registry, DOCKER_HUB) != 0 ? reference->registry : "registry-1.docker.io";
}
