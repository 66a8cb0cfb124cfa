/* Each profile of profiles/ loads, passes the checks, and is what its description says. */
#include "profile/profile.h"

#include <criterion/criterion.h>
#include <string.h>

#include "isolate/caps.h"
#include "isolate/seccomp.h"
#include "profile/find.h"
#include "profile/print.h"
#include "unit/profile/folder.h"
#include "util/path.h"

/* The tests run in the project's folder. */
static struct profile *load_shipped(const char *name)
{
	const struct profile_path path = {.folders = {"profiles"}};
	struct profile *profile = NULL;
	struct error err = {0};

	cr_assert_eq(profile_load(&path, &name, 1, &profile, &err), 0, "%s:%u: %s: %s", err.file, err.line, err.what, err.cause);
	cr_expect_eq(profile_check(profile, &err), 0, "%s:%u: %s: %s", err.file, err.line, err.what, err.cause);
	return profile;
}

static bool has(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].v, text) == 0)
			return true;
	return false;
}

static const struct profile_mount *last_mount(const struct profile *p, const char *path)
{
	for (size_t i = p->filesystem.mount_count; i--;)
		if (strcmp(p->filesystem.mounts[i].path.v, path) == 0)
			return &p->filesystem.mounts[i];
	return NULL;
}

static void expect_groups(const char *name, const struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		cr_expect(seccomp_knows_call(list->items[i].v, "profiles/syscalls/groups.yaml"), "%s: %s", name, list->items[i].v);
}

Test(shipped, all)
{
	static const char *const expected[] = {"build", "container", "default", "login", "nest", "strict"};
	struct arena arena = {0};
	const struct profile_path path = {.folders = {"profiles"}};
	struct found_profile *found;
	size_t count;

	find_all(&arena, &path, &found, &count);
	cr_assert_eq(count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < count; i++) {
		struct profile *p = load_shipped(found[i].name);

		cr_expect_str_eq(found[i].name, expected[i]);
		cr_expect_not_null(p->description.v, "%s", found[i].name);
		expect_groups(found[i].name, &p->syscalls.allow);
		expect_groups(found[i].name, &p->syscalls.deny);
		/* None opens the network, keeps writes, or needs what this version has no mechanism for. */
		cr_expect_eq(p->network.mode.v, NETWORK_NONE, "%s", found[i].name);
		cr_expect_neq(p->filesystem.writes.v, WRITES_KEEP, "%s", found[i].name);
		cr_expect_eq(p->resources.memory.v, -1, "%s", found[i].name);
		cr_expect_eq(p->resources.cpus.v, -1, "%s", found[i].name);
		cr_expect_eq(p->resources.tasks.v, -1, "%s", found[i].name);
		bool nests = strcmp(found[i].name, "nest") == 0; /* what it is for */
		cr_expect_eq(p->process.new_namespaces.v, nests, "%s", found[i].name);
		cr_expect(has(&p->syscalls.deny, "io_uring_setup"), "%s", found[i].name);
		cr_expect(has(&p->syscalls.deny, "@keyring"), "%s", found[i].name);
		cr_expect_eq(has(&p->syscalls.allow, "clone3"), nests, "%s", found[i].name); /* its flags are out of a filter's sight */
		cr_expect_str_eq(p->syscalls.rules[0].call.v, "ioctl", "%s", found[i].name);
		cr_expect_eq(p->syscalls.rules[0].equals.v, 0x5412, "%s", found[i].name);
		cr_expect_eq(p->syscalls.rules[1].equals.v, 0x541c, "%s", found[i].name);
		profile_free(p);
	}
	arena_done(&arena);
}

/* Everything on the host's tree: homes first, the working directory last, no capability, no variable that leads to a socket. */
Test(shipped, on_the_host)
{
	static const char *const names[] = {"default", "build", "strict", "login"};
	static const char *const private[] = {"/home", "/root", "~", "/tmp", "/var/tmp", "/run", "/dev/shm"};
	static const char *const secret[] = {"SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY", "*", "TMPDIR"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct profile *p = load_shipped(names[i]);
		const struct profile_mount *pwd = last_mount(p, "$PWD");

		for (size_t k = 0; k < ARRAY_SIZE(private); k++) {
			const struct profile_mount *mount = last_mount(p, private[k]);

			cr_assert_not_null(mount, "%s: %s", names[i], private[k]);
			cr_expect_geq(mount->tmpfs.v, 0, "%s: %s", names[i], private[k]);
			cr_expect(mount < pwd, "%s: %s", names[i], private[k]);
		}
		cr_expect(last_mount(p, "/home") < last_mount(p, "~"), "%s", names[i]);
		cr_expect_eq(last_mount(p, "/tmp")->file_mode.v, 01777, "%s", names[i]);
		cr_expect_eq(pwd->mode.v, strcmp(names[i], "strict") == 0 ? MODE_RO : MODE_RW, "%s", names[i]);
		cr_expect_eq(p->capabilities.count, 0, "%s", names[i]);
		cr_expect_eq(p->filesystem.root.v, ROOT_HOST, "%s", names[i]);
		cr_expect_eq(p->filesystem.writes.v, WRITES_DENY, "%s", names[i]);
		for (size_t k = 0; k < ARRAY_SIZE(secret); k++)
			cr_expect_not(has(&p->environment.inherit, secret[k]), "%s: %s", names[i], secret[k]);
		profile_free(p);
	}
}

/* What git runs or obeys later, whole: in a worktree .git is a file, and a build could put a folder in its place. */
Test(shipped, build_protects_git)
{
	struct profile *p = load_shipped("build");

	cr_expect(has(&p->filesystem.protect, "$PWD/.git"));
	profile_free(p);
}

/* $TMPDIR may be /tmp, where the host's sockets are: what covers /tmp must come after it. */
Test(shipped, login_scratch)
{
	struct profile *p = load_shipped("login");

	cr_expect(last_mount(p, "$TMPDIR") < last_mount(p, "/tmp"));
	cr_expect(last_mount(p, "$TMPDIR")->optional.v);
	cr_expect(last_mount(p, "$SCRATCH")->optional.v);
	cr_expect_eq(last_mount(p, "$SCRATCH")->mode.v, MODE_RW);
	profile_free(p);
}

Test(shipped, strict_calls)
{
	static const char *const never[] = {"@docker-default", "@network-io", "@process", "socket", "connect", "ptrace", "unshare", "setns", "mount"};
	struct profile *p = load_shipped("strict");

	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		cr_expect_not(has(&p->syscalls.allow, never[i]), "%s", never[i]);
	profile_free(p);
}

Test(shipped, container_capabilities)
{
	struct profile *p = load_shipped("container");
	uint64_t all = 0;

	for (size_t i = 0; i < p->capabilities.count; i++) {
		uint64_t mask = 0;

		cr_expect_eq(caps_parse(p->capabilities.items[i].v, &mask), 0, "%s", p->capabilities.items[i].v);
		all |= mask;
	}
	cr_expect_eq(all, caps_docker_default());
	cr_expect_str_eq(p->identity.user.v, "image");
	cr_expect_eq(p->filesystem.root.v, ROOT_IMAGE);
	cr_expect_eq(p->filesystem.writes.v, WRITES_DISCARD);
	profile_free(p);
}

/* What is printed loads as the same profile. */
Test(shipped, printed_and_loaded)
{
	static const char *const names[] = {"default", "build", "strict", "login", "container"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct profile *p = load_shipped(names[i]), *again = NULL;
		struct buf first = {0}, second = {0};
		struct folder folder;
		const char *name = "again";
		struct error err = {0};

		folder_init(&folder);
		print_profile(p, i % 2 == 0, &first);
		folder_put(&folder, "again.yaml", first.text);
		first.size = 0;
		print_profile(p, false, &first);
		cr_assert_eq(profile_load(&folder.search, &name, 1, &again, &err), 0, "%s: %s", names[i], folder_error(&folder, &err));
		print_profile(again, false, &second);
		cr_expect_str_eq(first.text, second.text, "%s", names[i]);
		profile_free(again);
		profile_free(p);
		buf_done(&first);
		buf_done(&second);
		folder_done(&folder);
	}
}
