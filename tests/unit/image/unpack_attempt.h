/* One archive unpacked into "target", in the folder where one is, beside "sibling" with its "victim" (tar_corpus.h). */
#ifndef CARREL_TESTS_UNIT_IMAGE_UNPACK_ATTEMPT_H
#define CARREL_TESTS_UNIT_IMAGE_UNPACK_ATTEMPT_H

#include "image/unpack.h"
#include "unit/image/tar_corpus.h"
#include "util/buf.h"

struct attempt {
	int result;
	struct unpack_result what;
	struct error err;
	struct buf tree, outside; /* what there is, where the case says what there should be; that the sibling was touched */
};

void attempt(struct attempt *ret, const struct tar_case *tar, const struct unpack_spec *spec);
/* Removes both folders; complains where that cannot be done. */
void attempt_done(struct attempt *attempt, struct buf *complaints, const char *name);

#endif
