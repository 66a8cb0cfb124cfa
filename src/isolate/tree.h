/* The file tree of a sandbox: its root and everything mounted into it, as a list that is worked off in order.
 *
 * Theory of operation. PID 1 of the sandbox, alone in its new namespaces and with the host's tree still before it, first
 * opens every source (tree_open), so that no later mount can change what a source means. Then the root is made (root.c):
 * the host's own tree made read-only in place, or another directory, layered or not, that becomes the root by
 * pivot_root. Then come the entries (tree_entries.c); each target is resolved inside the new root and held open while it is
 * mounted on. Three things can stand where a target is missing: in a layer of ours it is just made; in a read-only
 * host directory that directory is replaced by a mirror of itself that has room (mirror.c); in a writable host directory
 * an empty placeholder is lent by the host and taken back when the sandbox has ended (placeholder.h). Last come the covers
 * for what is hidden or protected (cover.c).
 */
#ifndef CARREL_ISOLATE_TREE_H
#define CARREL_ISOLATE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate/overlay.h"
#include "util/error.h"
#include "util/mem.h"

enum tree_kind {
	TREE_BIND,    /* source, as it is or read-only */
	TREE_LAYERED, /* source under a writable layer: writes are discarded or kept */
	TREE_TMPFS,
	TREE_FILE,    /* a file with `content` */
	TREE_PROC,
	TREE_SYS,
	TREE_DEV,
	TREE_VOLUME, /* a directory of the layered root that stays writable where the rest does not */
	TREE_HIDE,
	TREE_PROTECT,
	TREE_KIND_MAX,
};

struct tree_entry {
	enum tree_kind kind;
	const char *target; /* absolute and clean, as the sandbox sees it */
	const char *source; /* absolute, on the host; NULL for kinds without one */
	const char *beneath; /* a directory above the source that no symlink on the way may lead out of; NULL: any may */
	bool writable, noexec, optional;
	bool made_up;        /* not asked for by name (masks): a target that is not there is no error */
	bool of_host_sys;    /* to be covered only where /sys is the host's */
	bool wants_directory; /* hide, protect: stand-in for a path that does not exist is a directory */
	uint64_t size;      /* tmpfs */
	bool in_scratch;    /* tmpfs: a folder of the scratch tmpfs, whose size holds for all together, and none of its own */
	mode_t mode;        /* tmpfs and file */
	const char *content;
	const char *keep;   /* TREE_LAYERED: the folder of the kept layer; NULL: discarded */
	struct origin at;
	int source_fd;      /* filled by tree_open: a detached mount */
};

enum tree_root {
	TREE_ROOT_HOST,    /* the host's tree, read-only, in place */
	TREE_ROOT_MIRROR,  /* the same with a root directory of ours, which has room for what the host's has not */
	TREE_ROOT_BIND,    /* root_source */
	TREE_ROOT_LAYERED, /* root_source (and `lower` above it) under a writable layer */
	TREE_ROOT_EMPTY,   /* a tmpfs */
};

enum tree_scratch { TREE_SCRATCH_MEMORY, TREE_SCRATCH_DISK };

struct tree_plan {
	enum tree_root root;
	const char *root_source; /* the host's "/" for a layered host root; a squashfs file's name where `root_squash` */
	bool root_squash;        /* LAYERED: the open file `root_file` is the lowest layer */
	int root_file;
	struct origin root_at;
	const char **lower;      /* further lower layers, topmost first */
	size_t lower_count;
	const char *root_keep;   /* the folder of the root's kept layer; NULL: discarded */
	bool root_read_only;     /* LAYERED: for the payload; while we build, it has room */
	const char **directories; /* made where they are missing, in what is ours */
	size_t directory_count, entry_count;
	enum overlay_backend_kind overlay;
	enum tree_scratch scratch; /* where discarded layers lie */
	const char *scratch_dir;   /* for TREE_SCRATCH_DISK: a fresh folder of ours */
	uint64_t scratch_size;     /* of the tmpfs for TREE_SCRATCH_MEMORY; 0: the kernel's default */
	struct tree_entry *entries;
	bool has_covers;           /* any TREE_HIDE, TREE_PROTECT or mask */
};

enum { TREE_DEVICE_MAX = 6, TREE_STORAGE_MAX = 64 };

/* Whose a mounted place is: decides what may be made in it. */
enum tree_owner { TREE_HOST_RO, TREE_HOST_RW, TREE_OURS };

struct tree_mount {
	uint64_t id;
	enum tree_owner owner;
};

struct tree {
	struct arena *arena;
	const struct tree_plan *plan;
	const struct overlay_host *host;
	int guard;      /* the placeholders' guard (placeholder.h); -1: none */
	int root_fd;    /* the root as far as it is built */
	int void_fd;    /* a tmpfs with an empty directory "dir" and an empty file "file" */
	int scratch_fd; /* the folder of discarded layers and of what is `in_scratch`, once needed */
	bool scratch_attached, sys_is_hosts; /* hosts: no fresh sysfs was to be had */
	unsigned areas; /* how many were made in it */
	int *lower_fds;
	int root_source_fd;
	enum overlay_backend_kind overlay_used; /* AUTO: no layer was mounted */
	struct tree_mount *mounts;
	size_t mount_count;
	int *late_readonly; /* mirrors, writable while we build */
	size_t late_count;
	int *unrestricted;  /* before 5.12: what a mirrored root shows; it has no path of its own before the pivot */
	size_t unrestricted_count;
	int devices[TREE_DEVICE_MAX]; /* devices.h */
	int dev_fd;     /* the tmpfs at /dev, where there is one */
	int tty_gid;    /* the group of terminals where it is mapped; -1 */
};

/* An empty tree, before anything is open. The arena, plan, host, guard and tty_gid are the caller's. */
void tree_init(struct tree *tree, struct arena *arena, const struct tree_plan *plan);
/* What needs neither mapped ids nor anybody's permission: the new filesystems. Done while the ids are being mapped. */
int tree_prepare(struct tree *tree, struct tree_entry *entries, struct error *err) MUST_CHECK;
/* Open every source; a missing optional one marks its entry as done with (source_fd -1, target NULL). */
int tree_open(struct tree *tree, struct tree_entry *entries, struct error *err) MUST_CHECK;
/* The one source that tree_open leaves out, /sys: it wants the network namespace entered, and the host's tree still before it. */
int tree_open_sys(struct tree *tree, struct tree_entry *entries, struct error *err) MUST_CHECK;
/* Make the root, and make it ours: afterwards "/" is the sandbox's. */
int tree_make_root(struct tree *tree, struct error *err) MUST_CHECK;
/* A pivot takes the host's /sys out of sight, and something may be mounted below the new one. Where neither is so, /sys can come after the other
 * places, and the network namespace has until then to be made. */
bool tree_sys_can_wait(const struct tree_plan *plan);
/* Work off the entries of one part, in their order: the places, /sys, and at last what covers parts of them. */
enum tree_part { TREE_PART_PLACES, TREE_PART_SYS, TREE_PART_COVERS };
int tree_mount_entries(struct tree *tree, enum tree_part part, struct error *err) MUST_CHECK;
/* Everything that was left writable for building becomes read-only. */
int tree_finish(struct tree *tree, struct error *err) MUST_CHECK;

/* Where the payload can store what ends with the sandbox. Mounts are O_PATH, good for fstatfs(2); a folder on disk is open for reading. */
struct tree_storage {
	int scratch;                 /* -1: none was needed */
	bool scratch_on_disk;
	int tmpfs[TREE_STORAGE_MAX]; /* further tmpfs mounts, each a filesystem of its own */
	size_t tmpfs_count;
};

/* After tree_finish, and before the payload is forked. The descriptors stay the tree's, and close-on-exec. */
int tree_storage_fds(struct tree *tree, struct tree_storage *ret, struct error *err) MUST_CHECK;

#endif
