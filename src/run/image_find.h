/* The image that a run is to have as its root: looked for in the store, pulled where that is wanted, held so that nobody removes it meanwhile. */
#ifndef CARREL_RUN_IMAGE_FIND_H
#define CARREL_RUN_IMAGE_FIND_H

#include "profile/policy.h"
#include "profile/profile.h"
#include "run/host.h"
#include "run/plan_image.h"
#include "run/request.h"
#include "util/error.h"
#include "util/mem.h"

struct image_wish {
	const struct text_value *word;  /* a reference or an id; v NULL: the profile says `image` and nobody which */
	enum request_pull pull;
	bool quiet;                     /* no progress of a pull */
	const struct platform *platform; /* that it is to be for; NULL: any that this machine runs */
	bool for_single_id;             /* how it is unpacked, if it is pulled */
	bool is_command_line;           /* the word may have been meant as a program */
	const char *puller;             /* carrel-image */
	const struct policy *policy;    /* NULL: there is none */
	const struct host *host;
};

/* *ret_hold keeps the image in the store for as long as it is open. Errors name the image and the next step. */
int image_find(struct arena *arena, const struct image_wish *wish, struct run_image *ret, int *ret_hold, struct error *err) MUST_CHECK;

/* Is it for the platform that was asked for, and can this machine run it, by itself or by an emulator (binfmt_misc)? -ENOEXEC with a message. */
int image_check_platform(struct arena *arena, const struct image_wish *wish, const struct platform *platform, const struct platform *host, struct error *err) MUST_CHECK;

#endif
