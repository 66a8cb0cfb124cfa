/* One layer: its blob is written into the store's tmp/ as it comes, and what was written goes at the same time through a pipe to the unpacker (feed.h), which is
 * never waited for while the network has something. Blob and tree get their names when both the blob's digest and the diff id of what came out of it are right.
 *
 * Two locks, always in this order and never those of two layers: that of the blob and that of the tree. So what several pulls want at once is done by one, and
 * the others find it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "image/feed.h"
#include "image/install.h"
#include "image/pull_parts.h"
#include "util/fd.h"

enum {
	/* When the unpacker is not content with what comes, the blob may be damaged, and its digest would be the better message. So short a rest is fetched
	 * for that; a longer one is not. */
	REST_MAX = 16 << 20,
};

struct flow {
	struct pull *pull;
	const struct descriptor *blob;
	const struct digest *diff_id;
	bool unpacks;
	/* the blob */
	struct store_blob file;
	bool gave_up; /* since the unpacker did */
	/* the tree */
	struct feed feed;
	struct store_layer tree;
	int job;
	atomic_bool fetched;
};

static void report(const struct flow *flow, enum progress_phase phase, uint64_t done)
{
	progress_report(flow->pull->spec->progress, flow->blob->digest.text, phase, done, flow->blob->size);
}

/* --- unpacking --- */

static void tell_moved(void *context, uint64_t bytes)
{
	const struct flow *flow = context;

	if (atomic_load(&flow->fetched))
		report(flow, PROGRESS_UNPACKING, bytes);
}

/* `from` is a descriptor of the blob, finished or not. */
static int unpack_begin(struct flow *flow, int from, struct error *err)
{
	const struct unpack_host *host = flow->pull->spec->unpack;
	const struct unpack_spec spec = {.owner = host->owner, .whiteouts = true};
	int ends[2], copy, r = store_layer_begin(flow->pull->store, &flow->tree, err);

	if (r < 0)
		return r;
	copy = fcntl(from, F_DUPFD_CLOEXEC, 3);
	if (copy < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		r = error_set(err, errno, "cannot unpack layer %s", flow->blob->digest.text);
		(void)fd_close(copy);
		store_layer_abandon(&flow->tree);
		return r;
	}
	flow->job = host->begin(host->context, ends[0], flow->tree.name, &spec, err);
	(void)fd_close(ends[0]);
	if (flow->job < 0) {
		r = flow->job;
		(void)fd_close(ends[1]);
		(void)fd_close(copy);
		store_layer_abandon(&flow->tree);
		return r;
	}
	flow->feed = (struct feed){.moved = tell_moved, .context = flow};
	r = feed_start(&flow->feed, copy, ends[1], err);
	if (r < 0) {
		struct unpack_result result;

		(void)!host->finish(host->context, flow->job, &result, NULL); /* it got nothing and has nothing to say */
		store_layer_abandon(&flow->tree);
	}
	return r;
}

/* `complete`: the blob is what it should be; otherwise the tree is dropped, whatever became of it. */
static int unpack_end(struct flow *flow, bool complete, struct error *err)
{
	const struct unpack_host *host = flow->pull->spec->unpack;
	struct unpack_result result;
	int r;

	feed_end(&flow->feed, complete);
	r = host->finish(host->context, flow->job, &result, err);
	if (r < 0)
		r = error_prefix(err, "layer %.12s", digest_hex(&flow->blob->digest));
	else if (complete)
		r = install_tree(&flow->tree, flow->blob, flow->diff_id, host->owner, &result, flow->pull->spec->progress, err);
	store_layer_abandon(&flow->tree);
	return r;
}

/* --- fetching --- */

static int take_bytes(void *context, const void *data, size_t size, struct error *err)
{
	struct flow *flow = context;
	int r;

	if (pool_has_failed(&flow->pull->pool))
		return error_set(err, ECANCELED, "layer %s was given up", flow->blob->digest.text);
	if (flow->unpacks && feed_is_broken(&flow->feed) && flow->blob->size - flow->file.size > REST_MAX) {
		flow->gave_up = true;
		return error_set(err, EPIPE, "layer %s was given up", flow->blob->digest.text);
	}
	r = store_blob_add(&flow->file, data, size, err);
	if (r < 0)
		return r;
	if (flow->unpacks)
		feed_grow(&flow->feed, flow->file.size);
	return 0;
}

static int fetch_blob(struct flow *flow, struct error *err)
{
	const struct registry_sink sink = {.add = take_bytes, .context = flow};
	struct digest got;
	int r;

	report(flow, PROGRESS_DOWNLOADING, 0);
	r = registry_get_blob(flow->pull->spec->registry, &flow->blob->digest, flow->blob->size, &sink, err);
	if (r < 0)
		return r;
	atomic_store(&flow->fetched, true);
	return store_blob_commit(&flow->file, &flow->blob->digest, flow->blob->size, &got, err);
}

/* Both at once. Of two errors the network's and the digest's explain the unpacker's. */
static int fetch(struct flow *flow, struct error *err)
{
	struct error unpack_error = {0};
	int r = store_blob_begin(flow->pull->store, &flow->file, err), unpacked = 0;

	if (r < 0)
		return r;
	if (flow->unpacks)
		r = unpack_begin(flow, flow->file.fd, err);
	if (r == 0) {
		r = fetch_blob(flow, err);
		if (flow->unpacks)
			unpacked = unpack_end(flow, r == 0, &unpack_error);
	}
	store_blob_abandon(&flow->file);
	if (unpacked < 0 && (r == 0 || flow->gave_up)) {
		*err = unpack_error;
		r = unpacked;
	}
	return r;
}

/* --- from a blob that is there --- */

static int unpack_stored(struct flow *flow, int fd, struct error *err)
{
	int r = unpack_begin(flow, fd, err);

	if (r < 0)
		return r;
	atomic_store(&flow->fetched, true);
	report(flow, PROGRESS_UNPACKING, 0);
	feed_grow(&flow->feed, flow->blob->size);
	return unpack_end(flow, true, err);
}

/* After a power cut a file may have its size and not its bytes (store.h). */
static bool is_sound(int fd, const struct digest *digest)
{
	cleanup_digest_hash struct digest_hash *hash = digest_hash_new();
	char data[65536];
	struct digest is;
	off_t at = 0;
	ssize_t r;

	while ((r = pread(fd, data, sizeof(data), at)) > 0) {
		digest_hash_add(hash, data, (size_t)r);
		at += r;
	}
	digest_hash_value(hash, &is);
	return r == 0 && digest_equal(&is, digest);
}

/* --- */

static bool has_tree(const struct flow *flow)
{
	enum layer_owner owner;
	cleanup_close int dir = store_open_layer(flow->pull->store, flow->diff_id, &owner);

	return dir >= 0;
}

static int wrong_size(const struct flow *flow, struct error *err)
{
	(void)error_set(err, EBADMSG, "cannot use layer %s", flow->blob->digest.text);
	return error_cause(err, "it is here, and has not the %" PRIu64 " bytes that the manifest says", flow->blob->size);
}

/* With both locks. */
static int make(struct flow *flow, struct error *err)
{
	cleanup_close int fd = store_open_blob(flow->pull->store, &flow->blob->digest, flow->blob->size);
	int r;

	if (fd == -EBADMSG)
		return wrong_size(flow, err);
	flow->unpacks = !has_tree(flow);
	if (fd >= 0 && !flow->unpacks) {
		report(flow, PROGRESS_EXISTS, flow->blob->size);
		return 0;
	}
	r = fd >= 0 ? unpack_stored(flow, fd, err) : fetch(flow, err);
	if (r < 0 && fd >= 0 && !is_sound(fd, &flow->blob->digest))
		r = fetch(flow, err);
	if (r == 0)
		report(flow, PROGRESS_DONE, flow->blob->size);
	return r;
}

int pull_layer(struct pull *pull, size_t index, struct error *err)
{
	struct flow flow = {.pull = pull, .blob = pull->layers[index].blob, .diff_id = pull->layers[index].diff_id};
	cleanup_close int blob_lock = pull_lock(pull, "blob", &flow.blob->digest, err);
	cleanup_close int tree_lock = blob_lock < 0 ? -1 : pull_lock(pull, "layer", flow.diff_id, err);

	if (blob_lock < 0 || tree_lock < 0)
		return blob_lock < 0 ? blob_lock : tree_lock;
	return make(&flow, err);
}
