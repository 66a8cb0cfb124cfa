/* Processes: what one is, what one can do to others, and whether one stays. */
#include "../attack.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- what it is --- */

/* The values of these lines of /proc/self/status, with spaces between. */
static long status_lines(char **args)
{
	char line[256];

	for (int i = 0; args[i]; i++) {
		FILE *status = fopen("/proc/self/status", "re");
		size_t len = strlen(args[i]);

		while (status && fgets(line, sizeof(line), status))
			if (strncmp(line, args[i], len) == 0 && line[len] == ':')
				(void)printf("%s%.*s", i ? " " : "", (int)strcspn(line + len + 2, "\n"), line + len + 2);
		if (status)
			(void)fclose(status);
	}
	(void)puts("");
	return SAID;
}

static long groups(char **args)
{
	gid_t list[256];
	int count = getgroups(256, list);

	(void)args;
	for (int i = 0; i < count; i++)
		(void)printf("%s%u", i ? " " : "", list[i]);
	(void)puts(count > 0 ? "" : "none");
	return SAID;
}

static long set_groups(char **args)
{
	gid_t group = (gid_t)atoi(args[0]);

	return setgroups(1, &group);
}

static long set_user(char **args)
{
	return setuid((uid_t)atoi(args[0]));
}

static long effective_user(char **args)
{
	(void)args;
	(void)printf("%u\n", geteuid());
	return SAID;
}

/* args: the words, as the payload got them */
static long words(char **args)
{
	for (; *args; args++)
		(void)printf("<%s>", *args);
	(void)puts("");
	return SAID;
}

/* --- others --- */

static long signal_to(char **args)
{
	return kill(atoi(args[0]), atoi(args[1]));
}

/* Every signal to pid 1, which must take none of them. */
static long signals_to_init(char **args)
{
	(void)args;
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		(void)kill(1, signal);
	(void)usleep(100000);
	(void)puts(kill(1, 0) == 0 || errno == EPERM ? "alive" : "gone");
	return SAID;
}

/* To everybody that can be reached. */
static long signal_all(char **args)
{
	return kill(-1, atoi(args[0]));
}

static long trace(char **args)
{
	pid_t pid = atoi(args[0]);
	long result = ptrace(PTRACE_ATTACH, pid, NULL, NULL);

	if (result == 0) {
		(void)waitpid(pid, NULL, __WALL);
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
	return result;
}

static long read_memory(char **args)
{
	char here[8];
	struct iovec local = {here, sizeof(here)}, remote = {(void *)(uintptr_t)0x1000, sizeof(here)};
	long n = process_vm_readv(atoi(args[0]), &local, 1, &remote, 1, 0);

	return n < 0 && errno == EFAULT ? 0 : n; /* allowed, but there is nothing at this address */
}

/* Any of pids 2 to 400 but this one: they would be a neighbour's. */
static long neighbours(char **args)
{
	int reached = 0;

	(void)args;
	for (pid_t pid = 2; pid < 400; pid++)
		reached += pid != getpid() && (kill(pid, 0) == 0 || errno != ESRCH);
	(void)printf("%d\n", reached);
	return SAID;
}

static long take_descriptor(char **args)
{
	long pidfd = syscall(SYS_pidfd_open, atoi(args[0]), 0);

	return pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, atoi(args[1]), 0);
}

/* --- staying --- */

/* A daemon as in the book; it writes to the file args[0] for as long as it lives, and holds what it inherited. */
static long daemon_(char **args)
{
	if (fork() > 0) {
		for (int i = 0; i < 500 && access(args[0], F_OK) < 0; i++)
			(void)usleep(20000);
		return 0;
	}
	(void)setsid();
	for (int signal = 1; signal < SIGRTMAX; signal++)
		(void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	if (fork() > 0)
		_exit(0);
	for (;;) {
		int fd = open(args[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

		if (fd >= 0)
			(void)!write(fd, ".", 1);
		if (fd >= 0)
			(void)close(fd);
		(void)usleep(20000);
	}
}

/* The same, and the payload itself stays, too. */
static long stay(char **args)
{
	(void)daemon_(args);
	while (pause() < 0)
		;
	return 0;
}

static const struct attack attacks[] = {
    {"status", status_lines}, {"groups", groups}, {"set-groups", set_groups}, {"set-user", set_user}, {"effective-user", effective_user}, {"words", words},
    {"signal", signal_to}, {"signals-to-init", signals_to_init}, {"signal-all", signal_all}, {"trace", trace}, {"read-memory", read_memory},
    {"neighbours", neighbours}, {"take-descriptor", take_descriptor}, {"daemon", daemon_}, {"stay", stay},
};

int main(int argc, char **argv)
{
	(void)argc;
	return attack_main(attacks, ARRAY_SIZE(attacks), argv);
}
