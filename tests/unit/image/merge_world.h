/* For the tests of the merge: layers made by hand, as root of a user namespace, and trees and archives as text. */
#ifndef CARREL_TESTS_UNIT_IMAGE_MERGE_WORLD_H
#define CARREL_TESTS_UNIT_IMAGE_MERGE_WORLD_H

#include <stdbool.h>
#include <stddef.h>

enum { WORLD_SKIPPED = 77 };

/* Run the body in a child and in a fresh folder of `world_base` ("/tmp"); what it complains of fails the test, WORLD_SKIPPED skips it. */
extern const char *world_base;
extern char world_place[64];
void world_expect_fine(const char *name, int (*body)(const void *context), const void *context);
/* In the body. Always 1. */
int world_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A folder for a layer, O_PATH; and one thing in it. 0 or -1 with errno. */
int world_layer(size_t layer);
/* "d:PATH", "f:PATH" (content: the layer's number), "w:" whiteout, "W:" whiteout file, "o:" opaque, "O:" opaque file, "l:" symlink, "h:NEW=OLD", "p:" fifo,
 * "s:" socket, "m:MODE PATH", "x:PATH" an attribute, "X:" attributes of overlays, "r:UID:GID:MODE PATH" recorded owner. */
int world_make(int root, const char *what, size_t layer);

/* "PATH TYPE MODE" for each file, sorted; for regular ones the size and a hash, for symlinks the target; "PATH x NAME=VALUE" for each attribute. A hard link's lines are
 * those of the file's first name. The archive as a reader of another kind sees it; the tree with "." for itself. */
char *world_read_tar(int fd);
char *world_read_tree(int fd);
unsigned world_hash(unsigned hash, const char *data, size_t size);

#endif
