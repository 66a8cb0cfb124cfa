/* A reference that is accepted reads as the same in full and as people write it, and is fit for a file's name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_read_as(struct arena *arena, const char *text, const char *full)
{
	struct reference reference;

	if (reference_parse(arena, text, &reference, NULL) < 0 || strcmp(reference_format(arena, &reference), full) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct reference reference;
	struct error err = {0};
	char *text = arena_strndup(&arena, (const char *)data, size);
	int r = reference_parse(&arena, text, &reference, &err);

	if ((r < 0) != (err.code != 0))
		abort();
	if (r == 0) {
		const char *full = reference_format(&arena, &reference);

		must_read_as(&arena, full, full);
		must_read_as(&arena, reference_familiar(&arena, &reference), full);
		if (strlen(full) > REFERENCE_MAX || strpbrk(full, "%\\ \n") || (reference.tag && !reference_tag_is_valid(reference.tag)))
			abort();
	}
	arena_done(&arena);
	return 0;
}
