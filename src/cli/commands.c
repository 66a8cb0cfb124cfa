#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/image_use.h"
#include "profile/suggest.h"
#include "util/mem.h"

static const char *const run_usages[] = {"[OPTIONS] [@PROFILE] IMAGE [ARG…]", "[OPTIONS] [@PROFILE] -- COMMAND [ARG…]", "[OPTIONS] [@PROFILE] --rootfs DIR COMMAND [ARG…]", NULL};
static const char *const run_paragraphs[] = {
	"Runs a command in a sandbox that its profile describes: with its own users, files, network, limits and system calls. "
	"Without a profile this is the profile `default`: the host's files read-only, the working directory writable, the home hidden, no network. "
	"With an image, or with --rootfs, and without a profile it is `container`: the image's user or root inside, Docker's capabilities, writes thrown away. "
	"When the command ends, however it ends, nothing of the sandbox stays.",
	"IMAGE is a reference as for `carrel pull`, or the first digits of an id; it is pulled where it is missing. Its entrypoint, command, variables, user, working directory and "
	"volumes count as they do with Docker. Where IMAGE is named together with a profile, the profile's files and rights hold, and the image is the root.",
	"IMAGE that begins with / or ./ or ../, or ends in .sqfs, .sqsh or .squashfs, is a file: what `carrel pack` has made, or another squashfs.",
	"Exit status: the command's own; 128+n when signal n ended it; 125 when carrel could not do it; 126 when the command could not be executed; 127 when it was not found.",
	NULL,
};
static const struct command_example run_examples[] = {
	{"carrel run -- ./configure", "run a script that you have not read"},
	{"carrel run @build -- make -j8", "build somebody else's source"},
	{"carrel run -it debian:12", "a shell in an image, as docker run"},
	{"carrel run -v $PWD:/src -w /src gcc:13 make", "a compiler of another system on the files here"},
	{"carrel run --rootfs bookworm --network host apt-get install -y jq", "be root in an extracted system"},
	{"carrel run --dry-run @build -- make", "see what the sandbox may do, and which line says so"},
	{NULL, NULL},
};

static const char *const profile_usages[] = {"list [--json]", "show [--origins] NAME|FILE…", "check NAME|FILE…", "schema [--markdown]", NULL};
static const char *const profile_paragraphs[] = {
	"A profile is a YAML file that says what a sandbox may see, use and do. A name is looked for in ~/.config/carrel/profiles, in /etc/carrel/profiles and in the "
	"installation, in this order and never in the working directory; a path has a slash or ends in .yaml.",
	"list: the profiles that are found by name. show: one profile, or several merged, with all that they extend. check: says what is wrong with it, at line and column. "
	"schema: every key, as a JSON schema for editors.",
	NULL,
};
static const struct command_example profile_examples[] = {
	{"carrel profile show --origins build", "see which line of which file says what"},
	{"carrel profile check ./web.yaml", "find mistakes before a run does"},
	{NULL, NULL},
};

static const char *const doctor_usages[] = {"[--json]", NULL};
static const char *const doctor_paragraphs[] = {
	"Tries what a sandbox needs: namespaces, id ranges, layers, filters, limits and networks. Each line says what works, what is degraded and what is missing, "
	"the consequence, and the one command that mends it.",
	"Exit status: 0 when `carrel run` works at all, 1 when it does not.",
	NULL,
};

static const char *const top_usages[] = {"[--sort ORDER] [--delay DURATION]", "--once [--json]", NULL};
static const char *const top_paragraphs[] = {
	"Shows the sandboxes of yours that run: profile, uptime, memory, processor time and tasks against their limits, and the command. On a terminal it goes on until q; "
	"m, c, t and a sort by memory, CPU, tasks and age. 100 CPU% is one processor.",
	"Memory is what the sandbox's control group is charged with, file cache too. Where it has none, it is the sum of each process's share of anonymous and shared memory and "
	"swap, without file cache and without files of temporary filesystems; or the resident size, where the kernel does not tell the share.",
	NULL,
};
static const struct command_example top_examples[] = {
	{"carrel top", "watch them"},
	{"carrel top --json", "one look, for a script"},
	{NULL, NULL},
};

static const char *const rm_usages[] = {"[OPTIONS] NAME…", NULL};
static const char *const rm_paragraphs[] = {
	"Removes what named sandboxes have kept (run --name NAME): their writable layers, also files that belong to subordinate ids. A running one is not removed.",
	NULL,
};

static const char *const pull_usages[] = {"[OPTIONS] IMAGE…", NULL};
static const char *const pull_paragraphs[] = {
	"Fetches images from a registry, layer by layer, and unpacks them while they come. What is there already is not fetched again. Sizes and digests are checked before "
	"anything counts; a pull that is broken off leaves whole layers, which the next one finds.",
	"IMAGE is [REGISTRY[:PORT]/]NAME[:TAG][@DIGEST]; without a registry it is Docker Hub's, without a tag `latest`. Accounts are those of Docker's and podman's files and "
	"helpers (carrel login). Proxies come from the environment (https_proxy, no_proxy). Docker Hub's images are asked for first at the administrator's mirrors, or at the "
	"hosts in CARREL_MIRRORS, with commas between.",
	NULL,
};
static const struct command_example pull_examples[] = {
	{"carrel pull debian:12", "fetch an image"},
	{"carrel pull --platform linux/arm64 alpine", "for another kind of machine"},
	{NULL, NULL},
};

static const char *const push_usages[] = {"[OPTIONS] IMAGE [DESTINATION]", NULL};
static const char *const push_paragraphs[] = {
	"Sends an image to a registry: the layers that are not there yet, then the manifest, byte for byte as they are in the store. DESTINATION is a reference, IMAGE's own otherwise.",
	NULL,
};

static const char *const login_usages[] = {"[OPTIONS] [REGISTRY]", NULL};
static const char *const login_paragraphs[] = {
	"Tries a name and password with a registry and keeps them where Docker and podman find them too: in the file that exists already, else ~/.docker/config.json, or with "
	"the credential helper that the file names.",
	NULL,
};
static const struct command_example login_examples[] = {
	{"pass show registry | carrel login -u ada --password-stdin registry.example.org", "without the password on the command line"},
	{NULL, NULL},
};
static const char *const logout_usages[] = {"[REGISTRY]", NULL};

static const char *const images_usages[] = {"[OPTIONS] [NAME[:TAG]]", NULL};
static const char *const images_paragraphs[] = {
	"The newest first. NAME is a repository (debian), one with its tag (debian:12), or a pattern of the shell's ('registry.example/*'). SIZE is what the image takes in a "
	"registry, layers compressed; `carrel system df` tells what all of them take of the disk.",
	NULL,
};
static const char *const tag_usages[] = {"IMAGE NAME[:TAG]", NULL};
static const char *const rmi_usages[] = {"[OPTIONS] IMAGE…", NULL};
static const char *const rmi_paragraphs[] = {
	"Takes a name away, and with an image's last name the image: its layers go, where no other image has them.", NULL,
};
static const char *const history_usages[] = {"[OPTIONS] IMAGE", NULL};
static const char *const inspect_usages[] = {"IMAGE…", NULL};
static const char *const inspect_paragraphs[] = {
	"Prints what is known of images as a JSON array, with Docker's names for the fields.", NULL,
};

static const char *const save_usages[] = {"[OPTIONS] IMAGE…", NULL};
static const char *const save_paragraphs[] = {
	"Writes images with all their layers into one archive, which `carrel load`, docker load, podman load and skopeo read.", NULL,
};
static const struct command_example save_examples[] = {
	{"carrel save debian:12 | ssh node carrel load", "hand an image over without a registry"},
	{NULL, NULL},
};
static const char *const load_usages[] = {"[OPTIONS]", NULL};
static const char *const load_paragraphs[] = {
	"Reads images from an archive of docker save, carrel save, podman save or skopeo (docker-archive or oci-archive, also compressed).", NULL,
};
static const char *const import_usages[] = {"[OPTIONS] FILE|DIR|- [NAME[:TAG]]", NULL};
static const char *const import_paragraphs[] = {
	"Makes an image of one layer from a root filesystem: a tar archive (compressed as it may be) or a directory.", NULL,
};
static const struct command_example import_examples[] = {
	{"mmdebstrap bookworm - | carrel import --change 'CMD bash' - mine:12", "a Debian of one's own"},
	{NULL, NULL},
};
static const char *const export_usages[] = {"[OPTIONS] IMAGE|SANDBOX", NULL};
static const char *const export_paragraphs[] = {
	"Writes the file tree of an image, or of a kept sandbox (run --name), as one tar archive.", NULL,
};
static const char *const pack_usages[] = {"[OPTIONS] IMAGE|SANDBOX", NULL};
static const char *const pack_paragraphs[] = {
	"Makes one file of an image, or of a kept sandbox (squashfs), which `carrel run ./FILE` mounts and runs without unpacking: to hand to a colleague, or to put on a shared filesystem.", NULL,
};
static const struct command_example pack_examples[] = {
	{"carrel pack -o env.sqfs python:3.12", "one file that holds an environment"},
	{"carrel run ./env.sqfs python3", "and a run from it"},
	{NULL, NULL},
};
static const char *const system_usages[] = {"df [--json]", "prune [--all] [--force]", "reset [--force]", NULL};
static const char *const system_paragraphs[] = {
	"df: what images, layers and sandboxes take of the disk, and how much of it prune would free. prune: removes what nothing refers to; what a sandbox keeps (run --name) stays until "
	"`carrel rm`. reset: removes all images and kept sandboxes, also files that belong to subordinate ids.",
	NULL,
};

static const char *const version_usages[] = {"", NULL};
static const char *const help_usages[] = {"[COMMAND]", NULL};

const struct command commands[] = {
	{"run", "Run a command in a sandbox", run_usages, run_paragraphs, run_options, run_examples, NULL, cmd_run, .runs_program = true, .names = "images"},
	{"top", "Show the sandboxes that run, and what they use", top_usages, top_paragraphs, top_options, top_examples, NULL, cmd_top, .runs_program = false},
	{"rm", "Remove what a named sandbox has kept", rm_usages, rm_paragraphs, rm_options, NULL, NULL, cmd_rm, .runs_program = false, .names = "sandboxes"},
	{"pull", "Fetch an image from a registry", pull_usages, pull_paragraphs, pull_options, pull_examples, NULL, cmd_image, .runs_program = false, .names = "images"},
	{"push", "Send an image to a registry", push_usages, push_paragraphs, push_options, NULL, NULL, cmd_image, .runs_program = false, .names = "images"},
	{"login", "Keep a name and password for a registry", login_usages, login_paragraphs, login_options, login_examples, NULL, cmd_image, .runs_program = false},
	{"logout", "Forget the name and password for a registry", logout_usages, NULL, NULL, NULL, NULL, cmd_image, .runs_program = false},
	{"images", "List images", images_usages, images_paragraphs, images_options, NULL, NULL, cmd_images, .runs_program = false, .names = "images"},
	{"tag", "Give an image another name", tag_usages, NULL, NULL, NULL, NULL, cmd_tag, .runs_program = false, .names = "images"},
	{"rmi", "Remove images", rmi_usages, rmi_paragraphs, rmi_options, NULL, NULL, cmd_rmi, .runs_program = false, .names = "images"},
	{"history", "Show how an image was made", history_usages, NULL, history_options, NULL, NULL, cmd_image, .runs_program = false, .names = "images"},
	{"inspect", "Print all that is known of an image, as JSON", inspect_usages, inspect_paragraphs, json_options, NULL, NULL, cmd_image, .runs_program = false, .names = "images"},
	{"save", "Write images into an archive", save_usages, save_paragraphs, save_options, save_examples, NULL, cmd_image, .runs_program = false, .names = "images"},
	{"load", "Read images from an archive", load_usages, load_paragraphs, load_options, NULL, NULL, cmd_image, .runs_program = false},
	{"import", "Make an image from a root filesystem", import_usages, import_paragraphs, import_options, import_examples, NULL, cmd_image, .runs_program = false},
	{"export", "Write the file tree of an image or a kept sandbox", export_usages, export_paragraphs, export_options, NULL, NULL, cmd_image, .runs_program = false, .names = "images sandboxes"},
	{"pack", "Make one file of an image, to be run as it is", pack_usages, pack_paragraphs, pack_options, pack_examples, NULL, cmd_image, .runs_program = false, .names = "images sandboxes"},
	{"system", "Show and free what the store takes of the disk", system_usages, system_paragraphs, system_options, NULL, "df prune reset", cmd_image, .runs_program = false},
	{"profile", "List, show and check profiles", profile_usages, profile_paragraphs, profile_options, profile_examples, "list show check schema", cmd_profile, .runs_program = false},
	{"doctor", "Say what works on this host, and how to mend the rest", doctor_usages, doctor_paragraphs, doctor_options, NULL, NULL, cmd_doctor, .runs_program = false},
	{"version", "Print the version", version_usages, NULL, NULL, NULL, NULL, cmd_version, .runs_program = false},
	{"help", "Explain a command", help_usages, NULL, NULL, NULL, NULL, cmd_help, .runs_program = false},
	{.name = NULL},
};

/* Commands of the design that are not there yet: who types one from Docker's habit is told so, not asked whether it was a slip. */
static const char *const later[] = {
	"exec", "ps", "logs", "stop", "start", "kill", "wait", "cp", "diff", "commit", "stats", "attach", "pause", "unpause", "rename",
	"build", "volume", "create", "restart",
};

/* Words of Docker, podman and Apptainer for what is found elsewhere. */
static const struct {
	const char *name, *hint;
} elsewhere[] = {
	{"image", "the words behind it are commands: carrel images, pull, push, rmi, tag, save, load, import, history, inspect; and  carrel system prune"},
	{"container", "the words behind it are commands: carrel run, top, rm, export"},
	{"network", "carrel run --network none  or  --network host"},
	{"info", "carrel doctor  tells about this machine,  carrel system df  about the store"},
	{"search", "registries are not searched:  carrel pull NAME  fetches what you know the name of"},
	{"shell", "carrel run IMAGE sh"},
	{"unshare", "carrel run -u root --userns subids -- COMMAND"},
	{"compose", "each service is a  carrel run"},
	{"buildx", "building images is still to come"},
	{"manifest", "carrel pull --platform  and  carrel run --platform  choose from an index"},
};

const struct command *command_find(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

int command_unknown(const char *name, struct error *err)
{
	struct suggestion suggestion = {.wanted = name};

	for (const struct command *command = commands; command->name; command++)
		suggest_offer(&suggestion, command->name);
	(void)error_set(err, EINVAL, "unknown command '%s'", name);
	(void)error_cause(err, "no such command");
	/* Programs have short names, too: `make` is no slip of `save`. */
	if (suggestion.best && (suggestion.distance < 2 || strlen(name) > 5))
		(void)error_hint(err, "did you mean `carrel %s`?", suggestion.best);
	else
		(void)error_hint(err, "`carrel help` lists the commands; to run a program write  carrel run -- %s", name);
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (!strcmp(name, elsewhere[i].name))
			(void)error_hint(err, "%s", elsewhere[i].hint);
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (strcmp(name, later[i]) != 0)
			continue;
		(void)error_set(err, EOPNOTSUPP, "`carrel %s` is not in this version", name);
		(void)error_cause(err, "sandboxes that outlive their command, named volumes, and building images are still to come");
		(void)error_hint(err, !strcmp(name, "ps") ? "`carrel top --once` lists the sandboxes that run" : "`carrel help` lists the commands");
	}
	return err ? -err->code : -EINVAL;
}
