/* A layer's stream: the first byte chooses how it is unpacked, the rest is the stream, compressed or not. Whatever it says, nothing beside the target changes, an error is set exactly on
 * failure, and what was made can be removed. (Runs as an ordinary user too: then owners are refused by the kernel, which is an error as any other. RLIMIT_FSIZE keeps files small.) */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/unpack.h"
#include "util/fd.h"
#include "util/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64]; /* in memory where there is such a place: a disk would be most of the time */
static int base = -1;
static mode_t mask;

static void clean_up(void)
{
	(void)path_remove_tree(AT_FDCWD, folder);
}

static void prepare(void)
{
	const struct rlimit small = {1 << 20, 1 << 20};
	const struct timespec once[2] = {{.tv_sec = 1}, {.tv_sec = 1}}; /* whatever is made in it now makes it younger */

	if (base >= 0)
		return;
	(void)snprintf(folder, sizeof(folder), "%s/carrel-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder) || setrlimit(RLIMIT_FSIZE, &small) < 0)
		abort();
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)atexit(clean_up);
	mask = umask(022);
	(void)umask(mask);
	base = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0 || mkdirat(base, "sibling", 0777) < 0 || utimensat(base, "sibling", once, 0) < 0)
		abort();
}

static void look_beside(void)
{
	struct stat st;

	if (fstatat(base, "sibling", &st, 0) < 0 || st.st_mtim.tv_sec != 1 || st.st_mtim.tv_nsec || (st.st_mode & 0777) != (0777 & ~mask) || st.st_nlink != 2)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unpack_spec spec = {.bytes_max = 4 << 20, .entries_max = 1000};
	struct unpack_result result = {.entries = 0};
	struct error err = {0};
	int stream, target, r;

	if (size < 1)
		return 0;
	prepare();
	spec.owner = data[0] & 1 ? LAYER_SINGLE : LAYER_RANGE;
	spec.whiteouts = data[0] & 2;
	stream = memfd_create("stream", MFD_CLOEXEC);
	if (stream < 0 || mkdirat(base, "target", 0700) < 0)
		abort();
	target = openat(base, "target", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target < 0 || pwrite(stream, data + 1, size - 1, 0) != (ssize_t)size - 1)
		abort();
	r = unpack_stream(stream, target, &spec, &result, &err);
	if ((r < 0) != (err.code != 0) || (r < 0 && (r != -err.code || !err.what[0] || !err.cause[0])))
		abort();
	(void)close(stream);
	(void)close(target);
	if (path_remove_tree(base, "target") < 0)
		abort();
	look_beside();
	return 0;
}
