#include <criterion/criterion.h>
#include <string.h>

#include "run/request.h"
#include "util/mem.h"

static const char label[] = "command line --test";

typedef int verb(struct request *request, const char *text, const char *label, struct error *err);

/* What each notation becomes in filesystem.mounts, or why not. */
static const struct {
	verb *verb;
	const char *text, *yaml, *cause;
} cases[] = {
	{request_add_volume, "/a:/b", "[{path: \"/b\", from: \"/a\", mode: \"rw\"}]", NULL},
	{request_add_volume, "/a:/b:ro", "[{path: \"/b\", from: \"/a\", mode: \"ro\"}]", NULL},
	{request_add_volume, "/a:/b:ro,noexec,optional", "[{path: \"/b\", from: \"/a\", mode: \"ro\", exec: false, optional: true}]", NULL},
	{request_add_volume, "/a:/b:O,z", "[{path: \"/b\", from: \"/a\", mode: \"discard\"}]", NULL},
	{request_add_volume, "/a:/b:keep", "[{path: \"/b\", from: \"/a\", mode: \"keep\"}]", NULL},
	{request_add_volume, "./a:/b", "[{path: \"/b\", from: \"/home/ada/./a\", mode: \"rw\"}]", NULL},
	{request_add_volume, ".:/b", "[{path: \"/b\", from: \"/home/ada/.\", mode: \"rw\"}]", NULL},
	{request_add_volume, "~/a:~/a", "[{path: \"~/a\", from: \"~/a\", mode: \"rw\"}]", NULL},
	{request_add_volume, "$PWD/a:/b", "[{path: \"/b\", from: \"$PWD/a\", mode: \"rw\"}]", NULL},
	{request_add_volume, "/a\", mode: rw}, {\"x:/b", NULL, "'/b' is no mode"},
	{request_add_volume, "/a\"}, {\"x:/b:ro", "[{path: \"/b\", from: \"/a\\\"}, {\\\"x\", mode: \"ro\"}]", NULL},
	{request_add_volume, "/a b:/c\"d", "[{path: \"/c\\\"d\", from: \"/a b\", mode: \"rw\"}]", NULL},
	{request_add_volume, "data:/b", NULL, "named volumes are not in this version"},
	{request_add_volume, "/b", NULL, "it says no path in the sandbox"},
	{request_add_volume, "/a:b", NULL, "the path in the sandbox, 'b', is not absolute"},
	{request_add_volume, "/a:", NULL, "it says no path in the sandbox"},
	{request_add_volume, ":/b", NULL, "it is not SOURCE:PATH[:MODE]"},
	{request_add_volume, "", NULL, "it is not SOURCE:PATH[:MODE]"},
	{request_add_volume, "/a:/b:wr", NULL, "'wr' is no mode"},
	{request_add_volume, "/a:/b:", NULL, "'' is no mode"},
	{request_add_volume, "/a:/b:ro:x", NULL, "'ro:x' is no mode"},
	{request_add_volume, "/\xff:/b", NULL, "it has bytes that are not UTF-8, which no profile can hold"},

	{request_add_tmpfs, "/t", "[{path: \"/t\", tmpfs: \"0\"}]", NULL},
	{request_add_tmpfs, "/t:size=64m,mode=1777", "[{path: \"/t\", tmpfs: \"64m\", file_mode: \"1777\"}]", NULL},
	{request_add_tmpfs, "/t:rw,noexec,nosuid,nodev", "[{path: \"/t\", tmpfs: \"0\", exec: false}]", NULL},
	{request_add_tmpfs, "t", NULL, "the path in the sandbox, 't', is not absolute"},
	{request_add_tmpfs, "/t:ro", NULL, "'ro' is no option of a tmpfs"},
	{request_add_tmpfs, "/t:uid=3", NULL, "'uid=3' is no option of a tmpfs"},

	{request_add_mount, "type=bind,source=/a,target=/b", "[{path: \"/b\", from: \"/a\", mode: \"rw\"}]", NULL},
	{request_add_mount, "src=a,dst=/b,readonly,type=bind", "[{path: \"/b\", from: \"/home/ada/a\", mode: \"ro\"}]", NULL},
	{request_add_mount, "type=bind,src=/a,destination=/b,readonly=false", "[{path: \"/b\", from: \"/a\", mode: \"rw\"}]", NULL},
	{request_add_mount, "type=bind,src=/a,dst=/b,ro=true,optional=1", "[{path: \"/b\", from: \"/a\", mode: \"ro\", optional: true}]", NULL},
	{request_add_mount, "type=bind,src=/a,dst=/b,mode=discard", "[{path: \"/b\", from: \"/a\", mode: \"discard\"}]", NULL},
	{request_add_mount, "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0700", "[{path: \"/t\", tmpfs: \"1m\", file_mode: \"0700\"}]", NULL},
	{request_add_mount, "type=tmpfs,dst=/t,src=/a", NULL, "'src' is no field of a tmpfs mount"},
	{request_add_mount, "type=bind,src=/a,dst=/b,tmpfs-size=1m", NULL, "'tmpfs-size' is no field of a bind mount"},
	{request_add_mount, "type=bind,src=/a", NULL, "it says no path in the sandbox"},
	{request_add_mount, "type=bind,dst=/b", NULL, "the path is empty"},
	{request_add_mount, "type=bind,src=/a,dst=/b,", NULL, "'' is no field of a bind mount"},
	{request_add_mount, "type=volume,src=a,dst=/b", NULL, "named volumes are not in this version"},
	{request_add_mount, "src=a,dst=/b", NULL, "named volumes are not in this version"},
	{request_add_mount, "type=nfs", NULL, "'nfs' is no type of mount"},

	{request_add_device, "/dev/fuse", "[{path: \"/dev/fuse\", from: \"/dev/fuse\", mode: \"rw\"}]", NULL},
	{request_add_device, "/dev/kvm:/dev/other", "[{path: \"/dev/other\", from: \"/dev/kvm\", mode: \"rw\"}]", NULL},
	{request_add_device, "/dev/kvm:r", "[{path: \"/dev/kvm\", from: \"/dev/kvm\", mode: \"ro\"}]", NULL},
	{request_add_device, "/dev/kvm:/dev/x:rwm", "[{path: \"/dev/x\", from: \"/dev/kvm\", mode: \"rw\"}]", NULL},
	{request_add_device, "/dev/kvm:rx", NULL, "'rx' is not made of r, w and m"},
	{request_add_device, "vendor.com/gpu=all", NULL, "only a node beneath /dev can be given to a sandbox in this version"},
	{request_add_device, "/devil", NULL, "only a node beneath /dev can be given to a sandbox in this version"},
};

Test(request_mount, notations)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error err = {0};
		struct request request;

		request_init(&request);
		request.cwd = "/home/ada";
		int r = cases[i].verb(&request, cases[i].text, label, &err);
		cr_expect_eq(r == 0, cases[i].cause == NULL, "%s: %d", cases[i].text, r);
		cr_expect_str_eq(err.cause, cases[i].cause ? cases[i].cause : "", "%s: %s", cases[i].text, err.cause);
		cr_expect_eq(request.override_count, r == 0 ? 1 : 0, "%s", cases[i].text);
		if (r == 0) {
			cr_expect_str_eq(request.overrides[0].key, "filesystem.mounts", "%s", cases[i].text);
			cr_expect_str_eq(request.overrides[0].yaml, cases[i].yaml, "%s: %s", cases[i].text, request.overrides[0].yaml);
			cr_expect_str_eq(request.overrides[0].label, label, "%s", cases[i].text);
		}
		request_done(&request);
	}
}
