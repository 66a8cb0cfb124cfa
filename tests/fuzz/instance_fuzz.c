/* A record of a running sandbox: what is believed is written again, and must read as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "state/instance.h"
#include "util/procstat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct instance first, second;
	struct buf once = {0}, twice = {0};
	struct arena arena = {0};
	struct procstat stat;
	char *text = mem_alloc(size + 1);

	if (size)
		memcpy(text, data, size);
	(void)!procstat_parse(text, &stat); /* either way; it must only not crash */
	if (instance_parse(&arena, text, size, &first) == 0) {
		instance_format(&first, &once);
		if (instance_parse(&arena, once.text, once.size, &second) < 0)
			abort();
		instance_format(&second, &twice);
		if (strcmp(once.text, twice.text) != 0)
			abort();
	}
	buf_done(&once);
	buf_done(&twice);
	arena_done(&arena);
	free(text);
	return 0;
}
