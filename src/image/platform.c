#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "image/manifest.h"
#include "image/platform.h"
#include "util/units.h"

enum { WORD_MAX = 32 };

bool platform_word_is_valid(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return len && len <= WORD_MAX && !text[len];
}

/* What else people and uname(2) call Go's architectures. */
static const struct {
	const char *alias, *architecture, *variant;
} architectures[] = {
	{"amd64", "amd64", NULL}, {"x86_64", "amd64", NULL}, {"x86-64", "amd64", NULL},
	{"386", "386", NULL}, {"i386", "386", NULL}, {"i486", "386", NULL}, {"i586", "386", NULL}, {"i686", "386", NULL},
	{"arm64", "arm64", NULL}, {"aarch64", "arm64", NULL},
	{"arm", "arm", NULL}, {"armhf", "arm", "v7"}, {"armel", "arm", "v6"}, {"armv5l", "arm", "v5"}, {"armv6l", "arm", "v6"}, {"armv7l", "arm", "v7"}, {"armv8l", "arm", "v7"},
	{"riscv64", "riscv64", NULL}, {"s390x", "s390x", NULL}, {"ppc64le", "ppc64le", NULL}, {"ppc64", "ppc64", NULL},
	{"loong64", "loong64", NULL}, {"loongarch64", "loong64", NULL},
	{"mips", "mips", NULL}, {"mipsle", "mipsle", NULL}, {"mips64", "mips64", NULL}, {"mips64le", "mips64le", NULL},
};

static const char *const systems[] = {"linux", "windows", "darwin", "freebsd"};

static bool take_architecture(const char *text, struct platform *platform)
{
	for (size_t i = 0; i < ARRAY_SIZE(architectures); i++) {
		if (strcasecmp(architectures[i].alias, text) != 0)
			continue;
		platform->architecture = architectures[i].architecture;
		platform->variant = architectures[i].variant;
		return true;
	}
	return false;
}

static bool is_system(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
		if (!strcasecmp(systems[i], text))
			return true;
	return false;
}

struct platform platform_host(void)
{
	static char machine[sizeof(((struct utsname *)NULL)->machine)];
	struct platform platform = {.os = "linux"};
	struct utsname name;

	if (uname(&name) < 0 || take_architecture(name.machine, &platform))
		return platform;
	memcpy(machine, name.machine, sizeof(machine)); /* one that Go has no name for: its own */
	platform.architecture = machine;
	return platform;
}

/* --- text --- */

static int fail(const char *text, const char *cause, struct error *err)
{
	(void)error_set(err, EINVAL, "'%.100s' is no platform", text);
	(void)error_cause(err, "%s", cause);
	(void)error_hint(err, "it is written like linux/arm64, linux/arm/v7 or arm64");
	return -EINVAL;
}

static char *lower(char *text)
{
	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

int platform_parse(struct arena *arena, const char *text, struct platform *ret, struct error *err)
{
	struct platform platform = platform_host();
	char *words[3] = {NULL}, *rest = lower(arena_strdup(arena, text));
	size_t count = 0;

	while (rest && count < ARRAY_SIZE(words)) {
		words[count] = strsep(&rest, "/");
		if (!platform_word_is_valid(words[count++]))
			return fail(text, "its parts are words of letters and digits with / between them", err);
	}
	if (rest)
		return fail(text, "it has more than three parts", err);
	if (count == 1 && is_system(words[0])) {
		platform.os = words[0];
	} else if (count == 1) {
		if (!take_architecture(words[0], &platform))
			return fail(text, "no system and no architecture has this name", err);
	} else {
		platform.os = words[0];
		if (!take_architecture(words[1], &platform)) {
			platform.architecture = words[1];
			platform.variant = NULL;
		}
		if (count == 3)
			platform.variant = words[2];
	}
	*ret = platform;
	return 0;
}

char *platform_format(struct arena *arena, const struct platform *platform)
{
	return arena_printf(arena, "%s/%s%s%s", platform->os ? platform->os : "unknown", platform->architecture ? platform->architecture : "unknown",
	    platform->variant ? "/" : "", platform->variant ? platform->variant : "");
}

/* --- what runs where --- */

/* The number in "v7"; what an architecture's plain name means where nothing is said; -1: no variant that has an order. */
static int variant_number(const struct platform *platform)
{
	static const struct {
		const char *architecture;
		int plain;
	} plains[] = {{"amd64", 1}, {"arm64", 8}, {"arm", 7}};
	int64_t number;

	if (platform->variant)
		return *platform->variant == 'v' && units_parse_number(platform->variant + 1, 0, 99, &number) == 0 ? (int)number : -1;
	for (size_t i = 0; i < ARRAY_SIZE(plains); i++)
		if (!strcmp(plains[i].architecture, platform->architecture))
			return plains[i].plain;
	return 0;
}

static int match_variant(const struct platform *image, const struct platform *host)
{
	int mine = variant_number(host), its = variant_number(image);

	if (image->variant && host->variant && !strcmp(image->variant, host->variant))
		return PLATFORM_MATCH_VARIANT;
	if (its < 0 || its > mine)
		return -1;
	return PLATFORM_MATCH_ARCHITECTURE + its;
}

int platform_match(const struct platform *image, const struct platform *host)
{
	if (!image->os && !image->architecture)
		return PLATFORM_MATCH_UNSAID;
	if ((image->os && strcmp(image->os, host->os) != 0) || !host->architecture)
		return -1;
	if (!image->architecture)
		return PLATFORM_MATCH_UNSAID;
	if (!strcmp(image->architecture, host->architecture))
		return match_variant(image, host);
	if (!strcmp(image->architecture, "386") && !strcmp(host->architecture, "amd64"))
		return PLATFORM_MATCH_OTHER;
	return -1;
}

bool platform_runs(const struct platform *image, const struct platform *host)
{
	return platform_match(image, host) >= 0;
}
