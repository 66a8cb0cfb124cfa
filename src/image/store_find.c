/* From a word of the command line to an image. A name costs one file in refs/ and one in images/; only digits make us look through all records. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "image/store.h"
#include "image/store_parts.h"
#include "util/fd.h"

#define PREFIX "sha256:"

enum {
	DIGITS_LEAST = 4,
	SHORT_ID = 12, /* as lists show them; fewer may be a name */
	TAGS_MOST = 5,
	TRIES = 8, /* a name that is moved to another image again and again while we look */
};

static bool is_digits(const char *text)
{
	size_t len = strlen(text);

	return len >= DIGITS_LEAST && len <= DIGEST_HEX && strspn(text, "0123456789abcdef") == len;
}

static bool hint_tags(const struct store_listing *listing, const char *word, struct error *err)
{
	struct reference wanted, other;
	struct arena arena = {0};
	const char *names = NULL;
	size_t found = 0;
	bool is_name = err && reference_parse(&arena, word, &wanted, NULL) == 0;

	for (size_t i = 0; is_name && i < listing->ref_count && found <= TAGS_MOST; i++) {
		const char *name = listing->refs[i].name;

		if (!name || reference_parse(&arena, name, &other, NULL) < 0 || strcmp(other.registry, wanted.registry) != 0 || strcmp(other.repository, wanted.repository) != 0)
			continue;
		if (++found <= TAGS_MOST)
			names = names ? arena_printf(&arena, "%s, %s", names, reference_familiar(&arena, &other)) : reference_familiar(&arena, &other);
	}
	if (found)
		(void)error_hint(err, "of this repository there is %s%s", names, found > TAGS_MOST ? ", …" : "");
	arena_done(&arena);
	return found;
}

bool store_hint_tags(const struct store *store, const char *word, struct error *err)
{
	struct store_listing listing = {.ref_count = 0};
	struct arena arena = {0};
	bool has = store->dir >= 0 && err && store_refs(store, &arena, &listing.refs, &listing.ref_count, NULL) == 0 && hint_tags(&listing, word, err);

	arena_done(&arena);
	return has;
}

static int not_there(const struct store *store, const struct store_listing *listing, const char *word, struct error *err)
{
	(void)error_set(err, ENOENT, "no image '%s'", word);
	if (store->dir < 0)
		(void)error_cause(err, "there is no store yet");
	else
		(void)error_cause(err, "it is not in the store '%s'", store->path);
	if (listing ? hint_tags(listing, word, err) : store_hint_tags(store, word, err))
		return -ENOENT;
	if (!strncmp(word, PREFIX, strlen(PREFIX)) || (is_digits(word) && strlen(word) >= SHORT_ID))
		return error_hint(err, "`carrel images` lists what there is; an id alone cannot be pulled");
	return error_hint(err, "`carrel images` lists what there is; `carrel pull %s` fetches it", word);
}

/* Take the image, held by `ret_fd`. -ENOENT without `err`: it is gone by now. */
static int take(const struct store *store, struct arena *arena, const struct digest *manifest, struct image *ret_image, int *ret_fd, struct error *err)
{
	cleanup_close int fd = -1;
	int r = store_hold_image(store, manifest, &fd);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return error_set(err, -r, "cannot open the record of the image %s", manifest->text);
	if (ret_image)
		r = store_read_record(arena, fd, manifest, ret_image, err);
	if (r < 0)
		return r;
	if (ret_fd)
		*ret_fd = take_fd(fd);
	return 0;
}

static int find_reference(const struct store *store, struct arena *arena, const struct reference *reference, struct image *ret_image, int *ret_fd, struct error *err)
{
	struct digest manifest;
	int r;

	for (int tries = 0; tries < TRIES; tries++) {
		r = store_ref(store, arena, reference, &manifest, err);
		if (r < 0)
			return r;
		r = take(store, arena, &manifest, ret_image, ret_fd, err);
		if (r != -ENOENT)
			return r;
	}
	(void)error_set(err, EBADMSG, "cannot use the image '%s'", reference_familiar(arena, reference));
	(void)error_cause(err, "its record is missing");
	return error_hint(err, "carrel pull %s", reference_familiar(arena, reference));
}

/* The first match by name; any other with the same configuration is the same image. */
struct match {
	struct digest manifest, config;
	bool found, is_ambiguous;
};

static void offer(struct match *match, const char *digits, const struct image *image)
{
	size_t len = strlen(digits);

	if (strncmp(digits, digest_hex(&image->manifest), len) != 0 && strncmp(digits, digest_hex(&image->config), len) != 0)
		return;
	if (match->found && !digest_equal(&match->config, &image->config))
		match->is_ambiguous = true;
	if (match->found && strcmp(match->manifest.text, image->manifest.text) < 0)
		return;
	*match = (struct match){.manifest = image->manifest, .config = image->config, .found = true, .is_ambiguous = match->is_ambiguous};
}

static int find_digits(const struct store *store, const struct store_listing *listing, struct arena *arena, const char *word, const char *digits, struct image *ret_image, int *ret_fd,
    struct error *err)
{
	struct store_listing all = {.image_count = 0};
	struct match match = {.found = false};
	struct arena listed = {0};
	int r = listing ? 0 : store_images(store, &listed, &all.images, &all.image_count, err);

	if (listing)
		all = *listing;
	for (size_t i = 0; r == 0 && i < all.image_count; i++)
		offer(&match, digits, &all.images[i]);
	arena_done(&listed);
	if (r < 0)
		return r;
	if (match.is_ambiguous) {
		(void)error_set(err, ENOTUNIQ, "'%s' is no image's id", word);
		(void)error_cause(err, "the ids of several images begin with it");
		return error_hint(err, "give more digits: `carrel images --no-trunc` shows them all");
	}
	r = match.found ? take(store, arena, &match.manifest, ret_image, ret_fd, err) : -ENOENT;
	return r == -ENOENT ? not_there(store, listing, word, err) : r;
}

int store_find_how(const struct store *store, const struct store_listing *listing, struct arena *arena, const char *word, struct reference *ret_reference, struct image *ret_image,
    int *ret_record_fd, struct error *err)
{
	bool is_digest = !strncmp(word, PREFIX, strlen(PREFIX));
	const char *digits = is_digest ? word + strlen(PREFIX) : word;
	struct reference reference;
	int r;

	if (!is_digest && (strlen(word) != DIGEST_HEX || !is_digits(word))) {
		r = reference_parse(arena, word, &reference, err);
		if (r == 0)
			r = find_reference(store, arena, &reference, ret_image, ret_record_fd, err);
		if (r == 0)
			*ret_reference = reference;
		if (r != -ENOENT)
			return r;
	}
	*ret_reference = (struct reference){.repository = NULL};
	if (is_digits(digits))
		return find_digits(store, listing, arena, word, digits, ret_image, ret_record_fd, err);
	return not_there(store, listing, word, err);
}

int store_find(const struct store *store, struct arena *arena, const char *word, struct image *ret_image, int *ret_record_fd, struct error *err)
{
	struct reference reference;

	return store_find_how(store, NULL, arena, word, &reference, ret_image, ret_record_fd, err);
}
