/* Subordinate ids (subuid(5), subgid(5)): the ranges that /etc/subuid and /etc/subgid give a user, by name or number. */
#ifndef CARREL_ISOLATE_SUBID_H
#define CARREL_ISOLATE_SUBID_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"

struct id_range {
	uint32_t start, count;
};

/* Parse the text of such a file (pure): the ranges of `name` (may be NULL) or `uid` written as a number, in file order; malformed lines are
 * passed over as shadow does, overlapping and empty ranges left out. *ret is in the arena. */
void subid_parse(struct arena *arena, const char *text, const char *name, uint32_t uid, struct id_range **ret, size_t *ret_count);

enum subid_kind { SUBID_UID, SUBID_GID };
/* The user's ranges on this machine: /etc/subuid or /etc/subgid; where /etc/nsswitch.conf names another `subid:` source and getsubids(1) is
 * installed, from that program. None is no error (count 0). */
int subid_load(struct arena *arena, enum subid_kind kind, const char *name, uint32_t uid, struct id_range **ret, size_t *ret_count, struct error *err) MUST_CHECK;

/* For hints: the first id behind every range of such a text (pure) or of both files, at least SUBID_FIRST (useradd's SUB_UID_MIN), or 0 where
 * no `size` ids are left behind it. */
enum { SUBID_FIRST = 100000, SUBID_USUAL_SIZE = 65536 };
uint32_t subid_free_start(const char *text, uint32_t size);
uint32_t subid_load_free_start(uint32_t size);

#endif
