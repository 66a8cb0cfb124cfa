#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_depot.h"
#include "util/fd.h"
#include "util/path.h"

TestSuite(store, .init = depot_begin, .fini = depot_end, .timeout = 60);

Test(store, is_an_image_layout_of_the_users_own)
{
	static const char *const names[] = {"oci-layout", "index.json", "blobs/sha256", "layers", "images", "refs", "tmp", "locks", "claims", "trash"};
	cleanup_free char *layout = NULL;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		cr_expect(depot_has("%s", names[i]), "%s is missing", names[i]);
	cr_assert(fd_slurp_at(depot.dir, "oci-layout", 100, &layout, NULL) == 0);
	cr_expect_str_eq(layout, "{\"imageLayoutVersion\": \"1.0.0\"}\n");
	cr_expect(fstatat(depot.dir, "refs", &st, 0) == 0 && (st.st_mode & 07777) == 0700);
}

Test(store, a_new_one_is_private_and_made_with_all_its_parents)
{
	const char *path = arena_printf(&depot_arena, "%s/a/b/store", depot.path);
	struct store store;
	struct stat st;

	EXPECT_OK(store_create(path, &store, WHY), path);
	cr_expect(fstat(store.dir, &st) == 0 && (st.st_mode & 07777) == 0700, "mode %o", st.st_mode);
	cr_expect(store.writable);
	store_close(&store);
	EXPECT_OK(store_open(path, &store, WHY), path);
	cr_expect_str_eq(store.path, path);
	cr_expect(!store.writable);
	store_close(&store);
}

Test(store, what_a_killed_one_did_not_make_is_made_by_the_next)
{
	struct store again;

	cr_assert(unlinkat(depot.dir, "oci-layout", 0) == 0 && unlinkat(depot.dir, "trash", AT_REMOVEDIR) == 0 && unlinkat(depot.dir, "index.json", 0) == 0);
	EXPECT_OK(store_create(depot.path, &again, WHY), "again");
	cr_expect(depot_has("oci-layout") && depot_has("trash") && depot_has("index.json"));
	store_close(&again);
}

/* People name a folder of theirs that has a tmp/: what a sweep takes for a dead process's there is their work. */
Test(store, what_is_somebody_elses_stays)
{
	static const struct {
		const char *name, *folder, *file, *cause;
	} cases[] = {
		{"temporary files", "tmp", "tmp/thesis.tex", "its folder 'tmp' has something in it that is not carrel's"},
		{"pictures", "images", "images/cat.png", "its folder 'images' has something in it that is not carrel's"},
		{"another's layout", NULL, "oci-layout", NULL},
		{"another's layout, whole", NULL, "index.json", "it is an image layout that somebody else has made (oci-layout)"},
		{"other things", "thesis", "thesis/thesis.tex", NULL},
		{"what is being made by another", "tmp", "tmp/0123456789abcdef", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *path = arena_printf(&depot_arena, "%s/place%zu", depot.path, i);
		struct store store;
		struct error err = {0};
		int r;

		cr_assert(mkdirat(depot.dir, path_basename(path), 0700) == 0);
		cleanup_close int place = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cr_assert(!cases[i].folder || mkdirat(place, cases[i].folder, 0700) == 0);
		cleanup_close int file = openat(place, cases[i].file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		cr_assert(file >= 0);
		if (!strcmp(cases[i].file, "index.json"))
			cr_assert(linkat(place, "index.json", place, "oci-layout", 0) == 0);
		r = store_create(path, &store, &err);
		cr_expect_eq(r, cases[i].cause ? -EEXIST : 0, "%s: %d", cases[i].name, r);
		cr_expect_str_eq(err.cause, cases[i].cause ? cases[i].cause : "", "%s: %s", cases[i].name, err.cause);
		if (r == 0)
			store_close(&store);
	}
}

static const struct {
	const char *name;
	mode_t mode;
	int error;
	const char *cause;
} modes[] = {
	{"private", 0700, 0, NULL},
	{"readable by others", 0755, 0, NULL},
	{"writable by the group", 0720, EPERM, "others may write to it (mode 0720)"},
	{"writable by all", 0707, EPERM, "others may write to it (mode 0707)"},
};

Test(store, others_must_not_write_to_it)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct store store = {.dir = -1};
		struct error err = {0};

		cr_assert(fchmod(depot.dir, modes[i].mode) == 0);
		int r = store_open(depot.path, &store, &err), r_create;
		cr_expect_eq(r, -modes[i].error, "%s: %d", modes[i].name, r);
		store_close(&store);
		r_create = store_create(depot.path, &store, &err);
		cr_expect_eq(r_create, -modes[i].error, "%s: create: %d", modes[i].name, r_create);
		if (modes[i].cause)
			cr_expect_str_eq(err.cause, modes[i].cause, "%s", modes[i].name);
		store_close(&store);
	}
	(void)fchmod(depot.dir, 0700);
}

Test(store, one_that_is_not_there_is_said_to_be_that)
{
	struct store store;
	struct error err = {0};
	int r = store_open("/nowhere/at/all", &store, &err);

	cr_expect_eq(r, -ENOENT);
	cr_expect_str_eq(err.what, "cannot open the store '/nowhere/at/all'");
}

/* A payload that could write to the store must not make us read or write elsewhere. */
Test(store, symlinks_in_it_are_not_followed)
{
	static const char *const folders[] = {"refs", "images", "blobs/sha256", "layers", "claims", "tmp", "trash"};
	struct image image = depot_image("a", LAYERS("one"));
	struct reference reference = depot_reference("debian:12");

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *away = arena_printf(&depot_arena, "%s-away", folders[i]);
		struct error err = {0};
		struct digest digest;
		struct image got;
		int r;

		cr_assert(renameat(depot.dir, folders[i], depot.dir, away) == 0);
		cr_assert(symlinkat(arena_printf(&depot_arena, "%s/%s", depot.path, away), depot.dir, folders[i]) == 0);
		r = store_tag(&depot, &reference, &image.manifest, &err);
		if (r == 0)
			r = store_put_blob(&depot, "x", 1, &digest, &err);
		if (r == 0)
			r = store_image(&depot, &depot_arena, &image.manifest, &got, &err);
		if (r == 0) {
			enum layer_owner owner;
			r = store_open_layer(&depot, &image.layers[0], &owner);
			r = r >= 0 ? fd_close(r) + 1 : r;
		}
		if (r == 0 && !strcmp(folders[i], "trash")) {
			struct store_layer layer;
			EXPECT_OK(store_layer_begin(&depot, &layer, WHY), "trash");
			store_layer_abandon(&layer);
			r = depot_count("trash-away") ? 0 : -ELOOP;
		}
		cr_expect_eq(r, -ELOOP, "%s: %d %s", folders[i], r, err.what);
		cr_assert(unlinkat(depot.dir, folders[i], 0) == 0 && renameat(depot.dir, away, depot.dir, folders[i]) == 0);
	}
}
