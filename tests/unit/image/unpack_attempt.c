#include "unit/image/unpack_attempt.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"
#include "util/proc.h"

/* --- what is there --- */

static void describe(struct buf *out, int dir, const char *path);

static void describe_entry(struct buf *out, int dir, const char *name, const char *path)
{
	char text[256] = "";
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	buf_puts(out, path);
	if (S_ISDIR(st.st_mode)) {
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		buf_puts(out, fgetxattr(fd, "user.overlay.opaque", text, sizeof(text)) > 0 ? "/! " : "/ ");
		describe(out, fd, path);
		(void)close(fd);
	} else if (S_ISREG(st.st_mode)) {
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		(void)!read(fd, text, sizeof(text) - 1);
		buf_printf(out, "=%s ", text);
		(void)close(fd);
	} else if (S_ISLNK(st.st_mode)) {
		(void)!readlinkat(dir, name, text, sizeof(text) - 1);
		buf_printf(out, ">%s ", text);
	} else {
		buf_puts(out, S_ISFIFO(st.st_mode) ? "| " : S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0) ? "% " : "?! ");
	}
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void describe(struct buf *out, int dir, const char *path)
{
	struct dirent **names;
	int count = scandirat(dir, ".", &names, not_dots, by_bytes);

	for (int i = 0; i < count; i++) {
		cleanup_free char *inner = mem_printf("%s%s%s", path, path[0] ? "/" : "", names[i]->d_name);

		describe_entry(out, dir, names[i]->d_name, inner);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

/* --- one archive --- */

static void make_sibling(void)
{
	int fd;

	if (mkdir("target", 0755) < 0 || mkdir("sibling", 0777) < 0 || chmod("sibling", 0777) < 0)
		abort();
	fd = open("sibling/victim", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_all(fd, "victim", 6) < 0)
		abort();
	(void)close(fd);
}

static void snapshot(struct buf *out)
{
	struct stat st;
	int fd = open("sibling", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)fstat(fd, &st);
	describe(out, fd, "sibling");
	buf_puts(out, fgetxattr(fd, "user.overlay.opaque", NULL, 0) > 0 ? "opaque " : "");
	buf_printf(out, "%o %d:%d %lld.%ld", st.st_mode, (int)st.st_uid, (int)st.st_gid, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	(void)close(fd);
	(void)stat("sibling/victim", &st);
	buf_printf(out, ", victim %o %d:%d %ld links", st.st_mode, (int)st.st_uid, (int)st.st_gid, (long)st.st_nlink);
}

void attempt(struct attempt *ret, const struct tar_case *tar, const struct unpack_spec *spec)
{
	struct buf before = {0}, after = {0};
	int ends[2], target;

	*ret = (struct attempt){.result = 0};
	make_sibling();
	snapshot(&before);
	target = open("target", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target < 0 || pipe2(ends, O_CLOEXEC) < 0)
		abort();
	pid_t writer = fork();
	if (writer == 0) {
		(void)close(ends[0]);
		(void)signal(SIGPIPE, SIG_IGN);
		(void)tar_case_write(tar, ends[1]);
		_exit(0);
	}
	(void)close(ends[1]);
	ret->result = unpack_stream(ends[0], target, spec, &ret->what, &ret->err);
	(void)close(ends[0]);
	(void)!proc_wait(writer);
	snapshot(&after);
	if (strcmp(before.text, after.text))
		buf_printf(&ret->outside, "before: %s, after: %s", before.text, after.text);
	if (tar->tree)
		describe(&ret->tree, target, "");
	(void)close(target);
	buf_done(&before);
	buf_done(&after);
}

void attempt_done(struct attempt *attempt, struct buf *complaints, const char *name)
{
	int r = path_remove_tree(AT_FDCWD, "target");

	if (r < 0)
		buf_printf(complaints, "%s: what is there cannot be removed: %s\n", name, strerror(-r));
	(void)path_remove_tree(AT_FDCWD, "sibling");
	buf_done(&attempt->tree);
	buf_done(&attempt->outside);
}
