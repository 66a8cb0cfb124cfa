/* Memory: aborting allocation, cleanup attributes, and the arena that a parsed tree lives in.
 *
 * Running out of memory ends the program here: a launcher of a few hundred kilobytes has no better answer,
 * and no caller has a path that is never tested.
 */
#ifndef CARREL_UTIL_MEM_H
#define CARREL_UTIL_MEM_H

#include <stddef.h>
#include <stdlib.h>

#include "util/error.h"

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *mem_resize(void *ptr, size_t count, size_t size) __attribute__((returns_nonnull)); /* refuses overflow */
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((malloc, returns_nonnull));

/* Functions that run while everybody waits stand together in the program file (section .text.hot): the kernel maps sixteen pages around
 * each one that is touched, and scattered ones would keep half of the program in memory. */
#define WHILE_IDLE __attribute__((hot))

/* Before a long wait: forget the pages of our own program file. What is needed again, a poll loop of a few pages, comes back from the
 * page cache by itself. */
void mem_drop_program(void) WHILE_IDLE;

static inline void mem_cleanup(void *ptr_to_ptr)
{
	free(*(void **)ptr_to_ptr);
}
#define cleanup_free __attribute__((cleanup(mem_cleanup)))

/* Hand a pointer on and forget it here: `*ret = take_ptr(mine)`. */
#define take_ptr(p) __extension__({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* An arena owns everything that was made in it and is freed once. Made in a static or automatic variable
 * by `struct arena a = {0};`. */
struct arena {
	struct arena_block *head;
};

void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull)); /* zeroed, 16-aligned */
char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *arena, const char *text, size_t len) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3) __attribute__((returns_nonnull));
/* An array that grows: returns `items` or a copy with room for one more than `count`; doubles at powers of two. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t size) __attribute__((returns_nonnull));
void arena_done(struct arena *arena);

#endif
