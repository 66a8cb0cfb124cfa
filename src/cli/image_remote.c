#include "cli/image_remote.h"

#include <errno.h>
#include <string.h>

/* --- mirrors of Docker Hub --- */

/* The user's own, in words between commas or blanks. Where the administrator says where images may come from, whoever serves them is his to say, too: the
 * environment never widens a policy. */
static const char **mirrors_of_user(struct image_context *context)
{
	const char *text = host_env(&context->host, "CARREL_MIRRORS");
	const char **mirrors;
	size_t count = 0;

	if (!text || (context->policy && context->policy->images.at.file))
		return NULL;
	mirrors = arena_alloc(&context->arena, (strlen(text) / 2 + 2) * sizeof(*mirrors)); /* words have blanks between them */
	for (char *rest = arena_strdup(&context->arena, text), *word; (word = strtok_r(NULL, ", ", &rest));)
		mirrors[count++] = word;
	return mirrors;
}

static const char **mirrors_of_policy(struct image_context *context)
{
	const struct text_list *list = &context->policy->mirrors;
	const char **mirrors = arena_alloc(&context->arena, (list->count + 1) * sizeof(*mirrors));

	for (size_t i = 0; i < list->count; i++)
		mirrors[i] = list->items[i].v;
	return mirrors;
}

/* --- */

struct credentials_place image_remote_place(const struct host *host)
{
	return (struct credentials_place){
		.home = host->account.home,
		.docker_config = host_env(host, "DOCKER_CONFIG"),
		.runtime_dir = host_env(host, "XDG_RUNTIME_DIR"),
		.auth_file = host_env(host, "REGISTRY_AUTH_FILE"),
		.config_home = host_env(host, "XDG_CONFIG_HOME"),
		.path = host_env(host, "PATH"),
	};
}

int image_remote_open(struct image_context *context, const struct progress *progress, struct image_remote *remote, struct error *err)
{
	const struct credentials_place place = image_remote_place(&context->host);
	int r = credentials_find(&place, &remote->reference, &remote->credentials, err);

	if (r < 0)
		return r;
	remote->options = (struct registry_options){
		.tls_verify = context->use->tls_verify,
		.mirrors = context->policy && context->policy->mirrors.count ? mirrors_of_policy(context) : mirrors_of_user(context),
		.credentials = &remote->credentials,
		.progress = progress,
	};
	return registry_open(&remote->reference, &remote->options, &remote->registry, err);
}

void image_remote_close(struct image_remote *remote)
{
	if (remote->registry)
		registry_close(remote->registry);
	remote->registry = NULL;
	credentials_done(&remote->credentials);
}
