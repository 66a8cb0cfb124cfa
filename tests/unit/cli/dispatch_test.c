#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/command.h"
#include "util/mem.h"

static const struct {
	const char *words[6];
	int status;
	const char *out, *err; /* the beginning of what is printed; NULL: nothing */
} cases[] = {
	{{"carrel"}, 0, "Usage: carrel [OPTIONS] COMMAND", NULL},
	{{"carrel", "--help"}, 0, "Usage: carrel [OPTIONS] COMMAND", NULL},
	{{"carrel", "-h"}, 0, "Usage: carrel [OPTIONS] COMMAND", NULL},
	{{"carrel", "help"}, 0, "Usage: carrel [OPTIONS] COMMAND", NULL},
	{{"carrel", "help", "run"}, 0, "Usage: carrel run [OPTIONS]", NULL},
	{{"carrel", "run", "--help"}, 0, "Usage: carrel run [OPTIONS]", NULL},
	{{"carrel", "profile", "show", "--help"}, 0, "Usage: carrel profile list", NULL},
	{{"carrel", "doctor", "-h"}, 0, "Usage: carrel doctor", NULL},
	{{"carrel", "--version"}, 0, "carrel ", NULL},
	{{"carrel", "version"}, 0, "carrel ", NULL},
	{{"carrel", "help", "--man", "run"}, 0, ".TH CARREL-RUN 1 ", NULL},
	{{"carrel", "help", "--man"}, 0, ".TH CARREL 1 ", NULL},
	{{"carrel", "help", "--man-profile"}, 0, ".TH CARREL\\-PROFILE 5 ", NULL},
	{{"carrel", "help", "--completion", "bash"}, 0, "# bash completion", NULL},
	{{"carrel", "help", "--completion", "tcsh"}, 125, NULL, "carrel: no completion for the shell 'tcsh': the shells are bash, zsh and fish\n"},
	{{"carrel", "rnu"}, 125, NULL, "carrel: unknown command 'rnu': no such command\n  hint: did you mean `carrel run`?\n"},
	{{"carrel", "help", "rnu"}, 125, NULL, "carrel: unknown command 'rnu'"},
	{{"carrel", "--verison"}, 125, NULL, "carrel: unknown option '--verison': no such option\n  hint: did you mean --version?\n"},
	{{"carrel", "-v", "run"}, 125, NULL, "carrel: no command was given: there is nothing to run\n"},
	{{"carrel", "run", "--pull=\x1b[2J", "x"}, 125, NULL, "carrel: bad value '\\x1b[2J' for --pull"},
};

/* Lead descriptor `fd` into a file in memory; *ret_kept has what it was. */
static int divert(int fd, int *ret_kept)
{
	int file = memfd_create("output", MFD_CLOEXEC);

	cr_assert_geq(file, 0);
	*ret_kept = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	cr_assert_eq(dup2(file, fd), fd);
	return file;
}

static void read_back(int file, int fd, int kept, char *text, size_t size)
{
	ssize_t got = pread(file, text, size - 1, 0);

	text[got > 0 ? got : 0] = 0;
	cr_assert_eq(dup2(kept, fd), fd);
	(void)close(kept);
	(void)close(file);
}

static bool begins(const char *text, const char *beginning)
{
	return beginning ? strncmp(text, beginning, strlen(beginning)) == 0 : !*text;
}

static void run_case(size_t i)
{
	char *argv[7] = {NULL};
	char out[256], err[256];
	int argc = 0, kept[2], files[2];

	for (; argc < 6 && cases[i].words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)cases[i].words[argc];
	files[0] = divert(STDOUT_FILENO, &kept[0]);
	files[1] = divert(STDERR_FILENO, &kept[1]);
	int status = command_dispatch(argc, argv);
	read_back(files[0], STDOUT_FILENO, kept[0], out, sizeof(out));
	read_back(files[1], STDERR_FILENO, kept[1], err, sizeof(err));
	cr_expect_eq(status, cases[i].status, "case %zu: %d", i, status);
	cr_expect(begins(out, cases[i].out), "case %zu: %s", i, out);
	cr_expect(begins(err, cases[i].err), "case %zu: %s", i, err);
}

Test(dispatch, statuses_and_texts)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(i);
}
