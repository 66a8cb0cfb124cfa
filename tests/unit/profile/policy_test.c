#include "profile/policy.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/profile/folder.h"

static const char place[] = "/etc/carrel/policy.yaml";

static struct policy *parse(const char *text)
{
	struct policy *policy = NULL;
	struct error err = {0};

	cr_assert_eq(policy_parse(text, strlen(text), place, &policy, &err), 0, "%s: %s: %s", text, err.what, err.cause);
	return policy;
}

/* A profile `mine` of the user's own folder, which is the first, or `site` of the machine's. */
static struct profile *load(const struct folder *folder, const char *name)
{
	struct profile *profile = NULL;
	struct error err = {0};

	cr_assert_eq(profile_load(&folder->search, &name, 1, &profile, &err), 0, "%s: %s", err.what, err.cause);
	return profile;
}

static char own_folder[128];

static void make_folders(struct folder *folder)
{
	folder_init(folder);
	(void)snprintf(own_folder, sizeof(own_folder), "%s/own", folder->path);
	cr_assert_eq(mkdir(own_folder, 0755), 0);
	folder->search = (struct profile_path){.folders = {own_folder, folder->path}, .own_count = 1};
	folder_put(folder, "site.yaml", "resources: {memory: 4G, timeout: 1h}\nnetwork: {mode: nat}\n");
	folder_put(folder, "mine.yaml", "{}\n");
	folder_put(folder, "own/mine.yaml", "extends: site\ndescription: mine\n");
	folder_put(folder, "unlimited.yaml", "resources: {memory: none}\n");
}

Test(policy, every_ceiling_is_a_number_of_the_profile)
{
	const struct schema_key *section = policy_table();
	size_t count = 0;

	for (const struct schema_key *key = section + 1; schema_is_in(key, section); key++, count++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "resources.%s", schema_leaf(key));
		const struct schema_key *limit = schema_find(name);
		cr_assert_not_null(limit, "%s", name);
		cr_expect(schema_may_be_none(limit), "%s", name);
		cr_expect(key->type == limit->type && key->min == limit->min && key->max == limit->max && key->of_memory == limit->of_memory, "%s", name);
	}
	cr_expect_eq(count, 11);
}

Test(policy, reading)
{
	static const struct {
		const char *text, *description;
	} cases[] = {
		{"ceilings: {memory: 16G, cpus: 1.5, timeout: 12h}", "ceilings memory 16G, cpus 1.5, timeout 12h"},
		{"ceilings: {memory: none, tasks: 8}", "ceilings tasks 8"},
		{"require: [limits.memory]\nnetwork: [none, nat]\nprofiles: [a, /b/*]\nimages: [\"c/*\"]\nkeys: description", "require limits.memory; keys description; network none, nat; profiles a, /b/*; images c/*"},
		{"images: []", "images none"},
		{"mirrors: [mirror.example.org, \"localhost:5000\"]", "mirrors mirror.example.org, localhost:5000"},
		{"message: ask", ""},
		{"ceilings:\n", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = parse(cases[i].text);
		cleanup_buf struct buf out = {0};

		policy_describe(policy, &out);
		cr_expect_str_eq(out.text, cases[i].description, "%s: %s", cases[i].text, out.text);
		policy_free(policy);
	}
}

Test(policy, mistakes)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "/etc/carrel/policy.yaml:1:1 cannot read the policy of this machine, '/etc/carrel/policy.yaml': it is empty [remove it where there is to be no policy]"},
		{"# nothing\n", "/etc/carrel/policy.yaml:1:1 cannot read the policy of this machine, '/etc/carrel/policy.yaml': it is empty [remove it where there is to be no policy]"},
		{"- a", "/etc/carrel/policy.yaml:1:1 cannot read the policy of this machine, '/etc/carrel/policy.yaml': a policy is a map of keys such as  ceilings: [see carrel-policy(5)]"},
		{"ceilings: {memroy: 1G}", "/etc/carrel/policy.yaml:1:12 cannot use 'ceilings.memroy': unknown key [did you mean 'memory'?]"},
		{"ceiling: {memory: 1G}", "/etc/carrel/policy.yaml:1:1 cannot use 'ceiling': unknown key [did you mean 'ceilings'?]"},
		{"a: b", "/etc/carrel/policy.yaml:1:1 cannot use 'a': unknown key [carrel-policy(5) has every key]"},
		{"memory: 1G", "/etc/carrel/policy.yaml:1:1 cannot use 'memory': unknown key ['memory' belongs to 'ceilings']"},
		{"resources: {memory: 1G}", "/etc/carrel/policy.yaml:1:1 cannot use 'resources': unknown key [carrel-policy(5) has every key]"},
		{"ceilings:\n  tasks: 0", "/etc/carrel/policy.yaml:2:10 cannot use 'ceilings.tasks: 0': it is below the least, 1 [leave the key out, or write none, for no limit]"},
		{"ceilings: {memory: lots}", "/etc/carrel/policy.yaml:1:20 cannot use 'ceilings.memory: lots': expected a size such as 512M, found a text []"},
		{"network: [none, hots]", NULL},
		{"network: []", "/etc/carrel/policy.yaml:1:10 cannot use 'network' in the policy of this machine, '/etc/carrel/policy.yaml': the list is empty, so that nothing could run [leave the key out to allow everything]"},
		{"profiles:\n", NULL},
		{"keys: [resources.memry]", "/etc/carrel/policy.yaml:1:8 cannot use 'keys[0]: resources.memry': no profile has this key [did you mean 'resources.memory'?]"},
		{"keys: [resources]", NULL},
		{"keys: [extends]", NULL},
		{"profiles: [site/x.yaml]", NULL},
		{"profiles: [/opt/../x]", NULL},
		{"images: [\"a b\"]", NULL},
		{"require: [limits.memry]", NULL},
		{"ceilings: {memory: 1G", NULL},
	};
	const struct folder nowhere = {.path = "/nowhere"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = NULL;
		struct error err = {0};

		cr_expect_lt(policy_parse(cases[i].text, strlen(cases[i].text), place, &policy, &err), 0, "%s", cases[i].text);
		cr_expect_null(policy, "%s", cases[i].text);
		cr_expect_eq(err.exit_status, EXIT_CARREL, "%s", cases[i].text);
		cr_expect_str_eq(err.file, place, "%s: no place", cases[i].text);
		if (cases[i].error)
			cr_expect_str_eq(folder_error(&nowhere, &err), cases[i].error, "%s: %s", cases[i].text, folder_error(&nowhere, &err));
	}
}

/* `set`, a key and a value, is what the command line says. NULL as an error: it is allowed. */
Test(policy, applying)
{
	static const struct {
		const char *policy, *profile, *key, *value, *error;
	} cases[] = {
		{"ceilings: {memory: 4G}", "site", NULL, NULL, NULL},
		{"ceilings: {memory: 2G}", "site", NULL, NULL, "site.yaml:1:21 cannot use 'resources.memory: 4G': it is above 2G, the ceiling on this machine (/etc/carrel/policy.yaml:1) [ask for at most 2G; the administrator of this machine can change the policy]"},
		{"message: ask us\nceilings: {memory: 4G}", "site", "resources.memory", "5G", "command line --memory:0:0 cannot use 'resources.memory: 5G': it is above 4G, the ceiling on this machine (/etc/carrel/policy.yaml:2) [ask us]"},
		{"ceilings: {memory: 4G}", "site", "resources.memory", "none", "command line --memory:0:0 cannot use 'resources.memory: none': it is above 4G, the ceiling on this machine (/etc/carrel/policy.yaml:1) [ask for at most 4G; the administrator of this machine can change the policy]"},
		{"ceilings: {memory: 4G}", "unlimited", NULL, NULL, "unlimited.yaml:1:21 cannot use 'resources.memory: none': it is above 4G, the ceiling on this machine (/etc/carrel/policy.yaml:1) [ask for at most 4G; the administrator of this machine can change the policy]"},
		{"ceilings: {cpus: 2}", "site", "resources.cpus", "2.5", "command line --memory:0:0 cannot use 'resources.cpus: 2.5': it is above 2, the ceiling on this machine (/etc/carrel/policy.yaml:1) [ask for at most 2; the administrator of this machine can change the policy]"},
		{"ceilings: {cpus: 2}", "site", "resources.cpus", "2", NULL},
		{"network: [none, nat]", "site", NULL, NULL, NULL},
		{"network: [none]", "site", NULL, NULL, "site.yaml:2:17 cannot use 'network.mode: nat': this machine allows: none (/etc/carrel/policy.yaml:1) [the administrator of this machine can change the policy]"},
		{"network: [nat]", "mine", "network.mode", "host", "command line --memory:0:0 cannot use 'network.mode: host': this machine allows: nat (/etc/carrel/policy.yaml:1) [the administrator of this machine can change the policy]"},
		{"keys: [description]", "mine", NULL, NULL, NULL},
		{"keys: [resources.memory, description]", "site", NULL, NULL, "/etc/carrel/policy.yaml:1:26 cannot run without 'description': the policy of this machine wants every sandbox to set it, in the profile or on the command line [carrel run --set 'description=…']"},
		{"keys: [description]", "site", "description", "x", NULL},
		{"keys: [resources.memory]", "unlimited", NULL, NULL, "/etc/carrel/policy.yaml:1:8 cannot run without 'resources.memory': the policy of this machine wants every sandbox to set it, in the profile or on the command line [carrel run --set 'resources.memory=…']"},
		{"keys: [filesystem.mounts]", "site", "filesystem.mounts", "{path: /x}", NULL},
		{"profiles: [site]", "site", NULL, NULL, NULL},
		{"profiles: [\"s*e\"]", "site", NULL, NULL, NULL},
		{"profiles: [mine]", "site", NULL, NULL, "site.yaml:0:0 cannot use the profile 'site': this machine allows: mine (/etc/carrel/policy.yaml:1) [the administrator of this machine can change the policy]"},
		{"profiles: [mine, site]", "mine", NULL, NULL, "own/mine.yaml:0:0 cannot use the profile 'mine': it is your own, and this machine allows: mine, site (/etc/carrel/policy.yaml:1) [the administrator of this machine can change the policy]"},
	};
	struct folder folder;

	make_folders(&folder);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = parse(cases[i].policy);
		struct profile *profile = load(&folder, cases[i].profile);
		struct error err = {0};

		if (cases[i].key)
			cr_assert_eq(profile_set(profile, cases[i].key, cases[i].value, "command line --memory", &err), 0, "%s", err.cause);
		int r = policy_apply(policy, &folder.search, profile, &err);
		cr_expect_eq(r < 0, cases[i].error != NULL, "%s, %s: %d", cases[i].policy, cases[i].profile, r);
		if (cases[i].error)
			cr_expect_str_eq(folder_error(&folder, &err), cases[i].error, "%s, %s: %s", cases[i].policy, cases[i].profile, folder_error(&folder, &err));
		profile_free(profile);
		policy_free(policy);
	}
	folder_done(&folder);
}

Test(policy, what_is_set)
{
	struct policy *policy = parse("ceilings:\n  memory: 16G\n  memory_high: 14G\n  tasks: 100\n  timeout: 12h\nrequire: [limits.memory]\n");
	struct profile *profile;
	struct folder folder;
	struct error err = {0};

	make_folders(&folder);
	profile = load(&folder, "site");
	cr_assert_eq(policy_apply(policy, &folder.search, profile, &err), 0, "%s", err.cause);
	policy_free(policy);
	cr_expect_eq(profile->resources.memory.v, (int64_t)4 << 30);
	cr_expect_eq(profile->resources.memory_high.v, -1, "it is above memory, and would never matter");
	cr_expect_eq(profile->resources.timeout.v, 3600 * 1000);
	cr_expect_eq(profile->resources.tasks.v, 100);
	cr_expect_str_eq(profile->resources.tasks.at.file, place);
	cr_expect_eq(profile->resources.tasks.at.line, 4);
	cr_assert_eq(profile->require.count, 1);
	cr_expect_str_eq(profile->require.items[0].v, "limits.memory");
	cr_expect_eq(profile->require.items[0].at.line, 6);
	profile_free(profile);
	folder_done(&folder);
}

/* The pattern is of the file's true path, however it was asked for. */
Test(policy, profiles_by_path)
{
	static const struct {
		const char *pattern, *file;
		bool is_allowed;
	} cases[] = {
		{"%s/*.yaml", "%s/site.yaml", true},
		{"%s/*.yaml", "%s/own/../site.yaml", true},
		{"%s/*.yaml", "%s/own/mine.yaml", false},
		{"%s/own/*", "%s/own/../site.yaml", false},
		{"%s/own/*", "%s/own/link.yaml", false},
		{"%s/*.yaml", "%s/own/link.yaml", true},
		{"site", "%s/site.yaml", false},
		{"site.yaml", "%s/site.yaml", false},
		{"%s/site.yaml", "site", true},
		{"*", "%s/own/mine.yaml", false},
	};
	struct folder folder;

	make_folders(&folder);
	cr_assert_eq(symlink("../site.yaml", folder_file(&folder, "own/link.yaml")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		char *root = realpath(folder.path, NULL), text[512], file[256], pattern[256];

		(void)snprintf(pattern, sizeof(pattern), cases[i].pattern[0] == '%' ? "%s%s" : "%.0s%s", root, cases[i].pattern + 2 * (cases[i].pattern[0] == '%'));
		(void)snprintf(file, sizeof(file), cases[i].file[0] == '%' ? "%s%s" : "%.0s%s", folder.path, cases[i].file + 2 * (cases[i].file[0] == '%'));
		(void)snprintf(text, sizeof(text), "profiles: [\"%s\"]", pattern);
		struct policy *policy = parse(text);
		struct profile *profile = load(&folder, file);
		cr_expect_eq(policy_apply(policy, &folder.search, profile, &err) == 0, cases[i].is_allowed, "%s, %s", pattern, file);
		profile_free(profile);
		policy_free(policy);
		free(root);
	}
	folder_done(&folder);
}

Test(policy, limits_without_a_key)
{
	static const struct {
		const char *key;
		int64_t value;
		bool is_allowed;
	} cases[] = {
		{"resources.open_files", 100, true},
		{"resources.open_files", 101, false},
		{"resources.open_files", INT64_MAX, false},
		{"resources.file_size", INT64_MAX, true},
		{"resources.cpu_time", 1000, true},
		{"resources.cpu_time", 2000, false},
	};
	struct policy *policy = parse("ceilings: {open_files: 100, cpu_time: 1s}");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct origin at = {.file = "command line --ulimit"};
		struct error err = {0};
		int r = policy_check_limit(policy, cases[i].key, cases[i].value, "--ulimit x", &at, &err);

		cr_expect_eq(r, cases[i].is_allowed ? 0 : -EPERM, "%s: %s", cases[i].key, err.cause);
	}
	policy_free(policy);
}

Test(policy, images)
{
	static const struct {
		const char *policy, *reference;
		bool is_allowed;
	} cases[] = {
		{"message: x", "docker.io/library/debian:12", true},
		{"images: []", "docker.io/library/debian:12", false},
		{"images: [\"docker.io/library/*\"]", "docker.io/library/debian:12", true},
		{"images: [\"docker.io/library/*\"]", "docker.io/evil/debian:12", false},
		{"images: [\"a/*\", \"registry.example.org/*\"]", "registry.example.org/team/app@sha256:00", true},
		{"images: [\"registry.example.org/*\"]", "registry.example.org.evil/x", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = parse(cases[i].policy);

		cr_expect_eq(policy_allows_image(policy, cases[i].reference), cases[i].is_allowed, "%s, %s", cases[i].policy, cases[i].reference);
		policy_free(policy);
	}
}

/* The file as such. Who runs the tests is not root, so that none of these may be believed; the end-to-end tests have one that is root's. */
Test(policy, files)
{
	struct folder folder;
	struct policy *policy = NULL;
	struct error err = {0};

	folder_init(&folder);
	cr_expect_eq(policy_load(folder_file(&folder, "absent"), &policy, &err), 0);
	cr_expect_null(policy);
	cr_expect_eq(policy_load(folder_file(&folder, "absent/policy.yaml"), &policy, &err), 0);
	cr_expect_null(policy);
	cr_assert_eq(symlink("nothing", folder_file(&folder, "lost")), 0);
	cr_expect_eq(policy_load(folder_file(&folder, "lost"), &policy, &err), -ENOENT);
	cr_assert_eq(mkfifo(folder_file(&folder, "fifo"), 0644), 0);
	cr_expect_lt(policy_load(folder_file(&folder, "fifo"), &policy, &err), 0);
	cr_expect_str_eq(err.cause, "it is not a regular file");
	cr_expect_lt(policy_load(folder.path, &policy, &err), 0);
	folder_put(&folder, "open.yaml", "network: [none]\n");
	cr_assert_eq(chmod(folder_file(&folder, "open.yaml"), 0666), 0);
	cr_expect_eq(policy_load(folder_file(&folder, "open.yaml"), &policy, &err), -EPERM);
	cr_expect_str_eq(err.cause, geteuid() ? err.cause : "others than root may write it (mode 0666)");
	cr_expect(!geteuid() || strstr(err.cause, "not to root"), "%s", err.cause);
	cr_expect_null(policy);
	folder_done(&folder);
}

/* The example in contrib is one that works. */
Test(policy, example)
{
	struct error err = {0};
	char text[8192];
	FILE *file = fopen("contrib/policy.yaml", "re");

	cr_assert_not_null(file);
	size_t size = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	struct policy *policy = NULL;
	cr_assert_eq(policy_parse(text, size, "contrib/policy.yaml", &policy, &err), 0, "%s: %s", err.what, err.cause);
	cr_expect_eq(policy->ceilings.tasks.v, 1024);
	policy_free(policy);
}
