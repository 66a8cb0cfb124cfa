#include "profile/profile.h"

#include <criterion/criterion.h>
#include <string.h>

#include "unit/profile/folder.h"

static struct profile *load_empty(void)
{
	struct folder folder;
	const char *name = "p";
	struct profile *profile = NULL;
	struct error err = {0};

	folder_init(&folder);
	folder_put(&folder, "p.yaml", "filesystem: {hide: [/a]}\nenvironment: {set: {A: 1}}\n");
	cr_assert_eq(profile_load(&folder.search, &name, 1, &profile, &err), 0, "%s", err.cause);
	folder_done(&folder);
	return profile;
}

static void set(struct profile *p, const char *key, const char *yaml)
{
	struct error err = {0};

	cr_expect_eq(profile_set(p, key, yaml, "command line --set", &err), 0, "%s=%s: %s: %s", key, yaml, err.what, err.cause);
}

Test(set, right)
{
	struct profile *p = load_empty();
	char label[] = "command line --memory";
	struct error err = {0};

	cr_expect_eq(profile_set(p, "resources.memory", "\"4G\"", label, &err), 0);
	memset(label, 'x', sizeof(label) - 1); /* the label was copied */
	cr_expect_eq(p->resources.memory.v, (int64_t)4 << 30);
	cr_expect_str_eq(p->resources.memory.at.file, "command line --memory");
	cr_expect_eq(p->resources.memory.at.line, 0);
	set(p, "resources.memory", "none");
	cr_expect_eq(p->resources.memory.v, -1);
	set(p, "filesystem.hide", "[/b, /c]");
	set(p, "filesystem.hide", "/d");
	cr_expect_eq(p->filesystem.hide.count, 4);
	set(p, "filesystem.hide", "!replace []");
	cr_expect_eq(p->filesystem.hide.count, 0);
	set(p, "filesystem.mounts", "[{path: /data, mode: rw}]");
	set(p, "filesystem.mounts", "{path: /more, tmpfs: 1M}");
	cr_assert_eq(p->filesystem.mount_count, 2);
	cr_expect_str_eq(p->filesystem.mounts[1].at.file, "command line --set");
	cr_expect_eq(p->filesystem.mounts[1].path.at.line, 0);
	set(p, "environment.set", "{B: 2}");
	set(p, "environment.set.A", "3");
	set(p, "environment.set.EMPTY", "\"\"");
	cr_expect_eq(p->environment.set_count, 3);
	cr_expect_str_eq(p->environment.set[0].value.v, "3");
	set(p, "resources", "{tasks: 10, nice: 5}");
	cr_expect_eq(p->resources.tasks.v, 10);
	set(p, "capabilities", "ALL");
	cr_expect_eq(p->capabilities.count, 1);
	profile_free(p);
}

Test(set, text_as_it_is)
{
	struct profile *p = load_empty();
	struct error err = {0};

	cr_expect_eq(profile_set_text(p, "environment.set.X", "a: [b, *c", "command line -e", &err), 0, "%s", err.cause);
	cr_expect_str_eq(p->environment.set[1].value.v, "a: [b, *c");
	cr_expect_eq(profile_set_text(p, "environment.set.X", "", "command line -e", &err), 0, "%s", err.cause);
	cr_expect_str_eq(p->environment.set[1].value.v, "");
	cr_expect_eq(profile_set_text(p, "filesystem.hide", "/with: colon", "command line", &err), 0, "%s", err.cause);
	cr_expect_str_eq(p->filesystem.hide.items[1].v, "/with: colon");
	cr_expect_lt(profile_set_text(p, "environment.set.1X", "v", "command line -e", &err), 0);
	cr_expect_str_eq(err.file, "command line -e");
	profile_free(p);
}

Test(set, wrong)
{
	static const struct {
		const char *key, *yaml, *error;
	} cases[] = {
		{"resources.memry", "4G", "command line --set:0:0 cannot use 'resources.memry': unknown key [did you mean 'memory'?]"},
		{"resorces.memory", "4G", "command line --set:0:0 cannot use 'resorces.memory': unknown key [did you mean 'resources'?]"},
		{"memory", "4G", "command line --set:0:0 cannot use 'memory': unknown key ['memory' belongs to 'resources']"},
		{"", "4G", "command line --set:0:0 cannot use '': unknown key [carrel-profile(5) and  carrel profile schema  have every key]"},
		{"resources.", "4G", "command line --set:0:0 cannot use 'resources.': unknown key [carrel-profile(5) and  carrel profile schema  have every key]"},
		{"environment.set.", "x", "command line --set:0:0 cannot use 'environment.set.': a name is empty []"},
		{"extends", "default", "command line --set:0:0 cannot use 'extends': it cannot be set here [a profile is chosen by its name: @NAME or --profile NAME]"},
		{"resources.memory", "many", "command line --set:0:0 cannot use 'resources.memory: many': expected a size such as 512M, found a text []"},
		{"resources.memory", "", "command line --set:0:0 cannot use 'resources.memory': expected a size such as 512M, found nothing []"},
		{"resources.memory", "[1G", "command line --set:0:0 cannot use 'resources.memory: [1G': it is not a YAML value [quote texts with special characters: resources.memory='\"…\"']"},
		{"resources.memory", "{a: 1, a: 2}", "command line --set:0:0 cannot use 'resources.memory: {a: 1, a: 2}': the key 'a' stands twice in the same map [quote texts with special characters: resources.memory='\"…\"']"},
		{"filesystem.mounts", "[{mode: rw}]", "command line --set:0:0 cannot use 'filesystem.mounts[0]': the key 'path' is missing []"},
		{"network", "none", "command line --set:0:0 cannot use 'network: none': expected a map, found a text [write  network: {mode: none}]"},
		{"identity.user", "\"\"", "command line --set:0:0 cannot use 'identity.user': it is empty []"},
	};
	struct profile *p = load_empty();
	const struct folder nowhere = {.path = "/nowhere"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};

		cr_expect_lt(profile_set(p, cases[i].key, cases[i].yaml, "command line --set", &err), 0, "%s=%s", cases[i].key, cases[i].yaml);
		cr_expect_str_eq(folder_error(&nowhere, &err), cases[i].error, "%s=%s: %s", cases[i].key, cases[i].yaml, folder_error(&nowhere, &err));
	}
	profile_free(p);
}
