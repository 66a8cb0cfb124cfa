/* save, load and import, with skopeo, umoci and podman on the other side. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/harness.h"
#include "e2e/registry.h"

HARNESS_SUITE(archives);

/* Two layers, of which the second replaces one file and takes another away. */
static const char *small_image(void)
{
	return registry_make_image("small", "mkdir -p etc bin; cp $ROOT/bin/busybox bin/; ln -s busybox bin/sh; ln -s busybox bin/cat; ln -s busybox bin/ls; echo one >etc/motd; echo gone >etc/gone; layer\n"
					    "mkdir etc; echo two >etc/motd; : >etc/.wh.gone; config --config.cmd=cat --config.cmd=/etc/motd --config.env=GREETING=hello");
}

static void skopeo(const char *from, const char *to)
{
	(void)harness_shell(harness_text("skopeo --insecure-policy copy -q %s %s", from, to));
}

static const char *const *store_at(const char *name)
{
	static const char *kept[2];

	kept[0] = harness_text("CARREL_ROOT=%s", harness_path("%s", name));
	kept[1] = NULL;
	return kept;
}

static struct harness_result run_in(const char *store, const char *const *argv, const char *input)
{
	return harness_run(&(struct harness_run){.argv = argv, .env = store_at(store), .input = input});
}
#define IN(store, ...) run_in(store, HARNESS_WORDS(__VA_ARGS__), NULL)

static void good(const char *name, struct harness_result result, const char *out)
{
	harness_expect_status(name, &result, 0);
	if (out)
		harness_expect_out(name, &result, out);
	harness_done(&result);
}

static void bad(const char *name, struct harness_result result, const char *err)
{
	harness_expect_status(name, &result, 125);
	harness_expect_err(name, &result, err);
	harness_done(&result);
}

/* The digest of a layout's one manifest. */
static const char *manifest_of(const char *layout)
{
	return harness_shell(harness_text("skopeo inspect --format '{{.Digest}}' oci:%s:latest", layout));
}

static void expect_motd(const char *name, const char *store, const char *image)
{
	good(name, IN(store, "run", image), "two\n");
	good(name, IN(store, "run", image, "sh", "-c", "ls /etc; echo $GREETING"), "hello\n");
	struct harness_result result = IN(store, "run", image, "ls", "/etc");
	cr_expect_null(strstr(result.out, "gone"), "%s: the whiteout did not hold", name);
	harness_done(&result);
}

static const struct archive_case {
	const char *name, *transport, *pack; /* pack: how skopeo's archive is compressed afterwards */
} archives[] = {
	{"docker-archive", "docker-archive", "cat"},
	{"oci-archive", "oci-archive", "cat"},
	{"docker-archive, gzip", "docker-archive", "gzip -1"},
	{"oci-archive, zstd", "oci-archive", "zstd -q"},
	{"docker-archive, xz", "docker-archive", "xz -0"},
};

Test(archives, of_skopeo_are_loaded)
{
	const char *layout = small_image();

	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
		const struct archive_case *a = &archives[i];
		const char *store = harness_text("store-%zu", i);

		skopeo(harness_text("oci:%s:latest", layout), harness_text("%s:in-%zu.tar:docker.io/people/small:%zu", a->transport, i, i));
		(void)harness_shell(harness_text("%s <in-%zu.tar >in-%zu", a->pack, i, i));
		good(a->name, IN(store, "load", "-i", harness_path("in-%zu", i)), harness_text("Loaded image: people/small:%zu\n", i));
		expect_motd(a->name, store, harness_text("people/small:%zu", i));
	}
}

/* Out of an oci-archive into another, or into docker's kind, the manifest stays the same to the byte. */
Test(archives, are_saved_as_they_came)
{
	const char *layout = small_image();
	const char *digest = manifest_of(layout);

	harness_requires_subids();
	skopeo(harness_text("oci:%s:latest", layout), "oci-archive:in.tar:people/small:1");
	good("load", IN("store", "load", "-q", "-i", harness_path("in.tar")), "people/small:1");
	good("save oci", IN("store", "save", "--format", "oci-archive", "-o", harness_path("out.tar"), "people/small:1"), NULL);
	good("save docker", IN("store", "save", "-o", harness_path("docker.tar"), "people/small:1"), NULL);
	skopeo("oci-archive:out.tar", "oci:back:latest");
	cr_expect_str_eq(manifest_of(harness_path("back")), digest, "oci-archive: another manifest came back");
	(void)harness_shell(harness_text("cd back/blobs/sha256 && for blob in *; do cmp $blob '%s'/blobs/sha256/$blob || exit 1; done", layout));
	cr_expect_str_eq(harness_shell("skopeo list-tags docker-archive:docker.tar | grep -o 'people/small:1'"), "people/small:1\n", "docker-archive: the name is missing");
	good("load docker's", IN("second", "load", "-i", harness_path("docker.tar")), "Loaded image: people/small:1\n");
	good("save again", IN("second", "save", "--format", "oci-archive", "-o", harness_path("again.tar"), "people/small:1"), NULL);
	skopeo("oci-archive:again.tar", "oci:again:latest");
	cr_expect_str_eq(manifest_of(harness_path("again")), digest, "docker-archive: another manifest came back");
}

/* umoci's layouts have a tag for a name, which names nothing by itself: what came is told by its id. */
Test(archives, without_a_name_have_an_id)
{
	const char *layout = small_image();

	harness_requires_subids();
	(void)harness_shell(harness_text("tar -C '%s' -cf in.tar .", layout));
	good("load", IN("store", "load", "-i", harness_path("in.tar")), "Loaded image ID: sha256:");
}

Test(archives, go_through_pipes)
{
	harness_requires_subids();
	skopeo(harness_text("oci:%s:latest", small_image()), "oci-archive:in.tar:people/small:1");
	(void)harness_shell(harness_text("export CARREL_ROOT=$PWD/store; %s load -q <in.tar; %s save people/small:1 | CARREL_ROOT=$PWD/second %s load -q", harness_program(), harness_program(),
	    harness_program()));
	expect_motd("second", "second", "people/small:1");
}

Test(archives, are_read_by_podman)
{
	harness_requires_subids();
	harness_requires_program("podman");
	skopeo(harness_text("oci:%s:latest", small_image()), "oci-archive:in.tar:people/small:1");
	good("load", IN("store", "load", "-q", "-i", harness_path("in.tar")), NULL);
	good("save", IN("store", "save", "-o", harness_path("out.tar"), "people/small:1"), NULL);
	/* podman takes no long path for a runroot; migrate ends its pause process. */
	(void)harness_shell("r=$(mktemp -d /var/tmp/pr.XXXXXX); trap 'rm -rf $r' EXIT; p() { podman --root $PWD/podman --runroot $r --tmpdir $PWD/podman-tmp --storage-driver vfs --cgroup-manager cgroupfs \"$@\"; }\n"
			    "p load -q -i out.tar >loaded 2>&1 || { cat loaded >&2; exit 1; }; p system migrate >/dev/null 2>&1 || true");
	cr_expect(strstr(harness_slurp(harness_path("loaded")), "people/small:1"), "podman loaded something else");
}

/* docker save before version 25: a layer that two images share is a symlink in the second one's folder. */
Test(archives, of_old_dockers_are_loaded)
{
	harness_requires_subids();
	(void)harness_shell("mkdir -p tree/bin old/aaa old/bbb; cp $(command -v busybox) tree/bin/busybox; ln -s busybox tree/bin/echo; tar -C tree -cf old/aaa/layer.tar --owner 0 --group 0 .\n"
			    "ln -s ../aaa/layer.tar old/bbb/layer.tar; d=$(sha256sum old/aaa/layer.tar | cut -d' ' -f1)\n"
			    "printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"echo\",\"old\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}' $d >old/config.json\n"
			    "echo '[{\"Config\":\"config.json\",\"RepoTags\":[\"old:1\",\"older:2\"],\"Layers\":[\"bbb/layer.tar\"]}]' >old/manifest.json\n"
			    "tar -C old -cf old.tar bbb aaa config.json manifest.json");
	good("load", IN("store", "load", "-i", harness_path("old.tar")), "Loaded image: old:1\nLoaded image: older:2\n");
	good("run", IN("store", "run", "older:2"), "old\n");
}

static const struct wrong_case {
	const char *name, *script; /* makes "in" */
	const char *err;
} wrong[] = {
	{"empty", ": >in", "it is empty"},
	{"garbage", "head -c 100000 /dev/urandom >in", "cannot read the archive"},
	{"a directory", "mkdir in", "Is a directory"},
	{"cut", "tar -cf whole -C %s . && head -c 3000 whole >in", "archive"},
	{"a root filesystem", "mkdir -p r/etc; echo x >r/etc/motd; tar -C r -cf in .", "carrel import"},
	{"a large root filesystem", "mkdir r; seq 20001 | (cd r; xargs touch); tar -C r -cf in .", "no archive of images\n  hint: a root filesystem becomes an image by  carrel import"},
	{"a file that is not there", "echo '[{\"Config\":\"x.json\",\"RepoTags\":[\"a:1\"],\"Layers\":[]}]' >manifest.json; tar -cf in manifest.json", "'x.json', which is not in it"},
	{"a manifest that is none", "echo '{\"a\": 1}' >manifest.json; tar -cf in manifest.json", "manifest.json"},
	{"layers of another kind", "echo '[{\"Config\":\"x.json\",\"Layers\":[1]}]' >manifest.json; tar -cf in manifest.json", "Layers"},
	{"JSON too deep", "head -c 200000 /dev/zero | tr '\\0' '[' >manifest.json; tar -cf in manifest.json", "manifest.json"},
	{"an index of nothing", "echo '{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":3,\"digest\":\"sha256:"
				"0123456789012345678901234567890123456789012345678901234567890123\"}]}' >index.json; tar -cf in index.json", "which is not in it"},
	{"a blob under another's name", "mkdir -p blobs/sha256; echo hello >blobs/sha256/0123456789012345678901234567890123456789012345678901234567890123; tar -cf in blobs",
	    "0123456789012345678901234567890123456789012345678901234567890123"},
	{"a link to itself", "ln -s manifest.json manifest.json; tar -cf in manifest.json", "holds no images"},
};

Test(archives, that_are_wrong)
{
	const char *layout = small_image();

	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		(void)harness_shell(harness_text("rm -rf '%s'; mkdir '%s'", harness_path("w"), harness_path("w")));
		(void)harness_shell(harness_text("cd w; %s", strstr(wrong[i].script, "%s") ? harness_text("tar -cf whole -C '%s' . && head -c 3000 whole >in", layout) : wrong[i].script));
		bad(wrong[i].name, IN("store", "load", "-i", harness_path("w/in")), wrong[i].err);
	}
	good("nothing is named", IN("store", "images", "-q"), NULL);
	cr_expect_str_eq(harness_shell("ls store/refs store/layers"), "store/layers:\n\nstore/refs:\n", "something half done is visible");
	bad("a word", IN("store", "load", "in.tar"), "carrel load -i in.tar");
	bad("save what is not there", IN("store", "save", "nothing:1"), "nothing:1");
}

/* It is an archive of images, and large for another reason: no word of root filesystems. */
Test(archives, with_an_endless_layer)
{
	struct harness_result result;

	harness_requires_subids();
	(void)harness_shell("echo x >f; { tar -cf - f; head -c 300000000 /dev/zero; } | gzip -1 >layer\n"
			    "echo '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:"
			    "0123456789012345678901234567890123456789012345678901234567890123\"]}}' >config.json\n"
			    "echo '[{\"Config\":\"config.json\",\"RepoTags\":[\"a:1\"],\"Layers\":[\"layer\"]}]' >manifest.json; tar -cf in.tar config.json layer manifest.json");
	result = IN("store", "load", "-i", harness_path("in.tar"));
	harness_expect_status("endless", &result, 125);
	harness_expect_err("endless", &result, "behind the archive's end");
	cr_expect(!strstr(result.err, "root filesystem"), "%s", result.err);
	harness_done(&result);
}

Test(archives, that_cannot_be_written)
{
	harness_requires_subids();
	skopeo(harness_text("oci:%s:latest", small_image()), "oci-archive:in.tar:people/small:1");
	good("load", IN("store", "load", "-q", "-i", harness_path("in.tar")), NULL);
	struct harness_result result = harness_run(&(struct harness_run){ARGV("save", "people/small:1"), .env = store_at("store"), .terminal = true});
	harness_expect_status("terminal", &result, 125);
	harness_expect_out("terminal", &result, "-o FILE");
	harness_done(&result);
	bad("full disk", IN("store", "save", "-o", "/dev/full", "people/small:1"), "No space left");
	bad("no folder", IN("store", "save", "-o", harness_path("none/out.tar"), "people/small:1"), "none/out.tar");
	(void)harness_shell("mkdir out; cp in.tar out/old.tar");
	(void)harness_shell("f=$(ls store/blobs/sha256/* | xargs ls -S | head -n 1); rm $f");
	bad("a blob is missing", IN("store", "save", "-o", harness_path("out/old.tar"), "people/small:1"), "carrel pull");
	cr_expect_str_eq(harness_shell("ls -A out; cmp in.tar out/old.tar"), "old.tar\n", "a half written archive is left");
}

static const struct import_case {
	const char *name, *script; /* makes "in" of the folder "root" */
} imports[] = {
	{"plain", "tar -C root -cf in --owner 0 --group 0 ."},
	{"gzip", "tar -C root -czf in --owner 0 --group 0 ."},
	{"xz", "tar -C root -cJf in --owner 0 --group 0 ."},
	{"zstd", "tar -C root --zstd -cf in --owner 0 --group 0 ."},
	{"bzip2", "tar -C root -cjf in --owner 0 --group 0 ."},
	{"a directory", "ln -s root in"},
};

Test(archives, root_filesystems_are_imported)
{
	harness_requires_subids();
	(void)harness_shell("mkdir -p root/bin root/etc; cp $(command -v busybox) root/bin/busybox; for a in sh cat id stat; do ln -s busybox root/bin/$a; done; echo here >root/etc/motd\n"
			    "chmod 4755 root/bin/busybox; ln root/etc/motd root/etc/linked; chmod 700 root/etc");
	for (size_t i = 0; i < ARRAY_SIZE(imports); i++) {
		const char *name = imports[i].name;

		(void)harness_shell(harness_text("rm -f in; %s", imports[i].script));
		good(name, IN("store", "import", "-q", "-c", "CMD [\"cat\", \"/etc/motd\"]", "-c", "ENV A=b", harness_path("in"), harness_text("mine:%zu", i)), "sha256:");
		good(name, IN("store", "run", harness_text("mine:%zu", i)), "here\n");
		good(name, IN("store", "run", harness_text("mine:%zu", i), "stat", "-c", "%u %a %h", "/bin/busybox", "/etc/linked", "/etc"), "0 4755 1\n0 644 2\n0 700 ");
	}
	bad("names that are whiteouts", IN("store", "import", harness_shell("mkdir -p w; : >w/.wh.x; tar -C w -cf w.tar .; printf %s $PWD/w.tar")), ".wh.x");
	bad("nothing", IN("store", "import", "/dev/null"), "empty");
	bad("garbage", IN("store", "import", harness_file("garbage", "this is no archive of anything")), "archive");
	bad("a bad change", IN("store", "import", "-c", "RUN make", harness_path("in"), "mine:9"), "RUN make");
	bad("a bad name", IN("store", "import", harness_path("in"), "Mine:9"), "Mine:9");
	good("through a pipe", run_in("store", HARNESS_WORDS("load", "--help"), NULL), "carrel load");
}

/* Names of 64 kB in an archive that is small as it comes: what is kept of it in memory has an end. */
Test(archives, long_names_are_counted)
{
	harness_requires_subids();
	harness_requires_program("python3");
	(void)harness_shell("python3 -c '\nimport tarfile\nt = tarfile.open(\"in.tar.gz\", \"w:gz\", compresslevel=1)\nfor i in range(500):\n"
			    "\ti = tarfile.TarInfo(\"%d\" % i + \"x\" * 65536)\n\tt.addfile(i)\nt.close()\n'");
	bad("long names", IN("store", "load", "-q", "-i", harness_path("in.tar.gz")), "names and small files come to more than 24 MB");
}

/* A window is memory: the allowed ones fit into the process that unpacks, also when they are full; of others the message says which they are. */
Test(archives, zstd_windows)
{
	static const char script[] = "mkdir -p r && head -c 20M /dev/urandom >r/data && tar -C r -cf - . | zstd -q -1 --long=%d >in.tar.zst";

	harness_requires_program("zstd");
	(void)harness_shell(harness_text(script, 24));
	good("16 MiB", IN("store", "import", "-q", "--userns", "single", harness_path("in.tar.zst"), "window:16"), "sha256:");
	(void)harness_shell(harness_text(script, 27));
	bad("128 MiB", IN("store", "import", "-q", "--userns", "single", harness_path("in.tar.zst"), "window:128"), "zstd: to read it takes a window of 134 MB in memory");
}

/* A `system prune` beside them, between any two of their steps, takes nothing that they rely on. Each rename is held up, as a busy disk might. (Traced, newuidmap has no privilege.) */
Test(archives, prune_beside_load_and_import)
{
	static const char *const commands[] = {"load -q --userns single -i in.tar", "import -q --userns single root.tar named:1"};

	harness_requires_program("strace");
	skopeo(harness_text("oci:%s:latest", small_image()), "docker-archive:in.tar:people/small:1");
	(void)harness_shell("mkdir root; echo here >root/motd; tar -C root -cf root.tar .");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		good(commands[i], harness_run(&(struct harness_run){.program = "/bin/sh", .env = store_at("store"), .timeout_ms = 30000,
			ARGV("-c", harness_text("strace -f -qq -o /dev/null -e trace=renameat,renameat2 -e inject=renameat,renameat2:delay_exit=60000 %s %s & job=$!\n"
						"while kill -0 $job 2>/dev/null; do %s system prune --force >/dev/null; done; wait $job", harness_program(), commands[i], harness_program()))}), NULL);
	good("loaded", IN("store", "run", "--userns", "single", "people/small:1"), "two\n");
	good("imported", IN("store", "export", "-o", harness_path("out.tar"), "named:1"), NULL);
}

/* index.json is written once for all names that an archive gives, which may be thousands. */
Test(archives, all_names_are_listed)
{
	harness_requires_subids();
	(void)harness_shell("printf '{\"rootfs\": {\"type\": \"layers\", \"diff_ids\": []}}' >c\n"
			    "printf '[{\"Config\": \"c\", \"RepoTags\": [\"a:1\", \"b:2\", \"c:3\"], \"Layers\": []}]' >manifest.json; tar -cf in.tar c manifest.json");
	good("load", IN("store", "load", "-q", "-i", harness_path("in.tar")), "a:1\nb:2\nc:3\n");
	cr_expect_str_eq(harness_shell("grep -o 'library/[a-c]:[1-3]' store/index.json | tr '\\n' ' '"), "library/a:1 library/b:2 library/c:3 ");
}

/* SIGKILL at any moment: the next command works, and the space comes back. */
Test(archives, killed_loads_leave_nothing)
{
	harness_requires_subids();
	skopeo(harness_text("oci:%s:latest", small_image()), "oci-archive:in.tar:people/small:1");
	for (int i = 0; i < 12; i++) {
		struct harness_started started = harness_start(&(struct harness_run){ARGV("load", "-q", "-i", harness_path("in.tar")), .env = store_at("store"), .leaves_processes = true});

		usleep((useconds_t)(i * 4000));
		(void)kill(started.pid, SIGKILL);
		struct harness_result result = harness_finish(&started);
		harness_done(&result);
	}
	usleep(200000); /* workers see the end of their socket */
	good("load", IN("store", "load", "-q", "-i", harness_path("in.tar")), "people/small:1");
	expect_motd("run", "store", "people/small:1");
	good("rmi", IN("store", "rmi", "people/small:1"), NULL);
	good("prune", IN("store", "system", "prune", "--force"), NULL);
	cr_expect_str_eq(harness_shell("find store/blobs store/layers store/tmp store/trash store/claims -mindepth 1 ! -path store/blobs/sha256 | head -n 5"), "", "space is not given back");
}
