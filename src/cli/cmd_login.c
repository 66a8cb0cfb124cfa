/* login and logout. The password is tried by a child that is confined as `pull` is; what writes the user's files never sees a registry's answer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/image_context.h"
#include "cli/image_remote.h"
#include "cli/paths.h"
#include "cli/prompt.h"
#include "cli/report.h"
#include "image/credentials.h"
#include "image/registry.h"
#include "run/confine.h"
#include "util/fd.h"
#include "util/proc.h"

#define HUB "docker.io"

enum { PASSWORD_MAX = 64 << 10 };

/* --- which registry --- */

/* People copy addresses: "https://index.docker.io/v1/". What is kept must be what an image's name will ask for. */
static int parse_registry(struct arena *arena, const char *word, struct reference *ret, struct error *err)
{
	const char *scheme = strstr(word, "://"), *host = scheme ? scheme + 3 : word;
	char *name = arena_strndup(arena, host, strcspn(host, "/"));
	int r;

	if (!strcmp(name, "registry-1.docker.io"))
		name = arena_strdup(arena, HUB);
	if (!scheme && host[strlen(name)] && strcmp(host + strlen(name), "/") != 0) {
		(void)error_set(err, EINVAL, "cannot log in to '%s'", word);
		(void)error_cause(err, "that is a repository, and accounts are for registries");
		(void)error_hint(err, "carrel login %s", name);
		return -EINVAL;
	}
	r = reference_parse(arena, arena_printf(arena, "%s/x", name), ret, NULL);
	if (r == 0 && strcmp(ret->registry, name) != 0 && (strcmp(ret->registry, HUB) != 0 || strcmp(name, "index.docker.io") != 0))
		r = -EINVAL;
	if (r < 0) {
		(void)error_set(err, EINVAL, "'%s' is no registry", word);
		(void)error_cause(err, "a registry has a dot or a port in its name, or is localhost");
		(void)error_hint(err, "without a name it is Docker Hub's");
		return -EINVAL;
	}
	return 0;
}

/* --- who --- */

static int fail_input(const char *cause, const char *hint, struct error *err)
{
	(void)error_set(err, EINVAL, "cannot log in");
	(void)error_cause(err, "%s", cause);
	if (hint)
		(void)error_hint(err, "%s", hint);
	return -EINVAL;
}

/* All of it but one end of line, which `echo` and `pass` put behind it. */
static int read_password(char **ret, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t size;
	int r = fd_slurp(STDIN_FILENO, PASSWORD_MAX, &text, &size);

	if (r == -EFBIG)
		return fail_input("the password on stdin is longer than 64 KiB", NULL, err);
	if (r < 0)
		return error_set(err, -r, "cannot read the password from stdin");
	if (size && text[size - 1] == '\n')
		text[--size] = 0;
	if (size && text[size - 1] == '\r')
		text[--size] = 0;
	if (memchr(text, 0, size))
		return fail_input("the password on stdin has a zero byte in it", NULL, err);
	*ret = take_ptr(text);
	return 0;
}

static int check_options(const struct image_use *use, struct error *err)
{
	if (use->password && use->password_stdin)
		return fail_input("--password and --password-stdin are both given", NULL, err);
	if (use->password_stdin && !use->user)
		return fail_input("--password-stdin wants --username as well", NULL, err);
	if (use->password)
		report_note("others on this machine can see a --password in the list of processes; --password-stdin hides it");
	return 0;
}

static int ask_user(const char *known, struct credentials *ret, struct error *err)
{
	cleanup_free char *question = known ? mem_printf("Username (%s): ", known) : mem_strdup("Username: ");
	int r = prompt_line(question, false, &ret->user, err);

	if (r == 0 && !*ret->user && known) {
		free(ret->user);
		ret->user = mem_strdup(known);
	}
	return r;
}

/* From the options, or asked for. `known`: who is logged in there already. */
static int find_account(const struct image_use *use, const char *known, struct credentials *ret, struct error *err)
{
	int r = check_options(use, err);

	if (r == 0 && (!use->user || !(use->password || use->password_stdin)) && !prompt_is_possible())
		return fail_input("there is no terminal to ask for a name and password", "carrel login -u NAME --password-stdin <FILE", err);
	if (r == 0 && use->user)
		ret->user = mem_strdup(use->user);
	else if (r == 0)
		r = ask_user(known, ret, err);
	if (r < 0)
		return r;
	if (use->password)
		ret->password = mem_strdup(use->password);
	else
		r = use->password_stdin ? read_password(&ret->password, err) : prompt_line("Password: ", true, &ret->password, err);
	if (r == 0 && !*ret->user)
		return fail_input("the name is empty", NULL, err);
	if (r == 0 && strchr(ret->user, ':'))
		return fail_input("a name has no colon in it", NULL, err);
	return r == 0 && !*ret->password ? fail_input("the password is empty", NULL, err) : r;
}

/* --- is it good? --- */

struct verdict {
	int result;
	struct error err;
};

static struct verdict try_here(const struct image_context *context, const struct reference *reference, const struct credentials *credentials)
{
	const struct registry_options options = {.tls_verify = context->use->tls_verify, .credentials = credentials};
	struct registry *registry = NULL;
	struct verdict verdict = {0};

	verdict.result = registry_open(reference, &options, &registry, &verdict.err);
	if (verdict.result == 0)
		verdict.result = confine_self(&context->host, CONFINE_FETCH, "", &verdict.err); /* no folder to write in */
	if (verdict.result == 0)
		verdict.result = registry_check_login(registry, &verdict.err);
	return verdict;
}

static int try_in_child(const struct image_context *context, const struct reference *reference, const struct credentials *credentials, struct error *err)
{
	struct verdict verdict;
	cleanup_close int in = -1;
	int ends[2], r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe");
	in = ends[0];
	pid = fork();
	if (pid == 0) {
		verdict = try_here(context, reference, credentials);
		_exit(fd_write_all(ends[1], &verdict, sizeof(verdict)) < 0);
	}
	r = pid < 0 ? -errno : 0;
	(void)fd_close(ends[1]);
	if (r < 0)
		return error_set(err, -r, "cannot start a process");
	r = fd_read_all(in, &verdict, sizeof(verdict));
	(void)!proc_wait(pid); /* what it had to say is said */
	if (r < 0) {
		(void)error_set(err, EPROTO, "cannot log in to '%s'", reference->registry);
		return error_cause(err, "the process that asked the registry has crashed");
	}
	if (verdict.result < 0) {
		*err = verdict.err;
		error_mend(err);
	}
	return verdict.result;
}

/* --- the commands --- */

static int keep(const struct credentials_place *place, const char *registry, const struct credentials *credentials, struct error *err)
{
	struct credentials_kept kept;
	int r = credentials_store(place, registry, credentials, &kept, err);

	if (r < 0)
		return r;
	if (kept.by_helper)
		report_note("the password is kept by %s", kept.where);
	else
		report_note("the password is kept in '%s', not encrypted; a credential helper ('credsStore' in that file) would encrypt it", kept.where);
	free(kept.where);
	return 0;
}

static int login(struct image_context *context, const char *word, struct error *err)
{
	const struct credentials_place place = image_remote_place(&context->host);
	struct credentials known = {0}, account = {0};
	struct reference reference;
	int r = parse_registry(&context->arena, word, &reference, err);

	if (r == 0 && !context->use->user && prompt_is_possible())
		r = credentials_find(&place, &reference, &known, err);
	if (r == 0)
		r = find_account(context->use, known.user, &account, err);
	credentials_done(&known);
	if (r == 0)
		r = try_in_child(context, &reference, &account, err);
	if (r == 0)
		r = keep(&place, reference.registry, &account, err);
	credentials_done(&account);
	return r;
}

static int logout(struct image_context *context, const char *word, struct error *err)
{
	const struct credentials_place place = image_remote_place(&context->host);
	struct credentials_kept kept;
	struct reference reference;
	int r = parse_registry(&context->arena, word, &reference, err);

	if (r == 0)
		r = credentials_erase(&place, reference.registry, &kept, err);
	if (r == -ENOENT) { /* as Docker: what was asked for is so */
		(void)printf("Not logged in to %s\n", reference.registry);
		return 0;
	}
	if (r == 0) {
		(void)printf("Removed the account for %s from %s\n", reference.registry, kept.where);
		free(kept.where);
	}
	return r;
}

static int run(const struct image_use *use, const char *word, int (*act)(struct image_context *context, const char *word, struct error *err), const char *success)
{
	struct image_context context;
	struct error err = {0};
	int r = image_context_init(&context, use, &err);

	if (r == 0)
		r = act(&context, word, &err);
	image_context_done(&context);
	if (r < 0)
		return image_fail(&err);
	(void)fputs(success, stdout);
	return 0;
}

int image_login(const struct image_use *use, int argc, char **argv)
{
	if (argc > 1)
		return image_usage("login", "more than one registry is named");
	return run(use, argc ? argv[0] : HUB, login, "Login Succeeded\n");
}

int image_logout(const struct image_use *use, int argc, char **argv)
{
	if (argc > 1)
		return image_usage("logout", "more than one registry is named");
	return run(use, argc ? argv[0] : HUB, logout, "");
}
