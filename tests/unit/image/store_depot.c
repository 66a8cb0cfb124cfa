#include "store_depot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "util/fd.h"
#include "util/path.h"

struct store depot = {.dir = -1};
struct arena depot_arena;
struct error depot_error;
static char folder[] = "/tmp/carrel-store-XXXXXX";

void depot_begin(void)
{
	cr_assert_not_null(mkdtemp(folder));
	EXPECT_OK(store_create(folder, &depot, WHY), "depot");
}

void depot_end(void)
{
	store_close(&depot);
	arena_done(&depot_arena);
	(void)path_remove_tree(AT_FDCWD, folder);
}

struct digest depot_digest(const char *seed)
{
	struct digest digest;

	digest_of(seed, strlen(seed), &digest);
	return digest;
}

void depot_put_layer(const struct digest *diff_id, const char *text)
{
	struct store_layer layer;

	EXPECT_OK(store_layer_begin(&depot, &layer, WHY), text);
	cleanup_close int file = openat(layer.dir, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert(file >= 0 && fd_write_all(file, text, strlen(text)) == 0);
	EXPECT_OK(store_layer_commit(&layer, diff_id, LAYER_SINGLE, WHY), text);
}

static struct digest put(const char *text)
{
	struct digest digest;

	EXPECT_OK(store_put_blob(&depot, text, strlen(text), &digest, WHY), text);
	return digest;
}

struct image depot_image(const char *seed, const char *const *layers)
{
	struct image image = {.created = "2024-05-06T07:08:09Z", .platform = {.os = "linux", .architecture = "amd64"}};

	for (size_t i = 0; layers[i]; i++) {
		image.layers = arena_grow(&depot_arena, image.layers, i, sizeof(*image.layers));
		image.blobs = arena_grow(&depot_arena, image.blobs, i, sizeof(*image.blobs));
		image.layers[i] = depot_digest(layers[i]);
		image.blobs[i] = put(arena_printf(&depot_arena, "compressed %s", layers[i]));
		depot_put_layer(&image.layers[i], layers[i]);
		image.layer_count = image.blob_count = i + 1;
	}
	image.config = put(arena_printf(&depot_arena, "{\"config\": \"%s\"}", seed));
	image.manifest = put(arena_printf(&depot_arena, "{\"manifest\": \"%s\"}", seed));
	EXPECT_OK(store_put_image(&depot, &image, WHY), seed);
	return image;
}

struct reference depot_reference(const char *name)
{
	struct reference reference;

	EXPECT_OK(reference_parse(&depot_arena, name, &reference, WHY), name);
	return reference;
}

void depot_tag(const char *name, const struct image *image)
{
	struct reference reference = depot_reference(name);

	EXPECT_OK(store_tag(&depot, &reference, &image->manifest, WHY), name);
}

bool depot_has(const char *fmt, ...)
{
	struct stat st;
	char path[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return fstatat(depot.dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

size_t depot_count(const char *name)
{
	int fd = openat(depot.dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t count = 0;

	cr_assert_not_null(dir, "%s: %s", name, strerror(errno));
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

bool depot_is_whole(const struct image *image)
{
	bool whole = depot_has("images/%s", digest_hex(&image->manifest)) && depot_has("blobs/sha256/%s", digest_hex(&image->manifest)) &&
		depot_has("blobs/sha256/%s", digest_hex(&image->config));

	for (size_t i = 0; i < image->layer_count; i++)
		whole = whole && depot_has("blobs/sha256/%s", digest_hex(&image->blobs[i])) && depot_has("layers/%s.single/tree/file", digest_hex(&image->layers[i]));
	return whole;
}

pid_t depot_fork(int (*act)(int number), int number)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(act(number) ? 1 : 0);
	cr_assert(pid > 0);
	return pid;
}

void depot_wait(const char *name, pid_t pid, int status)
{
	int got;

	cr_assert(waitpid(pid, &got, 0) == pid, "%s", name);
	cr_expect(WIFEXITED(got) ? WEXITSTATUS(got) == status : 128 + WTERMSIG(got) == status, "%s: wait status %#x", name, (unsigned)got);
}
