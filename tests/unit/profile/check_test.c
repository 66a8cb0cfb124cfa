#include "profile/profile.h"

#include <criterion/criterion.h>

#include "unit/profile/folder.h"

Test(check, across_keys)
{
	static const struct {
		const char *name, *yaml, *error; /* NULL: it is good */
	} cases[] = {
		{"good", "extends: base\n", NULL},
		{"no call at all", "description: x\n",
		 ":0:0 cannot use 'syscalls.allow': no system call is allowed, so that no program could start [write  extends: default  at the top, or  syscalls: {allow: [\"@docker-default\"]}]"},
		{"killed without a list", "syscalls: {default: kill}\n",
		 "p.yaml:1:21 cannot use 'syscalls.allow': no system call is allowed, so that no program could start [write  extends: default  at the top, or  syscalls: {allow: "
		 "[\"@docker-default\"]}]"},
		{"log without a list", "syscalls: {default: log}\n", NULL},
		{"two kinds", "extends: base\nfilesystem: {mounts: [{path: /x, from: /y, tmpfs: 1M}]}\n",
		 "p.yaml:2:23 cannot use 'filesystem.mounts: /x': more than one of from, tmpfs and content is given [an entry is a bind of the host's (from), a tmpfs or a file (content)]"},
		{"tmpfs and content", "extends: base\nfilesystem: {mounts: [{path: /x, content: y, tmpfs: 1M}]}\n",
		 "p.yaml:2:23 cannot use 'filesystem.mounts: /x': more than one of from, tmpfs and content is given [an entry is a bind of the host's (from), a tmpfs or a file (content)]"},
		{"mode of a tmpfs", "extends: base\nfilesystem: {mounts: [{path: /x, tmpfs: 1M, mode: rw}]}\n",
		 "p.yaml:2:51 cannot use 'filesystem.mounts: /x': mode is for binds of the host's files [a tmpfs is writable; permission bits are file_mode]"},
		{"file_mode of a bind", "extends: base\nfilesystem: {mounts: [{path: /x, file_mode: 0755}]}\n",
		 "p.yaml:2:45 cannot use 'filesystem.mounts: /x': file_mode is for a tmpfs or a file with content, and this is a bind of the host's files []"},
		{"optional tmpfs", "extends: base\nfilesystem: {mounts: [{path: /x, tmpfs: 1M, optional: true}]}\n",
		 "p.yaml:2:55 cannot use 'filesystem.mounts: /x': it has no source that could be missing, so that optional has no meaning []"},
		{"optional tmpfs at a variable", "extends: base\nfilesystem: {mounts: [{path: $SCRATCH, tmpfs: 1M, optional: true}]}\n", NULL},
		{"the root as a mount", "extends: base\nfilesystem: {mounts: [{path: /, from: /srv}]}\n",
		 "p.yaml:2:30 cannot use 'filesystem.mounts: /': the root itself is not a mount of the list [it is chosen by filesystem.root]"},
		{"the root hidden", "extends: base\nfilesystem: {hide: [/]}\n", "p.yaml:2:21 cannot use 'filesystem.hide: /': this is the root itself [see filesystem.root and filesystem.writes]"},
		{"unknown call", "extends: base\nsyscalls: {allow: [opneat]}\n", "p.yaml:2:20 cannot use 'syscalls.allow: opneat': no system call has this name [did you mean 'openat'?]"},
		{"unknown denied call", "extends: base\nsyscalls: {deny: [zzzzz]}\n", "p.yaml:2:19 cannot use 'syscalls.deny: zzzzz': no system call has this name []"},
		{"unknown errno", "extends: base\nsyscalls: {default: EOOPS}\n",
		 "p.yaml:2:21 cannot use 'syscalls.default: EOOPS': it is not an action: no error of the kernel has this name [write allow, log, kill or an errno such as EPERM or ENOSYS]"},
		{"unknown call in a rule", "extends: base\nsyscalls: {rules: [{call: ioctll, action: EPERM}]}\n",
		 "p.yaml:2:27 cannot use 'syscalls.rules: ioctll': no system call has this name [did you mean 'ioctl'?]"},
		{"argument without value", "extends: base\nsyscalls: {rules: [{call: ioctl, arg: 1, action: EPERM}]}\n",
		 "p.yaml:2:20 cannot use 'syscalls.rules: ioctl': arg and equals belong together, and one of them is missing []"},
		{"mask alone", "extends: base\nsyscalls: {rules: [{call: ioctl, mask: 1, action: EPERM}]}\n",
		 "p.yaml:2:40 cannot use 'syscalls.rules: ioctl': a mask without arg and equals has no meaning []"},
		{"never equal", "extends: base\nsyscalls: {rules: [{call: ioctl, arg: 1, mask: 0xf, equals: 0x10, action: EPERM}]}\n",
		 "p.yaml:2:61 cannot use 'syscalls.rules: ioctl': equals has bits that the mask takes away, so that it never holds []"},
		{"capability", "extends: base\ncapabilities: [CAP_CHOWNN]\n", "p.yaml:2:16 cannot use 'capabilities: CAP_CHOWNN': no capability has this name [did you mean 'cap_chown'?]"},
		{"capability without its prefix", "extends: base\ncapabilities: [net_rew]\n", "p.yaml:2:16 cannot use 'capabilities: net_rew': no capability has this name [did you mean 'net_raw'?]"},
		{"ports without a network", "extends: base\nnetwork: {publish: [80]}\n",
		 "p.yaml:2:21 cannot use 'network.publish: 80': ports are published from a private network only [write  network: {mode: nat, …}]"},
		{"ports", "extends: base\nnetwork: {mode: nat, publish: [\"80:80\"]}\n", NULL},
		{"memory_high", "extends: base\nresources: {memory: 1G, memory_high: 2G}\n",
		 "p.yaml:2:38 cannot use 'resources.memory_high': it is above resources.memory, so that it never matters []"},
	};
	struct folder folder;

	folder_init(&folder);
	folder_put(&folder, "base.yaml", "syscalls: {allow: [\"@docker-default\"]}\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = "p";
		struct profile *p = NULL;
		struct error err = {0};

		folder_put(&folder, "p.yaml", cases[i].yaml);
		cr_assert_eq(profile_load(&folder.search, &name, 1, &p, &err), 0, "%s: %s", cases[i].name, folder_error(&folder, &err));
		int r = profile_check(p, &err);
		cr_expect_eq(r < 0, cases[i].error != NULL, "%s: %s", cases[i].name, folder_error(&folder, &err));
		if (r < 0 && cases[i].error)
			cr_expect_str_eq(folder_error(&folder, &err), cases[i].error, "%s: %s", cases[i].name, folder_error(&folder, &err));
		profile_free(p);
	}
	folder_done(&folder);
}
