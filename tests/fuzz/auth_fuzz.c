/* Docker's and podman's files of accounts: read, and written with an account more, which must be found then. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/credentials_parts.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void edit(const char *text, size_t size)
{
	struct credentials ada = {.user = (char[]){"ada"}, .password = (char[]){"x"}};
	struct auth_found found = {0};
	struct buf out = {0};

	if (auth_file_edit("it", text, size, "quay.io", "quay.io", &ada, &out, NULL, NULL) == 0) {
		/* What else is in the file may be refused still: a helper with a path for a name. */
		if (auth_file_parse("it", out.text, out.size, "quay.io", NULL, &found, NULL) == 0)
			check(found.credentials.user && !strcmp(found.credentials.user, "ada"));
		auth_found_done(&found);
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const registries[] = {"quay.io", "docker.io"};
	char *text = mem_alloc(size + 1);

	if (size)
		memcpy(text, data, size);
	for (size_t i = 0; i < ARRAY_SIZE(registries); i++) {
		struct auth_found found = {0};
		struct error err = {0};
		int r = auth_file_parse("it", text, size, registries[i], "team/app", &found, &err);

		check((r < 0) == (err.code != 0));
		check(!found.helper || (*found.helper && !strchr(found.helper, '/')));
		check(!found.credentials.source == !(found.credentials.user || found.credentials.identity_token));
		auth_found_done(&found);
	}
	edit(text, size);
	free(text);
	return 0;
}
