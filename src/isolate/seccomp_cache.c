#include "isolate/seccomp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/path.h"

/* The file: this, the key, the instructions. In the machine's own byte order, for it never leaves the machine. */
struct cache_header {
	char magic[8];
	uint32_t key_size;
	uint32_t length; /* instructions */
	uint64_t check;  /* of the instructions: a disk that lies must not turn into a hole */
};

static const char cache_magic[8] = "carrelF1";

enum { CACHE_FILE_LIMIT = 1 << 20 };

/* FNV-1a: to find the file and to notice damage, not against forgery (the folder's owner and mode are). */
static uint64_t fnv1a(const void *data, size_t size)
{
	const unsigned char *at = data;
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

static char *entry_path(const char *dir, const struct buf *key)
{
	return mem_printf("%s/filter-%016" PRIx64, dir, fnv1a(key->text, key->size));
}

static bool is_trustworthy(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH)) && st->st_size <= CACHE_FILE_LIMIT;
}

/* Is `file`, of `size` bytes, a whole entry for `key`? */
static bool is_entry_for(const char *file, size_t size, const struct buf *key)
{
	struct cache_header header;
	size_t code_size;

	if (size < sizeof(header))
		return false;
	memcpy(&header, file, sizeof(header));
	code_size = header.length * sizeof(struct sock_filter);
	return memcmp(header.magic, cache_magic, sizeof(cache_magic)) == 0 && header.length > 0 && header.length <= BPF_MAXINSNS &&
	       header.key_size == key->size && size == sizeof(header) + key->size + code_size &&
	       memcmp(file + sizeof(header), key->text, key->size) == 0 && header.check == fnv1a(file + size - code_size, code_size);
}

int seccomp_cache_load(const char *dir, const struct buf *key, struct seccomp_program *ret)
{
	cleanup_free char *path = entry_path(dir, key);
	/* O_NONBLOCK: a FIFO in its place must not hang the start. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	cleanup_free char *file = NULL;
	struct cache_header header;
	struct stat st;
	size_t size;

	if (fd < 0 || fstat(fd, &st) < 0 || !is_trustworthy(&st))
		return -ENOENT;
	size = (size_t)st.st_size;
	file = mem_alloc(size);
	if (size == 0 || fd_read_all(fd, file, size) < 0 || !is_entry_for(file, size, key))
		return -ENOENT;
	memcpy(&header, file, sizeof(header));
	size = header.length * sizeof(*ret->code);
	struct sock_filter *code = mem_alloc(size);
	memcpy(code, file + sizeof(header) + header.key_size, size);
	*ret = (struct seccomp_program){.code = code, .length = (unsigned short)header.length, .from_cache = true};
	return 0;
}

static int write_entry(int fd, const struct buf *key, const struct seccomp_program *program)
{
	size_t code_size = program->length * sizeof(*program->code);
	struct cache_header header = {.key_size = (uint32_t)key->size, .length = program->length, .check = fnv1a(program->code, code_size)};
	struct buf file = {0};
	int r;

	memcpy(header.magic, cache_magic, sizeof(cache_magic));
	buf_add(&file, &header, sizeof(header));
	buf_add(&file, key->text, key->size);
	buf_add(&file, program->code, code_size);
	r = fd_write_all(fd, file.text, file.size);
	buf_done(&file);
	return r;
}

int seccomp_cache_store(const char *dir, const struct buf *key, const struct seccomp_program *program)
{
	cleanup_free char *path = entry_path(dir, key);
	cleanup_free char *temporary = mem_printf("%s/.filter-XXXXXX", dir);
	int r = path_make_dirs(dir, 0700);

	if (r < 0)
		return r;
	cleanup_close int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return -errno;
	r = write_entry(fd, key, program);
	/* No fsync: after a power cut a short or empty file is a miss, and the next start compiles again. */
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(temporary); /* it is ours and new; a failure leaves a small dot file in our own cache */
	return r;
}
