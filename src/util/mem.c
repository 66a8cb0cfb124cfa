#include "util/mem.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "carrel: out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1); /* nothing is left to do when this fails too */
	_exit(EXIT_CARREL);
}

void *mem_alloc(size_t size)
{
	void *ptr = calloc(1, size ? size : 1);

	if (!ptr)
		out_of_memory();
	return ptr;
}

void *mem_resize(void *ptr, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		out_of_memory();
	ptr = realloc(ptr, total ? total : 1);
	if (!ptr)
		out_of_memory();
	return ptr;
}

char *mem_strdup(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		out_of_memory();
	return copy;
}

char *mem_printf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	return text;
}

void mem_drop_program(void)
{
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	size_t count = getauxval(AT_PHNUM);
	uintptr_t page = (uintptr_t)getauxval(AT_PAGESZ) - 1;
	uintptr_t base = (uintptr_t)headers & ~page; /* the program headers lie in the first page of a position-independent file (elf(5)) */

	(void)malloc_trim(0);
	for (size_t i = count; base && i > 0; i--) { /* the first segment, which has these headers, last */
		uintptr_t start = (base + headers[i - 1].p_vaddr) & ~page;
		uintptr_t end = (base + headers[i - 1].p_vaddr + headers[i - 1].p_memsz + page) & ~page;

		if (headers[i - 1].p_type == PT_LOAD && !(headers[i - 1].p_flags & PF_W))
			(void)madvise((void *)start, end - start, MADV_DONTNEED); /* only saves memory */
	}
}

enum { ARENA_BLOCK = 8192, ARENA_ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(ARENA_ALIGN) unsigned char data[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->head;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (!block || block->size - block->used < size) {
		size_t room = size > ARENA_BLOCK / 4 ? size : ARENA_BLOCK;

		block = mem_alloc(sizeof(*block) + room);
		block->size = room;
		block->next = arena->head;
		arena->head = block;
	}
	block->used += size;
	return block->data + block->used - size;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	return arena_strdup(arena, text);
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t size)
{
	size_t total;
	void *grown;

	if (items && count && (count & (count - 1)))
		return items; /* below the power of two that was allocated */
	if (__builtin_mul_overflow(count ? count * 2 : 1, size, &total))
		out_of_memory();
	grown = arena_alloc(arena, total);
	if (count)
		memcpy(grown, items, count * size);
	return grown;
}

void arena_done(struct arena *arena)
{
	struct arena_block *block = arena->head;

	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
	arena->head = NULL;
}
