/* The administrator's policy. Its place is fixed, so that each case gets an /etc of its own: a copy, mounted over the host's in a user and a mount
 * namespace, in which the file belongs to root. */
#include <string.h>

#include "e2e/images.h"

HARNESS_SUITE(policy);

/* $1: what is done to the file, beside it; then the program and its words. The policy is on stdin. */
static const char enter[] =
	"prepare=$1; shift; etc=$(mktemp -d)\n"
	"mount -t tmpfs none \"$etc\" && { cp -r /etc/. \"$etc\" 2>/dev/null || true; } && rm -rf \"$etc/carrel\" && mkdir \"$etc/carrel\" || exit 1\n"
	"cat >\"$etc/carrel/policy.yaml\" && chmod 644 \"$etc/carrel/policy.yaml\"\n"
	"(cd \"$etc/carrel\" && eval \"$prepare\") && mount --rbind \"$etc\" /etc || exit 1\n"
	"exec \"$@\"\n";

static const struct policy_case {
	const char *name, *policy;
	const char *const *words;
	int status;
	const char *out, *err, *also; /* `also`: in stderr, too */
	const char *prepare;
} cases[] = {
	{"no policy", "", HARNESS_WORDS("run", "--", "true"), 0, NULL, NULL, NULL, "rm policy.yaml"},
	{"no folder", "", HARNESS_WORDS("run", "--", "true"), 0, NULL, NULL, NULL, "rm -r ../carrel && cd .."},
	{"below the ceilings", "ceilings: {open_files: 100, timeout: 1h}", HARNESS_WORDS("run", "--timeout", "1m", "--", "sh", "-c", "ulimit -n"), 0, "100\n", NULL, NULL, NULL},
	{"the plan says whose limit it is", "ceilings:\n  file_size: 1M", HARNESS_WORDS("run", "--dry-run", "--", "true"), 0, "1048576, rung: rlimit}  # /etc/carrel/policy.yaml:2", NULL, NULL, NULL},
	{"it ends what is above", "ceilings:\n  timeout: 300ms", HARNESS_WORDS("run", "--", "sleep", "20"), 143, NULL, "timeout of 300ms (/etc/carrel/policy.yaml:2)", NULL, NULL},
	{"memory of the whole sandbox", "ceilings:\n  memory: 64M\nrequire: [limits.memory]", HARNESS_WORDS("run", "--", "tail", "/dev/zero"), 137, NULL, "ended by the memory limit of 64M (/etc/carrel/policy.yaml:2)", NULL, NULL},
	{"above, on the command line", "ceilings:\n  timeout: 1h", HARNESS_WORDS("run", "--timeout", "2h", "--", "true"), 125, NULL,
	    "cannot use 'resources.timeout: 2h': it is above 1h, the ceiling on this machine (/etc/carrel/policy.yaml:2)\n  at:   command line --timeout", NULL, NULL},
	{"above, in a profile", "ceilings: {open_files: 100}\nmessage: ask desk@example.org", HARNESS_WORDS("run", "@build", "--", "true"), 125, NULL, "build.yaml:", "hint: ask desk@example.org", NULL},
	{"none", "ceilings: {tasks: 100}", HARNESS_WORDS("run", "--pids-limit", "-1", "--", "true"), 125, NULL, "'resources.tasks: none': it is above 100", NULL, NULL},
	{"--ulimit", "ceilings: {open_files: 100}", HARNESS_WORDS("run", "--ulimit", "nofile=50:101", "--", "true"), 125, NULL, "cannot use '--ulimit nofile=50:101': it is above 100", NULL, NULL},
	{"--ulimit below", "ceilings: {open_files: 100}", HARNESS_WORDS("run", "--ulimit", "nofile=50", "--", "sh", "-c", "ulimit -n"), 0, "50\n", NULL, NULL, NULL},
	{"network", "network: [none, nat]", HARNESS_WORDS("run", "--network", "host", "--", "true"), 125, NULL, "cannot use 'network.mode: host': this machine allows: none, nat", NULL, NULL},
	{"network, allowed", "network: [none, host]", HARNESS_WORDS("run", "--network", "host", "--", "true"), 0, NULL, NULL, NULL, NULL},
	{"keys", "keys: [description, resources.timeout]", HARNESS_WORDS("run", "--", "true"), 125, NULL, "cannot run without 'resources.timeout'", "at:   /etc/carrel/policy.yaml:1:21 (keys)", NULL},
	{"keys, set", "keys: [resources.timeout]", HARNESS_WORDS("run", "--timeout", "1m", "--", "true"), 0, NULL, NULL, NULL, NULL},
	{"profiles", "profiles: [default]", HARNESS_WORDS("run", "@build", "--", "true"), 125, NULL, "cannot use the profile 'build': this machine allows: default", NULL, NULL},
	{"profiles, the default one", "profiles: [default]", HARNESS_WORDS("run", "--", "true"), 0, NULL, NULL, NULL, NULL},
	{"profiles, a path", "profiles: [default]", HARNESS_WORDS("run", "@./default.yaml", "--", "true"), 125, NULL, "cannot use the profile './default.yaml'", NULL, NULL},
	{"profiles, the user's own", "profiles: [mine]", HARNESS_WORDS("run", "@mine", "--", "true"), 125, NULL, "it is your own, and this machine allows: mine", NULL, NULL},
	{"profiles, the machine's", "profiles: [/etc/carrel/profiles/*]", HARNESS_WORDS("run", "@site", "--", "echo", "ok"), 0, "ok", NULL, NULL, "mkdir profiles && echo 'extends: default' >profiles/site.yaml"},
	{"what is required", "require: [overlay.kernel, overlay.fuse]", HARNESS_WORDS("run", "--", "true"), 125, NULL, "/etc/carrel/policy.yaml:1", NULL, NULL},
	{"where images come from", "images: [\"docker.io/library/*\"]", HARNESS_WORDS("pull", "localhost:1/x"), 125, NULL, "does not allow images from there", "at:   /etc/carrel/policy.yaml:1", NULL},
	{"a mistake", "ceilings: {memroy: 1G}", HARNESS_WORDS("run", "--", "true"), 125, NULL, "unknown key\n  at:   /etc/carrel/policy.yaml:1:12 (ceilings.memroy)", "did you mean 'memory'?", NULL},
	{"a mistake, in a plan", "x", HARNESS_WORDS("run", "--dry-run", "--", "true"), 125, NULL, "a policy is a map", NULL, NULL},
	{"empty", "", HARNESS_WORDS("run", "--", "true"), 125, NULL, "it is empty", NULL, NULL},
	{"writable by others", "network: [none]", HARNESS_WORDS("run", "--", "true"), 125, NULL, "others than root may write it (mode 0646)", NULL, "chmod 646 policy.yaml"},
	{"a folder", "", HARNESS_WORDS("run", "--", "true"), 125, NULL, "not a regular file", NULL, "rm policy.yaml && mkdir policy.yaml"},
	{"a FIFO", "", HARNESS_WORDS("run", "--", "true"), 125, NULL, "not a regular file", NULL, "rm policy.yaml && mkfifo policy.yaml"},
	{"a symlink to nothing", "", HARNESS_WORDS("run", "--", "true"), 125, NULL, "cannot read the policy", NULL, "rm policy.yaml && ln -s nothing policy.yaml"},
	{"a root who is not mapped here", "", HARNESS_WORDS("run", "--", "true"), 125, NULL, "a policy is a map", NULL, "mount --bind /usr/lib/os-release policy.yaml"},
	{"doctor", "ceilings: {memory: 16G}\nnetwork: [none]", HARNESS_WORDS("doctor"), 0, "/etc/carrel/policy.yaml: ceilings memory 16G; network none", NULL, NULL, NULL},
	{"doctor, without one", "", HARNESS_WORDS("doctor"), 0, "none (/etc/carrel/policy.yaml is not there)", NULL, NULL, "rm policy.yaml"},
	{"doctor, a mistake", "ceilings: {memroy: 1G}", HARNESS_WORDS("doctor"), 1, "nothing runs until the administrator has mended it", NULL, NULL, NULL},
};

static struct harness_result run_under(const char *policy, const char *prepare, const char *const *words)
{
	const char *const *start = HARNESS_WORDS("-Urm", "sh", harness_file("enter", enter), prepare ? prepare : "true", harness_program());

	return harness_run(&(struct harness_run){.program = "/usr/bin/unshare", .argv = harness_words(start, words), .input = policy,
	    ENVIRONMENT(harness_text("XDG_CONFIG_HOME=%s", harness_path("config")), images_environment())});
}

Test(policy, is_obeyed_and_explained)
{
	harness_requires_program("unshare");
	(void)harness_file("config/carrel/profiles/mine.yaml", "extends: default\n");
	(void)harness_file("default.yaml", "extends: default\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct harness_result result = run_under(cases[i].policy, cases[i].prepare, cases[i].words);

		harness_expect_status(cases[i].name, &result, cases[i].status);
		if (cases[i].out)
			harness_expect_out(cases[i].name, &result, cases[i].out);
		if (cases[i].err)
			harness_expect_err(cases[i].name, &result, cases[i].err);
		if (cases[i].also)
			harness_expect_err(cases[i].name, &result, cases[i].also);
		harness_done(&result);
	}
}

/* Somebody else's file, in a namespace that knows somebody else. */
Test(policy, of_another_user)
{
	struct harness_result result;

	harness_requires_subids();
	result = harness_run(&(struct harness_run){.program = "/usr/bin/env", .cwd = harness_tree(), .input = "network: [none]",
	    ARGV("tests/in-ids", "unshare", "--mount", "sh", harness_file("enter", enter), "chown 5 policy.yaml", harness_program(), "run", "--", "true")});
	harness_expect_status("another's", &result, 125);
	harness_expect_err("another's", &result, "it belongs to the user 5 and not to root");
	harness_done(&result);
}

/* Where an image comes from counts when it is pulled and again when it is run. An id stands for all names of the image. */
Test(policy, images)
{
	struct digest layer = images_add_layer("cp -a \"$ROOT\"/. .", LAYER_RANGE);
	const struct image config = {.command = IMAGE_TEXTS("echo", "ran")};
	struct digest manifest = images_add("good/app", &config, &layer, 1);
	const char *id = harness_text("%.16s", digest_hex(&manifest));
	const char *archive = harness_shell("mkdir in; : >in/file; tar -cf in.tar -C in file; printf %s \"$PWD/in.tar\"");
	const char *files = harness_text("images: [\"%s\"]", archive);
	const struct policy_case images[] = {
		{"allowed", "images: [docker.io/good/*]", HARNESS_WORDS("run", "--userns", "single", "good/app"), 0, "ran\n", NULL, NULL, NULL},
		{"refused", "network: [none]\nimages: [docker.io/library/*]", HARNESS_WORDS("run", "good/app"), 125, NULL,
			"images from 'docker.io/good/app:latest' are not allowed on this machine (/etc/carrel/policy.yaml:2)", "at:   command line IMAGE", NULL},
		{"not even pulled", "images: [docker.io/library/*]\nmessage: ask desk@example.org", HARNESS_WORDS("run", "good/missing"), 125, NULL,
			"images from 'docker.io/good/missing:latest' are not allowed", "hint: ask desk@example.org", NULL},
		{"by its digits", "images: [docker.io/good/*]", HARNESS_WORDS("run", "--userns", "single", id), 0, "ran\n", NULL, NULL, NULL},
		{"by its digits, refused", "images: [docker.io/library/*]", HARNESS_WORDS("run", id), 125, NULL, "are not allowed on this machine", NULL, NULL},
		/* What an archive or the user calls an image does not change where it comes from. */
		{"another name", "images: [docker.io/library/*]", HARNESS_WORDS("tag", "good/app", "app"), 125, NULL, "does not allow it by any of its names", "at:   /etc/carrel/policy.yaml:1", NULL},
		{"another name, allowed", "images: [docker.io/good/*]", HARNESS_WORDS("tag", "good/app", "good/again"), 0, NULL, NULL, NULL, NULL},
		{"load", "images: [docker.io/library/*]", HARNESS_WORDS("load", "-i", archive), 125, NULL, "not from this file", "at:   /etc/carrel/policy.yaml:1", NULL},
		{"load, from stdin", "images: [docker.io/library/*]\nmessage: ask desk@example.org", HARNESS_WORDS("load"), 125, NULL, "not from this file", "hint: ask desk@example.org", NULL},
		{"load, allowed", files, HARNESS_WORDS("load", "--userns", "single", "-i", archive), 125, NULL, "no images", NULL, NULL},
		{"import", "images: [docker.io/library/*]", HARNESS_WORDS("import", archive, "app"), 125, NULL, "not from this file", NULL, NULL},
		{"import a directory", "images: [docker.io/library/*]", HARNESS_WORDS("import", harness_tree(), "app"), 125, NULL, "not from this file", NULL, NULL},
		{"import, allowed", files, HARNESS_WORDS("import", "--userns", "single", archive, "app"), 0, "sha256:", NULL, NULL, NULL},
		{"a policy without a word on images", "network: [none]", HARNESS_WORDS("run", "--userns", "single", "good/app"), 0, "ran\n", NULL, NULL, NULL},
	};

	harness_requires_program("unshare");
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct harness_result result = run_under(images[i].policy, NULL, images[i].words);

		harness_expect_status(images[i].name, &result, images[i].status);
		if (images[i].out)
			harness_expect_out(images[i].name, &result, images[i].out);
		if (images[i].err)
			harness_expect_err(images[i].name, &result, images[i].err);
		if (images[i].also)
			harness_expect_err(images[i].name, &result, images[i].also);
		harness_done(&result);
	}
}
