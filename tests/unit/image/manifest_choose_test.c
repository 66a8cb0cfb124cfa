#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "image/manifest.h"

TestSuite(manifest_choose);

#define ITEM(os, architecture, variant) {.media_type = MEDIA_OCI_MANIFEST, .platform = {os, architecture, variant}}

/* As busybox's. */
static struct descriptor busybox[] = {
	ITEM("unknown", "unknown", NULL), ITEM("linux", "amd64", NULL), ITEM("linux", "amd64", "v3"), ITEM("linux", "arm", "v5"), ITEM("linux", "arm", "v6"), ITEM("linux", "arm", "v7"),
	ITEM("linux", "arm64", "v8"), ITEM("linux", "386", NULL), ITEM("windows", "amd64", NULL), ITEM("linux", "amd64", NULL),
	{.media_type = "text/plain", .platform = {"linux", "s390x", NULL}},
};
static struct descriptor old[] = {ITEM("linux", "386", NULL)};
static struct descriptor unsaid[] = {ITEM(NULL, NULL, NULL), ITEM("linux", "arm64", NULL)};
static struct descriptor notes[] = {ITEM("unknown", "unknown", NULL)};
static struct descriptor nested[] = {{.media_type = MEDIA_OCI_INDEX}};

#define SHA512 "sha512:0000"
#define ODD(architecture, variant) {.media_type = MEDIA_OCI_MANIFEST, .unknown_digest = SHA512, .platform = {"linux", architecture, variant}}
static struct descriptor odd[] = {ODD("amd64", NULL), ODD("arm64", NULL), ITEM("linux", "arm64", NULL), ODD("arm64", NULL), ITEM("linux", "386", NULL), ODD("riscv64", NULL)};

#define INDEX(list) {.is_index = true, .items = (list), .item_count = ARRAY_SIZE(list)}

static const struct {
	const char *name;
	struct manifest index;
	struct platform wanted;
	int chosen; /* -1: none */
	const char *cause;
} cases[] = {
	{"the first of equals", INDEX(busybox), {"linux", "amd64", NULL}, 1, NULL},
	{"a variant by name", INDEX(busybox), {"linux", "amd64", "v3"}, 2, NULL},
	{"the highest that still runs", INDEX(busybox), {"linux", "amd64", "v4"}, 2, NULL},
	{"arm without a variant is v7", INDEX(busybox), {"linux", "arm", NULL}, 5, NULL},
	{"arm v6", INDEX(busybox), {"linux", "arm", "v6"}, 4, NULL},
	{"arm v8", INDEX(busybox), {"linux", "arm", "v8"}, 5, NULL},
	{"arm64 without a variant is v8", INDEX(busybox), {"linux", "arm64", NULL}, 6, NULL},
	{"another system", INDEX(busybox), {"windows", "amd64", NULL}, 8, NULL},
	{"arm v4", INDEX(busybox), {"linux", "arm", "v4"}, -1, "images for linux/amd64, linux/amd64/v3, linux/arm/v5, linux/arm/v6, linux/arm/v7, linux/arm64/v8, linux/386, windows/amd64, linux/amd64"},
	{"what is no image", INDEX(busybox), {"linux", "s390x", NULL}, -1, "images for linux/amd64"},
	{"386 for amd64", INDEX(old), {"linux", "amd64", NULL}, 0, NULL},
	{"386 for arm64", INDEX(old), {"linux", "arm64", NULL}, -1, "the index has images for linux/386"},
	{"nothing said", INDEX(unsaid), {"linux", "amd64", NULL}, 0, NULL},
	{"said wins over unsaid", INDEX(unsaid), {"linux", "arm64", NULL}, 1, NULL},
	{"only attestations", INDEX(notes), {"linux", "arm64", NULL}, -1, "the index has no images at all"},
	{"an index in the index", INDEX(nested), {"linux", "arm64", NULL}, 0, NULL},
	{"of equals the one that can be checked", INDEX(odd), {"linux", "arm64", NULL}, 2, NULL},
	{"what cannot be checked is in nobody else's way", INDEX(odd), {"linux", "386", NULL}, 4, NULL},
	{"what cannot be checked is not replaced by what fits less", INDEX(odd), {"linux", "amd64", NULL}, -1, "its algorithm is 'sha512', and only sha256"},
	{"only one that cannot be checked", INDEX(odd), {"linux", "riscv64", NULL}, -1, "its algorithm is 'sha512', and only sha256"},
	{"empty", {.is_index = true}, {"linux", "arm64", NULL}, -1, "the index has no images at all"},
};

Test(manifest_choose, cases)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		const struct descriptor *chosen = manifest_choose(&cases[i].index, &cases[i].wanted, &err);

		cr_expect_eq(chosen ? chosen - cases[i].index.items : -1, cases[i].chosen, "%s", cases[i].name);
		cr_expect_eq(err.code, chosen ? 0 : strstr(err.cause, "sha512") ? EOPNOTSUPP : ENOENT, "%s", cases[i].name);
		cr_expect(!cases[i].cause || strstr(err.cause, cases[i].cause), "%s: %s", cases[i].name, err.cause);
	}
}
