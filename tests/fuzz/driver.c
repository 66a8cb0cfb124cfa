/* A fuzz target without a fuzzer: each seed as it is, then RUNS mutations of the seeds, the same ones each time. So `make check` knows in a second that a target
 * still builds and holds; `make fuzz` looks for what is new.
 *
 *	build/tests/fuzz/NAME RUNS FOLDER
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

enum { SEEDS_MAX = 256, SIZE_MAX_ = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seed {
	uint8_t *data;
	size_t size;
};

static uint64_t state = 88172645463325252u;

/* xorshift64 */
static size_t draw(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (size_t)(state % below) : 0;
}

static size_t load(const char *folder, struct seed *seeds)
{
	size_t count = 0;
	DIR *dir = opendir(folder);

	for (struct dirent *entry; dir && count < SEEDS_MAX && (entry = readdir(dir));) {
		cleanup_free char *path = mem_printf("%s/%s", folder, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");

		if (!file)
			continue;
		seeds[count].data = mem_alloc(SIZE_MAX_);
		seeds[count].size = fread(seeds[count].data, 1, SIZE_MAX_, file);
		(void)fclose(file); /* it was only read */
		count++;
	}
	if (dir)
		closedir(dir);
	return count;
}

static size_t mutate(const struct seed *seeds, size_t count, uint8_t *out)
{
	const struct seed *seed = &seeds[draw(count)], *other = &seeds[draw(count)];
	size_t size = seed->size, from, len;

	memcpy(out, seed->data, size);
	for (size_t n = 1 + draw(6); n > 0; n--) {
		from = draw(size);
		len = draw(size - from);
		len = len > 64 ? draw(64) : len;
		switch (draw(6)) {
		case 0: /* a bit */
			if (size)
				out[from] ^= (uint8_t)(1u << draw(8));
			break;
		case 1: /* a byte */
			if (size)
				out[from] = (uint8_t)draw(256);
			break;
		case 2: /* take away */
			memmove(out + from, out + from + len, size - from - len);
			size -= len;
			break;
		case 3: /* twice */
			if (size + len <= SIZE_MAX_) {
				memmove(out + from + len, out + from, size - from);
				size += len;
			}
			break;
		case 4: /* the end of another one */
			if (other->size > from) {
				memcpy(out + from, other->data + from, other->size - from);
				size = other->size;
			}
			break;
		default: /* cut */
			size = from;
			break;
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	static struct seed seeds[SEEDS_MAX];
	static uint8_t input[SIZE_MAX_];
	size_t count, runs;

	if (argc != 3)
		return 2;
	runs = strtoul(argv[1], NULL, 10);
	count = load(argv[2], seeds);
	if (count == 0) {
		(void)fprintf(stderr, "%s: no seeds in %s\n", argv[0], argv[2]);
		return 1;
	}
	for (size_t i = 0; i < count; i++)
		(void)LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].size);
	for (size_t i = 0; i < runs; i++) {
		/* In memory of its own size, so that reading behind its end is noticed by a build that notices. */
		size_t size = mutate(seeds, count, input);
		cleanup_free uint8_t *copy = mem_alloc(size + 1);

		memcpy(copy, input, size);
		(void)LLVMFuzzerTestOneInput(copy, size);
	}
	return 0;
}
