#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "cli/run_parse.h"
#include "util/buf.h"
#include "util/mem.h"

enum { WORDS_MAX = 12 };

static int parse(struct request *request, const char *const words[], bool *help, struct error *err)
{
	char *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	request_init(request);
	request->cwd = "/home/ada";
	return run_parse(request, argc, argv, help, err);
}

/* Everything that was asked for, one word for each thing. */
static void describe(struct buf *out, const struct request *request)
{
	const struct {
		const char *name;
		bool on;
	} flags[] = {
		{"interactive", request->interactive}, {"rm", request->rm}, {"keep", request->keep}, {"dry-run", request->dry_run}, {"trace-startup", request->trace_startup},
		{"verbose", request->verbose}, {"tty", request->tty == TTY_YES}, {"no tty", request->tty == TTY_NO},
	};

	for (size_t i = 0; i < request->profile_count; i++)
		buf_printf(out, "@%s ", request->profiles[i]);
	for (size_t i = 0; i < request->override_count; i++)
		buf_printf(out, "%s=%s ", request->overrides[i].key, request->overrides[i].yaml);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].on)
			buf_printf(out, "%s ", flags[i].name);
	for (size_t i = 0; i < request->ulimit_count; i++)
		buf_printf(out, "ulimit:%s ", request->ulimits[i].text);
	for (size_t i = 0; i < request->cap_drop_count; i++)
		buf_printf(out, "drop:%s ", request->cap_drops[i].text);
	for (size_t i = 0; i < request->preserve_fd_count; i++)
		buf_printf(out, "fd:%d ", request->preserve_fds[i]);
	if (request->name)
		buf_printf(out, "name:%s ", request->name);
	if (request->report)
		buf_printf(out, "report:%s ", request->report);
	if (request->pull_label)
		buf_printf(out, "pull:%d ", (int)request->pull);
	if (request->image)
		buf_printf(out, "image:%s ", request->image);
	if (request->entrypoint)
		buf_printf(out, "entrypoint:%s ", request->entrypoint);
	buf_puts(out, "|");
	for (char **word = request->command; word && *word; word++)
		buf_printf(out, " %s", *word);
}

static const struct {
	const char *words[WORDS_MAX];
	const char *said;
} good[] = {
	{{"--", "ls"}, "| ls"},
	{{"--", "ls", "-l", "--rm", "--", "@x"}, "| ls -l --rm -- @x"},
	{{"--", "--rm"}, "| --rm"},
	{{"--", "@build"}, "| @build"},
	{{"@build", "--", "make", "-j8"}, "@build | make -j8"},
	{{"@build", "-m", "4G", "@net", "--profile", "./x.yaml", "--", "make"}, "@build @net @./x.yaml resources.memory=\"4G\" | make"},
	{{"-m4G", "--", "x"}, "resources.memory=\"4G\" | x"},
	{{"-m=4G", "--", "x"}, "resources.memory=\"4G\" | x"},
	{{"--memory=4G", "--cpus", "1.5", "--pids-limit", "-1", "--", "x"}, "resources.memory=\"4G\" resources.cpus=\"1.5\" resources.tasks=none | x"},
	{{"--memory", "4G, tasks: 9", "--", "x"}, "resources.memory=\"4G, tasks: 9\" | x"},
	{{"--timeout=90s", "--stop-timeout", "5", "--cpuset-cpus=0-1", "--", "x"}, "resources.timeout=\"90s\" resources.grace=\"5\" resources.cpuset=\"0-1\" | x"},
	{{"-it", "--", "sh"}, "interactive tty | sh"},
	{{"-ti", "--tty=false", "--", "sh"}, "interactive no tty | sh"},
	{{"--rm", "--rm=false", "--interactive=true", "--", "sh"}, "interactive | sh"},
	{{"-itm", "1G", "--", "sh"}, "resources.memory=\"1G\" interactive tty | sh"},
	{{"--rootfs", "root", "-u", "root", "apt-get", "install", "-y", "jq"}, "@container filesystem.root=\"dir:/home/ada/root\" identity.user=\"root\" | apt-get install -y jq"},
	{{"--rootfs=/r", "ls", "--", "--rm", "@x"}, "@container filesystem.root=\"dir:/r\" | ls -- --rm @x"},
	{{"--rootfs=/r", "@strict", "--", "ls"}, "@strict filesystem.root=\"dir:/r\" | ls"},
	{{"--entrypoint", "/bin/sh", "--", "-c", "true"}, "entrypoint:/bin/sh | -c true"},
	{{"--entrypoint=/bin/sh", "--rootfs=/r"}, "@container filesystem.root=\"dir:/r\" entrypoint:/bin/sh |"},
	{{"--entrypoint=", "--", "x"}, "entrypoint: | x"},
	{{"debian:12"}, "@container filesystem.root=\"image:debian:12\" image:debian:12 |"},
	{{"debian:12", "--rm", "@x"}, "@container filesystem.root=\"image:debian:12\" image:debian:12 | --rm @x"},
	{{"debian:12", "--", "cat", "--", "x"}, "@container filesystem.root=\"image:debian:12\" image:debian:12 | cat -- x"},
	{{"@strict", "--pull=never", "a/b", "-c"}, "@strict filesystem.root=\"image:a/b\" pull:2 image:a/b | -c"},
	{{"--pull", "always", "a"}, "@container filesystem.root=\"image:a\" pull:1 image:a |"},
	{{"@web"}, "@web |"},
	{{"@web", "--", "x"}, "@web | x"},
	{{"--set", "filesystem.root=image:a"}, "filesystem.root=image:a |"},
	{{"-e", "A=1", "-eB", "--env=C=", "--", "env"}, "environment.set={\"A\": \"1\"} environment.inherit=[\"B\"] environment.set={\"C\": \"\"} | env"},
	{{"-v=./src:/src:ro", "--tmpfs", "/tmp", "--read-only", "--", "x"},
		"filesystem.mounts=[{path: \"/src\", from: \"/home/ada/./src\", mode: \"ro\"}] filesystem.mounts=[{path: \"/tmp\", tmpfs: \"0\"}] filesystem.writes=deny | x"},
	{{"--network", "host", "--net=none", "--userns=keep-id", "--overlay=fuse", "-w/src", "--umask=077", "--", "x"},
		"network.mode=\"host\" network.mode=\"none\" identity.map=\"keep-id\" filesystem.overlay=\"fuse\" process.workdir=\"/src\" process.umask=\"077\" | x"},
	{{"--network", "bridge", "--", "x"}, "network.mode=\"nat\" | x"},
	{{"-h", "box", "--hostname=other", "--", "x"}, "process.hostname=\"box\" process.hostname=\"other\" | x"},
	{{"--cap-add=net_raw", "--cap-drop", "chown", "--cap-drop=all", "--", "x"}, "capabilities=!replace [] capabilities=[\"CAP_NET_RAW\"] drop:CAP_CHOWN | x"},
	{{"--ulimit", "nofile=10", "--security-opt", "no-new-privileges", "--init", "--privileged=false", "--", "x"}, "ulimit:nofile=10 | x"},
	{{"--name=web", "--keep", "--", "x"}, "keep name:web | x"},
	{{"--set", "resources.core=1M", "--", "x"}, "resources.core=1M | x"},
	{{"--preserve-fds=3,5-6", "--report=4", "--", "x"}, "fd:3 fd:5 fd:6 report:4 | x"},
	{{"--report", "out.json", "--dry-run", "--trace-startup", "--verbose", "--", "x"}, "dry-run trace-startup verbose report:out.json | x"},
};

Test(run_parse, requests)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cleanup_buf struct buf said = {0};
		struct error err = {0};
		struct request request;
		bool help = true;
		int r = parse(&request, good[i].words, &help, &err);

		cr_expect_eq(r, 0, "row %zu '%s': %s: %s", i, good[i].said, err.what, err.cause);
		cr_expect_not(help, "row %zu", i);
		describe(&said, &request);
		cr_expect_str_eq(said.text, good[i].said, "row %zu: %s", i, said.text);
		request_done(&request);
	}
}

static const struct {
	const char *words[WORDS_MAX];
	const char *what, *cause, *hint;
} bad[] = {
	{{NULL}, "no command was given", "there is nothing to run", "write  carrel run [OPTIONS] -- COMMAND [ARG…]"},
	{{"--"}, "no command was given", "there is nothing to run", "write  carrel run [OPTIONS] -- COMMAND [ARG…]"},
	{{"--rootfs", "/r"}, "no command was given", "there is nothing to run", "write  carrel run [OPTIONS] --rootfs DIR COMMAND [ARG…]"},
	{{"--", ""}, "the command is empty", "there is nothing to run", "write  carrel run [OPTIONS] -- COMMAND [ARG…]"},
	{{"--memry", "4G", "--", "x"}, "unknown option '--memry'", "no such option", "did you mean --memory?"},
	{{"--nework=host", "--", "x"}, "unknown option '--nework'", "no such option", "did you mean --network?"},
	{{"--frobnicate", "--", "x"}, "unknown option '--frobnicate'", "no such option", "--help lists the options; words for the command go behind  --"},
	{{"-x", "--", "x"}, "unknown option '-x'", "no such option", "--help lists the options; words for the command go behind  --"},
	{{"-iz", "--", "x"}, "unknown option '-z'", "no such option", "--help lists the options; words for the command go behind  --"},
	{{"-m"}, "--memory needs a value", "nothing stands behind it", "write  --memory SIZE"},
	{{"--memory", "--", "x"}, "--memory needs a value", "nothing stands behind it", "write  --memory SIZE"},
	{{"-iv", "--", "x"}, "--volume needs a value", "nothing stands behind it", "write  --volume SRC:PATH[:MODE]"},
	{{"--rm=maybe", "--", "x"}, "bad value 'maybe' for --rm", "the option is a switch", "write  --rm  or  --rm=false"},
	{{"--workdir", "\xff", "--", "x"}, "bad value '\xff' for --workdir", "it has bytes that are not UTF-8, which no profile can hold", ""},
	{{"--set", "memory", "--", "x"}, "bad value 'memory' for --set", "it is not KEY=VALUE", "for instance  --set resources.memory=4G"},
	{{"@", "--", "x"}, "no profile name behind '@'", "a profile is chosen by @NAME or --profile NAME|FILE", "`carrel profile list` shows the names"},
	{{"--name=", "--", "x"}, "bad value '' for --name", "it is empty", ""},
	{{""}, "no image was given", "the word is empty", "write  carrel run [OPTIONS] IMAGE [ARG…]"},
	{{"--pull=often", "x"}, "bad value 'often' for --pull", "it is none of always, missing, never", "without the option it is pulled where it is missing"},
	{{"-d", "--", "x"}, "cannot run in the background (--detach)", "detached sandboxes are not in this version",
		"carrel run … & or systemd-run --user keep one running"},
	{{"-p", "80:80", "--", "x"}, "cannot publish a port (--publish)", "port forwarding is not in this version", "--network host shares the network of this machine"},
	{{"-v", "data:/x", "--", "x"}, "cannot mount the volume 'data' (--volume)", "named volumes are not in this version",
		"for a directory write a path with a slash, such as  ./data:/data"},
	{{"--privileged", "--", "x"}, "cannot give a sandbox --privileged", "carrel has no privileges to give",
		"--cap-add, --device and --security-opt give the single right that is needed"},
	{{"--env-file", "/nonexistent", "--", "x"}, "cannot read the variables in '/nonexistent'", "No such file or directory", ""},
};

Test(run_parse, messages)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = {0};
		struct request request;
		bool help = false;

		cr_expect(parse(&request, bad[i].words, &help, &err) < 0, "%s", bad[i].what);
		cr_expect_str_eq(err.what, bad[i].what, "%s: %s", bad[i].what, err.what);
		cr_expect_str_eq(err.cause, bad[i].cause, "%s: %s", bad[i].what, err.cause);
		cr_expect_str_eq(err.hint, bad[i].hint, "%s: %s", bad[i].what, err.hint);
		cr_expect_eq(err.exit_status, EXIT_CARREL, "%s", bad[i].what);
		request_done(&request);
	}
}

Test(run_parse, help)
{
	static const struct {
		const char *words[WORDS_MAX];
		bool help;
	} cases[] = {
		{{"--help"}, true},
		{{"-it", "--help", "--bad"}, true},
		{{"@build", "--help"}, true},
		{{"--", "x", "--help"}, false},
		{{"--rootfs=/r", "x", "--help"}, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request request;
		bool help = false;

		cr_expect_eq(parse(&request, cases[i].words, &help, NULL), 0, "row %zu", i);
		cr_expect_eq(help, cases[i].help, "row %zu", i);
		request_done(&request);
	}
}
