/* Processes: what the payload is, what it can do to others, and that it goes. */
#include "escape/cases.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

HARNESS_SUITE(escape_processes);

/* --- rights --- */

#define NONE "0000000000000000"
#define ALL_SETS "processes", "status", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"

static const struct escape_case rights[] = {
	{"capabilities", TRY(ALL_SETS), BLOCKED(NONE " " NONE " " NONE " " NONE " " NONE)},
	{"capabilities of root", TRY(ALL_SETS), ON("-u", "root"), BLOCKED(NONE " " NONE " " NONE " " NONE " " NONE)},
	{"one capability of root", TRY(ALL_SETS), ON("-u", "root", "--cap-add", "NET_RAW"), BLOCKED(NONE " 0000000000002000 0000000000002000 0000000000002000 " NONE)},
	{"no_new_privs", TRY("processes", "status", "NoNewPrivs"), ON(UNCONFINED, "--set", "process.new_namespaces=true"), BLOCKED("1"), WEAK("no_new_privs"), OPEN("0")},
	{"filter", TRY("processes", "status", "Seccomp"), BLOCKED("2"), OFF(UNCONFINED), OPEN("0")},
	{"become root, one id", TRY("processes", "set-user", "0"), BLOCKED("EINVAL")},
	{"set the groups, one id", TRY("processes", "set-groups", "0"), ON(PRIVILEGED, "--userns", "single"), BLOCKED("EPERM")},
};

Test(escape_processes, rights)
{
	escape_table(rights, ARRAY_SIZE(rights));
}

Test(escape_processes, capabilities_would_stay)
{
	const char *said = escape_try(&(const struct escape_run){.options = WORDS("-u", "root"), .attack = WORDS(ALL_SETS), .weak = "caps"}, NULL);

	cr_expect(strstr(said, "1ffffffff"), "the check does not bite: %s", said);
}

static const struct escape_case ranges[] = {
	{"groups", TRY("processes", "groups"), ON("--userns", "subids", "-u", "root"), BLOCKED("none"), WEAK("setgroups"), OPEN("0")},
	{"capabilities of a user", TRY(ALL_SETS), ON("@container", "--set", "filesystem.root=host", "--userns", "subids", "-u", "1000", "-w", "/"), BLOCKED(NONE " " NONE " " NONE " " NONE " " NONE),
	    OFF("@container", "--set", "filesystem.root=host", "--userns", "subids", "-u", "1000", "-w", "/", "--cap-add", "CHOWN"),
	    OPEN("0000000000000001 0000000000000001 0000000000000001 0000000000000001 0000000000000001")},
	{"become root, a range", TRY("processes", "set-user", "0"), ON("--userns", "subids", "-u", "1000"), BLOCKED("EPERM"), OFF("--userns", "subids", "-u", "1000", "--cap-add", "SETUID"), OPEN("done")},
	{"set the groups, a range", TRY("processes", "set-groups", "0"), ON("--userns", "subids", "-u", "1000"), BLOCKED("EPERM"), OFF("--userns", "subids", "-u", "1000", "--cap-add", "SETGID"), OPEN("done")},
};

Test(escape_processes, ids_of_a_range)
{
	harness_requires_subids();
	escape_table(ranges, ARRAY_SIZE(ranges));
}

/* A program that is setuid to another of the sandbox's own ids. */
Test(escape_processes, setuid_programs_give_nothing)
{
	const char *dir = harness_path("suid"), *shown = harness_path("suid:/tmp/suid");
	const char *script = "mkdir \"$1\" && cp \"$2\" \"$1\"/program && chown 1:1 \"$1\"/program && chmod 4755 \"$1\"/program";
	const char *program = harness_payload("escape", "processes");
	struct harness_result result;

	harness_requires_subids();
	result = harness_run(&(const struct harness_run){.program = "tests/in-ids", .cwd = harness_tree(), ARGV("sh", "-c", script, "sh", dir, program)});
	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_done(&result);
	result = HARNESS("run", "--userns", "subids", "-u", "1000", "-v", shown, "--", "/tmp/suid/program", "effective-user");
	cr_expect_str_eq(result.out, "1000\n", "%s%s", result.out, result.err);
	harness_done(&result);
	result = harness_run(&(const struct harness_run){.program = escape_weak_program(), ENVIRONMENT("CARREL_WEAK=no_new_privs,nosuid"),
	    ARGV("run", "--userns", "subids", "-u", "1000", UNCONFINED, "--set", "process.new_namespaces=true", "-v", shown, "--", "/tmp/suid/program", "effective-user")});
	cr_expect_str_eq(result.out, "1\n", "the check does not bite: %s%s", result.out, result.err);
	harness_done(&result);
}

/* --- init --- */

static const struct escape_case init[] = {
	{"signals to init", TRY("processes", "signals-to-init"), BLOCKED("alive")},
	{"signals to init, all rights", TRY("processes", "signals-to-init"), ON(PRIVILEGED), BLOCKED("alive")},
	{"trace init", TRY("processes", "trace", "1"), BLOCKED("EPERM")},
	{"trace init, all rights", TRY("processes", "trace", "1"), ON(PRIVILEGED), BLOCKED("EPERM"), WEAK("dumpable"), OPEN("done")},
	{"read init's memory, all rights", TRY("processes", "read-memory", "1"), ON(PRIVILEGED), BLOCKED("EPERM"), WEAK("dumpable"), OPEN("done")},
	{"take init's descriptors", TRY("processes", "take-descriptor", "1", "0"), BLOCKED("ENOSYS")},
	{"take init's descriptors, all rights", TRY("processes", "take-descriptor", "1", "0"), ON(PRIVILEGED), BLOCKED("EPERM"), WEAK("dumpable"), OPEN("done")},
};

Test(escape_processes, init_is_out_of_reach)
{
	escape_table(init, ARRAY_SIZE(init));
}

/* --- neighbours: another sandbox of the same user, and the user's own processes --- */

Test(escape_processes, neighbours_are_out_of_reach)
{
	const char *mark = harness_path("mark"), *pid = escape_text("%d", (int)getpid());
	const struct escape_run stay = {.attack = WORDS("processes", "stay", mark)};
	struct harness_started started = harness_start(&(const struct harness_run){.argv = escape_argv(&stay)});
	struct harness_result result;
	const struct escape_case rows[] = {
		{"a neighbour", TRY("processes", "neighbours"), BLOCKED("0")},
		{"a neighbour, all rights", TRY("processes", "neighbours"), ON(PRIVILEGED), BLOCKED("0")},
		{"the user's process", TRY("processes", "signal", pid, "0"), ON(PRIVILEGED), BLOCKED("ESRCH")},
		{"trace the user's process", TRY("processes", "trace", pid), ON(PRIVILEGED), BLOCKED("ESRCH")},
		{"its memory", TRY("files", "read", escape_text("/proc/%s/mem", pid)), ON(PRIVILEGED), BLOCKED("ENOENT")},
		{"everybody", TRY("processes", "signal-all", "9"), ON(PRIVILEGED), BLOCKED("ESRCH")},
	};

	cr_assert(harness_wait_for(mark, 5000));
	escape_table(rows, ARRAY_SIZE(rows));
	(void)kill(started.pid, SIGKILL);
	result = harness_finish(&started);
	cr_expect_eq(result.left_behind, 0);
	harness_done(&result);
}

/* --- nothing stays --- */

Test(escape_processes, daemons_end_with_the_payload)
{
	const char *mark = harness_path("mark");
	struct escape_run run = {.attack = WORDS("processes", "daemon", mark)};
	struct harness_result result = harness_run(&(const struct harness_run){.argv = escape_argv(&run)});

	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect_eq(result.left_behind, 0);
	cr_expect(access(mark, F_OK) == 0, "the daemon never ran");
	cr_expect(result.elapsed_ms < 10000, "it took %ld ms", result.elapsed_ms);
	harness_done(&result);
}

/* Kill the launcher, and see whether the payload's daemon still writes. */
static bool lives_after_kill(const char *program, const char *weak, const char *mark)
{
	const struct escape_run run = {.attack = WORDS("processes", "stay", mark)};
	const char *const env[] = {escape_text("CARREL_WEAK=%s", weak ? weak : ""), NULL};
	struct harness_started started = harness_start(&(const struct harness_run){.program = program, .env = env, .argv = escape_argv(&run), .leaves_processes = weak});
	struct harness_result result;
	struct stat before, after;

	cr_assert(harness_wait_for(mark, 5000));
	(void)kill(started.pid, SIGKILL);
	if (!weak) {
		result = harness_finish(&started);
		cr_expect_eq(result.left_behind, 0);
		harness_done(&result);
	}
	(void)usleep(200000);
	cr_assert(stat(mark, &before) == 0);
	/* Somebody who should live may be slow to write, on a busy machine. */
	for (int i = 0; i < (weak ? 15 : 1); i++) {
		(void)usleep(200000);
		cr_assert(stat(mark, &after) == 0);
		if (after.st_size > before.st_size)
			return true;
	}
	return false;
}

Test(escape_processes, the_tree_ends_with_a_killed_launcher)
{
	cr_expect(!lives_after_kill(NULL, NULL, harness_path("strong")));
	/* When the kill comes at an odd moment of the start, a weak one may still end: one of three that lives is enough. */
	bool bites = false;
	for (int i = 0; i < 3 && !bites; i++)
		bites = lives_after_kill(escape_weak_program(), "pdeathsig,init", harness_path("weak-%d", i));
	cr_expect(bites, "the check does not bite");
}

/* --- words --- */

static const struct escape_case words[] = {
	{"options are the payload's", TRY("processes", "words", "--help", "-v", "/:/tmp", "--", "@build"), BLOCKED("<--help><-v></:/tmp><--><@build>")},
	{"quotes and spaces", TRY("processes", "words", "a b", "'\"$(id)`id`", "", "*"), BLOCKED("<a b><'\"$(id)`id`><><*>")},
	{"new lines", TRY("processes", "words", "a\nb", "\x1b[2J"), BLOCKED("<a\nb><\x1b[2J>")},
};

Test(escape_processes, words_stay_words)
{
	const struct harness_case names[] = {
		{"a program named as an option", ARGV("run", "--", "--version"), .status = 127, .err = "--version"},
		{"a program named as a profile", ARGV("run", "--", "@build"), .status = 127, .err = "@build"},
		{"an empty name", ARGV("run", "--", ""), .status = 125, .err = "empty"},
	};

	escape_table(words, ARRAY_SIZE(words));
	harness_table(names, ARRAY_SIZE(names));
}
