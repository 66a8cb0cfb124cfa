/* libcurl is loaded where a registry is asked, and nowhere else: with one in the loader's path that is none, everything else goes on as ever. */
#include "e2e/harness.h"

HARNESS_SUITE(libcurl);

/* An empty libcurl.so.4, which stands before the system's. A program that needs the library could not even start. */
static const char *const *environment(void)
{
	const char **env = arena_alloc(harness_arena(), 4 * sizeof(*env));

	(void)harness_file("broken/libcurl.so.4", "");
	env[0] = harness_text("LD_LIBRARY_PATH=%s", harness_path("broken"));
	env[1] = harness_text("CARREL_ROOT=%s", harness_path("store"));
	env[2] = harness_text("REGISTRY_AUTH_FILE=%s", harness_path("auth.json"));
	return env;
}

/* (The rows stand on each other.) */
static const struct local {
	const char *name;
	const char *const *argv;
	const char *out;
} locals[] = {
	{"import", HARNESS_WORDS("import", "tree", "one"), NULL},
	{"images", HARNESS_WORDS("images"), "one"},
	{"tag", HARNESS_WORDS("tag", "one", "two"), NULL},
	{"history", HARNESS_WORDS("history", "two"), NULL},
	{"inspect", HARNESS_WORDS("inspect", "two"), "two:latest"},
	{"save", HARNESS_WORDS("save", "-o", "two.tar", "two"), NULL},
	{"rmi", HARNESS_WORDS("rmi", "two", "one"), "Deleted"},
	{"load", HARNESS_WORDS("load", "-i", "two.tar"), "two:latest"},
	{"export", HARNESS_WORDS("export", "-o", "tree.tar", "two"), NULL},
	{"system df", HARNESS_WORDS("system", "df"), "Images"},
	{"logout", HARNESS_WORDS("logout", "localhost:5000"), "Not logged in"},
};

Test(libcurl, is_not_loaded_here)
{
	const char *const *env = environment();

	(void)harness_file("tree/hello", "hello\n");
	for (size_t i = 0; i < ARRAY_SIZE(locals); i++) {
		struct harness_result result = harness_run(&(const struct harness_run){.argv = locals[i].argv, .env = env});

		harness_expect_status(locals[i].name, &result, 0);
		if (locals[i].out)
			harness_expect_out(locals[i].name, &result, locals[i].out);
		harness_done(&result);
	}
}

static const struct remote {
	const char *name;
	const char *const *argv;
} remotes[] = {
	{"pull", HARNESS_WORDS("pull", "localhost:1/one")},
	{"push", HARNESS_WORDS("push", "localhost:1/one")},
	{"login", HARNESS_WORDS("login", "-u", "ada", "-p", "secret", "localhost:1")},
	{"run --pull", HARNESS_WORDS("run", "--pull", "always", "localhost:1/one")},
};

Test(libcurl, is_missed_where_a_registry_is_asked)
{
	const char *const *env = environment();
	struct harness_result result;

	if (getenv("CARREL_LIBRARIES_ALONG"))
		cr_skip_test("the program finds its libraries by a path of its own here, whatever LD_LIBRARY_PATH says");
	(void)harness_file("tree/hello", "hello\n");
	result = harness_run(&(const struct harness_run){ARGV("import", "tree", "localhost:1/one"), .env = env});
	harness_expect_status("import", &result, 0);
	harness_done(&result);
	for (size_t i = 0; i < ARRAY_SIZE(remotes); i++) {
		result = harness_run(&(const struct harness_run){.argv = remotes[i].argv, .env = env});
		harness_expect_status(remotes[i].name, &result, 125);
		harness_expect_err(remotes[i].name, &result, "cannot speak with a registry: ");
		harness_expect_err(remotes[i].name, &result, "libcurl.so.4: file too short");
		harness_expect_err(remotes[i].name, &result, "hint: install libcurl: ");
		harness_done(&result);
	}
}
