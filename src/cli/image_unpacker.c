/* Apart from image_context.c, so that only what unpacks is linked with what that takes. */
#include <string.h>

#include "cli/image_context.h"
#include "run/unpacker.h"

int image_context_unpacker(struct image_context *context, struct error *err)
{
	static const struct {
		const char *word;
		enum idmap_mode mode;
	} modes[] = {{"auto", IDMAP_AUTO}, {"subids", IDMAP_SUBIDS}, {"single", IDMAP_SINGLE}};
	enum idmap_mode mode = IDMAP_AUTO;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (context->use->userns && !strcmp(context->use->userns, modes[i].word))
			mode = modes[i].mode;
	context->end_unpacker = unpacker_end;
	return unpacker_start(&context->host, context->store.path, mode, &context->unpacker, err);
}
