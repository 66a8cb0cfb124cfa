#include "run/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"

/* --- before ------------------------------------------------------------------------------------------------------------------------ */

static int open_descriptor(const char *target, struct report_file *ret, struct error *err)
{
	char *end;

	errno = 0;
	long fd = strtol(target, &end, 10);
	if (errno || fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0) {
		(void)error_set(err, EBADF, "cannot write the report to descriptor %s", target);
		(void)error_cause(err, "carrel was started without it");
		return error_hint(err, "open it in the shell, as in  %s>report.json ; a file whose name is a number is ./%s", target, target);
	}
	*ret = (struct report_file){.target = target, .fd = (int)fd, .dir = -1};
	return 0;
}

static int open_in_place(struct report_file *report, struct error *err)
{
	report->fd = openat(report->dir, report->name, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC, 0666);
	return report->fd < 0 ? error_set(err, errno, "cannot open the report %s", report->target) : 0;
}

static int open_file(const char *target, struct report_file *ret, struct error *err)
{
	struct report_file report = {.target = target, .name = path_basename(target), .fd = -1};
	cleanup_free char *folder = mem_strdup(target);
	mode_t mask = umask(0);
	struct stat st;
	int r = 0;

	(void)umask(mask);
	folder[report.name - target] = 0;
	report.dir = open(folder[0] ? folder : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (report.dir < 0)
		return error_set(err, errno, "cannot create the report %s", target);
	bool is_there = fstatat(report.dir, report.name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	report.mode = is_there ? st.st_mode & 0777 : 0666 & ~mask;
	if ((is_there && !S_ISREG(st.st_mode)) || faccessat(report.dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		r = open_in_place(&report, err);
	if (r < 0)
		report_file_close(&report);
	else
		*ret = report;
	return r;
}

int report_file_open(const char *target, struct report_file *ret, struct error *err)
{
	if (!*target)
		return error_set(err, ENOENT, "cannot write the report %s", target);
	return target[strspn(target, "0123456789")] == 0 ? open_descriptor(target, ret, err) : open_file(target, ret, err);
}

/* --- after ------------------------------------------------------------------------------------------------------------------------- */

static int make_temporary(int dir, char name[32])
{
	int fd = -1;

	for (int tries = 0; tries < 16; tries++) {
		unsigned number;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return -errno;
		(void)snprintf(name, 32, ".carrel-report-%08x", number);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}

static int replace(const struct report_file *report, const struct buf *text)
{
	char temporary[32];
	cleanup_close int fd = make_temporary(report->dir, temporary);

	if (fd < 0)
		return fd;
	int r = fd_write_all(fd, text->text, text->size);
	if (r == 0 && (fchmod(fd, report->mode) < 0 || renameat(report->dir, temporary, report->dir, report->name) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(report->dir, temporary, 0); /* the first failure is the one to tell */
	return r;
}

int report_file_write(const struct report_file *report, const struct outcome *outcome, struct error *err)
{
	cleanup_buf struct buf text = {0};
	int r;

	if (!report->target)
		return 0;
	outcome_format(outcome, &text);
	if (report->fd < 0) {
		r = replace(report, &text);
	} else {
		if (report->name)
			(void)!ftruncate(report->fd, 0); /* a FIFO or a device has no length */
		r = fd_write_all(report->fd, text.text, text.size);
	}
	return r < 0 ? error_set(err, -r, "cannot write the report %s%s", report->name ? "" : "to descriptor ", report->target) : 0;
}

void report_file_close(struct report_file *report)
{
	if (report->name)
		report->fd = fd_close(report->fd); /* else it is the caller's */
	report->dir = fd_close(report->dir);
}
