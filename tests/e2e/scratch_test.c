/* resources.scratch: what is thrown away shares one room, and who fills it is told so. resources.output: what may be said. */
#include <string.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(scratch);

static const char profile[] = "extends: default\n"
			      "filesystem: {writes: discard, mounts: [{path: $PWD/keep, mode: discard}]}\n"
			      "resources:\n"
			      "  scratch: 8M\n";

static const struct room_case {
	const char *name;
	const char *script;
	int status;
	bool full;
	const char *out;
} rooms[] = {
	{"half of it", "head -c 4M /dev/zero >/tmp/x", 0, false, NULL},
	{"by /tmp", "head -c 9M /dev/zero >/tmp/x", 1, true, NULL},
	{"by shared memory", "head -c 9M /dev/zero >/dev/shm/x", 1, true, NULL},
	{"by the home", "head -c 9M /dev/zero >~/x", 1, true, NULL},
	{"by the root's layer", "head -c 9M /dev/zero >/opt/x", 1, true, NULL},
	{"by a mount's layer", "head -c 9M /dev/zero >$PWD/keep/x", 1, true, NULL},
	{"by all together", "head -c 3M /dev/zero >/tmp/x; head -c 3M /dev/zero >/opt/x; head -c 3M /dev/zero >/dev/shm/x", 1, true, NULL},
	{"by a file that is removed", "head -c 9M /dev/zero >/tmp/x; sleep 0.5; rm /tmp/x; sleep 0.2; exit 3", 3, true, NULL},
	{"room that comes back", "for i in 1 2 3; do head -c 5M /dev/zero >/tmp/x || exit; rm /tmp/x; done", 0, false, NULL},
	{"places are apart", "echo a >/tmp/f; ls -A /var/tmp /dev/shm | grep -cx f; stat -c '%a %h' /tmp", 0, false, "0\n1777 2\n"},
	{"no programs of users", "grep -E ' /(tmp|dev/shm) ' /proc/self/mountinfo | grep -c 'nosuid,nodev'", 0, false, "2\n"},
};

static void fill(const char *name, const char *const *options, const struct room_case *room)
{
	const char *path = harness_file("web.yaml", profile);
	const char *const command[] = {"--", "sh", "-c", room->script, NULL};
	const char *const start[] = {"run", "--profile", path, NULL};
	struct harness_result result = harness_run(&(struct harness_run){.argv = harness_words(harness_words(start, options), command), .cwd = harness_path("project")});

	harness_expect_status(name, &result, room->status);
	if (room->full)
		harness_expect_err(name, &result, harness_text("carrel: the scratch space of 8M (%s:4) was full", path));
	else
		cr_expect_null(strstr(result.err, "scratch space"), "%s: %s", name, result.err);
	if (room->out)
		harness_expect_out(name, &result, room->out);
	harness_done(&result);
}

static void fill_all(const char *const *options)
{
	(void)harness_shell("mkdir -p project/keep");
	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++)
		fill(harness_text("%s %s", options[0] ? options[1] : "", rooms[i].name), options, &rooms[i]);
}

Test(scratch, is_one_room)
{
	fill_all(HARNESS_WORDS(NULL));
}

Test(scratch, is_one_room_by_fuse)
{
	harness_requires_fuse();
	fill_all(HARNESS_WORDS("--overlay", "fuse"));
}

/* There is shared memory to count also where the profile has no mount for it, and what it asks for is kept. */
static const struct harness_case flags[] = {
	{"own size", ARGV("run", "--set", "resources.scratch=8M", "--tmpfs", "/mnt:size=1m,mode=0710", "--", "sh", "-c", "stat -c %a /mnt; df -Pk /mnt | tail -1"), .out = "710\nnone                  8192"},
	{"noexec", ARGV("run", "--set", "resources.scratch=8M", "--tmpfs", "/mnt:noexec", "--", "sh", "-c", "cp /bin/true /mnt/t; /mnt/t"), .status = 126, .err = "Permission denied"},
	{"no mount for shared memory", ARGV("run", "--set", "resources.scratch=8M", "--set", "filesystem.mounts=!replace []", "--", "sh", "-c", "head -c 9M /dev/zero >/dev/shm/x"),
		.status = 1, .err = "the scratch space of 8M (command line --set resources.scratch) was full"},
	{"without the key", ARGV("run", "--", "sh", "-c", "head -c 9M /dev/zero >/tmp/x"), .not_err = "scratch"},
};

Test(scratch, keeps_modes_and_flags)
{
	harness_table(flags, ARRAY_SIZE(flags));
}

/* --- resources.output ------------------------------------------------------------------------------------------------------------- */

static const struct harness_case limited[] = {
	{"exactly", ARGV("run", "--set", "resources.output=8", "--", "sh", "-c", "echo out; echo err >&2"), .out = "out\n", .err = "err\n", .not_err = "limit"},
	{"stdout", ARGV("run", "--set", "resources.output=4", "--", "sh", "-c", "echo 1234; sleep 9"), .status = 137, .out = "1234", .not_out = "\n",
		.err = "ended by the output limit of 4 (command line --set resources.output)"},
	{"stderr", ARGV("run", "--set", "resources.output=4", "--", "sh", "-c", "echo 12345 >&2; sleep 9"), .status = 137, .err = "1234carrel: ended by the output limit of 4"},
	{"both", ARGV("run", "--set", "resources.output=7", "--", "sh", "-c", "echo out; sleep 0.1; echo err >&2; sleep 9"), .status = 137, .out = "out\n", .err = "errcarrel: ended by"},
	{"said in the last moment", ARGV("run", "--set", "resources.output=4", "--", "echo", "1234"), .status = 137, .out = "1234", .not_out = "\n"},
	{"nothing at all", ARGV("run", "--set", "resources.output=0", "--", "true"), .status = 0},
	{"not even a byte", ARGV("run", "--set", "resources.output=0", "--", "echo"), .status = 137, .not_out = "\n", .err = "ended by the output limit"},
	{"for ever", ARGV("run", "--set", "resources.output=100K", "--", "yes"), .status = 137, .err = "output limit of 100K"},
	{"what it did itself", ARGV("run", "--set", "resources.output=1M", "--", "sh", "-c", "echo last; exit 7"), .status = 7, .out = "last\n"},
	{"a terminal", ARGV("run", "--set", "resources.output=6", "--", "sh", "-c", "echo 123; echo 456; sleep 9"), .status = 137, .terminal = true, .out = "123\r\n4", .not_out = "456"},
	{"a terminal, exactly", ARGV("run", "--set", "resources.output=5", "--", "echo", "123"), .terminal = true, .out = "123\r\n", .not_out = "limit"},
	{"a terminal's stderr", ARGV("run", "--set", "resources.output=5", "--", "sh", "-c", "echo 123 >&2; echo 4; sleep 9"), .status = 137, .terminal = true, .out = "123\r\n"},
};

Test(scratch, output_is_limited)
{
	harness_table(limited, ARRAY_SIZE(limited));
}

/* From outside: who reads, in which order, and how the command ends when nobody does any more. */
Test(scratch, output_goes_on_as_ever)
{
	static const struct {
		const char *name, *script, *out;
	} cases[] = {
		{"order", "CARREL run --set resources.output=1M -- sh -c 'for i in 1 2 3 4; do echo $i; echo e$i >&2; done' 2>&1", "1\ne1\n2\ne2\n3\ne3\n4\ne4\n"},
		{"a reader that is gone", "{ CARREL run --set resources.output=1G -- yes || echo $? >status; } | head -n 1; cat status", "y\n141\n"},
		{"all of it", "CARREL run --set resources.output=10M -- head -c 2M /dev/zero | wc -c", "2097152\n"},
		{"a slow reader", "CARREL run --set resources.output=10M -- head -c 300K /dev/zero | { sleep 0.5; wc -c; }", "307200\n"},
		{"a file", "CARREL run --set resources.output=1K -- yes >file 2>err || wc -c <file; grep -c 'output limit of 1K' err", "1024\n1\n"},
		{"a file, appended", "echo 1 >file; CARREL run --set resources.output=1K -- echo 2 >>file; cat file", "1\n2\n"},
		{"as the cause", "CARREL run --set resources.output=1K --report report -- yes >/dev/null 2>&1 || grep -o '\"cause\": *\"[a-z]*\"' report | tr -d ' '", "\"cause\":\"output\"\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *out = harness_shell(harness_text("CARREL() { '%s' \"$@\"; }; cd '%s'; %s", harness_program(), harness_tmp(), cases[i].script));

		cr_expect_str_eq(out, cases[i].out, "%s: %s", cases[i].name, out);
	}
}
