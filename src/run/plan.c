#include "run/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/path.h"

bool plan_is_command_line(const struct origin *at)
{
	return at->file && !strncmp(at->file, "command line", 12);
}

void plan_note(struct plan *plan, bool loud, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	plan->notes = arena_grow(plan->arena, plan->notes, plan->note_count, sizeof(*plan->notes));
	plan->notes[plan->note_count++] = (struct plan_note){.text = arena_strdup(plan->arena, text), .loud = loud};
}

static int plan_refuse(const struct plan_input *in, struct error *err);

int plan_make(struct arena *arena, const struct plan_input *in, struct plan *ret, struct error *err)
{
	int r;

	*ret = (struct plan){.arena = arena, .host = in->host, .profile = in->profile, .image = in->image, .tree.root_at = in->profile->filesystem.root.at};
	ret->ns = (struct ns_plan){.network = in->profile->network.mode.v != NETWORK_HOST, .hostname = true};
	r = plan_refuse(in, err);
	if (r == 0)
		r = plan_ids(ret, in, err);
	if (r == 0)
		r = plan_files(ret, in, err);
	if (r == 0)
		r = plan_limits(ret, in, err);
	if (r == 0)
		r = plan_walls(ret, in, err);
	if (r == 0)
		r = plan_process(ret, in, err);
	if (r < 0)
		return r;
	plan_take_rungs(ret);
	return plan_require(ret, err);
}

/* --- what is not there yet, and what was required ------------------------------------------------------------------------------ */

struct missing {
	const char *key;
	const char *what;
	const char *hint;
};

static int refuse(const struct missing *missing, const struct origin *at, struct error *err)
{
	error_set(err, ENOSYS, "cannot provide %s", missing->what);
	error_cause(err, "this version of carrel has no mechanism for it");
	error_hint(err, "%s", missing->hint);
	return error_at(err, at, missing->key);
}

static const struct missing no_nat = {"network.mode", "a network of its own that reaches outside", "use --network none, or --network host, which shares the host's"};
static const struct missing no_publish = {"network.publish", "published ports", "use --network host"};

/* Read off the finished plan. A guarantee that this version knows no way to give is not given. */
/* -1: the guarantee is about no limit of the whole sandbox. */
static int limit_of_guarantee(const char *guarantee)
{
	for (int limit = 0; !strncmp(guarantee, "limits.", 7) && limit < LIMIT_MAX; limit++) {
		if (!strcmp(guarantee + 7, limit_name((enum limit)limit)))
			return limit;
	}
	return -1;
}

static bool is_limit_given(const struct plan *plan, int limit)
{
	return limit >= 0 && plan->limits.spec.values[limit].is_set && plan->limits.rungs[limit] != LIMIT_RUNG_NONE;
}

static bool is_given(const struct plan *plan, const char *guarantee)
{
	const struct {
		const char *name;
		bool given;
	} guarantees[] = {
	    {"network.none", plan->ns.network},
	    {"landlock", plan->landlock.enabled && landlock_abi() >= LANDLOCK_ABI_FILES},
	    {"syscalls", plan->seccomp.enabled},
	    {"keyring", plan->process.own_keyring},
	    {"ids.range", plan->ids.rung != IDMAP_SINGLE},
	    {"overlay.kernel", plan->tree.overlay == OVERLAY_BACKEND_KERNEL},
	    {"overlay.fuse", plan->tree.overlay == OVERLAY_BACKEND_FUSE},
	    {"limits.timeout", plan->process.timeout_ms > 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(guarantees); i++) {
		if (!strcmp(guarantee, guarantees[i].name))
			return guarantees[i].given;
	}
	return is_limit_given(plan, limit_of_guarantee(guarantee));
}

static int plan_refuse(const struct plan_input *in, struct error *err)
{
	const struct profile *profile = in->profile;

	if (profile->network.mode.v == NETWORK_NAT)
		return refuse(&no_nat, &profile->network.mode.at, err);
	if (profile->network.publish.count)
		return refuse(&no_publish, &profile->network.publish.items[0].at, err);
	return 0;
}

int plan_require(const struct plan *plan, struct error *err)
{
	const struct profile *profile = plan->profile;

	for (size_t i = 0; i < profile->require.count; i++) {
		const struct text_value *guarantee = &profile->require.items[i];

		if (is_given(plan, guarantee->v))
			continue;
		error_set(err, EOPNOTSUPP, "cannot guarantee '%s', which the profile requires", guarantee->v);
		int limit = limit_of_guarantee(guarantee->v);
		if (limit >= 0 && !plan->limits.spec.values[limit].is_set) {
			error_cause(err, "no %s is set", limit_key((enum limit)limit));
			error_hint(err, "set it, as in  --set %s=… , or take the guarantee out of  require", limit_key((enum limit)limit));
		} else {
			error_cause(err, "%s", limit >= 0 ? plan->limits.why[limit] : "this host or this version of carrel does not provide it");
			error_hint(err, "see  carrel doctor ; without the guarantee, take it out of  require");
		}
		return error_at(err, &guarantee->at, "require");
	}
	return 0;
}

/* --- paths of profiles --------------------------------------------------------------------------------------------------------- */

static const char *variable(const struct plan *plan, const char *name, size_t len)
{
	static const char *const allowed[] = {"SCRATCH", "TMPDIR"};
	const struct host *host = plan->host;
	const char *copy = arena_strndup(plan->arena, name, len);

	if (!strcmp(copy, "HOME"))
		return host->account.home;
	if (!strcmp(copy, "PWD"))
		return host->cwd;
	if (!strcmp(copy, "USER"))
		return host->account.name;
	if (!strcmp(copy, "UID"))
		return arena_printf(plan->arena, "%u", host->uid);
	if (!strncmp(copy, "XDG_", 4))
		return host_env(host, copy);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (!strcmp(copy, allowed[i]))
			return host_env(host, copy);
	}
	return NULL;
}

static int unset_variable(const struct plan *plan, const struct text_value *text, const char *key, int len, const char *name, struct error *err)
{
	error_set(err, ENOENT, "cannot resolve '%s'", text->v);
	if (len == 3 && !strncmp(name, "PWD", 3) && plan->host->cwd_error) {
		error_cause(err, "the working directory cannot be named: %s", strerror(plan->host->cwd_error));
		error_hint(err, "change to a directory that exists and try again");
	} else {
		error_cause(err, "$%.*s is not set, or a profile may not use it", len, name);
		error_hint(err, "profiles may use HOME, PWD, USER, UID, XDG_*, SCRATCH and TMPDIR");
	}
	return error_at(err, &text->at, key);
}

int plan_expand(struct plan *plan, const struct text_value *text, const char *key, const char **ret, struct error *err)
{
	struct buf out = {0};
	const char *at = text->v;
	int r = 0;

	if (at[0] == '~' && (at[1] == '/' || !at[1])) {
		buf_puts(&out, plan->host->account.home);
		at++;
	}
	while (*at && r == 0) {
		size_t plain = strcspn(at, "$");

		buf_add(&out, at, plain);
		at += plain;
		if (*at) {
			bool braces = at[1] == '{';
			const char *name = at + 1 + braces;
			size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
			const char *value = len ? variable(plan, name, len) : NULL;

			if (!value)
				r = unset_variable(plan, text, key, (int)len, name, err);
			else
				buf_puts(&out, value);
			at = name + len + (braces && name[len] == '}');
		}
	}
	if (r == 0 && out.size && out.text[0] == '/')
		*ret = path_clean(plan->arena, out.text);
	else if (r == 0 && plan->host->cwd)
		*ret = path_join(plan->arena, plan->host->cwd, out.size ? out.text : ".");
	else if (r == 0)
		r = unset_variable(plan, text, key, 3, "PWD", err);
	buf_done(&out);
	return r;
}
