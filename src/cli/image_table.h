/* Tables as Docker prints them, and its ways to say sizes and ages. Pure. */
#ifndef CARREL_CLI_IMAGE_TABLE_H
#define CARREL_CLI_IMAGE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/mem.h"

/* Cells are added one by one, the headings as the first row; each is copied. */
struct image_table {
	struct arena arena;
	size_t columns;
	const char **cells;
	size_t count;
};

void image_table_add(struct image_table *table, const char *text);
/* A line for each row, each column as wide as its widest cell and three blanks. What a terminal would obey is written as \xNN. */
void image_table_format(const struct image_table *table, struct buf *out);
void image_table_done(struct image_table *table);

enum { IMAGE_SIZE_TEXT = 32, IMAGE_AGE_TEXT = 48 };
/* In powers of thousand with three digits: "0B", "1.5kB", "117MB". */
char *image_format_size(uint64_t bytes, char buffer[IMAGE_SIZE_TEXT]);
/* "3 weeks ago"; what is still to come is "Less than a second ago". */
char *image_format_age(int64_t seconds, char buffer[IMAGE_AGE_TEXT]);
/* Seconds since 1970 of an RFC 3339 text; false where it is none, or NULL. */
bool image_parse_time(const char *text, int64_t *ret_seconds);
/* `created` as an age at `now`; "N/A" where nobody knows. */
char *image_format_created(const char *created, int64_t now, char buffer[IMAGE_AGE_TEXT]);

#endif
