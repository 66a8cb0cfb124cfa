/* What the options of all image commands come to. One struct for all: most options are common to several commands. The tables (image_options.c) are in both
 * programs, for help and completion. */
#ifndef CARREL_CLI_IMAGE_USE_H
#define CARREL_CLI_IMAGE_USE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "util/mem.h"

struct image_use {
	struct arena arena;
	const char *platform;  /* "linux/arm64" */
	const char *userns;    /* auto | subids | single: how layers are unpacked */
	const char *output, *input; /* files; NULL or "-": stdout, stdin */
	const char *format;    /* oci-archive | docker-archive */
	const char *message, *user, *password, *compression;
	const char **changes;  /* Docker's --change, in order */
	size_t change_count;
	bool quiet, all, json, force, no_trunc, digests, password_stdin, yes;
	bool tls_verify;       /* true unless --tls-verify=false */
};

/* argv: the words behind the options, NULL-terminated. The exit status. */
typedef int image_action(const struct image_use *use, int argc, char **argv);

/* Parse a command's options and do it; argv[0] is its name. The exit status. */
int image_run(const struct cli_option *options, image_action *action, int argc, char **argv);

/* The commands of carrel-image: the same words and options as `carrel NAME`. */
struct image_command {
	const char *name;
	image_action *run;
	bool fills_store; /* it begins large things there (image_tidy.h) */
};
extern const struct image_command image_commands[]; /* ends with name NULL */

int image_export(const struct image_use *use, int argc, char **argv);
int image_history(const struct image_use *use, int argc, char **argv);
int image_images(const struct image_use *use, int argc, char **argv);
int image_import(const struct image_use *use, int argc, char **argv);
int image_inspect(const struct image_use *use, int argc, char **argv);
int image_load(const struct image_use *use, int argc, char **argv);
int image_login(const struct image_use *use, int argc, char **argv);
int image_logout(const struct image_use *use, int argc, char **argv);
int image_pack(const struct image_use *use, int argc, char **argv);
int image_rmi(const struct image_use *use, int argc, char **argv);
int image_pull(const struct image_use *use, int argc, char **argv);
int image_push(const struct image_use *use, int argc, char **argv);
int image_save(const struct image_use *use, int argc, char **argv);
int image_system(const struct image_use *use, int argc, char **argv);
int image_tag(const struct image_use *use, int argc, char **argv);

/* carrel: these three know the store's own small files and nothing else, and carrel does them itself. What carrel-image is linked with takes several times
 * as long to load as they take. (cmd_store.c) */
int cmd_images(int argc, char **argv);
int cmd_tag(int argc, char **argv);
int cmd_rmi(int argc, char **argv);
/* For all others: become carrel-image with these words. Returns only when it cannot: the exit status, after a message. */
int cmd_image(int argc, char **argv);

#endif
