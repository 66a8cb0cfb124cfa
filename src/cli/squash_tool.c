#include "cli/squash_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/inside.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/proc.h"

#define OUTPUT "/proc/self/fd/3"

enum {
	ARGUMENTS_MOST = 24,
	VERSION_MS = 10000,
	LOG_MOST = 65536,
};

/* Of zstd: mksquashfs takes 15 by itself, which is some ten times slower than this and makes the file a tenth smaller. */
#define ZSTD_LEVEL "6"

/* --- which -------------------------------------------------------------------------------------------------------------------------------------- */

/* "mksquashfs version 4.5.1 (2022/03/17)": since 4.5 it reads tar. */
static bool reads_tar(const char *program)
{
	char *const argv[] = {(char *)program, "-version", NULL};
	cleanup_free char *text = NULL;
	unsigned major = 0, minor = 0;
	int r = proc_capture(argv, 4096, VERSION_MS, &text);
	const char *version = r >= 0 && text ? strstr(text, "version ") : NULL;

	return version && sscanf(version, "version %u.%u", &major, &minor) == 2 && (major > 4 || (major == 4 && minor >= 5));
}

struct words {
	char *items[ARGUMENTS_MOST + 1];
	size_t count;
	char mode[16];
};

static void add(struct words *words, const char *word)
{
	if (words->count < ARGUMENTS_MOST)
		words->items[words->count++] = (char *)word;
}

/* The words of both are mksquashfs's; only where the file stands differs. */
static void add_options(struct words *words, const struct squash_spec *spec)
{
	add(words, "-comp");
	add(words, spec->compression);
	if (!strcmp(spec->compression, "zstd")) {
		add(words, "-Xcompression-level");
		add(words, ZSTD_LEVEL);
	}
	add(words, "-quiet");
	add(words, "-no-progress");
	(void)snprintf(words->mode, sizeof(words->mode), "%o", spec->root.mode & 07777u);
	add(words, "-root-mode");
	add(words, words->mode);
}

static void make_words(struct words *words, const char *name, const struct squash_spec *spec)
{
	add(words, name);
	if (!strcmp(name, "mksquashfs")) {
		add(words, "-");
		add(words, OUTPUT);
		add(words, "-tar");
		add(words, "-noappend");
		add_options(words, spec);
	} else if (!strcmp(name, "sqfstar")) {
		add_options(words, spec);
		add(words, OUTPUT);
	} else {
		add(words, "--quiet");
		add(words, "--force");
		add(words, "--compressor");
		add(words, spec->compression);
		add(words, OUTPUT);
	}
	words->items[words->count] = NULL;
}

static int find(const char **ret_name, char **ret_program, struct error *err)
{
	static const char *const names[] = {"mksquashfs", "sqfstar", "tar2sqfs"};
	bool is_old = false;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *program = proc_find_program(names[i], PROC_SYSTEM_PATH);

		if (program && (i > 0 || reads_tar(program))) {
			*ret_name = names[i];
			*ret_program = program;
			return 0;
		}
		is_old |= program != NULL;
		free(program);
	}
	(void)error_set(err, ENOENT, "cannot make a squashfs file");
	(void)error_cause(err, is_old ? "mksquashfs is older than 4.5 and reads no tar stream" : "mksquashfs is not installed");
	return error_hint(err, is_old ? "install squashfs-tools 4.5 or later, or squashfs-tools-ng (tar2sqfs) beside it" : "install the package squashfs-tools");
}

/* --- its life ------------------------------------------------------------------------------------------------------------------------------------ */

struct start {
	const struct squash_spec *spec;
	const struct words *words;
	const char *program;
	int input, log;
	pid_t parent;
};

static bool end_with(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static _Noreturn void become(const struct start *start, pid_t parent)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char date[64] = "SOURCE_DATE_EPOCH=";
	char *envp[] = {"PATH=" PROC_SYSTEM_PATH, "LC_ALL=C", epoch ? date : NULL, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Out of the way of the numbers that it gets. */
	int from = fcntl(start->input, F_DUPFD_CLOEXEC, 10), out = fcntl(start->spec->out, F_DUPFD_CLOEXEC, 10), says = fcntl(start->log, F_DUPFD_CLOEXEC, 10);

	(void)snprintf(date, sizeof(date), "SOURCE_DATE_EPOCH=%.40s", epoch ? epoch : "");
	if (null < 0 || dup2(from, 0) < 0 || dup2(null, 1) < 0 || dup2(says, 2) < 0 || dup2(out, 3) < 0 || !end_with(parent))
		_exit(EXIT_CARREL);
	fd_close_range(4, ~0u);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)execve(start->program, start->words->items, envp);
	_exit(EXIT_NOT_EXEC);
}

/* In the user namespace: run it, and give its exit status as the negative number that inside_run hands on. */
static int run_as_root(void *data)
{
	const struct start *start = data;
	pid_t self = getpid(), child;
	int status;

	if (!end_with(start->parent))
		return -ESRCH;
	child = fork();
	if (child == 0)
		become(start, self);
	(void)close(start->input); /* the tool is the only one who reads: its end is told to who writes */
	status = child < 0 ? -errno : proc_wait(child);
	return status > 0 ? -EIO : status;
}

static _Noreturn void run_tool(struct start *start, pid_t parent)
{
	struct error err = {0};

	if (!end_with(parent))
		_exit(EXIT_CARREL);
	start->parent = getpid();
	int r = inside_run(start->spec->ids, run_as_root, start, &err);
	if (err.code)
		(void)dprintf(start->log, "error: %s: %s\n", err.what, err.cause);
	_exit(r < 0);
}

int squash_tool_start(struct squash_tool *ret, const struct squash_spec *spec, struct error *err)
{
	struct squash_tool tool = {.input = -1, .log = -1};
	cleanup_free char *program = NULL;
	struct words words = {.count = 0};
	pid_t parent = getpid();
	int ends[2];
	int r = find(&tool.name, &program, err);

	if (r < 0 || !tool.name) /* (it is set where r is 0; gcc's analyzer does not see that) */
		return r;
	make_words(&words, tool.name, spec);
	tool.log = memfd_create("carrel-squashfs", MFD_CLOEXEC);
	if (tool.log < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		r = error_set(err, errno, "cannot start %s", tool.name);
		(void)fd_close(tool.log);
		return r;
	}
	tool.pid = fork();
	if (tool.pid == 0) {
		(void)fd_close(ends[1]);
		run_tool(&(struct start){.spec = spec, .words = &words, .program = program, .input = ends[0], .log = tool.log}, parent);
	}
	(void)fd_close(ends[0]);
	tool.input = ends[1];
	if (tool.pid < 0) {
		r = error_set(err, errno, "cannot start %s", tool.name);
		squash_tool_abandon(&tool);
		return r;
	}
	*ret = tool;
	return 0;
}

/* Its last words. */
static void explain(const struct squash_tool *tool, struct error *err)
{
	cleanup_free char *text = NULL;
	const char *said = NULL;

	if (lseek(tool->log, 0, SEEK_SET) < 0 || fd_slurp(tool->log, LOG_MOST, &text, NULL) < 0)
		return;
	for (char *line, *rest = text; (line = strsep(&rest, "\n"));) {
		if (*line && (!said || strstr(line, "rror") || strstr(line, "FATAL") || strstr(line, "ailed") || strstr(line, "not supported")))
			said = line;
	}
	if (said)
		(void)error_cause(err, "it says: %.300s", said);
	if (text && strstr(text, "No space left"))
		(void)error_hint(err, "there is no room left on the disk of the output");
	else if (text && strstr(text, "not supported"))
		(void)error_hint(err, "choose another with  --compression gzip");
}

int squash_tool_finish(struct squash_tool *tool, struct error *err)
{
	int status;

	tool->input = fd_close(tool->input);
	status = proc_wait(tool->pid);
	tool->pid = 0;
	if (status == 0)
		return 0;
	(void)error_set(err, EIO, "%s could not make the squashfs file", tool->name);
	if (status > 0 && WIFSIGNALED(status))
		(void)error_cause(err, "a signal ended it (%s)", strsignal(WTERMSIG(status)));
	else if (status > 0)
		(void)error_cause(err, "its exit status is %d", WEXITSTATUS(status));
	explain(tool, err);
	return -err->code;
}

void squash_tool_abandon(struct squash_tool *tool)
{
	if (tool->pid > 0) {
		(void)kill(tool->pid, SIGKILL); /* our unreaped child */
		(void)!proc_wait(tool->pid);
	}
	tool->pid = 0;
	tool->input = fd_close(tool->input);
	tool->log = fd_close(tool->log);
}
