/* carrel export, carrel pack, and carrel run of what pack has made. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/images.h"

HARNESS_SUITE(pack);

static const char *const overlays[] = {"kernel", "fuse"};

/* "app": busybox, and above it a layer that changes it. */
static void make_app(void)
{
	const struct image config = {
		.entrypoint = IMAGE_TEXTS("/bin/sh", "-c"),
		.command = IMAGE_TEXTS("echo $A from $(pwd)"),
		.environment = IMAGE_TEXTS("A=packed", "PATH=/bin"),
		.workdir = "/work/deep",
	};
	struct digest layers[2];

	layers[0] = images_add_layer("cp -a \"$ROOT\"/. .; echo base >which; echo base >gone; mkdir dir; echo base >dir/below; chmod 755 .", LAYER_RANGE);
	layers[1] = images_add_layer("echo above >which; : >.wh.gone; mkdir dir; : >dir/.wh..wh..opq; echo above >dir/new; ln dir/new dir/same; echo secret >secret; chmod 600 secret; mkdir -p work/deep; chmod 755 .", LAYER_RANGE);
	(void)images_add("app", &config, layers, 2);
}

static struct harness_result run_in(const char *store, const char *const *words)
{
	return harness_run(&(struct harness_run){ENVIRONMENT(harness_text("CARREL_ROOT=%s", store)), .argv = words});
}

static void expect_in(const char *name, const char *store, const char *const *words, int status, const char *out, const char *err)
{
	struct harness_result result = run_in(store, words);

	harness_expect_status(name, &result, status);
	if (out)
		harness_expect_out(name, &result, out);
	if (err)
		harness_expect_err(name, &result, err);
	cr_expect_eq(result.left_behind, 0, "%s: processes were left behind", name);
	harness_done(&result);
}
#define EXPECT(name, status, out, err, ...) expect_in(name, images_store(), HARNESS_WORDS(__VA_ARGS__), status, out, err)
#define EXPECT_ELSEWHERE(name, status, out, err, ...) expect_in(name, harness_path("other"), HARNESS_WORDS(__VA_ARGS__), status, out, err)

static void requires_squash(void)
{
	harness_requires_fuse();
	harness_requires_program("mksquashfs");
	harness_requires_program("squashfuse");
}

static void make_packed(void)
{
	requires_squash();
	make_app();
	EXPECT("pack", 0, NULL, NULL, "pack", "-q", "-o", "app.sqfs", "app");
}

Test(pack, export_is_what_a_run_shows)
{
	make_app();
	EXPECT("export", 0, NULL, NULL, "export", "-o", "app.tar", "app");
	const char *list = harness_shell("tar -tf app.tar | LC_ALL=C sort | grep -v '^\\(bin\\|etc\\|usr\\|proc\\|sys\\|dev\\|tmp\\|root\\|var\\)/' | tr '\\n' ' '");
	cr_expect_str_eq(list, "./ dir/ dir/new dir/same secret which work/ work/deep/ ", "%s", list);
	const char *content = harness_shell("tar -xOf app.tar which dir/new; tar -tvf app.tar secret dir/same");
	cr_expect(strstr(content, "above\nabove\n") && strstr(content, "-rw------- 0/0") && strstr(content, "dir/same link to dir/new"), "%s", content);
	struct harness_result again = run_in(images_store(), HARNESS_WORDS("export", "app"));
	harness_expect_status("to stdout", &again, 0);
	cr_expect_eq(memcmp(again.out, "./", 3), 0, "the root comes first");
	harness_done(&again);
	EXPECT("again", 0, NULL, NULL, "export", "-o", "again.tar", "app");
	(void)harness_shell("cmp app.tar again.tar");
	EXPECT("missing", 125, NULL, "no image 'missing'", "export", "-o", "missing.tar", "missing");
	cr_expect_neq(access(harness_path("missing.tar"), F_OK), 0, "nothing is left of what failed");
	struct harness_result terminal = harness_run(&(struct harness_run){ENVIRONMENT(images_environment()), ARGV("export", "app"), .terminal = true});
	harness_expect_status("terminal", &terminal, 125);
	harness_expect_out("terminal", &terminal, "terminal");
	harness_done(&terminal);
}

Test(pack, kept_sandboxes)
{
	make_app();
	for (size_t i = 0; i < ARRAY_SIZE(overlays); i++) {
		const char *name = harness_text("kept-%s", overlays[i]);

		EXPECT(overlays[i], 0, NULL, NULL, "run", "--name", name, "--overlay", overlays[i], "app", "rm -r /dir /which; mkdir /dir; echo mine >/dir/mine; chown 7:8 /dir/mine; mknod /fifo p");
		EXPECT(name, 0, NULL, NULL, "export", "-o", "kept.tar", name);
		const char *list = harness_shell("tar --numeric-owner -tvf kept.tar | grep -v ' \\(bin\\|etc\\|usr\\|proc\\|sys\\|dev\\|tmp\\|root\\|var\\)/' | sed 's/  *[0-9]* [0-9-]* [0-9:]* / /'");
		cr_expect(strstr(list, "dir/mine\n") && !strstr(list, "dir/new") && !strstr(list, "which") && strstr(list, "prw-r--r-- 0/0 fifo"), "%s: %s", name, list);
		EXPECT("rm", 0, NULL, NULL, "rm", name);
	}
	EXPECT("directory", 0, NULL, NULL, "run", "--name", "tree", "--rootfs", harness_root("busybox"), "sh", "-c", "echo mine >/mine");
	EXPECT("directory", 0, NULL, NULL, "export", "-o", "tree.tar", "tree");
	cr_expect_str_eq(harness_shell("tar -xOf tree.tar mine"), "mine\n");
	EXPECT("host", 0, NULL, NULL, "run", "--name", "host", "--set", "filesystem.writes=keep", "--", "true");
	EXPECT("host", 125, NULL, "the host's own tree", "export", "host");
}

/* Who parses a stranger's squashfs has no capability, no network and few system calls, also over the ids of the sandbox; and none of the user's files, where there
 * is Landlock. fuse-overlayfs has few system calls. */
Test(pack, servers_are_shut_in)
{
	struct harness_started run;
	struct harness_result result;
	const char *said;

	harness_requires_subids();
	make_packed();
	run = harness_start(&(struct harness_run){.timeout_ms = 20000, ENVIRONMENT(images_environment()),
		ARGV("run", "--overlay", "fuse", "-v", ".:/mnt", "./app.sqfs", "touch /mnt/ready; until test -e /mnt/go; do sleep 0.05; done")});
	cr_assert(harness_wait_for(harness_path("ready"), 10000));
	said = harness_shell(harness_text("for p in /proc/[0-9]*; do grep -qs '^PPid:.%d$' $p/status && grep -qs fuse $p/comm || continue\n"
		"grep -E '^(NoNewPrivs|Seccomp):' $p/status | tr -d '\\t\\n'; grep -q squashfuse $p/comm || { echo; continue; }\n"
		"grep -E '^(CapPrm|CapBnd)' $p/status | tr -d '\\t\\n'; test \"$(readlink $p/ns/net)\" = \"$(readlink /proc/self/ns/net)\" || echo ' alone'; done", (int)run.pid));
	cr_expect_str_eq(said, "NoNewPrivs:1Seccomp:2CapPrm:0000000000000000CapBnd:0000000000000000 alone\nNoNewPrivs:1Seccomp:2\n", "%s", said);
	(void)harness_file("go", "");
	result = harness_finish(&run);
	harness_expect_status("run", &result, 0);
	harness_done(&result);
}

Test(pack, runs_elsewhere)
{
	make_packed();
	const char *root = harness_shell("unsquashfs -lln app.sqfs | head -n 1");
	cr_expect(strstr(root, "drwxr-xr-x 0/0 "), "%s", root);
	for (size_t i = 0; i < ARRAY_SIZE(overlays); i++) {
		const char *overlay = overlays[i];

		EXPECT_ELSEWHERE(overlay, 0, "packed from /work/deep\n", NULL, "run", "--overlay", overlay, "./app.sqfs");
		EXPECT_ELSEWHERE(overlay, 0, "above\nnew\nsame\nsecret\nmine\n", NULL, "run", "--overlay", overlay, "app.sqfs",
		    "cat /which; ls /dir; cat /secret; test ! -e /gone && rm /dir/new && echo mine >/which && cat /which");
		/* Who owns nothing there: the kernel asks for ACLs then, which squashfs has not. */
		EXPECT_ELSEWHERE(overlay, 0, "above\n", NULL, "run", "--user", "1000", "--overlay", overlay, "app.sqfs", "cat /which");
		EXPECT_ELSEWHERE(overlay, 0, "above\n", "Read-only file system", "run", "--read-only", "--overlay", overlay, harness_path("app.sqfs"), "touch /x; cat /which");
	}
	EXPECT_ELSEWHERE("single", 0, "0 0 mine", NULL, "run", "--userns", "single", "./app.sqfs", "echo mine >/secret; stat -c '%u %g' /secret | tr '\\n' ' '; cat /secret");
	(void)harness_shell("ln -s app.sqfs link.sqfs");
	EXPECT_ELSEWHERE("symlink", 0, "packed", NULL, "run", "./link.sqfs");
	EXPECT_ELSEWHERE("kept", 0, NULL, NULL, "run", "--name", "kept", "./app.sqfs", "echo mine >/kept");
	EXPECT_ELSEWHERE("kept", 0, "mine", NULL, "run", "--name", "kept", "./app.sqfs", "cat /kept");
	EXPECT_ELSEWHERE("kept", 125, NULL, "squashfs file", "export", "kept");
	EXPECT("there already", 125, NULL, "--force", "pack", "-q", "-o", "app.sqfs", "app");
	EXPECT("force", 0, NULL, NULL, "pack", "-q", "--force", "--compression", "gzip", "-o", "app.sqfs", "app");
	EXPECT_ELSEWHERE("gzip", 0, "packed", NULL, "run", "./app.sqfs");
	EXPECT("stream", 125, NULL, "cannot pack into a stream", "pack", "-o", "-", "app");
}

Test(pack, files_that_lie)
{
	make_packed();
	(void)harness_shell("size=$(stat -c %s app.sqfs)\n"
	                    "head -c 100000 /dev/urandom >garbage.sqfs; : >empty.sqfs; mkfifo fifo.sqfs; mkdir folder.sqfs\n"
	                    "head -c 50000 app.sqfs >cut.sqfs\n"
	                    "{ head -c 96 app.sqfs; head -c $((size - 96)) /dev/zero; } >hollow.sqfs\n"
	                    "lie() { cp app.sqfs \"$1.sqfs\"; printf \"$3\" | dd of=\"$1.sqfs\" bs=1 seek=$((size - $2)) conv=notrunc status=none; }\n"
	                    "lie version 24 '\\377'; lie size 20 '\\377\\377\\377\\177'; lie larger 20 '\\377\\377\\0\\0'; lie nothing 20 '\\0\\0\\0\\0'; lie place 16 '\\1\\0'; lie used 8 '\\1'\n"
	                    "lie record 40 'evil\\n'\n"
	                    "head -c $((size - 32)) app.sqfs >foreign.sqfs");
	static const struct {
		const char *name, *err;
	} cases[] = {
		{"garbage", "it is no squashfs file"}, {"empty", "it is no squashfs file"}, {"fifo", "it is no regular file"}, {"folder", "it is no regular file"}, {"cut", "it is cut short"},
		{"hollow", "its files cannot be read"}, {"version", "another kind"}, {"size", "does not fit"}, {"larger", "does not fit"}, {"nothing", "does not fit"}, {"place", "does not fit"},
		{"used", "does not fit"}, {"record", "record"}, {"missing", "No such file"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_ELSEWHERE(cases[i].name, 125, NULL, cases[i].err, "run", harness_text("./%s.sqfs", cases[i].name), "true");
	EXPECT_ELSEWHERE("foreign", 0, "above", NULL, "run", "./foreign.sqfs", "cat", "/which");
	EXPECT_ELSEWHERE("foreign has no command", 125, NULL, "no command", "run", "./foreign.sqfs");
}

/* squashfs stores no POSIX ACLs. */
Test(pack, lost_access_lists)
{
	static const struct {
		const char *name, *script, *note; /* NULL: none */
	} cases[] = {
		{"none", "mkdir d; echo x >d/file; setfattr -n user.a -v b d/file 2>/dev/null || :; chmod 750 d/file", NULL},
		{"file", "mkdir d; echo x >d/file; echo x >d/other; setfacl -m u:0:r d/file d/other", "note: 'd/file' is packed without its access list"},
		{"directory", "mkdir d; echo x >d/file; setfacl -d -m u:0:r d", "note: 'd' is packed without its access list"},
		{"control characters", "f=$(printf 'a\\033b'); echo x >\"$f\"; setfacl -m u:0:r \"$f\"", "note: 'a\\x1bb' is"},
	};

	requires_squash();
	harness_requires_program("setfacl");
	if (strcmp(harness_shell(": >probe; setfacl -m u:0:r probe 2>/dev/null && echo yes || :"), "yes\n"))
		cr_skip_test("the filesystem keeps no access lists");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest layer = images_add_layer(harness_text("%s; chmod 755 .", cases[i].script), LAYER_RANGE);

		(void)images_add(harness_text("acl%zu", i), &(const struct image){.command = IMAGE_TEXTS("x")}, &layer, 1);
		struct harness_result result = run_in(images_store(), HARNESS_WORDS("pack", "-q", "-o", harness_text("%zu.sqfs", i), harness_text("acl%zu", i)));
		harness_expect_status(cases[i].name, &result, 0);
		if (cases[i].note)
			harness_expect_err(cases[i].name, &result, cases[i].note);
		const char *first = strstr(result.err, "note: ");
		cr_expect(!first == !cases[i].note && (!first || !strstr(first + 1, "note: ")), "%s: once, where there is one: %s", cases[i].name, result.err);
		harness_done(&result);
	}
}

/* The name leads to another file, and the run goes on with what it began with. */
Test(pack, replaced_while_it_runs)
{
	make_packed();
	const char *script = "cat /which; touch /shared/began; until test -e /shared/go; do sleep 0.05; done; cat /dir/same; ls /bin | wc -l";
	(void)harness_shell("mkdir shared; head -c 100000 /dev/urandom >other");
	struct harness_started started = harness_start(&(struct harness_run){
	    ENVIRONMENT(harness_text("CARREL_ROOT=%s", harness_path("other-store"))), ARGV("run", "-v", harness_text("%s:/shared", harness_path("shared")), "./app.sqfs", script)});
	cr_expect(harness_wait_for(harness_path("shared/began"), 20000));
	(void)harness_shell("mv other app.sqfs; : >shared/go");
	struct harness_result result = harness_finish(&started);
	harness_expect_status("replaced", &result, 0);
	harness_expect_out("replaced", &result, "above\nabove\n");
	harness_done(&result);
}

Test(pack, killed_launcher)
{
	make_packed();
	for (size_t i = 0; i < ARRAY_SIZE(overlays); i++) {
		(void)harness_shell("rm -rf shared; mkdir shared");
		struct harness_started started = harness_start(&(struct harness_run){ENVIRONMENT(harness_text("CARREL_ROOT=%s", harness_path("other"))),
		    ARGV("run", "--overlay", overlays[i], "-v", harness_text("%s:/shared", harness_path("shared")), "./app.sqfs", "touch /shared/began; sleep 100")});
		cr_expect(harness_wait_for(harness_path("shared/began"), 20000), "%s", overlays[i]);
		(void)kill(started.pid, SIGKILL);
		struct harness_result result = harness_finish(&started);
		cr_expect_eq(result.left_behind, 0, "%s: %d processes were left behind", overlays[i], result.left_behind);
		harness_done(&result);
	}
}
