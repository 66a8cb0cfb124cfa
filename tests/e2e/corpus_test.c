/* Hostile archives (tests/unit/image/tar_corpus.c) through the whole way in: `import`, `load` and `pull`, their unpacker and its cage. The unit tests know what each comes to; here the message must
 * name the culprit, and of what is refused nothing may stay. */
#include <string.h>

#include "e2e/harness.h"
#include "e2e/registry.h"

HARNESS_SUITE(corpus);

static const struct {
	const char *name;
	const char *err; /* refused: a part of the message; NULL: accepted */
} cases[] = {
	{"dotdot", "cannot unpack '../sibling/touched'"},
	{"dotdot-pax", "cannot unpack '../sibling/touched'"},
	{"absolute", NULL},
	{"symlink-up", "cannot unpack 'up/touched'"},
	{"symlink-up-inside", NULL},
	{"symlink-proc", "cannot unpack 'p/touched'"},
	{"symlink-loop", "cannot unpack 'a/x'"},
	{"symlink-made-later", "cannot unpack 'd/touched'"},
	{"symlink-final-file", NULL},
	{"hardlink-outside", "cannot unpack 'h'"},
	{"hardlink-absolute", "cannot unpack 'h'"},
	{"hardlink-parent", "cannot unpack 'h'"},
	{"hardlink-symlink", NULL},
	{"root-symlink", "cannot unpack './'"},
	{"whiteout", ".wh.gone"},
	{"device-zero", NULL},
	{"fifo-passwd", NULL},
	{"setuid", NULL},
	{"truncated", "cannot unpack 'b'"},
	{"size-huge", "cannot unpack 'b'"},
	{"sparse-beyond", "cannot unpack 'b'"},
	{"name-bytes", NULL},
	{"name-4095", NULL},
	{"nested", "longer than 4095 bytes"},
	{"junk-behind", NULL},
	{"bad-checksum", "behind 'a'"},
};

/* In a layer, a whiteout is a whiteout. */
static const char *layer_error(size_t i)
{
	return strcmp(cases[i].name, "whiteout") != 0 ? cases[i].err : NULL;
}

static void try_case(const char *way, size_t i, const char *const *argv, const char *err)
{
	const char *name = harness_text("%s, %s", cases[i].name, way), *left;
	const char *const store[] = {harness_text("CARREL_ROOT=%s", harness_path("store")), NULL};
	struct harness_result result = harness_run(&(struct harness_run){.argv = argv, .env = store});

	harness_expect_status(name, &result, err ? 125 : 0);
	if (err)
		harness_expect_err(name, &result, err);
	harness_done(&result);
	left = harness_shell(harness_text("ls -A store/tmp; ls store/refs | grep 'case:%zu$' || :", i));
	cr_expect(err ? left[0] == 0 : strstr(left, "case:") != NULL, "%s: in the store there is: %s", name, left);
}

static void make_archive(size_t i)
{
	(void)harness_shell(harness_text("%s %s >in.tar", harness_payload("e2e", "tar_corpus"), cases[i].name));
}

/* in.tar as the one layer of an image in wrapped.tar, as docker save wrote it; its diff id is true. */
static void wrap_archive(size_t i)
{
	make_archive(i);
	(void)harness_shell(harness_text(
	    "d=$(sha256sum in.tar | cut -d' ' -f1)\n"
	    "printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%%s\"]}}' $d >config.json\n"
	    "printf '[{\"Config\":\"config.json\",\"RepoTags\":[\"case:%zu\"],\"Layers\":[\"in.tar\"]}]' >manifest.json; tar -cf wrapped.tar config.json in.tar manifest.json", i));
}

Test(corpus, comes_in_or_is_refused_by_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_archive(i);
		try_case("imported", i, HARNESS_WORDS("import", "-q", harness_path("in.tar"), harness_text("case:%zu", i)), cases[i].err);
	}
}

Test(corpus, in_an_archive_of_images)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		wrap_archive(i);
		try_case("loaded", i, HARNESS_WORDS("load", "-q", "-i", harness_path("wrapped.tar")), layer_error(i));
	}
}

Test(corpus, in_a_registry)
{
	harness_requires_program("skopeo");
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		wrap_archive(i);
		(void)harness_shell(harness_text("skopeo --insecure-policy copy -q --dest-tls-verify=false docker-archive:wrapped.tar docker://%s/case:%zu", server.host, i));
		try_case("pulled", i, HARNESS_WORDS("pull", "-q", harness_text("%s/case:%zu", server.host, i)), layer_error(i));
	}
	registry_stop(&server);
}
