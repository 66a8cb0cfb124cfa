/* Single files of the sandbox's /proc. Names and texts in them are hostile: a process name has what it likes but a zero byte. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "isolate/watch_files.h"
#include "util/fd.h"
#include "util/mem.h"

/* "PID/NAME", without printf: this is most of what an idle launcher does. */
static WHILE_IDLE void make_path(char *ret, pid_t pid, const char *name)
{
	char digits[16];
	size_t n = 0, at = 0;

	do {
		digits[n++] = (char)('0' + pid % 10);
		pid /= 10;
	} while (pid > 0);
	while (n > 0)
		ret[at++] = digits[--n];
	ret[at++] = '/';
	strcpy(ret + at, name);
}

WHILE_IDLE int watch_open(struct watch *watch, pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	make_path(path, pid, name);
	fd = openat(watch->sources.procfs, path, O_CLOEXEC | O_NOCTTY | flags);
	return fd < 0 ? -errno : fd;
}

static WHILE_IDLE uint64_t next_number(const char **at)
{
	uint64_t value = 0;
	bool negative;

	while (**at == ' ')
		(*at)++;
	negative = **at == '-';
	*at += negative;
	while (**at >= '0' && **at <= '9')
		value = value * 10 + (uint64_t)(*(*at)++ - '0');
	return negative ? 0 : value;
}

static WHILE_IDLE void skip_numbers(const char **at, int count)
{
	while (count-- > 0)
		(void)next_number(at);
}

/* proc_pid_stat(5). The name in parentheses may have parentheses and spaces: what follows the last ')' is the kernel's. */
WHILE_IDLE bool watch_parse_stat(const char *text, size_t len, struct watch_process *ret)
{
	const char *name = memchr(text, '(', len), *at = memrchr(text, ')', len);
	size_t name_len;

	if (!name || !at || at < name || at[1] != ' ' || !at[2])
		return false;
	name_len = (size_t)(at - name - 1);
	name_len = name_len < LIMIT_COMM ? name_len : LIMIT_COMM - 1;
	memcpy(ret->comm, name + 1, name_len);
	ret->comm[name_len] = '\0';
	ret->state = at[2];
	at += 3;
	ret->parent = (pid_t)next_number(&at);
	skip_numbers(&at, 5); /* pgrp session tty_nr tpgid flags */
	ret->faults = next_number(&at);
	skip_numbers(&at, 1);
	ret->faults += next_number(&at);
	skip_numbers(&at, 1);
	ret->user_ticks = next_number(&at);
	ret->system_ticks = next_number(&at);
	ret->child_user_ticks = next_number(&at);
	ret->child_system_ticks = next_number(&at);
	skip_numbers(&at, 2); /* priority nice */
	ret->threads = next_number(&at);
	skip_numbers(&at, 1);
	ret->start = next_number(&at);
	ret->virtual = next_number(&at);
	ret->resident = next_number(&at);
	skip_numbers(&at, 1);
	ret->layout = next_number(&at);
	skip_numbers(&at, 1);
	ret->layout = ret->layout * 31 + next_number(&at); /* where the stack begins: randomised by each execve */
	return true;
}

WHILE_IDLE char *watch_next_line(struct watch_lines *lines)
{
	for (;;) {
		char *start = lines->text + lines->start, *end = memchr(start, '\n', lines->end - lines->start);
		ssize_t n;

		if (end) {
			*end = '\0';
			lines->start = (size_t)(end + 1 - lines->text);
			return start;
		}
		if (lines->start == 0 && lines->end == lines->size)
			lines->end = 0; /* longer than any that is looked for: its beginning goes, and its end stands for the line */
		memmove(lines->text, lines->text + lines->start, lines->end - lines->start);
		lines->end -= lines->start;
		lines->start = 0;
		n = read(lines->fd, lines->text + lines->end, lines->size - lines->end);
		if (n <= 0)
			return NULL;
		lines->end += (size_t)n;
	}
}

bool watch_line_kilobytes(const char *line, const char *key, uint64_t *ret_bytes)
{
	size_t len = strlen(key);
	const char *at = line + len;

	if (strncmp(line, key, len) != 0)
		return false;
	while (*at == ' ' || *at == '\t')
		at++;
	*ret_bytes = next_number(&at) * 1024;
	return true;
}

/* Page tables and swap stand only here. Lines are taken one by one: "Groups:" before them can have 65,536 numbers. */
void watch_read_status(struct watch *watch, struct watch_process *process)
{
	cleanup_close int fd = watch_open(watch, process->mm_pid, "status", O_RDONLY);
	struct watch_lines lines = {.fd = fd, .text = watch->text, .size = sizeof(watch->text)};
	char *line;

	process->status_faults = process->faults;
	while (fd >= 0 && (line = watch_next_line(&lines)))
		if (!watch_line_kilobytes(line, "VmPTE:", &process->tables) && watch_line_kilobytes(line, "VmSwap:", &process->swap))
			break;
}

int watch_read_shares(struct watch *watch, pid_t pid, struct watch_shares *ret)
{
	cleanup_close int fd = watch_open(watch, pid, "smaps_rollup", O_RDONLY);
	struct watch_lines lines = {.fd = fd, .text = watch->text, .size = sizeof(watch->text)};
	bool any = false;
	char *line;

	*ret = (struct watch_shares){0};
	if (fd < 0)
		return fd;
	while ((line = watch_next_line(&lines))) {
		any = true;
		if (!watch_line_kilobytes(line, "Pss_Anon:", &ret->anonymous) && !watch_line_kilobytes(line, "Pss_Shmem:", &ret->shared))
			(void)watch_line_kilobytes(line, "SwapPss:", &ret->swap);
	}
	return any ? 0 : -ESRCH; /* one that ends has no memory any more */
}
