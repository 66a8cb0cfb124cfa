#include "run/plan_image.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "util/path.h"
#include "util/units.h"

/* --- what runs ------------------------------------------------------------------------------------------------------------------- */

struct words {
	struct arena *arena;
	const char **items;
	size_t count;
};

static void add_word(struct words *words, const char *word)
{
	words->items = arena_grow(words->arena, words->items, words->count, sizeof(*words->items));
	words->items[words->count++] = word;
}

static void add_texts(struct words *words, const struct image_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		add_word(words, texts->items[i]);
}

static int no_command(const struct run_image *image, struct error *err)
{
	(void)error_set(err, EINVAL, "cannot run the image '%s'", image->name);
	(void)error_cause(err, "no command specified: neither the image nor the command line has one");
	return error_hint(err, "write  carrel run [OPTIONS] IMAGE COMMAND [ARG…]");
}

int plan_image_command(struct arena *arena, const struct request *request, const struct run_image *image, char *const **ret, struct error *err)
{
	struct words words = {.arena = arena};

	if (request->entrypoint && *request->entrypoint)
		add_word(&words, request->entrypoint);
	else if (image && !request->entrypoint)
		add_texts(&words, &image->image.entrypoint);
	if (image && !request->entrypoint && !request->command_count)
		add_texts(&words, &image->image.command);
	for (size_t i = 0; i < request->command_count; i++)
		add_word(&words, request->command[i]);
	if (!words.count || !*words.items[0])
		return image && !request->command_count ? no_command(image, err) : request_no_command(request, err);
	add_word(&words, NULL);
	*ret = (char *const *)(uintptr_t)words.items; /* execve(2) does not write into them */
	return 0;
}

/* --- as whom --------------------------------------------------------------------------------------------------------------------- */

static bool read_id(const char *text, uint32_t *ret)
{
	int64_t id;

	if (units_parse_number(text, 0, (int64_t)UINT32_MAX - 1, &id) < 0)
		return false;
	*ret = (uint32_t)id;
	return true;
}

void plan_image_user(const struct run_image *image, struct plan_image_user *ret)
{
	const char *text = image && image->image.user && *image->image.user ? image->image.user : "0";
	const char *colon = strchr(text, ':');
	size_t len = strcspn(text, ":");
	char name[64] = "";

	*ret = (struct plan_image_user){.text = text};
	if (len < sizeof(name))
		memcpy(name, text, len);
	ret->is_name = !read_id(name, &ret->uid) && len && strcmp(name, "root") != 0;
	if (!ret->is_name && colon)
		(void)read_id(colon + 1, &ret->gid); /* a group's name stays 0 */
}

/* --- on what --------------------------------------------------------------------------------------------------------------------- */

void plan_image_root(struct plan *plan, const struct run_image *image)
{
	struct tree_plan *tree = &plan->tree;
	size_t count = image->image.layer_count;

	if (image->is_sqfs) {
		tree->root = TREE_ROOT_LAYERED;
		tree->root_source = image->name;
		tree->root_squash = true;
		tree->root_file = image->file;
		return;
	}
	if (!count) { /* a configuration without files, to mount something into */
		tree->root = TREE_ROOT_EMPTY;
		return;
	}
	tree->root = TREE_ROOT_LAYERED;
	tree->root_source = image->layers[0];
	for (size_t i = count - 1; i > 0; i--) {
		tree->lower = arena_grow(plan->arena, tree->lower, tree->lower_count, sizeof(*tree->lower));
		tree->lower[tree->lower_count++] = image->layers[i];
	}
}

/* Places of the sandbox's own are no image's to choose. */
static bool is_volume(const char *path)
{
	return path[1] && !path_is_beneath(path, "/proc") && !path_is_beneath(path, "/sys") && !path_is_beneath(path, "/dev");
}

void plan_image_volumes(struct plan *plan, const struct run_image *image, bool read_only)
{
	for (size_t i = 0; i < image->image.volumes.count; i++) {
		const char *path = path_join(plan->arena, "/", image->image.volumes.items[i]);

		if (!is_volume(path)) {
			plan_note(plan, false, "the image's volume '%s' is left out: the place is the sandbox's own", path);
			continue;
		}
		plan_add_directory(plan, path);
		if (read_only)
			plan_add_entry(plan, TREE_VOLUME, path)->at = plan->tree.root_at;
	}
}

const char *plan_image_workdir(struct arena *arena, const struct run_image *image)
{
	return image->image.workdir ? path_join(arena, "/", image->image.workdir) : "/";
}

/* --- how it ends ------------------------------------------------------------------------------------------------------------------- */

static int real_time_signal(const char *text)
{
	bool from_first = !strncasecmp(text, "RTMIN", 5), from_last = !strncasecmp(text, "RTMAX", 5);
	int64_t distance = 0;

	if (!from_first && !from_last)
		return 0;
	text += 5;
	if (*text && (*text != (from_first ? '+' : '-') || units_parse_number(text + 1, 0, SIGRTMAX - SIGRTMIN, &distance) < 0))
		return 0;
	return from_first ? SIGRTMIN + (int)distance : SIGRTMAX - (int)distance;
}

int plan_image_signal(const char *text)
{
	int64_t number;

	if (units_parse_number(text, 1, SIGRTMAX, &number) == 0)
		return (int)number;
	if (!strncasecmp(text, "SIG", 3))
		text += 3;
	for (int signal = 1; signal < SIGRTMIN; signal++) {
		const char *name = sigabbrev_np(signal);

		if (name && !strcasecmp(name, text))
			return signal;
	}
	return real_time_signal(text);
}
