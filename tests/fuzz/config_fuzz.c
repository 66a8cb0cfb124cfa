/* A configuration that is accepted makes a record that is accepted, and history, where there is one, is read or refused. The first byte is the number of layers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/history.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct image image = {0}, read;
	struct image_history *history;
	struct error err = {0};
	struct buf once = {0}, twice = {0};
	size_t count;
	int r;

	if (!size)
		return 0;
	r = image_parse_config(&arena, (const char *)data + 1, size - 1, data[0] & 3, &image, &err);
	if ((r < 0) != (err.code != 0))
		abort();
	if (r == 0) {
		image_record_format(&image, &once);
		if (image_record_parse(&arena, once.text, once.size, &read, NULL) < 0)
			abort();
		image_record_format(&read, &twice);
		if (strcmp(once.text, twice.text) != 0)
			abort();
	}
	(void)!image_parse_history(&arena, (const char *)data + 1, size - 1, &history, &count, NULL); /* either way */
	buf_done(&once);
	buf_done(&twice);
	arena_done(&arena);
	return 0;
}
