/* carrel run IMAGE, from a store that the test fills. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/images.h"

HARNESS_SUITE(image_run);

/* Rows all run with the test's store. */
static void run_table(const struct harness_case *cases, size_t count)
{
	const char *const env[] = {images_environment(), NULL};

	for (size_t i = 0; i < count; i++) {
		struct harness_case row = cases[i];

		row.env = env;
		harness_table(&row, 1);
	}
}

static struct harness_result run_words(const char *const *words)
{
	return harness_run(&(struct harness_run){ENVIRONMENT(images_environment()), .argv = words});
}

static void expect(const char *name, const char *const *words, int status, const char *out, const char *err)
{
	struct harness_result result = run_words(words);

	harness_expect_status(name, &result, status);
	if (out)
		harness_expect_out(name, &result, out);
	if (err)
		harness_expect_err(name, &result, err);
	harness_done(&result);
}
#define EXPECT(name, status, out, err, ...) expect(name, HARNESS_WORDS(__VA_ARGS__), status, out, err)

/* "app": busybox, and above it a layer that changes it. */
static struct digest layers[2];

static void make_app(void)
{
	const struct image config = {
		.entrypoint = IMAGE_TEXTS("/bin/echo", "entry"),
		.command = IMAGE_TEXTS("of", "image"),
		.environment = IMAGE_TEXTS("A=image", "PATH=/opt/bin:/bin", "ODD=a b=c"),
		.volumes = IMAGE_TEXTS("/data", "/fresh/volume"),
		.ports = IMAGE_TEXTS("80/tcp", "53/udp"),
		.user = "ada:desk",
		.workdir = "/work/deep",
		.stop_signal = "SIGQUIT",
	};

	layers[0] = images_add_layer("cp -a \"$ROOT\"/. .; echo base >which; echo base >gone", LAYER_RANGE);
	layers[1] = images_add_layer("mkdir opt opt/bin data; echo above >which; echo kept >data/file; chmod 777 data; printf '#!/bin/sh\\nexec sh \"$@\"\\n' >opt/bin/special; chmod 755 opt/bin/special", LAYER_RANGE);
	(void)images_add("app", &config, layers, 2);
	(void)images_add("plain:1", &(struct image){.command = IMAGE_TEXTS("sh", "-c", "echo as \"$(id -un)\" in \"$PWD\"")}, layers, 2);
	(void)images_add("nothing", &(struct image){.user = NULL}, layers, 1);
}

static const struct harness_case combined[] = {
	{"as it is", ARGV("run", "app"), .out = "entry of image\n"},
	{"words take the place of the command", ARGV("run", "app", "x", "--rm"), .out = "entry x --rm\n"},
	{"behind --", ARGV("run", "app", "--", "x", "--", "y"), .out = "entry x -- y\n"},
	{"its full name", ARGV("run", "docker.io/library/app:latest"), .out = "entry of image\n"},
	{"an entrypoint", ARGV("run", "--entrypoint", "echo", "app", "x"), .out = "x\n", .not_out = "entry"},
	{"an entrypoint drops the command", ARGV("run", "--entrypoint", "echo", "app"), .out = "\n", .not_out = "image"},
	{"no entrypoint", ARGV("run", "--entrypoint", "", "app", "echo", "y"), .out = "y\n", .not_out = "entry"},
	{"no entrypoint, no command", ARGV("run", "--entrypoint=", "app"), .status = 125, .err = "no command specified"},
	{"no command at all", ARGV("run", "nothing"), .status = 125, .err = "hint: write  carrel run [OPTIONS] IMAGE COMMAND"},
	{"its variables", ARGV("run", "--entrypoint", "env", "app"), .out = "A=image\n"},
	{"odd variables", ARGV("run", "--entrypoint", "env", "app"), .out = "ODD=a b=c\n"},
	{"its PATH", ARGV("run", "--entrypoint", "special", "app", "-c", "echo $PATH"), .out = "/opt/bin:/bin\n"},
	{"the usual PATH", ARGV("run", "plain:1", "env"), .out = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"},
	{"-e wins", ARGV("run", "-e", "A=mine", "--entrypoint", "env", "app"), .out = "A=mine\n", .not_out = "A=image"},
	{"its user and group", ARGV("run", "--entrypoint", "id", "app"), .out = "uid=1000(ada) gid=50(desk)\n"},
	{"its user's groups", ARGV("run", "-u", "ada", "--entrypoint", "id", "app"), .out = "uid=1000(ada) gid=1000(ada) groups=50(desk)\n"},
	{"its user's home", ARGV("run", "--entrypoint", "env", "app"), .out = "HOME=/home/ada\n"},
	{"-u wins", ARGV("run", "-u", "daemon", "--entrypoint", "id", "app"), .out = "uid=1(daemon) gid=1(daemon)"},
	{"-u by number", ARGV("run", "-u", "7:9", "--entrypoint", "id", "app"), .out = "uid=7 gid=9"},
	{"its working directory is made", ARGV("run", "--entrypoint", "pwd", "app"), .out = "/work/deep\n"},
	{"so is another", ARGV("run", "-w", "/a/b/c", "--entrypoint", "sh", "app", "-c", "pwd; ls -ld ."), .out = "/a/b/c\ndrwxr-xr-x    2 root     root"},
	{"its volumes are made", ARGV("run", "-u", "root", "--entrypoint", "ls", "app", "-d", "/data", "/fresh/volume"), .out = "/data\n/fresh/volume\n"},
	{"layers lie over each other", ARGV("run", "plain:1", "cat", "/which", "/gone"), .out = "above\nbase\n"},
	{"root where nobody is named", ARGV("run", "plain:1"), .out = "as root in /\n"},
	{"writes are discarded", ARGV("run", "plain:1", "sh", "-c", "echo x >/which && cat /which && rm /gone"), .out = "x\n"},
	{"which the next run sees", ARGV("run", "plain:1", "cat", "/which", "/gone"), .out = "above\nbase\n"},
	{"read-only", ARGV("run", "--read-only", "plain:1", "sh", "-c", "touch /x; test ! -e /x && echo none"), .out = "none\n", .err = "Read-only file system"},
	{"a volume is not read-only", ARGV("run", "--read-only", "-u", "root", "--entrypoint", "sh", "app", "-c", "cat /data/file; echo w >/data/w && cat /data/w && touch /fresh/volume/f && touch /x"),
		.status = 1, .out = "kept\nw\n", .err = "/x: Read-only file system"},
	{"its place is made all the same", ARGV("run", "--read-only", "--entrypoint", "pwd", "app"), .out = "/work/deep\n"},
	{"in another profile", ARGV("run", "@strict", "plain:1", "sh", "-c", "id -u; cat /which; touch /x"), .status = 1, .out = "above\n", .err = "Read-only"},
	{"named by a profile", ARGV("run", "@container", "--set", "filesystem.root=image:app", "--", "x"), .out = "entry x\n"},
	{"with its command", ARGV("run", "@container", "--set", "filesystem.root=image:app"), .out = "entry of image\n"},
	{"--pull never", ARGV("run", "--pull", "never", "app"), .out = "entry of image\n"},
};

Test(image_run, combines_image_and_command_line)
{
	harness_requires_subids();
	make_app();
	run_table(combined, ARRAY_SIZE(combined));
	cr_expect_eq(access(harness_path("store/images.new"), F_OK), -1);
}

Test(image_run, by_its_digits)
{
	struct digest manifest;

	harness_requires_subids();
	make_app();
	manifest = images_add("other", &(struct image){.command = IMAGE_TEXTS("echo", "other")}, layers, 1);
	EXPECT("a digest", 0, "other\n", NULL, "run", manifest.text);
	EXPECT("its first digits", 0, "other\n", NULL, "run", harness_text("%.12s", digest_hex(&manifest)));
	EXPECT("an unknown digest is not pulled", 125, NULL, "nobody knows where", "run", "sha256:0000000000000000000000000000000000000000000000000000000000000000");
}

/* --- what is said of it ---------------------------------------------------------------------------------------------------------- */

Test(image_run, is_shown_by_dry_run)
{
	harness_requires_subids();
	make_app();
	EXPECT("the image", 0, "image:\n  reference: \"docker.io/library/app:latest\"  # command line IMAGE\n  manifest: sha256:", NULL, "run", "--dry-run", "app");
	EXPECT("what it is about", 0, "  volumes: [/data, /fresh/volume]\n  ports: [80/tcp, 53/udp]\n", NULL, "run", "--dry-run", "app");
	EXPECT("what ends it", 0, "  stop_signal: SIGQUIT  # the image\n", NULL, "run", "--dry-run", "app");
	EXPECT("its command", 0, "  command: [/bin/echo, entry, of, image]\n", NULL, "run", "--dry-run", "app");
	EXPECT("its volumes", 0, "    - {volume: /data}  # command line IMAGE\n", NULL, "run", "--dry-run", "--read-only", "app");
}

/* --- sandboxes that are kept -------------------------------------------------------------------------------------------------------- */

Test(image_run, kept_over_its_image_only)
{
	harness_requires_subids();
	make_app();
	EXPECT("the first", 0, "", NULL, "run", "--name", "one", "plain:1", "sh", "-c", "echo mine >/mine; rm /gone");
	EXPECT("again", 0, "mine\n", NULL, "run", "--name", "one", "plain:1", "sh", "-c", "cat /mine; test ! -e /gone");
	EXPECT("another image", 125, NULL, "what it keeps lies over docker.io/library/plain:1, not over docker.io/library/nothing:latest", "run", "--name", "one", "nothing", "true");
	EXPECT("another root", 125, NULL, "carrel rm one", "run", "--name", "one", "--rootfs", harness_root("busybox"), "true");
	(void)images_add("new", &(struct image){.command = IMAGE_TEXTS("true")}, layers, 1);
	(void)harness_shell(harness_text("cp '%s/refs/docker.io%%library%%new:latest' '%s/refs/docker.io%%library%%plain:1'", images_store(), images_store()));
	EXPECT("the name stands for another image now", 125, NULL, "what that name stands for now", "run", "--name", "one", "plain:1", "true");
	EXPECT("made room", 0, NULL, NULL, "rm", "one");
	EXPECT("anew", 0, "base\n", NULL, "run", "--name", "one", "plain:1", "cat", "/gone");
	EXPECT("a root of another kind", 0, NULL, NULL, "run", "--name", "two", "--rootfs", harness_root("busybox"), "touch", "/x");
	EXPECT("is no image's", 125, NULL, "a root that is no image's", "run", "--name", "two", "plain:1", "true");
}

/* --- ids -------------------------------------------------------------------------------------------------------------------------- */

static void make_owned(enum layer_owner owner)
{
	struct digest layer = images_add_layer("cp -a \"$ROOT\"/. .; echo x >of-daemon; chmod 640 of-daemon", owner);

	if (owner == LAYER_SINGLE) {
		images_record_owners(&layer);
		images_record_owner(&layer, "of-daemon", "1:1:0640");
	} else {
		(void)harness_shell(harness_text("cd '%s/layers/%s.range/tree' && '%s/tests/in-ids' chown 1:1 of-daemon etc", images_store(), digest_hex(&layer), harness_tree()));
	}
	(void)images_add("owned", &(struct image){.command = IMAGE_TEXTS("stat", "-c", "%u:%g:%a", "/of-daemon")}, &layer, 1);
}

Test(image_run, recorded_owners_are_seen_with_a_range)
{
	harness_requires_subids();
	harness_requires_fuse();
	make_owned(LAYER_SINGLE);
	EXPECT("by itself", 0, "1:1:640\n", "unpacked for a single id", "-v", "run", "owned");
	EXPECT("kernel, as named", 0, "0:0:640\n", NULL, "run", "--overlay", "kernel", "owned");
	EXPECT("one id", 0, "0:0:640\n", NULL, "run", "--userns", "single", "owned");
	EXPECT("one id, fuse", 0, "0:0:640\n", NULL, "run", "--userns", "single", "--overlay", "fuse", "owned");
}

Test(image_run, layers_of_a_range_with_one_id)
{
	harness_requires_subids();
	harness_requires_fuse();
	make_owned(LAYER_RANGE);
	EXPECT("a range", 0, "1:1:640\n", NULL, "run", "owned");
	EXPECT("one id, by itself", 0, "0:0:640\n", "fuse-overlayfs shows all of its files", "-v", "run", "--userns", "single", "owned");
	EXPECT("read-only", 0, "65534:65534:640\n", NULL, "run", "--userns", "single", "--read-only", "owned");
	EXPECT("one id", 0, "65534:65534:640\n", NULL, "run", "--userns", "single", "--overlay", "kernel", "owned");
	EXPECT("others' folders are changed", 0, "x\n", NULL, "run", "--userns", "single", "owned", "sh", "-c", "echo x >/etc/new && cat /etc/new");
	EXPECT("not by the kernel", 1, NULL, "Permission denied", "run", "--userns", "single", "--overlay", "kernel", "owned", "sh", "-c", "echo x >/etc/new");
}

/* As on a network filesystem, whose server refuses to give a file to another id (the guest with its home on NFS shows what happens then by itself). Who is no root can give
 * nothing away through his own fuse-overlayfs either. */
Test(image_run, a_store_where_nothing_is_given_away)
{
	harness_requires_subids();
	harness_requires_fuse();
	harness_requires_program("fusermount3");
	(void)harness_shell("mkdir lower upper work store tree && touch tree/file");
	struct harness_result result = harness_run(&(const struct harness_run){.program = "/bin/sh", ARGV("-c", "exec fuse-overlayfs -o lowerdir=lower,upperdir=upper,workdir=work store"), .leaves_processes = true});

	harness_expect_status("the filesystem", &result, 0);
	harness_done(&result);
	result = harness_run(&(const struct harness_run){ARGV("import", "--userns", "subids", "tree", "a:1"), ENVIRONMENT(harness_text("CARREL_ROOT=%s", harness_path("store/of-mine"))), .leaves_processes = true});
	harness_expect_status("for a range", &result, 125);
	harness_expect_err("for a range", &result, "lets no file belong to another id than yours");
	harness_expect_err("for a range", &result, "hint: leave --userns out");
	harness_done(&result);
	(void)harness_shell("fusermount3 -u store");
}

Test(image_run, its_user_with_one_id)
{
	harness_requires_subids();
	make_app();
	(void)images_add("number", &(struct image){.command = IMAGE_TEXTS("id", "-u"), .user = "1000"}, layers, 1);
	EXPECT("a name", 0, "uid=0(root)", "not as the image's user 'ada:desk'", "run", "--userns", "single", "--entrypoint", "id", "app");
	EXPECT("a number", 0, "1000\n", NULL, "run", "--userns", "single", "number");
}

/* --- a hundred layers ---------------------------------------------------------------------------------------------------------------- */

Test(image_run, a_hundred_layers)
{
	enum { COUNT = 100 };
	static const struct {
		const char *name, *overlay, *weak;
	} ways[] = {{"kernel", "kernel", ""}, {"a kernel before 6.5", "kernel", "lowerdir+"}, {"fuse", "fuse", ""}};
	const char *weak = harness_text("%.*s/tests/weak/build/carrel", (int)(strrchr(harness_program(), '/') - harness_program()), harness_program());
	struct digest all[COUNT];

	harness_requires_subids();
	harness_requires_fuse();
	harness_requires_kernel_overlay();
	all[0] = images_add_layer("cp -a \"$ROOT\"/. .", LAYER_RANGE);
	for (size_t i = 1; i < COUNT; i++)
		all[i] = images_add_layer(harness_text("echo %zu >top; echo %zu >layer-%zu", i, i, i), LAYER_RANGE);
	(void)images_add("deep", &(struct image){.command = IMAGE_TEXTS("sh", "-c", "cat /top /layer-1 /layer-99; ls -d /layer-* | wc -l; echo w >/top && cat /top")}, all, COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct harness_result result = harness_run(&(struct harness_run){.program = *ways[i].weak && access(weak, X_OK) == 0 ? weak : NULL,
		    ENVIRONMENT(images_environment(), harness_text("CARREL_WEAK=%s", ways[i].weak)), ARGV("run", "--overlay", ways[i].overlay, "deep")});

		harness_expect_status(ways[i].name, &result, 0);
		harness_expect_out(ways[i].name, &result, "99\n1\n99\n99\nw\n");
		harness_done(&result);
	}
}

/* --- wrong ---------------------------------------------------------------------------------------------------------------------------- */

static const struct harness_case wrong[] = {
	{"no reference", ARGV("run", "UPPER/case"), .status = 125, .err = "UPPER/case"},
	{"not here", ARGV("run", "--pull=never", "debian:12"), .status = 125, .err = "it is not here, and --pull never forbids to fetch it\n  at:   command line IMAGE (filesystem.root)\n  hint: carrel pull debian:12"},
	{"a program", ARGV("run", "--pull=never", "ls"), .status = 125, .err = "carrel run -- ls"},
	{"a wrong word", ARGV("run", "--pull=sometimes", "app"), .status = 125, .err = "it is none of always, missing, never"},
	{"nothing to pull", ARGV("run", "--pull=always", "--", "true"), .status = 125, .err = "the root is no image's"},
	{"an unknown user", ARGV("run", "-u", "nobody-here", "app"), .status = 125, .err = "/etc/passwd of the sandbox's root has no such user"},
	{"a user that is no id inside", ARGV("run", "-u", "4000000000", "plain:1"), .status = 125, .err = "these ids are not mapped"},
};

Test(image_run, wrong_words)
{
	harness_requires_subids();
	make_app();
	run_table(wrong, ARRAY_SIZE(wrong));
}

Test(image_run, without_a_store)
{
	EXPECT("never", 125, NULL, "it is not here", "run", "--pull=never", "app");
	cr_expect_eq(access(images_store(), F_OK), -1, "looking makes no store");
}

Test(image_run, a_broken_store)
{
	struct digest manifest;

	harness_requires_subids();
	make_app();
	manifest = images_add("broken", &(struct image){.command = IMAGE_TEXTS("true")}, layers, 2);
	(void)harness_shell(harness_text("mv '%s/layers/%s.range' moved", images_store(), digest_hex(&layers[1])));
	EXPECT("a layer is gone", 125, NULL, "hint: carrel pull broken", "run", "broken");
	(void)harness_shell(harness_text("mv moved '%s/layers/%s.range'", images_store(), digest_hex(&layers[1])));
	EXPECT("it is back", 0, NULL, NULL, "run", "broken");
	(void)harness_shell(harness_text("printf 'carrel-image 1\\nlayer ../../../etc\\n' >'%s/images/%s'", images_store(), digest_hex(&manifest)));
	EXPECT("a record that was tampered with", 125, NULL, "record", "run", "broken");
	(void)harness_shell(harness_text(": >'%s/images/%s'", images_store(), digest_hex(&manifest)));
	EXPECT("an empty record", 125, NULL, "hint: carrel pull", "run", "--pull=never", "broken");
	(void)harness_shell(harness_text("rm '%s/images/%s'; mkfifo '%s/images/%s'", images_store(), digest_hex(&manifest), images_store(), digest_hex(&manifest)));
	EXPECT("a FIFO in its place", 125, NULL, "carrel:", "run", "--pull=never", "broken");
	(void)harness_shell(harness_text("chmod 777 '%s'", images_store()));
	EXPECT("a store that others can write", 125, NULL, "others may write to it", "run", "app");
	(void)harness_shell(harness_text("chmod 700 '%s'", images_store()));
}

Test(image_run, for_another_machine)
{
	const bool is_arm = !strcmp(platform_host().architecture, "arm64");

	harness_requires_subids();
	make_app();
	(void)images_add("foreign", &(struct image){.platform = {.os = "linux", .architecture = is_arm ? "s390x" : "mips64le"}, .command = IMAGE_TEXTS("true")}, layers, 2);
	(void)images_add("windows", &(struct image){.platform = {.os = "windows", .architecture = "amd64"}, .command = IMAGE_TEXTS("true")}, layers, 2);
	EXPECT("another processor", 125, NULL, "hint: carrel run --platform linux/", "run", "foreign");
	EXPECT("another system", 125, NULL, "it is for windows/amd64", "run", "windows");
}

Test(image_run, for_a_platform_that_is_asked_for)
{
	struct arena arena = {0};
	struct platform host = platform_host();
	const char *const mine = platform_format(&arena, &host);

	harness_requires_subids();
	make_app();
	(void)images_add("stated", &(struct image){.platform = host, .command = IMAGE_TEXTS("echo", "mine")}, layers, 2);
	EXPECT("this machine's", 0, "mine\n", NULL, "run", "--platform", mine, "stated");
	EXPECT("its architecture alone", 0, "mine\n", NULL, "run", "--platform", host.architecture, "stated");
	EXPECT("an image that does not say", 0, "as root in /\n", NULL, "run", "--platform", mine, "plain:1");
	EXPECT("another, never pulled", 125, NULL, "--platform wants linux/mips64le\n", "run", "--pull=never", "--platform=linux/mips64le", "stated");
	EXPECT("what to do then", 125, NULL, "hint: carrel pull --platform linux/mips64le stated", "run", "--pull=never", "--platform=linux/mips64le", "stated");
	EXPECT("another tag", 125, NULL, "hint: of this repository there is plain:1", "run", "--pull=never", "plain");
	EXPECT("none", 125, NULL, "bad value for --platform: 'x-y' is no platform", "run", "--platform", "x-y", "stated");
	EXPECT("of no image", 125, NULL, "cannot choose a platform (--platform): the root is no image's", "run", "--platform", mine, "--", "true");
	arena_done(&arena);
}

/* docker run -u $(id -u):$(id -g) wants files that belong to the caller. */
Test(image_run, the_callers_number_is_another_user)
{
	const char *const me = harness_text("%u:%u", (unsigned)getuid(), (unsigned)getgid());

	harness_requires_subids();
	make_app();
	EXPECT("told", 0, harness_text("%s\n", me), "inside is not you: root inside is", "run", "-u", me, "plain:1", "sh", "-c", "echo $(id -u):$(id -g)");
	struct harness_result result = run_words(HARNESS_WORDS("run", "--userns=keep-id", "-u", me, "-v", harness_text("%s:/out", harness_tmp()), "plain:1", "touch", "/out/mine"));

	harness_expect_status("keep-id", &result, 0);
	cr_expect_null(strstr(result.err, "is not you"), "%s", result.err);
	cr_expect_eq(access(harness_path("mine"), W_OK), 0);
	harness_done(&result);
}

/* --- how it is ended ----------------------------------------------------------------------------------------------------------------- */

/* The signal that ended the wait is the status; a shell as process 1 of its own is not there, so no trap is needed. */
Test(image_run, the_timeout_asks_by_the_stop_signal)
{
	harness_requires_subids();
	make_app();
	(void)images_add("stops", &(struct image){.stop_signal = "SIGQUIT", .command = IMAGE_TEXTS("sleep", "1000")}, layers, 2);
	EXPECT("the image's", 128 + SIGQUIT, NULL, "ended by the timeout", "run", "--timeout=1s", "stops");
	EXPECT("another", 128 + SIGUSR1, NULL, "ended by the timeout", "run", "--timeout=1s", "--stop-signal", "usr1", "stops");
	EXPECT("none said", 128 + SIGTERM, NULL, "ended by the timeout", "run", "--timeout=1s", "plain:1", "sleep", "1000");
	EXPECT("no image", 128 + SIGINT, NULL, "ended by the timeout", "run", "--timeout=1s", "--stop-signal=2", "--", "sleep", "1000");
	EXPECT("no signal", 125, NULL, "bad value 'SIGNOT' for --stop-signal: there is no such signal", "run", "--stop-signal", "SIGNOT", "stops");
}

/* --- hostile ------------------------------------------------------------------------------------------------------------------------- */

/* CVE-2024-9676: what stands in the place of /etc/passwd is read by the runtime. */
Test(image_run, odd_account_files)
{
	static const struct {
		const char *name, *script, *err;
	} odd[] = {
		{"a FIFO", "mkfifo etc/passwd", "no regular file"},
		{"a folder", "mkdir etc/passwd", "no regular file"},
		{"huge", "truncate -s 2G etc/passwd", "File too large"},
		{"a symlink to a device", "ln -s /dev/zero etc/passwd", "/etc/passwd of the root"},
		{"a symlink out", "ln -s ../../../../../../../../etc/passwd etc/passwd", "cannot read /etc/passwd of the root"},
	};

	harness_requires_subids();
	make_app();
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const char *reference = harness_text("odd:%zu", i);
		struct digest both[] = {layers[0], images_add_layer(harness_text("mkdir etc; %s", odd[i].script), LAYER_RANGE)};

		(void)images_add(reference, &(struct image){.command = IMAGE_TEXTS("true"), .user = "carrel-test"}, both, 2);
		EXPECT(odd[i].name, 125, NULL, odd[i].err, "run", reference);
	}
}

/* CVE-2024-21626: a working directory by way of a descriptor that leaked. */
Test(image_run, working_directory_through_a_descriptor)
{
	harness_requires_subids();
	make_app();
	for (int fd = 3; fd < 12; fd++) {
		const char *reference = harness_text("leak:%d", fd), *workdir = harness_text("/proc/self/fd/%d", fd);

		(void)images_add(reference, &(struct image){.command = IMAGE_TEXTS("sh", "-c", "ls; pwd"), .workdir = workdir}, layers, 2);
		EXPECT(workdir, 125, "", workdir, "run", reference);
	}
	(void)images_add("up", &(struct image){.command = IMAGE_TEXTS("pwd"), .workdir = "/../../../work/../.."}, layers, 2);
	EXPECT("..", 0, "/\n", NULL, "run", "up");
	(void)images_add("sys", &(struct image){.command = IMAGE_TEXTS("pwd"), .volumes = IMAGE_TEXTS("/", "/proc", "/sys/x", "/dev/shm")}, layers, 2);
	EXPECT("volumes in places of ours", 0, "/\n", "left out", "-v", "run", "--read-only", "sys");
}

/* The lock on the record is the launcher's, and nothing of it reaches the payload. */
Test(image_run, is_held_while_it_runs)
{
	struct digest manifest;
	const char *record, *free_lock;
	struct harness_started started;
	struct harness_result result;

	harness_requires_subids();
	make_app();
	manifest = images_add("held", &(struct image){.command = IMAGE_TEXTS("sh", "-c", "ls /proc/self/fd; touch /out/runs; read -r _ </out/go; echo done")}, layers, 2);
	record = harness_path("store/images/%s", digest_hex(&manifest));
	free_lock = harness_text("flock -n -x '%s' true && echo free || echo held", record);
	(void)harness_shell("mkdir out; chmod 777 out; mkfifo out/go");
	started = harness_start(&(struct harness_run){ENVIRONMENT(images_environment()), ARGV("run", "-v", harness_text("%s:/out", harness_path("out")), "held")});
	cr_assert(harness_wait_for(harness_path("out/runs"), 20000));
	cr_expect_str_eq(harness_shell(free_lock), "held\n");
	(void)harness_shell("echo >out/go");
	result = harness_finish(&started);
	harness_expect_out("descriptors", &result, "0\n1\n2\n3\ndone\n"); /* 3 is the folder that ls reads */
	harness_done(&result);
	cr_expect_str_eq(harness_shell(free_lock), "free\n");
}
