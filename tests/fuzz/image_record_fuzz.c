/* The record of an image, which may come from somebody else in a .sqfs file: what is accepted is written again and reads as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct image first, second;
	struct error err = {0};
	struct buf once = {0}, twice = {0};
	int r = image_record_parse(&arena, (const char *)data, size, &first, &err);

	check((r < 0) == (err.code != 0));
	if (r == 0) {
		check(first.layer_count <= MANIFEST_LAYERS_MAX && (!first.workdir || first.workdir[0] == '/'));
		for (size_t i = 0; i < first.environment.count; i++)
			check(first.environment.items[i][0] != '=' && strchr(first.environment.items[i], '='));
		image_record_format(&first, &once);
		check(image_record_parse(&arena, once.text, once.size, &second, NULL) == 0);
		image_record_format(&second, &twice);
		check(!strcmp(once.text, twice.text));
	}
	buf_done(&once);
	buf_done(&twice);
	arena_done(&arena);
	return 0;
}
