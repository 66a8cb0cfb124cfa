/* Image commands that a signal ends in the middle: the end is that of the signal, and when it has come nothing is left in the store, nor beside a file that was to be written. */
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "e2e/hostile.h"
#include "e2e/transfer.h"

HARNESS_SUITE(interrupt);

static const struct ending {
	const char *name;
	int number;
} signals[] = {{"SIGINT", SIGINT}, {"SIGTERM", SIGTERM}, {"SIGHUP", SIGHUP}, {"SIGQUIT", SIGQUIT}};

/* An image whose one layer begins with files of another user that nobody else may look into, and then has three megabytes that do not get smaller. */
static const char image_script[] =
	HOSTILE_SHELL
	"mkdir image tree; cd image; mkdir ../tree/d; for i in 1 2 3 4 5 6 7 8 9; do echo $i >../tree/d/$i; done; head -c 3000000 /dev/urandom >../tree/large\n"
	"tar -C ../tree --owner=33 --group=33 --mode=700 -cf layer.tar d; tar -C ../tree --owner=0 --group=0 -rf layer.tar large; gzip -k1 layer.tar\n"
	"printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}' $(sha256sum <layer.tar | cut -c 1-64) >config\n"
	"sums config layer.tar.gz\n"
	"printf '{\"schemaVersion\":2,\"mediaType\":\"" HOSTILE_OCI "manifest.v1+json\",\"config\":%s,\"layers\":[%s]}' \"$(descriptor config.v1+json config)\""
	" \"$(descriptor layer.v1.tar+gzip layer.tar.gz)\" >manifest; sums manifest\n"
	"mkdir -p layout/blobs/sha256; for f in config layer.tar.gz manifest; do cp $f layout/blobs/sha256/$(cat $f.sum); done; printf '{\"imageLayoutVersion\":\"1.0.0\"}' >layout/oci-layout\n"
	"printf '{\"schemaVersion\":2,\"manifests\":[%s]}' \"$(descriptor manifest.v1+json manifest)\" >layout/index.json\n"
	"tar -C layout -cf archive.tar oci-layout blobs index.json\n";

static const char *file(const char *name)
{
	return harness_path("image/%s", name);
}

static const char *slow_registry(struct hostile **ret)
{
	struct hostile *hostile = hostile_start();

	(void)harness_shell(image_script);
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/", .answers = {{.body = "{}"}}});
	hostile_route(hostile, &(const struct hostile_route){.path = "/v2/app/manifests/1", .answers = {{.headers = "Content-Type: " HOSTILE_OCI "manifest.v1+json\r\n", .file = file("manifest")}}});
	hostile_route(hostile, &(const struct hostile_route){.path = harness_text("/v2/app/blobs/sha256:%s", harness_slurp(file("config.sum"))), .answers = {{.file = file("config")}}});
	hostile_route(hostile, &(const struct hostile_route){.path = harness_text("/v2/app/blobs/sha256:%s", harness_slurp(file("layer.tar.gz.sum"))),
	    .answers = {{.file = file("layer.tar.gz"), .pause_ms = 20}}});
	*ret = hostile;
	return harness_text("%s/app:1", hostile_host(hostile));
}

/* Some things are there for milliseconds only. */
static void wait_for(const char *pattern)
{
	const char *whole = harness_path("%s", pattern);

	for (int i = 0; i < 40000; i++) {
		glob_t found = {0};
		bool is_there = glob(whole, GLOB_NOSORT, NULL, &found) == 0;

		globfree(&found);
		if (is_there)
			return;
		(void)usleep(500);
	}
	cr_assert(false, "there is no %s", pattern);
}

/* What a shell says as 128+n may be an exit status. */
static void expect_death(const char *name, const struct harness_started *started, int number)
{
	siginfo_t info = {0};

	cr_assert_eq(waitid(P_PID, (id_t)started->pid, &info, WEXITED | WNOWAIT), 0);
	cr_expect((info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) && info.si_status == number, "%s: code %d, status %d", name, info.si_code, info.si_status);
}

static void expect_nothing_left(const char *name)
{
	const char *left = harness_shell("find store/tmp store/trash store/claims store/blobs/sha256 store/layers store/refs store/images -mindepth 1 ! -path 'store/blobs/sha256/*' 2>&1");

	cr_expect_str_eq(left, "", "%s: %s", name, left);
}

static const char *const *environment(void)
{
	return transfer_env("store", NULL);
}

static void end(const char *name, struct harness_started *started, int number)
{
	struct harness_result result;

	cr_assert_eq(kill(started->pid, number), 0);
	expect_death(name, started, number);
	expect_nothing_left(name);
	result = harness_finish(started);
	cr_expect_null(strstr(result.err ? result.err : "", "carrel:"), "%s: it needs no words: %s", name, result.err);
	harness_done(&result);
}

Test(interrupt, a_pull_and_a_run_that_pulls)
{
	struct hostile *hostile;

	harness_requires_subids();
	const char *name = slow_registry(&hostile);
	const char *const *const commands[] = {HARNESS_WORDS("pull", name), HARNESS_WORDS("run", name, "true"), HARNESS_WORDS("pull", "--userns=single", name)};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		for (size_t c = 0; c < ARRAY_SIZE(commands); c++) {
			const char *what = harness_text("%s, %s %s", signals[i].name, commands[c][0], commands[c][1]);
			struct harness_started started = harness_start(&(const struct harness_run){.argv = commands[c], .env = environment()});

			wait_for("store/tmp/*/tree/d");
			end(what, &started, signals[i].number);
		}
	}
	hostile_stop(hostile);
}

/* What pulls for a run that was killed ends by a signal, and so leaves nothing either. */
Test(interrupt, a_pull_whose_run_is_killed)
{
	struct hostile *hostile;
	const char *name = slow_registry(&hostile);
	struct harness_started started = harness_start(&(const struct harness_run){ARGV("run", name, "true"), .env = environment()});
	struct harness_result result;

	wait_for("store/tmp/*/tree/d");
	cr_assert_eq(kill(started.pid, SIGKILL), 0);
	result = harness_finish(&started);
	harness_expect_status("killed", &result, 128 + SIGKILL);
	expect_nothing_left("killed");
	harness_done(&result);
	hostile_stop(hostile);
}

/* timeout(1) signals the command and then its whole process group, so that it comes twice. */
Test(interrupt, a_pull_that_takes_too_long)
{
	struct hostile *hostile;
	const char *name = slow_registry(&hostile);
	struct harness_result result = harness_run(&(const struct harness_run){.program = "/usr/bin/timeout", ARGV("1", harness_program(), "pull", name), .env = environment()});

	harness_expect_status("timeout", &result, 124);
	expect_nothing_left("timeout");
	harness_done(&result);
	hostile_stop(hostile);
}

/* What is ignored where the command was started stays ignored: a closed terminal does not end what nohup(1) started. */
Test(interrupt, not_what_is_ignored)
{
	struct hostile *hostile;
	const char *name = slow_registry(&hostile);
	struct harness_started started =
	    harness_start(&(const struct harness_run){.program = "/bin/sh", ARGV("-c", "trap '' HUP; exec \"$0\" pull --userns=single \"$1\"", harness_program(), name), .env = environment()});

	wait_for("store/tmp/*/tree/d");
	cr_assert_eq(kill(started.pid, SIGHUP), 0);
	(void)usleep(100000);
	cr_expect_eq(waitid(P_PID, (id_t)started.pid, &(siginfo_t){0}, WEXITED | WNOWAIT | WNOHANG), 0);
	wait_for("store/tmp/*/tree/d");
	end("after it", &started, SIGTERM);
	hostile_stop(hostile);
}

/* The last picture stays, and the cursor below it. */
Test(interrupt, typed_at_a_terminal)
{
	struct hostile *hostile;
	const char *name = slow_registry(&hostile);
	const char *const *const commands[] = {HARNESS_WORDS("pull", "--userns=single", name), HARNESS_WORDS("run", "--userns=single", name, "true")};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct harness_started started = harness_start(&(const struct harness_run){.argv = commands[i], .env = environment(), .terminal = true});
		struct harness_result result;
		const char *last;

		wait_for("store/tmp/*/tree/d");
		(void)usleep(300000);
		cr_assert_eq(write(started.terminal, "\003", 1), 1);
		expect_death(commands[i][0], &started, SIGINT);
		expect_nothing_left(commands[i][0]);
		result = harness_finish(&started);
		last = strrchr(result.out, '\n');
		cr_expect(strstr(result.out, "Downloading"), "%s: %s", commands[i][0], result.out);
		cr_expect(last && strspn(last + 1, "\033[J^C") == strlen(last + 1), "%s: the cursor is not at the beginning of a line: '%s'", commands[i][0], last ? last : "");
		cr_expect_null(strstr(result.out, "carrel:"), "%s: %s", commands[i][0], result.out);
		harness_done(&result);
	}
	hostile_stop(hostile);
}

/* The archive comes through a FIFO, a part of it. */
static const struct {
	const char *name, *archive;
	const char *const *argv;
	const char *begun; /* what it has made by then */
} archives[] = {
	{"load", "archive.tar", HARNESS_WORDS("load", "-i", "fifo"), "store/tmp/*"},
	{"import", "layer.tar", HARNESS_WORDS("import", "fifo", "mine:1"), "store/tmp/*/tree/d"},
	{"import, of one id", "layer.tar", HARNESS_WORDS("import", "--userns=single", "fifo", "mine:1"), "store/tmp/*/tree/d"},
};

Test(interrupt, archives)
{
	enum { PART = 40000 };
	static char part[PART];
	const char *fifo = harness_path("fifo");
	int held;

	harness_requires_subids();
	(void)harness_shell(image_script);
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
		int in = open(file(archives[i].archive), O_RDONLY | O_CLOEXEC);

		cr_assert(in >= 0 && read(in, part, PART) == PART);
		(void)close(in);
		for (size_t s = 0; s < ARRAY_SIZE(signals); s++) {
			held = open(fifo, O_RDWR | O_CLOEXEC);
			cr_assert(held >= 0 && write(held, part, PART) == PART);
			struct harness_started started = harness_start(&(const struct harness_run){.argv = archives[i].argv, .env = environment()});

			wait_for(archives[i].begun);
			end(harness_text("%s, %s", archives[i].name, signals[s].name), &started, signals[s].number);
			(void)close(held);
		}
	}
}

/* A directory, which a process of its own reads. */
Test(interrupt, import_of_a_directory)
{
	(void)harness_shell("mkdir root; for i in 1 2 3 4 5 6 7 8; do head -c 20000000 /dev/urandom >root/$i; done");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct harness_started started = harness_start(&(const struct harness_run){ARGV("import", "root", "mine:1"), .env = environment()});

		wait_for("store/tmp/*/tree/1");
		end(signals[i].name, &started, signals[i].number);
	}
}

/* --- files that are to be written --- */

static void make_large_image(void)
{
	(void)harness_shell("mkdir root out; for i in 1 2 3 4; do head -c 30000000 /dev/urandom >root/$i; done");
	struct harness_result result = harness_run(&(const struct harness_run){ARGV("import", "--userns=single", "-q", "root", "large:1"), .env = environment()});

	harness_expect_status("import", &result, 0);
	harness_done(&result);
}

static const char *const *const writers[] = {HARNESS_WORDS("save", "-o", "out/file", "large:1"), HARNESS_WORDS("export", "-o", "out/file", "large:1"), HARNESS_WORDS("pack", "-o", "out/file", "large:1")};

static void expect_no_file(const char *name, struct harness_started *started, int number)
{
	struct harness_result result;

	cr_assert_eq(kill(started->pid, number), 0);
	expect_death(name, started, number);
	const char *left = harness_shell("ls -A out");
	cr_expect_str_eq(left, "", "%s: %s", name, left);
	result = harness_finish(started);
	cr_expect_null(strstr(result.err, "carrel:"), "%s: %s", name, result.err);
	harness_done(&result);
}

Test(interrupt, files_that_are_written)
{
	harness_requires_program("mksquashfs");
	make_large_image();
	for (size_t i = 0; i < ARRAY_SIZE(writers) * ARRAY_SIZE(signals); i++) {
		const char *const *argv = writers[i % ARRAY_SIZE(writers)];
		const struct ending *by = &signals[i / ARRAY_SIZE(writers)];
		struct harness_started started = harness_start(&(const struct harness_run){.argv = argv, .env = environment()});
		(void)usleep(15000);
		expect_no_file(harness_text("%s, %s", argv[0], by->name), &started, by->number);
	}
}

/* Where a file cannot be without a name (O_TMPFILE), it has one of its own until it is whole. strace(1) makes such a filesystem of any. */
Test(interrupt, files_with_another_name)
{
	harness_requires_program("strace");
	harness_requires_program("mksquashfs");
	make_large_image();
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		const char *const *argv = writers[i];

		/* (-D: the tracer is a grandchild, and the command is what we started.) */
		struct harness_started started = harness_start(&(const struct harness_run){.program = "/usr/bin/strace",
		    .argv = harness_words(HARNESS_WORDS("-D", "-qq", "-o", "trace", "-P", "out", "-e", "inject=openat:error=EOPNOTSUPP", harness_program()), argv), .env = environment()});

		wait_for("out/file.??????");
		expect_no_file(argv[0], &started, SIGTERM);
	}
}
