#include "profile/schema.h"

#include <linux/sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "profile/syntax.h"

static const char *const root_words[] = {[ROOT_HOST] = "host", [ROOT_IMAGE] = "image", [ROOT_NONE] = "none", [ROOT_DIR] = "dir", NULL};
static const char *const writes_words[] = {[WRITES_DENY] = "deny", [WRITES_DISCARD] = "discard", [WRITES_KEEP] = "keep", NULL};
static const char *const discard_words[] = {[DISCARD_AUTO] = "auto", [DISCARD_MEMORY] = "memory", [DISCARD_DISK] = "disk", NULL};
static const char *const overlay_words[] = {[OVERLAY_AUTO] = "auto", [OVERLAY_KERNEL] = "kernel", [OVERLAY_FUSE] = "fuse", NULL};
static const char *const map_words[] = {[MAP_AUTO] = "auto", [MAP_SUBIDS] = "subids", [MAP_SINGLE] = "single", [MAP_KEEP_ID] = "keep-id", NULL};
static const char *const network_words[] = {[NETWORK_NONE] = "none", [NETWORK_NAT] = "nat", [NETWORK_HOST] = "host", NULL};
static const char *const mode_words[] = {[MODE_RO] = "ro", [MODE_RW] = "rw", [MODE_DISCARD] = "discard", [MODE_KEEP] = "keep", NULL};
static const char *const io_class_words[] = {[IO_CLASS_NONE] = "none", [IO_CLASS_BEST_EFFORT] = "best-effort", [IO_CLASS_IDLE] = "idle", NULL};
static const char *const keyring_words[] = {"own", "none", NULL};
static const char *const guarantee_words[] = {"ids.range", "landlock", "limits.memory", "limits.memory_high", "limits.swap", "limits.tasks", "limits.cpus", "limits.cpu_weight",
	"limits.cpuset", "limits.io_read", "limits.io_write", "limits.io_weight", "limits.scratch", "limits.timeout", "network.none", "network.nat",
	"overlay.kernel", "overlay.fuse", "syscalls", "keyring", NULL};

const struct schema_constant schema_constants[] = {
	{"TIOCSTI", TIOCSTI}, {"TIOCLINUX", TIOCLINUX}, {"TIOCSCTTY", TIOCSCTTY}, {"TIOCCONS", TIOCCONS}, {"TIOCSETD", TIOCSETD},
	{"AF_UNIX", AF_UNIX}, {"AF_INET", AF_INET}, {"AF_INET6", AF_INET6}, {"AF_NETLINK", AF_NETLINK}, {"AF_PACKET", AF_PACKET},
	{"AF_ALG", AF_ALG}, {"AF_VSOCK", AF_VSOCK},
	{"CLONE_NEWNS", CLONE_NEWNS}, {"CLONE_NEWCGROUP", CLONE_NEWCGROUP}, {"CLONE_NEWUTS", CLONE_NEWUTS}, {"CLONE_NEWIPC", CLONE_NEWIPC},
	{"CLONE_NEWUSER", CLONE_NEWUSER}, {"CLONE_NEWPID", CLONE_NEWPID}, {"CLONE_NEWNET", CLONE_NEWNET}, {"CLONE_NEWTIME", CLONE_NEWTIME},
	{NULL, 0},
};

/* collection.c puts a record's own place into its last member. */
_Static_assert(offsetof(struct profile_mount, at) + sizeof(struct origin) == sizeof(struct profile_mount), "the origin is last");
_Static_assert(offsetof(struct profile_rule, at) + sizeof(struct origin) == sizeof(struct profile_rule), "the origin is last");

#define K(n) ((int64_t)1 << (10 * (n))) /* K(3): a gigabyte */
#define SECONDS(n) ((int64_t)(n) * 1000)
#define DAYS(n) SECONDS((int64_t)(n) * 86400)

#define IN_MOUNT(member) .offset = offsetof(struct profile_mount, member)
static const struct schema_key mount_fields[] = {
	{.name = "path", .type = SCHEMA_TEXT, IN_MOUNT(path), .required = true, .accept = syntax_path, .help = "Where it stands in the sandbox."},
	{.name = "from", .type = SCHEMA_TEXT, IN_MOUNT(from), .accept = syntax_path, .help = "The host's file or directory that is shown there; the same path if it is not given."},
	{.name = "mode", .type = SCHEMA_CHOICE, IN_MOUNT(mode), .words = mode_words, .fallback = "ro", .help = "Read only, read and write, writes thrown away at the end, or writes kept with the instance."},
	{.name = "tmpfs", .type = SCHEMA_SIZE, IN_MOUNT(tmpfs), .min = 0, .max = K(5), .help = "An empty filesystem in memory of at most this size; 0 is the kernel's half of memory."},
	{.name = "content", .type = SCHEMA_TEXT, IN_MOUNT(content), .help = "A file with this text."},
	{.name = "file_mode", .type = SCHEMA_MODE, IN_MOUNT(file_mode), .min = 0, .max = 07777, .help = "Permission bits of the tmpfs or of the file with content, octal: 0755, 1777."},
	{.name = "optional", .type = SCHEMA_BOOL, IN_MOUNT(optional), .fallback = "false", .help = "Leave the entry out where its source does not exist or its variable is not set."},
	{.name = "exec", .type = SCHEMA_BOOL, IN_MOUNT(exec), .fallback = "true", .help = "Whether programs may be started from it."},
	{.name = NULL},
};

#define IN_RULE(member) .offset = offsetof(struct profile_rule, member)
static const struct schema_key rule_fields[] = {
	{.name = "call", .type = SCHEMA_TEXT, IN_RULE(call), .required = true, .accept = syntax_call, .help = "The system call, or an @group."},
	{.name = "arg", .type = SCHEMA_NUMBER, IN_RULE(arg), .min = 0, .max = 5, .help = "Which argument is compared, from 0; without it the rule holds whatever the arguments are."},
	{.name = "mask", .type = SCHEMA_BITS, IN_RULE(mask), .fallback = "0xffffffffffffffff", .help = "The bits of the argument that are compared."},
	{.name = "equals", .type = SCHEMA_BITS, IN_RULE(equals), .help = "The value of these bits: a number, or a name such as TIOCSTI."},
	{.name = "action", .type = SCHEMA_TEXT, IN_RULE(action), .required = true, .accept = syntax_action, .help = "What happens then: allow, log, kill or an errno."},
	{.name = NULL},
};

#define AT(member) .offset = offsetof(struct profile, member)
#define COUNT(member) .extra = offsetof(struct profile, member)
const struct schema_key schema_table[] = {
	{.name = "description", .type = SCHEMA_TEXT, AT(description), .help = "What the profile is for, in one line."},
	{.name = "extends", .type = SCHEMA_EXTENDS, .help = "The profile that this one builds on: a name, or a path (relative to this file)."},

	{.name = "filesystem", .type = SCHEMA_SECTION, .help = "What is seen of files."},
	{.name = "filesystem.root", .type = SCHEMA_ROOT, AT(filesystem.root), COUNT(filesystem.root_argument), .accept = syntax_path, .words = root_words, .fallback = "host", .help = "The root of the tree: host, image, none, dir:/path or image:REF."},
	{.name = "filesystem.writes", .type = SCHEMA_CHOICE, AT(filesystem.writes), .words = writes_words, .fallback = "deny", .help = "Writes to the root: refused, thrown away at the end, or kept with the instance."},
	{.name = "filesystem.discard", .type = SCHEMA_CHOICE, AT(filesystem.discard), .words = discard_words, .fallback = "auto", .help = "Where writes that are thrown away lie until the end: in memory (tmpfs), on disk below the store, or in memory where the kernel's tmpfs can hold them and else on disk."},
	{.name = "filesystem.overlay", .type = SCHEMA_CHOICE, AT(filesystem.overlay), .words = overlay_words, .fallback = "auto", .help = "Who provides writable layers: the kernel where a probe of this storage succeeds and else fuse-overlayfs, or one of them by name."},
	{.name = "filesystem.mounts", .type = SCHEMA_RECORDS, AT(filesystem.mounts), COUNT(filesystem.mount_count), .fields = mount_fields, .record_size = sizeof(struct profile_mount), .help = "What is mounted on the root, in order."},
	{.name = "filesystem.hide", .type = SCHEMA_TEXTS, AT(filesystem.hide), .accept = syntax_path, .help = "Paths at which an empty, unwritable thing stands, present or not."},
	{.name = "filesystem.protect", .type = SCHEMA_TEXTS, AT(filesystem.protect), .accept = syntax_path, .help = "Paths that are read-only inside a writable mount, present or not."},
	{.name = "filesystem.lower", .type = SCHEMA_TEXTS, AT(filesystem.lower), .accept = syntax_path, .help = "Directories laid over the root as further layers, topmost first."},

	{.name = "identity", .type = SCHEMA_SECTION, .help = "Who the program is."},
	{.name = "identity.map", .type = SCHEMA_CHOICE, AT(identity.map), .words = map_words, .fallback = "auto", .help = "Ids that exist inside: your subordinate range where it is needed and there, the range, one id only, or the range around your own id."},
	{.name = "identity.user", .type = SCHEMA_TEXT, AT(identity.user), .accept = syntax_user, .fallback = "self", .help = "The user inside: self, root, image (whom the image names, else root), a name of the root's /etc/passwd, or UID[:GID]."},

	{.name = "network", .type = SCHEMA_SECTION, .help = "What is reached over the network."},
	{.name = "network.mode", .type = SCHEMA_CHOICE, AT(network.mode), .words = network_words, .fallback = "none", .help = "No network, a private one behind the host's address, or the host's own."},
	{.name = "network.publish", .type = SCHEMA_TEXTS, AT(network.publish), .accept = syntax_publish, .help = "Ports that are reached from the host: [ADDRESS:][HOSTPORT:]PORT[/udp]."},

	{.name = "resources", .type = SCHEMA_SECTION, .help = "What may be used up."},
	{.name = "resources.memory", .type = SCHEMA_SIZE, AT(resources.memory), .min = K(2), .max = K(5), .of_memory = true, .help = "Memory of all processes together, tmpfs included. A percentage is of this machine's memory."},
	{.name = "resources.memory_high", .type = SCHEMA_SIZE, AT(resources.memory_high), .min = K(2), .max = K(5), .of_memory = true, .help = "Memory above which processes are slowed down and reclaimed from."},
	{.name = "resources.swap", .type = SCHEMA_SIZE, AT(resources.swap), .min = 0, .max = K(5), .of_memory = true, .help = "Swap, beside memory."},
	{.name = "resources.cpus", .type = SCHEMA_THOUSANDTHS, AT(resources.cpus), .min = 10, .max = 4096000, .help = "Processors' worth of time, such as 1.5; 150% is the same."},
	{.name = "resources.cpu_weight", .type = SCHEMA_NUMBER, AT(resources.cpu_weight), .min = 1, .max = 10000, .help = "Share of processor time against others; 100 is usual."},
	{.name = "resources.cpuset", .type = SCHEMA_TEXT, AT(resources.cpuset), .accept = syntax_cpuset, .help = "The processors that may be used, such as 0-3,6."},
	{.name = "resources.tasks", .type = SCHEMA_NUMBER, AT(resources.tasks), .min = 1, .max = 4194304, .help = "Processes and threads at one time."},
	{.name = "resources.open_files", .type = SCHEMA_NUMBER, AT(resources.open_files), .min = 8, .max = 1073741816, .help = "Open files of each process."},
	{.name = "resources.cpu_time", .type = SCHEMA_DURATION, AT(resources.cpu_time), .min = SECONDS(1), .max = DAYS(3650), .help = "Processor time of each process."},
	{.name = "resources.file_size", .type = SCHEMA_SIZE, AT(resources.file_size), .min = 0, .max = K(5), .help = "The largest file that may be written."},
	{.name = "resources.core", .type = SCHEMA_SIZE, AT(resources.core), .min = 0, .max = K(5), .help = "The largest core dump; 0 is none."},
	{.name = "resources.locked_memory", .type = SCHEMA_SIZE, AT(resources.locked_memory), .min = 0, .max = K(5), .help = "Memory that a process may lock."},
	{.name = "resources.stack", .type = SCHEMA_SIZE, AT(resources.stack), .min = 128 * K(1), .max = K(5), .help = "Stack of each process."},
	{.name = "resources.nice", .type = SCHEMA_NUMBER, AT(resources.nice), .min = 0, .max = 19, .help = "Niceness; higher is more patient."},
	{.name = "resources.io_class", .type = SCHEMA_CHOICE, AT(resources.io_class), .words = io_class_words, .fallback = "none", .help = "How disks serve it: as the caller, among the others (best-effort), or only when nobody else wants them (idle)."},
	{.name = "resources.io_weight", .type = SCHEMA_NUMBER, AT(resources.io_weight), .min = 1, .max = 10000, .help = "Share of disk time against others; 100 is usual."},
	{.name = "resources.io_read", .type = SCHEMA_SIZE, AT(resources.io_read), .min = K(1), .max = K(5), .help = "Bytes a second that may be read from each disk."},
	{.name = "resources.io_write", .type = SCHEMA_SIZE, AT(resources.io_write), .min = K(1), .max = K(5), .help = "Bytes a second that may be written to each disk."},
	{.name = "resources.output", .type = SCHEMA_SIZE, AT(resources.output), .min = 0, .max = K(5), .help = "Bytes that it may write to stdout and stderr together; more ends it."},
	{.name = "resources.scratch", .type = SCHEMA_SIZE, AT(resources.scratch), .min = 64 * K(1), .max = K(5), .of_memory = true, .help = "Room for what is thrown away: discarded layers and all tmpfs mounts together share it, whatever size of its own a mount has."},
	{.name = "resources.timeout", .type = SCHEMA_DURATION, AT(resources.timeout), .min = 1, .max = DAYS(3650), .help = "Time after which the sandbox is ended. Changes of the clock do not move it, and while the machine sleeps it stands still."},
	{.name = "resources.grace", .type = SCHEMA_DURATION, AT(resources.grace), .min = 0, .max = SECONDS(3600), .fallback = "10s", .help = "Time between the stop signal (SIGTERM, if an image says no other) and SIGKILL at the timeout and at stop."},
	{.name = "resources.require", .type = SCHEMA_BOOL, AT(resources.require), .fallback = "false", .help = "Refuse to start where one of the limits above would not hold."},

	{.name = "syscalls", .type = SCHEMA_SECTION, .help = "What may be asked of the kernel. deny is stronger than rules, rules than allow."},
	{.name = "syscalls.default", .type = SCHEMA_TEXT, AT(syscalls.fallback), .accept = syntax_action, .fallback = "ENOSYS", .help = "For a call in no list: allow, log, kill or an errno."},
	{.name = "syscalls.allow", .type = SCHEMA_TEXTS, AT(syscalls.allow), .accept = syntax_call, .help = "Calls and @groups that work."},
	{.name = "syscalls.deny", .type = SCHEMA_TEXTS, AT(syscalls.deny), .accept = syntax_call, .help = "Calls and @groups that fail with EPERM."},
	{.name = "syscalls.rules", .type = SCHEMA_RECORDS, AT(syscalls.rules), COUNT(syscalls.rule_count), .fields = rule_fields, .record_size = sizeof(struct profile_rule), .help = "Decisions by an argument's value."},

	{.name = "capabilities", .type = SCHEMA_TEXTS, AT(capabilities), .accept = syntax_capability, .help = "The capabilities kept, inside the sandbox's own user namespace. A user other than root, chosen by a later profile or the command line, has only those named there."},

	{.name = "environment", .type = SCHEMA_SECTION, .help = "What variables are set."},
	{.name = "environment.inherit", .type = SCHEMA_TEXTS, AT(environment.inherit), .accept = syntax_pattern, .help = "Variables taken over from the caller; * stands for anything."},
	{.name = "environment.set", .type = SCHEMA_PAIRS, AT(environment.set), COUNT(environment.set_count), .accept = syntax_variable, .help = "Variables with these values."},

	{.name = "process", .type = SCHEMA_SECTION, .help = "How the program runs."},
	{.name = "process.hostname", .type = SCHEMA_TEXT, AT(process.hostname), .accept = syntax_hostname, .fallback = "carrel", .help = "The name of the machine."},
	{.name = "process.workdir", .type = SCHEMA_TEXT, AT(process.workdir), .accept = syntax_path, .help = "The working directory."},
	{.name = "process.umask", .type = SCHEMA_MODE, AT(process.umask), .min = 0, .max = 0777, .fallback = "0022", .help = "The umask, octal."},
	{.name = "process.new_namespaces", .type = SCHEMA_BOOL, AT(process.new_namespaces), .fallback = "false", .help = "Whether the program may make user namespaces of its own."},
	{.name = "process.keyring", .type = SCHEMA_TEXT, AT(process.keyring), .words = keyring_words, .fallback = "own", .help = "A new session keyring of its own, or none at all."},

	{.name = "require", .type = SCHEMA_TEXTS, AT(require), .words = guarantee_words, .help = "Guarantees without which it must not start."},
	{.name = NULL},
};

static const struct {
	enum schema_merge merge;
	const char *wants;
} types[SCHEMA_TYPE_MAX] = {
	[SCHEMA_SECTION] = {MERGE_BY_KEY, "a map"},
	[SCHEMA_EXTENDS] = {MERGE_REPLACE, "the name or the path of a profile"},
	[SCHEMA_TEXT] = {MERGE_REPLACE, "a text"},
	[SCHEMA_CHOICE] = {MERGE_REPLACE, "a word"},
	[SCHEMA_ROOT] = {MERGE_REPLACE, "host, image, none, dir:/path or image:REF"},
	[SCHEMA_BOOL] = {MERGE_REPLACE, "true or false"},
	[SCHEMA_SIZE] = {MERGE_REPLACE, "a size such as 512M"},
	[SCHEMA_DURATION] = {MERGE_REPLACE, "a duration such as 90s or 2h30m"},
	[SCHEMA_NUMBER] = {MERGE_REPLACE, "a whole number"},
	[SCHEMA_THOUSANDTHS] = {MERGE_REPLACE, "a number such as 2 or 1.5"},
	[SCHEMA_MODE] = {MERGE_REPLACE, "an octal number such as 0755"},
	[SCHEMA_BITS] = {MERGE_REPLACE, "a number such as 0xff or a name such as TIOCSTI"},
	[SCHEMA_TEXTS] = {MERGE_APPEND, "a list"},
	[SCHEMA_PAIRS] = {MERGE_BY_KEY, "a map of names and texts"},
	[SCHEMA_RECORDS] = {MERGE_APPEND, "a list of maps"},
};

enum schema_merge schema_merges(enum schema_type type)
{
	return types[type].merge;
}

const char *schema_wants(enum schema_type type)
{
	return types[type].wants;
}

const char *schema_leaf(const struct schema_key *key)
{
	const char *dot = strrchr(key->name, '.');

	return dot ? dot + 1 : key->name;
}

bool schema_may_be_none(const struct schema_key *key)
{
	return key->type >= SCHEMA_SIZE && key->type < SCHEMA_BITS && !key->fallback && !key->required;
}

bool schema_is_in(const struct schema_key *key, const struct schema_key *section)
{
	size_t len = section ? strlen(section->name) : 0;

	if (!section)
		return !strchr(key->name, '.');
	return strncmp(key->name, section->name, len) == 0 && key->name[len] == '.';
}

const struct schema_key *schema_find_at_top(const struct schema_key *table, const char *name)
{
	for (const struct schema_key *key = table; key->name; key++)
		if (strcmp(key->name, name) == 0 && !strchr(name, '.'))
			return key;
	return NULL;
}

const struct schema_key *schema_find_in(const struct schema_key *section, const char *name)
{
	if (!section)
		return schema_find_at_top(schema_table, name);
	size_t len = strlen(section->name) + 1;

	/* A section's lines follow it. */
	for (const struct schema_key *key = section + 1; key->name && schema_is_in(key, section); key++)
		if (strcmp(key->name + len, name) == 0)
			return key;
	return NULL;
}

const struct schema_key *schema_find(const char *name)
{
	for (const struct schema_key *key = schema_table; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}
