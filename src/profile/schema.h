/* The one table of profile keys. Loading, checking, merging, defaults, printing, the reference page and the schema for editors are all
 * derived from it: a new key is a new line here and a new member of struct profile, nothing else.
 */
#ifndef CARREL_PROFILE_SCHEMA_H
#define CARREL_PROFILE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"
#include "util/buf.h"

enum schema_type {
	SCHEMA_SECTION,  /* a map whose keys are the table's next lines, "section.key" */
	SCHEMA_EXTENDS,  /* a text that the loader reads; it has no member */
	SCHEMA_TEXT,     /* struct text_value */
	SCHEMA_CHOICE,   /* struct choice_value, one of `words` */
	SCHEMA_ROOT,     /* struct choice_value, with the argument of dir:PATH and image:REF in the text_value `extra` */
	SCHEMA_BOOL,     /* struct bool_value */
	SCHEMA_SIZE,     /* struct number_value from here to SCHEMA_BITS: bytes */
	SCHEMA_DURATION, /* milliseconds */
	SCHEMA_NUMBER,
	SCHEMA_THOUSANDTHS, /* a decimal number, 1.5 is 1500 */
	SCHEMA_MODE,     /* octal */
	SCHEMA_BITS,     /* 64 bits: decimal, 0x… or the name of a known constant */
	SCHEMA_TEXTS,    /* struct text_list */
	SCHEMA_PAIRS,    /* a map of free keys: struct text_pair *, its count in `extra` */
	SCHEMA_RECORDS,  /* a list of maps with the keys `fields`: an array of `record_size`, its count in `extra` */
	SCHEMA_TYPE_MAX,
};

enum schema_merge { MERGE_REPLACE, MERGE_APPEND, MERGE_BY_KEY };

/* What is wrong with a text, and what to do instead; both are static. */
struct complaint {
	const char *cause, *hint;
};

struct schema_key {
	const char *name; /* "resources.memory"; within a record "path"; NULL ends a table */
	enum schema_type type;
	bool required;    /* a record must have it */
	size_t offset, extra;
	int64_t min, max; /* of a number, in its unit */
	bool of_memory;   /* a size that may be a percentage of this machine's memory */
	const char *fallback; /* the default as it would be written; NULL: none */
	const char *const *words; /* choices; for texts: the only ones allowed. NULL-terminated */
	bool (*accept)(const char *text, struct complaint *ret); /* the form of a text or of a list's item */
	const struct schema_key *fields;
	size_t record_size;
	const char *help;
};

extern const struct schema_key schema_table[];

/* Constants of the kernel's headers that a rule may name instead of a number. NULL-terminated. */
struct schema_constant {
	const char *name;
	uint64_t value;
};
extern const struct schema_constant schema_constants[];

/* How the value of a later profile meets the one of an earlier. */
enum schema_merge schema_merges(enum schema_type type);
/* "a size such as 512M": what a message says was expected. */
const char *schema_wants(enum schema_type type);

/* The line of "resources" or "resources.memory", or NULL. */
const struct schema_key *schema_find(const char *name);
/* The line of `name` at the top of a table, or NULL. */
const struct schema_key *schema_find_at_top(const struct schema_key *table, const char *name);
/* The line of `name` within `section` (NULL: at the top of the profile's), or NULL. */
const struct schema_key *schema_find_in(const struct schema_key *section, const char *name);
/* Is `key` a line of this section (NULL: of the top)? */
bool schema_is_in(const struct schema_key *key, const struct schema_key *section);
/* The name after the last dot. */
const char *schema_leaf(const struct schema_key *key);
/* Does a number without a value mean "no limit"? Then the word `none` takes an inherited limit away. */
bool schema_may_be_none(const struct schema_key *key);

/* Generated from the table: a JSON schema (draft 7) for editors, and a reference page in Markdown. */
void schema_put_json(struct buf *out);
void schema_put_reference(struct buf *out);

#endif
