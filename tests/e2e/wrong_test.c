/* Wrong input: each message names the object, the cause and, where there is one, the file, line and column. */
#include "e2e/harness.h"

HARNESS_SUITE(wrong);

static const struct harness_case settings[] = {
	{"an unknown key", ARGV("run", "--set", "filesystem.wrties=deny", "--", "true"), .status = 125, .err = "writes"},
	{"an unknown section", ARGV("run", "--set", "filesytem.writes=deny", "--", "true"), .status = 125, .err = "filesystem"},
	{"a section", ARGV("run", "--set", "filesystem=deny", "--", "true"), .status = 125, .err = "filesystem"},
	{"no value", ARGV("run", "--set", "filesystem.writes", "--", "true"), .status = 125, .err = "filesystem.writes"},
	{"an empty value", ARGV("run", "--set", "filesystem.writes=", "--", "true"), .status = 125, .err = "filesystem.writes"},
	{"a wrong word", ARGV("run", "--set", "filesystem.writes=alow", "--", "true"), .status = 125, .err = "command line --set"},
	{"a wrong type", ARGV("run", "--set", "filesystem.mounts=5", "--", "true"), .status = 125, .err = "filesystem.mounts"},
	{"a broken list", ARGV("run", "--set", "filesystem.hide=[a", "--", "true"), .status = 125, .err = "command line --set"},
	{"out of range", ARGV("run", "--set", "resources.open_files=1", "--", "true"), .status = 125, .err = "resources.open_files"},
	{"not a size", ARGV("run", "--set", "resources.file_size=1Q", "--", "true"), .status = 125, .err = "1Q"},
	{"not a duration", ARGV("run", "--timeout", "5 parsecs", "--", "true"), .status = 125, .err = "--timeout"},
	{"an unknown call", ARGV("run", "--set", "syscalls.deny=[opne]", "--", "true"), .status = 125, .err = "opne"},
	{"an unknown group", ARGV("run", "--set", "syscalls.deny=[\"@colck\"]", "--", "true"), .status = 125, .err = "@colck"},
	{"an unknown capability", ARGV("run", "--cap-add", "CAP_NONSENSE", "--", "true"), .status = 125, .err = "NONSENSE"},
	{"an unknown user", ARGV("run", "-u", "no-such-user", "--", "true"), .status = 125, .err = "no-such-user"},
	{"an unknown option", ARGV("run", "--netwrok", "none", "--", "true"), .status = 125, .err = "--network"},
	{"an option without its value", ARGV("run", "--user"), .status = 125, .err = "--user"},
	{"a relative path", ARGV("run", "-v", "a/b:c", "--", "true"), .status = 125, .err = "a/b:c"},
	{"no such root", ARGV("run", "@container", "--rootfs", "/no/such", "--", "true"), .status = 125, .err = "'/no/such' as the root"},
	{"a file as the root", ARGV("run", "@container", "--rootfs", "/etc/passwd", "--", "true"), .status = 125, .err = "'/etc/passwd' as the root"},
	{"an empty root", ARGV("run", "--set", "filesystem.root=none", "--", "/bin/true"), .status = 127, .err = "/bin/true"},
	{"a name with a slash", ARGV("run", "--name", "a/b", "--", "true"), .status = 125, .err = "a/b"},
	{"a name of dots", ARGV("run", "--name", "..", "--", "true"), .status = 125, .err = "'..'"},
	{"a wrong descriptor", ARGV("run", "--preserve-fds", "77", "--", "true"), .status = 125, .err = "77"},
	{"a working directory that is not there", ARGV("run", "-w", "/no/such", "--", "true"), .status = 125, .err = "/no/such"},
	{"a long working directory", ARGV("run", "-w", "/etc/passwd", "--", "true"), .status = 125, .err = "/etc/passwd"},
	{"what is not there yet", ARGV("run", "--network", "nat", "--", "true"), .status = 125, .err = "network.mode"},
	{"a guarantee that is not given", ARGV("run", "--set", "require=[limits.memory]", "--", "true"), .status = 125, .err = "limits.memory"},
	{"an image that is not here", ARGV("run", "--pull", "never", "no-such-image", "true"), .status = 125, .err = "hint: carrel pull no-such-image"},
	{"a program without a --", ARGV("run", "--pull", "never", "ls", "-l"), .status = 125, .err = "hint: a program of this machine stands behind  --  as in  carrel run -- ls"},
	{"Docker's option", ARGV("run", "--gpus", "all", "--", "true"), .status = 125, .err = "hint: --device  shows a node"},
	{"another tool's", ARGV("run", "--ro-bind", "/", "/", "--", "true"), .status = 125, .err = "hint: -v SRC:DEST:ro"},
	{"Docker's option that is off", ARGV("run", "--publish-all=false", "--oom-kill-disable=false", "--", "true"), .status = 0},
	{"what always is so", ARGV("run", "--sig-proxy=false", "--", "true"), .status = 125, .err = "cannot take --sig-proxy=false: it always is so"},
	{"what nothing reads", ARGV("run", "-l", "a=b", "--expose", "80", "--sig-proxy", "--log-driver=none", "--", "true"), .status = 0},
	{"an archive in an image's place", ARGV("run", "./text"), .status = 125, .err = "hint: an archive of images is for  carrel load -i ./text"},
	{"an address to import", ARGV("import", "https://example.org/x.tar", "x"), .status = 125, .err = "hint: curl -L https://example.org/x.tar | carrel import - NAME"},
	{"no reference", ARGV("run", "De bian"), .status = 125, .err = "De bian"},
	{"an image that nobody named", ARGV("run", "@container", "--", "true"), .status = 125, .err = "no image was given"},
	{"no interpreter", ARGV("run", "--", "./script"), .status = 126, .err = "interpreter"},
	{"not a program", ARGV("run", "--", "./text"), .status = 126, .err = "./text"},
	{"not executable", ARGV("run", "--", "./plain"), .status = 126, .err = "Permission denied"},
	{"an empty command", ARGV("run", "--", ""), .status = 125, .err = "the command is empty"},
};

Test(wrong, on_the_command_line)
{
	(void)harness_shell("printf '#!/no/such/shell\\n' >script; printf 'text\\n' >text; touch plain; chmod 755 script text");
	harness_table(settings, ARRAY_SIZE(settings));
}

/* Every message begins with the program's name, and says where. */
static const struct profile_case {
	const char *name, *text, *at, *err;
} profiles[] = {
	{"an unknown key", "filesystem:\n  writse: deny\n", "bad.yaml:2:3", "writes"},
	{"an unknown key in a list", "filesystem:\n  mounts:\n    - {path: /a, form: /b}\n", "bad.yaml:3:18", "from"},
	{"a wrong word", "filesystem: {writes: maybe}\n", "bad.yaml:1:22", "maybe"},
	{"a wrong type", "network: 5\n", "bad.yaml:1:10", "network"},
	{"a wrong number", "resources:\n  open_files: many\n", "bad.yaml:2:15", "many"},
	{"out of range", "resources: {nice: 40}\n", "bad.yaml:1:19", "19"},
	{"the same key twice", "network: {mode: none}\nnetwork: {mode: host}\n", "bad.yaml:2", "network"},
	{"no YAML", "filesystem: [\n", "bad.yaml:2", ""},
	{"a tab", "filesystem:\n\twrites: deny\n", "bad.yaml:2", ""},
	{"an unknown parent", "extends: no-such-profile\n", "bad.yaml:1:10", "no-such-profile"},
	{"itself as the parent", "extends: ./bad.yaml\n", "bad.yaml:1:10", "bad.yaml"},
	{"a missing variable", "extends: default\nfilesystem: {mounts: [{path: $NONSENSE/x, tmpfs: 1M}]}\n", "bad.yaml:2", "NONSENSE"},
	{"a guarantee", "extends: default\nrequire: [limits.memory]\n", "bad.yaml:2:11", "limits.memory"},
	{"a mount that fails", "extends: default\nfilesystem:\n  mounts:\n    - {from: /no/such, path: /mnt}\n", "bad.yaml:4", "/no/such"},
	{"a bad call", "extends: default\nsyscalls: {allow: [opne]}\n", "bad.yaml:2:20", "opne"},
	{"a list as a document", "- a\n", "bad.yaml:1", ""},
	{"a billion laughs", "a: &a [x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n",
		"bad.yaml", ""},
};

Test(wrong, in_a_profile)
{
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		const struct profile_case *c = &profiles[i];
		const char *path = harness_file("bad.yaml", c->text);
		struct harness_result result = HARNESS("run", "--profile", path, "--", "true");

		harness_expect_status(c->name, &result, 125);
		harness_expect_err(c->name, &result, c->at);
		harness_expect_err(c->name, &result, c->err);
		cr_expect(strncmp(result.err, "carrel: ", 8) == 0, "%s: %s", c->name, result.err);
		harness_done(&result);
	}
}

static const struct harness_case files[] = {
	{"no such file", ARGV("run", "--profile", "./no-such.yaml", "--", "true"), .status = 125, .err = "no-such.yaml"},
	{"a folder", ARGV("run", "--profile", "./folder", "--", "true"), .status = 125, .err = "folder"},
	{"unreadable", ARGV("run", "--profile", "./closed.yaml", "--", "true"), .status = 125, .err = "Permission denied"},
	{"an unknown name", ARGV("run", "@biuld", "--", "true"), .status = 125, .err = "build"},
	{"never by name from the working directory", ARGV("run", "@here", "--", "true"), .status = 125, .err = "here"},
	{"by path", ARGV("run", "--profile", "./here.yaml", "--", "echo", "ok"), .out = "ok"},
};

Test(wrong, profile_files)
{
	(void)harness_shell("mkdir folder && touch closed.yaml && chmod 0 closed.yaml && echo 'extends: default' >here.yaml");
	harness_table(files, ARRAY_SIZE(files));
}

/* Bad luck: a store without room, and somebody else's folder in the place of the runtime directory. */
Test(wrong, with_the_store)
{
	const char *root = harness_root("busybox");
	struct harness_result result;

	harness_requires_subids();
	result = harness_run(&(struct harness_run){.program = "/usr/bin/env", .cwd = harness_tree(),
		ARGV("tests/in-ids", "unshare", "--mount", "sh", "-c",
	        "mount -t tmpfs -o size=200k,mode=0777 full /mnt && mkdir /mnt/s && { head -c 1M /dev/zero >/mnt/filler 2>/dev/null; true; }; "
	        "CARREL_ROOT=/mnt/s/store \"$0\" run --userns single --rootfs \"$1\" --name n @container -- dd if=/dev/zero of=/big bs=100k count=10 conv=fsync",
	        harness_program(), root)});
	cr_expect_neq(result.status, 0, "a full store was not noticed");
	cr_expect(strstr(result.err, "No space left"), "%s", result.err);
	harness_done(&result);
	result = harness_run(&(struct harness_run){ENVIRONMENT("CARREL_ROOT=/proc/nowhere"), ARGV("run", "--name", "n", "--", "true")});
	harness_expect_status("a store that cannot be", &result, 125);
	harness_expect_err("a store that cannot be", &result, "/proc/nowhere");
	harness_done(&result);
}

static const struct harness_case runtime_dirs[] = {
	{"no XDG_RUNTIME_DIR", ARGV("run", "--", "echo", "ok"), ENVIRONMENT("XDG_RUNTIME_DIR"), .out = "ok"},
	{"one that is not there", ARGV("run", "--", "echo", "ok"), ENVIRONMENT("XDG_RUNTIME_DIR=/no/such"), .out = "ok"},
	{"a relative one", ARGV("run", "--", "echo", "ok"), ENVIRONMENT("XDG_RUNTIME_DIR=run"), .out = "ok"},
	{"somebody else's", ARGV("run", "--", "echo", "ok"), ENVIRONMENT("XDG_RUNTIME_DIR=/"), .out = "ok"},
};

Test(wrong, runtime_directory)
{
	harness_table(runtime_dirs, ARRAY_SIZE(runtime_dirs));
}
