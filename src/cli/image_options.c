/* The options of the image commands. Docker's and podman's names. */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/image_use.h"

static int set_flag(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	*(bool *)(void *)((char *)context + use->option->offset) = use->on;
	return 0;
}

static int set_text(void *context, const struct option_use *use, struct error *err)
{
	if (!*use->value) {
		(void)error_set(err, EINVAL, "bad value '' for --%s", use->option->name);
		return error_cause(err, "it is empty");
	}
	*(const char **)(void *)((char *)context + use->option->offset) = use->value;
	return 0;
}

/* The value is one of the row's words. */
static int set_word(void *context, const struct option_use *use, struct error *err)
{
	size_t len = strlen(use->value);

	for (const char *word = use->option->words; word; word = strchr(word, ' ')) {
		word += *word == ' ';
		if (len && !strncmp(word, use->value, len) && (word[len] == ' ' || !word[len]))
			return set_text(context, use, err);
	}
	(void)error_set(err, EINVAL, "bad value '%s' for --%s", use->value, use->option->name);
	(void)error_cause(err, "it is none of: %s", use->option->words);
	return err ? -err->code : -EINVAL;
}

/* Docker's options for what is done otherwise here: the row's help is the hint. */
static int refuse(void *context, const struct option_use *use, struct error *err)
{
	(void)context;
	if (!use->option->argument && !use->on)
		return 0;
	(void)error_set(err, EINVAL, "there is no --%s here", use->option->name);
	(void)error_cause(err, "it is done otherwise");
	return error_hint(err, "%s", use->option->help);
}

static int add_change(void *context, const struct option_use *use, struct error *err)
{
	struct image_use *image = context;

	(void)err;
	image->changes = arena_grow(&image->arena, image->changes, image->change_count, sizeof(*image->changes));
	image->changes[image->change_count++] = use->value;
	return 0;
}

#define FIELD(field) .offset = offsetof(struct image_use, field)
#define QUIET {"quiet", 'q', NULL, NULL, "Print only the result", NULL, set_flag, FIELD(quiet)}
#define JSON {"json", 0, NULL, NULL, "As JSON", NULL, set_flag, FIELD(json)}
#define PLATFORM {"platform", 0, "OS/ARCH[/VARIANT]", NULL, "Another platform than this machine's", NULL, set_text, FIELD(platform)}
#define TLS_VERIFY {"tls-verify", 0, NULL, NULL, "=false: accept any certificate, and a registry that speaks http only", NULL, set_flag, FIELD(tls_verify)}
#define USERNS {"userns", 0, "HOW", "auto subids single", "Whose the unpacked files are: your range of ids (subids), yours alone (single), the first that works (auto)", NULL, set_word, FIELD(userns)}
#define OTHERS(name, letter, argument, advice) {name, letter, argument, NULL, advice, NULL, refuse, .hidden = true}
#define TEMPLATE(letter) OTHERS("format", letter, "TEMPLATE", "--json  prints all of it, and  jq  takes out what is wanted")
#define END {.name = NULL}

const struct cli_option pull_options[] = {
	PLATFORM, QUIET, TLS_VERIFY, USERNS,
	OTHERS("all-tags", 'a', NULL, "name each tag that you want:  carrel pull NAME:TAG NAME:TAG"),
	END,
};
const struct cli_option push_options[] = {
	QUIET, TLS_VERIFY,
	OTHERS("all-tags", 'a', NULL, "push each tag:  carrel push NAME:TAG"),
	OTHERS("platform", 0, "OS/ARCH", "an image here is one platform's, and that is pushed"),
	END,
};
const struct cli_option login_options[] = {
	{"username", 'u', "NAME", NULL, "Who you are", NULL, set_text, FIELD(user)},
	{"password", 'p', "TEXT", NULL, "The password; others see it in the list of processes", NULL, set_text, FIELD(password)},
	{"password-stdin", 0, NULL, NULL, "Read the password from stdin", NULL, set_flag, FIELD(password_stdin)},
	TLS_VERIFY, END,
};
const struct cli_option images_options[] = {
	{"all", 'a', NULL, NULL, "Also those without a name", NULL, set_flag, FIELD(all)},
	{"digests", 0, NULL, NULL, "With the manifests' digests", NULL, set_flag, FIELD(digests)},
	{"no-trunc", 0, NULL, NULL, "Ids in full", NULL, set_flag, FIELD(no_trunc)},
	{"quiet", 'q', NULL, NULL, "Only the ids", NULL, set_flag, FIELD(quiet)},
	JSON, TEMPLATE(0),
	OTHERS("filter", 'f', "FILTER", "a word behind  carrel images  is a name or a pattern: 'debian:*'; --json  and  jq  choose by anything else"),
	END,
};
const struct cli_option rmi_options[] = {
	{"force", 'f', NULL, NULL, "Also while a sandbox runs from it, and by id with all its names; no failure where there is no such image", NULL, set_flag, FIELD(force)},
	OTHERS("no-prune", 0, NULL, "leave it out: layers stay where another image has them"),
	END,
};
const struct cli_option json_options[] = {
	JSON, TEMPLATE('f'),
	OTHERS("type", 0, "TYPE", "leave it out: it is about images"),
	OTHERS("size", 's', NULL, "leave it out: Size is always there"),
	END,
};
const struct cli_option history_options[] = {
	{"no-trunc", 0, NULL, NULL, "Commands in full", NULL, set_flag, FIELD(no_trunc)},
	QUIET, JSON, TEMPLATE(0), END,
};
const struct cli_option save_options[] = {
	{"output", 'o', "FILE", NULL, "Where to; stdout otherwise", NULL, set_text, FIELD(output)},
	{"format", 0, "FORMAT", "oci-archive docker-archive", "docker-archive, which is usual, or oci-archive", NULL, set_word, FIELD(format)},
	QUIET, END,
};
const struct cli_option load_options[] = {
	{"input", 'i', "FILE", NULL, "Where from; stdin otherwise", NULL, set_text, FIELD(input)},
	QUIET, USERNS, END,
};
const struct cli_option import_options[] = {
	{"change", 'c', "INSTRUCTION", NULL, "Set the configuration: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR", NULL, add_change, .key = NULL},
	{"message", 'm', "TEXT", NULL, "Said in the image's history", NULL, set_text, FIELD(message)},
	PLATFORM, QUIET, USERNS, END,
};
const struct cli_option export_options[] = {
	{"output", 'o', "FILE", NULL, "Where to; stdout otherwise", NULL, set_text, FIELD(output)},
	END,
};
const struct cli_option pack_options[] = {
	{"output", 'o', "FILE", NULL, "Where to; NAME.sqfs otherwise", NULL, set_text, FIELD(output)},
	{"compression", 0, "KIND", "zstd gzip xz lz4", "zstd, which is usual, gzip, xz, lz4", NULL, set_word, FIELD(compression)},
	{"force", 'f', NULL, NULL, "Replace a file that is there", NULL, set_flag, FIELD(force)},
	QUIET, END,
};
const struct cli_option system_options[] = {
	{"all", 'a', NULL, NULL, "prune: all images that no sandbox uses, be it running or kept", NULL, set_flag, FIELD(all)},
	TEMPLATE(0),
	OTHERS("verbose", 'v', NULL, "carrel images  lists each image with its size"),
	OTHERS("volumes", 0, NULL, "leave it out: there are no named volumes in this version"),
	OTHERS("filter", 0, "FILTER", "carrel rmi  removes the images that you name"),
	{"force", 'f', NULL, NULL, "Do not ask", NULL, set_flag, FIELD(yes)},
	JSON, END,
};
