/* A store of its own for each test, and images in it: small blobs, layers of one file, a manifest and a record. */
#ifndef CARREL_TESTS_UNIT_IMAGE_STORE_DEPOT_H
#define CARREL_TESTS_UNIT_IMAGE_STORE_DEPOT_H

#include <criterion/criterion.h>

#include "image/store.h"
#include "image/store_gc.h"

extern struct store depot;
extern struct arena depot_arena;

/* For TestSuite(.init, .fini). */
void depot_begin(void);
void depot_end(void);

/* Blobs, layers and the record of an image; equal texts make equal layers. Not tagged. */
struct image depot_image(const char *seed, const char *const *layers);
#define LAYERS(...) ((const char *const[]){__VA_ARGS__, NULL})
void depot_tag(const char *name, const struct image *image);
struct reference depot_reference(const char *name);
/* A digest that only its seed decides. */
struct digest depot_digest(const char *seed);
void depot_put_layer(const struct digest *diff_id, const char *text);

/* Is there something at this path in the store? And how many names in this folder? */
bool depot_has(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
size_t depot_count(const char *folder);
/* Everything that the image wants is there. */
bool depot_is_whole(const struct image *image);
/* Run in a child of its own; its process id. The child ends with 0 when `act` gives 0. */
pid_t depot_fork(int (*act)(int number), int number);
void depot_wait(const char *name, pid_t pid, int status);

/* A call that must succeed, with WHY as its struct error. */
extern struct error depot_error;
#define WHY (&depot_error)
#define EXPECT_OK(call, name) cr_assert((call) >= 0, "%s: " #call ": %s: %s", (name), depot_error.what, depot_error.cause)

#endif
