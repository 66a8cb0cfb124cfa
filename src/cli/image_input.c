#include "cli/image_input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int image_input_open(const char *path, const char *command, int *ret_fd, struct error *err)
{
	struct stat st;
	int fd;

	if (!path || !strcmp(path, "-")) {
		if (isatty(STDIN_FILENO)) {
			(void)error_set(err, EINVAL, "cannot read an archive from the terminal");
			(void)error_cause(err, "it is no text that could be typed");
			return error_hint(err, "name a file, or redirect the input:  %s < FILE", command);
		}
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return error_set(err, errno, "cannot read stdin");
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_set(err, errno, "cannot read '%s'", path);
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !st.st_size) {
			(void)close(fd); /* nothing was written */
			(void)error_set(err, EINVAL, "cannot read '%s'", path);
			return error_cause(err, "it is empty");
		}
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
			(void)close(fd); /* nothing was written */
			return error_set(err, EISDIR, "cannot read '%s'", path);
		}
	}
	*ret_fd = fd;
	return 0;
}
