#include "image/load_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "image/digest_hash.h"
#include "image/document_write.h"
#include "image/reference.h"
#include "image/transfer.h"
#include "util/fd.h"
#include "util/path.h"

enum { LINKS_MAX = 8, INDEX_DEPTH = 3 };

static const struct load_file *find(const struct load *load, const char *name)
{
	for (int links = 0; links < LINKS_MAX; links++) {
		const struct load_file *file = NULL;

		/* The last one of a name counts, as when it is unpacked. */
		for (size_t i = load->file_count; i-- > 0 && !file;)
			if (!strcmp(load->files[i].name, name))
				file = &load->files[i];
		if (!file || !file->link)
			return file;
		if (file->hard) {
			name = file->link;
		} else {
			const char *folder = path_dirname(load->arena, arena_printf(load->arena, "/%s", file->name));

			name = path_clean(load->arena, arena_printf(load->arena, "%s/%s", folder, file->link)) + 1;
		}
	}
	return NULL;
}

static int missing(const struct load *load, const char *name)
{
	(void)error_set(load->err, EINVAL, "cannot load the archive");
	return error_cause(load->err, "it speaks of '%s', which is not in it", name);
}

/* Claimed before it is there: as what nobody refers to, a `system prune` beside us may take it at once. */
static int put_blob(struct load *load, const void *text, size_t size, struct digest *ret)
{
	int r;

	digest_of(text, size, ret);
	r = load_claim(load, ret);
	return r < 0 ? r : store_put_blob(load->store, text, size, ret, load->err);
}

/* As a blob of the store, whichever it was until now. */
static int as_blob(struct load *load, const char *name, struct digest *ret, uint64_t *ret_size)
{
	const struct load_file *file = find(load, name);

	if (!file)
		return missing(load, name);
	*ret_size = file->size;
	*ret = file->digest;
	if (!file->text)
		return 0;
	return put_blob(load, file->text, file->size, ret);
}

static void add_name(struct load *load, const char *name)
{
	load->names = arena_grow(load->arena, load->names, load->name_count, sizeof(*load->names));
	load->names[load->name_count++] = name;
}

static int name_image(struct load *load, const char *name, const struct digest *manifest)
{
	struct reference reference;
	int r = reference_parse(load->arena, name, &reference, load->err);

	if (r == 0)
		r = store_tag_unlisted(load->store, &reference, manifest, load->err);
	if (r == 0)
		add_name(load, reference_familiar(load->arena, &reference));
	load->has_named |= r == 0;
	return r < 0 ? error_prefix(load->err, "cannot name what was loaded") : 0;
}

static int install(struct load *load, const struct digest *manifest, const struct image_texts *names)
{
	struct image image;
	int r = install_image(load->store, load->arena, manifest, load->unpack, load->progress, &image, load->err);

	for (size_t i = 0; r == 0 && i < names->count; i++)
		r = name_image(load, names->items[i], manifest);
	if (r == 0 && names->count == 0)
		add_name(load, arena_strdup(load->arena, image.config.text)); /* (the image is gone when this returns) */
	return r;
}

/* --- an image layout --- */

struct layout {
	struct layout_docker *docker; /* docker save's list beside it, which has the better names */
	size_t docker_count;
};

static void add_text(struct load *load, struct image_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (!strcmp(texts->items[i], text))
			return;
	texts->items = arena_grow(load->arena, texts->items, texts->count, sizeof(*texts->items));
	texts->items[texts->count++] = text;
}

/* An annotation may be no more than a tag ("12", as umoci writes): that names nothing by itself. */
static void find_names(struct load *load, const struct layout *layout, const char *ref_name, const struct digest *config, struct image_texts *ret)
{
	for (size_t i = 0; i < layout->docker_count; i++) {
		const struct layout_docker *item = &layout->docker[i];

		if (!strstr(item->config, digest_hex(config)))
			continue;
		for (size_t n = 0; n < item->tags.count; n++)
			add_text(load, ret, item->tags.items[n]);
	}
	if (ret->count == 0 && ref_name && strpbrk(ref_name, ":/"))
		add_text(load, ret, ref_name);
}

static int read_manifest(struct load *load, const struct descriptor *descriptor, struct manifest *ret)
{
	cleanup_free char *text = NULL;
	size_t size;
	int r = manifest_check_entry(descriptor, load->err);

	if (r < 0)
		return error_prefix(load->err, "cannot load the archive");
	r = store_read_blob(load->store, &descriptor->digest, MANIFEST_SIZE_MAX, &text, &size, load->err);
	if (r == -ENOENT)
		return missing(load, descriptor->digest.text);
	return r < 0 ? r : manifest_parse(load->arena, descriptor->media_type, text, size, ret, load->err);
}

static int install_descriptor(struct load *load, const struct layout *layout, const struct descriptor *descriptor)
{
	const struct platform host = platform_host();
	const char *ref_name = descriptor->ref_name;
	struct image_texts names = {0};
	struct manifest manifest;
	int r = read_manifest(load, descriptor, &manifest);

	for (int depth = 0; r == 0 && manifest.is_index; depth++) {
		descriptor = depth < INDEX_DEPTH ? manifest_choose(&manifest, &host, load->err) : NULL;
		if (depth == INDEX_DEPTH)
			return error_set(load->err, ELOOP, "cannot load the archive: its indexes name each other");
		if (!descriptor)
			return load->err ? -load->err->code : -ENOENT;
		r = read_manifest(load, descriptor, &manifest);
	}
	if (r < 0)
		return r;
	find_names(load, layout, ref_name, &manifest.config.digest, &names);
	return install(load, &descriptor->digest, &names);
}

/* Of images for several kinds of machine side by side, those for this one. */
static bool is_for_others(const struct manifest *index, const struct descriptor *item)
{
	const struct platform host = platform_host();

	return index->item_count > 1 && item->platform.architecture && !platform_runs(&item->platform, &host);
}

static int install_layout(struct load *load, const struct load_file *index_file, const struct layout *layout)
{
	struct manifest index;
	int r = manifest_parse(load->arena, MEDIA_OCI_INDEX, index_file->text, index_file->size, &index, load->err);

	if (r < 0)
		return error_prefix(load->err, "in index.json");
	for (size_t i = 0; r == 0 && i < index.item_count; i++)
		if (!is_for_others(&index, &index.items[i]))
			r = install_descriptor(load, layout, &index.items[i]);
	return r;
}

/* --- docker save, before version 25 --- */

static const char *layer_type(const struct load *load, const struct digest *digest)
{
	cleanup_close int fd = store_open_blob(load->store, digest, UINT64_MAX);
	unsigned char magic[4] = {0};

	if (fd >= 0 && pread(fd, magic, sizeof(magic), 0) == sizeof(magic)) {
		if (magic[0] == 0x1f && magic[1] == 0x8b)
			return MEDIA_OCI_LAYER_GZIP;
		if (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd)
			return MEDIA_OCI_LAYER_ZSTD;
	}
	return MEDIA_OCI_LAYER;
}

/* Such an archive has no manifest: one is made. The configuration stays as it is, so the image keeps its id. */
static int install_docker(struct load *load, const struct layout_docker *item)
{
	struct descriptor config = {.media_type = MEDIA_OCI_CONFIG};
	struct descriptor *layers = arena_alloc(load->arena, (item->layers.count + 1) * sizeof(*layers));
	cleanup_buf struct buf text = {0};
	struct digest digest;
	int r = as_blob(load, item->config, &config.digest, &config.size);

	for (size_t i = 0; r == 0 && i < item->layers.count; i++) {
		r = as_blob(load, item->layers.items[i], &layers[i].digest, &layers[i].size);
		if (r == 0)
			layers[i].media_type = layer_type(load, &layers[i].digest);
	}
	if (r < 0)
		return r;
	document_write_manifest(&config, layers, item->layers.count, &text);
	r = put_blob(load, text.text, text.size, &digest);
	return r < 0 ? r : install(load, &digest, &item->tags);
}

static int nothing_there(const struct load *load)
{
	(void)error_set(load->err, EINVAL, "cannot load the archive");
	(void)error_cause(load->err, "it has neither index.json nor manifest.json: it holds no images");
	return error_hint(load->err, "a root filesystem becomes an image by  carrel import");
}

int load_install(struct load *load)
{
	const struct load_file *index = find(load, "index.json"), *docker = find(load, "manifest.json");
	struct layout layout = {0};
	int r = 0;

	if (docker && docker->text) {
		r = layout_parse_docker(load->arena, docker->text, docker->size, &layout.docker, &layout.docker_count, load->err);
		if (r < 0)
			return r;
	}
	if (index && index->text)
		return install_layout(load, index, &layout);
	if (!docker || !docker->text)
		return nothing_there(load);
	for (size_t i = 0; r == 0 && i < layout.docker_count; i++)
		r = install_docker(load, &layout.docker[i]);
	return r;
}
