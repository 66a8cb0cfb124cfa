/* Paths that are hidden or protected, kept layers, mount points and sources that change under carrel's hands. */
#include "escape/cases.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

HARNESS_SUITE(escape_mounts);

/* A shell's output in this folder, without the last end of line. */
static const char *shell(const char *cwd, const char *script)
{
	struct harness_result result = harness_run(&(const struct harness_run){.program = "/bin/sh", .cwd = cwd, ARGV("-c", script)});
	const char *out = escape_text("%.*s", (int)strcspn(result.out, "\r") - (result.out[0] != 0), result.out);

	cr_expect_eq(result.status, 0, "%s: %s", script, result.err);
	harness_done(&result);
	return out;
}

/* --- hide and protect --- */

static const struct {
	const char *name;
	const char *prepare; /* in the project */
	const char *path;    /* which is covered */
	const char *attack;  /* the path that is attacked; NULL: the same */
} covered[] = {
	{"a file", "mkdir a; echo good >a/f", "a/f", NULL},
	{"a file at the top", "echo good >f", "f", NULL},
	{"a directory", "mkdir -p a/d; echo good >a/d/f", "a/d", NULL},
	{"a file in a directory", "mkdir -p a/d; echo good >a/d/f", "a/d", "a/d/f"},
	{"deep down", "mkdir -p a/b/c/d; echo good >a/b/c/d/f", "a/b/c/d/f", NULL},
	{"absent", "mkdir a", "a/f", NULL},
	{"absent at the top", "true", "f", NULL},
	{"absent with its parents", "mkdir a", "a/b/c", NULL},
	{"an absent directory", "mkdir a", "a/d/", "a/d"},
	{"in an absent directory", "mkdir a", "a/d/", "a/d/f"},
	{"a symlink", "mkdir a; echo good >real; ln -s ../real a/f", "a/f", NULL},
	{"behind a symlink", "mkdir a; echo good >real; ln -s ../real a/f", "a/f", "real"},
	{"a dangling symlink", "mkdir a; ln -s nowhere a/f", "a/f", NULL},
	{"by way of a symlink", "mkdir real; ln -s real way; echo good >real/f", "way/f", NULL},
	{"by way of a symlink, directly", "mkdir real; ln -s real way; echo good >real/f", "way/f", "real/f"},
};

static const char *state_of(const char *project, const char *path)
{
	return shell(project, escape_text("if [ -d '%s' ]; then echo dir; ls -A '%s'; cat '%s'/*; elif [ -e '%s' ]; then cat '%s'; else echo absent; fi 2>&1", path, path, path, path, path));
}

static void ruin(const char *project, const char *option, const char *path)
{
	const struct escape_run run = {.options = option ? WORDS("--set", option) : NULL, .attack = WORDS("files", "ruin", path), .cwd = project};
	int status;
	const char *said = escape_try(&run, &status);

	cr_expect_str_eq(said, "done", "%s with %s: %s", path, option ? option : "nothing", said);
}

static void cover_row(const char *kind, size_t row)
{
	const char *path = covered[row].path, *attack = covered[row].attack ? covered[row].attack : path;
	const char *project = harness_path("%s-%zu", kind, row), *before, *after;

	(void)shell(NULL, escape_text("mkdir '%s' && cd '%s' && { %s; }", project, project, covered[row].prepare));
	path = escape_text("%.*s", (int)strlen(path) - (path[strlen(path) - 1] == '/'), path); /* a slash asks for a directory, and is no part of the name */
	before = state_of(project, path);
	ruin(project, escape_text("filesystem.%s=[\"$PWD/%s\"]", kind, covered[row].path), attack);
	after = state_of(project, path);
	cr_expect_str_eq(after, before, "%s %s: it was '%s' and is '%s'", kind, covered[row].name, before, after);
	ruin(project, NULL, attack);
	after = state_of(project, path);
	cr_expect_str_neq(after, before, "%s %s: the check does not bite", kind, covered[row].name);
}

Test(escape_mounts, protected_paths)
{
	for (size_t i = 0; i < ARRAY_SIZE(covered); i++)
		cover_row("protect", i);
}

Test(escape_mounts, hidden_paths)
{
	for (size_t i = 0; i < ARRAY_SIZE(covered); i++)
		cover_row("hide", i);
}

Test(escape_mounts, hidden_paths_show_nothing)
{
	const char *project = harness_path("project");
	static const char *const options[] = {"--set", "filesystem.hide=[\"$PWD/f\", \"$PWD/d\", \"$PWD/l\"]", NULL};

	(void)shell(NULL, escape_text("mkdir -p '%s/d' && cd '%s' && echo secret >f && echo secret >d/f && echo secret >real && ln -s real l", project, project));
	static const struct {
		const char *verb, *path, *said;
	} rows[] = {{"read", "f", "empty"}, {"list", "d", "empty"}, {"read", "d/f", "ENOENT"}, {"read", "l", "empty"}, {"read", "real", "empty"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *said = escape_try(&(const struct escape_run){.options = options, .attack = WORDS("files", rows[i].verb, rows[i].path), .cwd = project}, NULL);
		cr_expect_str_eq(said, rows[i].said, "%s %s: %s", rows[i].verb, rows[i].path, said);
		said = escape_try(&(const struct escape_run){.attack = WORDS("files", rows[i].verb, rows[i].path), .cwd = project}, NULL);
		cr_expect_str_eq(said, "done", "%s %s, not hidden: %s", rows[i].verb, rows[i].path, said);
	}
}

/* The home and everybody's are not there, whatever is the working directory. */
Test(escape_mounts, homes)
{
	const char *home = getenv("HOME");
	char name[] = "carrel-escape-secret";
	const char *path = escape_text("%s/%s", home ? home : "/nonexistent", name), *shown = escape_text("%s:%s", path, path);

	if (!home || access(home, W_OK) < 0)
		cr_skip_test("no home to hide");
	(void)shell(home, escape_text("echo secret >'%s'", path));
	const struct escape_case rows[] = {
		{"the home", TRY("files", "read", path), BLOCKED("ENOENT"), OFF("-v", shown), OPEN("done")},
		{"by way of init", TRY("files", "read", escape_text("/proc/1/root%s", path)), ON(PRIVILEGED), BLOCKED("EACCES")},
	};
	escape_table(rows, ARRAY_SIZE(rows));
	(void)unlink(path);
}

/* Profiles, compiled filters and kept layers, which later starts trust, wherever a writable directory brings them along. */
Test(escape_mounts, own_folders)
{
	static const struct {
		const char *name, *there, *cwd, *path;
	} rows[] = {
		{"profiles", ".config/carrel/profiles", ".config", "carrel/profiles/default.yaml"},
		{"profiles, absent", ".config", ".config", "carrel"},
		{"among the profiles", ".config/carrel/profiles", ".config/carrel/profiles", "default.yaml"},
		{"kept layers", ".local/share/carrel/instances", ".local/share", "carrel/instances/x"},
		{"compiled filters", "run/carrel", "run", "carrel/seccomp-x"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *home = harness_path("home-%zu", i), *cwd = escape_text("%s/%s", home, rows[i].cwd);
		const char *const env[] = {escape_text("HOME=%s", home), escape_text("XDG_RUNTIME_DIR=%s/run", home), NULL};
		struct escape_run run = {.attack = WORDS("files", "ruin", rows[i].path), .cwd = cwd, .env = env};

		(void)shell(NULL, escape_text("mkdir -p '%s/%s' '%s/run/carrel' && chmod -R go= '%s'", home, rows[i].there, home, home));
		cr_expect_str_eq(escape_try(&run, NULL), "done", "%s", rows[i].name);
		cr_expect_str_eq(shell(home, "find . -type f ! -path './run/carrel/*'; grep -rl evil . || true"), "", "%s: something was made", rows[i].name);
		run.options = WORDS("-v", escape_text("%s:/tmp/home:rw", cwd));
		run.attack = WORDS("files", "ruin", escape_text("/tmp/home/%s", rows[i].path));
		(void)escape_try(&run, NULL);
		if (strcmp(rows[i].cwd, ".config/carrel/profiles") != 0) /* named on the command line it is what was asked for */
			cr_expect_str_eq(shell(home, "grep -rl evil . || true"), "", "%s: something was made by way of -v", rows[i].name);
		run.weak = "cover,landlock";
		if (strcmp(rows[i].cwd, rows[i].there) != 0) {
			(void)escape_try(&run, NULL);
			cr_expect_str_neq(shell(home, "grep -rl evil . || true"), "", "%s: the check does not bite", rows[i].name);
		}
	}
}

/* --- kept layers --- */

static const char *victim_after(const char *program, const char *weak, const char *replace)
{
	const char *root = harness_root("busybox");
	const char *data = harness_path("data"), *victim = harness_path("victim"), *out;
	const char *const env[] = {escape_text("XDG_DATA_HOME=%s", data), escape_text("CARREL_WEAK=%s", weak ? weak : ""), NULL};
	struct escape_run run = {.options = WORDS("--rootfs", root, "--name", "kept", "--set", "filesystem.writes=keep"), .attack = WORDS("files", "put", "/etc/carrel-escape", "evil")};
	struct harness_result result = harness_run(&(const struct harness_run){.argv = escape_argv(&run), .env = env});

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_done(&result);
	(void)shell(NULL, escape_text("mkdir '%s'; cd '%s/carrel/instances/kept/layers/root' && mv '%s' aside && ln -s '%s' '%s'", victim, data, replace, victim, replace));
	run.attack = WORDS("files", "put", "/etc/carrel-escape-2", "evil");
	result = harness_run(&(const struct harness_run){.program = program, .argv = escape_argv(&run), .env = env});
	cr_expect(program || (result.status == 125 && strstr(result.err, replace)), "%s: status %d, %s", replace, result.status, result.err);
	harness_done(&result);
	out = shell(NULL, escape_text("find '%s' -mindepth 1", victim));
	result = harness_run(&(const struct harness_run){.program = "tests/in-ids", .cwd = harness_tree(), ARGV("rm", "-rf", data, victim)});
	harness_done(&result);
	return out;
}

/* CVE-2021-26910: the directories of a layer as symlinks. */
Test(escape_mounts, layers_as_symlinks)
{
	static const char *const names[] = {"upper", "work"};

	harness_requires_kernel_overlay();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *found = victim_after(NULL, NULL, names[i]);

		cr_expect_str_eq(found, "", "%s: %s", names[i], found);
	}
	cr_expect_str_neq(victim_after(escape_weak_program(), "nofollow", "upper"), "", "the check does not bite");
}

/* --- mount points --- */

/* CVE-2026-87766: none of these leads out; the legitimate one works. */
Test(escape_mounts, destinations_by_symlinks)
{
	const char *root = harness_path("root"), *victim = harness_path("victim");

	(void)shell(NULL, escape_text("mkdir -p '%s' '%s'/etc '%s'/run '%s'/var '%s'/tmp '%s'/dev '%s'/proc '%s'/sys; cd '%s'; ln -s /run var/run; ln -s '%s' absolute; ln -s ../../../../../../../..%s up;"
				      "ln -s /proc/self/fd/7 magic; ln -s /proc/1/root init; ln -s /oldroot%s old; ln -s loop loop",
	    victim, root, root, root, root, root, root, root, root, victim, victim, victim));
	static const char *const links[] = {"absolute", "up", "magic", "init", "old", "loop"};
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		const char *inside = escape_text("/%s/made", links[i]);

		(void)ESCAPE_TRY(WORDS("--rootfs", root, "--tmpfs", inside), "files", "put", escape_text("%s/evil", inside), "evil");
		(void)ESCAPE_TRY(WORDS("--rootfs", root, "--set", "filesystem.writes=discard", "--tmpfs", inside), "files", "put", escape_text("/%s/evil", links[i]), "evil");
		(void)ESCAPE_TRY(WORDS("--rootfs", root, "--set", escape_text("filesystem.protect=[%s]", inside)), "files", "put", escape_text("/%s/evil", links[i]), "evil");
		const char *found = shell(NULL, escape_text("find '%s' -mindepth 1; cd '%s'; find . -name made -o -name evil", victim, root));
		cr_expect_str_eq(found, "", "%s: the host has %s", links[i], found);
	}
	const char *said = ESCAPE_TRY(WORDS("--rootfs", root, "--tmpfs", "/var/run/app"), "files", "create", "/run/app/file");
	cr_expect_str_eq(said, "done", "/var/run: %s", said);
}

/* --- races --- */

enum { ROUNDS = 200, ROUNDS_MS = 4000 };

static long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A neighbour that may write the project swaps the directory "t" for a symlink to the victim and back, all the time. */
static void race(const char *project, const char *const *options, const char *const *attack)
{
	const char *victim = harness_path("victim");
	long until = now_ms() + ROUNDS_MS;
	const struct escape_run swap = {.attack = WORDS("files", "swap", "t", victim, "swapping")};
	struct harness_started neighbour = harness_start(&(const struct harness_run){.argv = escape_argv(&swap), .cwd = project});
	struct harness_result result;
	int ran = 0, refused = 0;

	cr_assert(harness_wait_for(escape_text("%s/swapping", project), 5000));
	/* (On a slow machine, the neighbour may win every time at first.) */
	for (int i = 0; i < ROUNDS && (now_ms() < until || (ran == 0 && now_ms() < until + 9 * ROUNDS_MS)); i++) {
		int status;
		const char *said = escape_try(&(const struct escape_run){.options = options, .attack = attack, .cwd = project}, &status);

		ran += status == 0;
		refused += status == 125;
		cr_expect(status == 0 || status == 125, "status %d: %s", status, said);
	}
	(void)kill(neighbour.pid, SIGTERM);
	result = harness_finish(&neighbour);
	cr_expect_eq(result.status, 143, "the neighbour: %s", result.err);
	harness_done(&result);
	cr_expect(ran > 0, "no round started, %d were refused", refused);
}

Test(escape_mounts, mount_points_that_are_swapped)
{
	const char *project = harness_path("project"), *victim = harness_path("victim"), *found;

	(void)shell(NULL, escape_text("mkdir -p '%s/t' '%s'", project, victim));
	race(project, WORDS("--tmpfs", escape_text("%s/t/made", project), "--set", "filesystem.protect=[\"$PWD/t/protected\"]"), WORDS("files", "put", "t/protected", "evil"));
	/* Who renames what is protected takes the cover away (SECURITY.md), so that the payload may have made the file. Nothing of carrel's stays. */
	found = shell(project, escape_text("find '%s' -mindepth 1; find . -name made; find . -name protected -size 0", victim));
	cr_expect_str_eq(found, "", "left on the host: %s", found);
}

/* The source is what was opened: read-only it is in any case. */
Test(escape_mounts, sources_that_are_swapped)
{
	const char *project = harness_path("project"), *victim = harness_path("victim"), *found;

	(void)shell(NULL, escape_text("mkdir -p '%s/t' '%s'; echo good >'%s/t/f'; echo good >'%s/f'", project, victim, project, victim));
	race(project, WORDS("-v", escape_text("%s/t:/tmp/shown:ro", project)), WORDS("files", "put", "/tmp/shown/f", "evil"));
	found = shell(project, escape_text("cat '%s/f' */f", victim));
	cr_expect(!strstr(found, "evil"), "%s", found);
}

/* What carrel itself writes afterwards, outside, must not follow what was left there. */
Test(escape_mounts, reports_follow_nothing)
{
	const char *project = harness_path("project"), *said;
	static const char *const prepared[] = {"report", "sub/report"};

	for (size_t i = 0; i < ARRAY_SIZE(prepared); i++) {
		(void)shell(NULL, escape_text("rm -rf '%s'; mkdir -p '%s/sub'; echo precious >'%s/precious'; mkdir -p '%s/victim'", project, project, harness_tmp(), harness_tmp()));
		struct escape_run run = {.options = WORDS("--report", prepared[i]), .attack = WORDS("files", "symlink", escape_text("%s/precious", harness_tmp()), prepared[i]), .cwd = project};
		(void)escape_try(&run, NULL);
		run.attack = WORDS("files", "replace-directory", "sub", escape_text("%s/victim", harness_tmp()));
		(void)escape_try(&run, NULL);
		said = shell(NULL, escape_text("cat '%s/precious'; ls -A '%s/victim'", harness_tmp(), harness_tmp()));
		cr_expect_str_eq(said, "precious", "%s: %s", prepared[i], said);
	}
}

/* Two sandboxes in one project: what one borrowed from the host must outlive it, while the other stands on it. */
Test(escape_mounts, shared_placeholders)
{
	static const struct {
		const char *name, *first, *second;
	} rows[] = {
		{"the same", "$PWD/x", "$PWD/x"}, {"the same, below", "$PWD/x/y", "$PWD/x/y"}, {"next to it", "$PWD/x/z", "$PWD/x/y"}, {"a directory", "$PWD/x/", "$PWD/x/"},
		{"nothing protected", "$PWD/x", "$PWD/other/x"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *project = harness_path("project-%zu", i), *found, *said;
		struct escape_run first = {.options = WORDS("--set", escape_text("filesystem.protect=[\"%s\"]", rows[i].first)), .attack = WORDS("processes", "stay", "first"), .cwd = project};
		struct escape_run second = {.options = WORDS("--set", escape_text("filesystem.protect=[\"%s\"]", rows[i].second)), .cwd = project};
		struct harness_started one, two;
		struct harness_result result;

		(void)shell(NULL, escape_text("mkdir '%s'", project));
		one = harness_start(&(const struct harness_run){.argv = escape_argv(&first), .cwd = project});
		cr_assert(harness_wait_for(escape_text("%s/first", project), 5000));
		second.attack = WORDS("files", "ruin-later", rows[i].first + strlen("$PWD/"), "second", "go");
		two = harness_start(&(const struct harness_run){.argv = escape_argv(&second), .cwd = project});
		cr_assert(harness_wait_for(escape_text("%s/second", project), 5000));
		(void)kill(one.pid, SIGTERM);
		result = harness_finish(&one);
		harness_done(&result);
		(void)shell(project, "echo >go");
		result = harness_finish(&two);
		said = escape_text("%s%s", result.out, result.err);
		harness_done(&result);
		found = shell(project, "find . -mindepth 1 ! -name go ! -name first ! -name second");
		if (strstr(rows[i].second, "other"))
			cr_expect_str_neq(found, "", "%s: the check does not bite, it said %s", rows[i].name, said);
		else
			cr_expect_str_eq(found, "", "%s: left is %s, it said %s", rows[i].name, found, said);
	}
}

/* CVE-2024-42472: a source in the working directory, which the last run, or a repository, made a symlink. */
Test(escape_mounts, sources_by_symlinks)
{
	const char *project = harness_path("project");
	static const struct {
		const char *link, *said;
	} rows[] = {{"../secret", "a symbolic link leads out"}, {"/etc", "a symbolic link leads out"}, {"inside", "done"}, {"/proc/self/cwd", "a symbolic link leads out"}};

	(void)shell(NULL, escape_text("mkdir -p '%s/inside' '%s/secret'; echo x >'%s/inside/passwd'; echo x >'%s/secret/passwd'", project, harness_tmp(), project, harness_tmp()));
	(void)harness_file("p.yaml", "extends: default\nfilesystem:\n  mounts:\n    - {from: $PWD/cache, path: /tmp/cache, mode: rw}\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct escape_run run = {.options = WORDS("--profile", harness_path("p.yaml")), .attack = WORDS("files", "read", "/tmp/cache/passwd"), .cwd = project};

		(void)shell(project, escape_text("ln -sfn '%s' cache", rows[i].link));
		cr_expect(strstr(escape_try(&run, NULL), rows[i].said), "%s: %s", rows[i].link, escape_try(&run, NULL));
		if (i == 0) { /* asked for by its name, it is shown */
			run.options = WORDS("-v", escape_text("%s/cache:/tmp/cache", project));
			cr_expect_str_eq(escape_try(&run, NULL), "done", "the check does not bite");
		}
	}
}

/* --- accounts --- */

/* CVE-2024-9676 and kin: what stands for the root's account files must not be waited for, followed out, or read without end. */
Test(escape_mounts, account_files)
{
	static const struct {
		const char *name, *make, *err;
	} rows[] = {
		{"a FIFO", "mkfifo etc/passwd", "no regular file"},
		{"a directory", "mkdir etc/passwd", "cannot read"},
		{"a symlink to a device", "ln -s /dev/zero etc/passwd", "no regular file"},
		{"a symlink to the terminal", "ln -s /dev/tty etc/passwd", ""},
		{"the host's, by a symlink", "ln -s ../../../../../../../../../etc/passwd etc/passwd", ""},
		{"init's, by a magic link", "ln -s /proc/1/root/etc/passwd etc/passwd", ""},
		{"huge", "echo root:x:0:0::/: >etc/passwd; truncate -s 64G etc/passwd", "cannot read"},
		{"a socket of groups", "echo ada:x:1000:1000::/: >etc/passwd; mkfifo etc/group", "no regular file"},
	};

	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *root = harness_path("accounts-%zu", i);
		struct harness_result result;

		(void)shell(NULL, escape_text("mkdir -p '%s/etc' '%s/tmp' '%s/dev' '%s/proc' '%s/sys'; cd '%s'; %s", root, root, root, root, root, root, rows[i].make));
		result = HARNESS("run", "--userns", "subids", "--rootfs", root, "-u", "ada", "--", "/true");
		cr_expect_eq(result.status, 125, "%s: status %d, %s", rows[i].name, result.status, result.err);
		cr_expect(strstr(result.err, rows[i].err), "%s: %s", rows[i].name, result.err);
		cr_expect(result.elapsed_ms < 5000, "%s: it took %ld ms", rows[i].name, result.elapsed_ms);
		harness_done(&result);
	}
}
