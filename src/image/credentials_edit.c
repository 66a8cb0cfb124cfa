/* The files belong to Docker and podman as well: what we do not know in them stays, in its order. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "image/credentials_parts.h"
#include "util/base64.h"
#include "util/mem.h"

static void set_text(json_t *object, const char *key, const char *text)
{
	(void)json_object_set_new_nocheck(object, key, json_string_nocheck(text)); /* fails for want of memory only: then json_dumps has nothing to write */
}

/* {"auth": …}, or {} where a helper has it. */
static json_t *make_entry(const struct credentials *credentials)
{
	json_t *entry = json_object();
	cleanup_free char *pair = NULL;
	struct buf text = {0};

	if (credentials->user || credentials->identity_token) {
		pair = mem_printf("%s:%s", credentials->user ? credentials->user : "", credentials->password ? credentials->password : "");
		base64_encode(pair, strlen(pair), &text);
		set_text(entry, "auth", text.text);
		explicit_bzero(pair, strlen(pair));
		explicit_bzero(text.text, text.size);
	}
	if (credentials->identity_token)
		set_text(entry, "identitytoken", credentials->identity_token);
	buf_done(&text);
	return entry;
}

/* All its names, but not its namespaces: those were made by somebody else, for something else. */
static bool remove_entries(json_t *auths, const char *registry)
{
	const char *key;
	json_t *value;
	void *next;
	bool had = false;

	json_object_foreach_safe(auths, next, key, value) {
		if (!auth_key_is(key, registry, "", 0))
			continue;
		had = true;
		(void)json_object_del(auths, key);
	}
	return had;
}

static int load(const char *name, const char *text, size_t size, json_t **ret, struct error *err)
{
	json_error_t error;

	*ret = text[strspn(text, " \t\r\n")] ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &error) : json_object();
	if (!*ret || !json_is_object(*ret)) {
		(void)error_set(err, EINVAL, "%s is not valid", name);
		(void)(*ret ? error_cause(err, "it is no JSON object") : error_cause(err, "line %d, column %d: %s", error.line, error.column, error.text));
		json_decref(*ret);
		return -EINVAL;
	}
	return 0;
}

int auth_file_edit(const char *name, const char *text, size_t size, const char *registry, const char *key, const struct credentials *credentials, struct buf *out, bool *ret_had,
    struct error *err)
{
	json_t *root, *auths;
	bool had;
	char *dump;
	int r = load(name, text, size, &root, err);

	if (r < 0)
		return r;
	auths = json_object_get(root, "auths");
	if (credentials && !json_is_object(auths)) {
		auths = json_object();
		(void)json_object_set_new(root, "auths", auths);
	}
	had = remove_entries(auths, registry);
	if (credentials)
		(void)json_object_set_new(auths, key, make_entry(credentials));
	dump = json_dumps(root, JSON_INDENT(4));
	json_decref(root);
	if (!dump)
		return error_set(err, ENOMEM, "cannot write %s", name);
	buf_puts(out, dump);
	buf_puts(out, "\n");
	explicit_bzero(dump, strlen(dump));
	free(dump);
	if (ret_had)
		*ret_had = had;
	return 0;
}
