#include "unit/image/tar_corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PUT(...) tar_put(out, &(const struct tar_item){__VA_ARGS__})
#define PAX(...) tar_put_pax(out, (const struct tar_pair[]){__VA_ARGS__, {NULL, NULL, 0}})
static void file(struct tar_out *out, const char *name, const char *data) { PUT(.name = name, .data = data); }
static void dir(struct tar_out *out, const char *name) { PUT(.name = name, .type = '5'); }
static void sym(struct tar_out *out, const char *name, const char *target) { PUT(.name = name, .type = '2', .link = target); }
static void hard(struct tar_out *out, const char *name, const char *target) { PUT(.name = name, .type = '1', .link = target); }
#define CASE(name_) static void name_(struct tar_out *out)

/* --- names that lead out --- */
CASE(dotdot) { file(out, "../sibling/touched", "x"); }
CASE(dotdot_inside) { file(out, "a/../../sibling/touched", "x"); }
CASE(dotdot_pax) { PAX({"path", "../sibling/touched", 0}); file(out, "innocent", "x"); }
CASE(dotdot_last) { dir(out, "a/.."); }
CASE(dotdot_directory) { PUT(.name = "../sibling/", .type = '5', .mode = 0777); }
CASE(absolute) { file(out, "/etc/passwd", "root"); file(out, "//usr///bin/./sh", "sh"); }

/* --- symlinks as parents --- */
CASE(symlink_up) { sym(out, "up", "../sibling"); file(out, "up/touched", "x"); }
CASE(symlink_up_inside) { dir(out, "sibling/"); sym(out, "up", "../../../sibling"); file(out, "up/touched", "x"); }
CASE(symlink_root) { sym(out, "slash", "/"); file(out, "slash/touched", "x"); }
CASE(symlink_absolute) { dir(out, "tmp/"); sym(out, "t", "/tmp"); file(out, "t/touched", "x"); dir(out, "t/d/"); file(out, "t/d/deep", "y"); }
CASE(symlink_proc) { sym(out, "p", "/proc/self/cwd"); file(out, "p/touched", "x"); }
CASE(symlink_chain) { sym(out, "a", "b"); sym(out, "b", "../sibling"); file(out, "a/touched", "x"); }
CASE(symlink_loop) { sym(out, "a", "b"); sym(out, "b", "a"); file(out, "a/x", "x"); }
CASE(symlink_made_later)
{
	dir(out, "d/");
	file(out, "d/one", "1");
	sym(out, "d", "../sibling"); /* while d is where the last entry went */
	file(out, "d/touched", "x");
}
CASE(symlink_implicit) { sym(out, "up", "../sibling"); file(out, "up/new/deep/touched", "x"); }
CASE(symlink_whiteout) { sym(out, "up", "../sibling"); file(out, "up/.wh.other", ""); }
CASE(symlink_opaque) { sym(out, "up", "../sibling"); file(out, "up/.wh..wh..opq", ""); }
CASE(symlink_final_file) { sym(out, "s", "../sibling/victim"); file(out, "s", "mine"); }
CASE(symlink_final_directory) { sym(out, "s", "../sibling"); PUT(.name = "s/", .type = '5', .mode = 0777); file(out, "s/touched", "x"); }
CASE(symlink_final_fifo) { sym(out, "s", "../sibling/victim"); PUT(.name = "s", .type = '6'); }
CASE(symlink_usr) { dir(out, "usr/lib/"); sym(out, "lib", "usr/lib"); file(out, "lib/x", "x"); file(out, "usr/lib/y", "y"); dir(out, "lib/z/"); file(out, "lib/z/w", "w"); }
CASE(symlink_empty) { sym(out, "s", ""); }

/* --- hard links --- */
CASE(hardlink) { file(out, "a", "x"); hard(out, "d/b", "a"); hard(out, "c", "./d/../d/b"); }
CASE(hardlink_plain) { file(out, "a", "x"); hard(out, "d/b", "a"); hard(out, "c", "/d/b"); }
CASE(hardlink_symlink) { sym(out, "s", "../sibling/victim"); hard(out, "h", "s"); }
CASE(hardlink_symlink_write) { sym(out, "s", "../sibling/victim"); hard(out, "h", "s"); file(out, "h", "mine"); }
CASE(hardlink_outside) { hard(out, "h", "../sibling/victim"); }
CASE(hardlink_absolute) { hard(out, "h", "/etc/passwd"); }
CASE(hardlink_parent) { sym(out, "up", "../sibling"); hard(out, "h", "up/victim"); }
CASE(hardlink_proc) { sym(out, "up", "/proc/self/fd"); hard(out, "h", "up/0"); }
CASE(hardlink_whiteout) { file(out, ".wh.gone", ""); hard(out, "h", "gone"); }
CASE(hardlink_whiteout_name) { file(out, ".wh.gone", ""); hard(out, "h", ".wh.gone"); }
CASE(hardlink_directory) { dir(out, "d/"); hard(out, "h", "d"); }
CASE(hardlink_root) { hard(out, "h", "/"); }
CASE(hardlink_self) { file(out, "a", "x"); hard(out, "a", "a"); }
CASE(hardlink_forward) { hard(out, "h", "later"); file(out, "later", "x"); }
CASE(hardlink_into_own_parent) { file(out, "d/a", "x"); hard(out, "d", "d/a"); }

/* --- the root --- */
CASE(root) { PUT(.name = "./", .type = '5', .mode = 0711); file(out, "./a", "x"); }
CASE(root_symlink) { sym(out, "./", "../sibling"); file(out, "touched", "x"); }
CASE(root_symlink_dot) { sym(out, ".", "/"); }
CASE(root_file) { file(out, "/", ""); }
CASE(root_hardlink) { file(out, "a", "x"); hard(out, "./", "a"); }
CASE(root_fifo) { PUT(.name = "./", .type = '6'); }

/* --- whiteouts --- */
CASE(whiteout) { dir(out, "d/"); file(out, "d/.wh.gone", ""); file(out, ".wh.also", ""); }
CASE(whiteout_empty) { file(out, ".wh.", ""); }
CASE(whiteout_dot) { file(out, "d/.wh..", ""); }
CASE(whiteout_dotdot) { file(out, "d/.wh...", ""); }
CASE(whiteout_parent) { file(out, ".wh.d/x", "x"); }
CASE(whiteout_meta) { file(out, ".wh..wh.plnk/1.2", "x"); file(out, ".wh..wh.aufs", ""); file(out, "a", "x"); }
CASE(whiteout_then_file) { file(out, ".wh.a", ""); file(out, "a", "x"); }
CASE(whiteout_then_directory) { file(out, ".wh.d", ""); dir(out, "d/"); file(out, "d/x", "x"); }
CASE(whiteout_then_implicit) { file(out, ".wh.d", ""); file(out, "d/x", "x"); }
CASE(whiteout_behind_file) { file(out, "a", "x"); file(out, ".wh.a", ""); }
CASE(whiteout_behind_directory) { dir(out, "d/"); file(out, "d/x", "x"); file(out, ".wh.d", ""); }
CASE(whiteout_behind_symlink) { sym(out, "s", "a"); file(out, ".wh.s", ""); }
CASE(whiteout_twice) { file(out, ".wh.a", ""); file(out, ".wh.a", ""); }
CASE(opaque) { dir(out, "d/"); file(out, "d/.wh..wh..opq", ""); file(out, "d/x", "x"); }
CASE(opaque_behind) { file(out, "d/x", "x"); file(out, "d/.wh..wh..opq", ""); file(out, "d/.wh.y", ""); }
CASE(opaque_root) { file(out, ".wh..wh..opq", ""); file(out, "x", "x"); }

/* --- kinds --- */
CASE(device_zero) { PUT(.name = "usr", .type = '3'); file(out, "a", "x"); }
CASE(devices) { PUT(.name = "dev/null", .type = '3', .mode = 0666, .major = 1, .minor = 3); PUT(.name = "dev/sda", .type = '4', .mode = 0666, .major = 8); file(out, "dev/x", "x"); }
CASE(fifo_passwd) { PUT(.name = "etc/passwd", .type = '6'); }
CASE(set_ids) { PUT(.name = "su", .data = "x", .mode = 06755, .uid = 0); PUT(.name = "sg", .data = "x", .mode = 02755, .uid = 1, .gid = 2); PUT(.name = "tmp/", .type = '5', .mode = 01777); }
CASE(overlay_attributes)
{
	PAX({"SCHILY.xattr.user.overlay.opaque", "y", 0}, {"SCHILY.xattr.trusted.overlay.opaque", "y", 0}, {"SCHILY.xattr.user.containers.override_stat", "0:0:0777", 0},
	    {"SCHILY.xattr.user.fuseoverlayfs.opaque", "y", 0}, {"SCHILY.xattr.security.selinux", "x", 0});
	dir(out, "d/");
}

/* --- the same name twice --- */
CASE(file_over_file) { file(out, "a", "long text"); file(out, "a", "2"); }
CASE(file_over_directory) { file(out, "d/e/f", "x"); file(out, "d", "file"); }
CASE(directory_over_file) { file(out, "d", "file"); dir(out, "d/"); file(out, "d/x", "x"); }
CASE(directory_twice) { dir(out, "d/"); file(out, "d/x", "x"); PUT(.name = "d/", .type = '5', .mode = 0700); file(out, "d/y", "y"); }
CASE(symlink_over_directory) { file(out, "d/x", "x"); sym(out, "d", "."); file(out, "d/y", "y"); }
CASE(file_as_parent) { file(out, "a", "x"); file(out, "a/b", "y"); }
CASE(no_parents) { file(out, "a/b/c/d", "x"); dir(out, "a/b2/"); }
CASE(any_order) { file(out, "a/b/c", "1"); file(out, "x/y", "2"); PUT(.name = "a/", .type = '5', .mode = 0500); dir(out, "a/b/"); file(out, "a/d", "3"); dir(out, "x/"); }

/* --- sizes that lie --- */
CASE(cut_off) { file(out, "a", "x"); PUT(.name = "b", .size = "00000100000"); }
CASE(size_garbage) { PUT(.name = "b", .size = "abc", .data = ""); }
CASE(size_huge) { PUT(.name = "b", .size = "77777777777"); }
CASE(size_negative) { PUT(.name = "b", .size = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"); }
CASE(size_pax) { PAX({"size", "99999999999999", 0}); file(out, "b", "x"); }
CASE(size_pax_negative) { PAX({"size", "-1", 0}); file(out, "b", "x"); file(out, "c", "y"); }
CASE(sparse_map) { PAX({"GNU.sparse.major", "0", 0}, {"GNU.sparse.minor", "1", 0}, {"GNU.sparse.name", "b", 0}, {"GNU.sparse.size", "10", 0}, {"GNU.sparse.map", "9223372036854775000,1000", 0}); file(out, "c", "xyz"); }
CASE(sparse_overlap) { PAX({"GNU.sparse.major", "0", 0}, {"GNU.sparse.minor", "1", 0}, {"GNU.sparse.name", "b", 0}, {"GNU.sparse.size", "10", 0}, {"GNU.sparse.map", "5,2,0,1", 0}); file(out, "c", "xyz"); }
CASE(sparse_beyond) { PAX({"GNU.sparse.major", "0", 0}, {"GNU.sparse.minor", "1", 0}, {"GNU.sparse.name", "b", 0}, {"GNU.sparse.size", "2", 0}, {"GNU.sparse.map", "5,3", 0}); file(out, "c", "xyz"); }
CASE(long_name_huge) { PUT(.name = "././@LongLink", .type = 'L', .size = "07777777777"); }
CASE(pax_huge) { PUT(.name = "pax", .type = 'x', .size = "07777777777"); }
CASE(pax_garbage) { PUT(.name = "pax", .type = 'x', .data = "this is no record\n"); file(out, "a", "x"); }

/* --- names --- */
CASE(name_bytes) { file(out, "\xff\xfe\x80", "x"); sym(out, "l\xc3", "\xe9"); }
CASE(name_pax) { PAX({"path", "\xc3\xa4\xe2\x82\xac", 0}); file(out, "other", "x"); PAX({"path", "\xe9-latin1", 0}, {"hdrcharset", "BINARY", 0}); file(out, "other", "y"); }
CASE(name_pax_invalid) { PAX({"path", "bad-\xff\xc3", 0}); file(out, "other", "x"); }
CASE(name_newline) { file(out, "a\nb", "x"); file(out, "\033]0;title\007", "y"); }

/* `length` bytes in components of `each`. */
static const char *long_name(size_t length, size_t each)
{
	static char text[1 << 19];

	for (size_t i = 0; i < length; i++)
		text[i] = i % (each + 1) == each ? '/' : 'n';
	if (length && text[length - 1] == '/')
		text[length - 1] = 'n';
	text[length] = 0;
	return text;
}

static void put_long(struct tar_out *out, size_t length, size_t each)
{
	PAX({"path", long_name(length, each), 0});
	file(out, "short", "x");
}

static void put_gnu_long(struct tar_out *out, size_t length, size_t each)
{
	PUT(.name = "././@LongLink", .type = 'L', .data = long_name(length, each));
	file(out, "short", "x");
}

CASE(name_255) { put_long(out, 255, 255); }
CASE(name_256) { put_long(out, 256, 256); }
CASE(name_4095) { put_long(out, 4095, 250); }
CASE(name_4096) { put_long(out, 4096, 250); }
CASE(name_4095_gnu) { put_gnu_long(out, 4095, 250); }
CASE(name_4096_gnu) { put_gnu_long(out, 4096, 250); }
CASE(link_long) { PAX({"linkpath", long_name(4095, 250), 0}); sym(out, "s", "short"); }
CASE(link_too_long) { PAX({"linkpath", long_name(4096, 250), 0}); sym(out, "s", "short"); }
CASE(nested) { put_long(out, 200000, 1); }

/* More levels than a path can name (the kernel has no limit), each by a name that is short enough, through a symlink to where the last one ended. */
CASE(nested_by_symlinks)
{
	enum { ROUNDS = 3, LEVELS = 700 };
	static char path[2 * LEVELS + 16];

	for (int i = 0; i < ROUNDS; i++) {
		char *end = path;
		char link[16];

		if (i)
			end += sprintf(end, "s%d/", i - 1);
		for (int level = 0; level < LEVELS; level++)
			end = stpcpy(end, "d/");
		PAX({"path", path, 0});
		dir(out, "short");
		(void)sprintf(link, "s%d", i);
		PAX({"linkpath", path, 0});
		sym(out, link, "short");
	}
}

/* --- the stream --- */
CASE(nothing) { (void)out; }
CASE(no_end) { file(out, "a", "x"); }
CASE(junk_behind) { file(out, "a", "x"); tar_end(out); tar_raw(out, "junk that is no header at all", 29); }
CASE(entry_behind_end) { file(out, "a", "x"); tar_end(out); file(out, "b", "y"); tar_end(out); }
CASE(no_tar)
{
	for (int i = 0; i < 40; i++)
		tar_raw(out, "This is a text and nothing else. ", 33);
}
CASE(bad_checksum)
{
	file(out, "a", "x");
	tar_raw(out, "b", 1);
	for (int i = 0; i < 511; i++)
		tar_raw(out, "7", 1);
}
CASE(half_header) { file(out, "a", "x"); tar_raw(out, "half", 4); }

#define DOES_NOT_HAVE "which this layer does not have"
#define NO_DIRECTORY "one of its parents is no directory"
#define DOTS "leads through '..'"
#define RESERVED "names that begin with .wh. are those of whiteouts"

const struct tar_case tar_cases[] = {
	{"dotdot", dotdot, DOTS, "../sibling/touched", NULL, false},
	{"dotdot-inside", dotdot_inside, DOTS, "a/../../sibling/touched", NULL, false},
	{"dotdot-pax", dotdot_pax, DOTS, "../sibling/touched", NULL, false},
	{"dotdot-last", dotdot_last, DOTS, "a/..", NULL, false},
	{"dotdot-directory", dotdot_directory, DOTS, "../sibling/", NULL, false},
	{"absolute", absolute, NULL, NULL, "etc/ etc/passwd=root usr/ usr/bin/ usr/bin/sh=sh ", false},
	{"symlink-up", symlink_up, NO_DIRECTORY, "up/touched", NULL, false},
	{"symlink-up-inside", symlink_up_inside, NULL, NULL, "sibling/ sibling/touched=x up>../../../sibling ", false},
	{"symlink-root", symlink_root, NULL, NULL, "slash>/ touched=x ", false},
	{"symlink-absolute", symlink_absolute, NULL, NULL, "t>/tmp tmp/ tmp/d/ tmp/d/deep=y tmp/touched=x ", false},
	{"symlink-proc", symlink_proc, NO_DIRECTORY, "p/touched", NULL, false},
	{"symlink-chain", symlink_chain, NO_DIRECTORY, "a/touched", NULL, false},
	{"symlink-loop", symlink_loop, NO_DIRECTORY, "a/x", NULL, false},
	{"symlink-made-later", symlink_made_later, NO_DIRECTORY, "d/touched", NULL, false},
	{"symlink-implicit", symlink_implicit, NO_DIRECTORY, "up/new/deep/touched", NULL, false},
	{"symlink-whiteout", symlink_whiteout, NO_DIRECTORY, "up/.wh.other", NULL, false},
	{"symlink-opaque", symlink_opaque, NO_DIRECTORY, "up/.wh..wh..opq", NULL, false},
	{"symlink-final-file", symlink_final_file, NULL, NULL, "s=mine ", false},
	{"symlink-final-directory", symlink_final_directory, NULL, NULL, "s/ s/touched=x ", false},
	{"symlink-final-fifo", symlink_final_fifo, NULL, NULL, "s| ", false},
	{"symlink-usr", symlink_usr, NULL, NULL, "lib>usr/lib usr/ usr/lib/ usr/lib/x=x usr/lib/y=y usr/lib/z/ usr/lib/z/w=w ", false},
	{"symlink-empty", symlink_empty, "it is a symlink to nothing", "s", NULL, false},
	{"hardlink", hardlink, DOTS, "c", NULL, false},
	{"hardlink-plain", hardlink_plain, NULL, NULL, "a=x c=x d/ d/b=x ", false},
	{"hardlink-symlink", hardlink_symlink, NULL, NULL, "h>../sibling/victim s>../sibling/victim ", false},
	{"hardlink-symlink-write", hardlink_symlink_write, NULL, NULL, "h=mine s>../sibling/victim ", false},
	{"hardlink-outside", hardlink_outside, DOTS, "h", NULL, false},
	{"hardlink-absolute", hardlink_absolute, DOES_NOT_HAVE, "h", NULL, false},
	{"hardlink-parent", hardlink_parent, DOES_NOT_HAVE, "h", NULL, false},
	{"hardlink-proc", hardlink_proc, DOES_NOT_HAVE, "h", NULL, false},
	{"hardlink-whiteout", hardlink_whiteout, "hard link to a whiteout", "h", NULL, false},
	{"hardlink-whiteout-name", hardlink_whiteout_name, "hard link to a whiteout", "h", NULL, false},
	{"hardlink-directory", hardlink_directory, "hard link to a directory", "h", NULL, false},
	{"hardlink-root", hardlink_root, "hard link to a directory", "h", NULL, false},
	{"hardlink-self", hardlink_self, NULL, NULL, "a=x ", false},
	{"hardlink-forward", hardlink_forward, DOES_NOT_HAVE, "h", NULL, false},
	{"hardlink-into-own-parent", hardlink_into_own_parent, DOES_NOT_HAVE, "d", NULL, false},
	{"root", root, NULL, NULL, "a=x ", false},
	{"root-symlink", root_symlink, "the root, which must be a directory", "./", NULL, false},
	{"root-symlink-dot", root_symlink_dot, "the root, which must be a directory", ".", NULL, false},
	{"root-file", root_file, NULL, NULL, NULL, false},
	{"root-hardlink", root_hardlink, "the root, which must be a directory", "./", NULL, false},
	{"root-fifo", root_fifo, "the root, which must be a directory", "./", NULL, false},
	{"whiteout", whiteout, NULL, NULL, "also% d/ d/gone% ", false},
	{"whiteout-empty", whiteout_empty, "a whiteout of nothing", ".wh.", NULL, false},
	{"whiteout-dot", whiteout_dot, "a whiteout of nothing", "d/.wh..", NULL, false},
	{"whiteout-dotdot", whiteout_dotdot, "a whiteout of nothing", "d/.wh...", NULL, false},
	{"whiteout-parent", whiteout_parent, RESERVED, ".wh.d/x", NULL, false},
	{"whiteout-meta", whiteout_meta, NULL, NULL, "a=x ", false},
	{"whiteout-then-file", whiteout_then_file, NULL, NULL, "a=x ", false},
	{"whiteout-then-directory", whiteout_then_directory, NULL, NULL, "d/! d/x=x ", false},
	{"whiteout-then-implicit", whiteout_then_implicit, NULL, NULL, "d/! d/x=x ", false},
	{"whiteout-behind-file", whiteout_behind_file, NULL, NULL, "a=x ", false},
	{"whiteout-behind-directory", whiteout_behind_directory, NULL, NULL, "d/! d/x=x ", false},
	{"whiteout-behind-symlink", whiteout_behind_symlink, NULL, NULL, "s>a ", false},
	{"whiteout-twice", whiteout_twice, NULL, NULL, "a% ", false},
	{"opaque", opaque, NULL, NULL, "d/! d/x=x ", false},
	{"opaque-behind", opaque_behind, NULL, NULL, "d/! d/x=x d/y% ", false},
	{"opaque-root", opaque_root, NULL, NULL, "x=x ", false},
	{"device-zero", device_zero, NULL, NULL, "a=x ", false},
	{"devices", devices, NULL, NULL, "dev/ dev/x=x ", false},
	{"fifo-passwd", fifo_passwd, NULL, NULL, "etc/ etc/passwd| ", false},
	{"setuid", set_ids, NULL, NULL, "sg=x su=x tmp/ ", false},
	{"overlay-attributes", overlay_attributes, NULL, NULL, "d/ ", false},
	{"file-over-file", file_over_file, NULL, NULL, "a=2 ", false},
	{"file-over-directory", file_over_directory, NULL, NULL, "d=file ", false},
	{"directory-over-file", directory_over_file, NULL, NULL, "d/ d/x=x ", false},
	{"directory-twice", directory_twice, NULL, NULL, "d/ d/x=x d/y=y ", false},
	{"symlink-over-directory", symlink_over_directory, NULL, NULL, "d>. y=y ", false},
	{"file-as-parent", file_as_parent, NO_DIRECTORY, "a/b", NULL, false},
	{"no-parents", no_parents, NULL, NULL, "a/ a/b/ a/b/c/ a/b/c/d=x a/b2/ ", false},
	{"any-order", any_order, NULL, NULL, "a/ a/b/ a/b/c=1 a/d=3 x/ x/y=2 ", false},
	{"truncated", cut_off, "runcated", "b", NULL, true},
	{"size-garbage", size_garbage, "is it a tar archive?", "", NULL, false},
	{"size-huge", size_huge, "runcated", "b", NULL, false},
	{"size-negative", size_negative, "", "", NULL, false},
	{"size-pax", size_pax, "runcated", "b", NULL, false},
	{"size-pax-negative", size_pax_negative, "", "", NULL, false},
	{"sparse-map", sparse_map, NULL, NULL, NULL, false},
	{"sparse-overlap", sparse_overlap, "", "b", NULL, false},
	{"sparse-beyond", sparse_beyond, "", "b", NULL, false},
	{"long-name-huge", long_name_huge, "", "", NULL, false},
	{"pax-huge", pax_huge, "", "", NULL, false},
	{"pax-garbage", pax_garbage, NULL, NULL, NULL, false},
	{"name-bytes", name_bytes, NULL, NULL, "l\xc3>\xe9 \xff\xfe\x80=x ", false},
	{"name-pax", name_pax, NULL, NULL, "\xc3\xa4\xe2\x82\xac=x \xe9-latin1=y ", false},
	{"name-pax-invalid", name_pax_invalid, NULL, NULL, "bad-\xff\xc3=x ", false},
	{"name-newline", name_newline, NULL, NULL, "\033]0;title\007=y a\nb=x ", false},
	{"name-255", name_255, NULL, NULL, NULL, false},
	{"name-256", name_256, "too long", "nnn", NULL, false},
	{"name-4095", name_4095, NULL, NULL, NULL, false},
	{"name-4096", name_4096, "longer than 4095 bytes", "nnn", NULL, false},
	{"name-4095-gnu", name_4095_gnu, NULL, NULL, NULL, false},
	{"name-4096-gnu", name_4096_gnu, "longer than 4095 bytes", "nnn", NULL, false},
	{"link-long", link_long, NULL, NULL, NULL, false},
	{"link-too-long", link_too_long, "too long", "s", NULL, false},
	{"nested", nested, "longer than 4095 bytes", "n/n/n", NULL, false},
	{"nested-by-symlinks", nested_by_symlinks, NULL, NULL, NULL, false},
	{"nothing", nothing, NULL, NULL, "", true},
	{"empty", nothing, NULL, NULL, "", false},
	{"no-end", no_end, NULL, NULL, "a=x ", true},
	{"junk-behind", junk_behind, NULL, NULL, "a=x ", true},
	{"entry-behind-end", entry_behind_end, NULL, NULL, "a=x ", true},
	{"no-tar", no_tar, "is it a tar archive?", "", NULL, false},
	{"bad-checksum", bad_checksum, "amaged", "a", NULL, false},
	{"half-header", half_header, "runcated", "a", NULL, true},
};
const size_t tar_case_count = COUNT(tar_cases);
