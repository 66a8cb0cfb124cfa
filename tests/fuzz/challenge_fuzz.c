/* What a registry says about a refusal: the first byte chooses between the WWW-Authenticate header, the body as JSON, the body as text, and an address to go on to. What
 * comes out is ended, free of control characters and as safe as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/libcurl.h"
#include "image/registry_challenge.h"
#include "image/registry_excuse.h"
#include "image/registry_url.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void expect_shown(const char *text, size_t room)
{
	expect(strnlen(text, room) < room);
	for (const char *c = text; *c; c++)
		expect((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void challenge(const char *text)
{
	struct registry_challenge challenge = {0};

	registry_challenge_parse(text, &challenge);
	registry_challenge_parse(text, &challenge); /* as a second header */
	expect_shown(challenge.realm, sizeof(challenge.realm));
	expect_shown(challenge.service, sizeof(challenge.service));
	expect_shown(challenge.error, sizeof(challenge.error));
	expect_shown(challenge.other, sizeof(challenge.other));
	expect((challenge.scheme == REGISTRY_BEARER) == (challenge.realm[0] != 0));
}

static void excuse(const char *type, const char *body, size_t size)
{
	struct registry_excuse excuse;

	registry_excuse_parse(type, body, size, &excuse);
	expect_shown(excuse.code, sizeof(excuse.code));
	expect_shown(excuse.message, sizeof(excuse.message));
}

static void address(const char *location)
{
	struct error err = {0};
	char *url = NULL;
	bool same = false;

	expect(libcurl_load(&err) == 0);
	int r = registry_url_follow("https://registry.example:5000/v2/a/blobs/uploads/", location, &url, &same, &err);

	expect((r < 0) == (err.code != 0) && (r < 0) == (url == NULL));
	if (url) {
		cleanup_free char *more = registry_url_add(url, "digest", "sha256:ab");

		expect(!strncmp(url, "https://", 8) && (!same || !strncasecmp(url, "https://registry.example", 24)));
		expect(strstr(more, "digest=sha256%3Aab") && !strchr(more, '#'));
	}
	free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = mem_alloc(size + 1);

	if (size == 0)
		return 0;
	memcpy(text, data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		challenge(text);
		break;
	case 1:
		excuse("application/json", text, size - 1);
		break;
	case 2:
		excuse("text/plain", text, size - 1);
		break;
	default:
		address(text);
	}
	return 0;
}
