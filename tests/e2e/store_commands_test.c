/* images, tag, rmi, history, inspect and system, on a store that `load` fills, with skopeo as an independent reader of the image layout. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(store_commands);

static const char *store_folder(void)
{
	return harness_path("store");
}

static const char *const *environment(void)
{
	const char **env = arena_alloc(harness_arena(), 2 * sizeof(*env));

	env[0] = harness_text("CARREL_ROOT=%s", store_folder());
	return env;
}

static struct harness_result run(const char *const *argv)
{
	return harness_run(&(struct harness_run){.argv = argv, .env = environment()});
}
#define RUN(...) run(HARNESS_WORDS(__VA_ARGS__))

/* What a command that must succeed prints. */
static const char *output(const char *const *argv)
{
	struct harness_result result = run(argv);
	const char *out;

	harness_expect_status(argv[0], &result, 0);
	out = harness_text("%s", result.out);
	harness_done(&result);
	return out;
}
#define OUT(...) output(HARNESS_WORDS(__VA_ARGS__))

/* An archive as docker save writes it, of one layer with busybox and the file /word; its Created is `year`'s. */
static const char *make_archive(const char *name, const char *word, const char *year)
{
	return harness_shell(harness_text(
	    "rm -rf made && mkdir -p made root/bin && cp '%s/bin/busybox' root/bin/ && ln -sf busybox root/bin/sh && echo '%s' >root/word && tar -C root -cf made/layer.tar . && "
	    "id=$(sha256sum <made/layer.tar | cut -c1-64) && cat >made/config.json <<EOF\n"
	    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"%s-05-06T07:08:09Z\",\"config\":{\"Cmd\":[\"sh\"],\"Env\":[\"WORD=%s\"],\"Labels\":{\"a\":\"b=c\"},"
	    "\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/data\":{}},\"User\":\"7\",\"WorkingDir\":\"/bin\",\"StopSignal\":\"SIGINT\"},"
	    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$id\"]},\"history\":[{\"created\":\"%s-05-06T07:08:09Z\",\"created_by\":\"ADD a very long name of a file that is "
	    "added in /\",\"comment\":\"first\"},{\"created_by\":\"CMD\\tsh \\u001b[31mred\",\"empty_layer\":true}]}\nEOF\n"
	    "echo '[{\"Config\":\"config.json\",\"RepoTags\":[\"%s\"],\"Layers\":[\"layer.tar\"]}]' >made/manifest.json && tar -C made -cf %s.tar . && printf %%s \"$PWD/%s.tar\"",
	    harness_root("busybox"), word, year, word, year, name, word, word));
}

static void load(const char *name, const char *word, const char *year)
{
	const char *archive = make_archive(name, word, year);

	(void)OUT("load", "-q", "-i", archive);
}

/* --- without a store, and wrong words --- */

static const struct wrong {
	const char *name;
	const char *const *argv;
	int status;
	const char *out, *err;
} without[] = {
	{"images", HARNESS_WORDS("images"), 0, "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n", NULL},
	{"images --json", HARNESS_WORDS("images", "--json"), 0, "[]\n", NULL},
	{"images -q", HARNESS_WORDS("images", "-q"), 0, "", NULL},
	{"df", HARNESS_WORDS("system", "df"), 0, "Images      0", NULL},
	{"prune", HARNESS_WORDS("system", "prune", "--force"), 0, "Total reclaimed space: 0B", NULL},
	{"reset", HARNESS_WORDS("system", "reset", "--force"), 0, NULL, NULL},
	{"inspect", HARNESS_WORDS("inspect", "x"), 125, "[]", "there is no store yet"},
	{"history", HARNESS_WORDS("history", "x"), 125, NULL, "no image 'x'"},
	{"no word for tag", HARNESS_WORDS("tag", "x"), 125, NULL, "it wants an image and a name for it"},
	{"three words for tag", HARNESS_WORDS("tag", "x", "y", "z"), 125, NULL, "more than an image and a name"},
	{"no word for rmi", HARNESS_WORDS("rmi"), 125, NULL, "no image was named"},
	{"how tag goes", HARNESS_WORDS("tag", "x"), 125, NULL, "hint: write  carrel tag IMAGE NAME[:TAG] ; `carrel help tag` says more"},
	{"Docker's --format", HARNESS_WORDS("inspect", "--format", "{{.Id}}", "x"), 125, NULL, "hint: --json  prints all of it"},
	{"its letter", HARNESS_WORDS("inspect", "-f", "{{.Id}}", "x"), 125, NULL, "there is no --format here"},
	{"Docker's --filter", HARNESS_WORDS("images", "--filter", "dangling=true"), 125, NULL, "hint: a word behind  carrel images"},
	{"Docker's -a for pull", HARNESS_WORDS("pull", "-a", "x"), 125, NULL, "hint: name each tag"},
	{"Docker's df -v", HARNESS_WORDS("system", "df", "-v"), 125, NULL, "hint: carrel images"},
	{"a switch that is off", HARNESS_WORDS("rmi", "--no-prune=false"), 125, NULL, "no image was named"},
	{"no word for system", HARNESS_WORDS("system"), 125, NULL, "it wants one of df, prune and reset"},
	{"another word for system", HARNESS_WORDS("system", "dance"), 125, NULL, "it knows df, prune and reset"},
	{"a bad filter", HARNESS_WORDS("images", "Debian"), 125, NULL, "'Debian' is no image reference"},
};

static void expect(const struct wrong *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct harness_result result = run(rows[i].argv);

		harness_expect_status(rows[i].name, &result, rows[i].status);
		if (rows[i].out)
			harness_expect_out(rows[i].name, &result, rows[i].out);
		if (rows[i].err)
			harness_expect_err(rows[i].name, &result, rows[i].err);
		harness_done(&result);
	}
}

static const struct wrong files[] = {
	{"not an archive", HARNESS_WORDS("load", "-i", "/etc/passwd"), 125, NULL, "cannot load '/etc/passwd': "},
	{"not a tree", HARNESS_WORDS("import", "/etc/passwd", "x"), 125, NULL, "cannot import '/etc/passwd': "},
	{"an empty one", HARNESS_WORDS("load", "-i", "/dev/null"), 125, NULL, "cannot load '/dev/null': "},
	{"empty", HARNESS_WORDS("load", "-i", "empty"), 125, NULL, "cannot read 'empty': it is empty"},
	{"for Docker's --quiet", HARNESS_WORDS("load", "-q", "/etc/passwd"), 125, NULL, "hint: carrel load -i /etc/passwd"},
};

Test(store_commands, files_that_are_none)
{
	(void)harness_file("empty", "");
	expect(files, ARRAY_SIZE(files));
}

Test(store_commands, where_there_is_nothing)
{
	struct stat st;

	expect(without, ARRAY_SIZE(without));
	cr_expect(stat(store_folder(), &st) < 0, "looking does not make a store");
}

/* --- listing, naming, removing --- */

static const struct {
	const char *name;
	const char *const *argv;
	const char *has, *has_not;
} lists[] = {
	{"all", HARNESS_WORDS("images"), "tool                   2         ", NULL},
	{"in full", HARNESS_WORDS("images", "--no-trunc", "--digests"), "DIGEST", NULL},
	{"a repository", HARNESS_WORDS("images", "tool"), "tool", "example.org"},
	{"in full by its name", HARNESS_WORDS("images", "docker.io/library/tool"), "tool", "example.org"},
	{"a tag", HARNESS_WORDS("images", "tool:2"), "tool         2 ", "tool         3 "},
	{"a tag that is not there", HARNESS_WORDS("images", "tool:1"), "REPOSITORY", "tool"},
	{"a pattern", HARNESS_WORDS("images", "example*"), "example.org/team/app", "tool"},
	{"a pattern with a tag", HARNESS_WORDS("images", "*:3"), "tool         3 ", "example"},
	{"json", HARNESS_WORDS("images", "--json", "tool:2"), "\"CreatedAt\": \"2020-05-06T07:08:09Z\"", "example"},
};

Test(store_commands, images_as_docker_lists_them)
{
	load("example.org/team/app:1", "one", "2001");
	load("tool:2", "two", "2020");
	(void)OUT("tag", "tool:2", "tool:3");
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const char *out = output(lists[i].argv);

		cr_expect(strstr(out, lists[i].has), "%s: %s", lists[i].name, out);
		cr_expect(!lists[i].has_not || !strstr(out, lists[i].has_not), "%s: %s", lists[i].name, out);
	}
	const char *all = OUT("images"), *ids = OUT("images", "-q"), *json = OUT("images", "--json");
	cr_expect(strstr(all, "tool") < strstr(all, "example.org"), "the newest first: %s", all);
	cr_expect(strstr(all, "years ago"), "%s", all);
	cr_expect(strlen(ids) == 3 * 13 && !strncmp(ids, ids + 13, 13), "%s", ids);
	cr_expect(strstr(json, "\"ID\": \"sha256:"), "%s", json);
}

Test(store_commands, other_tools_read_the_store)
{
	harness_requires_program("skopeo");
	load("example.org/team/app:1", "one", "2001");
	(void)OUT("tag", "example.org/team/app:1", "short");
	const char *labels = harness_shell(harness_text("skopeo inspect --format '{{.Labels}} {{.Env}}' oci:%s:docker.io/library/short:latest", store_folder()));
	cr_expect(strstr(labels, "map[a:b=c]") && strstr(labels, "WORD=one"), "%s", labels);
	(void)harness_shell(harness_text("skopeo --insecure-policy copy -q oci:%s:example.org/team/app:1 oci:copied:x && test -f copied/index.json", store_folder()));
}

Test(store_commands, rmi_says_what_docker_says)
{
	load("one:1", "one", "2001");
	load("two:1", "two", "2001");
	(void)OUT("tag", "one:1", "one:2");
	const char *id = OUT("images", "-q", "--no-trunc", "one:1"), *out = OUT("rmi", "one:2");

	cr_expect_str_eq(out, "Untagged: one:2\n");
	cr_expect_str_eq(OUT("rmi", "one:1"), harness_text("Untagged: one:1\nDeleted: %s", id));
	struct harness_result result = RUN("rmi", "one:1", "two:1", "nothing");
	harness_expect_status("each on its own", &result, 125);
	harness_expect_out("each on its own", &result, "Untagged: two:1\nDeleted: sha256:");
	harness_expect_err("each on its own", &result, "no image 'one:1'");
	harness_expect_err("each on its own", &result, "no image 'nothing'");
	harness_done(&result);
	load("three:1", "three", "2001");
	(void)OUT("tag", "three:1", "three:beta");
	result = RUN("rmi", "three");
	harness_expect_err("other tags", &result, "hint: of this repository there is three:");
	harness_expect_err("all of them", &result, "three:beta");
	harness_done(&result);
	(void)OUT("rmi", "three:1", "three:beta");
	const char *left = harness_shell(harness_text("find '%s/blobs' '%s/layers' '%s/trash' '%s/tmp' -mindepth 1 ! -name sha256", store_folder(), store_folder(), store_folder(), store_folder()));
	cr_expect_str_eq(left, "", "all space comes back: %s", left);
}

static const struct wrong forced[] = {
	{"an image that is not there", HARNESS_WORDS("rmi", "nothing"), 125, NULL, "no image 'nothing'"},
	{"which --force forgives", HARNESS_WORDS("rmi", "-f", "nothing"), 0, NULL, "no image 'nothing'"},
	{"but not a word that is no name", HARNESS_WORDS("rmi", "-f", "Nothing"), 125, NULL, "capital letters"},
	{"a sandbox that is not there", HARNESS_WORDS("rm", "nothing"), 125, NULL, "no sandbox of this name is kept"},
	{"which --force forgives, too", HARNESS_WORDS("rm", "-f", "nothing"), 0, NULL, "no sandbox of this name is kept"},
	{"behind the name, and with Docker's --volumes", HARNESS_WORDS("rm", "nothing", "-vf"), 0, NULL, "no sandbox of this name is kept"},
	{"nothing at all", HARNESS_WORDS("rm", "-f"), 125, NULL, "no name was given"},
};

Test(store_commands, force_as_with_docker)
{
	expect(forced, ARRAY_SIZE(forced));
}

static const struct wrong missing[] = {
	{"a name", HARNESS_WORDS("history", "nothing"), 125, NULL, "`carrel pull nothing` fetches it"},
	{"an id", HARNESS_WORDS("history", "0123456789ab"), 125, NULL, "an id alone cannot be pulled"},
	{"a digest", HARNESS_WORDS("export", "sha256:0123"), 125, NULL, "an id alone cannot be pulled"},
	{"pushed, as it was typed", HARNESS_WORDS("push", "nothing"), 125, NULL, "no image 'nothing:latest'"},
};

Test(store_commands, what_to_do_about_what_is_missing)
{
	load("app:1", "one", "2001");
	expect(missing, ARRAY_SIZE(missing));
}

/* Podman's and skopeo's words for what is in no registry. */
static const struct wrong transports[] = {
	{"pull", HARNESS_WORDS("pull", "docker-archive:app.tar:app:1"), 125, NULL, "hint: carrel load -i app.tar\n"},
	{"pull, a path", HARNESS_WORDS("pull", "oci-archive:/tmp/app.tar"), 125, NULL, "hint: carrel load -i /tmp/app.tar\n"},
	{"run", HARNESS_WORDS("run", "docker-archive:app.tar", "sh"), 125, NULL, "hint: carrel load -i app.tar ;"},
	{"run, a path", HARNESS_WORDS("run", "oci:/tmp/layout"), 125, NULL, "hint: tar -C /tmp/layout -c . | carrel load ;"},
	{"run, always anew", HARNESS_WORDS("run", "--pull=always", "docker-daemon:app:1"), 125, NULL, "hint: docker save app:1 | carrel load ;"},
	{"push", HARNESS_WORDS("push", "app:1", "docker-archive:app.tar"), 125, NULL, "hint: carrel save -o app.tar app:1\n"},
	{"an image that is called so", HARNESS_WORDS("run", "oci:1", "/bin/busybox", "cat", "/word"), 0, "one", NULL},
	{"a registry", HARNESS_WORDS("run", "--pull=never", "docker://app:1", "/bin/busybox", "cat", "/word"), 0, "one", NULL},
	{"a registry, for what is here", HARNESS_WORDS("rmi", "docker://docker.io/library/app:1"), 0, "Untagged: app:1", NULL},
};

Test(store_commands, words_of_podman)
{
	load("app:1", "one", "2001");
	(void)OUT("tag", "app:1", "oci:1");
	expect(transports, ARRAY_SIZE(transports));
}

Test(store_commands, not_while_a_sandbox_runs)
{
	load("app:1", "one", "2001");
	const char *ready = harness_path("ready"), *mount = harness_text("%s:/out", harness_tmp());
	struct harness_started started =
	    harness_start(&(struct harness_run){ARGV("run", "-v", mount, "--user", "root", "app:1", "/bin/busybox", "sh", "-c", "echo >/out/ready; exec /bin/busybox sleep 60"), .env = environment()});

	cr_assert(harness_wait_for(ready, 20000));
	struct harness_result result = RUN("rmi", "app:1");
	harness_expect_status("busy", &result, 125);
	harness_expect_err("busy", &result, "a sandbox runs from it");
	harness_done(&result);
	result = RUN("system", "reset", "--force");
	harness_expect_status("reset", &result, 125);
	harness_expect_err("reset", &result, "a sandbox is running");
	harness_done(&result);
	const char *all = OUT("system", "prune", "--all", "--force");
	cr_expect(strstr(all, "Deleted images: 0"), "%s", all);
	cr_expect(strstr(OUT("system", "df", "--json"), "\"Active\": 1"));
	cr_expect_str_eq(OUT("rmi", "--force", "app:1"), "Untagged: app:1\n");
	cr_assert(kill(started.pid, SIGTERM) == 0);
	result = harness_finish(&started);
	harness_done(&result);
	cr_expect(strstr(OUT("system", "prune", "--force"), "Deleted images: 1"));
}

/* --- history, inspect --- */

static const char *const inspected[] = {
	"\"Id\": \"sha256:", "\"RepoTags\": [\n      \"app:1\",\n      \"app:2\"\n    ]", "\"RepoDigests\": [\n      \"app@sha256:", "\"Created\": \"2001-05-06T07:08:09Z\"",
	"\"Architecture\": \"amd64\"", "\"Os\": \"linux\"", "\"User\": \"7\"", "\"80/tcp\": {}", "\"WORD=one\"", "\"Cmd\": [\n        \"sh\"\n      ]", "\"/data\": {}",
	"\"WorkingDir\": \"/bin\"", "\"Entrypoint\": null", "\"a\": \"b=c\"", "\"StopSignal\": \"SIGINT\"", "\"Type\": \"layers\"", "\"Layers\": [\n        \"sha256:",
};

Test(store_commands, inspect_has_dockers_fields)
{
	load("app:1", "one", "2001");
	(void)OUT("tag", "app:1", "app:2");
	const char *out = OUT("inspect", "app:1");

	for (size_t i = 0; i < ARRAY_SIZE(inspected); i++)
		cr_expect(strstr(out, inspected[i]), "%s is not in %s", inspected[i], out);
	struct harness_result result = RUN("inspect", "nothing", "app:2");
	harness_expect_status("one of two", &result, 125);
	harness_expect_out("one of two", &result, "\"app:2\"");
	harness_expect_err("one of two", &result, "no image 'nothing'");
	harness_done(&result);
}

Test(store_commands, history_of_an_image)
{
	load("app:1", "one", "2001");
	const char *short_one = OUT("history", "app:1"), *full = OUT("history", "--no-trunc", "app:1"), *ids = OUT("history", "-q", "app:1"), *json = OUT("history", "--json", "app:1");

	cr_expect(strstr(short_one, "IMAGE") && strstr(short_one, "ADD a very long name of a file that is added…"), "%s", short_one);
	cr_expect(strstr(short_one, "CMD sh \\x1b[31mred") && !strchr(short_one, '\033'), "no command of its moves the terminal: %s", short_one);
	cr_expect(strstr(short_one, "first\n") && strstr(short_one, "<missing>"), "%s", short_one);
	cr_expect(strstr(full, "ADD a very long name of a file that is added in /"), "%s", full);
	cr_expect(strlen(ids) == 13 + strlen("<missing>\n") && strstr(ids, "<missing>"), "%s", ids);
	cr_expect(strstr(json, "\"Comment\": \"first\"") && strstr(json, "\"Size\": 0"), "%s", json);
}

/* --- system --- */

Test(store_commands, prune_asks_and_frees)
{
	load("app:1", "one", "2001");
	load("app:1", "two", "2001"); /* the first has no name any more */
	struct harness_result result = RUN("system", "prune");
	harness_expect_status("nobody to ask", &result, 125);
	harness_expect_err("nobody to ask", &result, "nothing was removed: this would remove images without a name");
	harness_expect_err("nobody to ask", &result, "hint: carrel system prune --force");
	harness_done(&result);
	cr_expect(strstr(OUT("images", "-a"), "<none>"));
	cr_expect_null(strstr(OUT("images"), "<none>"));
	const char *df = OUT("system", "df"), *freed = OUT("system", "prune", "-f");
	cr_expect(strstr(df, "Images      2         0         ") && !strstr(df, "0B (0%)"), "%s", df);
	cr_expect(strstr(freed, "Deleted images: 1\nTotal reclaimed space: ") && !strstr(freed, ": 0B"), "%s", freed);
	cr_expect(strstr(OUT("system", "df"), "0B (0%)"));
	cr_expect(strstr(OUT("run", "app:1", "/bin/busybox", "cat", "/word"), "two"));
	(void)OUT("system", "prune", "--all", "--force");
	cr_expect_null(strstr(OUT("images"), "app"));
}

/* All that `system df` calls reclaimable, in bytes. */
static const char *reclaimable(void)
{
	(void)harness_file("df", OUT("system", "df", "--json"));
	return harness_shell("grep -o '\"Reclaimable\": [0-9]*' df | awk '{ sum += $2 } END { printf \"%d\", sum }'");
}

Test(store_commands, prune_frees_what_df_says)
{
	load("app:1", "one", "2001");
	load("app:1", "two", "2001");
	(void)OUT("run", "--name", "box", "--user", "root", "app:1", "/bin/busybox", "dd", "if=/dev/zero", "of=/kept", "bs=65536", "count=4");
	const char *folder = store_folder();
	/* As somebody has left it who was killed. */
	(void)harness_shell(harness_text("cd '%s' && mkdir -p scratch/dead tmp/fedcba9876543210 && chmod 700 scratch && head -c 300000 /dev/zero | tee scratch/dead/file tmp/fedcba9876543210/file >tmp/0123456789abcdef", folder));
	const char *before = reclaimable(), *freed = OUT("system", "prune", "--force", "--json");
	cr_expect_gt(strtol(before, NULL, 10), 900000);
	cr_expect(strstr(freed, harness_text("\"SpaceReclaimed\": %s}", before)), "df: %s; prune: %s", before, freed);
	cr_expect_str_eq(reclaimable(), "0", "%s", OUT("system", "df"));
	cr_expect(strstr(OUT("run", "--name", "box", "app:1", "/bin/busybox", "ls", "/kept"), "kept"), "what is kept stays");
}

/* As of a pull that goes on: what it has begun, and what it has put there and claimed. */
Test(store_commands, prune_leaves_what_is_at_work)
{
	load("app:1", "one", "2001");
	const char *folder = store_folder(), *begun = harness_text("%s/tmp/0123456789abcdef", folder), *claim = harness_text("%s/claims/0123456789abcdef", folder);
	(void)harness_shell(harness_text("cd '%s' && head -c 300000 /dev/urandom >tmp/0123456789abcdef && cp tmp/0123456789abcdef blobs/sha256/$(sha256sum <tmp/0123456789abcdef | cut -c 1-64) && "
					 "echo sha256:$(sha256sum <tmp/0123456789abcdef | cut -c 1-64) >claims/0123456789abcdef", folder));
	int held[] = {open(begun, O_RDWR | O_CLOEXEC), open(claim, O_RDWR | O_CLOEXEC)};

	cr_assert(held[0] >= 0 && held[1] >= 0 && flock(held[0], LOCK_EX) == 0 && flock(held[1], LOCK_EX) == 0);
	cr_expect_str_eq(reclaimable(), "0", "%s", OUT("system", "df"));
	cr_expect(strstr(OUT("system", "df"), "Left over   2         2 "), "%s", OUT("system", "df"));
	cr_expect(strstr(OUT("system", "prune", "--force", "--json"), "\"SpaceReclaimed\": 0}"));
	(void)close(held[0]);
	(void)close(held[1]);
	const char *before = reclaimable(), *freed = OUT("system", "prune", "--force", "--json");
	cr_expect(strtol(before, NULL, 10) > 600000 && strstr(freed, harness_text("\"SpaceReclaimed\": %s}", before)), "df: %s; prune: %s", before, freed);
}

/* On a terminal, which is asked. What it showed. */
static const char *answer(const char *word, const char *const *argv)
{
	struct harness_started started = harness_start(&(struct harness_run){.argv = argv, .env = environment(), .terminal = true});
	const char *shown;

	cr_assert(write(started.terminal, word, strlen(word)) == (ssize_t)strlen(word));
	struct harness_result result = harness_finish(&started);
	harness_expect_status(word, &result, 0);
	shown = harness_text("%s", result.out);
	harness_done(&result);
	return shown;
}

static const struct {
	const char *name, *word, *has;
	size_t images; /* that are left */
} answers[] = {
	{"an empty line", "\n", "nothing was removed", 1},
	{"no", "no\n", "nothing was removed", 1},
	{"something else", "please\n", "nothing was removed", 1},
	{"yes", "y\n", "Deleted images: 1", 0},
};

Test(store_commands, only_yes_is_yes)
{
	load("app:1", "one", "2001");
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const char *shown = answer(answers[i].word, HARNESS_WORDS("system", "prune", "--all"));

		cr_expect(strstr(shown, "This removes all images that no sandbox uses, and what downloads have left. Go on? [y/N]"), "%s: %s", answers[i].name, shown);
		cr_expect(strstr(shown, answers[i].has), "%s: %s", answers[i].name, shown);
		cr_expect_eq(strlen(OUT("images", "-q")), answers[i].images * 13, "%s", answers[i].name);
	}
}

Test(store_commands, reset_removes_images_and_kept_sandboxes_and_no_more)
{
	const char *other = harness_file("store/notes.txt", "mine");

	cr_assert(chmod(store_folder(), 0700) == 0);
	load("app:1", "one", "2001");
	(void)OUT("run", "--name", "box", "app:1", "/bin/busybox", "touch", "/bin/new");
	struct harness_result result = RUN("rmi", "app:1");
	harness_expect_status("a kept one wants it", &result, 125);
	harness_expect_err("a kept one wants it", &result, "what the sandbox 'box' keeps lies over it");
	harness_done(&result);
	/* What runs out of another store is not in the way. */
	struct harness_started elsewhere = harness_start(&(struct harness_run){.env = HARNESS_WORDS(harness_text("CARREL_ROOT=%s", harness_path("elsewhere"))), ARGV("run", "--", "sh", "-c", "touch runs; until test -e go; do sleep 0.05; done")});
	cr_assert(harness_wait_for(harness_path("runs"), 10000));
	(void)OUT("system", "reset", "--force");
	(void)harness_file("go", "");
	result = harness_finish(&elsewhere);
	harness_expect_status("elsewhere", &result, 0);
	harness_done(&result);
	cr_expect_str_eq(harness_slurp(other), "mine");
	cr_expect_str_eq(harness_shell(harness_text("ls '%s'", store_folder())), "notes.txt\n");
	load("app:1", "one", "2001");
	cr_expect(strstr(OUT("images"), "app"));
}

/* --- bad luck --- */

/* A store of 8 MB in a mount namespace of its own: what does not fit is refused, leaves nothing, and less goes on working. */
Test(store_commands, a_full_disk)
{
	const char *small = make_archive("small:1", "small", "2001");
	(void)harness_shell("head -c 20M /dev/urandom >root/big && cp root/big root/bigger");
	const char *big = make_archive("big:1", "big", "2001"), *script =
	    "mount -t tmpfs -o size=8m,mode=700 none \"$CARREL_ROOT\" && cd / && $C load -q --userns single -i $SMALL && "
	    "{ $C load -q --userns single -i $BIG 2>&1; echo status $?; } && $C images && $C system prune --force && du -sm \"$CARREL_ROOT\" && "
	    "find \"$CARREL_ROOT/tmp\" \"$CARREL_ROOT/trash\" -mindepth 1 && $C rmi small:1 && $C load -q --userns single -i $SMALL && $C history -q small:1 && umount \"$CARREL_ROOT\"";

	cr_assert(mkdir(store_folder(), 0700) == 0);
	struct harness_result result = harness_run(&(struct harness_run){.program = "/usr/bin/unshare", ARGV("-rm", "sh", "-ec", script),
	    .env = HARNESS_WORDS(environment()[0], harness_text("C=%s", harness_program()), harness_text("SMALL=%s", small), harness_text("BIG=%s", big))});
	harness_expect_status("full", &result, 0);
	harness_expect_out("full", &result, "No space left on device");
	harness_expect_out("full", &result, "hint: `carrel system df` shows what the store takes");
	harness_expect_out("full", &result, "status 125");
	harness_expect_out("full", &result, "<missing>");
	cr_expect_null(strstr(result.out, "store/tmp/"), "something was left: %s", result.out);
	cr_expect_null(strstr(result.out, "store/trash/"), "something was left: %s", result.out);
	harness_done(&result);
}

Test(store_commands, killed_at_any_moment)
{
	const char *archive = make_archive("app:1", "one", "2001");

	for (int i = 0; i < 6; i++) {
		struct harness_started started = harness_start(&(struct harness_run){ARGV("load", "-q", "-i", archive), .env = environment(), .leaves_processes = true});

		(void)usleep((useconds_t)(3000 + i * 17000));
		(void)kill(started.pid, SIGKILL);
		struct harness_result result = harness_finish(&started);
		harness_done(&result);
		(void)OUT("system", "df");
	}
	(void)OUT("load", "-q", "-i", archive);
	(void)OUT("rmi", "app:1");
	(void)OUT("system", "prune", "--force");
	const char *left = harness_shell(harness_text("find '%s/blobs' '%s/layers' '%s/trash' '%s/tmp' -mindepth 1 ! -name sha256", store_folder(), store_folder(), store_folder(), store_folder()));
	cr_expect_str_eq(left, "", "all space comes back: %s", left);
}
