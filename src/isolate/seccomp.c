#include "isolate/seccomp.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolate/seccomp_cache.h"
#include "isolate/seccomp_compile.h"
#include "isolate/seccomp_groups.h"
#include "util/buf.h"

/* Raised whenever the same spec compiles to another program. */
enum { COMPILER_VERSION = 2 };

bool seccomp_knows_call(const char *name, const char *groups_file)
{
	struct seccomp_groups groups;
	bool found = false;

	if (name[0] != '@' && seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR)
		return true;
	if (name[0] == '@' && strcmp(name, SECCOMP_GROUP_KNOWN) == 0)
		return true;
	if (!groups_file || seccomp_groups_load(groups_file, &groups, NULL) < 0)
		return false;
	if (name[0] == '@') {
		found = seccomp_groups_find(&groups, name) != NULL;
	} else {
		const struct seccomp_group *newer = seccomp_groups_find(&groups, SECCOMP_GROUP_NEWER);

		found = newer && seccomp_group_has(&groups, newer, name);
	}
	seccomp_groups_done(&groups);
	return found;
}

static void add_action(struct buf *key, const struct seccomp_action *action)
{
	buf_printf(key, "%d/%d", (int)action->verdict, action->errnum);
}

static void add_names(struct buf *key, const char *list, const struct seccomp_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(key, "%s %s\n", list, names[i].name);
}

/* Everything that the program depends on, as text. The order of the lists stays as it is: sorting them would cost each start, and save a compilation only
 * for two profiles that say the same in another order. */
static void write_key(const struct seccomp_spec *spec, struct buf *key)
{
	const struct scmp_version *version = seccomp_version();
	struct stat st;

	buf_printf(key, "compiler %d libseccomp %u.%u.%u\n", COMPILER_VERSION, version->major, version->minor, version->micro);
	if (spec->groups_file && stat(spec->groups_file, &st) == 0)
		buf_printf(key, "groups %s %ju:%ju %jd %jd.%09ld %jd.%09ld\n", spec->groups_file, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, (intmax_t)st.st_size,
		    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	buf_puts(key, "default ");
	add_action(key, &spec->fallback);
	buf_puts(key, "\n");
	add_names(key, "allow", spec->allow, spec->allow_count);
	add_names(key, "deny", spec->deny, spec->deny_count);
	for (size_t i = 0; i < spec->rule_count; i++) {
		const struct seccomp_rule *rule = &spec->rules[i];

		buf_printf(key, "rule %s %d %" PRIx64 " %" PRIx64 " ", rule->call, rule->arg, rule->mask, rule->value);
		add_action(key, &rule->action);
		buf_puts(key, "\n");
	}
}

int seccomp_prepare(const struct seccomp_spec *spec, struct seccomp_program *ret, struct error *err)
{
	cleanup_buf struct buf key = {0};
	int r;

	if (!spec->enabled) {
		*ret = (struct seccomp_program){0};
		return 0;
	}
	if (!spec->cache_dir)
		return seccomp_compile(spec, ret, err);
	/* Before the groups are read: a file that is replaced in between makes an entry under the old key's name, which no later start asks for. */
	write_key(spec, &key);
	if (seccomp_cache_load(spec->cache_dir, &key, ret) == 0)
		return 0;
	r = seccomp_compile(spec, ret, err);
	if (r == 0)
		(void)seccomp_cache_store(spec->cache_dir, &key, ret); /* a full disk or a read-only home costs the next start some milliseconds, no more */
	return r;
}

int seccomp_apply(const struct seccomp_program *program, struct error *err)
{
	struct sock_fprog filter = {.len = program->length, .filter = program->code};

	if (program->length == 0)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0) /* 3.17 */
		return 0;
	int errnum = errno;
	if (errnum == EINVAL && prctl(PR_GET_SECCOMP) < 0)
		errnum = ENOSYS;
	(void)error_set(err, errnum, "cannot install the system call filter");
	if (errnum == ENOSYS)
		return error_cause(err, "this kernel is built without seccomp filters (CONFIG_SECCOMP_FILTER), or an outer sandbox hides them");
	if (errnum == EACCES)
		return error_cause(err, "no_new_privs is not set");
	return -errnum;
}

void seccomp_done(struct seccomp_program *program)
{
	free(program->code);
	*program = (struct seccomp_program){0};
}
