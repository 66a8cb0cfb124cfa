#include "cli/image_remote.h"

int image_remote_parse(struct image_context *context, const char *word, struct image_remote *ret, struct error *err)
{
	int r = reference_parse(&context->arena, word, &ret->reference, err);

	return r < 0 ? r : image_context_allows(context, &ret->reference, err);
}

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

int image_remote_open(const struct image_context *context, const struct progress *progress, struct image_remote *remote, struct error *err)
{
	const struct credentials_place place = image_remote_place(&context->host);
	int r = credentials_find(&place, &remote->reference, &remote->credentials, err);

	if (r < 0)
		return r;
	remote->options = (struct registry_options){.tls_verify = context->use->tls_verify, .credentials = &remote->credentials, .progress = progress};
	return registry_open(&remote->reference, &remote->options, &remote->registry, err);
}

void image_remote_close(struct image_remote *remote)
{
	if (remote->registry)
		registry_close(remote->registry);
	remote->registry = NULL;
	credentials_done(&remote->credentials);
}
