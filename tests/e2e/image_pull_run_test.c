/* When `carrel run` pulls, and what becomes of it. The program that pulls is a script of the test's: a copy of carrel that stands in a folder build/ looks for it there. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "e2e/images.h"
#include "e2e/registry.h"
#include "image/manifest.h"

HARNESS_SUITE(image_pull_run);

static const char *program;

/* The store has the layers and the record of "app", and its name is put there by the puller, or with `is_there` before. */
static void prepare(const char *puller, bool is_there)
{
	struct digest layer = images_add_layer("cp -a \"$ROOT\"/. .", LAYER_RANGE);

	(void)images_add("app", &(struct image){.command = IMAGE_TEXTS("echo", "ran")}, &layer, 1);
	if (!is_there)
		(void)harness_shell(harness_text("mv '%s'/refs/*app* hidden", images_store()));
	(void)harness_shell(harness_text("mkdir -p tree/build && cp '%s' tree/build/carrel && ln -sfn '%s/profiles' tree/profiles", harness_program(), harness_tree()));
	(void)harness_file("tree/build/carrel-image", harness_text("#!/bin/sh\necho \"puller: $*\" >&2\necho result\n%s\n", puller));
	(void)harness_shell("chmod 755 tree/build/carrel-image");
	program = harness_path("tree/build/carrel");
}

static const char *const bring = "mv \"$TEST/hidden\" \"$CARREL_ROOT/refs/docker.io%library%app:latest\"";

static struct harness_result run(const char *const *words)
{
	return harness_run(&(struct harness_run){.program = program, ENVIRONMENT(images_environment(), harness_text("TEST=%s", harness_tmp())), .argv = words});
}

static void expect_run(const char *name, const char *const *words, int status, const char *out, const char *err, const char *not_err)
{
	struct harness_result result = run(words);

	harness_expect_status(name, &result, status);
	cr_expect_str_eq(result.out, out, "%s: %s", name, result.out);
	if (err)
		harness_expect_err(name, &result, err);
	if (not_err)
		cr_expect_not(strstr(result.err, not_err), "%s: %s", name, result.err);
	harness_done(&result);
}
#define EXPECT(name, status, out, err, not_err, ...) expect_run(name, HARNESS_WORDS(__VA_ARGS__), status, out, err, not_err)

Test(image_pull_run, what_is_missing)
{
	harness_requires_subids();
	prepare(bring, false);
	EXPECT("never", 125, "", "hint: carrel pull app", "puller", "run", "--pull=never", "app");
	EXPECT("pulled", 0, "ran\n", "puller: pull --userns=auto -- app", NULL, "run", "app");
	EXPECT("there already", 0, "ran\n", NULL, "puller", "run", "app");
}

Test(image_pull_run, always)
{
	harness_requires_subids();
	prepare("true", true);
	EXPECT("anew", 0, "ran\n", "puller: pull --userns=auto -- app", NULL, "run", "--pull=always", "app");
	EXPECT("quietly", 0, "ran\n", "puller: pull --userns=auto --quiet -- app", NULL, "run", "-q", "--pull=always", "app");
	EXPECT("for one id", 0, "ran\n", "puller: pull --userns=single -- app", NULL, "run", "--pull=always", "--userns=single", "app");
	EXPECT("what is an id cannot be pulled", 125, "", "nobody knows where", "puller", "run", "--pull=always",
	    "sha256:0000000000000000000000000000000000000000000000000000000000000000");
}

/* What could run here is asked for by its platform, what could not is not fetched at all. */
Test(image_pull_run, for_a_platform)
{
	const char *const mine = platform_host().architecture;

	harness_requires_subids();
	prepare(bring, false);
	EXPECT("not to be run", 125, "", "--platform wants one for linux/mips64le, and this machine is linux/", "puller", "run", "--platform=linux/mips64le", "app");
	EXPECT("pulled", 0, "ran\n", harness_text("puller: pull --userns=auto --platform=linux/%s", mine), NULL, "run", "--platform", mine, "app");
	EXPECT("there already", 0, "ran\n", NULL, "puller", "run", "--platform", mine, "app");
}

Test(image_pull_run, failures)
{
	harness_requires_subids();
	prepare("exit 1", true);
	EXPECT("it is an error though the image is there", 125, "", "it could not be pulled", NULL, "run", "--pull=always", "app");
	EXPECT("a program's name", 125, "", "hint: a program of this machine stands behind  --  as in  carrel run -- ls", NULL, "run", "ls", "-l");
	EXPECT("no program's name", 125, "", "hint: `carrel images` lists", NULL, "run", "no-such-thing");
	EXPECT("a name with a tag is no program's", 125, "", "hint: `carrel images` lists", NULL, "run", "ls:1");
	EXPECT("an option is no reference", 125, "", "--all", "puller", "run", "@container", "--set", "filesystem.root=image:--all");
	(void)harness_shell("printf '#!/bin/sh\\nkill -TERM $$\\n' >tree/build/carrel-image");
	EXPECT("ended by a signal", 128 + SIGTERM, "", "was ended by a signal (Terminated)", NULL, "run", "other");
	(void)harness_shell("printf '#!/bin/sh\\ntrue\\n' >tree/build/carrel-image");
	EXPECT("it brought nothing", 125, "", "no image 'other'", NULL, "run", "other");
	(void)harness_shell("rm tree/build/carrel-image");
	EXPECT("it is missing", 125, "", "which pulls images, cannot be started", NULL, "run", "other");
}

/* What the user opened for the payload, and his input, are not the puller's. */
Test(image_pull_run, the_puller_has_nothing_of_ours)
{
	harness_requires_subids();
	prepare("ls /proc/self/fd >&2; cat >&2; " /* 3 is ls's own */ "exit 1", true);
	struct harness_result result = harness_run(&(struct harness_run){.program = "/bin/sh", .input = "secret\n",
	    ENVIRONMENT(images_environment()), ARGV("-c", "exec 7</etc/passwd; exec \"$0\" run --preserve-fds 7 other", program)});

	harness_expect_err("descriptors", &result, "puller: pull --userns=auto -- other\n0\n1\n2\n3\ncarrel: ");
	harness_done(&result);
}

Test(image_pull_run, ends_with_us)
{
	struct harness_started started;
	struct harness_result result;

	harness_requires_subids();
	prepare("touch \"$TEST/pulls\"; exec sleep 1000", true);
	started = harness_start(&(struct harness_run){.program = program, ENVIRONMENT(images_environment(), harness_text("TEST=%s", harness_tmp())), ARGV("run", "other")});
	cr_assert(harness_wait_for(harness_path("pulls"), 20000));
	cr_assert_eq(kill(started.pid, SIGKILL), 0);
	result = harness_finish(&started);
	cr_expect_eq(result.left_behind, 0, "the puller outlived us");
	harness_done(&result);
}

/* An index of this machine's and another's, by hand, as skopeo 1.9 makes none. */
static const char *push_index(const struct registry_server *server, const char *mine)
{
	const char *const names[] = {mine, "mips64le"};

	for (size_t i = 0; i < 2; i++)
		registry_push(server, registry_make_image(names[i], harness_text("cp -a \"$ROOT\"/. .; config --architecture=%s --os=linux --config.cmd=echo --config.cmd=%s", names[i], names[i])),
		    harness_text("multi:%s", names[i]));
	return harness_shell(harness_text(
	    "entry() { printf '{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:%%s\",\"size\":%%d,\"platform\":{\"os\":\"linux\",\"architecture\":\"%%s\"}}'"
	    " \"$(sha256sum <\"$1\" | cut -c 1-64)\" \"$(wc -c <\"$1\")\" \"$1\"; }\n"
	    "for i in %s mips64le; do curl -sS -f -H 'Accept: application/vnd.oci.image.manifest.v1+json' -o $i http://%s/v2/multi/manifests/$i; done\n"
	    "printf '{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[%%s,%%s]}' \"$(entry mips64le)\" \"$(entry %s)\" >index\n"
	    "curl -sS -f -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @index http://%s/v2/multi/manifests/all\n"
	    "printf %%s %s/multi:all",
	    mine, server->host, mine, server->host, server->host));
}

Test(image_pull_run, another_platform_takes_the_name)
{
	const char *const mine = platform_host().architecture;
	struct registry_server server;
	const char *name;

	harness_requires_subids();
	server = registry_start(&(const struct registry_spec){.tls = false});
	name = push_index(&server, mine);
	program = NULL;
	EXPECT("fetched for another machine", 0, harness_text("%s\n", name), NULL, NULL, "pull", "--platform=linux/mips64le", name);
	EXPECT("which this one does not run", 125, "", harness_text("hint: carrel run --platform linux/%s", mine), NULL, "run", name);
	EXPECT("the right one instead", 0, harness_text("%s\n", mine), harness_text("ewer image for %s", name), NULL, "run", "--platform", mine, name);
	EXPECT("which stays", 0, harness_text("%s\n", mine), NULL, "Pulling", "run", name);
	registry_stop(&server);
}

/* The whole way, by the real program. */
Test(image_pull_run, from_a_registry)
{
	struct registry_server server;
	const char *name;

	harness_requires_subids();
	server = registry_start(&(const struct registry_spec){.tls = false});
	registry_push(&server, registry_make_image("small", "cp -a \"$ROOT\"/. .; layer; echo hello >greeting; config --config.cmd=cat --config.cmd=/greeting"), "team/small:1");
	name = harness_text("%s/team/small:1", server.host);
	program = NULL;
	EXPECT("pulled", 0, "hello\n", NULL, NULL, "run", name);
	EXPECT("pulled anew", 0, "hello\n", NULL, NULL, "run", "--pull=always", name);
	registry_stop(&server);
	EXPECT("without the registry", 0, "hello\n", NULL, NULL, "run", name);
	EXPECT("always wants it", 125, "", "it could not be pulled", NULL, "run", "--pull=always", name);
}
