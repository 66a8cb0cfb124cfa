#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/channel.h"
#include "util/mem.h"

static void make_pair(int ends[2])
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

Test(channel, every_type_arrives_whole)
{
	static const struct {
		const char *name;
		struct channel_message message;
	} cases[] = {
	    {"go", {.type = CHANNEL_GO}},
	    {"error", {.type = CHANNEL_ERROR, .error = {.code = ENOENT, .what = "cannot", .key = "identity.map"}}},
	    {"fuse", {.type = CHANNEL_FUSE}},
	    {"pty", {.type = CHANNEL_PTY}},
	    {"listener", {.type = CHANNEL_LISTENER, .payload = 3}},
	    {"started", {.type = CHANNEL_STARTED}},
	    {"signal", {.type = CHANNEL_SIGNAL, .signal = 15}},
	    {"suspend", {.type = CHANNEL_SUSPEND}},
	    {"resume", {.type = CHANNEL_RESUME}},
	    {"exit", {.type = CHANNEL_EXIT, .exit = {.wait_status = 256, .usage = {.ru_maxrss = 77}}}},
	};
	int ends[2], fds[FD_PASS_MAX];

	make_pair(ends);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct channel_message got;

		cr_assert_eq(channel_send(ends[0], &cases[i].message, NULL, 0), 0, "%s", cases[i].name);
		cr_assert_eq(channel_receive(ends[1], &got, fds), 0, "%s", cases[i].name);
		cr_assert_eq(memcmp(&got, &cases[i].message, sizeof(got)), 0, "%s", cases[i].name);
		cr_assert_eq(fds[0], -1, "%s", cases[i].name);
	}
}

Test(channel, descriptors_come_along_and_are_close_on_exec)
{
	struct channel_message message = {.type = CHANNEL_FUSE};
	int ends[2], fds[FD_PASS_MAX], null = open("/dev/null", O_RDWR);
	struct stat st;

	make_pair(ends);
	cr_assert_eq(channel_send(ends[0], &message, &null, 1), 0);
	cr_assert_eq(channel_receive(ends[1], &message, fds), 0);
	cr_assert_geq(fds[0], 0);
	cr_assert_eq(fds[1], -1);
	cr_assert(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	cr_assert(fstat(fds[0], &st) == 0 && S_ISCHR(st.st_mode));
}

Test(channel, what_is_no_message_is_refused)
{
	static const struct {
		const char *name;
		int words[2];
		size_t size;
	} cases[] = {
	    {"too short for a head", {CHANNEL_GO}, 2},
	    {"type 0", {0}, 4},
	    {"type too high", {CHANNEL_TYPE_MAX}, 4},
	    {"negative type", {-1}, 4},
	    {"a signal without number", {CHANNEL_SIGNAL}, 4},
	    {"an exit cut short", {CHANNEL_EXIT}, 8},
	};
	int ends[2], fds[FD_PASS_MAX];

	make_pair(ends);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct channel_message got = {.type = CHANNEL_GO};

		cr_assert_eq(send(ends[0], cases[i].words, cases[i].size, 0), (ssize_t)cases[i].size);
		cr_assert_eq(channel_receive(ends[1], &got, fds), -EBADMSG, "%s", cases[i].name);
		cr_assert_eq(got.type, CHANNEL_GO, "%s: the result was touched", cases[i].name);
	}
	cr_assert_eq(channel_send(ends[0], &(struct channel_message){.type = CHANNEL_TYPE_MAX}, NULL, 0), -EINVAL);
}

Test(channel, the_end)
{
	struct channel_message message = {.type = CHANNEL_GO};
	int ends[2], fds[FD_PASS_MAX];

	make_pair(ends);
	close(ends[0]);
	cr_assert_eq(channel_receive(ends[1], &message, fds), -EPIPE);
	cr_assert_eq(channel_send(ends[1], &message, NULL, 0), -EPIPE);
}

Test(channel, the_last_word_survives_unread_mail)
{
	struct channel_message word = {.type = CHANNEL_EXIT}, unread = {.type = CHANNEL_SIGNAL, .signal = 2}, got;
	int ends[2], fds[FD_PASS_MAX];

	make_pair(ends);
	cr_assert_eq(channel_send(ends[0], &unread, NULL, 0), 0);
	cr_assert_eq(channel_send(ends[1], &word, NULL, 0), 0);
	close(ends[1]);
	cr_assert_eq(channel_receive(ends[0], &got, fds), 0);
	cr_assert_eq(got.type, CHANNEL_EXIT);
	cr_assert_eq(channel_receive(ends[0], &got, fds), -EPIPE);
}
