/* Registries have several names in these files: "quay.io"; "https://quay.io" and "https://quay.io/v2/" by old versions of Docker; "quay.io/team" by podman,
 * for a part of it; and Docker Hub four. */
#include <string.h>

#include "image/credentials_parts.h"
#include "util/mem.h"

static bool is_hub(const char *host, size_t len)
{
	static const char *const names[] = {AUTH_HUB, "index.docker.io", "registry-1.docker.io"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (len == strlen(names[i]) && !strncmp(names[i], host, len))
			return true;
	return false;
}

static bool is_version(const char *rest, size_t len)
{
	return len == 2 && rest[0] == 'v' && (rest[1] == '1' || rest[1] == '2');
}

bool auth_key_is(const char *key, const char *registry, const char *space, size_t space_len)
{
	const char *scheme = strstr(key, "://");
	const char *host = scheme && scheme < key + strcspn(key, "/") + 1 ? scheme + 3 : key, *rest;
	size_t host_len = strcspn(host, "/"), rest_len;

	if (strlen(registry) != host_len || strncmp(registry, host, host_len) != 0) {
		if (!is_hub(host, host_len) || !is_hub(registry, strlen(registry)))
			return false;
	}
	rest = host + host_len + (host[host_len] == '/');
	rest_len = strlen(rest);
	if (rest_len && rest[rest_len - 1] == '/')
		rest_len--;
	if (host != key || is_version(rest, rest_len))
		rest_len = 0; /* an address: its path says nothing of namespaces */
	return rest_len == space_len && !strncmp(rest, space, space_len);
}

const char *auth_docker_name(const char *registry)
{
	return is_hub(registry, strlen(registry)) ? AUTH_HUB_DOCKER : registry;
}
