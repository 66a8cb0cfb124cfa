/* A root from an image: what its configuration says, combined with the command line and the profile as Docker combines them. All of it pure.
 *
 * The configuration is somebody else's. It chooses what runs, as whom of the sandbox's users and where in the sandbox; it cannot choose what of the host is seen.
 */
#ifndef CARREL_RUN_PLAN_IMAGE_H
#define CARREL_RUN_PLAN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "image/image.h"
#include "run/plan.h"

struct run_image {
	struct image image;
	const char *name;      /* for people: the reference in full, or the digest */
	const char **layers;   /* their folders, bottom first, image.layer_count */
	bool is_sqfs;          /* a squashfs file instead: `file` is open, `identity` tells it from others, `name` is its path */
	int file;
	const char *identity;
	size_t single_count;   /* so many of them were unpacked for a single id, the owners recorded */
};

/* The words to run. Without an image: --entrypoint and then the command. With one: --entrypoint takes the place of the image's and drops its
 * command, "" is none; words of the command line take the place of its command. -EINVAL where nothing is left. */
int plan_image_command(struct arena *arena, const struct request *request, const struct run_image *image, char *const **ret, struct error *err) MUST_CHECK;

/* The image's user in the form of account_lookup. With a single id: the numbers that this id is called inside; 0 for a name, which only the
 * image's own files could turn into a number. */
struct plan_image_user {
	const char *text;
	uint32_t uid, gid;
	bool is_name; /* other than root */
};
void plan_image_user(const struct run_image *image, struct plan_image_user *ret);

/* The layers as the tree's root, those that stand in it already (filesystem.lower) on top. */
void plan_image_root(struct plan *plan, const struct run_image *image);
/* Its volumes: directories that are made where they are missing, and with `read_only` stay writable. To be called before any other entry is there, so that what the
 * profile and the command line mount comes on top. */
void plan_image_volumes(struct plan *plan, const struct run_image *image, bool read_only);
/* Where it starts. */
const char *plan_image_workdir(struct arena *arena, const struct run_image *image);

/* "SIGTERM", "term", "15", "SIGRTMIN+3". 0: no such signal. */
int plan_image_signal(const char *text);

#endif
