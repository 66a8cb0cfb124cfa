/* Archives that a layer should not be, and some that it may be: written header by header, since no tool makes most of them. What each must come to stands beside it.
 *
 * For the tests of unpacking, and as a program (tests/e2e/payload/tar_corpus.c) for those of pull, load and import. In the attacks "../sibling" is what an attacker would like to
 * write to: a folder beside the target, with a file `victim` in it.
 */
#ifndef CARREL_TESTS_TAR_CORPUS_H
#define CARREL_TESTS_TAR_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tar_out {
	int fd;
	bool failed; /* nobody reads any more, which is no mistake of ours */
	size_t have;
	unsigned char buffer[1 << 16];
};

/* Whatever is 0 or NULL is so in the header; mode 0 is 0644, for directories 0755. */
struct tar_item {
	const char *name;
	char type; /* '0' file, '1' hard link, '2' symlink, '3' and '4' devices, '5' directory, '6' FIFO, 'x' pax, 'L' GNU long name …; 0: file */
	const char *link, *data; /* data: the file's */
	unsigned mode, uid, gid, major, minor;
	long long mtime;
	const char *size; /* in the header instead of the data's, as octal digits */
};

void tar_put(struct tar_out *out, const struct tar_item *item);
/* A pax header for the item that follows: one record "LENGTH KEY=VALUE\n" for each pair; ends with a NULL key. */
struct tar_pair {
	const char *key, *value;
	size_t size; /* of the value; 0: its strlen */
};
void tar_put_pax(struct tar_out *out, const struct tar_pair *pairs);
void tar_raw(struct tar_out *out, const void *data, size_t size);
void tar_pad(struct tar_out *out, size_t size); /* zeros up to the next 512 */
void tar_end(struct tar_out *out);              /* two blocks of zeros */
void tar_flush(struct tar_out *out);

struct tar_case {
	const char *name;
	void (*write)(struct tar_out *out); /* all but the end, unless `whole` */
	/* Refused: parts of the message, of which `entry` names the culprit. */
	const char *refused, *entry;
	/* Else what is there: "name/" a directory ("name/!" opaque), "name=TEXT" a file, "name>TARGET" a symlink, "name|" a FIFO, "name%" a whiteout, sorted, each followed by a
	 * blank; NULL: not looked at. */
	const char *tree;
	bool whole; /* writes its own end */
};
extern const struct tar_case tar_cases[];
extern const size_t tar_case_count;

const struct tar_case *tar_case_find(const char *name);
/* False: the reader went away. */
bool tar_case_write(const struct tar_case *tar, int fd);

#endif
