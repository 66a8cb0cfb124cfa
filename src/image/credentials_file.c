/* One file's text: {"auths": {REGISTRY: {"auth": base64 of user:password, "identitytoken": …}}, "credHelpers": {REGISTRY: NAME}, "credsStore": NAME}. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/credentials_parts.h"
#include "image/document.h"
#include "util/base64.h"
#include "util/mem.h"

static char *text_or_null(const char *text)
{
	return text && *text ? mem_strdup(text) : NULL;
}

/* "user:password"; the password may have colons, and zero bytes behind it (Docker takes them away as well). */
static int take_auth(struct arena *arena, const struct document_value *entry, struct credentials *ret, struct error *err)
{
	struct document_value value = document_field(entry, "auth");
	const char *text = "";
	struct buf bytes = {0};
	char *colon;
	int r = document_text(arena, &value, &text, err);

	if (r < 0 || !*text)
		return r;
	r = base64_decode(text, &bytes);
	while (r == 0 && bytes.size && !bytes.text[bytes.size - 1])
		bytes.size--;
	colon = r == 0 && bytes.size ? memchr(bytes.text, ':', bytes.size) : NULL;
	if (!colon || memchr(bytes.text, 0, bytes.size)) {
		r = document_fail(&value, err, EINVAL, "is not the base64 of 'user:password'");
	} else {
		ret->user = arena_strndup(arena, bytes.text, (size_t)(colon - bytes.text));
		ret->password = arena_strndup(arena, colon + 1, bytes.size - (size_t)(colon + 1 - bytes.text));
	}
	if (bytes.text)
		explicit_bzero(bytes.text, bytes.room);
	buf_done(&bytes);
	return r;
}

static int take_entry(struct arena *arena, const char *name, const struct document_value *entry, struct credentials *ret, struct error *err)
{
	struct document_value user = document_field(entry, "username"), password = document_field(entry, "password"), token = document_field(entry, "identitytoken");
	const char *user_text = NULL, *password_text = NULL, *token_text = NULL;
	struct credentials auth = {0};

	if (document_object(entry, err) < 0 || document_text(arena, &user, &user_text, err) < 0 || document_text(arena, &password, &password_text, err) < 0 ||
	    document_text(arena, &token, &token_text, err) < 0 || take_auth(arena, entry, &auth, err) < 0)
		return -EINVAL;
	if (auth.user) {
		user_text = auth.user;
		password_text = auth.password;
	}
	if (token_text && !*token_text)
		token_text = NULL;
	if (!token_text && !(user_text && *user_text && password_text))
		return 0; /* an empty entry stands beside a helper */
	*ret = (struct credentials){.user = text_or_null(user_text), .password = user_text && *user_text && password_text ? mem_strdup(password_text) : NULL,
				    .identity_token = text_or_null(token_text), .source = mem_strdup(name)};
	return 0;
}

/* The entry whose key is this registry and namespace. A key that is just that wins over one that means the same. */
static bool find_entry(const struct document_value *auths, const char *registry, const char *space, size_t space_len, struct document_value *ret)
{
	struct document_value field;
	bool found = false;

	for (void *at = NULL; document_next(auths, &at, &field);) {
		bool plain = !strncmp(field.key, registry, strlen(registry));

		if (!document_is_there(&field) || !auth_key_is(field.key, registry, space, space_len) || (found && !plain))
			continue;
		*ret = field;
		found = true;
	}
	return found;
}

/* From the whole repository up to the registry alone. */
static int take_auths(struct arena *arena, const char *name, const struct document_value *root, const char *registry, const char *repository, struct credentials *ret, struct error *err)
{
	struct document_value auths = document_field(root, "auths"), entry;
	size_t len = repository ? strlen(repository) : 0;
	int r = document_object(&auths, err);

	while (r == 0 && !ret->source) {
		if (find_entry(&auths, registry, repository ? repository : "", len, &entry))
			r = take_entry(arena, name, &entry, ret, err);
		if (!len)
			break;
		do
			len--;
		while (len && repository[len] != '/');
	}
	return r;
}

/* A helper's name becomes a part of a program's: no path. */
static int take_helper_name(struct arena *arena, const struct document_value *value, char **ret, struct error *err)
{
	const char *text = NULL;

	if (document_text(arena, value, &text, err) < 0)
		return -EINVAL;
	if (!text || !*text)
		return 0;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != strlen(text))
		return document_fail(value, err, EINVAL, "is no name of a helper: '%.60s'", text);
	*ret = mem_strdup(text);
	return 0;
}

static int take_helper(struct arena *arena, const struct document_value *root, const char *registry, char **ret, struct error *err)
{
	struct document_value helpers = document_field(root, "credHelpers"), store = document_field(root, "credsStore"), entry;

	if (document_object(&helpers, err) < 0)
		return -EINVAL;
	if (find_entry(&helpers, registry, "", 0, &entry))
		return take_helper_name(arena, &entry, ret, err);
	return take_helper_name(arena, &store, ret, err);
}

static bool is_blank(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	return true;
}

int auth_file_parse(const char *name, const char *text, size_t size, const char *registry, const char *repository, struct auth_found *ret, struct error *err)
{
	cleanup_document struct document document = {0};
	struct auth_found found = {0};
	struct arena arena = {0};
	struct document_value root;
	int r;

	if (is_blank(text, size)) {
		*ret = found; /* as Docker takes it */
		return 0;
	}
	r = document_parse(name, text, size, AUTH_FILE_MAX, &document, err);
	if (r < 0)
		return r;
	root = document_root(&document);
	r = take_helper(&arena, &root, registry, &found.helper, err);
	if (r == 0)
		r = take_auths(&arena, name, &root, registry, repository, &found.credentials, err);
	arena_done(&arena);
	if (r < 0) {
		auth_found_done(&found);
		return r;
	}
	*ret = found;
	return 0;
}

void auth_found_done(struct auth_found *found)
{
	free(found->helper);
	credentials_done(&found->credentials);
	*found = (struct auth_found){0};
}
