#include "image/manifest.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "util/buf.h"

TestSuite(manifest);

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define DESCRIPTOR(type, size) "{\"mediaType\":\"" type "\",\"digest\":\"" DIGEST "\",\"size\":" size "}"
#define CONFIG "\"config\":" DESCRIPTOR(MEDIA_OCI_CONFIG, "7")
#define LAYER DESCRIPTOR(MEDIA_OCI_LAYER_GZIP, "100")
#define MANIFEST(more) "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "]" more "}"
#define TYPED(type) MANIFEST(",\"mediaType\":\"" type "\"")
#define INDEX(more) "{\"schemaVersion\":2,\"manifests\":[" DESCRIPTOR(MEDIA_OCI_MANIFEST, "5") "]" more "}"
#define WITH_CONFIG(config) "{\"schemaVersion\":2,\"config\":" config ",\"layers\":[]}"
#define WITH_LAYER(layer) "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "," layer "]}"
#define WITH_DIGEST(digest) WITH_LAYER("{\"mediaType\":\"" MEDIA_OCI_LAYER "\",\"digest\":" digest ",\"size\":1}")
#define WITH_ENTRY(digest) "{\"schemaVersion\":2,\"manifests\":[" DESCRIPTOR(MEDIA_OCI_MANIFEST, "5") ",{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" digest "\",\"size\":1}]}"
#define WITH_ITEM(more) "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"digest\":\"" DIGEST "\",\"size\":1," more "}]}"

static const struct {
	const char *name, *announced, *text;
	bool is_index;
	const char *media_type;
	size_t count;
} good[] = {
	{"OCI, neither announced nor said", NULL, MANIFEST(""), false, MEDIA_OCI_MANIFEST, 1},
	{"OCI, said", NULL, TYPED(MEDIA_OCI_MANIFEST), false, MEDIA_OCI_MANIFEST, 1},
	{"OCI, announced", MEDIA_OCI_MANIFEST, MANIFEST(""), false, MEDIA_OCI_MANIFEST, 1},
	{"OCI, both", MEDIA_OCI_MANIFEST, TYPED(MEDIA_OCI_MANIFEST), false, MEDIA_OCI_MANIFEST, 1},
	{"Docker, announced", MEDIA_DOCKER_MANIFEST, MANIFEST(""), false, MEDIA_DOCKER_MANIFEST, 1},
	{"Docker, said", NULL, TYPED(MEDIA_DOCKER_MANIFEST), false, MEDIA_DOCKER_MANIFEST, 1},
	{"from a server of plain files", "application/octet-stream", TYPED(MEDIA_DOCKER_MANIFEST), false, MEDIA_DOCKER_MANIFEST, 1},
	{"an empty Content-Type", "", MANIFEST(""), false, MEDIA_OCI_MANIFEST, 1},
	{"an empty type", NULL, TYPED(""), false, MEDIA_OCI_MANIFEST, 1},
	{"null is as missing", NULL, MANIFEST(",\"mediaType\":null,\"manifests\":null,\"annotations\":null"), false, MEDIA_OCI_MANIFEST, 1},
	{"no layers", NULL, WITH_CONFIG(DESCRIPTOR(MEDIA_OCI_CONFIG, "0")), false, MEDIA_OCI_MANIFEST, 0},
	{"no field of layers", NULL, "{\"schemaVersion\":2," CONFIG "}", false, MEDIA_OCI_MANIFEST, 0},
	{"layers that are null", MEDIA_DOCKER_MANIFEST, "{\"schemaVersion\":2," CONFIG ",\"layers\":null}", false, MEDIA_DOCKER_MANIFEST, 0},
	{"an index with an entry of another algorithm", NULL, WITH_ENTRY("sha512:" HEX HEX), true, MEDIA_OCI_INDEX, 2},
	{"the configuration of Docker 1.10", MEDIA_DOCKER_MANIFEST, WITH_CONFIG(DESCRIPTOR("application/octet-stream", "9")), false, MEDIA_DOCKER_MANIFEST, 0},
	{"an index", NULL, INDEX(""), true, MEDIA_OCI_INDEX, 1},
	{"an index, announced", MEDIA_OCI_INDEX, INDEX(""), true, MEDIA_OCI_INDEX, 1},
	{"a list of Docker", NULL, INDEX(",\"mediaType\":\"" MEDIA_DOCKER_INDEX "\""), true, MEDIA_DOCKER_INDEX, 1},
	{"an empty index", NULL, "{\"schemaVersion\":2,\"manifests\":[]}", true, MEDIA_OCI_INDEX, 0},
	{"an index with entries of unknown types", NULL, WITH_ITEM("\"platform\":{\"os\":\"\"}"), true, MEDIA_OCI_INDEX, 1},
	{"unknown fields", NULL, MANIFEST(",\"subject\":7,\"annotations\":{\"a\":\"b\"},\"x\":[]"), false, MEDIA_OCI_MANIFEST, 1},
};

Test(manifest, good)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct arena arena = {0};
		struct manifest manifest;
		struct error err = {0};

		cr_assert_eq(manifest_parse(&arena, good[i].announced, good[i].text, strlen(good[i].text), &manifest, &err), 0, "%s: %s", good[i].name, err.cause);
		cr_expect_eq(manifest.is_index, good[i].is_index, "%s", good[i].name);
		cr_expect_str_eq(manifest.media_type, good[i].media_type, "%s", good[i].name);
		cr_expect_eq(manifest.item_count, good[i].count, "%s", good[i].name);
		arena_done(&arena);
	}
}

static const struct {
	const char *name, *announced, *text;
	int result;
	const char *cause;
} bad[] = {
	{"CVE-2021-41190: layers and manifests", NULL, MANIFEST(",\"manifests\":[]"), -EINVAL, "has 'manifests', as an index, and 'layers', as a manifest"},
	{"CVE-2021-41190: config and manifests", NULL, INDEX("," CONFIG), -EINVAL, "has 'manifests', as an index, and 'config'"},
	{"CVE-2021-41190: both, announced as a manifest", MEDIA_OCI_MANIFEST, INDEX(",\"layers\":[]"), -EINVAL, "has 'manifests'"},
	{"CVE-2021-41190: both, said to be an index", NULL, MANIFEST(",\"manifests\":[],\"mediaType\":\"" MEDIA_OCI_INDEX "\""), -EINVAL, "has 'manifests'"},
	{"CVE-2021-41190: announced as an index, said to be a manifest", MEDIA_OCI_INDEX, TYPED(MEDIA_OCI_MANIFEST), -EINVAL, "mediaType is '" MEDIA_OCI_MANIFEST "', and it was announced"},
	{"a manifest announced as an index", MEDIA_OCI_INDEX, MANIFEST(""), -EINVAL, "manifests is missing"},
	{"an index announced as a manifest", MEDIA_OCI_MANIFEST, INDEX(""), -EINVAL, "config is missing"},
	{"other capitals", NULL, MANIFEST(",\"Manifests\":[]"), -EINVAL, "Manifests is written 'manifests'"},
	{"a field twice", NULL, MANIFEST(",\"layers\":[]"), -EINVAL, "duplicate object key"},
	{"schema 1 by its type", "application/vnd.docker.distribution.manifest.v1+prettyjws", "{\"schemaVersion\":1}", -EOPNOTSUPP, "old format (schema 1)"},
	{"schema 1 by its number", NULL, "{\"schemaVersion\":1}", -EOPNOTSUPP, "old format (schema 1)"},
	{"schema 1 by its fields", NULL, "{\"schemaVersion\":2,\"fsLayers\":[]}", -EOPNOTSUPP, "old format (schema 1)"},
	{"schema 3", NULL, "{\"schemaVersion\":3}", -EOPNOTSUPP, "schemaVersion is not 2"},
	{"no version", NULL, "{\"layers\":[]}", -EINVAL, "schemaVersion is missing"},
	{"a version as text", NULL, "{\"schemaVersion\":\"2\"}", -EINVAL, "schemaVersion is no whole number"},
	{"nothing in it", NULL, "{\"schemaVersion\":2}", -EINVAL, "config is missing"},
	{"a type of something else", NULL, TYPED("text/html"), -EOPNOTSUPP, "its type is unknown: 'text/html'"},
	{"announced as something else", "text/html", MANIFEST(""), -EOPNOTSUPP, "its type is unknown: 'text/html'"},
	{"a Helm chart", NULL, WITH_CONFIG(DESCRIPTOR("application/vnd.cncf.helm.config.v1+json", "7")), -EOPNOTSUPP, "an artifact of type 'application/vnd.cncf.helm.config.v1+json'"},
	{"an artifact with its type", NULL, "{\"schemaVersion\":2,\"artifactType\":\"a/b\",\"config\":" DESCRIPTOR("application/vnd.oci.empty.v1+json", "2") ",\"layers\":[]}", -EOPNOTSUPP, "of type 'a/b'"},
	{"a foreign layer of Docker", NULL, WITH_LAYER(DESCRIPTOR("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "1")), -EOPNOTSUPP, "layers[1] is a foreign layer"},
	{"a foreign layer of OCI", NULL, WITH_LAYER(DESCRIPTOR("application/vnd.oci.image.layer.nondistributable.v1.tar", "1")), -EOPNOTSUPP, "layers[1] is a foreign layer"},
	{"an encrypted layer", NULL, WITH_LAYER(DESCRIPTOR("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "1")), -EOPNOTSUPP, "layers[1] is encrypted"},
	{"an unknown compression", NULL, WITH_LAYER(DESCRIPTOR("application/vnd.oci.image.layer.v1.tar+xz", "1")), -EOPNOTSUPP, "layers[1] is no layer of a kind"},
	{"a negative size", NULL, WITH_LAYER(DESCRIPTOR(MEDIA_OCI_LAYER, "-1")), -EINVAL, "layers[1].size is negative (-1)"},
	{"a huge size", NULL, WITH_LAYER(DESCRIPTOR(MEDIA_OCI_LAYER, "9223372036854775807")), -EINVAL, "layers[1].size is 9223372036854775807"},
	{"a size that fits no number", NULL, WITH_LAYER(DESCRIPTOR(MEDIA_OCI_LAYER, "18446744073709551616")), -EINVAL, "'size' is too big"},
	{"a fraction", NULL, WITH_LAYER(DESCRIPTOR(MEDIA_OCI_LAYER, "1.5")), -EINVAL, "layers[1].size is no whole number"},
	{"a size as text", NULL, WITH_LAYER(DESCRIPTOR(MEDIA_OCI_LAYER, "\"1\"")), -EINVAL, "layers[1].size is no whole number"},
	{"a huge configuration", NULL, WITH_CONFIG(DESCRIPTOR(MEDIA_OCI_CONFIG, "1000000000")), -EINVAL, "config.size is 1000000000"},
	{"no size", NULL, WITH_LAYER("{\"mediaType\":\"" MEDIA_OCI_LAYER "\",\"digest\":\"" DIGEST "\"}"), -EINVAL, "layers[1].size is missing"},
	{"no media type", NULL, WITH_LAYER("{\"digest\":\"" DIGEST "\",\"size\":1}"), -EINVAL, "layers[1].mediaType is missing"},
	{"a layer that is null", NULL, WITH_LAYER("null"), -EINVAL, "layers[1] is missing"},
	{"a layer that is a text", NULL, WITH_LAYER("\"" DIGEST "\""), -EINVAL, "layers[1] is no object"},
	{"CVE-2024-3727: a digest that is a path", NULL, WITH_DIGEST("\"sha256:../../../../../../../../../../../../../../../../../../../etc/passwd\""), -EINVAL, "layers[1].digest is no digest"},
	{"CVE-2024-3727: a digest without algorithm", NULL, WITH_DIGEST("\"" HEX "\""), -EINVAL, "layers[1].digest is no digest"},
	{"CVE-2024-3727: an empty digest", NULL, WITH_DIGEST("\"\""), -EINVAL, "layers[1].digest is no digest"},
	{"CVE-2024-3727: a short digest", NULL, WITH_DIGEST("\"sha256:00\""), -EINVAL, "it has 2 hexadecimal digits"},
	{"CVE-2024-3727: digits in capitals", NULL, WITH_DIGEST("\"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\""), -EINVAL, "not in lower case"},
	{"another algorithm", NULL, WITH_DIGEST("\"sha512:" HEX HEX "\""), -EOPNOTSUPP, "only sha256 is supported"},
	{"another algorithm of the configuration", NULL, WITH_CONFIG("{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"sha512:" HEX HEX "\",\"size\":1}"), -EOPNOTSUPP, "config.digest"},
	{"an entry whose digest is a path", NULL, WITH_ENTRY("sha256:../../etc/passwd"), -EINVAL, "manifests[1].digest is no digest"},
	{"an entry whose algorithm is a path", NULL, WITH_ENTRY("../sha512:" HEX), -EINVAL, "manifests[1].digest is no digest"},
	{"no digest", NULL, WITH_DIGEST("null"), -EINVAL, "layers[1].digest is missing"},
	{"a digest that is a number", NULL, WITH_DIGEST("7"), -EINVAL, "layers[1].digest is no text"},
	{"layers as an object", NULL, "{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", -EINVAL, "layers is no array"},
	{"a platform that is a text", NULL, WITH_ITEM("\"platform\":\"linux\""), -EINVAL, "manifests[0].platform is no object"},
	{"a platform with odd letters", NULL, WITH_ITEM("\"platform\":{\"os\":\"li nux\"}"), -EINVAL, "manifests[0].platform.os is no word"},
	{"annotations that are a list", NULL, WITH_ITEM("\"annotations\":[]"), -EINVAL, "manifests[0].annotations is no object"},
};

Test(manifest, bad)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct arena arena = {0};
		struct manifest manifest = {.item_count = 77};
		struct error err = {0};

		cr_expect_eq(manifest_parse(&arena, bad[i].announced, bad[i].text, strlen(bad[i].text), &manifest, &err), bad[i].result, "%s", bad[i].name);
		cr_expect(strstr(err.cause, bad[i].cause), "%s: %s", bad[i].name, err.cause);
		cr_expect_eq(err.code, -bad[i].result, "%s", bad[i].name);
		cr_expect_eq(manifest.item_count, 77, "%s", bad[i].name);
		cr_expect_eq(manifest_parse(&arena, bad[i].announced, bad[i].text, strlen(bad[i].text), &manifest, NULL), bad[i].result, "%s without an error to fill", bad[i].name);
		arena_done(&arena);
	}
}

static const struct {
	const char *media_type;
	enum layer_compression compression;
} layers[] = {
	{MEDIA_OCI_LAYER, LAYER_PLAIN}, {MEDIA_OCI_LAYER_GZIP, LAYER_GZIP}, {MEDIA_OCI_LAYER_ZSTD, LAYER_ZSTD},
	{MEDIA_DOCKER_LAYER, LAYER_PLAIN}, {MEDIA_DOCKER_LAYER_GZIP, LAYER_GZIP}, {"application/vnd.docker.image.rootfs.diff.tar.zstd", LAYER_ZSTD},
};

Test(manifest, fields)
{
	for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
		struct arena arena = {0};
		struct manifest manifest;
		struct error err = {0};
		char *text = arena_printf(&arena, "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER ",{\"mediaType\":\"%s\",\"digest\":\"" DIGEST "\",\"size\":1099511627776}]}", layers[i].media_type);

		cr_assert_eq(manifest_parse(&arena, NULL, text, strlen(text), &manifest, &err), 0, "%s: %s", layers[i].media_type, err.cause);
		cr_assert_eq(manifest.item_count, 2);
		cr_expect_str_eq(manifest.config.media_type, MEDIA_OCI_CONFIG);
		cr_expect_str_eq(manifest.config.digest.text, DIGEST);
		cr_expect_eq(manifest.config.size, 7);
		cr_expect_eq(manifest.items[0].compression, LAYER_GZIP);
		cr_expect_eq(manifest.items[1].compression, layers[i].compression, "%s", layers[i].media_type);
		cr_expect_eq(manifest.items[1].size, 1ULL << 40);
		arena_done(&arena);
	}
}

Test(manifest, too_much)
{
	struct arena arena = {0};
	struct manifest manifest;
	struct error err = {0};
	struct buf text = {0};

	buf_puts(&text, "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER);
	for (size_t i = 0; i < MANIFEST_LAYERS_MAX; i++)
		buf_puts(&text, "," LAYER);
	buf_puts(&text, "]}");
	cr_expect_eq(manifest_parse(&arena, NULL, text.text, text.size, &manifest, &err), -EINVAL);
	cr_expect_str_eq(err.cause, "layers has 501 items, and 500 are the most");
	while (text.size <= MANIFEST_SIZE_MAX)
		buf_puts(&text, "                                                                                                                          ");
	cr_expect_eq(manifest_parse(&arena, NULL, text.text, text.size, &manifest, &err), -EFBIG);
	cr_expect(strstr(err.cause, "4194304 are the most"), "%s", err.cause);
	buf_done(&text);
	arena_done(&arena);
}
