/* What the files that make up the control groups (cgroup.h) have of each other; for the unit tests as well. */
#ifndef CARREL_ISOLATE_CGROUP_PARTS_H
#define CARREL_ISOLATE_CGROUP_PARTS_H

#include "isolate/cgroup.h"

enum { CGROUP_SMALL_FILE = 64 << 10, CGROUP_LONG_FILE = 4 << 20 };

/* --- facts (cgroup_facts.c): pure over texts and a tree of files ------------------------------------------------------------------------- */

struct cgroup_mount {
	const char *root;  /* the cgroup that is mounted; "/" but in some containers */
	const char *point;
	bool read_only;
};

/* The path in the version 2 line of /proc/self/cgroup (cgroups(7)), or NULL. */
const char *cgroup_parse_own(struct arena *arena, const char *text);
/* The cgroup2 lines of a mountinfo (proc(5)), octal escapes undone. *ret_v1, where asked: is there version 1 as well? */
size_t cgroup_parse_mounts(struct arena *arena, const char *text, struct cgroup_mount **ret, bool *ret_v1);
/* "cpuset cpu io memory pids": those that we know. */
unsigned cgroup_parse_controllers(const char *text);
/* The number behind `key` in lines of "KEY NUMBER" (memory.events, cpu.stat); UINT64_MAX: not there. */
uint64_t cgroup_parse_stat(const char *text, const char *key);

/* What a process sees of the host. */
struct cgroup_view {
	int root;                /* directory that takes the place of "/" */
	const char *own_text;    /* /proc/self/cgroup */
	const char *mounts_text; /* /proc/self/mountinfo */
	pid_t self;
	bool is_root;            /* may write everywhere, so that permission says nothing about whose a cgroup is */
};
void cgroup_look(struct arena *arena, const struct cgroup_view *view, struct cgroup_facts *ret);

/* --- limits as files (cgroup_values.c) --------------------------------------------------------------------------------------------------- */

/* The devices that have a bandwidth of their own: "259:0 8:0 " from /sys/block, of which loops and memory disks are none. `block`: that directory.
 * The caller frees. */
char *cgroup_list_disks(int block);
/* A processor quota as cpu.max wants it: thousandths. */
enum { CGROUP_VALUE = 64 };
void cgroup_format_cpus(uint64_t thousandths, char buffer[CGROUP_VALUE]);
/* Write the limits of `mask` into the cgroup `dir`, whose path is for messages. `block`: /sys/block, opened when it is needed. */
int cgroup_set_values(int dir, const char *path, const char *block, const struct limit_spec *spec, unsigned mask, unsigned controllers, struct error *err) MUST_CHECK;

/* --- processes (cgroup_processes.c) ------------------------------------------------------------------------------------------------------- */

/* The numbers in a cgroup.procs, at most `most`. How many were read; *ret has room for them. 0 as well where it cannot be read. */
size_t cgroup_read_processes(int dir, pid_t *ret, size_t most);
/* The largest of a cgroup's processes; `largest` and `largest_comm` of *ret, which stays as it is where none can be seen. */
void cgroup_find_largest(int dir, struct limit_verdict *ret);

/* cgroup_kill before Linux 5.14: a signal for each, until none is left. */
int cgroup_kill_each(const struct cgroup *cgroup) MUST_CHECK;

/* One file of "KEY NUMBER" lines or of one number, read into `buffer`, which stays empty where there is none. */
enum { CGROUP_TEXT = 4096 };
const char *cgroup_read_text(int dir, const char *name, char buffer[CGROUP_TEXT]);
/* UINT64_MAX: "max", or no such file. */
uint64_t cgroup_read_number(int dir, const char *name);

#endif
