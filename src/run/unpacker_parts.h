/* Within unpacker*.c: the process that unpacks (unpacker_server.c) and one job of it (unpacker_job.c). */
#ifndef CARREL_RUN_UNPACKER_PARTS_H
#define CARREL_RUN_UNPACKER_PARTS_H

#include <sys/types.h>

#include "image/unpack_decompress.h"
#include "image/unpack_write.h"
#include "isolate/seccomp.h"
#include "run/unpacker.h"

/* What the workers do. A table, so that tests can put an attacker in the place of a parser. */
struct unpacker_work {
	int (*decompress)(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err);
	int (*write)(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err);
};

int unpacker_start_with(const struct unpacker_work *work, const struct host *host, const char *store_path, enum idmap_mode mode, struct unpacker **ret,
    struct error *err) MUST_CHECK;

enum { UNPACKER_NAME = 96 };

/* Client to server, with two descriptors: the stream, and where the job's result goes. */
struct unpacker_order {
	char name[UNPACKER_NAME]; /* of the folder in tmp/ */
	struct unpack_spec spec;
};

/* Server to client, first of all, and then job to client: below PIPE_BUF, so it comes whole or not at all. */
struct unpacker_answer {
	int result;
	bool gives_away; /* the first one: files of tmp/ can belong to other ids of the range */
	struct unpack_result done;
	struct error error;
};

enum unpacker_filter { UNPACKER_DECOMPRESS, UNPACKER_HASH, UNPACKER_WRITE, UNPACKER_FILTER_MAX };

struct unpacker_server {
	const struct unpacker_work *work;
	char *folder; /* tmp/ */
	struct seccomp_program filters[UNPACKER_FILTER_MAX];
	uint64_t address_space, data; /* bytes that the process has from its start on */
	int socket;
};

/* The process itself, from its birth on: waits for a byte that says that its ids are mapped, answers how it went, and works until the socket's other end closes. */
_Noreturn void unpacker_serve(struct unpacker_server *server);

/* In a process forked for this order: never returns. */
_Noreturn void unpacker_job(const struct unpacker_server *server, const struct unpacker_order *order, int stream, int result);

#endif
