/* The user's terminal: nothing may be typed into it (CVE-2017-5226), and nothing inside may take it. */
#include "escape/cases.h"

#include <string.h>

HARNESS_SUITE(escape_terminal);

static const struct escape_case own_terminal[] = {
	{"TIOCSTI", TRY("calls", "tiocsti"), BLOCKED("EPERM"), OFF(UNCONFINED), OPEN("done"), LACKING("EIO"), .terminal = true},
	{"TIOCSTI with a high bit (CVE-2019-10063)", TRY("calls", "tiocsti-wide"), BLOCKED("EPERM"), OFF(UNCONFINED), OPEN("done"), LACKING("EIO"), .terminal = true},
	{"TIOCLINUX (CVE-2023-28100)", TRY("calls", "tioclinux"), BLOCKED("EPERM"), OFF(UNCONFINED), OPEN("ENOTTY"), .terminal = true},
};

/* With --tty=false the payload has the user's terminal as its descriptors 0 to 2. */
#define INHERITED "--tty=false"
static const struct escape_case inherited[] = {
	{"TIOCSTI", TRY("calls", "tiocsti"), ON(INHERITED), BLOCKED("EPERM"), OFF(INHERITED, UNCONFINED), WEAK("setsid"), OPEN("done"), LACKING("EIO"), .terminal = true},
	{"TIOCSTI, no filter", TRY("calls", "tiocsti"), ON(INHERITED, UNCONFINED), BLOCKED("EPERM"), WEAK("setsid"), OPEN("done"), LACKING("EIO"), .terminal = true},
	{"TIOCLINUX", TRY("calls", "tioclinux"), ON(INHERITED), BLOCKED("EPERM"), OFF(INHERITED, UNCONFINED), OPEN("ENOTTY"), .terminal = true},
	{"take it", TRY("calls", "take-terminal"), ON(INHERITED), BLOCKED("EPERM"), .terminal = true},
	{"take it, root", TRY("calls", "take-terminal"), ON(INHERITED, UNCONFINED, "-u", "root"), BLOCKED("EPERM"), .terminal = true},
	{"/dev/tty", TRY("files", "write", "/dev/tty"), ON(INHERITED), BLOCKED("ENXIO"), WEAK("setsid"), OPEN("done"), .terminal = true},
};

/* What TIOCSTI typed is echoed before the answer. */
static void try_on_terminal(const struct escape_case *row)
{
	struct escape_run run = {.options = row->on, .attack = row->attack, .terminal = true};
	const char *said = escape_try(&run, NULL);

	/* A filter answers before the kernel. Where the defence is another one (`weak`), the kernel may refuse for everybody. */
	if (row->off || !row->lacking || strcmp(said, row->lacking) != 0)
		cr_expect_str_eq(said, row->blocked, "%s: with the defence it says '%s', expected '%s'", row->name, said, row->blocked);
	if (!row->open)
		return;
	run.options = row->off ? row->off : row->on;
	run.weak = row->weak;
	said = escape_try(&run, NULL);
	said += said[0] == 'x';
	if (row->lacking && !strcmp(said, row->lacking))
		harness_skip(row->name, "dev.tty.legacy_tiocsti is 0: the kernel refuses by itself");
	else
		cr_expect_str_eq(said, row->open, "%s: without the defence it says '%s', expected '%s'", row->name, said, row->open);
}

Test(escape_terminal, its_own)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_terminal); i++)
		try_on_terminal(&own_terminal[i]);
}

Test(escape_terminal, the_users)
{
	for (size_t i = 0; i < ARRAY_SIZE(inherited); i++)
		try_on_terminal(&inherited[i]);
}

/* A shell on the user's terminal runs the attack and then looks whether anything waits to be read. */
static const char *queue_after(const char *const *command)
{
	const char *argv[80] = {"-c", "\"$@\" >/dev/null; read -r -s -t 0.5 -n 1 x && echo \"typed $x\" || echo nothing", "sh"};
	static char said[64];
	struct harness_result result;

	for (size_t i = 0; command[i]; i++)
		argv[i + 3] = command[i];
	result = harness_run(&(const struct harness_run){.program = "/bin/bash", .argv = argv, .terminal = true});
	(void)strncpy(said, strstr(result.out, "nothing") ? "nothing" : strstr(result.out, "typed") ? "typed" : "?", sizeof(said) - 1);
	harness_done(&result);
	return said;
}

Test(escape_terminal, the_users_queue_stays_empty)
{
	const char *calls = harness_payload("escape", "calls");

	harness_requires_program("bash");
	cr_expect_str_eq(queue_after(WORDS(harness_program(), "run", "-v", escape_text("%s:/tmp/calls", calls), "--", "/tmp/calls", "tiocsti")), "nothing");
	cr_expect_str_eq(queue_after(WORDS(harness_program(), "run", INHERITED, "-v", escape_text("%s:/tmp/calls", calls), "--", "/tmp/calls", "tiocsti")), "nothing");
	cr_expect_str_eq(queue_after(WORDS(harness_program(), "run", UNCONFINED, "-v", escape_text("%s:/tmp/calls", calls), "--", "/tmp/calls", "tiocsti")), "nothing");
	/* The same with a namespace alone, as a sandbox without a defence would have it. */
	if (strcmp(queue_after(WORDS("unshare", "--user", "--map-root-user", calls, "tiocsti")), "typed") != 0)
		harness_skip("without a defence", "this kernel refuses TIOCSTI by itself");
}
