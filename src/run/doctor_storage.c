/* Checks of storage: layers, filesystem types, the runtime directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "isolate/explain.h"
#include "isolate/overlay.h"
#include "isolate/packages.h"
#include "run/doctor.h"
#include "util/fd.h"
#include "util/mem.h"
#include "util/path.h"
#include "util/proc.h"

enum {
	VERSION_TEXT = 4096,
	VERSION_TIMEOUT_MS = 10000,
};

/* The superblock's magic number (statfs(2), linux/magic.h and those of filesystems outside the kernel). `remote`: no upper layer of the kernel's
 * overlay, ids of a range refused, slow for many small files. */
static const struct {
	unsigned long magic;
	const char *name;
	bool remote;
} filesystems[] = {
	{0xEF53, "ext4", false}, {0x58465342, "xfs", false}, {0x9123683E, "btrfs", false}, {0x01021994, "tmpfs", false}, {0x2FC12FC1, "zfs", false},
	{0xF2F52010, "f2fs", false}, {0xCA451A4E, "bcachefs", false}, {0x794C7630, "overlay", false}, {0x4D44, "vfat", false}, {0x5346544E, "ntfs", false},
	{0x2011BAB0, "exfat", false}, {0xF15F, "ecryptfs", false}, {0x858458F6, "ramfs", false}, {0x73717368, "squashfs", false}, {0x187, "autofs", true},
	{0x6969, "nfs", true}, {0x0BD00BD0, "lustre", true}, {0x47504653, "gpfs", true}, {0x00C36400, "ceph", true}, {0x5346414F, "afs", true},
	{0xFF534D42, "cifs", true}, {0xFE534D42, "smb", true}, {0x517B, "smb", true}, {0x65735546, "fuse", true}, {0x19830326, "beegfs", true},
	{0x01021997, "9p", true}, {0x20030528, "orangefs", true}, {0x6B414653, "afs", true}, {0xAAD7AAEA, "panfs", true}, {0x6A656A63, "virtiofs", true},
};

static void name_filesystem(const struct statfs *info, char *buffer, size_t size, bool *ret_remote)
{
	unsigned long magic = (unsigned long)info->f_type & 0xFFFFFFFF;

	*ret_remote = false;
	(void)snprintf(buffer, size, "type 0x%lx", magic);
	for (size_t i = 0; i < ARRAY_SIZE(filesystems); i++) {
		if (filesystems[i].magic != magic)
			continue;
		(void)snprintf(buffer, size, "%s", filesystems[i].name);
		*ret_remote = filesystems[i].remote;
		return;
	}
}

/* $CARREL_ROOT, else $XDG_DATA_HOME/carrel, else ~/.local/share/carrel; NULL: no home. */
static const char *store_path(struct arena *arena)
{
	const char *root = getenv("CARREL_ROOT"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (root && *root == '/')
		return path_clean(arena, root);
	if (data && *data == '/')
		return path_join(arena, data, "carrel");
	return home && *home == '/' ? path_join(arena, home, ".local/share/carrel") : NULL;
}

/* The folder itself or the nearest above it that is there: what will be made below is on the same filesystem. */
static const char *nearest_folder(struct arena *arena, const char *path)
{
	struct stat info;

	while (stat(path, &info) < 0 && strcmp(path, "/"))
		path = path_dirname(arena, path);
	return path;
}

static void examine_folder(struct doctor_row *row, const char *path)
{
	struct arena arena = {0};
	const char *folder = nearest_folder(&arena, path);
	struct statfs info;
	char type[32];
	bool remote;

	if (statfs(folder, &info) < 0) {
		doctor_say(row, DOCTOR_MISSING, "%s: %s", folder, strerror(errno));
		goto out;
	}
	name_filesystem(&info, type, sizeof(type), &remote);
	doctor_say(row, DOCTOR_WORKS, "%s on %s, %llu MiB free%s", path, type, (unsigned long long)info.f_bavail * (unsigned long long)info.f_bsize >> 20,
	    strcmp(folder, path) ? " (not made yet)" : "");
	if ((info.f_flags & ST_RDONLY) || access(folder, W_OK) < 0) {
		row->state = DOCTOR_MISSING;
		doctor_consequence(row, "nothing can be written there");
	} else if (remote) {
		row->state = DOCTOR_DEGRADED;
		doctor_consequence(row, "a network filesystem: slow for many small files; most refuse the ids of a range and the kernel's overlay");
	}
out:
	arena_done(&arena);
}

void doctor_store(struct doctor_row *row)
{
	struct arena arena = {0};
	const char *path = store_path(&arena);

	if (path) {
		examine_folder(row, path);
	} else {
		doctor_say(row, DOCTOR_MISSING, "HOME is not set, nor XDG_DATA_HOME, nor CARREL_ROOT");
		doctor_consequence(row, "images and kept sandboxes have no place");
	}
	if (row->state != DOCTOR_WORKS)
		doctor_command(row, "export CARREL_ROOT=/var/tmp/carrel-$(id -u)  (any folder of yours on a local disk)");
	arena_done(&arena);
}

void doctor_home(struct doctor_row *row)
{
	const char *home = getenv("HOME");

	if (home && *home == '/') {
		examine_folder(row, home);
		return;
	}
	doctor_say(row, DOCTOR_DEGRADED, "HOME is not set");
	doctor_consequence(row, "profiles of your own are not found, and `hide: [~/…]` has no meaning");
	doctor_command(row, "export HOME=$(getent passwd $(id -u) | cut -d: -f6)");
}

/* --- layers --- */

static void probe_overlay(struct doctor_row *row, const char *folder)
{
	if (folder && access(folder, W_OK) < 0) {
		doctor_say(row, DOCTOR_DEGRADED, "%s: %s", folder, strerror(errno));
		doctor_consequence(row, "layers cannot be kept there");
	} else if (overlay_probe_kernel(folder, NULL)) {
		doctor_say(row, DOCTOR_WORKS, "mounted with its upper layer on %s", folder ? folder : "a tmpfs");
	} else {
		doctor_say(row, DOCTOR_DEGRADED, "the kernel refuses an upper layer on %s", folder ? folder : "a tmpfs");
		doctor_consequence(row, "fuse-overlayfs is used there, which is several times slower (the kernel's wants 5.11, and a local filesystem)");
	}
}

void doctor_overlay_store(struct doctor_row *row)
{
	struct arena arena = {0};
	const char *path = store_path(&arena);

	if (path) {
		probe_overlay(row, nearest_folder(&arena, path));
	} else {
		doctor_say(row, DOCTOR_DEGRADED, "there is no store");
		doctor_consequence(row, "layers in memory only");
	}
	arena_done(&arena);
}

void doctor_overlay_tmp(struct doctor_row *row)
{
	const char *folder = getenv("TMPDIR");

	probe_overlay(row, folder && *folder == '/' ? folder : "/tmp");
}

void doctor_overlay_memory(struct doctor_row *row)
{
	probe_overlay(row, NULL);
	if (row->state != DOCTOR_WORKS)
		doctor_consequence(row, "discarded writes go to disk, or through fuse-overlayfs (the kernel's overlay wants 6.6 for a tmpfs)");
}

void doctor_fuse_device(struct doctor_row *row)
{
	cleanup_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		doctor_say(row, DOCTOR_WORKS, "can be opened");
		return;
	}
	doctor_say(row, DOCTOR_DEGRADED, "cannot be opened: %s", strerror(errno));
	doctor_consequence(row, "fuse-overlayfs does not work: layers only where the kernel's overlay is allowed");
	if (errno == ENOENT)
		doctor_command(row, "sudo modprobe fuse  (a container gets it by  --device /dev/fuse)");
	else if (errno == EACCES)
		doctor_command(row, "sudo chmod 666 /dev/fuse");
	else
		doctor_command(row, "start the outer container with  --device /dev/fuse");
}

void doctor_fuse_overlayfs(struct doctor_row *row)
{
	struct arena arena = {0};
	cleanup_free char *text = NULL;
	cleanup_free char *path = proc_find_program("fuse-overlayfs", PROC_SYSTEM_PATH);
	char option[] = "--version", version[32] = "of an unknown version";
	char *argv[] = {path, option, NULL};
	const char *line;

	if (!path) {
		doctor_say(row, DOCTOR_DEGRADED, "not installed");
		doctor_consequence(row, "no layers on filesystems that the kernel's overlay refuses (NFS, Lustre), nor on kernels before 5.11");
		doctor_command(row, "%s", packages_install_command(&arena, PACKAGE_FUSE_OVERLAYFS));
	} else if (proc_capture(argv, VERSION_TEXT, VERSION_TIMEOUT_MS, &text) != 0) {
		doctor_say(row, DOCTOR_DEGRADED, "%s cannot be started", path);
		doctor_consequence(row, "no layers on filesystems that the kernel's overlay refuses");
	} else {
		line = strstr(text, "fuse-overlayfs: version ");
		if (line)
			(void)sscanf(line, "fuse-overlayfs: version %31s", version);
		doctor_say(row, DOCTOR_WORKS, "%s %s", path, version);
	}
	arena_done(&arena);
}

/* --- runtime directory --- */

void doctor_runtime_directory(struct doctor_row *row)
{
	const char *path = getenv("XDG_RUNTIME_DIR");
	struct stat info;

	if (!path || *path != '/') {
		doctor_say(row, DOCTOR_DEGRADED, "XDG_RUNTIME_DIR is not set");
	} else if (stat(path, &info) < 0) {
		doctor_say(row, DOCTOR_DEGRADED, "%s: %s", path, strerror(errno));
	} else if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
		doctor_say(row, DOCTOR_DEGRADED, "%s is not a directory of yours", path);
	} else if (info.st_mode & 077) {
		doctor_say(row, DOCTOR_DEGRADED, "%s is open to others (mode %04o)", path, info.st_mode & 07777);
		doctor_command(row, "chmod 700 %s", path);
	} else {
		doctor_say(row, DOCTOR_WORKS, "%s", path);
		return;
	}
	doctor_consequence(row, "carrel uses a folder of its own instead; what is remembered between runs may be tried anew");
	if (!row->command[0])
		doctor_command(row, "sudo loginctl enable-linger %s && export XDG_RUNTIME_DIR=/run/user/$(id -u)", getenv("USER") ? "$USER" : "$(id -un)");
}
