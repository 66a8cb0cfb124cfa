/* A profile as typed data: what the YAML says, merged and checked, every value with its origin. Nothing is resolved here:
 * "$PWD", "~" and user names are still text; run/plan.c makes a plan of them.
 *
 * Everything is owned by `profile->arena`. A value whose `at.file` is NULL was not set anywhere and has the schema table's default.
 * All enums have the schema's names as their text.
 */
#ifndef CARREL_PROFILE_PROFILE_H
#define CARREL_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"

struct text_value {
	const char *v; /* NULL: not set and no default */
	struct origin at;
};

struct number_value { /* sizes in bytes (a percentage was made bytes when it was read), durations in ms, cpus in thousandths, modes as the mode */
	int64_t v;    /* -1: not set and no default */
	struct origin at;
};

struct bool_value {
	bool v;
	struct origin at;
};

struct choice_value { /* an index into the schema's list of words; the enums below */
	int v;
	struct origin at;
};

struct text_list {
	struct text_value *items;
	size_t count;
	struct origin at; /* of the list itself */
};

enum profile_root { ROOT_HOST, ROOT_IMAGE, ROOT_NONE, ROOT_DIR };
enum profile_writes { WRITES_DENY, WRITES_DISCARD, WRITES_KEEP };
enum profile_overlay { OVERLAY_AUTO, OVERLAY_KERNEL, OVERLAY_FUSE };
enum profile_discard { DISCARD_AUTO, DISCARD_MEMORY, DISCARD_DISK };
enum profile_map { MAP_AUTO, MAP_SUBIDS, MAP_SINGLE, MAP_KEEP_ID };
enum profile_network { NETWORK_NONE, NETWORK_NAT, NETWORK_HOST };
enum profile_io_class { IO_CLASS_NONE, IO_CLASS_BEST_EFFORT, IO_CLASS_IDLE };
enum profile_mode { MODE_RO, MODE_RW, MODE_DISCARD, MODE_KEEP };

/* One of filesystem.mounts: {path, from, mode, tmpfs, content, optional, exec, file_mode}. Exactly one kind: a bind (from, by
 * default equal to path), tmpfs (size; 0: the kernel's half of memory), or content (a file with this text). */
struct profile_mount {
	struct text_value path, from, content;
	struct choice_value mode;       /* binds only */
	struct number_value tmpfs;      /* >= 0: a tmpfs of this size */
	struct number_value file_mode;  /* of the tmpfs or the file: 0755, 1777 */
	struct bool_value optional;     /* skip it where the source does not exist */
	struct bool_value exec;         /* default true; false: noexec */
	struct origin at;               /* of the entry */
};

/* One of syscalls.rules. */
struct profile_rule {
	struct text_value call, action;
	struct number_value arg, mask, equals; /* mask and equals hold 64 bits; `equals` may be a known name (TIOCSTI) */
	struct origin at;
};

struct text_pair {
	struct text_value key, value;
};

struct profile {
	struct arena arena;
	const char *name; /* what was asked for: "build", "./web.yaml", "build+net.yaml" */
	struct text_list sources; /* each name that was asked for; the origin is the file that was found */
	struct text_value description;

	struct { /* filesystem */
		struct choice_value root;        /* enum profile_root */
		struct text_value root_argument; /* dir:/path → "/path"; image:REF → "REF" */
		struct choice_value writes;      /* enum profile_writes */
		struct choice_value overlay, discard; /* enum profile_overlay, profile_discard */
		struct profile_mount *mounts;
		size_t mount_count;
		struct text_list hide, protect, lower; /* lower: further layers, directories, topmost first, above the root */
	} filesystem;
	struct { /* identity */
		struct choice_value map; /* enum profile_map */
		struct text_value user;  /* self | root | image | NAME | UID[:GID] */
	} identity;
	struct { /* network */
		struct choice_value mode; /* enum profile_network */
		struct text_list publish;
	} network;
	struct { /* resources */
		struct number_value memory, memory_high, swap, cpus, cpu_weight, tasks; /* need a cgroup or the watcher */
		struct number_value open_files, cpu_time, file_size, core, locked_memory, stack, nice, scratch; /* rlimits and tmpfs */
		struct number_value io_weight, io_read, io_write, output; /* the first three need a cgroup */
		struct choice_value io_class; /* enum profile_io_class */
		struct number_value timeout, grace; /* wall clock, ms */
		struct text_value cpuset;
		struct bool_value require;
	} resources;
	struct { /* syscalls */
		struct text_value fallback; /* `default:` allow | log | kill | an errno name */
		struct text_list allow, deny;
		struct profile_rule *rules;
		size_t rule_count;
	} syscalls;
	struct text_list capabilities;
	struct { /* environment */
		struct text_list inherit;
		struct text_pair *set;
		size_t set_count;
	} environment;
	struct { /* process */
		struct text_value hostname, workdir;
		struct number_value umask;
		struct bool_value new_namespaces; /* may the payload make user namespaces of its own? default false */
		struct text_value keyring;        /* own | none */
	} process;
	struct text_list require; /* guarantees without which it must not start: network.none, limits.memory, … */
};

/* Where profiles are found by name, as FOLDER/NAME.yaml, first hit wins. */
struct profile_path {
	const char *folders[6]; /* NULL-terminated */
	size_t own_count;       /* so many of them, the first, are the user's own */
};

/* Load the named profiles (names or paths: a path has a slash or ends in .yaml), each with its `extends` chain, merged in order, later wins.
 * No names: "default". Errors say file:line:column and suggest the nearest key or name. The caller frees with profile_free. */
int profile_load(const struct profile_path *path, const char *const names[], size_t count, struct profile **ret, struct error *err) MUST_CHECK;

/* Set one key as the command line does: `key` "resources.memory", `yaml` "4G" or "{path: /data, mode: rw}". Scalars replace, maps merge,
 * lists append. `label` becomes the origin ("command line --memory"), copied. */
int profile_set(struct profile *profile, const char *key, const char *yaml, const char *label, struct error *err) MUST_CHECK;

/* The same for one text as it is, not YAML: "environment.set.NAME" with whatever value, a path, a host name. To a list it appends. */
int profile_set_text(struct profile *profile, const char *key, const char *text, const char *label, struct error *err) MUST_CHECK;

/* Checks across keys (a mount with two kinds, an unknown syscall or capability name…), not made by the two above; once before planning. */
int profile_check(const struct profile *profile, struct error *err) MUST_CHECK;

void profile_free(struct profile *profile);

#endif
