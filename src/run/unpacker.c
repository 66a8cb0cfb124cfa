/* The client's side: starting the process that unpacks, and asking it for work. A job's number is the descriptor that its result comes from. */
#include "run/unpacker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "isolate/ns.h"
#include "run/confine.h"
#include "run/unpacker_parts.h"
#include "util/fd.h"
#include "util/proc.h"

struct unpacker {
	struct unpack_host host;
	pid_t pid;
	int socket;
	bool old_fuse;
};

/* --- jobs --- */

static int fail_gone(struct error *err)
{
	(void)error_set(err, EPIPE, "cannot unpack the layer");
	return error_cause(err, "the process that unpacks has ended, or was killed");
}

static int begin(void *context, int stream_fd, const char *tmp_name, const struct unpack_spec *spec, struct error *err)
{
	const struct unpacker *unpacker = context;
	struct unpacker_order order = {.spec = *spec};
	cleanup_close int result = -1, theirs = -1;
	int ends[2], r;

	if (strlen(tmp_name) >= sizeof(order.name))
		return error_set(err, ENAMETOOLONG, "cannot unpack into '%s'", tmp_name);
	memcpy(order.name, tmp_name, strlen(tmp_name));
	order.spec.for_old_fuse = unpacker->old_fuse;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot make a pipe for the unpacker");
	result = ends[0];
	theirs = ends[1];
	r = fd_send(unpacker->socket, &order, sizeof(order), (const int[]){stream_fd, theirs}, 2);
	if (r == -EPIPE || r == -ECONNRESET)
		return fail_gone(err);
	return r < 0 ? error_set(err, -r, "cannot ask the unpacker") : take_fd(result);
}

static int finish(void *context, int job, struct unpack_result *ret, struct error *err)
{
	cleanup_close int result = job;
	struct unpacker_answer answer;
	int r = fd_read_all(result, &answer, sizeof(answer));

	(void)context;
	if (r < 0)
		return fail_gone(err);
	if (answer.result < 0 && err)
		*err = answer.error;
	if (answer.result == 0)
		*ret = answer.done;
	return answer.result;
}

/* --- its life --- */

static int prepare(struct unpacker_server *server, const struct host *host, struct error *err)
{
	static const enum confine_role roles[] = {[UNPACKER_DECOMPRESS] = CONFINE_PIPE, [UNPACKER_HASH] = CONFINE_HASH, [UNPACKER_WRITE] = CONFINE_UNPACK};
	int r = 0;

	for (size_t i = 0; r == 0 && i < UNPACKER_FILTER_MAX; i++)
		r = confine_filter(host->runtime_dir, roles[i], &server->filters[i], err);
	return r;
}

static int map_ids(const struct idmap_plan *ids, pid_t pid, int pidfd, struct error *err)
{
	struct idmap_job job;
	int r = idmap_begin(ids, pid, pidfd, &job, err);

	return r < 0 ? r : idmap_finish(ids, &job, err);
}

/* Tell it that its ids are mapped, and hear how it went on. */
static int wake(int socket, bool *ret_gives_away, struct error *err)
{
	struct unpacker_answer answer;
	int fds[FD_PASS_MAX];
	int r = fd_send(socket, "", 1, NULL, 0);
	ssize_t got = r < 0 ? r : fd_receive(socket, &answer, sizeof(answer), fds);

	if (got != (ssize_t)sizeof(answer))
		return fail_gone(err);
	if (answer.result < 0 && err)
		*err = answer.error;
	*ret_gives_away = answer.gives_away;
	return answer.result;
}

static int launch(struct unpacker *unpacker, struct unpacker_server *server, const struct idmap_plan *ids, bool *ret_gives_away, struct error *err)
{
	static const struct ns_plan namespaces = {.own_cgroup = true /* the cgroup is as it is */};
	cleanup_close int ours = -1, theirs = -1, pidfd = -1;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot make a socket for the unpacker");
	ours = pair[0];
	theirs = pair[1];
	unpacker->pid = ns_clone(&namespaces, -1, &pidfd, err);
	if (unpacker->pid < 0)
		return unpacker->pid;
	if (unpacker->pid == 0) {
		server->socket = theirs;
		unpacker_serve(server);
	}
	theirs = fd_close(theirs);
	unpacker->socket = take_fd(ours);
	r = map_ids(ids, unpacker->pid, pidfd, err);
	return r < 0 ? r : wake(unpacker->socket, ret_gives_away, err);
}

/* Before 1.8 it reads other attributes (struct unpack_spec). What says nothing understandable is taken for a new one. */
static bool has_old_fuse(void)
{
	enum { TEXT_MAX = 4096, WAIT_MS = 2000, NEW_MINOR = 8 };
	static const char before[] = "fuse-overlayfs: version ";
	cleanup_free char *path = proc_find_program("fuse-overlayfs", PROC_SYSTEM_PATH), *text = NULL;
	char option[] = "--version", *argv[] = {path, option, NULL};
	const char *version;
	int major, minor;

	if (!path || proc_capture(argv, TEXT_MAX, WAIT_MS, &text) != 0)
		return false;
	version = strstr(text, before);
	return version && sscanf(version + strlen(before), "%d.%d", &major, &minor) == 2 && (major < 1 || (major == 1 && minor < NEW_MINOR));
}

static int plan_ids(const struct host *host, enum idmap_mode mode, struct idmap_plan *ret, struct error *err)
{
	const struct idmap_spec spec = {.mode = mode, .wants_range = true};
	struct idmap_facts facts;
	int r = host_id_facts(host, &facts, err);

	return r < 0 ? r : idmap_plan(host->arena, &spec, &facts, ret, err);
}

/* Where files cannot have other owners, those are recorded, as with a single id; the range can read that (through fuse-overlayfs). */
static int choose_owner(const struct idmap_plan *ids, enum idmap_mode mode, bool gives_away, const char *store_path, enum layer_owner *ret, struct error *err)
{
	*ret = ids->rung == IDMAP_SINGLE || !gives_away ? LAYER_SINGLE : LAYER_RANGE;
	if (*ret == LAYER_RANGE || mode != IDMAP_SUBIDS)
		return 0;
	(void)error_set(err, EPERM, "cannot unpack for a range of ids in '%s'", store_path);
	(void)error_cause(err, "its filesystem lets no file belong to another id than yours, as network filesystems do");
	return error_hint(err, "leave --userns out: the owners are recorded then, for fuse-overlayfs; or put the store on a local disk, with CARREL_ROOT");
}

int unpacker_start_with(const struct unpacker_work *work, const struct host *host, const char *store_path, enum idmap_mode mode, struct unpacker **ret,
    struct error *err)
{
	struct unpacker_server server = {.work = work, .folder = mem_printf("%s/tmp", store_path), .socket = -1};
	struct unpacker *unpacker = mem_alloc(sizeof(*unpacker));
	struct idmap_plan ids;
	bool gives_away = true;
	int r = plan_ids(host, mode, &ids, err);

	*unpacker = (struct unpacker){.host = {.begin = begin, .finish = finish, .context = unpacker}, .pid = -1, .socket = -1, .old_fuse = has_old_fuse()};
	if (r == 0)
		r = prepare(&server, host, err);
	if (r == 0)
		r = launch(unpacker, &server, &ids, &gives_away, err);
	for (size_t i = 0; i < UNPACKER_FILTER_MAX; i++)
		seccomp_done(&server.filters[i]);
	free(server.folder);
	if (r < 0) {
		unpacker_end(unpacker);
		return error_prefix(err, "cannot start the process that unpacks");
	}
	r = choose_owner(&ids, mode, gives_away, store_path, &unpacker->host.owner, err);
	if (r < 0) {
		unpacker_end(unpacker);
		return r;
	}
	*ret = unpacker;
	return 0;
}

int unpacker_start(const struct host *host, const char *store_path, enum idmap_mode mode, struct unpacker **ret, struct error *err)
{
	static const struct unpacker_work work = {.decompress = unpack_decompress, .write = unpack_write_tree};

	return unpacker_start_with(&work, host, store_path, mode, ret, err);
}

const struct unpack_host *unpacker_host(struct unpacker *unpacker)
{
	return &unpacker->host;
}

void unpacker_end(struct unpacker *unpacker)
{
	if (!unpacker)
		return;
	(void)fd_close(unpacker->socket); /* that is its signal: a confined process can send no other */
	if (unpacker->pid > 0)
		(void)!proc_wait(unpacker->pid);
	free(unpacker);
}
