#include "run/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"

enum { KEPT_MAX = 4096, FOLDERS_MAX = 1 << 20 };

static const char *identity_of(const struct run_image *image)
{
	return image->is_sqfs ? image->identity : image->image.manifest.text;
}

static int refuse(const char *name, const char *made_of, const char *now, const char *digest, struct error *err)
{
	(void)error_set(err, EEXIST, "cannot go on with the sandbox '%s'", name);
	(void)error_cause(err, "what it keeps lies over %s, not over %s", made_of, now);
	if (!strncmp(digest, "sha256:", 7))
		return error_hint(err, "carrel rm %s  makes room for a new one ;  carrel run --name %s %.19s  goes on with the old one", name, name, digest);
	return error_hint(err, "carrel rm %s  makes room for a new one", name);
}

static int replace(int dir, const char *file, const char *text)
{
	cleanup_close int fd = openat(dir, "image.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	return r == 0 && renameat(dir, "image.new", dir, file) < 0 ? -errno : r;
}

static int take_down(int dir, const char *name, const struct run_image *image, struct error *err)
{
	cleanup_free char *text = mem_printf("%s\n%s\n", identity_of(image), image->name);
	int r = replace(dir, "image", text);

	return r < 0 ? error_set(err, -r, "cannot note the image of the sandbox '%s'", name) : 0;
}

int kept_check(int dir, const char *name, const struct run_image *image, struct error *err)
{
	cleanup_free char *text = NULL;
	const char *now = image ? image->name : "a root that is no image's";
	int r = fd_slurp_at(dir, "image", KEPT_MAX, &text, NULL);
	struct stat st;

	if (r < 0 && r != -ENOENT)
		return error_set(err, -r, "cannot read of which image the sandbox '%s' is made", name);
	if (r == -ENOENT && fstatat(dir, "layers/root", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return image ? refuse(name, "a root that is no image's", now, "", err) : 0;
	if (r == -ENOENT)
		return image ? take_down(dir, name, image, err) : 0;
	char *rest = text, *digest = strsep(&rest, "\n"), *called = rest ? strsep(&rest, "\n") : NULL;
	if (image && !strcmp(identity_of(image), digest))
		return 0;
	if (image && called && !strcmp(image->name, called))
		now = "what that name stands for now";
	return refuse(name, called && *called ? called : digest, now, digest, err);
}

/* A name with a new line in it cannot be a line: then nothing is noted, and the sandbox not exported. */
int kept_note_root(int dir, const char *name, const struct tree_plan *tree, struct error *err)
{
	cleanup_buf struct buf text = {0};
	cleanup_free char *noted = NULL;
	bool is_line = !strchr(tree->root_source, '\n');
	int r;

	for (size_t i = 0; i < tree->lower_count; i++) {
		buf_printf(&text, "%s\n", tree->lower[i]);
		is_line = is_line && !strchr(tree->lower[i], '\n');
	}
	buf_printf(&text, "%s\n", tree->root_source);
	if (!is_line || (fd_slurp_at(dir, "root", FOLDERS_MAX, &noted, NULL) == 0 && !strcmp(noted, text.text)))
		return 0;
	r = replace(dir, "root", text.text);
	return r < 0 ? error_set(err, -r, "cannot note the root of the sandbox '%s'", name) : 0;
}

int kept_read(struct arena *arena, int dir, const char *name, struct kept_root *ret, struct error *err)
{
	cleanup_free char *image = NULL, *folders = NULL;
	int r = fd_slurp_at(dir, "image", KEPT_MAX, &image, NULL);

	if (r == -ENOENT)
		r = fd_slurp_at(dir, "root", FOLDERS_MAX, &folders, NULL);
	if (r < 0 && r != -ENOENT)
		return error_set(err, -r, "cannot read on what the sandbox '%s' stands", name);
	*ret = (struct kept_root){.image = image ? arena_strndup(arena, image, strcspn(image, "\n")) : NULL, .folders = folders ? arena_strdup(arena, folders) : NULL};
	return 0;
}
