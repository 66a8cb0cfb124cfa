/* What if somebody has taken over a parser? Attack code stands in the place of who decompresses, and of who writes the files, and tries to get out. Each attack is
 * tried by a process that nothing confines, too, where it must succeed: so that it is known to be one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "run/unpacker_parts.h"
#include "unit/isolate/child.h"
#include "util/fd.h"
#include "util/path.h"

extern char **environ;

static char folder[] = "/tmp/carrel-attack-XXXXXX"; /* of the store; beside its tmp/ there is what is to be kept from the workers */
static char secret[64], other[64];
static struct arena arena;
static struct host host;
static char page[64]; /* of the test's memory, for who would read it */

static void put_file(const char *path)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && fd_write_all(fd, "text", 4) == 0);
}

static void begin_test(void)
{
	static const char *const folders[] = {"tmp", "tmp/job", "tmp/other"};

	cr_assert_not_null(mkdtemp(folder));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		cleanup_free char *path = mem_printf("%s/%s", folder, folders[i]);

		cr_assert_eq(mkdir(path, 0755), 0);
	}
	(void)snprintf(secret, sizeof(secret), "%s/secret", folder);
	(void)snprintf(other, sizeof(other), "%s/tmp/other/file", folder);
	put_file(secret);
	put_file(other);
	cr_assert_eq(host_read(&arena, environ, &host, NULL), 0);
	/* Something that could leak into the workers. */
	cr_assert_geq(fcntl(STDIN_FILENO, F_DUPFD, 200), 200);
}

static void end_test(void)
{
	(void)path_remove_tree(AT_FDCWD, folder);
	arena_done(&arena);
}

TestSuite(unpacker_attack, .init = begin_test, .fini = end_test, .timeout = 60);

/* --- attacks: true when it went through ------------------------------------------------------------------------------------------------- */

static bool opens(const char *path, int flags)
{
	cleanup_close int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd >= 0;
}

static bool read_accounts(void)
{
	return opens("/etc/passwd", O_RDONLY);
}

static bool write_to_secret(void)
{
	return opens(secret, O_WRONLY);
}

/* As the process sees it from its own root: the folder of another job. */
static bool write_to_other(void)
{
	return opens(other, O_WRONLY) || opens("/other/file", O_WRONLY) || opens("/../other/file", O_WRONLY) || opens("../other/file", O_WRONLY);
}

static bool change_other(void)
{
	return chmod(other, 0644) == 0 || chmod("/other/file", 0644) == 0 || chmod("../other/file", 0644) == 0;
}

static bool change_secret(void)
{
	return chmod(secret, 0644) == 0 || setxattr(secret, "user.x", "y", 1, 0) == 0;
}

static bool look_at_secret(void)
{
	struct stat st;

	return stat(secret, &st) == 0;
}

static bool read_own_memory(void)
{
	return opens("/proc/self/mem", O_RDWR);
}

/* Its status is that of an attack that went through. A worker would end by it without a result; and there the program is not to be found, which it
 * must not come to. */
static bool execute(void)
{
	static char name[] = "false";
	static char *const argv[] = {name, NULL};

	(void)execve("/bin/false", argv, environ);
	return errno == ENOENT || errno == EACCES;
}

static bool make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)!proc_wait(pid);
	return pid > 0;
}

static bool talk_to_network(void)
{
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0;
}

static bool talk_to_services(void)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0;
}

static bool signal_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool signal_all(void)
{
	return kill(-1, 0) == 0;
}

static bool trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool read_parents_memory(void)
{
	char copy[sizeof(page)];
	struct iovec local = {copy, sizeof(copy)}, remote = {page, sizeof(page)};

	return process_vm_readv(getppid(), &local, 1, &remote, 1, 0) > 0;
}

static bool make_namespace(void)
{
	return unshare(CLONE_NEWUSER) == 0;
}

static bool run_own_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool find_descriptors(void)
{
	for (int fd = 7; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			return true;
	}
	return false;
}

__attribute__((unused)) static bool raise_limit(void)
{
	const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	return setrlimit(RLIMIT_AS, &limit) == 0;
}

static bool signal_by_descriptor(void)
{
	return fcntl(STDIN_FILENO, F_SETOWN, getppid()) == 0;
}

static const struct {
	const char *name;
	bool (*attack)(void);
} attacks[] = {
	{"read /etc/passwd", read_accounts},
	{"write to a file outside", write_to_secret},
	{"write to another layer", write_to_other},
	{"change the mode of another layer's file", change_other},
	{"change a file outside without opening it", change_secret},
	{"look at a file outside", look_at_secret},
	{"own memory through /proc", read_own_memory},
	{"start a program", execute},
	{"fork", make_process},
	{"a TCP socket", talk_to_network},
	{"a Unix socket", talk_to_services},
	{"signal the parent", signal_parent},
	{"signal everybody", signal_all},
	{"be traced", trace},
	{"read the parent's memory", read_parents_memory},
	{"a user namespace", make_namespace},
	{"code of its own", run_own_code},
	{"descriptors of others", find_descriptors},
#ifndef __SANITIZE_ADDRESS__ /* no limit is set then */
	{"more memory", raise_limit},
#endif
	{"signals by a descriptor", signal_by_descriptor},
};

static int try(const void *attack)
{
	bool (*const *act)(void) = attack;

	return (*act)();
}

Test(unpacker_attack, each_is_one)
{
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++)
		cr_expect_eq(in_child(try, &attacks[i].attack), 1, "%s does not work where nothing stands against it", attacks[i].name);
}

/* --- in the place of a parser ------------------------------------------------------------------------------------------------------------ */

/* What went through, as an error. */
static int attack_all(struct error *err)
{
	cleanup_buf struct buf done = {0};

	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		if (attacks[i].attack())
			buf_printf(&done, "%s; ", attacks[i].name);
	}
	return done.size ? error_set(err, EBADMSG, "%s", done.text) : 0;
}

static int pass_on(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	char data[64];
	ssize_t n = read(in, data, sizeof(data));

	(void)bytes_max, (void)ret_diff_id, (void)ret_bytes, (void)err;
	return n < 0 ? -errno : fd_write_all(out, data, (size_t)n);
}

static int attack_decompress(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	int r = attack_all(err);

	return r < 0 ? r : pass_on(in, out, bytes_max, ret_diff_id, ret_bytes, err);
}

static int accept_all(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	char data[64];

	(void)target, (void)spec, (void)ret, (void)err;
	while (read(tar_fd, data, sizeof(data)) > 0)
		;
	return 0;
}

static int attack_write(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	int r = attack_all(err);

	return r < 0 ? r : accept_all(tar_fd, target, spec, ret, err);
}

/* Other bytes than those that came, and a result that says nothing of it. */
static int forge(int in, int out, uint64_t bytes_max, struct digest *ret_diff_id, uint64_t *ret_bytes, struct error *err)
{
	char data[64];

	(void)bytes_max, (void)ret_diff_id, (void)err;
	(void)!read(in, data, sizeof(data));
	*ret_bytes = 4;
	return fd_write_all(out, "forged", 6);
}

/* The writer, which cannot know better, says the digest that is wanted. */
static int claim_digest(int tar_fd, int target, const struct unpack_spec *spec, struct unpack_result *ret, struct error *err)
{
	int r = accept_all(tar_fd, target, spec, ret, err);

	digest_of("text", 4, &ret->diff_id);
	ret->stream_bytes = 4;
	return r;
}

static int run_job(const struct unpacker_work *work, enum idmap_mode mode, struct unpack_result *ret, struct error *err)
{
	struct unpacker *unpacker;
	int ends[2], r = unpacker_start_with(work, &host, folder, mode, &unpacker, err);

	cr_assert_eq(r, 0, "%s: %s", err->what, err->cause);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(fd_write_all(ends[1], "text", 4), 0);
	(void)close(ends[1]);
	const struct unpack_host *unpack = unpacker_host(unpacker);
	const struct unpack_spec spec = {.owner = unpack->owner};
	int job = unpack->begin(unpack->context, ends[0], "job", &spec, err);

	(void)close(ends[0]);
	r = job < 0 ? job : unpack->finish(unpack->context, job, ret, err);
	unpacker_end(unpacker);
	return r;
}

Test(unpacker_attack, none_works_in_a_worker)
{
	static const struct {
		const char *name;
		struct unpacker_work work;
		enum idmap_mode mode;
	} cases[] = {
		{"who decompresses", {attack_decompress, accept_all}, IDMAP_AUTO},
		{"who writes", {pass_on, attack_write}, IDMAP_AUTO},
		{"who writes, with a single id", {pass_on, attack_write}, IDMAP_SINGLE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct unpack_result done = {0};
		struct error err = {0};
		struct stat st;
		int r = run_job(&cases[i].work, cases[i].mode, &done, &err);

		cr_expect_eq(r, 0, "%s: %s", cases[i].name, err.what);
		cr_expect(stat(secret, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 4, "%s: the file outside is another", cases[i].name);
		cr_expect(stat(other, &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 4, "%s: the other layer's file is another", cases[i].name);
	}
}

Test(unpacker_attack, the_digest_is_that_of_what_came_out)
{
	static const struct unpacker_work work = {forge, claim_digest};
	struct unpack_result done = {0};
	struct error err = {0};
	struct digest digest;

	cr_assert_eq(run_job(&work, IDMAP_AUTO, &done, &err), 0, "%s", err.what);
	digest_of("forged", 6, &digest);
	cr_expect(digest_equal(&done.diff_id, &digest), "%s", done.diff_id.text);
	cr_expect_eq(done.stream_bytes, 6);
}
