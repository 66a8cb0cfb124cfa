/* What is mounted: each kind and mode, each kind of place that a mount point can be missing in, and nothing of it on the host afterwards. */
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(mounts);

/* In the scripts and options @ stands for harness_tmp(), where "source" has the file "f" and "project" is the working directory. */
static const struct mount_case {
	const char *name;
	const char *const *options;
	const char *script;
	int status;
	const char *out, *err;
} cases[] = {
	{"read-only", HARNESS_WORDS("-v", "@/source:/mnt:ro"), "cat /mnt/f; echo x >/mnt/f", 2, "text", "Read-only file system"},
	{"writable", HARNESS_WORDS("-v", "@/source:/mnt"), "echo w >/mnt/w && cat /mnt/w && rm /mnt/w", 0, "w\n", NULL},
	{"discarded", HARNESS_WORDS("-v", "@/source:/mnt:discard"), "echo w >/mnt/f && touch /mnt/n && cat /mnt/f", 0, "w\n", NULL},
	{"discarded by fuse", HARNESS_WORDS("--overlay", "fuse", "-v", "@/source:/mnt:discard"), "echo w >/mnt/f && touch /mnt/n && cat /mnt/f", 0, "w\n", NULL},
	{"two discarded by fuse", HARNESS_WORDS("--overlay", "fuse", "-v", "@/source:/mnt:discard", "-v", "@/source:/srv:discard"),
		"echo 1 >/mnt/f && echo 2 >/srv/f && cat /mnt/f /srv/f", 0, "1\n2\n", NULL},
	{"two discarded by the kernel", HARNESS_WORDS("--overlay", "kernel", "-v", "@/source:/mnt:discard", "-v", "@/source:/srv:discard"),
		"echo 1 >/mnt/f && echo 2 >/srv/f && cat /mnt/f /srv/f", 0, "1\n2\n", NULL},
	{"discarded, in a root of its own", HARNESS_WORDS("--set", "filesystem.root=none", "-v", "/usr:/usr:ro", "-v", "/lib:/lib:ro", "-v", "/lib64:/lib64:ro", "-v", "/bin:/bin:ro", "-v", "@/source:/data:discard"),
		"echo w >/data/f && cat /data/f", 0, "w\n", NULL},
	{"noexec", HARNESS_WORDS("-v", "@/source:/mnt:rw,noexec"), "cp /bin/true /mnt/t; /mnt/t; s=$?; rm /mnt/t; exit $s", 126, NULL, "Permission denied"},
	{"a single file", HARNESS_WORDS("-v", "@/source/f:/etc/hostname:ro"), "cat /etc/hostname", 0, "text\n", NULL},
	{"a single file, writable", HARNESS_WORDS("-v", "@/source/f:/etc/hostname"), "echo text >/etc/hostname && cat /etc/hostname", 0, "text\n", NULL},
	{"later covers earlier", HARNESS_WORDS("-v", "@/source:/mnt:ro", "--tmpfs", "/mnt"), "ls -A /mnt | wc -l", 0, "0\n", NULL},
	{"inside another", HARNESS_WORDS("--tmpfs", "/mnt", "-v", "@/source:/mnt/a/b:ro"), "cat /mnt/a/b/f", 0, "text\n", NULL},
	{"tmpfs: size", HARNESS_WORDS("--tmpfs", "/mnt:size=1m"), "head -c 3000000 /dev/zero >/mnt/x", 1, NULL, "No space left"},
	{"tmpfs: mode", HARNESS_WORDS("--tmpfs", "/mnt:mode=0710"), "stat -c %a /mnt && touch /mnt/x", 0, "710\n", NULL},
	{"a file with content",
		HARNESS_WORDS("--set", "filesystem.mounts=[{path: /etc/carrel.conf, content: \"a: 1\\n\", file_mode: 0640}]"),
		"cat /etc/carrel.conf; stat -c %a /etc/carrel.conf; echo x >/etc/carrel.conf", 2, "a: 1\n640\n", "Read-only file system"},
	{"optional and missing", HARNESS_WORDS("--set", "filesystem.mounts=[{from: /no/such, path: /mnt, optional: true}]"), "echo ok", 0, "ok\n", NULL},
	{"an unset variable, optional", HARNESS_WORDS("--set", "filesystem.mounts=[{from: $XDG_NOT_SET, path: /mnt, optional: true}]"), "echo ok", 0, "ok\n", NULL},
	{"an unset variable", HARNESS_WORDS("--set", "filesystem.mounts=[{from: $XDG_NOT_SET, path: /mnt}]"), "true", 125, NULL, "$XDG_NOT_SET is not set"},
	{"missing", HARNESS_WORDS("-v", "/no/such:/mnt"), "true", 125, NULL, "cannot mount '/no/such' at '/mnt': No such file"},
	{"a folder on a file", HARNESS_WORDS("-v", "@/source:/etc/passwd"), "true", 125, NULL, "is a directory and the other is not"},
	{"a file on a folder", HARNESS_WORDS("-v", "@/source/f:/etc"), "true", 125, NULL, "is a directory and the other is not"},
	{"below a file", HARNESS_WORDS("-v", "@/source:/etc/passwd/x"), "true", 125, NULL, "/etc/passwd/x"},
	{"at the root", HARNESS_WORDS("-v", "@/source:/"), "true", 125, NULL, "the root itself"},
	/* missing mount points */
	{"missing in /", HARNESS_WORDS("-v", "@/source:/zz/deep:ro"), "cat /zz/deep/f; ls -d /usr; touch /zz/x", 1, "text\n/usr\n", "Read-only file system"},
	{"a file missing in /", HARNESS_WORDS("-v", "@/source/f:/zz:ro"), "cat /zz; touch /x", 1, "text\n", "Read-only file system"},
	{"missing in a read-only folder", HARNESS_WORDS("-v", "@/source:/etc/zz/deep:ro"), "cat /etc/zz/deep/f; grep -c root: /etc/passwd; touch /etc/x", 1, "text\n1\n", "Read-only file system"},
	{"a file missing in one", HARNESS_WORDS("-v", "@/source/f:/usr/share/zz:ro"), "cat /usr/share/zz; ls -d /usr/share/doc", 0, "text\n/usr/share/doc\n", NULL},
	{"two missing in one", HARNESS_WORDS("-v", "@/source/f:/etc/z1:ro", "-v", "@/source/f:/etc/z2:ro"), "cat /etc/z1 /etc/z2", 0, "text\ntext\n", NULL},
	{"missing in the working directory", HARNESS_WORDS("-v", "@/source:@/project/new/deep:ro"), "cat new/deep/f; touch new/x", 1, "text\n", "Read-only file system"},
	{"a file missing there", HARNESS_WORDS("-v", "@/source/f:@/project/new:ro"), "cat new; rm new", 1, "text\n", "busy"},
	{"two missing there", HARNESS_WORDS("-v", "@/source:@/project/n/a:ro", "-v", "@/source:@/project/n/b:ro"), "cat n/a/f n/b/f", 0, "text\ntext\n", NULL},
	{"through /var/run", HARNESS_WORDS("-v", "@/source:/var/run/zz:ro"), "cat /run/zz/f", 0, "text\n", NULL},
	{"through a link out of the project", HARNESS_WORDS("-v", "@/source:@/project/link/zz:ro"), "cat /etc/zz/f", 0, "text\n", NULL},
	{"through a link to nowhere", HARNESS_WORDS("-v", "@/source:@/project/dangling/zz:ro"), "true", 125, NULL, "leads nowhere"},
	{"with odd letters", HARNESS_WORDS("--mount", "type=bind,source=@/o:d d\"\n,target=/mnt,readonly"), "ls -A /mnt", 0, "inside", NULL},
	/* what stands there always */
	{"dev", HARNESS_WORDS(NULL), "ls /dev; echo x >/dev/null; head -c2 /dev/zero | wc -c; ls -l /dev/fd/ >/dev/null; touch /dev/shm/x; ls /dev/sda /dev/mem /dev/kmsg 2>/dev/null; cat /etc/passwd >/dev/full", 1, "urandom", "No space left"},
	{"proc", HARNESS_WORDS(NULL), "ls /proc | grep -c '^[0-9]'; cat /proc/kcore | wc -c; echo 1 >/proc/sys/kernel/hostname; echo b >/proc/sysrq-trigger", 2, "0\n", "Read-only file system"},
	{"sys", HARNESS_WORDS(NULL), "ls /sys/class/net; ls -A /sys/firmware /sys/kernel/debug | grep -v : | wc -w; mkdir /sys/fs/cgroup/x", 1, "lo\n", NULL},
	{"home and tmp are empty and private", HARNESS_WORDS(NULL), "touch ~/x /tmp/x /var/tmp/x /run/x /dev/shm/y && ls -A ~ /run | tr '\\n' ' '; stat -c %a /tmp ~", 0, "x", NULL},
};

static const char *with_tmp(const char *text)
{
	const char *at = strchr(text, '@');

	return !at || at[1] != '/' ? text : with_tmp(harness_text("%.*s%s%s", (int)(at - text), text, harness_tmp(), at + 1));
}

static const char *const *expand(const char *const *words)
{
	const char **copy;
	size_t n = 0;

	while (words[n])
		n++;
	copy = arena_alloc(harness_arena(), (n + 1) * sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = with_tmp(words[i]);
	return copy;
}

Test(mounts, each_kind)
{
	const char *before;

	harness_requires_fuse();
	harness_requires_kernel_overlay();
	(void)harness_shell("mkdir -p source project && echo text >source/f && ln -s /etc project/link && ln -s nowhere project/dangling && mkdir 'o:d d\"\n' && touch 'o:d d\"\n/inside'");
	before = harness_snapshot(harness_tmp());
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct mount_case *c = &cases[i];
		struct harness_result result = harness_run(&(struct harness_run){.cwd = harness_path("project"),
			.argv = harness_words(HARNESS_WORDS("run"), harness_words(expand(c->options), HARNESS_WORDS("--", "sh", "-c", c->script)))});
		const char *after;

		harness_expect_status(c->name, &result, c->status);
		if (c->out)
			harness_expect_out(c->name, &result, c->out);
		if (c->err)
			harness_expect_err(c->name, &result, c->err);
		harness_done(&result);
		after = harness_snapshot(harness_tmp());
		cr_expect_str_eq(after, before, "%s: the host was changed:\n%s", c->name, after);
	}
}

/* Kept layers of mounts: with the name, in their order. */
Test(mounts, kept_by_name)
{
	static const char *const overlays[] = {"kernel", "fuse"};

	harness_requires_fuse();
	harness_requires_kernel_overlay();
	(void)harness_shell("mkdir source && echo text >source/f");
	for (size_t o = 0; o < ARRAY_SIZE(overlays); o++) {
		const char *store = harness_text("CARREL_ROOT=%s", harness_path("store-%s", overlays[o])), *mount = harness_text("%s:/mnt:keep", harness_path("source"));
		static const struct {
			const char *sandbox, *script, *out;
		} steps[] = {{"a", "echo kept >/mnt/f; cat /mnt/f", "kept"}, {"a", "cat /mnt/f", "kept"}, {"b", "cat /mnt/f", "text"}};

		for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
			struct harness_result result = harness_run(&(struct harness_run){ENVIRONMENT(store),
				ARGV("run", "--overlay", overlays[o], "--name", steps[i].sandbox, "-v", mount, "--", "sh", "-c", steps[i].script)});

			harness_expect_status(steps[i].script, &result, 0);
			harness_expect_out(steps[i].script, &result, steps[i].out);
			harness_done(&result);
		}
	}
	cr_expect_str_eq(harness_slurp(harness_path("source/f")), "text\n");
	struct harness_result result = HARNESS("run", "-v", harness_text("%s:/mnt:keep", harness_path("source")), "--", "true");
	harness_expect_status("without a name", &result, 125);
	harness_expect_err("without a name", &result, "--name NAME");
	harness_done(&result);
}
