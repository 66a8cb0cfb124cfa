#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "image/feed.h"
#include "util/fd.h"
#include "util/mem.h"

enum { SIZE = 3 << 20 }; /* more than the pipe holds */

struct reader {
	int from;
	size_t limit; /* goes away after so much */
	char *got;
	size_t size;
	pthread_t thread;
};

static void *read_all(void *context)
{
	struct reader *reader = context;
	ssize_t r;

	while (reader->size < reader->limit && (r = read(reader->from, reader->got + reader->size, SIZE + 1 - reader->size)) > 0)
		reader->size += (size_t)r;
	(void)close(reader->from);
	return NULL;
}

static void fill(char *data)
{
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)(i * 31 + i / 4096);
}

static const struct {
	const char *name;
	size_t chunk;     /* is written at once */
	size_t limit;     /* the reader's */
	bool complete;
	const char *file; /* NULL: a memfd; else an unnamed file in this folder */
} cases[] = {
	{"in one piece", SIZE, SIZE + 1, true, NULL},
	{"as it comes", 10000, SIZE + 1, true, NULL},
	{"a page's parts", 511, SIZE + 1, true, NULL},
	{"on disk", 100000, SIZE + 1, true, "/var/tmp"},
	{"the reader goes away", 10000, 1 << 20, true, NULL},
	{"the writer gives up", 10000, SIZE + 1, false, NULL},
};

static void run(size_t i, char *data, struct reader *reader)
{
	int file = cases[i].file ? open(cases[i].file, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : memfd_create("feed", MFD_CLOEXEC), ends[2];
	struct feed feed = {.moved = NULL};
	struct error err;
	size_t written = 0, end = cases[i].complete ? SIZE : SIZE / 2;

	cr_assert(file >= 0 && pipe2(ends, O_CLOEXEC) == 0, "%s", cases[i].name);
	reader->from = ends[0];
	reader->limit = cases[i].limit;
	cr_assert_eq(pthread_create(&reader->thread, NULL, read_all, reader), 0);
	cr_assert_eq(feed_start(&feed, fcntl(file, F_DUPFD_CLOEXEC, 0), ends[1], &err), 0, "%s: %s", cases[i].name, err.what);
	while (written < end) {
		size_t size = end - written < cases[i].chunk ? end - written : cases[i].chunk;

		cr_assert_eq(fd_write_all(file, data + written, size), 0);
		written += size;
		feed_grow(&feed, written);
	}
	feed_end(&feed, cases[i].complete);
	(void)pthread_join(reader->thread, NULL);
	cr_expect_eq(feed_is_broken(&feed), cases[i].limit < SIZE, "%s", cases[i].name);
	(void)close(file);
}

Test(feed, copies_a_file_that_grows)
{
	cleanup_free char *data = mem_alloc(SIZE);

	fill(data);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reader reader = {.got = mem_alloc(SIZE + 1)};

		run(i, data, &reader);
		if (cases[i].complete && cases[i].limit > SIZE)
			cr_expect_eq(reader.size, SIZE, "%s: %zu bytes came", cases[i].name, reader.size);
		else
			cr_expect_lt(reader.size, SIZE, "%s: %zu bytes came", cases[i].name, reader.size);
		cr_expect_eq(memcmp(reader.got, data, reader.size), 0, "%s: other bytes", cases[i].name);
		free(reader.got);
	}
}

/* A download must not wait for the unpacker: nobody reads the pipe, and the file grows all the same. */
Test(feed, never_holds_up_the_writer)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	cleanup_free char *data = mem_alloc(SIZE);
	int file = memfd_create("feed", MFD_CLOEXEC), ends[2];
	struct feed feed = {.moved = NULL};
	struct reader reader = {.got = mem_alloc(SIZE + 1), .limit = SIZE + 1};
	struct error err;

	fill(data);
	cr_assert(file >= 0 && pipe2(ends, O_CLOEXEC) == 0);
	cr_assert_eq(feed_start(&feed, fcntl(file, F_DUPFD_CLOEXEC, 0), ends[1], &err), 0, "%s", err.what);
	for (size_t written = 0; written < SIZE; written += 1 << 16) {
		cr_assert_eq(fd_write_all(file, data + written, 1 << 16), 0);
		feed_grow(&feed, written + (1 << 16));
		(void)nanosleep(&moment, NULL);
	}
	reader.from = ends[0];
	cr_assert_eq(pthread_create(&reader.thread, NULL, read_all, &reader), 0);
	feed_end(&feed, true);
	(void)pthread_join(reader.thread, NULL);
	cr_expect(reader.size == SIZE && !memcmp(reader.got, data, SIZE), "%zu bytes", reader.size);
	free(reader.got);
	(void)close(file);
}
