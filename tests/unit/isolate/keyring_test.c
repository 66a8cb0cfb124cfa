#include "isolate/keyring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "unit/isolate/child.h"
#include "util/mem.h"
#include "util/sys.h"

TestSuite(keyring);

static const char secret[] = "the outer secret";

static long session_id(void)
{
	return sys_keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0);
}

static long read_key(long id, char *buffer, size_t size)
{
	return syscall(SYS_keyctl, KEYCTL_READ, id, buffer, size, 0L);
}

static long find_key(void)
{
	return syscall(SYS_keyctl, KEYCTL_SEARCH, (long)KEY_SPEC_SESSION_KEYRING, "user", "carrel-test", 0L);
}

struct inside {
	long outer_session, outer_key;
	bool defended, in_user_namespace;
};

enum { SAME_SESSION = 1, FOUND = 2, READ = 4, BROKEN = 64 };

/* What of the outer keyring is in reach, as bits. */
static int reach(const void *context)
{
	const struct inside *inside = context;
	char buffer[sizeof(secret)] = {0};
	int seen = 0;

	if (inside->defended && keyring_apply(NULL) < 0)
		return BROKEN;
	if (inside->in_user_namespace && unshare(CLONE_NEWUSER) < 0)
		return BROKEN;
	if (session_id() == inside->outer_session)
		seen |= SAME_SESSION;
	if (find_key() == inside->outer_key)
		seen |= FOUND;
	if (read_key(inside->outer_key, buffer, sizeof(buffer)) == sizeof(secret) && memcmp(buffer, secret, sizeof(secret)) == 0)
		seen |= READ;
	return seen;
}

/* A session of our own with one key in it that only its possessor may read: what a login gives. */
static int compare_reach(const void *context)
{
	/* Possessor: all. Owner, group, others: nothing. */
	const unsigned long possessor_only = 0x3f000000;
	struct inside inside = *(const struct inside *)context;

	if (sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0) < 0)
		return BROKEN + 1;
	inside.outer_session = session_id();
	inside.outer_key = syscall(SYS_add_key, "user", "carrel-test", secret, sizeof(secret), (long)KEY_SPEC_SESSION_KEYRING);
	if (inside.outer_key < 0 || sys_keyctl(KEYCTL_SETPERM, (unsigned long)inside.outer_key, possessor_only) < 0)
		return BROKEN + 2;
	return in_child(reach, &inside);
}

Test(keyring, the_outer_keys_are_out_of_reach_and_only_by_the_new_keyring)
{
	static const struct {
		const char *name;
		struct inside inside;
		int seen;
	} cases[] = {
		{"same session", {.defended = false}, SAME_SESSION | FOUND | READ},
		{"a new one", {.defended = true}, 0},
		{"a new one, then a user namespace", {.defended = true, .in_user_namespace = true}, 0},
	};

	if (sys_keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION_KEYRING, 1) < 0)
		cr_skip_test("no keyrings here: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int seen = in_child(compare_reach, &cases[i].inside);

		cr_expect_eq(seen, cases[i].seen, "%s: %#x", cases[i].name, (unsigned)seen);
	}
}

static int apply_twice(const void *context)
{
	long first, second;

	(void)context;
	if (keyring_apply(NULL) < 0)
		return 1;
	first = session_id();
	if (keyring_apply(NULL) < 0)
		return 2;
	second = session_id();
	return first > 0 && second > 0 && first != second ? 0 : 3;
}

Test(keyring, each_sandbox_has_its_own)
{
	if (session_id() < 0)
		cr_skip_test("no keyrings here");
	cr_expect_eq(in_child(apply_twice, NULL), 0);
}
