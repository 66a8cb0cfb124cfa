/* Files that have no name any more, or never had one, and are held by descriptors alone: memfds, and what was removed while open. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "isolate/watch_files.h"
#include "isolate/watch_parts.h"
#include "util/fd.h"
#include "util/mem.h"

enum { MAX_THREADS = 64 }; /* of one process, each of which may have a table of descriptors of its own (unshare(2), CLONE_FILES) */
enum { OBJECTS_FIRST = 64, OBJECTS_MAX = 65536 };

static DIR *open_listing(struct watch *watch, pid_t pid, const char *name)
{
	int fd = watch_open(watch, pid, name, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		(void)fd_close(fd);
	return dir;
}

static void each_of(struct watch *watch, pid_t pid, void (*act)(void *context, int dir, const char *name), void *context)
{
	DIR *dir = open_listing(watch, pid, "fd");
	const struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			act(context, dirfd(dir), entry->d_name);
	(void)closedir(dir);
}

void watch_each_descriptor(struct watch *watch, void (*act)(void *context, int dir, const char *name), void *context)
{
	for (size_t i = 0; i < watch->table.count; i++) {
		const struct watch_process *process = &watch->table.now[i];
		DIR *dir = process->threads < 2 ? NULL : open_listing(watch, process->pid, "task");
		const struct dirent *entry;
		size_t seen = 0;

		if (!dir) {
			each_of(watch, process->mm_pid, act, context);
			continue;
		}
		while ((entry = readdir(dir)) && seen < MAX_THREADS) {
			if (entry->d_name[0] == '.')
				continue;
			seen++;
			each_of(watch, atoi(entry->d_name), act, context);
		}
		(void)closedir(dir);
	}
}

static int compare(const void *a, const void *b)
{
	const struct watch_object *left = a, *right = b;

	if (left->dev != right->dev)
		return left->dev < right->dev ? -1 : 1;
	return left->inode < right->inode ? -1 : left->inode > right->inode;
}

static void tidy(struct watch_objects *objects)
{
	size_t kept = 0;

	if (objects->count > 0)
		qsort(objects->items, objects->count, sizeof(*objects->items), compare);
	for (size_t i = 0; i < objects->count; i++)
		if (kept == 0 || compare(&objects->items[kept - 1], &objects->items[i]) != 0)
			objects->items[kept++] = objects->items[i];
	objects->count = kept;
}

void watch_objects_add(struct watch_objects *objects, const struct watch_object *object)
{
	if (objects->count == objects->room) {
		tidy(objects);
		if (objects->count >= objects->room / 2) {
			if (objects->room >= OBJECTS_MAX && objects->count == objects->room)
				return;
			if (objects->room < OBJECTS_MAX) {
				objects->room = objects->room ? objects->room * 2 : OBJECTS_FIRST;
				objects->items = mem_resize(objects->items, objects->room, sizeof(*objects->items));
			}
		}
	}
	objects->items[objects->count++] = *object;
}

uint64_t watch_objects_sum(struct watch_objects *objects)
{
	uint64_t sum = 0;

	tidy(objects);
	for (size_t i = 0; i < objects->count; i++)
		sum += objects->items[i].bytes;
	return sum;
}

bool watch_objects_have(const struct watch_objects *objects, uint64_t dev, uint64_t inode)
{
	struct watch_object key = {.dev = dev, .inode = inode};

	return objects->count > 0 && bsearch(&key, objects->items, objects->count, sizeof(key), compare);
}
