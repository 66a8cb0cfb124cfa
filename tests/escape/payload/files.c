/* Files that a sandbox must not reach, change or replace. */
#include "../attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- one file --- */

static long read_file(char **args)
{
	char byte;
	int fd = open(args[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	long n = fd < 0 ? -1 : read(fd, &byte, 1);

	if (n != 0)
		return n;
	(void)puts("empty");
	return SAID;
}

/* Its first words; spaces for what does not print. */
static long show(char **args)
{
	char text[200];
	int fd = open(args[0], O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	for (ssize_t i = 0; i < n; i++)
		(void)putchar(text[i] > ' ' && text[i] < 127 ? text[i] : ' ');
	(void)putchar('\n');
	return n < 0 ? -1 : SAID;
}

static long write_file(char **args)
{
	return open(args[0], O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static long create_file(char **args)
{
	return open(args[0], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

static long put_text(char **args)
{
	int fd = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	size_t len = strlen(args[1]);

	return fd < 0 || write(fd, args[1], len) != (ssize_t)len ? -1 : 0;
}

static long list(char **args)
{
	DIR *dir = opendir(args[0]);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (count)
		return 0;
	(void)puts("empty");
	return SAID;
}

static long type_of(char **args)
{
	struct stat st;

	if (lstat(args[0], &st) < 0)
		return -1;
	if (S_ISCHR(st.st_mode))
		(void)printf("device %u:%u\n", (unsigned)(st.st_rdev >> 8), (unsigned)(st.st_rdev & 0xff));
	else
		(void)puts(S_ISDIR(st.st_mode) ? "directory" : S_ISREG(st.st_mode) ? "file" : S_ISLNK(st.st_mode) ? "symlink" : "other");
	return SAID;
}

/* --- many files --- */

static char found[PATH_MAX];

static int try_writing(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd;

	(void)ftw;
	if (type != FTW_F || !(st->st_mode & 0222))
		return 0;
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	(void)close(fd);
	(void)snprintf(found, sizeof(found), "%s", path);
	return 1;
}

/* The first file below that can be opened for writing. A folder that goes while nftw is on its way to it (a filesystem's in /sys) ends the walk; half a walk says nothing. */
/* Twice where nothing is found: what others take out of sysfs meanwhile can hide its neighbours from a reader. */
static long writable_below(char **args)
{
	int r = 0;

	for (int walk = 0; walk < 2 && r == 0; walk++)
		for (char **top = args; *top && !found[0] && r == 0; top++) {
			r = -1;
			for (int tries = 0; tries < 50 && r < 0; tries++) {
				r = nftw(*top, try_writing, 32, FTW_PHYS);
				if (r < 0 && access(*top, F_OK) < 0)
					r = 0; /* it is not there at all */
			}
		}
	(void)puts(found[0] ? found : r < 0 ? "half a walk" : "none");
	return SAID;
}

/* CVE-2019-5736: each program that runs in here, through the link that leads past all mounts. */
static long executables(char **args)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[PATH_MAX];
	int opened = 0;

	(void)args;
	while (proc && (entry = readdir(proc))) {
		(void)snprintf(path, sizeof(path), "/proc/%s/exe", entry->d_name);
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			opened += open(path, O_WRONLY | O_CLOEXEC) >= 0;
	}
	(void)printf("%d\n", opened);
	return SAID;
}

static long descriptors(char **args)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;

	(void)args;
	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (fd > 2 && fd != dirfd(dir))
			count += printf("%s%d", count ? " " : "", fd);
	}
	(void)puts(count ? "" : "none");
	return SAID;
}

/* CVE-2024-21626: is the working directory below the root, however far one climbs? */
static long climb(char **args)
{
	char cwd[PATH_MAX];
	struct stat root, here;

	(void)args;
	if (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/')
		return 0;
	for (int i = 0; i < 128; i++)
		if (chdir("..") < 0)
			return -1;
	if (stat("/", &root) < 0 || stat(".", &here) < 0)
		return -1;
	(void)puts(root.st_dev == here.st_dev && root.st_ino == here.st_ino ? "inside" : "outside");
	return SAID;
}

/* --- all that can be done to a path --- */

static void make_evil(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd >= 0)
		(void)!write(fd, "evil", 4);
	if (fd >= 0)
		(void)close(fd);
}

/* Replace `path` by an evil file, in every way there is. */
static void replace(const char *path)
{
	char other[PATH_MAX + 8], inside[PATH_MAX + 8];

	make_evil(path);
	(void)snprintf(inside, sizeof(inside), "%s/evil", path);
	make_evil(inside);
	(void)chmod(path, 0777);
	(void)truncate(path, 0);
	(void)unlink(path);
	(void)rmdir(path);
	(void)snprintf(other, sizeof(other), "%s.evil", path);
	make_evil(other);
	(void)rename(other, path);
	(void)renameat2(AT_FDCWD, other, AT_FDCWD, path, 2 /* RENAME_EXCHANGE */);
	(void)link(other, path);
	(void)symlink(other, path);
	(void)unlink(other);
	(void)snprintf(other, sizeof(other), "%s.moved", path);
	(void)rename(path, other);
	make_evil(path);
}

/* args: a path. Move every directory on the way to it aside, from the working directory on, and make the way anew. */
static long ruin(char **args)
{
	char way[PATH_MAX], aside[PATH_MAX + 8];

	replace(args[0]);
	(void)snprintf(way, sizeof(way), "%s", args[0]);
	for (char *slash = strchr(way + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)snprintf(aside, sizeof(aside), "%s.moved", way);
		if (rename(way, aside) == 0 || unlink(way) == 0 || errno == ENOENT)
			(void)mkdir(way, 0777);
		*slash = '/';
	}
	make_evil(args[0]);
	return 0;
}

/* args: a path, a mark to make, and one to wait for. */
static long ruin_later(char **args)
{
	make_evil(args[1]);
	while (access(args[2], F_OK) < 0)
		(void)usleep(5000);
	return ruin(args);
}

static long make_symlink(char **args)
{
	(void)unlink(args[1]);
	return symlink(args[0], args[1]);
}

/* args: a directory, a target and a mark. Swap the directory for a symlink to the target and back, for ever. */
static long swap(char **args)
{
	if (symlink(args[1], "link") < 0 || mkdir(args[2], 0777) < 0)
		return -1;
	for (;;) {
		(void)rename(args[0], "aside");
		(void)rename("link", args[0]);
		(void)rename(args[0], "link");
		(void)rename("aside", args[0]);
	}
}

static long replace_directory(char **args)
{
	return rename(args[0], "moved") < 0 ? -1 : symlink(args[1], args[0]);
}

static const struct attack attacks[] = {
    {"read", read_file}, {"show", show}, {"write", write_file}, {"create", create_file}, {"put", put_text}, {"list", list}, {"type", type_of},
    {"writable-below", writable_below}, {"executables", executables}, {"descriptors", descriptors}, {"climb", climb},
    {"ruin", ruin}, {"ruin-later", ruin_later}, {"swap", swap}, {"symlink", make_symlink}, {"replace-directory", replace_directory},
};

int main(int argc, char **argv)
{
	(void)argc;
	return attack_main(attacks, ARRAY_SIZE(attacks), argv);
}
