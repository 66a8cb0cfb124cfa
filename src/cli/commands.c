#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "profile/suggest.h"
#include "util/mem.h"

static const char *const run_usages[] = {"[OPTIONS] [@PROFILE] -- COMMAND [ARG…]", "[OPTIONS] [@PROFILE] --rootfs DIR COMMAND [ARG…]", NULL};
static const char *const run_paragraphs[] = {
	"Runs a command in a sandbox that its profile describes: with its own users, files, network, limits and system calls. "
	"Without a profile this is the profile `default`: the host's files read-only, the working directory writable, the home hidden, no network. "
	"With --rootfs and without a profile it is `container`: root inside, Docker's capabilities, writes thrown away. "
	"When the command ends, however it ends, nothing of the sandbox stays.",
	"Exit status: the command's own; 128+n when signal n ended it; 125 when carrel could not do it; 126 when the command could not be executed; 127 when it was not found.",
	NULL,
};
static const struct command_example run_examples[] = {
	{"carrel run -- ./configure", "run a script that you have not read"},
	{"carrel run @build -- make -j8", "build somebody else's source"},
	{"carrel run --rootfs bookworm --network host apt-get install -y jq", "be root in an extracted system"},
	{"carrel run --dry-run @build -- make", "see what the sandbox may do, and which line says so"},
	{NULL, NULL},
};

static const char *const profile_usages[] = {"list [--json]", "show [--origins] NAME|FILE…", "check NAME|FILE…", "schema [--markdown]", NULL};
static const char *const profile_paragraphs[] = {
	"A profile is a YAML file that says what a sandbox may see, use and do. A name is looked for in ~/.config/carrel/profiles, in /etc/carrel/profiles and in the "
	"installation, in this order and never in the working directory; a path has a slash or ends in .yaml.",
	"list: the profiles that are found by name. show: one profile, or several merged, with all that they extend. check: says what is wrong with it, at line and column. "
	"schema: every key, as a JSON schema for editors.",
	NULL,
};
static const struct command_example profile_examples[] = {
	{"carrel profile show --origins build", "see which line of which file says what"},
	{"carrel profile check ./web.yaml", "find mistakes before a run does"},
	{NULL, NULL},
};

static const char *const doctor_usages[] = {"[--json]", NULL};
static const char *const doctor_paragraphs[] = {
	"Tries what a sandbox needs: namespaces, id ranges, layers, filters, limits and networks. Each line says what works, what is degraded and what is missing, "
	"the consequence, and the one command that mends it.",
	"Exit status: 0 when `carrel run` works at all, 1 when it does not.",
	NULL,
};

static const char *const top_usages[] = {"[--sort ORDER] [--delay DURATION]", "--once [--json]", NULL};
static const char *const top_paragraphs[] = {
	"Shows the sandboxes of yours that run: profile, uptime, memory, processor time and tasks against their limits, and the command. On a terminal it goes on until q; "
	"m, c, t and a sort by memory, CPU, tasks and age. 100 CPU% is one processor.",
	"Memory is what the sandbox's control group is charged with, file cache too. Where it has none, it is the sum of each process's share of anonymous and shared memory and "
	"swap, without file cache and without files of temporary filesystems; or the resident size, where the kernel does not tell the share.",
	NULL,
};
static const struct command_example top_examples[] = {
	{"carrel top", "watch them"},
	{"carrel top --json", "one look, for a script"},
	{NULL, NULL},
};

static const char *const rm_usages[] = {"NAME…", NULL};
static const char *const rm_paragraphs[] = {
	"Removes what named sandboxes have kept (run --name NAME): their writable layers, also files that belong to subordinate ids. A running one is not removed.",
	NULL,
};

static const char *const version_usages[] = {"", NULL};
static const char *const help_usages[] = {"[COMMAND]", NULL};

const struct command commands[] = {
	{"run", "Run a command in a sandbox", run_usages, run_paragraphs, run_options, run_examples, NULL, cmd_run, .runs_program = true},
	{"top", "Show the sandboxes that run, and what they use", top_usages, top_paragraphs, top_options, top_examples, NULL, cmd_top, .runs_program = false},
	{"rm", "Remove what a named sandbox has kept", rm_usages, rm_paragraphs, NULL, NULL, NULL, cmd_rm, .runs_program = false},
	{"profile", "List, show and check profiles", profile_usages, profile_paragraphs, profile_options, profile_examples, "list show check schema", cmd_profile, .runs_program = false},
	{"doctor", "Say what works on this host, and how to mend the rest", doctor_usages, doctor_paragraphs, doctor_options, NULL, NULL, cmd_doctor, .runs_program = false},
	{"version", "Print the version", version_usages, NULL, NULL, NULL, NULL, cmd_version, .runs_program = false},
	{"help", "Explain a command", help_usages, NULL, NULL, NULL, NULL, cmd_help, .runs_program = false},
	{.name = NULL},
};

/* Commands of the design that are not there yet: who types one from Docker's habit is told so, not asked whether it was a slip. */
static const char *const later[] = {
	"exec", "ps", "logs", "stop", "start", "kill", "wait", "inspect", "cp", "diff", "commit", "stats", "attach", "pause", "unpause", "rename",
	"pull", "push", "login", "logout", "images", "rmi", "tag", "save", "load", "import", "export", "history", "build", "pack", "volume", "system", "create", "restart",
};

const struct command *command_find(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

int command_unknown(const char *name, struct error *err)
{
	struct suggestion suggestion = {.wanted = name};

	for (const struct command *command = commands; command->name; command++)
		suggest_offer(&suggestion, command->name);
	(void)error_set(err, EINVAL, "unknown command '%s'", name);
	(void)error_cause(err, "no such command");
	if (suggestion.best)
		(void)error_hint(err, "did you mean `carrel %s`?", suggestion.best);
	else
		(void)error_hint(err, "`carrel help` lists the commands; to run a program write  carrel run -- %s", name);
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (strcmp(name, later[i]) != 0)
			continue;
		(void)error_set(err, EOPNOTSUPP, "`carrel %s` is not in this version", name);
		(void)error_cause(err, "images and sandboxes that outlive their command are still to come");
		(void)error_hint(err, "`carrel help` lists the commands; an extracted root filesystem is used by  carrel run --rootfs DIR COMMAND");
	}
	return err ? -err->code : -EINVAL;
}
