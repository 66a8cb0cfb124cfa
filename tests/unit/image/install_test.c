/* Real archives, really unpacked, by the process that unpacks. */
#include "image/install.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "image/document_write.h"
#include "image/transfer.h"
#include "run/unpacker.h"
#include "unit/image/store_depot.h"
#include "util/path.h"
#include "util/proc.h"

extern char **environ;

enum { LAYERS_MAX = 3, FILES = 60, FILE_SIZE = 8192 };

TestSuite(install, .init = depot_begin, .fini = depot_end, .timeout = 120);

/* An image whose blobs are in the store, and nothing else of it. */
struct fixture {
	struct image image;
	struct descriptor config, layers[LAYERS_MAX];
	struct digest manifest;
};

/* FILES files, all different. */
static struct buf make_archive(const char *seed)
{
	static char data[FILE_SIZE];
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t room = FILES * (FILE_SIZE + 1024) + 10240, used = 0;
	struct buf made = {.text = mem_alloc(room), .room = room};

	cr_assert(archive_write_set_format_ustar(archive) == ARCHIVE_OK && archive_write_open_memory(archive, made.text, room, &used) == ARCHIVE_OK);
	for (int i = 0; i < FILES; i++) {
		cleanup_free char *name = mem_printf("d%d/%d", i / 10, i);

		(void)snprintf(data, sizeof(data), "%s %d", seed, i);
		archive_entry_clear(entry);
		archive_entry_set_pathname(entry, name);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, FILE_SIZE);
		cr_assert(archive_write_header(archive, entry) == ARCHIVE_OK && archive_write_data(archive, data, sizeof(data)) == FILE_SIZE);
	}
	archive_entry_free(entry);
	(void)archive_write_close(archive);
	(void)archive_write_free(archive);
	made.size = used;
	return made;
}

static struct digest put(const struct buf *data)
{
	struct digest digest;
	struct error err = {0};

	cr_assert_eq(store_put_blob(&depot, data->text, data->size, &digest, &err), 0, "%s", err.what);
	return digest;
}

static void put_manifest(struct fixture *fixture)
{
	cleanup_buf struct buf text = {0};

	document_write_manifest(&fixture->config, fixture->layers, fixture->image.layer_count, &text);
	fixture->manifest = put(&text);
}

static void make_image(struct fixture *fixture, size_t layers)
{
	cleanup_buf struct buf config = {0};

	*fixture = (struct fixture){.image = {.platform = {.os = "linux", .architecture = "amd64"}, .layer_count = layers}};
	fixture->image.layers = arena_alloc(&depot_arena, layers * sizeof(struct digest));
	for (size_t i = 0; i < layers; i++) {
		cleanup_buf struct buf archive = make_archive(arena_printf(&depot_arena, "layer %zu", i));

		digest_of(archive.text, archive.size, &fixture->image.layers[i]);
		fixture->layers[i] = (struct descriptor){.media_type = MEDIA_OCI_LAYER, .digest = put(&archive), .size = archive.size};
	}
	document_write_config(&fixture->image, "test", NULL, &config);
	fixture->config = (struct descriptor){.media_type = MEDIA_OCI_CONFIG, .digest = put(&config), .size = config.size};
	put_manifest(fixture);
}

/* As a command does it: an unpacker of its own. */
static int install(const struct digest *manifest, struct image *ret, struct error *err)
{
	struct arena arena = {0};
	struct host host;
	struct unpacker *unpacker = NULL;
	int r = host_read(&arena, environ, &host, err);

	if (r == 0)
		r = unpacker_start(&host, depot.path, IDMAP_SINGLE, &unpacker, err);
	if (r == 0)
		r = install_image(&depot, &depot_arena, manifest, unpacker_host(unpacker), NULL, ret, err);
	unpacker_end(unpacker);
	arena_done(&arena);
	return r;
}

/* No file is missing in it, and none is cut. */
static bool is_whole(const struct digest *diff_id)
{
	for (int i = 0; i < FILES; i++) {
		cleanup_free char *path = mem_printf("layers/%s.single/tree/d%d/%d", digest_hex(diff_id), i / 10, i);
		struct stat st;

		if (fstatat(depot.dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size != FILE_SIZE)
			return false;
	}
	return true;
}

/* What is visible is whole: each layer that has a name, and the image when it has one. */
static void expect_good_store(const char *name, const struct fixture *fixture)
{
	size_t visible = 0;

	for (size_t i = 0; i < fixture->image.layer_count; i++) {
		const struct digest *diff_id = &fixture->image.layers[i];

		if (!depot_has("layers/%s.single", digest_hex(diff_id)))
			continue;
		visible++;
		cr_expect(is_whole(diff_id), "%s: layer %zu is not whole", name, i);
	}
	cr_expect_eq(depot_count("layers"), visible, "%s: there is a layer that nobody knows", name);
	if (depot_has("images/%s", digest_hex(&fixture->manifest)))
		cr_expect_eq(visible, fixture->image.layer_count, "%s: the image is visible before its layers", name);
}

static void expect_nothing_left(const char *name)
{
	static const char *const folders[] = {"tmp", "claims", "trash"};

	store_sweep(&depot, NULL, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		cr_expect_eq(depot_count(folders[i]), 0, "%s: something is left in %s/", name, folders[i]);
}

Test(install, unpacks_each_layer_and_writes_the_record)
{
	struct fixture fixture;
	struct image image = {0};
	struct error err = {0};
	int r;

	make_image(&fixture, LAYERS_MAX);
	r = install(&fixture.manifest, &image, &err);
	cr_assert_eq(r, 0, "%s: %s", err.what, err.cause);
	expect_good_store("installed", &fixture);
	cr_expect(depot_has("images/%s", digest_hex(&fixture.manifest)));
	cr_expect_eq(image.blob_count, LAYERS_MAX);
	cr_expect(digest_equal(&image.blobs[1], &fixture.layers[1].digest) && digest_equal(&image.config, &fixture.config.digest));
	/* Again: all is there, and the blobs are not even looked at. */
	for (size_t i = 0; i < LAYERS_MAX; i++)
		cr_expect_eq(unlinkat(depot.dir, arena_printf(&depot_arena, "blobs/sha256/%s", digest_hex(&fixture.layers[i].digest)), 0), 0);
	cr_expect_eq(install(&fixture.manifest, &image, &err), 0, "%s: %s", err.what, err.cause);
	expect_nothing_left("installed");
}

/* --- what is wrong ------------------------------------------------------------------------------------------------------------------------ */

static void swap_layers(struct fixture *fixture)
{
	struct descriptor first = fixture->layers[0];

	fixture->layers[0] = fixture->layers[1];
	fixture->layers[1] = first;
	put_manifest(fixture);
}

static void lose_layer(struct fixture *fixture)
{
	cr_assert_eq(unlinkat(depot.dir, arena_printf(&depot_arena, "blobs/sha256/%s", digest_hex(&fixture->layers[1].digest)), 0), 0);
}

static void lie_about_layer(struct fixture *fixture)
{
	fixture->layers[1].size += 512;
	put_manifest(fixture);
}

static void lie_about_config(struct fixture *fixture)
{
	fixture->config.size++;
	put_manifest(fixture);
}

static void forget_layer(struct fixture *fixture)
{
	cleanup_buf struct buf text = {0};

	document_write_manifest(&fixture->config, fixture->layers, 1, &text);
	fixture->manifest = put(&text);
}

static void break_layer(struct fixture *fixture)
{
	const struct buf junk = {.text = (char[]){"\x1f\x8b\x08 and then nothing that gzip knows"}, .size = 36};

	fixture->layers[1].digest = put(&junk);
	fixture->layers[1].size = junk.size;
	put_manifest(fixture);
}

static void make_index(struct fixture *fixture)
{
	cleanup_buf struct buf text = {0};

	buf_printf(&text, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":7}]}",
		fixture->manifest.text);
	fixture->manifest = put(&text);
}

static void empty_store(void)
{
	static const char *const folders[] = {"layers", "images", "blobs/sha256"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		cr_assert(path_remove_tree(depot.dir, folders[i]) == 0 && mkdirat(depot.dir, folders[i], 0700) == 0);
}

Test(install, what_is_wrong_gets_no_name)
{
	static const struct {
		const char *name;
		void (*spoil)(struct fixture *fixture);
		int result;
	} cases[] = {
		{"the layers change places", swap_layers, -EBADMSG},
		{"a layer is missing", lose_layer, -ENOENT},
		{"a layer's size is a lie", lie_about_layer, -EBADMSG},
		{"the configuration's size is a lie", lie_about_config, -EBADMSG},
		{"a layer more than the manifest says", forget_layer, 0},
		{"a layer is no archive", break_layer, 0},
		{"an index", make_index, -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture fixture;
		struct image image;
		struct error err = {0};
		int r;

		empty_store();
		make_image(&fixture, 2);
		cases[i].spoil(&fixture);
		r = install(&fixture.manifest, &image, &err);
		cr_expect(cases[i].result ? r == cases[i].result : r < 0, "%s: %d, %s: %s", cases[i].name, r, err.what, err.cause);
		cr_expect(err.what[0] && err.cause[0], "%s: no message", cases[i].name);
		cr_expect_not(depot_has("images/%s", digest_hex(&fixture.manifest)), "%s: the image is visible", cases[i].name);
		expect_good_store(cases[i].name, &fixture);
		expect_nothing_left(cases[i].name);
	}
}

/* --- kills ---------------------------------------------------------------------------------------------------------------------------------- */

static struct fixture shared;

static int install_shared(int number)
{
	struct image image;
	struct error err = {0};

	(void)number;
	return install(&shared.manifest, &image, &err);
}

static void forget_image(void)
{
	for (size_t i = 0; i < shared.image.layer_count; i++)
		(void)path_remove_tree(depot.dir, arena_printf(&depot_arena, "layers/%s.single", digest_hex(&shared.image.layers[i])));
	(void)unlinkat(depot.dir, arena_printf(&depot_arena, "images/%s", digest_hex(&shared.manifest)), 0);
}

/* How long it takes decides when the kills come: all over it, on a slow machine as on a fast one. */
Test(install, survives_kills_at_any_moment)
{
	enum { KILLS = 16 };
	int64_t took = proc_now_ms();

	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	make_image(&shared, LAYERS_MAX);
	depot_wait("undisturbed", depot_fork(install_shared, 0), 0);
	took = proc_now_ms() - took;
	for (int i = 0; i < KILLS; i++) {
		cleanup_free char *name = mem_printf("kill %d", i);
		const long at = took * 1000000 * i / KILLS;
		const struct timespec delay = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};

		if (i % 4 == 0) /* the others go on with what the ones before have left */
			forget_image();
		pid_t pid = depot_fork(install_shared, i);
		(void)nanosleep(&delay, NULL);
		(void)kill(pid, SIGKILL);
		while (wait(NULL) > 0) /* the unpacker and its workers, which end by themselves */
			;
		expect_good_store(name, &shared);
	}
	depot_wait("at last", depot_fork(install_shared, 0), 0);
	expect_good_store("at last", &shared);
	cr_expect(depot_has("images/%s", digest_hex(&shared.manifest)), "the image is not there");
	expect_nothing_left("at last");
}

Test(install, several_at_once_all_have_it)
{
	enum { PROCESSES = 4 };
	pid_t pids[PROCESSES];

	make_image(&shared, LAYERS_MAX);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = depot_fork(install_shared, i);
	for (int i = 0; i < PROCESSES; i++)
		depot_wait("one of several", pids[i], 0);
	expect_good_store("all", &shared);
	cr_expect(depot_has("images/%s", digest_hex(&shared.manifest)));
	expect_nothing_left("all");
}
