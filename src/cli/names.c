/* What completion offers of this machine's. Asked for at each <Tab>: references are names of files, and nothing else is read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "image/store.h"
#include "run/host.h"
#include "util/fd.h"

extern char **environ;

static void add_images(struct buf *out, struct arena *arena, const struct store *store)
{
	struct store_ref *refs;
	size_t count;

	if (store_refs(store, arena, &refs, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct reference reference;

		if (reference_parse(arena, refs[i].name, &reference, NULL) == 0)
			buf_printf(out, "%s\n", reference_familiar(arena, &reference));
	}
}

/* A name that a shell would take for more than a word is not offered. */
static bool is_plain(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return name[0] != '.' && name[0] != '-' && strspn(name, plain) == strlen(name);
}

static void add_sandboxes(struct buf *out, const struct store *store)
{
	int fd = openat(store->dir, "instances", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_plain(entry->d_name))
			buf_printf(out, "%s\n", entry->d_name);
	if (dir)
		(void)closedir(dir);
}

void names_format(struct buf *out, const char *kinds)
{
	struct arena arena = {0};
	struct host host;
	struct store store;

	if (host_read(&arena, environ, &host, NULL) == 0 && store_open(host.store_dir, &store, NULL) == 0) {
		if (strstr(kinds, "images"))
			add_images(out, &arena, &store);
		if (strstr(kinds, "sandboxes"))
			add_sandboxes(out, &store);
		store_close(&store);
	}
	arena_done(&arena);
}
