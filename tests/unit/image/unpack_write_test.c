/* Owners, modes, times, attributes, and what is counted. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/unpack.h"
#include "unit/image/inside.h"
#include "unit/image/tar_corpus.h"
#include "unit/image/unpack_attempt.h"
#include "unit/sanitized.h"
#include "util/mem.h"

TestSuite(unpack_write, .timeout = 120);

#define PUT(...) tar_put(out, &(const struct tar_item){__VA_ARGS__})
#define PAX(...) tar_put_pax(out, (const struct tar_pair[]){__VA_ARGS__, {NULL, NULL, 0}})
#define LAYER(owner_) (&(const struct unpack_spec){.owner = (owner_), .whiteouts = true})

static const struct tar_case *archive(void (*write)(struct tar_out *out))
{
	static struct tar_case one;

	one = (struct tar_case){.name = "archive", .write = write};
	return &one;
}

/* "mode uid:gid mtime.nsec links", the mode with the kind of file. */
static void expect_stat(struct buf *complaints, const char *path, const char *wanted)
{
	cleanup_free char *name = mem_printf("target/%s", path), *is = NULL;
	struct stat st;

	if (lstat(name, &st) < 0) {
		buf_printf(complaints, "%s: %s\n", path, strerror(errno));
		return;
	}
	is = mem_printf("%o %d:%d %lld.%ld %d", st.st_mode, (int)st.st_uid, (int)st.st_gid, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, S_ISDIR(st.st_mode) ? 0 : (int)st.st_nlink);
	if (strcmp(is, wanted))
		buf_printf(complaints, "%s: %s instead of %s\n", path, is, wanted);
}

/* The value's bytes; NULL: none. */
static void expect_xattr(struct buf *complaints, const char *path, const char *name, const char *wanted)
{
	cleanup_free char *file = mem_printf("target/%s", path);
	char value[256] = "";
	ssize_t n = lgetxattr(file, name, value, sizeof(value) - 1);

	if ((n < 0) != !wanted || (wanted && strncmp(value, wanted, strlen(wanted))))
		buf_printf(complaints, "%s: %s is '%s' (%zd) instead of '%s'\n", path, name, value, n, wanted ? wanted : "(none)");
}

static void expect_result(struct buf *complaints, const struct attempt *one, int code, const char *cause)
{
	if (one->err.code != code || (cause && !strstr(one->err.cause, cause)))
		buf_printf(complaints, "the result is %d: %s: %s\n", one->err.code, one->err.what, one->err.cause);
}

/* --- owners, modes and times --- */

static void write_owners(struct tar_out *out)
{
	PUT(.name = "./", .type = '5', .mode = 0751, .uid = 3, .gid = 4, .mtime = 1000);
	PUT(.name = "plain", .data = "x", .mode = 0640, .mtime = 1001);
	PUT(.name = "theirs", .data = "x", .mode = 0604, .uid = 5, .gid = 6, .mtime = 1002);
	PUT(.name = "su", .data = "x", .mode = 06711, .uid = 0, .gid = 7, .mtime = 1003);
	PUT(.name = "d/", .type = '5', .mode = 02511, .uid = 0, .gid = 8, .mtime = 1004);
	PUT(.name = "d/in", .data = "x", .mode = 0444, .mtime = 1005);          /* gets the group of the archive, not the folder's */
	PUT(.name = "d/sub/", .type = '5', .mode = 0700, .mtime = 1006);        /* nor its setgid bit */
	PUT(.name = "s", .type = '2', .link = "plain", .uid = 9, .gid = 10, .mtime = 1007);
	PUT(.name = "p", .type = '6', .mode = 0622, .uid = 11, .gid = 12, .mtime = 1008);
	PUT(.name = "h", .type = '1', .link = "theirs", .mtime = 5);
	PAX({"mtime", "1234567890.123456789", 0}, {"uid", "1000", 0}, {"gid", "2000", 0});
	PUT(.name = "fine", .data = "x", .mode = 0);
	PUT(.name = "d/late", .data = "x", .mtime = 1009);
	PUT(.name = "tmp/", .type = '5', .mode = 01777, .mtime = 1010);
}

static void try_range(const void *context, struct buf *complaints)
{
	struct attempt one;

	(void)context;
	attempt(&one, archive(write_owners), LAYER(LAYER_RANGE));
	expect_result(complaints, &one, 0, NULL);
	expect_stat(complaints, "", "40751 3:4 1000.0 0");
	expect_stat(complaints, "plain", "100640 0:0 1001.0 1");
	expect_stat(complaints, "theirs", "100604 5:6 1002.0 2");
	expect_stat(complaints, "h", "100604 5:6 1002.0 2");
	expect_stat(complaints, "su", "106711 0:7 1003.0 1");
	expect_stat(complaints, "d", "42511 0:8 1004.0 0");
	expect_stat(complaints, "d/in", "100444 0:0 1005.0 1");
	expect_stat(complaints, "d/sub", "40700 0:0 1006.0 0");
	expect_stat(complaints, "s", "120777 9:10 1007.0 1");
	expect_stat(complaints, "p", "10622 11:12 1008.0 1");
	expect_stat(complaints, "fine", "100644 1000:2000 1234567890.123456789 1");
	expect_stat(complaints, "tmp", "41777 0:0 1010.0 0");
	expect_xattr(complaints, "d", "user.containers.override_stat", NULL);
	if (one.what.entries != 13 || one.what.file_bytes != 6 || one.what.devices || one.what.foreign_owners || one.what.attributes)
		buf_printf(complaints, "counted: %lu entries, %lu bytes, %lu, %lu, %lu\n", one.what.entries, one.what.file_bytes, one.what.devices, one.what.foreign_owners, one.what.attributes);
	attempt_done(&one, complaints, "owners");
}

Test(unpack_write, owners_with_range)
{
	inside_test(true, try_range, NULL);
}

static void try_single(const void *context, struct buf *complaints)
{
	struct attempt one;

	(void)context;
	attempt(&one, archive(write_owners), LAYER(LAYER_SINGLE));
	expect_result(complaints, &one, 0, NULL);
	expect_stat(complaints, "", "40751 0:0 1000.0 0");
	expect_stat(complaints, "theirs", "100604 0:0 1002.0 2");
	expect_stat(complaints, "su", "100711 0:0 1003.0 1"); /* a set-id bit would be the user's own */
	expect_stat(complaints, "d", "40511 0:0 1004.0 0");
	expect_stat(complaints, "s", "120777 0:0 1007.0 1");
	expect_stat(complaints, "p", "10622 0:0 1008.0 1");
	expect_xattr(complaints, "", "user.containers.override_stat", "3:4:0751");
	expect_xattr(complaints, "plain", "user.containers.override_stat", "0:0:0640");
	expect_xattr(complaints, "theirs", "user.containers.override_stat", "5:6:0604");
	expect_xattr(complaints, "su", "user.containers.override_stat", "0:7:06711");
	expect_xattr(complaints, "d", "user.containers.override_stat", "0:8:02511");
	expect_xattr(complaints, "d/in", "user.containers.override_stat", "0:0:0444");
	expect_xattr(complaints, "fine", "user.containers.override_stat", "1000:2000:0644");
	attempt_done(&one, complaints, "owners");
}

Test(unpack_write, owners_with_single_id)
{
	inside_test(false, try_single, NULL);
}

/* What the archive does not say: a root, and parents. */
static void write_bare(struct tar_out *out)
{
	PUT(.name = "a/b/c", .data = "x");
}

static void try_bare(const void *context, struct buf *complaints)
{
	struct attempt one;
	struct stat st;

	(void)context;
	attempt(&one, archive(write_bare), LAYER(LAYER_SINGLE));
	expect_result(complaints, &one, 0, NULL);
	if (lstat("target", &st) < 0 || st.st_mode != (S_IFDIR | 0755) || lstat("target/a/b", &st) < 0 || st.st_mode != (S_IFDIR | 0755))
		buf_printf(complaints, "the mode is %o\n", st.st_mode);
	expect_xattr(complaints, "", "user.containers.override_stat", "0:0:0755");
	expect_xattr(complaints, "a", "user.containers.override_stat", "0:0:0755");
	attempt_done(&one, complaints, "bare");
}

Test(unpack_write, what_is_not_said)
{
	inside_test(false, try_bare, NULL);
}

static void write_foreign(struct tar_out *out)
{
	PAX({"uid", "4000000000", 0});
	PUT(.name = "uid", .data = "x", .gid = 5);
	PAX({"gid", "4294967295", 0}); /* -1 would mean to leave it */
	PUT(.name = "gid", .data = "x", .uid = 5);
	PAX({"uid", "99999999999999", 0});
	PUT(.name = "beyond", .type = '5');
	PUT(.name = "mine", .data = "x", .uid = 5, .gid = 5);
}

static void try_foreign(const void *context, struct buf *complaints)
{
	struct attempt one;

	(void)context;
	attempt(&one, archive(write_foreign), LAYER(LAYER_RANGE));
	expect_result(complaints, &one, 0, NULL);
	expect_stat(complaints, "uid", "100644 65534:5 0.0 1");
	expect_stat(complaints, "gid", "100644 5:65534 0.0 1");
	expect_stat(complaints, "beyond", "40755 65534:0 0.0 0");
	if (one.what.foreign_owners != 3)
		buf_printf(complaints, "%lu foreign owners instead of 3\n", one.what.foreign_owners);
	attempt_done(&one, complaints, "foreign");
}

Test(unpack_write, owners_that_are_not_mapped)
{
	inside_test(true, try_foreign, NULL);
}

/* --- attributes --- */

static const char capability[] = "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"; /* cap_net_bind_service=ep */

static void write_attributes(struct tar_out *out)
{
	PAX({"SCHILY.xattr.user.one", "1", 0}, {"SCHILY.xattr.security.capability", capability, 20}, {"LIBARCHIVE.xattr.user.two", "Mg", 0});
	PUT(.name = "file", .data = "x", .mode = 0555, .uid = 0, .gid = 0);
	PAX({"SCHILY.xattr.user.one", "d", 0}, {"SCHILY.xattr.trusted.overlay.opaque", "y", 0}, {"SCHILY.xattr.user.overlay.redirect", "/", 0}, {"SCHILY.xattr.security.selinux", "s", 0});
	PUT(.name = "dir/", .type = '5');
	PAX({"SCHILY.xattr.user.one", "no", 0});
	PUT(.name = "link", .type = '2', .link = "file");
	PAX({"SCHILY.acl.access", "user::rw-,user:0:r--,group::r--,mask::r--,other::---", 0});
	PUT(.name = "acl", .data = "x", .mode = 0640);
	PAX({"SCHILY.acl.default", "user::rwx,user:0:rwx,group::r-x,mask::rwx,other::---", 0});
	PUT(.name = "inherits/", .type = '5');
	PUT(.name = "inherits/file", .data = "x", .mode = 0644);
	PUT(.name = "inherits/dir/", .type = '5', .mode = 0755);
}

static void try_attributes(const void *context, struct buf *complaints)
{
	struct attempt one;

	(void)context;
	attempt(&one, archive(write_attributes), LAYER(LAYER_SINGLE));
	expect_result(complaints, &one, 0, NULL);
	expect_xattr(complaints, "file", "user.one", "1");
	expect_xattr(complaints, "file", "user.two", "2");
	expect_xattr(complaints, "file", "security.capability", "\1");
	expect_stat(complaints, "file", "100555 0:0 0.0 1");
	expect_xattr(complaints, "dir", "user.one", "d");
	expect_xattr(complaints, "dir", "user.overlay.redirect", NULL);
	expect_xattr(complaints, "acl", "system.posix_acl_access", "\2");
	expect_stat(complaints, "acl", "100640 0:0 0.0 1");
	expect_xattr(complaints, "inherits", "system.posix_acl_default", "\2");
	expect_stat(complaints, "inherits/file", "100644 0:0 0.0 1");
	expect_xattr(complaints, "inherits/file", "system.posix_acl_access", NULL);
	expect_stat(complaints, "inherits/dir", "40755 0:0 0.0 0");
	expect_xattr(complaints, "inherits/dir", "system.posix_acl_default", NULL);
	if (one.what.attributes != 4)
		buf_printf(complaints, "%lu attributes left out instead of 4\n", one.what.attributes);
	attempt_done(&one, complaints, "attributes");
}

Test(unpack_write, attributes)
{
	inside_test(false, try_attributes, NULL);
}

/* --- sparse files --- */

static void write_sparse(struct tar_out *out)
{
	PAX({"GNU.sparse.major", "0", 0}, {"GNU.sparse.minor", "1", 0}, {"GNU.sparse.name", "holes", 0}, {"GNU.sparse.size", "104857600", 0}, {"GNU.sparse.map", "10485760,3,52428800,3", 0});
	PUT(.name = "GNUSparseFile.1/holes", .data = "onetwo");
}

static void try_sparse(const void *context, struct buf *complaints)
{
	char text[4] = "";
	struct attempt one;
	struct stat st = {0};
	int fd;

	(void)context;
	attempt(&one, archive(write_sparse), &(const struct unpack_spec){.owner = LAYER_SINGLE, .bytes_max = 100});
	expect_result(complaints, &one, 0, NULL);
	fd = open("target/holes", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || pread(fd, text, 3, 52428800) != 3 || strcmp(text, "two") || st.st_size != 104857600 || st.st_blocks > 2000)
		buf_printf(complaints, "%ld bytes in %ld blocks, '%s'\n", (long)st.st_size, (long)st.st_blocks, text);
	(void)close(fd);
	if (one.what.file_bytes != 6)
		buf_printf(complaints, "%lu bytes instead of 6\n", one.what.file_bytes);
	attempt_done(&one, complaints, "sparse");
}

Test(unpack_write, sparse)
{
	inside_test(false, try_sparse, NULL);
}

/* --- limits --- */

static void write_many(struct tar_out *out)
{
	char name[32];

	PUT(.name = "x", .data = "1234567890");
	for (int i = 0; i < 20000 && !out->failed; i++) {
		(void)snprintf(name, sizeof(name), "d%d/%d", i / 100, i);
		PUT(.name = name, .type = '1', .link = "x");
	}
}

static void write_ten(struct tar_out *out)
{
	for (int i = 0; i < 10; i++) {
		char name[2] = {(char)('a' + i), 0};

		PUT(.name = name, .data = "1234567890");
	}
}

static const struct {
	const char *name;
	struct unpack_spec spec;
	int code;
	const char *cause;
} limits[] = {
	{"enough", {.owner = LAYER_SINGLE, .bytes_max = 100, .entries_max = 10}, 0, NULL},
	{"a byte too many", {.owner = LAYER_SINGLE, .bytes_max = 99, .entries_max = 10}, EFBIG, "more than 99 bytes"},
	{"an entry too many", {.owner = LAYER_SINGLE, .bytes_max = 100, .entries_max = 9}, E2BIG, "the 9 entries"},
};

static void try_limits(const void *context, struct buf *complaints)
{
	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct attempt one;

		attempt(&one, archive(write_ten), &limits[i].spec);
		if (one.err.code != limits[i].code || (limits[i].cause && (!strstr(one.err.cause, limits[i].cause) || strcmp(one.err.what, "cannot unpack 'j'"))))
			buf_printf(complaints, "%s: %d, %s: %s\n", limits[i].name, one.err.code, one.err.what, one.err.cause);
		attempt_done(&one, complaints, limits[i].name);
	}
}

Test(unpack_write, limits)
{
	inside_test(false, try_limits, NULL);
}

static void put_zeros(struct tar_out *out)
{
	static const char zeros[1 << 16];

	for (int i = 0; i < 300 << 4 && !out->failed; i++)
		tar_raw(out, zeros, sizeof(zeros));
}

static void write_endless(struct tar_out *out)
{
	PUT(.name = "a", .data = "x");
	tar_end(out);
	put_zeros(out);
}

static void write_fat_directory(struct tar_out *out)
{
	PAX({"size", "300000000", 0});
	PUT(.name = "d", .type = '5');
	put_zeros(out);
}

static void try_bombs(const void *context, struct buf *complaints)
{
	struct attempt one;

	(void)context;
	attempt(&one, archive(write_endless), LAYER(LAYER_SINGLE));
	expect_result(complaints, &one, EFBIG, "behind the archive's end");
	attempt_done(&one, complaints, "endless");
	attempt(&one, archive(write_fat_directory), LAYER(LAYER_SINGLE));
	if (one.err.code && one.err.code != EFBIG) /* (libarchive may say that directories have no size) */
		expect_result(complaints, &one, EFBIG, "brings more than");
	attempt_done(&one, complaints, "fat");
}

Test(unpack_write, bombs_that_make_no_file)
{
	inside_test(false, try_bombs, NULL);
}

static void try_reserved(const void *context, struct buf *complaints)
{
	struct attempt one;

	(void)context;
	attempt(&one, tar_case_find("whiteout"), &(const struct unpack_spec){.owner = LAYER_SINGLE});
	expect_result(complaints, &one, EINVAL, "names that begin with .wh. are those of whiteouts");
	attempt_done(&one, complaints, "reserved");
}

Test(unpack_write, whiteouts_are_not_for_import)
{
	inside_test(false, try_reserved, NULL);
}

static long peak(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void try_many(const void *context, struct buf *complaints)
{
	struct attempt one;
	long before, after;

	(void)context;
	attempt(&one, archive(write_ten), LAYER(LAYER_SINGLE));
	attempt_done(&one, complaints, "few");
	before = peak();
	attempt(&one, archive(write_many), LAYER(LAYER_SINGLE));
	after = peak();
	expect_result(complaints, &one, 0, NULL);
	if (after - before > 2000)
		buf_printf(complaints, "20,000 entries took %ld KiB more than ten\n", after - before);
	attempt_done(&one, complaints, "many");
}

Test(unpack_write, memory_does_not_grow)
{
	SKIP_WHERE_SANITIZED();
	inside_test(false, try_many, NULL);
}
