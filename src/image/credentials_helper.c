/* The protocol of docker-credential-helpers: the act is the one argument, what it needs comes by stdin, the answer by stdout; errors are an exit status and a line
 * on stdout. */
#include <errno.h>
#include <string.h>

#include "image/credentials_parts.h"
#include "image/document.h"
#include "util/json.h"
#include "util/mem.h"
#include "util/proc.h"

enum { ANSWER_MAX = 1 << 20, PATIENCE_MS = 60000 };

#define TOKEN_USER "<token>" /* the secret is an identity token then */

static void wipe(struct buf *buf)
{
	if (buf->text)
		explicit_bzero(buf->text, buf->room);
	buf_done(buf);
}

static bool says_not_found(const char *answer)
{
	return strstr(answer, "credentials not found") || strstr(answer, "no credentials server URL");
}

/* 0: *ret_answer is what it said. */
static int ask(const char *helper, const char *path, char *act, const char *input, size_t size, char **ret_answer, struct error *err)
{
	cleanup_free char *name = mem_printf("docker-credential-%s", helper), *program = proc_find_program(name, path ? path : PROC_SYSTEM_PATH), *answer = NULL;
	char *argv[] = {program, act, NULL};
	int r;

	if (!program) {
		(void)error_set(err, errno, "cannot ask the credential helper '%s'", name);
		(void)error_cause(err, errno == EACCES ? "it is not executable" : "no such program in $PATH");
		(void)error_hint(err, "install it, or take its name out of the file's credsStore or credHelpers");
		return -EIO; /* -ENOENT would mean that it has nothing */
	}
	r = proc_ask(argv, input, size, ANSWER_MAX, PATIENCE_MS, &answer);
	if (r < 0) {
		(void)error_set(err, -r, "cannot ask the credential helper '%s'", name);
		if (r == -ETIMEDOUT)
			(void)error_cause(err, "it has not answered for %d s", PATIENCE_MS / 1000);
		return r == -ENOENT ? -EIO : r;
	}
	if (r > 0) {
		bool not_found = says_not_found(answer);

		(void)error_set(err, not_found ? ENOENT : EIO, "the credential helper '%s' fails at '%s'", name, act);
		answer[strcspn(answer, "\r\n")] = 0;
		(void)(*answer ? error_cause(err, "it says: %.200s", answer) : error_cause(err, "its exit status is %d", r));
		return not_found ? -ENOENT : -EIO;
	}
	*ret_answer = take_ptr(answer);
	return 0;
}

/* {"ServerURL": …, "Username": …, "Secret": …} */
static int parse_answer(const char *name, const char *answer, struct credentials *ret, struct error *err)
{
	cleanup_document struct document document = {0};
	struct arena arena = {0};
	const char *user = NULL, *secret = NULL;
	struct document_value root, user_value, secret_value;
	int r = document_parse(name, answer, strlen(answer), ANSWER_MAX, &document, err);

	if (r < 0)
		return r;
	root = document_root(&document);
	user_value = document_field(&root, "Username");
	secret_value = document_field(&root, "Secret");
	if (document_require(&secret_value, err) < 0 || document_text(&arena, &user_value, &user, err) < 0 || document_text(&arena, &secret_value, &secret, err) < 0) {
		r = -EINVAL;
	} else if (user && !strcmp(user, TOKEN_USER)) {
		*ret = (struct credentials){.identity_token = mem_strdup(secret)};
	} else {
		*ret = (struct credentials){.user = mem_strdup(user ? user : ""), .password = mem_strdup(secret)};
	}
	arena_done(&arena);
	return r;
}

int auth_helper_get(const char *helper, const char *path, const char *registry, struct credentials *ret, struct error *err)
{
	cleanup_free char *name = mem_printf("the answer of docker-credential-%s", helper), *answer = NULL;
	const char *server = auth_docker_name(registry);
	struct credentials found = {0};
	int r = ask(helper, path, (char[]){"get"}, server, strlen(server), &answer, err);

	if (r == -ENOENT && server != registry) /* Docker Hub, as podman calls it */
		r = ask(helper, path, (char[]){"get"}, registry, strlen(registry), &answer, err);
	if (r < 0)
		return r;
	r = parse_answer(name, answer, &found, err);
	explicit_bzero(answer, strlen(answer));
	if (r < 0)
		return r == -ENOENT ? -EIO : r;
	found.source = mem_printf("docker-credential-%s", helper);
	*ret = found;
	if (err)
		*err = (struct error){0}; /* of a first question that had no answer */
	return 0;
}

int auth_helper_store(const char *helper, const char *path, const char *registry, const struct credentials *credentials, struct error *err)
{
	cleanup_free char *answer = NULL;
	struct buf text = {0};
	struct json json = {.out = &text, .compact = true};
	int r;

	json_open_object(&json, NULL);
	json_string(&json, "ServerURL", auth_docker_name(registry));
	json_string(&json, "Username", credentials->identity_token ? TOKEN_USER : credentials->user);
	json_string(&json, "Secret", credentials->identity_token ? credentials->identity_token : credentials->password);
	json_close_object(&json);
	r = ask(helper, path, (char[]){"store"}, text.text, text.size, &answer, err);
	wipe(&text);
	return r == -ENOENT ? -EIO : r;
}

int auth_helper_erase(const char *helper, const char *path, const char *registry, struct error *err)
{
	cleanup_free char *answer = NULL;
	const char *server = auth_docker_name(registry);

	return ask(helper, path, (char[]){"erase"}, server, strlen(server), &answer, err);
}
