/* The commands that read strangers' bytes, looked at from outside while they wait for some: are they shut in, and what unpacks for them? */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(cage);

static const char *status_of(pid_t pid)
{
	return harness_slurp(harness_text("/proc/%d/status", pid));
}

static bool says(pid_t pid, const char *line)
{
	return strstr(status_of(pid), harness_text("\n%s\n", line)) != NULL;
}

static bool comes_to(pid_t pid, const char *line)
{
	for (int i = 0; i < 1000; i++) {
		if (says(pid, line))
			return true;
		usleep(10000);
	}
	return false;
}

/* 0: none. */
static pid_t child_of(pid_t parent)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (proc && !found && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && says(pid, harness_text("PPid:\t%d", parent)))
			found = pid;
	}
	if (proc)
		(void)closedir(proc);
	return found;
}

/* Same-uid neighbours are kept out, also of what is read from /proc. (Root is not.) */
static bool shows(pid_t pid, const char *file)
{
	int fd = open(harness_text("/proc/%d/%s", pid, file), O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static const struct {
	const char *name;
	const char *const *argv; /* "@": a FIFO that nothing is in yet */
} commands[] = {
	{"load", HARNESS_WORDS("load", "-i", "@")},
	{"import", HARNESS_WORDS("import", "@", "mine:1")},
};

/* What was started waits, and a child of it does the work. */
static pid_t worker_of(pid_t started)
{
	pid_t found = 0;

	for (int i = 0; i < 1000 && !(found = child_of(started)); i++)
		usleep(10000);
	return found;
}

static void look_at(const char *name, pid_t started)
{
	pid_t pid = worker_of(started), unpacker;

	cr_assert(pid > 0, "%s: nobody works", name);
	cr_expect(comes_to(pid, "Seccomp:\t2"), "%s: no filter: %s", name, status_of(pid));
	cr_expect(says(pid, "NoNewPrivs:\t1"), "%s: %s", name, status_of(pid));
	cr_expect(says(pid, "CapEff:\t0000000000000000") && says(pid, "CapPrm:\t0000000000000000"), "%s: %s", name, status_of(pid));
	cr_expect(getuid() == 0 || !shows(pid, "mem"), "%s: its memory can be opened", name);
	unpacker = child_of(pid);
	cr_assert(unpacker > 0, "%s: nothing unpacks for it", name);
	cr_expect(says(unpacker, harness_text("NSpid:\t%d\t1", unpacker)), "%s: what unpacks has no pid namespace: %s", name, status_of(unpacker));
	cr_expect(getuid() == 0 || (!shows(unpacker, "mem") && !shows(unpacker, "root/etc/passwd")), "%s: what unpacks can be looked into", name);
	cr_expect_eq(kill(unpacker, 0), 0, "%s: it is not ours", name);
}

Test(cage, what_reads_strangers_bytes_is_shut_in)
{
	const char *fifo = harness_path("fifo");
	int held;

	cr_assert_eq(mkfifo(fifo, 0600), 0);
	held = open(fifo, O_RDWR | O_CLOEXEC);
	cr_assert_geq(held, 0);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *argv[8] = {NULL};

		for (size_t word = 0; commands[i].argv[word]; word++)
			argv[word] = strcmp(commands[i].argv[word], "@") ? commands[i].argv[word] : fifo;
		struct harness_started started = harness_start(&(struct harness_run){.argv = argv, .env = HARNESS_WORDS(harness_text("CARREL_ROOT=%s", harness_path("store")))});
		look_at(commands[i].name, started.pid);
		(void)kill(started.pid, SIGTERM);
		struct harness_result result = harness_finish(&started);
		harness_expect_status(commands[i].name, &result, 128 + SIGTERM);
		harness_done(&result);
	}
	(void)close(held);
}
