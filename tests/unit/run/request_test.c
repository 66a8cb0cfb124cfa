#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run/request.h"
#include "util/buf.h"
#include "util/mem.h"

static const char label[] = "command line --test";

/* "key=yaml; key=yaml" of all overrides. */
static void describe(struct buf *out, const struct request *request)
{
	buf_add(out, "", 0);
	for (size_t i = 0; i < request->override_count; i++)
		buf_printf(out, "%s%s=%s", i ? "; " : "", request->overrides[i].key, request->overrides[i].yaml);
}

Test(request, quotes_as_yaml)
{
	static const struct {
		const char *name, *text, *yaml; /* NULL: refused */
	} cases[] = {
		{"plain", "4G", "\"4G\""},
		{"empty", "", "\"\""},
		{"a second key", "x\", evil: \"y", "\"x\\\", evil: \\\"y\""},
		{"backslash", "a\\b", "\"a\\\\b\""},
		{"line feed", "a\nb", "\"a\\u000ab\""},
		{"delete", "a\x7f", "\"a\\u007f\""},
		{"C1 control", "\xc2\x85", "\"\\u0085\""},
		{"line separator", "\xe2\x80\xa8", "\"\\u2028\""},
		{"byte order mark", "\xef\xbb\xbf", "\"\\ufeff\""},
		{"letters of others", "größe 本 🙂", "\"größe 本 🙂\""},
		{"comment and anchors", "#&*!|>%@`", "\"#&*!|>%@`\""},
		{"lone byte", "a\xff", NULL},
		{"cut sequence", "a\xe2\x80", NULL},
		{"overlong", "\xc0\xaf", NULL},
		{"surrogate", "\xed\xa0\x80", NULL},
		{"beyond Unicode", "\xf4\x90\x80\x80", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arena arena = {0};
		const char *yaml = NULL;
		int r = request_quote(&arena, cases[i].text, &yaml);

		cr_expect_eq(r, cases[i].yaml ? 0 : -EILSEQ, "%s: %d", cases[i].name, r);
		if (cases[i].yaml && yaml)
			cr_expect_str_eq(yaml, cases[i].yaml, "%s: %s", cases[i].name, yaml);
		arena_done(&arena);
	}
}

typedef int verb(struct request *request, const char *text, const char *label, struct error *err);

static int rootfs_from_nowhere(struct request *request, const char *text, const char *said, struct error *err)
{
	request->cwd = NULL;
	return request_set_rootfs(request, text, said, err);
}

Test(request, verbs)
{
	static const struct {
		const char *name;
		verb *verb;
		const char *text;
		const char *overrides; /* NULL: refused */
		const char *cause;
	} cases[] = {
		{"set", request_set_pair, "resources.memory=4G", "resources.memory=4G", NULL},
		{"set a list", request_set_pair, "network.publish=[a=b]", "network.publish=[a=b]", NULL},
		{"set nothing", request_set_pair, "resources.memory=", "resources.memory=", NULL},
		{"set without =", request_set_pair, "resources.memory", NULL, "it is not KEY=VALUE"},
		{"set without key", request_set_pair, "=4G", NULL, "it is not KEY=VALUE"},
		{"variable", request_add_env, "A=b", "environment.set={\"A\": \"b\"}", NULL},
		{"variable with =", request_add_env, "A=b=c", "environment.set={\"A\": \"b=c\"}", NULL},
		{"empty variable", request_add_env, "A=", "environment.set={\"A\": \"\"}", NULL},
		{"passed on", request_add_env, "A", "environment.inherit=[\"A\"]", NULL},
		{"nameless", request_add_env, "=b", NULL, "the variable has no name"},
		{"no variable", request_add_env, "", NULL, "the variable has no name"},
		{"binary variable", request_add_env, "A=\xff", NULL, "it has bytes that are not UTF-8, which no profile can hold"},
		{"capability", request_add_cap, "net_admin", "capabilities=[\"CAP_NET_ADMIN\"]", NULL},
		{"capability in full", request_add_cap, "CAP_CHOWN", "capabilities=[\"CAP_CHOWN\"]", NULL},
		{"all capabilities", request_add_cap, "all", "capabilities=[\"ALL\"]", NULL},
		{"no capability", request_add_cap, "a-b", NULL, "no capability has such a name"},
		{"drop all", request_drop_cap, "all", "capabilities=!replace []", NULL},
		{"drop one", request_drop_cap, "chown", "", NULL},
		{"drop none", request_drop_cap, "", NULL, "no capability has such a name"},
		{"ulimit", request_add_ulimit, "nofile=1:2", "", NULL},
		{"half a ulimit", request_add_ulimit, "nofile=", NULL, "it is not NAME=SOFT[:HARD]"},
		{"no new privileges", request_add_security, "no-new-privileges", "", NULL},
		{"unconfined", request_add_security, "seccomp=unconfined",
			"syscalls.allow=!replace []; syscalls.deny=!replace []; syscalls.rules=!replace []; process.new_namespaces=true; syscalls.default=allow", NULL},
		{"seccomp file", request_add_security, "seccomp=x.json", NULL, "carrel knows no-new-privileges, which always holds, and seccomp=unconfined"},
		{"platform", request_set_platform, "linux/arm/v7", "", NULL},
		{"no platform", request_set_platform, "linux/", NULL, "its parts are words of letters and digits with / between them"},
		{"stop signal", request_set_stop_signal, "SIGRTMIN+3", "", NULL},
		{"no stop signal", request_set_stop_signal, "SIG", NULL, "there is no such signal"},
		{"rootfs", request_set_rootfs, "/srv/root", "filesystem.root=\"dir:/srv/root\"", NULL},
		{"relative rootfs", request_set_rootfs, "../root", "filesystem.root=\"dir:/home/ada/../root\"", NULL},
		{"no rootfs", request_set_rootfs, "", NULL, "the path is empty"},
		{"rootfs from a deleted directory", rootfs_from_nowhere, "root", NULL, "it is relative to the working directory, which is gone or cannot be read"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_buf struct buf said = {0};
		struct error err = {0};
		struct request request;

		request_init(&request);
		request.cwd = "/home/ada";
		int r = cases[i].verb(&request, cases[i].text, label, &err);
		cr_expect_eq(r == 0, cases[i].overrides != NULL, "%s: %d", cases[i].name, r);
		describe(&said, &request);
		cr_expect_str_eq(said.text, cases[i].overrides ? cases[i].overrides : "", "%s: %s", cases[i].name, said.text);
		cr_expect_str_eq(err.cause, cases[i].cause ? cases[i].cause : "", "%s: %s", cases[i].name, err.cause);
		request_done(&request);
	}
}

Test(request, descriptors)
{
	static const struct {
		const char *text;
		int fds[4]; /* ends with 0; none: refused */
	} cases[] = {
		{"3", {3}}, {"3,9", {3, 9}}, {"5-7", {5, 6, 7}}, {"9,4-5", {9, 4, 5}},
		{"", {0}}, {"2", {0}}, {"3,", {0}}, {",3", {0}}, {"7-5", {0}}, {"3-", {0}}, {"x", {0}}, {"3;4", {0}}, {"-3", {0}},
		{"3-99999999999999999999", {0}}, {"4000000", {0}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request request;
		size_t count = 0;

		request_init(&request);
		int r = request_add_fds(&request, cases[i].text, label, NULL);
		cr_expect_eq(r == 0, cases[i].fds[0] != 0, "'%s': %d", cases[i].text, r);
		for (; count < 4 && cases[i].fds[count]; count++)
			cr_expect(count < request.preserve_fd_count && request.preserve_fds[count] == cases[i].fds[count], "'%s': number %zu", cases[i].text, count);
		cr_expect(r < 0 || request.preserve_fd_count == count, "'%s': %zu", cases[i].text, request.preserve_fd_count);
		request_done(&request);
	}
}

Test(request, report_target)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"out.json", 0}, {"3", 0}, {"3.json", 0}, {"./3", 0}, {"", -EINVAL}, {"99999999999", -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request request;

		request_init(&request);
		cr_expect_eq(request_set_report(&request, cases[i].text, label, NULL), cases[i].r, "'%s'", cases[i].text);
		cr_expect_eq(request.report != NULL, cases[i].r == 0, "'%s'", cases[i].text);
		request_done(&request);
	}
}

Test(request, env_file_lines)
{
	char text[] = "# a comment\n\nA=1\n  B=two words \r\nC\nD=\"quoted\"";
	cleanup_buf struct buf said = {0};
	struct request request;

	request_init(&request);
	cr_assert_eq(request_add_env_lines(&request, text, label, NULL), 0);
	describe(&said, &request);
	cr_expect_str_eq(said.text,
		"environment.set={\"A\": \"1\"}; environment.set={\"B\": \"two words \"}; environment.inherit=[\"C\"]; environment.set={\"D\": \"\\\"quoted\\\"\"}",
		"%s", said.text);
	request_done(&request);
}

Test(request, capabilities_in_any_order)
{
	cleanup_buf struct buf said = {0};
	char *words[] = {(char[]){"true"}, NULL};
	struct request request;

	request_init(&request);
	cr_assert_eq(request_add_cap(&request, "chown", label, NULL), 0);
	cr_assert_eq(request_drop_cap(&request, "chown", label, NULL), 0);
	cr_assert_eq(request_drop_cap(&request, "kill", label, NULL), 0);
	cr_assert_eq(request_drop_cap(&request, "ALL", label, NULL), 0);
	cr_assert_eq(request_finish(&request, 1, words, NULL), 0);
	describe(&said, &request);
	cr_expect_str_eq(said.text, "capabilities=!replace []; capabilities=[\"CAP_CHOWN\"]", "%s", said.text);
	cr_assert_eq(request.cap_drop_count, 1);
	cr_expect_str_eq(request.cap_drops[0].text, "CAP_KILL");
	request_done(&request);
}
