/* carrel-profile(5) and carrel-policy(5) from the tables of keys that loading and checking use. */
#include "cli/command.h"
#include "profile/policy.h"
#include "profile/schema.h"

static const char head[] =
	".TH CARREL\\-PROFILE 5 \"\" carrel \"File formats\"\n"
	".SH NAME\ncarrel\\-profile \\- what a sandbox may see, use and do\n"
	".SH DESCRIPTION\n"
	"A profile is a YAML file. Sizes are binary, 512M or 4G; durations are 90s, 5m or 2h30m. Paths begin with /, with ~/ or with one of the variables\n"
	"$HOME, $PWD, $USER, $UID, $SCRATCH, $TMPDIR and $XDG_\\&…\n"
	"A key that does not exist is an error, and so is one whose mechanism this version lacks.\n"
	".PP\n"
	"What a later profile or the command line says replaces a single value, is appended to a list and merged into a map;\n"
	"a list tagged !replace starts anew.\n";

static const char tail[] =
	".SH EXAMPLE\n.nf\n"
	"description: build in the working directory, with a cache\n"
	"extends: default\n"
	"filesystem:\n"
	"  mounts:\n"
	"    \\- {from: ~/.cache/ccache, path: ~/.cache/ccache, mode: rw, optional: true}\n"
	"  protect: [$PWD/.git/hooks, $PWD/.git/config]\n"
	"resources: {open_files: 4096, timeout: 2h}\n"
	".fi\n"
	".SH FILES\n.TP\n~/.config/carrel/profiles/NAME.yaml\nProfiles of the user, found first.\n"
	".TP\n/etc/carrel/profiles/NAME.yaml\nProfiles of the machine. Those of the installation come last.\n"
	".SH SEE ALSO\n\\fBcarrel\\fR(1), \\fBcarrel\\-run\\fR(1), \\fBcarrel\\-profile\\fR(1), \\fBcarrel\\-policy\\fR(5)\n";

static const char policy_head[] =
	".TH CARREL\\-POLICY 5 \"\" carrel \"File formats\"\n"
	".SH NAME\ncarrel\\-policy \\- what the administrator lets sandboxes have\n"
	".SH DESCRIPTION\n"
	"The file " POLICY_FILE " holds for everybody on the machine who runs carrel. It is written like a profile, and every key may be left out.\n"
	"It must be a regular file that belongs to root and that others can read and not write; where it is anything else, or has a mistake in it,\n"
	"carrel runs nothing and exits with 125. Nothing in the environment or on the command line changes its place.\n"
	".PP\n"
	"A refusal names the line that asks and the line of the policy. A limit that the policy sets stands in the plan (carrel run \\-\\-dry\\-run)\n"
	"with the policy's line.\n"
	".PP\n"
	"The policy binds those who use this carrel. Whoever brings a program of his own is not bound; systemd's user slices bind him, too,\n"
	"by a drop\\-in such as contrib/systemd/user\\-.slice.d/50\\-limits.conf.\n";

static const char policy_tail[] =
	".SH EXAMPLE\n.nf\n"
	"ceilings: {memory: 16G, cpus: 4, tasks: 1024, timeout: 12h}\n"
	"require: [limits.memory, limits.tasks]\n"
	"network: [none, nat]\n"
	"message: ask hpc\\-support@example.org\n"
	".fi\n"
	".SH SEE ALSO\n\\fBcarrel\\fR(1), \\fBcarrel\\-run\\fR(1), \\fBcarrel\\-profile\\fR(5), \\fBsystemd.resource\\-control\\fR(5)\n";

static void add_key(struct buf *out, const struct schema_key *key, const char *name)
{
	buf_puts(out, ".TP\n\\fB");
	man_text(out, name);
	buf_puts(out, "\\fR\n");
	man_text(out, key->help);
	buf_puts(out, "\n");
	if (key->words && key->type != SCHEMA_ROOT) {
		for (const char *const *word = key->words; *word; word++) {
			buf_puts(out, word == key->words ? "Values: " : ", ");
			man_text(out, *word);
		}
		buf_puts(out, ".\n");
	} else if (key->type != SCHEMA_TEXT && key->type != SCHEMA_EXTENDS) {
		buf_puts(out, "Value: ");
		man_text(out, schema_wants(key->type));
		buf_puts(out, ".\n");
	}
	if (key->fallback) {
		buf_puts(out, "Default: ");
		man_text(out, key->fallback);
		buf_puts(out, ".\n");
	}
}

static void add_fields(struct buf *out, const struct schema_key *key)
{
	buf_puts(out, ".RS\n");
	for (const struct schema_key *field = key->fields; field->name; field++)
		add_key(out, field, field->name);
	buf_puts(out, ".RE\n");
}

static void add_table(struct buf *out, const struct schema_key *table)
{
	buf_puts(out, ".SH KEYS\n");
	for (const struct schema_key *key = table; key->name; key++) {
		if (key->type == SCHEMA_SECTION) {
			buf_printf(out, ".SS %s\n", key->name);
			man_text(out, key->help);
			buf_puts(out, "\n");
			continue;
		}
		add_key(out, key, key->name);
		if (key->fields)
			add_fields(out, key);
	}
}

void man_format_profile(struct buf *out)
{
	buf_puts(out, head);
	add_table(out, schema_table);
	buf_puts(out, tail);
}

void man_format_policy(struct buf *out)
{
	buf_puts(out, policy_head);
	add_table(out, policy_table());
	buf_puts(out, policy_tail);
}
