#include "isolate/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "util/fd.h"

#define LAUNCHER "carrel-launcher"

enum { MAKE_TRIES = 64, DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static const struct cgroup nothing = {.parent = -1, .outer = -1, .box = -1, .events = -1};

/* --- the place --------------------------------------------------------------------------------------------------------------------------- */

static int put_pid(int dir, const char *file, pid_t pid)
{
	char text[CGROUP_VALUE];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return fd_put_at(dir, file, text);
}

static int leave_parent(const struct cgroup *cgroup, const char *parent, struct error *err)
{
	int r = mkdirat(cgroup->parent, LAUNCHER, 0755) < 0 && errno != EEXIST ? -errno : 0;

	if (r == 0)
		r = put_pid(cgroup->parent, LAUNCHER "/cgroup.procs", getpid());
	return r < 0 ? error_set(err, -r, "cannot move carrel itself from the cgroup '%s' to '%s/" LAUNCHER "'", parent, parent) : 0;
}

static unsigned needed_controllers(const struct limit_spec *spec, unsigned mask)
{
	unsigned needed = 0;

	for (enum limit limit = 0; limit < LIMIT_MAX; limit++) {
		if ((mask & (1u << limit)) && spec->values[limit].is_set)
			needed |= cgroup_controller_of(limit);
	}
	return needed;
}

static int enable(int dir, unsigned bits)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {{CGROUP_CPU, "+cpu "}, {CGROUP_MEMORY, "+memory "}, {CGROUP_PIDS, "+pids "}, {CGROUP_IO, "+io "}, {CGROUP_CPUSET, "+cpuset "}};
	char text[CGROUP_VALUE] = "";

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (bits & words[i].bit)
			(void)strcat(text, words[i].word);
	}
	return text[0] ? fd_put_at(dir, "cgroup.subtree_control", text) : 0;
}

/* What limits ask for has to be there; what only counts would be welcome. */
static int give_controllers(const struct cgroup *cgroup, const struct cgroup_place *place, const struct limit_spec *spec, unsigned mask, struct error *err)
{
	unsigned needed = needed_controllers(spec, mask), welcome = 0, has;
	char text[CGROUP_TEXT];
	int r;

	if (spec->accounting)
		welcome = (CGROUP_MEMORY | CGROUP_PIDS | CGROUP_IO) & place->controllers;
	has = cgroup_parse_controllers(cgroup_read_text(cgroup->parent, "cgroup.subtree_control", text));
	r = enable(cgroup->parent, (needed | welcome) & ~has);
	if (r < 0 && (welcome & ~needed & ~has))
		r = enable(cgroup->parent, needed & ~has);
	if (r == 0 || !(needed & ~has))
		return 0;
	error_set(err, -r, "cannot give controllers to the children of the cgroup '%s'", place->parent);
	if (r == -EBUSY)
		error_cause(err, "it holds processes of its own");
	else if (r == -ENOENT)
		error_cause(err, "it has not got them itself any more");
	return -err->code;
}

/* --- making ------------------------------------------------------------------------------------------------------------------------------ */

/* Between the making and the lock it looks like one whose launcher is gone, and another start may sweep it: then either the lock is taken, or nothing
 * can be made in it any more. */
static int make_levels(struct cgroup *cgroup, const char *parent, struct error *err)
{
	static unsigned number; /* a launcher that makes several */
	char name[CGROUP_VALUE];

	for (int tries = 0; tries < MAKE_TRIES; tries++) {
		(void)snprintf(name, sizeof(name), "carrel-%d-%u", (int)getpid(), number++);
		if (mkdirat(cgroup->parent, name, 0755) < 0) {
			if (errno == EEXIST)
				continue;
			error_set(err, errno, "cannot make the cgroup '%s/%s'", parent, name);
			return errno == EAGAIN ? error_cause(err, "no more cgroups are allowed here (cgroup.max.descendants, cgroup.max.depth)") : -err->code;
		}
		cleanup_close int outer = openat(cgroup->parent, name, DIRECTORY);
		if (outer < 0 || flock(outer, LOCK_EX | LOCK_NB) < 0)
			continue;
		if (mkdirat(outer, "box", 0755) < 0) {
			int r = -errno;

			(void)unlinkat(cgroup->parent, name, AT_REMOVEDIR); /* where it is still there */
			if (r == -ENOENT || r == -ENODEV)
				continue;
			return error_set(err, -r, "cannot make the cgroup '%s/%s/box'", parent, name);
		}
		cgroup->path = mem_printf("%s/%s", parent, name);
		cgroup->outer = take_fd(outer);
		cgroup->box = openat(cgroup->outer, "box", DIRECTORY);
		return cgroup->box < 0 ? error_set(err, errno, "cannot open the cgroup '%s/box'", cgroup->path) : 0;
	}
	return error_set(err, EAGAIN, "cannot lock a new cgroup in '%s'", parent);
}

/* A payload with a cgroup2 of its own mounted makes no children in the box: other ids' leftovers could not be removed, and each costs the kernel memory.
 * Said one level above, where it cannot take it back. */
static void forbid_children(const struct cgroup *cgroup)
{
	(void)!fd_put_at(cgroup->outer, "cgroup.max.descendants", "1"); /* the limits hold without it */
}

static void remember_limits(struct cgroup *cgroup, const struct limit_spec *spec, unsigned mask)
{
	for (enum limit limit = 0; limit < LIMIT_MAX; limit++)
		cgroup->is_set[limit] = (mask & (1u << limit)) && spec->values[limit].is_set;
	if (cgroup->is_set[LIMIT_MEMORY])
		cgroup->memory_limit = spec->values[LIMIT_MEMORY].value;
}

static int make(const struct cgroup_place *place, const struct limit_spec *spec, unsigned mask, struct cgroup *cgroup, struct error *err)
{
	int r = 0;

	cgroup->parent = open(place->parent, DIRECTORY);
	if (cgroup->parent < 0)
		return error_set(err, errno, "cannot open the cgroup '%s'", place->parent);
	cgroup_sweep(place->parent);
	if (place->holds_us)
		r = leave_parent(cgroup, place->parent, err);
	if (r == 0)
		r = make_levels(cgroup, place->parent, err);
	if (r == 0 && place->first)
		r = cgroup_enter(cgroup, place->first, err);
	if (r == 0)
		r = give_controllers(cgroup, place, spec, mask, err);
	if (r == 0)
		r = cgroup_set_values(cgroup->outer, cgroup->path, "/sys/block", spec, mask, place->controllers, err);
	if (r < 0)
		return r;
	forbid_children(cgroup);
	remember_limits(cgroup, spec, mask);
	cgroup->events = openat(cgroup->outer, "memory.events", O_RDONLY | O_CLOEXEC); /* none without the controller */
	return 0;
}

int cgroup_make(const struct cgroup_place *place, const struct limit_spec *spec, unsigned mask, struct cgroup *ret, struct error *err)
{
	struct cgroup cgroup = nothing;
	int r = make(place, spec, mask, &cgroup, err);

	if (r == 0) {
		*ret = cgroup;
		return 0;
	}
	if (cgroup.path && place->first)
		(void)!put_pid(cgroup.parent, "cgroup.procs", place->first); /* refused once its children have controllers */
	cgroup_remove(&cgroup);
	return r;
}

int cgroup_enter(const struct cgroup *cgroup, pid_t pid, struct error *err)
{
	int r = put_pid(cgroup->box, "cgroup.procs", pid);

	return r < 0 ? error_set(err, -r, "cannot move process %d into the cgroup '%s/box'", (int)pid, cgroup->path) : 0;
}

/* --- removing ---------------------------------------------------------------------------------------------------------------------------- */

static bool wait_a_little(unsigned *tries)
{
	enum { TRIES = 12, FIRST_US = 100 }; /* 0.4 s together */
	struct timespec pause = {.tv_nsec = (long)(FIRST_US * 1000) << *tries};

	if (*tries >= TRIES)
		return false;
	++*tries;
	(void)nanosleep(&pause, NULL);
	return true;
}

static int remove_levels(int parent, int outer, const char *name, bool wait)
{
	unsigned tries = 0;
	int r;

	for (;;) {
		r = unlinkat(outer, "box", AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENODEV ? -errno : 0;
		if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
		if (r != -EBUSY || !wait || !wait_a_little(&tries))
			return r;
	}
}

void cgroup_remove(struct cgroup *cgroup)
{
	if (cgroup->path)
		(void)remove_levels(cgroup->parent, cgroup->outer, strrchr(cgroup->path, '/') + 1, true); /* else the next start sweeps it */
	free(cgroup->path);
	(void)fd_close(cgroup->events);
	(void)fd_close(cgroup->box);
	(void)fd_close(cgroup->outer);
	(void)fd_close(cgroup->parent);
	*cgroup = nothing;
}

/* "carrel-PID-N" */
static bool is_ours(const char *name)
{
	if (strncmp(name, "carrel-", 7) != 0 || !isdigit((unsigned char)name[7]))
		return false;
	name += 7;
	name += strspn(name, "0123456789");
	return name[0] == '-' && isdigit((unsigned char)name[1]) && !name[1 + strspn(name + 1, "0123456789")];
}

static bool sweep_one(int parent, const char *name)
{
	cleanup_close int outer = openat(parent, name, DIRECTORY);
	struct cgroup left = nothing;

	if (outer < 0 || flock(outer, LOCK_EX | LOCK_NB) < 0)
		return false;
	if (remove_levels(parent, outer, name, false) == 0)
		return true;
	/* Nobody is there to end what still runs in it. */
	left.outer = outer;
	left.box = openat(outer, "box", DIRECTORY);
	if (left.box >= 0)
		(void)!cgroup_kill(&left); /* the next start tries again */
	(void)fd_close(left.box);
	return remove_levels(parent, outer, name, false) == 0;
}

void cgroup_sweep(const char *parent)
{
	int fd = open(parent, DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned swept = 0;

	if (!dir) {
		(void)fd_close(fd);
		return;
	}
	while (swept < CGROUP_SWEEP_MOST && (entry = readdir(dir))) {
		if (entry->d_type == DT_DIR && is_ours(entry->d_name) && sweep_one(dirfd(dir), entry->d_name))
			swept++;
	}
	(void)closedir(dir);
}
