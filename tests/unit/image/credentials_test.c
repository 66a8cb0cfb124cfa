/* Files and helpers in a folder of our own. The helper keeps what it gets in a file beside itself, one for each server. */
#include "image/credentials.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

static char folder[64];
static struct arena arena;
static struct credentials_place place;

static char *in(const char *name)
{
	return arena_printf(&arena, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char *path = in(name);
	cleanup_close int fd = -1;

	cr_assert_eq(path_make_dirs(path_dirname(&arena, path), 0700), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0, "%s", path);
}

static const char *read_back(const char *name)
{
	cleanup_free char *text = NULL;
	size_t size;

	cr_assert_eq(fd_slurp_at(AT_FDCWD, in(name), 100000, &text, &size), 0, "%s", name);
	return strcpy(arena_alloc(&arena, size + 1), text);
}

static void set_up(void)
{
	strcpy(folder, "/tmp/carrel-credentials-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	write_file("bin/docker-credential-note",
	    "#!/bin/sh\n"
	    "dir=${0%/*}\n"
	    "case $1 in\n"
	    "store) input=$(cat); name=$(printf %s \"$input\" | sed 's/.*\"ServerURL\":\"\\([^\"]*\\)\".*/\\1/' | tr / _); printf %s \"$input\" >\"$dir/$name.note\" ;;\n"
	    "get) cat \"$dir/$(tr / _).note\" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;\n"
	    "erase) rm \"$dir/$(tr / _).note\" ;;\n"
	    "esac\n",
	    0700);
	write_file("bin/docker-credential-broken", "#!/bin/sh\necho 'the key is locked'\nexit 1\n", 0700);
	write_file("bin/docker-credential-mute", "#!/bin/sh\nexit 3\n", 0700);
	write_file("bin/docker-credential-odd", "#!/bin/sh\necho hello\n", 0700);
	write_file("bin/docker-credential-token", "#!/bin/sh\necho '{\"ServerURL\":\"x\",\"Username\":\"<token>\",\"Secret\":\"t\"}'\n", 0700);
	write_file("bin/docker-credential-dead", "", 0600);
	place = (struct credentials_place){.home = in("home"), .path = arena_printf(&arena, "%s/bin:/usr/bin:/bin", folder)};
}

static void tear_down(void)
{
	cr_expect_eq(path_remove_tree(AT_FDCWD, folder), 0);
	arena_done(&arena);
}

TestSuite(credentials, .init = set_up, .fini = tear_down, .timeout = 30);

#define ADA "{\"auths\":{\"quay.io\":{\"auth\":\"YWRhOnNlY3JldA==\"}}}"
#define BOB "{\"auths\":{\"quay.io\":{\"auth\":\"Ym9iOmE=\"}}}"

static int find(const char *registry, struct credentials *credentials, struct error *err)
{
	const struct reference reference = {.registry = registry, .repository = "library/x"};

	*credentials = (struct credentials){0};
	*err = (struct error){0};
	return credentials_find(&place, &reference, credentials, err);
}

static void expect_user(const char *registry, const char *user)
{
	struct credentials credentials;
	struct error err;

	cr_assert_eq(find(registry, &credentials, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(err.code, 0, "%s", err.cause);
	if (user)
		cr_expect(credentials.user && !strcmp(credentials.user, user), "'%s', not '%s'", credentials.user ? credentials.user : "(none)", user);
	else
		cr_expect(!credentials.user && !credentials.source, "'%s' from %s, not nobody", credentials.user, credentials.source);
	credentials_done(&credentials);
}

Test(credentials, order_of_files)
{
	expect_user("quay.io", NULL);
	write_file("home/.config/containers/auth.json", "{\"auths\":{\"quay.io\":{\"auth\":\"bGFzdDp4\"}}}", 0600); /* last:x */
	expect_user("quay.io", "last");
	place.runtime_dir = in("run");
	write_file("run/containers/auth.json", BOB, 0600);
	expect_user("quay.io", "bob");
	write_file("home/.docker/config.json", "{\"auths\":{\"ghcr.io\":{\"auth\":\"eDp4\"}}}", 0600);
	expect_user("quay.io", "bob");
	write_file("home/.docker/config.json", ADA, 0600);
	expect_user("quay.io", "ada");
	place.docker_config = in("empty");
	expect_user("quay.io", "bob");
	place.auth_file = in("nothing.json");
	expect_user("quay.io", NULL);
	write_file("nothing.json", ADA, 0600);
	expect_user("quay.io", "ada");
	place = (struct credentials_place){.config_home = in("home/.config")};
	expect_user("quay.io", "last");
	place = (struct credentials_place){0};
	expect_user("quay.io", NULL);
}

static const struct {
	const char *name, *helper; /* NULL: the file itself is odd */
	const char *what, *cause;
} failures[] = {
	{"no JSON", NULL, "is not valid", "no JSON"},
	{"a helper that is not there", "gone", "cannot ask the credential helper 'docker-credential-gone'", "no such program in $PATH"},
	{"a helper that is not executable", "dead", "cannot ask the credential helper 'docker-credential-dead'", "not executable"},
	{"a helper that fails", "broken", "'docker-credential-broken' fails at 'get'", "it says: the key is locked"},
	{"a helper that says nothing", "mute", "'docker-credential-mute' fails at 'get'", "its exit status is 3"},
	{"a helper whose answer is no JSON", "odd", "the answer of docker-credential-odd is not valid", "no JSON"},
};

Test(credentials, failures)
{
	struct credentials credentials;
	struct error err;

	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		write_file("home/.docker/config.json", failures[i].helper ? arena_printf(&arena, "{\"credsStore\":\"%s\"}", failures[i].helper) : "x", 0600);
		cr_expect_lt(find("quay.io", &credentials, &err), 0, "%s", failures[i].name);
		cr_expect(strstr(err.what, failures[i].what), "%s: %s", failures[i].name, err.what);
		cr_expect(strstr(err.cause, failures[i].cause), "%s: %s", failures[i].name, err.cause);
	}
	cr_assert_eq(unlink(in("home/.docker/config.json")), 0);
	cr_assert_eq(mkfifo(in("home/.docker/config.json"), 0600), 0);
	cr_expect_eq(find("quay.io", &credentials, &err), -EINVAL);
	cr_expect_str_eq(err.cause, "it is no regular file");
}

static struct credentials ada = {.user = (char[]){"ada"}, .password = (char[]){"se\"cret"}};

static void store(const char *registry, const char *where, bool by_helper)
{
	struct credentials_kept kept = {0};
	struct error err = {0};

	cr_assert_eq(credentials_store(&place, registry, &ada, &kept, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_str_eq(kept.where, where);
	cr_expect_eq(kept.by_helper, by_helper);
	free(kept.where);
}

static void erase(const char *registry, const char *where) /* NULL: nothing is there */
{
	struct credentials_kept kept = {0};
	struct error err = {0};

	cr_expect_eq(credentials_erase(&place, registry, &kept, &err), where ? 0 : -ENOENT, "%s: %s", err.what, err.cause);
	cr_expect_eq(err.code, where ? 0 : ENOENT);
	cr_expect(where ? kept.where && !strcmp(kept.where, where) : !kept.where, "%s", kept.where ? kept.where : "(nowhere)");
	free(kept.where);
}

Test(credentials, kept_in_a_file)
{
	struct stat st;

	store("docker.io", in("home/.docker/config.json"), false);
	cr_assert_eq(stat(in("home/.docker/config.json"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(stat(in("home/.docker"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0700);
	cr_expect(strstr(read_back("home/.docker/config.json"), "\"https://index.docker.io/v1/\""));
	expect_user("docker.io", "ada");
	store("quay.io", in("home/.docker/config.json"), false);
	erase("docker.io", in("home/.docker/config.json"));
	erase("docker.io", NULL);
	expect_user("quay.io", "ada");
	expect_user("docker.io", NULL);
}

/* podman's file where that is the one that exists; through a symlink; a file that others could read is none afterwards. */
Test(credentials, kept_where_it_is)
{
	struct stat st;

	place.runtime_dir = in("run");
	write_file("run/real.json", "{\"x\":7}", 0644);
	write_file("run/containers/x", "", 0600);
	cr_assert_eq(symlink("../real.json", in("run/containers/auth.json")), 0);
	store("docker.io", in("run/containers/auth.json"), false);
	cr_assert_eq(lstat(in("run/containers/auth.json"), &st), 0);
	cr_expect(S_ISLNK(st.st_mode));
	cr_assert_eq(stat(in("run/real.json"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect(strstr(read_back("run/real.json"), "\"x\": 7") && strstr(read_back("run/real.json"), "\"docker.io\""));
	cr_expect_lt(access(in("home/.docker"), F_OK), 0);
	expect_user("docker.io", "ada");
	erase("docker.io", in("run/containers/auth.json"));
}

Test(credentials, kept_by_a_helper)
{
	struct credentials credentials;
	struct error err;

	write_file("home/.docker/config.json", "{\"credsStore\":\"note\",\"credHelpers\":{\"ghcr.io\":\"token\"}}", 0600);
	expect_user("quay.io", NULL);
	erase("quay.io", NULL);
	store("quay.io", "docker-credential-note", true);
	cr_expect(!strstr(read_back("home/.docker/config.json"), "auth\""));
	cr_expect(strstr(read_back("home/.docker/config.json"), "\"quay.io\": {}"));
	cr_assert_eq(find("quay.io", &credentials, &err), 0, "%s", err.cause);
	cr_expect_str_eq(credentials.password, "se\"cret");
	cr_expect_str_eq(credentials.source, "docker-credential-note");
	credentials_done(&credentials);
	cr_expect_null(credentials.password);
	store("docker.io", "docker-credential-note", true);
	expect_user("docker.io", "ada");
	erase("docker.io", "docker-credential-note");
	erase("docker.io", NULL);
	erase("quay.io", "docker-credential-note");
	expect_user("quay.io", NULL);

	cr_assert_eq(find("ghcr.io", &credentials, &err), 0, "%s", err.cause);
	cr_expect(credentials.identity_token && !strcmp(credentials.identity_token, "t") && !credentials.user);
	credentials_done(&credentials);
}

Test(credentials, nowhere_to_keep)
{
	struct credentials_kept kept = {0};
	struct error err = {0};

	place = (struct credentials_place){0};
	cr_expect_eq(credentials_store(&place, "quay.io", &ada, &kept, &err), -ENOENT);
	cr_expect(strstr(err.hint, "$HOME"));
	place.home = in("home");
	write_file("home/.docker", "a file where the folder should be", 0600);
	cr_expect_lt(credentials_store(&place, "quay.io", &ada, &kept, &err), 0);
	cr_expect(strstr(err.what, "cannot make the folder"), "%s", err.what);
	cr_expect_null(kept.where);
}
