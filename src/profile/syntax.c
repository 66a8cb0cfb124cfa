#include "profile/syntax.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "util/units.h"

const char *const syntax_variables[] = {"HOME", "PWD", "USER", "UID", "SCRATCH", "TMPDIR", "XDG_", NULL};

enum { PATH_TEXT_MAX = 4095, HOSTNAME_TEXT_MAX = 64, NAME_TEXT_MAX = 64 };

static bool complain(struct complaint *ret, const char *cause, const char *hint)
{
	*ret = (struct complaint){cause, hint};
	return false;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* `name` is what follows a $; the length of the variable's name, or 0 where it is not one that may be used. */
static size_t known_variable(const char *name)
{
	size_t len = 0;

	while (is_name_char(name[len]))
		len++;
	for (size_t i = 0; syntax_variables[i]; i++) {
		size_t known = strlen(syntax_variables[i]);
		bool is_prefix = syntax_variables[i][known - 1] == '_';

		if (strncmp(name, syntax_variables[i], known) == 0 && (is_prefix ? len > known : len == known))
			return len;
	}
	return 0;
}

bool syntax_path(const char *text, struct complaint *ret)
{
	if (strlen(text) > PATH_TEXT_MAX)
		return complain(ret, "the path is longer than 4,095 bytes", "");
	if (text[0] == '~' && text[1] && text[1] != '/')
		return complain(ret, "only your own home may be named by ~", "write ~/… for your own home, or an absolute path");
	if (text[0] != '/' && text[0] != '~' && text[0] != '$')
		return complain(ret, "the path is not absolute", "begin it with /, ~/ or $PWD/");
	for (const char *at = strchr(text, '$'); at; at = strchr(at + 1, '$')) {
		if (at[1] == '{')
			return complain(ret, "variables are written without braces", "write $PWD/x instead of ${PWD}/x");
		if (!known_variable(at + 1))
			return complain(ret, "it names a variable that paths may not use", "$HOME, $PWD, $USER, $UID, $SCRATCH, $TMPDIR and $XDG_… may be used");
	}
	if (strncmp(text, "$USER", 5) == 0 || (strncmp(text, "$UID", 4) == 0 && !is_name_char(text[4])))
		return complain(ret, "the path is not absolute", "begin it with /, ~/ or $PWD/");
	return true;
}

static bool is_id(const char *text)
{
	int64_t id;

	return units_parse_number(text, 0, 4294967294, &id) == 0; /* (uid_t)-1 means "no change" */
}

static bool is_account_name(const char *text, size_t len)
{
	if (!len || len > NAME_TEXT_MAX || *text == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(text[i]) && !strchr("-.@$", text[i]) && (unsigned char)text[i] < 0x80)
			return false;
	return true;
}

bool syntax_user(const char *text, struct complaint *ret)
{
	static const char hint[] = "write self, root, image, a name, or numbers such as 1000 or 1000:100";
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);

	if (!is_account_name(text, len) || (colon && !is_account_name(colon + 1, strlen(colon + 1))))
		return complain(ret, "it is not the form of a user", hint);
	char first[NAME_TEXT_MAX + 1];

	memcpy(first, text, len);
	first[len] = 0;
	if ((isdigit((unsigned char)*first) && !is_id(first)) || (colon && isdigit((unsigned char)colon[1]) && !is_id(colon + 1)))
		return complain(ret, "the number is not a user or group id", hint);
	return true;
}

bool syntax_hostname(const char *text, struct complaint *ret)
{
	size_t len = strlen(text);

	if (len > HOSTNAME_TEXT_MAX)
		return complain(ret, "a host name has at most 64 bytes", "");
	if (text[0] == '-' || text[0] == '.' || text[len - 1] == '-')
		return complain(ret, "a host name neither begins nor ends with - or .", "");
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')
			return complain(ret, "a host name consists of letters, digits, - and .", "");
	return true;
}

/* "8080" or "8000-8010": past it, or NULL. */
static const char *skip_ports(const char *text)
{
	unsigned long bounds[2] = {0, 0};

	for (int i = 0; i < 2; i++) {
		char *end;

		if (!isdigit((unsigned char)*text))
			return NULL;
		bounds[i] = strtoul(text, &end, 10);
		if (bounds[i] < 1 || bounds[i] > 65535)
			return NULL;
		text = end;
		if (i == 0 && *text != '-')
			return text;
		text += i == 0;
	}
	return bounds[0] <= bounds[1] ? text : NULL;
}

bool syntax_publish(const char *text, struct complaint *ret)
{
	static const char hint[] = "write 8080:80, 127.0.0.1:8080:80, [::1]:8080:80 or 5353:53/udp";
	const char *address_end = *text == '[' ? strchr(text, ']') : strchr(text, '.') ? strchr(text, ':') : NULL;
	const char *at = text;

	if (*text == '[' || strchr(text, '.')) {
		if (!address_end)
			return complain(ret, "it is not the form of a published port", hint);
		at = address_end + (*text == '[');
		if (*at++ != ':')
			return complain(ret, "it is not the form of a published port", hint);
		if (*at == ':') /* address::port: any port of the host */
			at++;
	}
	at = skip_ports(at);
	if (at && *at == ':')
		at = skip_ports(at + 1);
	if (!at || (*at && strcmp(at, "/tcp") != 0 && strcmp(at, "/udp") != 0))
		return complain(ret, "it is not the form of a published port", hint);
	return true;
}

bool syntax_variable(const char *text, struct complaint *ret)
{
	if (isdigit((unsigned char)*text))
		return complain(ret, "the name of a variable does not begin with a digit", "");
	for (const char *c = text; *c; c++)
		if (!is_name_char(*c))
			return complain(ret, "the name of a variable consists of letters, digits and _", strchr(text, '=') ? "values belong into environment.set: {NAME: value}" : "");
	return true;
}

bool syntax_pattern(const char *text, struct complaint *ret)
{
	if (isdigit((unsigned char)*text))
		return complain(ret, "the name of a variable does not begin with a digit", "");
	for (const char *c = text; *c; c++)
		if (!is_name_char(*c) && *c != '*')
			return complain(ret, "the name of a variable consists of letters, digits and _; * stands for anything", strchr(text, '=') ? "values belong into environment.set: {NAME: value}" : "");
	return true;
}

bool syntax_call(const char *text, struct complaint *ret)
{
	bool is_group = *text == '@';

	if (is_group && !text[1])
		return complain(ret, "the name of the group is missing", "");
	for (const char *c = text + is_group; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_' && !(is_group && *c == '-'))
			return complain(ret, is_group ? "the name of a group consists of small letters, digits and -" : "the name of a system call consists of small letters, digits and _", "");
	return true;
}

bool syntax_action(const char *text, struct complaint *ret)
{
	if (strcmp(text, "allow") == 0 || strcmp(text, "log") == 0 || strcmp(text, "kill") == 0)
		return true;
	if (*text == 'E' && text[1]) {
		const char *c = text;

		while (isupper((unsigned char)*c) || isdigit((unsigned char)*c))
			c++;
		if (!*c)
			return true; /* whether it is an errno of this kernel, profile_check says */
	}
	return complain(ret, "it is not an action", "write allow, log, kill or an errno such as EPERM or ENOSYS");
}

bool syntax_capability(const char *text, struct complaint *ret)
{
	for (const char *c = text; *c; c++)
		if (!isalpha((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return complain(ret, "it is not the name of a capability", "write names such as CAP_CHOWN or net_raw");
	return true;
}

bool syntax_cpuset(const char *text, struct complaint *ret)
{
	static const char hint[] = "write numbers and ranges such as 0-3,6";
	const char *at = text;

	for (;;) {
		char *end;
		unsigned long low, high;

		if (!isdigit((unsigned char)*at))
			return complain(ret, "it is not a list of processors", hint);
		low = high = strtoul(at, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			high = strtoul(end + 1, &end, 10);
		if (low > high || high > 65535)
			return complain(ret, "it is not a list of processors", hint);
		if (!*end)
			return true;
		if (*end != ',')
			return complain(ret, "it is not a list of processors", hint);
		at = end + 1;
	}
}
