#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "image/digest_hash.h"
#include "image/unpack_decompress.h"
#include "util/buf.h"
#include "util/fd.h"
#include "util/mem.h"

TestSuite(unpack_decompress, .timeout = 60);

/* --- making streams --- */

static void add_gzip(struct buf *out, const void *data, size_t size)
{
	z_stream stream = {.next_in = (Bytef *)data, .avail_in = (uInt)size};
	cleanup_free unsigned char *room = mem_alloc(size + 1024);

	cr_assert_eq(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_out = room;
	stream.avail_out = (uInt)size + 1024;
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	buf_add(out, room, size + 1024 - stream.avail_out);
	(void)deflateEnd(&stream);
}

static void add_zstd(struct buf *out, const void *data, size_t size)
{
	size_t most = ZSTD_compressBound(size);
	cleanup_free char *room = mem_alloc(most);
	size_t n = ZSTD_compress(room, most, data, size, 3);

	cr_assert(!ZSTD_isError(n));
	buf_add(out, room, n);
}

/* Text that a compressor neither gives up on nor makes nothing of, larger than all buffers. */
static const char *sample(size_t size)
{
	static char text[3 << 20];
	static bool made;
	unsigned state = 1;

	for (size_t i = 0; !made && i < sizeof(text); i++) {
		state = state * 1103515245U + 12345U;
		text[i] = (i / 5000) % 3 == 0 ? 'z' : (char)(state >> 24 & 0x3f);
	}
	made = true;
	cr_assert_leq(size, sizeof(text));
	return text;
}

enum { LONG = 3 << 20 };

static void plain(struct buf *in, struct buf *out) { buf_add(out, sample(LONG), LONG); buf_add(in, sample(LONG), LONG); }
static void empty(struct buf *in, struct buf *out) { (void)in, (void)out; }
static void one_byte(struct buf *in, struct buf *out) { buf_puts(in, "\x1f"); buf_puts(out, "\x1f"); }
static void gzip(struct buf *in, struct buf *out) { buf_add(out, sample(LONG), LONG); add_gzip(in, sample(LONG), LONG); }
static void gzip_of_nothing(struct buf *in, struct buf *out) { (void)out; add_gzip(in, "", 0); }
static void gzip_zeros(struct buf *in, struct buf *out)
{
	cleanup_free char *zeros = mem_alloc(LONG);

	buf_add(out, zeros, LONG);
	add_gzip(in, zeros, LONG); /* much output for each byte of input */
}
static void gzip_members(struct buf *in, struct buf *out)
{
	add_gzip(in, sample(LONG), LONG);
	add_gzip(in, "", 0);
	add_gzip(in, "and more", 8);
	buf_add(out, sample(LONG), LONG);
	buf_puts(out, "and more");
}
static void gzip_header_fields(struct buf *in, struct buf *out)
{
	struct buf bare = {0};

	add_gzip(&bare, "text", 4);
	buf_add(in, "\x1f\x8b\x08\x18\0\0\0\0\0\3name\0comment\0", 10 + 5 + 8);
	buf_add(in, bare.text + 10, bare.size - 10);
	buf_puts(out, "text");
	buf_done(&bare);
}
static void gzip_tape(struct buf *in, struct buf *out)
{
	static const char zeros[10240];

	add_gzip(in, "text", 4);
	buf_add(in, zeros, sizeof(zeros));
	buf_puts(out, "text");
}
static void gzip_junk(struct buf *in, struct buf *out) { add_gzip(in, "text", 4); buf_puts(in, "junk"); buf_puts(out, ""); }
static void gzip_junk_like_magic(struct buf *in, struct buf *out) { add_gzip(in, "text", 4); buf_puts(in, "\x1fjunk"); buf_puts(out, ""); }
static void gzip_junk_behind_zeros(struct buf *in, struct buf *out) { add_gzip(in, "text", 4); buf_add(in, "\0\0\x1f\x8b\x08", 5); buf_puts(out, ""); }
static void gzip_cut(struct buf *in, struct buf *out) { gzip(in, out); in->size -= 9; }
static void gzip_cut_in_header(struct buf *in, struct buf *out) { (void)out; buf_add(in, "\x1f\x8b\x08\0", 4); }
static void gzip_crc(struct buf *in, struct buf *out) { gzip(in, out); in->text[in->size - 6] ^= 1; }
static void gzip_length(struct buf *in, struct buf *out) { gzip(in, out); in->text[in->size - 2] ^= 1; }
static void gzip_damaged(struct buf *in, struct buf *out) { gzip(in, out); memset(in->text + 100000, 0xff, 1000); }
static void zstd(struct buf *in, struct buf *out) { buf_add(out, sample(LONG), LONG); add_zstd(in, sample(LONG), LONG); }
static void zstd_frames(struct buf *in, struct buf *out)
{
	add_zstd(in, sample(LONG), LONG);
	buf_add(in, "\x5a\x2a\x4d\x18\3\0\0\0abc", 11);
	add_zstd(in, "more", 4);
	buf_add(out, sample(LONG), LONG);
	buf_puts(out, "more");
}
static void zstd_skippable(struct buf *in, struct buf *out)
{
	buf_add(in, "\x50\x2a\x4d\x18\2\0\0\0ab", 10);
	add_zstd(in, "text", 4);
	buf_puts(out, "text");
}
static void zstd_zeros(struct buf *in, struct buf *out)
{
	cleanup_free char *zeros = mem_alloc(LONG);

	buf_add(out, zeros, LONG);
	add_zstd(in, zeros, LONG);
}
static void zstd_cut(struct buf *in, struct buf *out) { zstd(in, out); in->size -= 5; }
static void zstd_junk(struct buf *in, struct buf *out) { add_zstd(in, "text", 4); buf_puts(in, "junk"); buf_puts(out, ""); }
/* As zstd(1) does from a pipe, whose size it does not know: the window is in the header whatever comes. */
static void add_zstd_window(struct buf *out, int window_log)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	char room[256];
	ZSTD_inBuffer in = {"text", 4, 0};
	ZSTD_outBuffer packed = {room, sizeof(room), 0};

	cr_assert(context && !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log)));
	(void)ZSTD_compressStream2(context, &packed, &in, ZSTD_e_continue); /* so that it does not see the end, and the size, at once */
	cr_assert_eq(ZSTD_compressStream2(context, &packed, &in, ZSTD_e_end), 0);
	(void)ZSTD_freeCCtx(context);
	buf_add(out, room, packed.pos);
}
static void zstd_window_8(struct buf *in, struct buf *out) { add_zstd_window(in, 23); buf_puts(out, "text"); }
static void zstd_window_16(struct buf *in, struct buf *out) { add_zstd_window(in, 24); buf_puts(out, "text"); }
static void zstd_window_18(struct buf *in, struct buf *out) { (void)out; buf_add(in, "\x28\xb5\x2f\xfd\0\x71\1\0\0", 9); /* 2^24 and an eighth */ }
static void zstd_window_32(struct buf *in, struct buf *out) { (void)out; add_zstd_window(in, 25); }
static void zstd_window_128(struct buf *in, struct buf *out) { (void)out; add_zstd_window(in, 27); }
static void zstd_window_second(struct buf *in, struct buf *out) { (void)out; add_zstd(in, "text", 4); buf_add(in, "\x50\x2a\x4d\x18\2\0\0\0ab", 10); add_zstd_window(in, 27); }
/* 32 MiB as one segment: descriptor with a content size of four bytes, and no window. */
static void zstd_segment(struct buf *in, struct buf *out) { (void)out; buf_add(in, "\x28\xb5\x2f\xfd\xa0\0\0\0\2\1\0\0", 12); }
static void zstd_window(struct buf *in, struct buf *out) { (void)out; buf_add(in, "\x28\xb5\x2f\xfd\0\xf0", 6); /* 2^40 */ buf_add(in, "\1\0\0", 3); }
static void xz(struct buf *in, struct buf *out) { (void)out; buf_add(in, "\xfd" "7zXZ\0\0\4", 8); }
static void bzip2(struct buf *in, struct buf *out) { (void)out; buf_puts(in, "BZh91AY&SYxxxx"); }
static void like_bzip2(struct buf *in, struct buf *out) { buf_puts(in, "BZh9 is a name too"); buf_puts(out, "BZh9 is a name too"); }
static void lz4(struct buf *in, struct buf *out) { (void)out; buf_add(in, "\x04\x22\x4d\x18....", 8); }

static const struct {
	const char *name;
	void (*make)(struct buf *in, struct buf *out);
	const char *refused; /* a part of the cause */
} cases[] = {
	{"plain", plain, NULL},
	{"empty", empty, NULL},
	{"one byte", one_byte, NULL},
	{"gzip", gzip, NULL},
	{"gzip of nothing", gzip_of_nothing, NULL},
	{"gzip of zeros", gzip_zeros, NULL},
	{"gzip members", gzip_members, NULL},
	{"gzip with name and comment", gzip_header_fields, NULL},
	{"gzip and zeros", gzip_tape, NULL},
	{"gzip and junk", gzip_junk, "gzip: there is something else behind"},
	{"gzip and junk that begins as a member", gzip_junk_like_magic, "gzip: incorrect header check"},
	{"gzip and junk behind zeros", gzip_junk_behind_zeros, "gzip: there is something else behind"},
	{"gzip cut off", gzip_cut, "gzip: the stream ends in the middle"},
	{"gzip cut off in its header", gzip_cut_in_header, "gzip: the stream ends in the middle"},
	{"gzip with a wrong sum", gzip_crc, "gzip: incorrect data check"},
	{"gzip with a wrong length", gzip_length, "gzip: incorrect length check"},
	{"gzip damaged", gzip_damaged, "gzip: "},
	{"zstd", zstd, NULL},
	{"zstd frames", zstd_frames, NULL},
	{"zstd behind a skippable frame", zstd_skippable, NULL},
	{"zstd of zeros", zstd_zeros, NULL},
	{"zstd cut off", zstd_cut, "zstd: the stream ends in the middle"},
	{"zstd and junk", zstd_junk, "zstd: Unknown frame descriptor"},
	{"zstd with a huge window", zstd_window, "window of 1.1 TB"},
	{"zstd with a window of 8 MiB", zstd_window_8, NULL},
	{"zstd with a window of 16 MiB", zstd_window_16, NULL},
	{"zstd with a window of 18 MiB", zstd_window_18, "zstd: to read it takes a window of 18.9 MB in memory, and 16 MB are allowed"},
	{"zstd with a window of 32 MiB", zstd_window_32, "window of 33.6 MB"},
	{"zstd with a window of 128 MiB", zstd_window_128, "window of 134 MB"},
	{"zstd with a window of 128 MiB behind others", zstd_window_second, "window of 134 MB"},
	{"zstd as a segment of 32 MiB", zstd_segment, "window of 33.6 MB"},
	{"xz", xz, "by xz"},
	{"bzip2", bzip2, "by bzip2"},
	{"a name like bzip2", like_bzip2, NULL},
	{"lz4", lz4, "by lz4"},
};

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	cr_assert(fd >= 0 && fd_write_all(fd, data, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void try_case(size_t i)
{
	struct buf in = {0}, wanted = {0};
	struct digest digest = {.text = "untouched"}, right;
	struct error err = {0};
	uint64_t bytes = 77;
	int from, to = file_of("", 0), r;

	cases[i].make(&in, &wanted);
	from = file_of(in.text, in.size);
	r = unpack_decompress(from, to, 0, &digest, &bytes, &err);
	if (cases[i].refused) {
		cr_expect(r < 0 && err.code == -r && strstr(err.cause, cases[i].refused), "%s: %d, %s: %s", cases[i].name, r, err.what, err.cause);
		cr_expect_str_eq(digest.text, "untouched", "%s: a digest on failure", cases[i].name);
	} else {
		cleanup_free char *text = NULL;
		size_t size = 0;

		digest_of(wanted.text ? wanted.text : "", wanted.size, &right);
		cr_expect_eq(r, 0, "%s: %s: %s", cases[i].name, err.what, err.cause);
		cr_assert(lseek(to, 0, SEEK_SET) == 0 && fd_slurp(to, 8 << 20, &text, &size) == 0);
		cr_expect(size == wanted.size && !memcmp(text, wanted.text ? wanted.text : "", size), "%s: %zu bytes instead of %zu, or others", cases[i].name, size, wanted.size);
		cr_expect(bytes == wanted.size && digest_equal(&digest, &right), "%s: %lu bytes, %s", cases[i].name, (unsigned long)bytes, digest.text);
	}
	(void)close(from);
	(void)close(to);
	buf_done(&in);
	buf_done(&wanted);
}

Test(unpack_decompress, formats)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		try_case(i);
}

/* A stream that comes a byte at a time, as from a slow network. */
Test(unpack_decompress, in_pieces)
{
	static void (*const makers[])(struct buf *, struct buf *) = {gzip_header_fields, zstd_frames, gzip_tape, one_byte};

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		struct buf in = {0}, wanted = {0};
		struct digest digest, right;
		struct error err = {0};
		uint64_t bytes;
		int ends[2], to = file_of("", 0);

		makers[i](&in, &wanted);
		cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
		if (fork() == 0) {
			size_t each = in.size > 100000 ? 777 : 1;

			(void)close(ends[0]);
			for (size_t at = 0; at < in.size; at += each)
				(void)!write(ends[1], in.text + at, in.size - at < each ? in.size - at : each);
			_exit(0);
		}
		(void)close(ends[1]);
		cr_assert_eq(unpack_decompress(ends[0], to, 0, &digest, &bytes, &err), 0, "%zu: %s: %s", i, err.what, err.cause);
		digest_of(wanted.text, wanted.size, &right);
		cr_expect(digest_equal(&digest, &right) && bytes == wanted.size, "%zu", i);
		(void)close(ends[0]);
		(void)close(to);
		buf_done(&in);
		buf_done(&wanted);
	}
}

/* Ten gigabytes of zeros in some megabytes, and four terabytes in a few: both end at the limit. */
Test(unpack_decompress, bombs)
{
	enum { PART = 64 << 20, MOST = 100 << 20 };
	static void (*const adders[])(struct buf *, const void *, size_t) = {add_gzip, add_zstd};
	cleanup_free char *zeros = mem_alloc(PART);

	for (size_t i = 0; i < ARRAY_SIZE(adders); i++) {
		struct buf part = {0}, bomb = {0};
		struct digest digest;
		struct error err = {0};
		uint64_t bytes;
		int from, to = open("/dev/null", O_WRONLY | O_CLOEXEC), r;

		adders[i](&part, zeros, PART);
		for (int n = 0; n < 160; n++)
			buf_add(&bomb, part.text, part.size);
		from = file_of(bomb.text, bomb.size);
		r = unpack_decompress(from, to, MOST, &digest, &bytes, &err);
		cr_expect(r == -EFBIG && strstr(err.cause, "more than 104857600 bytes"), "%zu: %d, %s: %s", i, r, err.what, err.cause);
		(void)close(from);
		(void)close(to);
		buf_done(&part);
		buf_done(&bomb);
	}
}

Test(unpack_decompress, nobody_reads)
{
	struct buf in = {0}, out = {0};
	struct digest digest;
	struct error err = {0};
	uint64_t bytes;
	int ends[2], from;

	gzip(&in, &out);
	from = file_of(in.text, in.size);
	cr_assert_eq(unpack_pipe(ends), 0);
	(void)close(ends[0]);
	(void)signal(SIGPIPE, SIG_IGN);
	cr_expect_eq(unpack_decompress(from, ends[1], 0, &digest, &bytes, &err), -EPIPE);
	cr_expect_eq(err.code, EPIPE);
	(void)close(ends[1]);
	(void)close(from);
	buf_done(&in);
	buf_done(&out);
}

Test(unpack_decompress, verdict)
{
	static const struct {
		const char *name;
		int decompressed, written, verdict;
	} rows[] = {
		{"both well", 0, 0, 0},
		{"a broken stream ends the archive early", -EBADMSG, -EINVAL, -EBADMSG},
		{"a broken stream behind the archive's end", -EBADMSG, 0, -EBADMSG},
		{"the writer gave up", -EPIPE, -ENOSPC, -ENOSPC},
		{"the writer gave up with the last byte", 0, -ENOSPC, -ENOSPC},
		{"a pipe broken by nobody", -EPIPE, 0, -EPIPE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct error first = {.code = -rows[i].decompressed}, second = {.code = -rows[i].written};
		struct error err = {0};

		cr_expect_eq(unpack_verdict(rows[i].decompressed, &first, rows[i].written, &second, &err), rows[i].verdict, "%s", rows[i].name);
		cr_expect_eq(err.code, -rows[i].verdict, "%s", rows[i].name);
	}
}

Test(unpack_decompress, stream_max)
{
	cr_expect_eq(unpack_stream_max(&(const struct unpack_spec){.bytes_max = 0, .entries_max = 5}), 0);
	cr_expect_eq(unpack_stream_max(&(const struct unpack_spec){.bytes_max = 5, .entries_max = 0}), 0);
	cr_expect_eq(unpack_stream_max(&(const struct unpack_spec){.bytes_max = UINT64_MAX, .entries_max = 1}), 0);
	cr_expect_gt(unpack_stream_max(&(const struct unpack_spec){.bytes_max = 1000, .entries_max = 10}), 1000 + 10 * 4096);
}
