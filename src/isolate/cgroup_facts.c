/* Which cgroup is ours to make others in. The walk goes from the mount point down to our own cgroup and judges each on the way; the nearest to us that
 * has all that is usually needed wins, else the one that has most. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "isolate/cgroup_parts.h"
#include "util/fd.h"
#include "util/path.h"

static const struct {
	const char *name;
	unsigned bit;
} controllers[] = {
    {"cpu", CGROUP_CPU},
    {"memory", CGROUP_MEMORY},
    {"pids", CGROUP_PIDS},
    {"io", CGROUP_IO},
    {"cpuset", CGROUP_CPUSET},
};

enum { CGROUP_USUAL = CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS };

/* --- texts ------------------------------------------------------------------------------------------------------------------------------- */

const char *cgroup_parse_own(struct arena *arena, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		if (len > 3 && !strncmp(text, "0::/", 4))
			return arena_strndup(arena, text + 3, len - 3);
		text += len + (text[len] == '\n');
	}
	return NULL;
}

/* "\040" is a blank (proc(5), mounts). */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *at = text; *at;) {
		unsigned value = 0;

		if (at[0] == '\\' && strspn(at + 1, "01234567") >= 3) {
			for (size_t i = 1; i <= 3; i++)
				value = value * 8 + (unsigned)(at[i] - '0');
			*to++ = (char)value;
			at += 4;
		} else {
			*to++ = *at++;
		}
	}
	*to = 0;
	return text;
}

/* "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw": the kind of the file system, or NULL; root, point and options in `words`. */
static char *split_mount(char *line, char *words[3])
{
	char *rest = strstr(line, " - "), *save = NULL;

	if (!rest)
		return NULL;
	*rest = 0;
	char *word = strtok_r(line, " ", &save);
	for (size_t i = 0; word; i++, word = strtok_r(NULL, " ", &save)) {
		if (i >= 3 && i < 6)
			words[i - 3] = word;
	}
	return words[2] ? strtok_r(rest + 3, " ", &save) : NULL;
}

size_t cgroup_parse_mounts(struct arena *arena, const char *text, struct cgroup_mount **ret, bool *ret_v1)
{
	struct cgroup_mount *mounts = NULL;
	size_t count = 0;
	bool v1 = false;

	while (*text) {
		size_t len = strcspn(text, "\n");
		char *words[3] = {NULL}, *kind = NULL;

		/* Most lines are of other kinds, and there can be thousands. */
		if (memmem(text, len, " cgroup", 7))
			kind = split_mount(arena_strndup(arena, text, len), words);
		text += len + (text[len] == '\n');
		if (kind && !strcmp(kind, "cgroup"))
			v1 = true;
		if (!kind || strcmp(kind, "cgroup2") != 0)
			continue;
		mounts = arena_grow(arena, mounts, count, sizeof(*mounts));
		mounts[count++] = (struct cgroup_mount){.root = unescape(words[0]), .point = unescape(words[1]), .read_only = !strncmp(words[2], "ro", 2)};
	}
	*ret = mounts;
	if (ret_v1)
		*ret_v1 = v1;
	return count;
}

unsigned cgroup_parse_controllers(const char *text)
{
	unsigned found = 0;

	while (*text) {
		size_t len = strcspn(text, " \n");

		for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
			if (len == strlen(controllers[i].name) && !strncmp(text, controllers[i].name, len))
				found |= controllers[i].bit;
		}
		text += len + (text[len] != 0);
	}
	return found;
}

/* --- one cgroup -------------------------------------------------------------------------------------------------------------------------- */

/* Why one is not for us, the later the nearer it came to it. */
enum verdict { NOT_OURS, ARRANGED, NO_DOMAIN, NO_CONTROLLER, BUSY, USABLE };

struct walk {
	const struct cgroup_view *view;
	const char *path;       /* of the cgroup that is looked at */
	bool is_own;            /* it is the last one */
	bool in_manager;        /* at or below user@UID.service */
	bool delegated;         /* it or one above it carries systemd's mark, and no further manager stands between */
	enum verdict verdict;   /* the best so far */
	const char *verdict_of; /* path */
	struct cgroup_facts *facts;
};

static unsigned read_controllers(int dir, const char *name)
{
	char text[CGROUP_TEXT];

	return cgroup_parse_controllers(cgroup_read_text(dir, name, text));
}

/* systemd marks what it delegated: user.delegate since version 251, trusted.delegate (root sees it) since 236. */
static bool has_mark(int dir)
{
	char value[2];

	return (fgetxattr(dir, "user.delegate", value, sizeof(value)) == 1 && value[0] == '1') ||
	    (fgetxattr(dir, "trusted.delegate", value, sizeof(value)) == 1 && value[0] == '1');
}

static bool is_manager(const char *name)
{
	return !strncmp(name, "user@", 5) && strlen(name) > 13 && !strcmp(name + strlen(name) - 8, ".service");
}

static bool is_unit(const char *name)
{
	const char *suffix = strrchr(name, '.');

	return suffix && (!strcmp(suffix, ".service") || !strcmp(suffix, ".scope") || !strcmp(suffix, ".slice"));
}

/* Is it somebody else's to arrange although it can be written to? */
static bool is_arranged(const struct walk *walk, int dir)
{
	if (walk->delegated)
		return false;
	if (walk->in_manager)
		return true;
	/* Elsewhere an ordinary user has write access only because somebody gave it to him. */
	return walk->view->is_root && (is_unit(path_basename(walk->path)) || faccessat(dir, "init.scope", F_OK, 0) == 0);
}

static bool is_writable(int dir)
{
	/* Effective ids, as the kernel will look. */
	return faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == 0 && faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

static enum verdict judge(const struct walk *walk, int dir, unsigned *ret_controllers, bool *ret_holds_us)
{
	unsigned has, can;
	char kind[CGROUP_TEXT];
	pid_t processes[2];
	size_t count;

	if (!is_writable(dir))
		return NOT_OURS;
	if (is_arranged(walk, dir))
		return ARRANGED;
	/* The root of the whole hierarchy has no type, and may hold processes beside its children. */
	cgroup_read_text(dir, "cgroup.type", kind);
	if (kind[0] && strcmp(kind, "domain\n") != 0)
		return NO_DOMAIN;
	has = read_controllers(dir, "cgroup.subtree_control");
	can = read_controllers(dir, "cgroup.controllers");
	if (!(has | can))
		return NO_CONTROLLER;
	*ret_holds_us = false;
	*ret_controllers = has | can;
	if (has == *ret_controllers)
		return USABLE;
	if (faccessat(dir, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0) {
		*ret_controllers = has;
		return has ? USABLE : NO_CONTROLLER;
	}
	count = kind[0] ? cgroup_read_processes(dir, processes, 2) : 0;
	if (count == 0)
		return USABLE;
	*ret_holds_us = walk->is_own && count == 1 && processes[0] == walk->view->self;
	if (*ret_holds_us)
		return USABLE;
	*ret_controllers = has;
	return has ? USABLE : BUSY;
}

/* Is `fresh`, which is nearer to us, to be preferred? What limits the nearer one is meant for us as well. */
static bool is_better(unsigned fresh, unsigned old)
{
	return (fresh & CGROUP_USUAL) == CGROUP_USUAL || __builtin_popcount(fresh) >= __builtin_popcount(old);
}

static void visit(struct walk *walk, struct arena *arena, int dir)
{
	const char *name = path_basename(walk->path);
	unsigned found = 0;
	bool holds_us = false;
	enum verdict verdict;

	if (is_manager(name)) {
		/* Its own mark is the system manager's gift to the user's. */
		walk->in_manager = true;
		walk->delegated = false;
	} else if (!walk->delegated) {
		walk->delegated = has_mark(dir);
	}
	verdict = judge(walk, dir, &found, &holds_us);
	if (verdict == USABLE && (walk->verdict != USABLE || is_better(found, walk->facts->controllers))) {
		walk->facts->parent = arena_strdup(arena, walk->path);
		walk->facts->controllers = found;
		walk->facts->holds_us = holds_us;
	}
	if (verdict >= walk->verdict) {
		walk->verdict = verdict;
		walk->verdict_of = arena_strdup(arena, walk->path);
	}
}

/* --- all of them ------------------------------------------------------------------------------------------------------------------------- */

static const char *words_for(struct arena *arena, const struct walk *walk, bool read_only)
{
	switch (walk->verdict) {
	case ARRANGED:
		return arena_printf(arena, "not delegated: '%s' is systemd's own to arrange", walk->verdict_of);
	case NO_DOMAIN:
		return arena_printf(arena, "'%s' is ours, but it is a threaded one, which can hold no other kind", walk->verdict_of);
	case NO_CONTROLLER:
		return arena_printf(arena, "'%s' is ours, but it was given no controller", walk->verdict_of);
	case BUSY:
		return arena_printf(arena, "'%s' is ours, but it holds processes beside this one, so that the kernel gives those below it no controller "
					   "(DelegateSubgroup= of systemd.resource-control(5) leaves it empty)", walk->verdict_of);
	default:
		return arena_printf(arena, read_only ? "not delegated: '%s' is mounted read-only" : "not delegated: '%s' and those above it belong to others",
		    walk->facts->own);
	}
}

/* The path below the mount point, "" or "/a/b"; NULL: it is not to be seen there. */
static const char *below(const char *own, const char *root)
{
	if (!strncmp(own, "/..", 3))
		return NULL; /* outside of our cgroup namespace */
	if (!strcmp(root, "/"))
		return strcmp(own, "/") != 0 ? own : "";
	return path_is_beneath(own, root) ? own + strlen(root) : NULL;
}

static void walk_down(struct arena *arena, const struct cgroup_view *view, int mount, const char *rest, bool read_only, struct cgroup_facts *facts)
{
	struct walk walk = {.view = view, .verdict = NOT_OURS, .facts = facts, .path = facts->mount};
	cleanup_close int dir = fcntl(mount, F_DUPFD_CLOEXEC, 3);

	for (;;) {
		size_t len;
		int next;

		rest += strspn(rest, "/");
		walk.is_own = !*rest;
		if (dir < 0 || walk.is_own)
			break;
		visit(&walk, arena, dir);
		len = strcspn(rest, "/");
		walk.path = arena_printf(arena, "%s/%.*s", walk.path, (int)len, rest);
		next = openat(dir, arena_strndup(arena, rest, len), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		(void)fd_close(dir);
		dir = next;
		rest += len;
	}
	if (dir >= 0)
		visit(&walk, arena, dir);
	if (!facts->parent)
		facts->why_not = words_for(arena, &walk, read_only);
}

static int open_at(int root, const char *path)
{
	path += strspn(path, "/");
	return openat(root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static const char *absent(bool any_mount, bool v1)
{
	if (v1)
		return any_mount ? "cgroup v1: the controllers of this hybrid host are version 1's" : "cgroup v1";
	return any_mount ? "cgroup v2 is mounted, but it has no controller" : "no cgroup file system is mounted";
}

void cgroup_look(struct arena *arena, const struct cgroup_view *view, struct cgroup_facts *ret)
{
	struct cgroup_mount *mounts;
	bool v1;
	size_t count = cgroup_parse_mounts(arena, view->mounts_text, &mounts, &v1);
	const char *own = cgroup_parse_own(arena, view->own_text);

	*ret = (struct cgroup_facts){.why_not = absent(count > 0, v1)};
	for (size_t i = 0; i < count && !ret->own; i++) {
		cleanup_close int mount = open_at(view->root, mounts[i].point);
		const char *rest = own ? below(own, mounts[i].root) : NULL;

		if (mount < 0 || !read_controllers(mount, "cgroup.controllers"))
			continue;
		ret->mount = mounts[i].point;
		ret->why_not = "our own cgroup is not below what is mounted here";
		if (!rest)
			continue;
		ret->own = arena_printf(arena, "%s%s", mounts[i].point, rest);
		ret->why_not = NULL;
		walk_down(arena, view, mount, rest, mounts[i].read_only, ret);
	}
}

int cgroup_read_facts(struct arena *arena, struct cgroup_facts *ret, struct error *err)
{
	cleanup_free char *own = NULL, *mounts = NULL;
	struct cgroup_view view = {.self = getpid(), .is_root = geteuid() == 0};
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = fd_slurp_at(AT_FDCWD, "/proc/self/cgroup", CGROUP_SMALL_FILE, &own, NULL);

	if (r == -ENOENT) {
		*ret = (struct cgroup_facts){.why_not = "this kernel has no control groups, or /proc is not mounted"};
		return 0;
	}
	if (r < 0)
		return error_set(err, -r, "cannot read '/proc/self/cgroup'");
	r = fd_slurp_at(AT_FDCWD, "/proc/self/mountinfo", CGROUP_LONG_FILE, &mounts, NULL);
	if (r < 0)
		return error_set(err, -r, "cannot read '/proc/self/mountinfo'");
	view.root = root;
	view.own_text = own;
	view.mounts_text = mounts;
	cgroup_look(arena, &view, ret);
	return 0;
}
