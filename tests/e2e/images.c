#include "e2e/images.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "image/digest_hash.h"

const char *images_store(void)
{
	return harness_path("store");
}

const char *images_environment(void)
{
	return harness_text("CARREL_ROOT=%s", images_store());
}

static void open_store(struct store *store)
{
	struct error err = {0};

	cr_assert_eq(store_create(images_store(), store, &err), 0, "%s: %s", err.what, err.cause);
}

struct digest images_add_layer(const char *script, enum layer_owner owner)
{
	static unsigned count;
	struct store_layer made;
	struct digest diff_id;
	struct error err = {0};
	struct store store;

	open_store(&store);
	cr_assert_eq(store_layer_begin(&store, &made, &err), 0, "%s: %s", err.what, err.cause);
	(void)harness_shell(harness_text("ROOT='%s'; export ROOT; cd '%s/tmp/%s'; %s", harness_root("busybox"), images_store(), made.name, script));
	count++;
	digest_of(&count, sizeof(count), &diff_id);
	cr_assert_eq(store_layer_commit(&made, &diff_id, owner, &err), 0, "%s: %s", err.what, err.cause);
	store_close(&store);
	return diff_id;
}

struct digest images_add(const char *name, const struct image *config, const struct digest *layers, size_t count)
{
	struct image image = *config;
	struct reference reference;
	struct error err = {0};
	struct store store;

	cr_assert_eq(reference_parse(harness_arena(), name, &reference, &err), 0, "%s: %s", err.what, err.cause);
	digest_of(name, strlen(name), &image.manifest);
	digest_of(&image.manifest, sizeof(image.manifest), &image.config);
	image.layers = (struct digest *)layers;
	image.layer_count = count;
	open_store(&store);
	cr_assert_eq(store_put_image(&store, &image, &err), 0, "%s: %s", err.what, err.cause);
	cr_assert_eq(store_tag(&store, &reference, &image.manifest, &err), 0, "%s: %s", err.what, err.cause);
	store_close(&store);
	return image.manifest;
}

static int record_roots(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char owner[32];

	(void)at;
	(void)snprintf(owner, sizeof(owner), "0:0:0%o", st->st_mode & 07777);
	return type == FTW_SL || setxattr(path, "user.containers.override_stat", owner, strlen(owner), 0) == 0 ? 0 : -1;
}

void images_record_owners(const struct digest *layer)
{
	const char *tree = harness_text("%s/layers/%s.single/tree", images_store(), digest_hex(layer));

	cr_assert_eq(nftw(tree, record_roots, 16, FTW_PHYS), 0, "%s", tree);
}

void images_record_owner(const struct digest *layer, const char *path, const char *owner)
{
	const char *file = harness_text("%s/layers/%s.single/tree/%s", images_store(), digest_hex(layer), path);

	cr_assert_eq(setxattr(file, "user.containers.override_stat", owner, strlen(owner), 0), 0, "%s", file);
}
