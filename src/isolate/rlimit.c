#include "isolate/rlimit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "util/mem.h"
#include "util/units.h"

/* Docker's names (docker run --ulimit), and the unit that setrlimit(2) counts in. */
static const struct {
	const char *name;
	int resource;
} limits[] = {
	{"as", RLIMIT_AS},
	{"core", RLIMIT_CORE},
	{"cpu", RLIMIT_CPU},
	{"data", RLIMIT_DATA},
	{"fsize", RLIMIT_FSIZE},
	{"locks", RLIMIT_LOCKS},
	{"memlock", RLIMIT_MEMLOCK},
	{"msgqueue", RLIMIT_MSGQUEUE},
	{"nice", RLIMIT_NICE},
	{"nofile", RLIMIT_NOFILE},
	{"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},
	{"rtprio", RLIMIT_RTPRIO},
	{"rttime", RLIMIT_RTTIME},
	{"sigpending", RLIMIT_SIGPENDING},
	{"stack", RLIMIT_STACK},
};

static const char *limit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (limits[i].resource == resource)
			return limits[i].name;
	}
	return "?";
}

int rlimit_parse(const char *name, int *ret_resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (strcmp(limits[i].name, name) == 0) {
			*ret_resource = limits[i].resource;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_value(const char *text, uint64_t *ret)
{
	int64_t number;
	int r;

	if (strcmp(text, "-1") == 0 || strcmp(text, "unlimited") == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	r = units_parse_number(text, 0, INT64_MAX, &number);
	if (r == 0)
		*ret = (uint64_t)number;
	return r;
}

int rlimit_parse_ulimit(const char *text, struct rlimit_entry *ret)
{
	cleanup_free char *name = mem_strdup(text);
	struct rlimit_entry entry = {0};
	char *value = strchr(name, '='), *hard;
	int r;

	if (!value)
		return -EINVAL;
	*value++ = 0;
	hard = strchr(value, ':');
	if (hard)
		*hard++ = 0;
	r = rlimit_parse(name, &entry.resource);
	if (r == 0)
		r = parse_value(value, &entry.soft);
	if (r == 0)
		r = parse_value(hard ? hard : value, &entry.hard);
	if (r < 0)
		return r;
	if (entry.soft > entry.hard)
		return -EINVAL;
	*ret = entry;
	return 0;
}

enum { LIMIT_TEXT = 24 };

static const char *format_limit(uint64_t value, char buffer[LIMIT_TEXT])
{
	if (value == UINT64_MAX)
		return "unlimited";
	(void)snprintf(buffer, LIMIT_TEXT, "%" PRIu64, value);
	return buffer;
}

static int fail_entry(const struct rlimit_entry *entry, int errnum, struct error *err)
{
	char soft[LIMIT_TEXT], hard[LIMIT_TEXT];

	(void)error_set(err, errnum, "cannot limit %s to %s (hard limit %s)", limit_name(entry->resource), format_limit(entry->soft, soft),
	    format_limit(entry->hard, hard));
	return error_at(err, &entry->at, entry->key);
}

static int check_entry(const struct rlimit_entry *entry, struct error *err)
{
	char mine[LIMIT_TEXT], hard[LIMIT_TEXT], soft[LIMIT_TEXT];
	struct rlimit now;

	if (entry->soft > entry->hard) {
		(void)fail_entry(entry, EINVAL, err);
		return error_cause(err, "the soft limit %s is above the hard limit %s", format_limit(entry->soft, soft), format_limit(entry->hard, hard));
	}
	if (getrlimit((__rlimit_resource_t)entry->resource, &now) < 0)
		return fail_entry(entry, errno, err);
	/* RLIM_INFINITY is the largest value, so the comparison holds for it too. */
	if (entry->hard > now.rlim_max) {
		(void)fail_entry(entry, EPERM, err);
		(void)error_cause(err, "%s is above the hard limit of this session, %s", format_limit(entry->hard, hard), format_limit(now.rlim_max, mine));
		return error_hint(err, "ask for at most %s, or have the administrator raise it (/etc/security/limits.conf, or LimitXXX= of the unit)", mine);
	}
	return 0;
}

int rlimit_check(const struct rlimit_entry *entries, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = check_entry(&entries[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int rlimit_apply(const struct rlimit_entry *entries, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct rlimit limit = {.rlim_cur = entries[i].soft, .rlim_max = entries[i].hard};

		if (setrlimit((__rlimit_resource_t)entries[i].resource, &limit) < 0)
			return fail_entry(&entries[i], errno, err);
	}
	return 0;
}
