#include "unit/profile/folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/path.h"

void folder_init(struct folder *folder)
{
	memset(folder, 0, sizeof(*folder));
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/carrel-profile.XXXXXX");
	cr_assert_not_null(mkdtemp(folder->path));
	folder->search.folders[0] = folder->path;
}

void folder_done(struct folder *folder)
{
	cr_expect_eq(path_remove_tree(AT_FDCWD, folder->path), 0);
}

const char *folder_file(const struct folder *folder, const char *name)
{
	static char file[128];

	(void)snprintf(file, sizeof(file), "%s/%s", folder->path, name);
	return file;
}

void folder_write(const struct folder *folder, const char *name, const char *text, size_t size)
{
	int fd = open(folder_file(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%s", name);
	cr_assert_eq(fd_write_all(fd, text, size), 0, "%s", name);
	(void)fd_close(fd);
}

void folder_put(const struct folder *folder, const char *name, const char *text)
{
	folder_write(folder, name, text, strlen(text));
}

const char *folder_error(const struct folder *folder, const struct error *err)
{
	static char text[2048];
	char whole[2048];
	char *out = text;

	(void)snprintf(whole, sizeof(whole), "%s:%u:%u %s: %s [%s]", err->file, err->line, err->column, err->what, err->cause, err->hint);
	size_t len = strlen(folder->path);
	for (const char *at = whole; *at;) {
		if (strncmp(at, folder->path, len) == 0 && at[len] == '/')
			at += len + 1;
		else
			*out++ = *at++;
	}
	*out = 0;
	return text;
}
