#include "unit/image/tar_corpus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* POSIX, pax(1), "ustar Interchange Format". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == 512, "a block");

void tar_flush(struct tar_out *out)
{
	for (size_t at = 0; at < out->have && !out->failed;) {
		ssize_t n = write(out->fd, out->buffer + at, out->have - at);

		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			out->failed = true;
	}
	out->have = 0;
}

void tar_raw(struct tar_out *out, const void *data, size_t size)
{
	const unsigned char *from = data;

	while (size) {
		size_t room = sizeof(out->buffer) - out->have, n = size < room ? size : room;

		memcpy(out->buffer + out->have, from, n);
		out->have += n;
		from += n;
		size -= n;
		if (out->have == sizeof(out->buffer))
			tar_flush(out);
	}
}

void tar_pad(struct tar_out *out, size_t size)
{
	static const char zeros[512];

	if (size % 512)
		tar_raw(out, zeros, 512 - size % 512);
}

void tar_end(struct tar_out *out)
{
	static const char zeros[1024];

	tar_raw(out, zeros, sizeof(zeros));
}

static void octal(char *field, size_t size, unsigned long long value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)size - 1, value);
	memcpy(field, text, size);
}

static void put_header(struct tar_out *out, const struct tar_item *item, size_t size)
{
	struct header header = {.type = item->type ? item->type : '0', .magic = "ustar", .version = {'0', '0'}};
	const unsigned char *bytes = (const unsigned char *)&header;
	unsigned sum = 0;

	memcpy(header.name, item->name, strnlen(item->name, sizeof(header.name)));
	if (item->link)
		memcpy(header.link, item->link, strnlen(item->link, sizeof(header.link)));
	octal(header.mode, sizeof(header.mode), item->mode ? item->mode : item->type == '5' ? 0755 : 0644);
	octal(header.uid, sizeof(header.uid), item->uid);
	octal(header.gid, sizeof(header.gid), item->gid);
	octal(header.size, sizeof(header.size), size);
	if (item->size)
		memcpy(header.size, item->size, strnlen(item->size, sizeof(header.size)));
	octal(header.mtime, sizeof(header.mtime), (unsigned long long)item->mtime);
	octal(header.major, sizeof(header.major), item->major);
	octal(header.minor, sizeof(header.minor), item->minor);
	memset(header.checksum, ' ', sizeof(header.checksum));
	for (size_t i = 0; i < sizeof(header); i++)
		sum += bytes[i];
	octal(header.checksum, 7, sum);
	tar_raw(out, &header, sizeof(header));
}

void tar_put(struct tar_out *out, const struct tar_item *item)
{
	size_t size = item->data ? strlen(item->data) : 0;

	put_header(out, item, size);
	tar_raw(out, item->data, size);
	tar_pad(out, size);
}

void tar_put_pax(struct tar_out *out, const struct tar_pair *pairs)
{
	const struct tar_item item = {.name = "pax", .type = 'x'};
	static char text[1 << 20];
	size_t at = 0;

	for (; pairs->key; pairs++) {
		size_t size = pairs->size ? pairs->size : strlen(pairs->value), rest = strlen(pairs->key) + size + 3, length = rest + 1;

		while ((size_t)snprintf(NULL, 0, "%zu", length) + rest != length)
			length++;
		at += (size_t)sprintf(text + at, "%zu %s=", length, pairs->key);
		memcpy(text + at, pairs->value, size);
		at += size;
		text[at++] = '\n';
	}
	put_header(out, &item, at);
	tar_raw(out, text, at);
	tar_pad(out, at);
}

const struct tar_case *tar_case_find(const char *name)
{
	for (size_t i = 0; i < tar_case_count; i++) {
		if (!strcmp(tar_cases[i].name, name))
			return &tar_cases[i];
	}
	return NULL;
}

bool tar_case_write(const struct tar_case *tar, int fd)
{
	static struct tar_out out;

	out = (struct tar_out){.fd = fd};
	tar->write(&out);
	if (!tar->whole)
		tar_end(&out);
	tar_flush(&out);
	return !out.failed;
}
