/* Each format is a function that takes what flow_fill brings and gives plain bytes to flow_emit. Choosing goes by the first bytes alone: media types are wrong too often. */
#include "image/unpack_decompress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "image/digest_hash.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/units.h"

enum {
	PIECE = 256 << 10,
	PIPE_WANTED = 1 << 20, /* what users may have (/proc/sys/fs/pipe-max-size), unless the administrator said less */
	ZSTD_WINDOW_LOG = 24,  /* 16 MiB: twice of what zstd(1) makes up to level 19, and what the memory of the process that does this allows (run/unpacker.h) */
	ZSTD_HEADER_MAX = 18,
};

struct flow {
	int in, out;
	unsigned char *input, *output;
	size_t at, have; /* of the input: input[at] up to input[have] is not used yet */
	bool ended;
	uint64_t bytes, bytes_max;
	struct digest_hash *hash;
	struct error *err;
};

/* Have at least `wanted` bytes of input, or all that is left. */
static int flow_fill(struct flow *flow, size_t wanted)
{
	if (flow->at) {
		memmove(flow->input, flow->input + flow->at, flow->have - flow->at);
		flow->have -= flow->at;
		flow->at = 0;
	}
	while (flow->have < wanted && !flow->ended) {
		ssize_t n = read(flow->in, flow->input + flow->have, PIECE - flow->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(flow->err, errno, "cannot read the layer");
		flow->ended = n == 0;
		flow->have += (size_t)n;
	}
	return 0;
}

/* First written, then hashed: meanwhile the other half has something to do. */
static int flow_emit(struct flow *flow, const void *data, size_t size)
{
	int r;

	if (flow->bytes_max && size > flow->bytes_max - flow->bytes) {
		(void)error_set(flow->err, EFBIG, "cannot unpack the layer");
		return error_cause(flow->err, "it decompresses to more than %llu bytes", (unsigned long long)flow->bytes_max);
	}
	r = fd_write_all(flow->out, data, size);
	if (r < 0)
		return error_set(flow->err, -r, "cannot hand on the decompressed layer");
	if (flow->hash)
		digest_hash_add(flow->hash, data, size);
	flow->bytes += size;
	return 0;
}

static int broken(struct flow *flow, const char *format, const char *why)
{
	(void)error_set(flow->err, EBADMSG, "cannot decompress the layer");
	return error_cause(flow->err, "%s: %s", format, why);
}

static int run_plain(struct flow *flow)
{
	int r;

	while ((r = flow_fill(flow, 1)) == 0 && flow->have) {
		r = flow_emit(flow, flow->input, flow->have);
		if (r < 0)
			return r;
		flow->at = flow->have;
	}
	return r;
}

/* One member, whose first bytes may be in the input already. */
static int gzip_member(struct flow *flow, z_stream *stream)
{
	int state = Z_OK, r;

	while (state != Z_STREAM_END) {
		if (flow->at == flow->have && stream->avail_out != 0) { /* (else zlib may hold output back) */
			r = flow_fill(flow, 1);
			if (r < 0)
				return r;
			if (!flow->have)
				return broken(flow, "gzip", "the stream ends in the middle");
		}
		stream->next_in = flow->input + flow->at;
		stream->avail_in = (uInt)(flow->have - flow->at);
		stream->next_out = flow->output;
		stream->avail_out = PIECE;
		state = inflate(stream, Z_NO_FLUSH);
		if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
			return broken(flow, "gzip", stream->msg ? stream->msg : "the data is damaged");
		flow->at = flow->have - stream->avail_in;
		r = flow_emit(flow, flow->output, PIECE - stream->avail_out);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Behind a member: 1 where another one begins, 0 at the end. */
static int gzip_next(struct flow *flow)
{
	bool zeros = false;
	int r;

	for (;;) {
		if (flow->at == flow->have) {
			r = flow_fill(flow, 1);
			if (r < 0 || !flow->have)
				return r;
		}
		if (flow->input[flow->at] == 0x1f && !zeros)
			return 1;
		if (flow->input[flow->at] != 0)
			return broken(flow, "gzip", "there is something else behind the compressed data");
		zeros = true;
		flow->at++;
	}
}

static int run_gzip(struct flow *flow)
{
	z_stream stream = {.avail_out = PIECE};
	int r;

	if (inflateInit2(&stream, 15 + 16) != Z_OK) /* the largest window, and only gzip's header */
		return error_set(flow->err, ENOMEM, "cannot decompress the layer");
	do {
		r = gzip_member(flow, &stream);
		if (r == 0)
			r = gzip_next(flow);
		if (r == 1 && inflateReset(&stream) != Z_OK)
			r = broken(flow, "gzip", "zlib cannot start again");
		stream.avail_out = PIECE;
	} while (r == 1);
	(void)inflateEnd(&stream);
	return r;
}

/* A frame's window by its header (RFC 8878, 3.1.1.1); 0: it is no frame, or cut off, which the library will say. A frame of a single segment has the size of its content instead. */
static uint64_t zstd_window(const unsigned char *header, size_t have)
{
	static const unsigned char id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {1, 2, 4, 8};
	uint64_t window = 0;
	size_t at, size;

	if (have < 6 || memcmp(header, "\x28\xb5\x2f\xfd", 4))
		return 0;
	if (!(header[4] & 0x20)) {
		window = 1ULL << (10 + (header[5] >> 3));
		return window + window / 8 * (header[5] & 7);
	}
	at = 5 + id_sizes[header[4] & 3];
	size = content_sizes[header[4] >> 6];
	if (have < at + size)
		return 0;
	for (size_t i = size; i > 0; i--)
		window = window << 8 | header[at + i - 1];
	return window;
}

/* At a frame's beginning. */
static int zstd_check_window(struct flow *flow)
{
	int r = flow_fill(flow, ZSTD_HEADER_MAX);
	uint64_t window = r < 0 ? 0 : zstd_window(flow->input, flow->have);
	const char *unit;
	double value;

	if (window <= 1ULL << ZSTD_WINDOW_LOG)
		return r;
	unit = units_decimal(window, &value);
	(void)error_set(flow->err, EOPNOTSUPP, "cannot decompress the layer");
	(void)error_cause(flow->err, "zstd: to read it takes a window of %.3g %s in memory, and %d MB are allowed", value, unit, (1 << ZSTD_WINDOW_LOG) / 1000000);
	return error_hint(flow->err, "zstd makes smaller ones up to level 19 and without --long:  zstd -dc --long=31 FILE | zstd -19");
}

static int zstd_frames(struct flow *flow, ZSTD_DCtx *context)
{
	size_t state = 0;
	bool full = false;
	int r;

	for (;;) {
		if (state == 0) {
			r = zstd_check_window(flow);
			if (r < 0)
				return r;
		}
		if (flow->at == flow->have && !full) {
			r = flow_fill(flow, 1);
			if (r < 0)
				return r;
			if (!flow->have)
				return state == 0 ? 0 : broken(flow, "zstd", "the stream ends in the middle");
		}
		ZSTD_inBuffer in = {.src = flow->input, .size = flow->have, .pos = flow->at};
		ZSTD_outBuffer out = {.dst = flow->output, .size = PIECE};

		state = ZSTD_decompressStream(context, &out, &in);
		if (ZSTD_isError(state))
			return broken(flow, "zstd", ZSTD_getErrorName(state));
		flow->at = in.pos;
		full = state != 0 && out.pos == out.size; /* there may be more in its buffer; at 0 there is not, and to ask would begin a new frame */
		r = flow_emit(flow, flow->output, out.pos);
		if (r < 0)
			return r;
	}
}

static int run_zstd(struct flow *flow)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	int r;

	if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG))) {
		(void)ZSTD_freeDCtx(context);
		return error_set(flow->err, ENOMEM, "cannot decompress the layer");
	}
	r = zstd_frames(flow, context);
	(void)ZSTD_freeDCtx(context);
	return r;
}

static const struct {
	const char *name;
	const char *magic, *mask; /* mask NULL: every bit counts */
	size_t size;
	int (*run)(struct flow *flow); /* NULL: known and refused */
} formats[] = {
	{"gzip", "\x1f\x8b\x08", NULL, 3, run_gzip},
	{"zstd", "\x28\xb5\x2f\xfd", NULL, 4, run_zstd},
	{"zstd", "\x50\x2a\x4d\x18", "\xf0\xff\xff\xff", 4, run_zstd}, /* a skippable frame comes first */
	{"xz", "\xfd" "7zXZ", NULL, 6, NULL},
	{"bzip2", "BZh" "0" "1AY&SY", "\xff\xff\xff\xf0\xff\xff\xff\xff\xff\xff", 10, NULL},
	{"lz4", "\x04\x22\x4d\x18", NULL, 4, NULL},
};

static bool begins_with(const unsigned char *data, size_t have, size_t format)
{
	if (have < formats[format].size)
		return false;
	for (size_t i = 0; i < formats[format].size; i++) {
		int mask = formats[format].mask ? formats[format].mask[i] : 0xff;

		if ((data[i] ^ formats[format].magic[i]) & mask & 0xff)
			return false;
	}
	return true;
}

static int flow_run(struct flow *flow)
{
	enum { MAGIC_MAX = 10 };
	int r = flow_fill(flow, MAGIC_MAX);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!begins_with(flow->input, flow->have, i))
			continue;
		if (formats[i].run)
			return formats[i].run(flow);
		(void)error_set(flow->err, EOPNOTSUPP, "cannot decompress the layer");
		(void)error_cause(flow->err, "it is compressed by %s", formats[i].name);
		return error_hint(flow->err, "layers are plain, or compressed by gzip or zstd: decompress it first, as by  %s -dc FILE | …", formats[i].name);
	}
	return run_plain(flow);
}

int unpack_decompress(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	cleanup_free unsigned char *input = mem_alloc(PIECE), *output = mem_alloc(PIECE);
	cleanup_digest_hash struct digest_hash *hash = ret_diff_id ? digest_hash_new() : NULL;
	struct flow flow = {.in = in, .out = out, .input = input, .output = output, .bytes_max = bytes_max, .hash = hash, .err = err};
	int r = flow_run(&flow);

	if (r < 0)
		return r;
	if (hash)
		digest_hash_value(hash, ret_diff_id);
	*ret_bytes = flow.bytes;
	return 0;
}

uint64_t unpack_stream_max(const struct unpack_spec *spec)
{
	/* The header, padding of the data, and headers of pax or GNU with names of 4 KiB each and some attributes; beyond that the archive is mostly headers. */
	enum { PER_ENTRY = 16 << 10, LEAST = 64 << 20 };
	uint64_t headers, sum;

	if (!spec->bytes_max || !spec->entries_max || __builtin_mul_overflow(spec->entries_max, PER_ENTRY, &headers))
		return 0;
	return __builtin_add_overflow(spec->bytes_max, headers + LEAST, &sum) ? 0 : sum;
}

int unpack_pipe(int ret[2])
{
	if (pipe2(ret, O_CLOEXEC) < 0)
		return -errno;
	(void)fcntl(ret[1], F_SETPIPE_SZ, PIPE_WANTED); /* a smaller one is only slower */
	return 0;
}

int unpack_verdict(int decompressed, const struct error *decompress_err, int written, const struct error *write_err, struct error *err)
{
	const struct error *guilty = NULL;

	/* (A pipe that nobody reads is the writer's doing.) */
	if (decompressed < 0 && (decompressed != -EPIPE || written >= 0))
		guilty = decompress_err;
	else if (written < 0)
		guilty = write_err;
	if (!guilty)
		return 0;
	if (err)
		*err = *guilty;
	return decompressed < 0 && guilty == decompress_err ? decompressed : written;
}
