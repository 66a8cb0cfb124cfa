/* The options of `carrel run`, all in one table. A row with a key is laid over the profile; the other rows fill a field of the request. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cli/command.h"
#include "run/request.h"
#include "util/fd.h"

static int set_key(void *context, const struct option_use *use, struct error *err)
{
	return request_set_text(context, use->option->key, use->value, use->label, err);
}

static int set_limit(void *context, const struct option_use *use, struct error *err)
{
	return request_set_limit(context, use->option->key, use->value, use->label, err);
}

/* Docker's names for a network of one's own behind the host's address. */
static int set_network(void *context, const struct option_use *use, struct error *err)
{
	bool bridge = strcmp(use->value, "bridge") == 0 || strcmp(use->value, "default") == 0;

	return request_set_text(context, use->option->key, bridge ? "nat" : use->value, use->label, err);
}

static int add_to_key(void *context, const struct option_use *use, struct error *err)
{
	return request_add_item(context, use->option->key, use->value, use->label, err);
}

static int set_flag(void *context, const struct option_use *use, struct error *err)
{
	(void)err;
	*(bool *)(void *)((char *)context + use->option->offset) = use->on;
	return 0;
}

static int set_text(void *context, const struct option_use *use, struct error *err)
{
	if (!*use->value && strcmp(use->option->name, "entrypoint") != 0) {
		(void)error_set(err, EINVAL, "bad value '' for --%s", use->option->name);
		return error_cause(err, "it is empty");
	}
	*(const char **)(void *)((char *)context + use->option->offset) = use->value;
	return 0;
}

static int set_tty(void *context, const struct option_use *use, struct error *err)
{
	struct request *request = context;

	(void)err;
	request->tty = use->on ? TTY_YES : TTY_NO;
	return 0;
}

static int set_read_only(void *context, const struct option_use *use, struct error *err)
{
	return use->on ? request_set_yaml(context, use->option->key, "deny", use->label, err) : 0;
}

static int add_profile(void *context, const struct option_use *use, struct error *err)
{
	return request_add_profile(context, use->value, err);
}

static int add_env_file(void *context, const struct option_use *use, struct error *err)
{
	enum { ENV_FILE_MOST = 1 << 20 };
	cleanup_free char *text = NULL;
	size_t size;
	/* Not through fd_slurp_at: --env-file <(pass show web) is a FIFO that the caller chose. */
	cleanup_close int fd = open(use->value, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_slurp(fd, ENV_FILE_MOST, &text, &size);

	if (r < 0)
		return error_set(err, -r, "cannot read the variables in '%s'", use->value);
	return request_add_env_lines(context, text, use->label, err);
}

#define VERB(name, function) \
	static int name(void *context, const struct option_use *use, struct error *err) \
	{ \
		return function(context, use->value, use->label, err); \
	}
VERB(add_volume, request_add_volume)
VERB(add_mount, request_add_mount)
VERB(add_tmpfs, request_add_tmpfs)
VERB(add_device, request_add_device)
VERB(add_env, request_add_env)
VERB(add_cap, request_add_cap)
VERB(drop_cap, request_drop_cap)
VERB(add_ulimit, request_add_ulimit)
VERB(add_security, request_add_security)
VERB(add_fds, request_add_fds)
VERB(set_report, request_set_report)
VERB(set_pull, request_set_pull)
VERB(set_platform, request_set_platform)
VERB(set_stop_signal, request_set_stop_signal)
VERB(set_rootfs, request_set_rootfs)
VERB(set_pair, request_set_pair)

#define FIELD(member) .offset = offsetof(struct request, member)

static const char files[] = "Files", process[] = "Process", limits[] = "Limits", rights[] = "Rights", life[] = "Sandbox", seeing[] = "Seeing what happens", habits[] = "Habits";

/* What always holds, or what nothing in a sandbox has a use for: taken for the sake of scripts that say it. */
static int accept(void *context, const struct option_use *use, struct error *err)
{
	(void)context;
	(void)use;
	(void)err;
	return 0;
}

/* What always holds, and is asked not to. */
static int accept_on(void *context, const struct option_use *use, struct error *err)
{
	if (use->on)
		return accept(context, use, err);
	(void)error_set(err, EINVAL, "cannot take --%s=false", use->option->name);
	(void)error_cause(err, "it always is so");
	return error_hint(err, "%s", use->option->help);
}

static int refuse_privileged(void *context, const struct option_use *use, struct error *err)
{
	(void)context;
	if (!use->on)
		return 0;
	(void)error_set(err, EPERM, "cannot give a sandbox --privileged");
	(void)error_cause(err, "carrel has no privileges to give");
	return error_hint(err, "--cap-add, --device and --security-opt give the single right that is needed");
}

/* Options of Docker, podman, Apptainer and bubblewrap for what has another name here, or nothing like it: the row's help is the hint. */
static int refuse_others(void *context, const struct option_use *use, struct error *err)
{
	(void)context;
	if (!use->option->argument && !use->on)
		return 0;
	(void)error_set(err, EINVAL, "there is no --%s here", use->option->name);
	(void)error_cause(err, "it is called otherwise, or nothing is like it");
	return error_hint(err, "%s", use->option->help);
}

/* Rows that are hidden are other spellings, and what is refused for now: a habit from Docker meets a clear answer, the help no promise. */
const struct cli_option run_options[] = {
	{"profile", 0, "NAME|FILE", NULL, "Use this profile, as @NAME does; of several the later wins", life, add_profile, .key = NULL},
	{"set", 0, "KEY=VALUE", NULL, "Set any key of the profile: resources.memory=4G", life, set_pair, .key = NULL},
	{"timeout", 0, "DURATION", NULL, "End it after this time: 90s, 2h30m", life, set_limit, .key = "resources.timeout"},
	{"stop-signal", 0, "SIGNAL", NULL, "What asks it to end; otherwise the image's, or SIGTERM", life, set_stop_signal, .key = NULL},
	{"stop-timeout", 0, "DURATION", NULL, "Time from the stop signal to SIGKILL", life, set_key, .key = "resources.grace"},
	{"rm", 0, NULL, NULL, "Leave nothing behind, also with --name", life, set_flag, FIELD(rm)},
	{"name", 0, "NAME", NULL, "Name the sandbox, and keep what it writes under this name", life, set_text, FIELD(name), .names = "sandboxes"},
	{"keep", 0, NULL, NULL, "Keep what it writes, which --name does too", life, set_flag, FIELD(keep)},
	{"detach", 'd', NULL, NULL, "Run in the background", life, set_flag, FIELD(detach), .hidden = true},
	{"pull", 0, "POLICY", "always missing never", "When to pull the image: always, missing, never", life, set_pull, .key = NULL},
	{"platform", 0, "OS/ARCH[/VARIANT]", NULL, "The image for another platform than this machine's: linux/arm64, emulated", life, set_platform, .key = NULL},
	{"quiet", 'q', NULL, NULL, "Do not show how the image is pulled", life, set_flag, FIELD(quiet)},
	{"init", 0, NULL, NULL, "There always is one", life, accept, .key = NULL, .hidden = true},

	{"rootfs", 0, "DIR", NULL, "Use an extracted root filesystem", files, set_rootfs, .key = "filesystem.root"},
	{"overlay", 0, "KIND", "auto kernel fuse", "Who makes writable layers: auto, kernel, fuse", files, set_key, .key = "filesystem.overlay"},
	{"read-only", 0, NULL, NULL, "Refuse writes to the root filesystem", files, set_read_only, .key = "filesystem.writes"},
	{"volume", 'v', "SRC:PATH[:MODE]", NULL, "Show a directory or file: ro, rw, discard, keep", files, add_volume, .key = "filesystem.mounts"},
	{"mount", 0, "KEY=VALUE,…", NULL, "type=bind,source=…,target=…[,readonly] or type=tmpfs,target=…[,tmpfs-size=…]", files, add_mount, .key = "filesystem.mounts"},
	{"tmpfs", 0, "PATH[:OPTIONS]", NULL, "Mount an empty tmpfs: size=SIZE,mode=MODE,noexec", files, add_tmpfs, .key = "filesystem.mounts"},
	{"device", 0, "NODE[:PATH]", NULL, "Show a node beneath /dev", files, add_device, .key = "filesystem.mounts"},

	{"interactive", 'i', NULL, NULL, "Keep standard input open", process, set_flag, FIELD(interactive)},
	{"tty", 't', NULL, NULL, "Give it a terminal of its own, as is usual on a terminal; --tty=false does not", process, set_tty, .key = NULL},
	{"env", 'e', "KEY[=VALUE]", NULL, "Set a variable, or pass on the caller's", process, add_env, .key = "environment"},
	{"env-file", 0, "FILE", NULL, "Read variables from a file, one a line", process, add_env_file, .key = "environment"},
	{"workdir", 'w', "DIR", NULL, "Start in this directory", process, set_key, .key = "process.workdir"},
	{"entrypoint", 0, "COMMAND", NULL, "Put this before the words of the command; an image's own command is not used then", process, set_text, FIELD(entrypoint)},
	{"hostname", 'h', "NAME", NULL, "What the machine is called inside", process, set_key, .key = "process.hostname"},
	{"umask", 0, "MODE", NULL, "The umask, octal", process, set_key, .key = "process.umask"},
	{"preserve-fds", 0, "LIST", NULL, "Hand on these open descriptors: 3,5-7", process, add_fds, .key = NULL},

	{"user", 'u', "USER[:GROUP]", NULL, "Who to be inside: self, root, a name, a number", rights, set_key, .key = "identity.user"},
	{"userns", 0, "MAP", "auto subids single keep-id", "How users are mapped: auto, subids, single, keep-id", rights, set_key, .key = "identity.map"},
	{"network", 0, "MODE", "none nat host", "What it reaches: none, nat, host", rights, set_network, .key = "network.mode"},
	{"net", 0, "MODE", "none nat host", "The same as --network", rights, set_network, .key = "network.mode", .hidden = true},
	{"publish", 'p', "[IP:]PORT:PORT", NULL, "Forward a port of this machine", rights, add_to_key, .key = "network.publish", .hidden = true},
	{"cap-add", 0, "CAPABILITY", NULL, "Leave it a capability, or ALL", rights, add_cap, .key = "capabilities"},
	{"cap-drop", 0, "CAPABILITY", NULL, "Take a capability, or ALL", rights, drop_cap, .key = "capabilities"},
	{"security-opt", 0, "OPTION", "no-new-privileges seccomp=unconfined", "Docker's security options", rights, add_security, .key = "syscalls"},
	{"privileged", 0, NULL, NULL, "There is no such thing", rights, refuse_privileged, .key = NULL, .hidden = true},

	{"memory", 'm', "SIZE", NULL, "Memory of all processes: 512M, 4G", limits, set_limit, .key = "resources.memory"},
	{"cpus", 0, "NUMBER", NULL, "Processors' worth of time: 1.5", limits, set_limit, .key = "resources.cpus"},
	{"cpuset-cpus", 0, "LIST", NULL, "The processors it may use: 0-3,6", limits, set_key, .key = "resources.cpuset"},
	{"pids-limit", 0, "NUMBER", NULL, "Processes and threads", limits, set_limit, .key = "resources.tasks"},
	{"ulimit", 0, "NAME=SOFT[:HARD]", NULL, "A limit of each process: nofile=1024:2048", limits, add_ulimit, .key = NULL},
	{"memory-swap", 0, "SIZE", NULL, "--set resources.swap=SIZE  is the swap alone; Docker's counts memory and swap together", limits, refuse_others, .hidden = true},
	{"memory-reservation", 0, "SIZE", NULL, "--set resources.memory_high=SIZE  slows it down above this size", limits, refuse_others, .hidden = true},
	{"memory-swappiness", 0, "NUMBER", NULL, "--set resources.swap=0  keeps it out of the swap", limits, refuse_others, .hidden = true},
	{"kernel-memory", 0, "SIZE", NULL, "--memory  counts the kernel's memory too, where a cgroup holds it", limits, refuse_others, .hidden = true},
	{"oom-kill-disable", 0, NULL, NULL, "leave out  --memory , or set  resources.memory_high , which ends nothing", limits, refuse_others, .hidden = true},
	{"cpu-shares", 'c', "NUMBER", NULL, "--set resources.cpu_weight=NUMBER , where 100 is what 1024 shares are", limits, refuse_others, .hidden = true},
	{"cpu-quota", 0, "NUMBER", NULL, "--cpus 0.5  is a quota of 50000 in a period of 100000", limits, refuse_others, .hidden = true},
	{"cpu-period", 0, "NUMBER", NULL, "--cpus 0.5  is a quota of 50000 in a period of 100000", limits, refuse_others, .hidden = true},
	{"blkio-weight", 0, "NUMBER", NULL, "--set resources.io_weight=NUMBER , where 100 is usual", limits, refuse_others, .hidden = true},
	{"device-read-bps", 0, "DEVICE:SIZE", NULL, "--set resources.io_read=SIZE  is a second's, of each disk", limits, refuse_others, .hidden = true},
	{"device-write-bps", 0, "DEVICE:SIZE", NULL, "--set resources.io_write=SIZE  is a second's, of each disk", limits, refuse_others, .hidden = true},
	{"shm-size", 0, "SIZE", NULL, "--tmpfs /dev/shm:size=SIZE", limits, refuse_others, .hidden = true},

	{"dry-run", 0, NULL, NULL, "Print the plan with the origin of each line, and run nothing", seeing, set_flag, FIELD(dry_run)},
	{"report", 0, "FILE|FD", NULL, "Write how it ended, as JSON", seeing, set_report, .key = NULL},
	{"stats", 0, NULL, NULL, "Print at the end what it used, as time(1) does", seeing, set_flag, FIELD(stats)},
	{"trace-startup", 0, NULL, NULL, "Print the phases of the start and their time", seeing, set_flag, FIELD(trace_startup)},
	{"verbose", 0, NULL, NULL, "Say more", seeing, set_flag, FIELD(verbose)},

	{"label", 'l', "KEY=VALUE", NULL, "Nothing lists sandboxes by labels", habits, accept, .key = NULL, .hidden = true},
	{"annotation", 0, "KEY=VALUE", NULL, "Nothing reads it", habits, accept, .key = NULL, .hidden = true},
	{"expose", 0, "PORT", NULL, "A remark, in Docker too", habits, accept, .key = NULL, .hidden = true},
	{"log-driver", 0, "NAME", NULL, "There is no log", habits, accept, .key = NULL, .hidden = true},
	{"log-opt", 0, "KEY=VALUE", NULL, "There is no log", habits, accept, .key = NULL, .hidden = true},
	{"no-healthcheck", 0, NULL, NULL, "There never is one", habits, accept, .key = NULL, .hidden = true},
	{"sig-proxy", 0, NULL, NULL, "signals are passed on; behind  setsid  a terminal sends it none", habits, accept_on, .key = NULL, .hidden = true},
	{"restart", 0, "POLICY", NULL, "leave it out, or have it restarted by  systemd-run --user -p Restart=always carrel run …", habits, refuse_others, .hidden = true},
	{"gpus", 0, "GPUS", NULL, "--device  shows a node such as /dev/dri/renderD128, and  -v  the libraries that go with it", habits, refuse_others, .hidden = true},
	{"dns", 0, "ADDRESS", NULL, "--network host  asks whom this machine asks;  -v ./resolv.conf:/etc/resolv.conf:ro  says otherwise", habits, refuse_others, .hidden = true},
	{"add-host", 0, "NAME:ADDRESS", NULL, "-v ./hosts:/etc/hosts:ro  shows a file with such lines", habits, refuse_others, .hidden = true},
	{"link", 0, "NAME", NULL, "--network host  shares the network of this machine", habits, refuse_others, .hidden = true},
	{"ip", 0, "ADDRESS", NULL, "--network host  shares the network of this machine", habits, refuse_others, .hidden = true},
	{"network-alias", 0, "NAME", NULL, "--network host  shares the network of this machine", habits, refuse_others, .hidden = true},
	{"publish-all", 'P', NULL, NULL, "--network host  shares the network of this machine", habits, refuse_others, .hidden = true},
	{"pid", 0, "MODE", NULL, "leave it out: it has its own", habits, refuse_others, .hidden = true},
	{"ipc", 0, "MODE", NULL, "leave it out: it has its own", habits, refuse_others, .hidden = true},
	{"uts", 0, "MODE", NULL, "leave it out: it has its own", habits, refuse_others, .hidden = true},
	{"cgroupns", 0, "MODE", NULL, "leave it out: it has its own", habits, refuse_others, .hidden = true},
	{"cgroup-parent", 0, "SLICE", NULL, "systemd-run --user --scope --slice=SLICE carrel run …", habits, refuse_others, .hidden = true},
	{"group-add", 0, "GROUP", NULL, "--user USER  takes the groups along that /etc/group gives this user; --user USER:GROUP  chooses one", habits, refuse_others, .hidden = true},
	{"cidfile", 0, "FILE", NULL, "--name  gives it a name of your own, --report FILE  tells how it ended", habits, refuse_others, .hidden = true},
	{"attach", 'a', "STREAM", NULL, "the shell leaves out a stream:  >/dev/null  or  2>/dev/null", habits, refuse_others, .hidden = true},
	{"volumes-from", 0, "NAME", NULL, "-v  names each directory", habits, refuse_others, .hidden = true},
	{"sysctl", 0, "KEY=VALUE", NULL, "leave it out: settings of the kernel stay as they are", habits, refuse_others, .hidden = true},
	{"health-cmd", 0, "COMMAND", NULL, "leave it out: its exit status tells", habits, refuse_others, .hidden = true},
	{"runtime", 0, "NAME", NULL, "leave it out: there is one", habits, refuse_others, .hidden = true},
	{"storage-opt", 0, "KEY=VALUE", NULL, "--set resources.scratch=SIZE  limits what it writes", habits, refuse_others, .hidden = true},
	{"tls-verify", 0, NULL, NULL, "leave it out, or fetch the image before:  carrel pull --tls-verify=false IMAGE", habits, refuse_others, .hidden = true},
	{"authfile", 0, "FILE", NULL, "REGISTRY_AUTH_FILE=FILE  in the environment", habits, refuse_others, .hidden = true},
	{"arch", 0, "ARCHITECTURE", NULL, "--platform linux/ARCHITECTURE", habits, refuse_others, .hidden = true},
	{"replace", 0, NULL, NULL, "carrel rm NAME  removes what is kept under the name", habits, refuse_others, .hidden = true},
	{"bind", 'B', "SRC[:DEST]", NULL, "-v SRC:DEST[:ro]", habits, refuse_others, .hidden = true},
	{"pwd", 0, "DIR", NULL, "-w DIR", habits, refuse_others, .hidden = true},
	{"nv", 0, NULL, NULL, "--device  shows a node such as /dev/nvidia0, and  -v  the libraries that go with it", habits, refuse_others, .hidden = true},
	{"writable-tmpfs", 0, NULL, NULL, "leave it out: what is written is discarded, unless  --name  keeps it", habits, refuse_others, .hidden = true},
	{"ro-bind", 0, "SRC", NULL, "-v SRC:DEST:ro", habits, refuse_others, .hidden = true},
	{"dev-bind", 0, "SRC", NULL, "--device NODE", habits, refuse_others, .hidden = true},
	{"chdir", 0, "DIR", NULL, "-w DIR", habits, refuse_others, .hidden = true},
	{"setenv", 0, "NAME", NULL, "-e NAME=VALUE", habits, refuse_others, .hidden = true},
	{"unshare-all", 0, NULL, NULL, "leave it out: all namespaces are its own, the network too unless  --network host", habits, refuse_others, .hidden = true},
	{"unshare-net", 0, NULL, NULL, "leave it out: there is no network unless  --network host", habits, refuse_others, .hidden = true},
	{"die-with-parent", 0, NULL, NULL, "leave it out: it always ends with carrel", habits, refuse_others, .hidden = true},
	{.name = NULL},
};
