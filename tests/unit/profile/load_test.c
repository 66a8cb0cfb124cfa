/* Files: names, paths, extends, merging, and what stands in a profile's place without being one. */
#include "profile/profile.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profile/find.h"
#include "profile/node.h"
#include "unit/profile/folder.h"
#include "util/path.h"

/* Load names separated by blanks; the texts of a list joined by blanks. */
static struct profile *load(const struct folder *folder, const char *names, struct error *err)
{
	char text[128];
	const char *list[8];
	size_t count = 0;
	struct profile *profile = NULL;

	(void)snprintf(text, sizeof(text), "%s", names);
	for (char *name = strtok(text, " "); name; name = strtok(NULL, " "))
		list[count++] = name;
	*err = (struct error){0};
	int r = profile_load(&folder->search, list, count, &profile, err);
	cr_expect_eq(r < 0, err->code != 0, "%s", names);
	cr_expect_eq(r < 0, profile == NULL, "%s", names);
	return profile;
}

static void join(const struct text_list *list, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = 0;
	for (size_t i = 0; i < list->count; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? " " : "", list->items[i].v);
}

Test(load, merging)
{
	static const struct {
		const char *name, *child, *hide, *set, *hostname, *mode;
	} cases[] = {
		{"nothing said", "extends: base\n", "/a /b", "X=1 Y=2", "base", "host"},
		{"a list appends", "extends: base\nfilesystem: {hide: [/c]}\n", "/a /b /c", "X=1 Y=2", "base", "host"},
		{"a list anew", "extends: base\nfilesystem: {hide: !replace [/c]}\n", "/c", "X=1 Y=2", "base", "host"},
		{"a list emptied", "extends: base\nfilesystem: {hide: !replace []}\n", "", "X=1 Y=2", "base", "host"},
		{"an empty list adds nothing", "extends: base\nfilesystem: {hide: []}\n", "/a /b", "X=1 Y=2", "base", "host"},
		{"a map merges", "extends: base\nenvironment: {set: {Y: 3, Z: 4}}\n", "/a /b", "X=1 Y=3 Z=4", "base", "host"},
		{"a map anew", "extends: base\nenvironment: {set: !replace {Z: 4}}\n", "/a /b", "Z=4", "base", "host"},
		{"a scalar replaces", "extends: base\nprocess: {hostname: child}\n", "/a /b", "X=1 Y=2", "child", "host"},
		{"a section anew", "extends: base\nprocess: !replace {umask: 077}\n", "/a /b", "X=1 Y=2", "carrel", "host"},
		{"a section with a list anew", "extends: base\nfilesystem: !replace {}\n", "", "X=1 Y=2", "base", "host"},
		{"no parent", "filesystem: {hide: [/c]}\n", "/c", "", "carrel", "none"},
		{"by merge key", "extends: base\nx: &x\n", NULL, NULL, NULL, NULL},
	};
	struct folder folder;

	folder_init(&folder);
	folder_put(&folder, "base.yaml",
		   "filesystem: {hide: [/a, /b]}\nenvironment: {set: {X: 1, Y: 2}}\nprocess: {hostname: base}\nnetwork: {mode: host}\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct error err;
		size_t used = 0;

		folder_put(&folder, "child.yaml", cases[i].child);
		struct profile *p = load(&folder, "child", &err);
		cr_expect_eq(p != NULL, cases[i].hide != NULL, "%s: %s", cases[i].name, err.cause);
		if (!p)
			continue;
		join(&p->filesystem.hide, text, sizeof(text));
		cr_expect_str_eq(text, cases[i].hide, "%s: %s", cases[i].name, text);
		text[0] = 0;
		for (size_t k = 0; k < p->environment.set_count; k++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s=%s", k ? " " : "", p->environment.set[k].key.v, p->environment.set[k].value.v);
		cr_expect_str_eq(text, cases[i].set, "%s: %s", cases[i].name, text);
		cr_expect_str_eq(p->process.hostname.v, cases[i].hostname, "%s", cases[i].name);
		cr_expect_eq(p->network.mode.v == NETWORK_HOST, strcmp(cases[i].mode, "host") == 0, "%s", cases[i].name);
		profile_free(p);
	}
	folder_done(&folder);
}

Test(load, several)
{
	static const struct {
		const char *names, *hide, *name;
	} cases[] = {
		{"a b", "/base /a /b", "a+b"},
		{"b a", "/base /b /a", "b+a"},
		{"a a", "/base /a", "a+a"},        /* once, at its first place */
		{"a base b", "/base /a /b", "a+base+b"},
		{"", "/default", "default"},       /* no name: the default */
	};
	struct folder folder;

	folder_init(&folder);
	folder_put(&folder, "base.yaml", "filesystem: {hide: [/base]}\n");
	folder_put(&folder, "a.yaml", "extends: base\nfilesystem: {hide: [/a]}\n");
	folder_put(&folder, "b.yaml", "extends: base\nfilesystem: {hide: [/b]}\n");
	folder_put(&folder, "default.yaml", "filesystem: {hide: [/default]}\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct error err;
		struct profile *p = load(&folder, cases[i].names, &err);

		cr_assert_not_null(p, "%s: %s", cases[i].names, err.cause);
		join(&p->filesystem.hide, text, sizeof(text));
		cr_expect_str_eq(text, cases[i].hide, "%s: %s", cases[i].names, text);
		cr_expect_str_eq(p->name, cases[i].name, "%s", p->name);
		profile_free(p);
	}
	folder_done(&folder);
}

Test(load, wrong)
{
	static const struct {
		const char *name, *file, *text, *load, *error;
	} cases[] = {
		{"no such name", NULL, NULL, "bulid", ":0:0 cannot read profile 'bulid': no profile has this name [did you mean 'build'?]"},
		{"no such name, none near", NULL, NULL, "zzz", ":0:0 cannot read profile 'zzz': no profile has this name [see  carrel profile list ; a path needs a slash: ./file.yaml]"},
		{"hidden name", NULL, NULL, ".x", ":0:0 cannot read profile '.x': it is not the name of a profile []"},
		{"no such parent", "c.yaml", "extends: bild\n", "c", "c.yaml:1:10 cannot read profile 'bild': no profile has this name [did you mean 'build'?]"},
		{"no such parent's path", "c.yaml", "extends: ./gone.yaml\n", "c", "c.yaml:1:10 cannot read profile 'gone.yaml': No such file or directory []"},
		{"itself", "c.yaml", "extends: c\n", "c", "c.yaml:1:10 cannot read profile 'c': it extends itself, and no later folder has a profile of this name []"},
		{"a circle", "c.yaml", "extends: ring1\n", "c", "ring2.yaml:2:10 cannot read profile 'c.yaml': its extends run in a circle: c.yaml → ring1.yaml → ring2.yaml → ring1.yaml []"},
		{"empty", "c.yaml", "", "c", "c.yaml:1:1 cannot read profile 'c.yaml': it is empty [write at least  extends: default]"},
		{"only null", "c.yaml", "~\n", "c", "c.yaml:1:1 cannot read profile 'c.yaml': it is empty [write at least  extends: default]"},
		{"a list", "c.yaml", "[a]\n", "c", "c.yaml:1:1 cannot read profile 'c.yaml': a profile is a map of keys such as  filesystem: [see  carrel profile show default]"},
		{"a text", "c.yaml", "hello\n", "c", "c.yaml:1:1 cannot read profile 'c.yaml': a profile is a map of keys such as  filesystem: [see  carrel profile show default]"},
		{"wrong parent", "c.yaml", "extends: bad\n", "c", "bad.yaml:1:1 cannot use 'oops': unknown key [carrel-profile(5) and  carrel profile schema  have every key]"},
		{"extends nothing", "c.yaml", "extends:\n", "c", "c.yaml:1:9 cannot use 'extends': expected the name or the path of a profile, found nothing []"},
		{"extends empty", "c.yaml", "extends: \"\"\n", "c", "c.yaml:1:10 cannot read profile '': the name is empty []"},
	};
	struct folder folder;

	folder_init(&folder);
	folder_put(&folder, "build.yaml", "{}\n");
	folder_put(&folder, "bad.yaml", "oops: 1\n");
	folder_put(&folder, "ring1.yaml", "extends: ring2\n");
	folder_put(&folder, "ring2.yaml", "\nextends: ring1\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err;

		if (cases[i].file)
			folder_put(&folder, cases[i].file, cases[i].text);
		struct profile *p = load(&folder, cases[i].load, &err);
		cr_expect_null(p, "%s: it loads", cases[i].name);
		/* A circle and a missing path are named as they were opened, FOLDER/gone.yaml. */
		const char *text = folder_error(&folder, &err);
		cr_expect_str_eq(text, cases[i].error, "%s: %s", cases[i].name, text);
	}
	folder_done(&folder);
}

Test(load, long_chain)
{
	struct folder folder;
	struct error err;

	folder_init(&folder);
	for (int i = 0; i < 20; i++) {
		char name[32], text[32];

		(void)snprintf(name, sizeof(name), "c%d.yaml", i);
		(void)snprintf(text, sizeof(text), i ? "extends: c%d\n" : "{}\n", i - 1);
		folder_put(&folder, name, text);
	}
	profile_free(load(&folder, "c15", &err));
	cr_expect_eq(err.code, 0, "%s", err.cause);
	cr_expect_null(load(&folder, "c16", &err));
	cr_expect_str_eq(err.cause, "its chain of extends has more than 16 files");
	folder_done(&folder);
}

/* A user's `default` extends the installation's. */
Test(load, shadowing)
{
	struct folder mine, theirs;
	struct error err;
	char text[64];

	folder_init(&mine);
	folder_init(&theirs);
	mine.search.folders[1] = theirs.path;
	folder_put(&mine, "default.yaml", "extends: default\nfilesystem: {hide: [/mine]}\n");
	folder_put(&theirs, "default.yaml", "filesystem: {hide: [/theirs]}\n");
	struct profile *p = load(&mine, "default", &err);
	cr_assert_not_null(p, "%s", err.cause);
	join(&p->filesystem.hide, text, sizeof(text));
	cr_expect_str_eq(text, "/theirs /mine");
	profile_free(p);
	folder_done(&theirs);
	folder_done(&mine);
}

/* A relative path in `extends` counts from the file that says it; a name never means the working directory. */
Test(load, paths)
{
	struct folder folder;
	struct error err;

	folder_init(&folder);
	cr_assert_eq(mkdir(folder_file(&folder, "sub"), 0755), 0);
	folder_put(&folder, "sub/child.yaml", "extends: ../base.yaml\n");
	folder_put(&folder, "base.yaml", "process: {hostname: base}\n");
	folder_put(&folder, "sub/local.yaml", "{}\n");
	struct profile *p = load(&folder, folder_file(&folder, "sub/child.yaml"), &err);
	cr_assert_not_null(p, "%s: %s", err.what, err.cause);
	cr_expect_str_eq(p->process.hostname.v, "base");
	profile_free(p);
	cr_assert_eq(chdir(folder_file(&folder, "sub")), 0);
	cr_expect_null(load(&folder, "local", &err));
	p = load(&folder, "local.yaml", &err);
	cr_expect_not_null(p, "%s", err.cause);
	profile_free(p);
	cr_assert_eq(chdir("/"), 0);
	folder_done(&folder);
}

Test(load, odd_files, .timeout = 10)
{
	struct folder folder;
	struct error err;

	folder_init(&folder);
	cr_assert_eq(mkfifo(folder_file(&folder, "fifo.yaml"), 0644), 0);
	cr_expect_null(load(&folder, "fifo", &err));
	cr_expect_str_eq(err.cause, "it is not a regular file");

	cr_assert_eq(mkdir(folder_file(&folder, "dir.yaml"), 0755), 0);
	cr_expect_null(load(&folder, "dir", &err));
	cr_expect_str_eq(err.cause, "it is a directory");

	cr_assert_eq(symlink("/dev/zero", folder_file(&folder, "zero.yaml")), 0);
	cr_expect_null(load(&folder, "zero", &err));
	cr_expect_str_eq(err.cause, "it is not a regular file");

	cr_assert_eq(symlink("loop.yaml", folder_file(&folder, "loop.yaml")), 0);
	cr_expect_null(load(&folder, "loop", &err));
	cr_expect_eq(err.code, ELOOP);

	folder_put(&folder, "locked.yaml", "{}\n");
	cr_assert_eq(chmod(folder_file(&folder, "locked.yaml"), 0), 0);
	if (geteuid() != 0) {
		cr_expect_null(load(&folder, "locked", &err));
		cr_expect_eq(err.code, EACCES, "%s", err.cause);
	}

	char *large = mem_alloc(NODE_FILE_MAX + 2);
	memset(large, '#', NODE_FILE_MAX + 1);
	folder_write(&folder, "large.yaml", large, NODE_FILE_MAX + 1);
	cr_expect_null(load(&folder, "large", &err));
	cr_expect_str_eq(err.cause, "it is larger than 1 MiB");
	memcpy(large, "{}\n", 3);
	folder_write(&folder, "large.yaml", large, NODE_FILE_MAX);
	profile_free(load(&folder, "large", &err));
	cr_expect_eq(err.code, 0, "%s", err.cause);
	free(large);

	char name[300];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	const char *names[] = {name};
	struct profile *p = NULL;
	cr_expect_lt(profile_load(&folder.search, names, 1, &p, &err), 0);
	cr_expect_str_eq(err.cause, "it is not the name of a profile");
	folder_done(&folder);
}

Test(load, list_of_all)
{
	struct folder mine, theirs;
	struct arena arena = {0};
	struct found_profile *found;
	size_t count;

	folder_init(&mine);
	folder_init(&theirs);
	mine.search.folders[1] = "/nonexistent/profiles";
	mine.search.folders[2] = theirs.path;
	folder_put(&mine, "b.yaml", "{}\n");
	folder_put(&mine, "note.txt", "");
	folder_put(&mine, ".hidden.yaml", "");
	folder_put(&theirs, "b.yaml", "{}\n");
	folder_put(&theirs, "a.yaml", "{}\n");
	find_all(&arena, &mine.search, &found, &count);
	cr_assert_eq(count, 2);
	cr_expect_str_eq(found[0].name, "a");
	cr_expect_str_eq(found[1].name, "b");
	cr_expect(path_is_beneath(found[1].file, mine.path), "%s", found[1].file);
	arena_done(&arena);
	folder_done(&theirs);
	folder_done(&mine);
}
