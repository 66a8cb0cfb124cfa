#include "isolate/landlock.h"

#include <errno.h>
#include <fcntl.h>

#include "util/fd.h"
#include "util/mem.h"
#include "util/sys.h"

/* linux/landlock.h of Debian 12 (6.1) ends with ABI 2, so the newer names stand here, with the kernel and the ABI that brought them. */
enum {
	FS_EXECUTE = 1u << 0,
	FS_WRITE_FILE = 1u << 1,
	FS_READ_FILE = 1u << 2,
	FS_READ_DIR = 1u << 3,
	FS_REMOVE_DIR = 1u << 4,
	FS_REMOVE_FILE = 1u << 5,
	FS_MAKE_DIR = 1u << 7,
	FS_MAKE_REG = 1u << 8,
	FS_ABI_1 = (1u << 13) - 1, /* 5.13: these, and removing and making each kind of file */
	FS_REFER = 1u << 13,       /* 5.19, ABI 2: link and rename between directories */
	FS_TRUNCATE = 1u << 14,    /* 6.2, ABI 3 */
	FS_IOCTL_DEV = 1u << 15,   /* 6.10, ABI 5 */
	NET_BIND_TCP = 1u << 0,    /* 6.7, ABI 4 */
	NET_CONNECT_TCP = 1u << 1, /* 6.7, ABI 4 */
	SCOPE_ABSTRACT_UNIX = 1u << 0, /* 6.12, ABI 6 */
	SCOPE_SIGNAL = 1u << 1,        /* 6.12, ABI 6 */
};

/* What means something for a file; the kernel refuses the rest in a rule on one (EINVAL). */
enum { FS_ON_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV };

static const uint64_t access_rights[] = {
	[LANDLOCK_READ] = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR,
	[LANDLOCK_WRITE] = FS_ABI_1 | FS_REFER | FS_TRUNCATE | FS_IOCTL_DEV,
	[LANDLOCK_DEVICE] = FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR | FS_TRUNCATE | FS_IOCTL_DEV,
	[LANDLOCK_PLAIN] = FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER | FS_TRUNCATE,
};

/* An older kernel takes the first part of the struct. ABI 7 (6.15) adds flags for the audit log only, and its default, no log of what a program does after
 * execve, is the right one here. */
static size_t attr_size(int abi)
{
	if (abi >= LANDLOCK_ABI_SCOPES)
		return sizeof(struct landlock_handled);
	return abi >= LANDLOCK_ABI_TCP ? offsetof(struct landlock_handled, scoped) : offsetof(struct landlock_handled, net);
}

static uint64_t fs_rights(int abi)
{
	uint64_t rights = 0;

	if (abi >= LANDLOCK_ABI_FILES)
		rights |= FS_ABI_1 | FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

int landlock_abi(void)
{
	int abi = sys_landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : abi; /* ENOSYS: not built; EOPNOTSUPP: not in the list of security modules at boot */
}

struct landlock_handled landlock_handled(const struct landlock_plan *plan, int abi, size_t *ret_size)
{
	struct landlock_handled handled = {0};

	*ret_size = attr_size(abi);
	if (!plan->enabled)
		return handled;
	if (plan->rule_count)
		handled.fs = fs_rights(abi);
	if (plan->deny_tcp && abi >= LANDLOCK_ABI_TCP)
		handled.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (plan->scope_abstract_unix && abi >= LANDLOCK_ABI_SCOPES)
		handled.scoped |= SCOPE_ABSTRACT_UNIX;
	if (plan->scope_signals && abi >= LANDLOCK_ABI_SCOPES)
		handled.scoped |= SCOPE_SIGNAL;
	return handled;
}

static int add_rule(int ruleset, const struct landlock_rule *rule, uint64_t handled, struct error *err)
{
	/* O_PATH: opens no device, waits for no FIFO and triggers no automount. */
	cleanup_close int fd = open(rule->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr beneath = {.allowed_access = access_rights[rule->access] & handled, .parent_fd = fd};

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP))
		return 0; /* what cannot be reached needs no permission */
	if (fd < 0)
		return error_set(err, errno, "cannot open '%s' for its Landlock rule", rule->path);
	if (sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0)
		return 0;
	/* EINVAL: it is not a directory. Trying is cheaper than an fstat of each. */
	beneath.allowed_access &= FS_ON_FILES;
	if (errno == EINVAL && sys_landlock_add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0)
		return 0;
	return error_set(err, errno, "cannot add the Landlock rule for '%s'", rule->path);
}

int landlock_apply(const struct landlock_plan *plan, struct error *err)
{
	size_t size;
	struct landlock_handled handled = landlock_handled(plan, plan->enabled ? landlock_abi() : 0, &size);

	if (!handled.fs && !handled.net && !handled.scoped)
		return 0;
	cleanup_close int ruleset = sys_landlock_create_ruleset((const void *)&handled, size, 0);
	if (ruleset < 0)
		return error_set(err, errno, "cannot make a Landlock ruleset");
	for (size_t i = 0; handled.fs && i < plan->rule_count; i++) {
		int r = add_rule(ruleset, &plan->rules[i], handled.fs, err);

		if (r < 0)
			return r;
	}
	if (sys_landlock_restrict_self(ruleset, 0) == 0)
		return 0;
	int errnum = errno;
	(void)error_set(err, errnum, "cannot restrict the process by Landlock");
	if (errnum == EPERM)
		(void)error_cause(err, "no_new_privs is not set");
	if (errnum == E2BIG)
		(void)error_hint(err, "16 sandboxes lie inside each other, which is all that Landlock takes");
	return -errnum;
}
