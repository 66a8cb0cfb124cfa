/* What one command line asks for, as plain data. The cli fills it, the plan reads it; nothing here touches the system.
 *
 * An option with a profile key becomes an override: the key, its value as YAML, and the words that name it in messages. Overrides
 * stand in the order given and are laid over the profiles by profile_set. The few things that no profile says are fields.
 * Every text is owned by the request's arena or by argv, which outlives it.
 */
#ifndef CARREL_RUN_REQUEST_H
#define CARREL_RUN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/mem.h"

enum request_tty { TTY_AUTO, TTY_YES, TTY_NO };
enum request_pull { PULL_MISSING, PULL_ALWAYS, PULL_NEVER };

struct platform;

struct request_override {
	const char *key;   /* "resources.memory" */
	const char *yaml;  /* "\"4G\"": one scalar, map or list in flow style */
	const char *label; /* "command line --memory" */
};

struct request_text {
	const char *text, *label;
};

struct request {
	struct arena arena;
	const char *cwd; /* of the caller; NULL where it was deleted or cannot be read */

	const char **profiles; /* names and paths, in order */
	size_t profile_count;
	struct request_override *overrides;
	size_t override_count;
	struct request_text *ulimits; /* Docker's "nofile=1024:2048" */
	size_t ulimit_count;
	struct request_text *cap_drops; /* "CAP_CHOWN": taken from the profile's; --cap-drop ALL is an override instead */
	size_t cap_drop_count;
	int *preserve_fds;
	size_t preserve_fd_count;

	const char *image;  /* as given; NULL: the profile's root. filesystem.root has its override, as with: */
	const char *rootfs;
	const char *entrypoint; /* NULL: not given; "": none */
	char **command; /* the words, NULL-terminated; the plan puts the entrypoint in front */
	size_t command_count;

	enum request_tty tty;
	bool interactive, rm, keep, detach, dry_run, trace_startup, stats, verbose;
	const char *name;
	enum request_pull pull;
	bool quiet;              /* about the pull */
	const char *pull_label;  /* NULL: not given */
	const struct platform *platform; /* of the image (image/manifest.h); NULL: this machine's */
	int stop_signal;         /* 0: the image's, else SIGTERM */
	const char *stop_signal_label;
	const char *report;      /* --report: a file, or the number of an open descriptor; NULL: none */
};

void request_init(struct request *request);
void request_done(struct request *request);

/* `text` as a double-quoted YAML scalar that means exactly this text (a JSON string is one). YAML has no way to hold bytes that are
 * not UTF-8: -EILSEQ then. */
int request_quote(struct arena *arena, const char *text, const char **ret_yaml) MUST_CHECK;

/* The verbs of the options: `label` is "command line --memory". All give -EINVAL or so with a message that names label and text. */
int request_set_yaml(struct request *request, const char *key, const char *yaml, const char *label, struct error *err) MUST_CHECK;
int request_set_text(struct request *request, const char *key, const char *text, const char *label, struct error *err) MUST_CHECK;
/* As request_set_text, and 0 or -1 mean no limit, as Docker's do: the profile's word for it is `none`. */
int request_set_limit(struct request *request, const char *key, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_add_item(struct request *request, const char *key, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_set_pair(struct request *request, const char *key_value, const char *label, struct error *err) MUST_CHECK; /* --set */
int request_add_profile(struct request *request, const char *name, struct error *err) MUST_CHECK;
int request_add_env(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK; /* KEY=VALUE or KEY */
int request_add_env_lines(struct request *request, char *text, const char *label, struct error *err) MUST_CHECK; /* an --env-file; `text` is cut up */
int request_add_cap(struct request *request, const char *name, const char *label, struct error *err) MUST_CHECK;
int request_drop_cap(struct request *request, const char *name, const char *label, struct error *err) MUST_CHECK;
int request_add_ulimit(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_add_security(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_add_fds(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_set_report(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_set_pull(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_set_platform(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_set_stop_signal(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_set_image(struct request *request, const char *word, struct error *err) MUST_CHECK;
int request_set_rootfs(struct request *request, const char *dir, const char *label, struct error *err) MUST_CHECK;

/* request_mount.c: entries of filesystem.mounts, in Docker's notations. Sources may be relative to the caller's directory. */
int request_add_volume(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_add_mount(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_add_tmpfs(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;
int request_add_device(struct request *request, const char *text, const char *label, struct error *err) MUST_CHECK;

/* After the last option, with the words that follow: takes back a --cap-drop that a --cap-add overrides, chooses `container` for an image or a --rootfs without a
 * profile, and refuses what this version has no mechanism for, and a request without a command where no image can bring one. */
int request_finish(struct request *request, size_t count, char *const words[], struct error *err) MUST_CHECK;
/* The error of that. */
int request_no_command(const struct request *request, struct error *err);

#endif
