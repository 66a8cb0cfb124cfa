/* Wrong values: each is refused at its place, with its cause and the next step. */
#include "profile/value.h"

#include <criterion/criterion.h>
#include <string.h>

#include "unit/profile/folder.h"

static const struct {
	const char *name, *yaml, *error;
} wrong[] = {
	{"unknown section", "filesytem: {}\n", "p.yaml:1:1 cannot use 'filesytem': unknown key [did you mean 'filesystem'?]"},
	{"unknown key", "resources:\n  memry: 4G\n", "p.yaml:2:3 cannot use 'resources.memry': unknown key [did you mean 'memory'?]"},
	{"key at the top", "memory: 4G\n", "p.yaml:1:1 cannot use 'memory': unknown key ['memory' belongs to 'resources']"},
	{"key in the wrong section", "process: {mounts: []}\n", "p.yaml:1:11 cannot use 'process.mounts': unknown key ['mounts' belongs to 'filesystem']"},
	{"nothing near", "zebra: 1\n", "p.yaml:1:1 cannot use 'zebra': unknown key [carrel-profile(5) and  carrel profile schema  have every key]"},
	{"unknown field", "filesystem:\n  mounts:\n    - {path: /tmp, tmpf: 1M}\n", "p.yaml:3:20 cannot use 'filesystem.mounts[0].tmpf': unknown key [did you mean 'tmpfs'?]"},
	{"section is a word", "network: none\n", "p.yaml:1:10 cannot use 'network: none': expected a map, found a text [write  network: {mode: none}]"},
	{"section is a list", "network: [none]\n", "p.yaml:1:10 cannot use 'network': expected a map, found a list []"},
	{"choice", "network: {mode: nta}\n", "p.yaml:1:17 cannot use 'network.mode: nta': it is none of none, nat, host [did you mean 'nat'?]"},
	{"choice is nothing", "network: {mode: }\n", "p.yaml:1:17 cannot use 'network.mode': expected a word, found nothing []"},
	{"choice is a list", "network: {mode: [none]}\n", "p.yaml:1:17 cannot use 'network.mode': expected a word, found a list []"},
	{"permission bits as mode", "filesystem: {mounts: [{path: /tmp, mode: 1777}]}\n",
	 "p.yaml:1:42 cannot use 'filesystem.mounts[0].mode: 1777': it is none of ro, rw, discard, keep [permission bits are written as file_mode]"},
	{"size", "resources: {memory: 4X}\n", "p.yaml:1:21 cannot use 'resources.memory: 4X': expected a size such as 512M, found a text []"},
	{"size negative", "resources: {memory: -1}\n", "p.yaml:1:21 cannot use 'resources.memory: -1': it is negative []"},
	{"size huge", "resources: {memory: 99999999P}\n", "p.yaml:1:21 cannot use 'resources.memory: 99999999P': the number is too large or has too many digits []"},
	{"size above", "resources: {memory: 2048T}\n", "p.yaml:1:21 cannot use 'resources.memory: 2048T': it is above the most, 1P []"},
	{"size below", "resources: {memory: 1K}\n", "p.yaml:1:21 cannot use 'resources.memory: 1K': it is below the least, 1M []"},
	{"size zero", "resources: {memory: 0}\n", "p.yaml:1:21 cannot use 'resources.memory: 0': it is below the least, 1M [leave the key out, or write none, for no limit]"},
	{"size is a list", "resources: {memory: [1G]}\n", "p.yaml:1:21 cannot use 'resources.memory': expected a size such as 512M, found a list []"},
	{"share of memory above all", "resources: {memory: 101%}\n", "p.yaml:1:21 cannot use 'resources.memory: 101%': it is more than 100% []"},
	{"share of nothing", "resources: {file_size: 50%}\n",
	 "p.yaml:1:24 cannot use 'resources.file_size: 50%': a percentage of what is not known [percentages are for memory, memory_high, swap, scratch and cpus]"},
	{"share of memory zero", "resources: {memory: 0%}\n", "p.yaml:1:21 cannot use 'resources.memory: 0%': it is below the least, 1M [leave the key out, or write none, for no limit]"},
	{"timeout zero", "resources: {timeout: 0}\n", "p.yaml:1:22 cannot use 'resources.timeout: 0': it is below the least, 1ms [leave the key out, or write none, for no limit]"},
	{"timeout with a colon", "resources: {timeout: 1:30}\n",
	 "p.yaml:1:22 cannot use 'resources.timeout: 1:30': a duration is not written with colons [write 1m30s for a minute and a half, 2h30m for two and a half hours]"},
	{"timeout null", "resources: {timeout: null}\n", "p.yaml:1:22 cannot use 'resources.timeout: null': expected a duration such as 90s or 2h30m, found nothing []"},
	{"cpus", "resources: {cpus: two}\n", "p.yaml:1:19 cannot use 'resources.cpus: two': expected a number such as 2 or 1.5, found a text []"},
	{"cpus zero", "resources: {cpus: 0}\n", "p.yaml:1:19 cannot use 'resources.cpus: 0': it is below the least, 0.01 [leave the key out, or write none, for no limit]"},
	{"number", "resources: {tasks: 1K}\n", "p.yaml:1:20 cannot use 'resources.tasks: 1K': expected a whole number, found a text []"},
	{"nice", "resources: {nice: 20}\n", "p.yaml:1:19 cannot use 'resources.nice: 20': it is above the most, 19 []"},
	{"umask", "process: {umask: 0028}\n", "p.yaml:1:18 cannot use 'process.umask: 0028': expected an octal number such as 0755 [digits from 0 to 7 only]"},
	{"umask large", "process: {umask: 1777}\n", "p.yaml:1:18 cannot use 'process.umask: 1777': it is above the most, 0777 []"},
	{"bool", "resources: {require: maybe}\n", "p.yaml:1:22 cannot use 'resources.require: maybe': expected true or false, found a text []"},
	{"root word", "filesystem: {root: hots}\n", "p.yaml:1:20 cannot use 'filesystem.root: hots': it is none of host, image, none, dir [did you mean 'host'?]"},
	{"root path", "filesystem: {root: /srv}\n", "p.yaml:1:20 cannot use 'filesystem.root: /srv': a directory is written with dir: before it [write dir:/path/to/the/root]"},
	{"root dir without path", "filesystem: {root: dir}\n", "p.yaml:1:20 cannot use 'filesystem.root: dir': the directory is missing [write dir:/path/to/the/root]"},
	{"root dir relative", "filesystem: {root: \"dir:x\"}\n", "p.yaml:1:20 cannot use 'filesystem.root: dir:x': the path is not absolute [begin it with /, ~/ or $PWD/]"},
	{"list is text", "environment: {inherit: TERM LANG}\n",
	 "p.yaml:1:24 cannot use 'environment.inherit: TERM LANG': expected a list, found a text [write it as a list: [A, B], or [] for an empty one]"},
	{"list is none", "capabilities: none\n", "p.yaml:1:15 cannot use 'capabilities: none': expected a list, found a text [write it as a list: [A, B], or [] for an empty one]"},
	{"list is a map", "capabilities: {chown: true}\n", "p.yaml:1:15 cannot use 'capabilities': expected a list, found a map []"},
	{"list of lists", "capabilities: [[chown]]\n", "p.yaml:1:16 cannot use 'capabilities[0]': expected a text, found a list []"},
	{"list with nothing", "capabilities: [chown, null]\n", "p.yaml:1:23 cannot use 'capabilities[1]: null': expected a text, found nothing []"},
	{"relative path", "filesystem: {hide: [.ssh]}\n", "p.yaml:1:21 cannot use 'filesystem.hide[0]: .ssh': the path is not absolute [begin it with /, ~/ or $PWD/]"},
	{"other's home", "filesystem: {hide: [~ada/x]}\n",
	 "p.yaml:1:21 cannot use 'filesystem.hide[0]: ~ada/x': only your own home may be named by ~ [write ~/… for your own home, or an absolute path]"},
	{"variable", "filesystem: {hide: [$PATH/x]}\n",
	 "p.yaml:1:21 cannot use 'filesystem.hide[0]: $PATH/x': it names a variable that paths may not use [$HOME, $PWD, $USER, $UID, $SCRATCH, $TMPDIR and $XDG_… may be used]"},
	{"braces", "filesystem: {hide: [\"${PWD}/x\"]}\n", "p.yaml:1:21 cannot use 'filesystem.hide[0]: ${PWD}/x': variables are written without braces [write $PWD/x instead of ${PWD}/x]"},
	{"mount without path", "filesystem: {mounts: [{tmpfs: 1M}]}\n", "p.yaml:1:23 cannot use 'filesystem.mounts[0]': the key 'path' is missing []"},
	{"mount is text", "filesystem: {mounts: [/tmp]}\n", "p.yaml:1:23 cannot use 'filesystem.mounts[0]: /tmp': expected a map such as {path: /tmp, …}, found a text []"},
	{"mounts is map", "filesystem: {mounts: {path: /tmp}}\n", "p.yaml:1:22 cannot use 'filesystem.mounts': expected a list of maps, found a map []"},
	{"rule argument", "syscalls: {rules: [{call: ioctl, arg: 6, action: EPERM}]}\n", "p.yaml:1:39 cannot use 'syscalls.rules[0].arg: 6': it is above the most, 5 []"},
	{"rule constant", "syscalls: {rules: [{call: ioctl, equals: TIOCSTY, action: EPERM}]}\n",
	 "p.yaml:1:42 cannot use 'syscalls.rules[0].equals: TIOCSTY': expected a number such as 0xff or a name such as TIOCSTI, found a text []"},
	{"rule octal", "syscalls: {rules: [{call: ioctl, equals: 0777, action: EPERM}]}\n",
	 "p.yaml:1:42 cannot use 'syscalls.rules[0].equals: 0777': expected a number such as 0xff or a name such as TIOCSTI, found a text []"},
	{"action", "syscalls: {default: deny}\n", "p.yaml:1:21 cannot use 'syscalls.default: deny': it is not an action [write allow, log, kill or an errno such as EPERM or ENOSYS]"},
	{"call", "syscalls: {allow: [Read]}\n", "p.yaml:1:20 cannot use 'syscalls.allow[0]: Read': the name of a system call consists of small letters, digits and _ []"},
	{"variable's value in inherit", "environment: {inherit: [A=b]}\n",
	 "p.yaml:1:25 cannot use 'environment.inherit[0]: A=b': the name of a variable consists of letters, digits and _; * stands for anything "
	 "[values belong into environment.set: {NAME: value}]"},
	{"empty variable", "environment: {set: {A: }}\n", "p.yaml:1:24 cannot use 'environment.set.A': expected a text, found nothing [write \"\" for an empty value]"},
	{"bad variable", "environment: {set: {1A: x}}\n", "p.yaml:1:21 cannot use 'environment.set.1A': the name of a variable does not begin with a digit []"},
	{"set is a list", "environment: {set: [A]}\n", "p.yaml:1:20 cannot use 'environment.set': expected a map of names and texts, found a list []"},
	{"guarantee", "require: [network.non]\n",
	 "p.yaml:1:11 cannot use 'require[0]: network.non': it is none of ids.range, landlock, limits.memory, limits.memory_high, limits.swap, limits.tasks, limits.cpus, limits.cpu_weight, "
	 "limits.cpuset, limits.io_read, limits.io_write, limits.io_weight, limits.scratch, limits.timeout, network.none, network.nat, "
	 "overlay.kernel, overlay.fuse, syscalls, keyring [did you mean 'network.none'?]"},
	{"keyring", "process: {keyring: mine}\n", "p.yaml:1:20 cannot use 'process.keyring: mine': it is none of own, none [did you mean 'none'?]"},
	{"host name", "process: {hostname: a_b}\n", "p.yaml:1:21 cannot use 'process.hostname: a_b': a host name consists of letters, digits, - and . []"},
	{"host name empty", "process: {hostname: \"\"}\n", "p.yaml:1:21 cannot use 'process.hostname': it is empty []"},
	{"user", "identity: {user: \"a b\"}\n", "p.yaml:1:18 cannot use 'identity.user: a b': it is not the form of a user [write self, root, image, a name, or numbers such as 1000 or 1000:100]"},
	{"port", "network: {publish: [99999]}\n",
	 "p.yaml:1:21 cannot use 'network.publish[0]: 99999': it is not the form of a published port [write 8080:80, 127.0.0.1:8080:80, [::1]:8080:80 or 5353:53/udp]"},
	{"description is a map", "description: {a: b}\n", "p.yaml:1:14 cannot use 'description': expected a text, found a map []"},
	{"extends is a list", "extends: [a, b]\n", "p.yaml:1:10 cannot use 'extends': expected the name or the path of a profile, found a list []"},
};

Test(value, wrong)
{
	struct folder folder;

	folder_init(&folder);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const char *name = "p";
		struct profile *profile = NULL;
		struct error err = {0};

		folder_put(&folder, "p.yaml", wrong[i].yaml);
		int r = profile_load(&folder.search, &name, 1, &profile, &err);
		cr_expect_lt(r, 0, "%s: it loads", wrong[i].name);
		cr_expect_null(profile, "%s", wrong[i].name);
		cr_expect_str_eq(folder_error(&folder, &err), wrong[i].error, "%s: %s", wrong[i].name, folder_error(&folder, &err));
		/* Nothing depends on there being somebody to tell. */
		cr_expect_eq(profile_load(&folder.search, &name, 1, &profile, NULL), r, "%s", wrong[i].name);
	}
	folder_done(&folder);
}

static const char good[] =
	"description: yes\n"
	"filesystem:\n"
	"  root: dir:~/root\n"
	"  mounts:\n"
	"    - {path: ~, tmpfs: 1.5G, file_mode: 0700, exec: No}\n"
	"    - path: /etc/motd\n"
	"      content: |\n"
	"        two\n"
	"        lines\n"
	"  hide: ~/.ssh\n"
	"resources: {memory: \"4G\", cpus: 1.25, timeout: 2h30m, tasks: none, core: 0, require: ON}\n"
	"syscalls:\n"
	"  rules: [{call: ioctl, arg: 1, mask: 0xFFFFFFFF, equals: TIOCSTI, action: EPERM}, {call: clone, action: log}]\n"
	"environment: {set: {COUNTRY: no, N: 1, E: \"\"}}\n"
	"process: {umask: 22}\n"
	"identity:\n"
	"network:\n"
	"  publish:\n";

static struct profile *load_good(void)
{
	struct folder folder;
	const char *name = "p";
	struct profile *p = NULL;
	struct error err = {0};

	folder_init(&folder);
	folder_put(&folder, "p.yaml", good);
	cr_assert_eq(profile_load(&folder.search, &name, 1, &p, &err), 0, "%s", folder_error(&folder, &err));
	folder_done(&folder);
	return p;
}

Test(value, filesystem)
{
	struct profile *p = load_good();

	cr_expect_str_eq(p->name, "p");
	cr_expect_str_eq(p->description.v, "yes");
	cr_expect_eq(p->filesystem.root.v, ROOT_DIR);
	cr_expect_str_eq(p->filesystem.root_argument.v, "~/root");
	cr_assert_eq(p->filesystem.mount_count, 2);
	const struct profile_mount *mount = p->filesystem.mounts;
	cr_expect_str_eq(mount[0].path.v, "~");
	cr_expect_eq(mount[0].tmpfs.v, 1536 << 20);
	cr_expect_eq(mount[0].file_mode.v, 0700);
	cr_expect_not(mount[0].exec.v);
	cr_expect_not(mount[0].optional.v);
	cr_expect_eq(mount[0].mode.v, MODE_RO);
	cr_expect_null(mount[0].from.v);
	cr_expect_eq(mount[0].at.line, 5);
	cr_expect_str_eq(mount[1].content.v, "two\nlines\n");
	cr_expect_eq(mount[1].tmpfs.v, -1);
	cr_expect(mount[1].exec.v);
	cr_assert_eq(p->filesystem.hide.count, 1);
	cr_expect_str_eq(p->filesystem.hide.items[0].v, "~/.ssh");
	profile_free(p);
}

Test(value, other_sections)
{
	struct profile *p = load_good();

	cr_expect_eq(p->resources.memory.v, (int64_t)4 << 30);
	cr_expect_eq(p->resources.memory.at.line, 11);
	cr_expect_eq(p->resources.memory.at.column, 21);
	cr_expect_eq(p->resources.cpus.v, 1250);
	cr_expect_eq(p->resources.timeout.v, 9000000);
	cr_expect_eq(p->resources.tasks.v, -1);
	cr_expect_not_null(p->resources.tasks.at.file);
	cr_expect_eq(p->resources.stack.v, -1);
	cr_expect_null(p->resources.stack.at.file);
	cr_expect_eq(p->resources.grace.v, 10000);
	cr_expect(p->resources.require.v);
	cr_assert_eq(p->syscalls.rule_count, 2);
	cr_expect_eq(p->syscalls.rules[0].equals.v, 0x5412);
	cr_expect_eq(p->syscalls.rules[0].mask.v, 0xffffffff);
	cr_expect_eq(p->syscalls.rules[1].arg.v, -1);
	cr_expect_eq((uint64_t)p->syscalls.rules[1].mask.v, UINT64_MAX);
	cr_expect_str_eq(p->syscalls.fallback.v, "ENOSYS");
	cr_assert_eq(p->environment.set_count, 3);
	cr_expect_str_eq(p->environment.set[0].value.v, "no");
	cr_expect_str_eq(p->environment.set[2].value.v, "");
	cr_expect_eq(p->process.umask.v, 022);
	cr_expect_str_eq(p->process.hostname.v, "carrel");
	cr_expect_eq(p->network.publish.count, 0);
	profile_free(p);
}
