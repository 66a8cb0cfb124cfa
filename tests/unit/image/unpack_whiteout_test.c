/* Whiteouts where the kernel lets nobody make the device (before Linux 5.8), and opaque directories where files have no attributes: the archive's own markers
 * stay, which fuse-overlayfs reads, and export (merge_test.c). A system call filter is such a kernel here; a real tmpfs without attributes is in the guests (tests/vm/images.sh). */
#include <criterion/criterion.h>
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/stat.h>

#include "image/unpack.h"
#include "unit/image/inside.h"
#include "unit/image/unpack_attempt.h"
#include "util/mem.h"

TestSuite(unpack_whiteout, .timeout = 60);

static int deny_devices(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mknodat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, S_IFCHR));
}

static int deny_attributes(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EOPNOTSUPP), SCMP_SYS(fsetxattr), 0);
}

static const struct marker_case {
	const char *name;
	int (*deny)(scmp_filter_ctx filter); /* NULL: this kernel as it is */
	const char *tree;                    /* as tar_case's */
} cases[] = {
	{"whiteout", NULL, "also% d/ d/gone% "},
	{"whiteout", deny_devices, ".wh.also= d/ d/.wh.gone= "},
	{"opaque", NULL, "d/! d/x=x "},
	{"opaque", deny_attributes, "d/ d/.wh..wh..opq= d/x=x "},
	{"opaque-root", deny_attributes, ".wh..wh..opq= x=x "},
};

static void try_case(const void *context, struct buf *complaints)
{
	const struct marker_case *c = context;
	struct tar_case tar = *tar_case_find(c->name);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct attempt one;

	if (c->deny && (c->deny(filter) < 0 || seccomp_load(filter) < 0))
		buf_puts(complaints, "there is no filter\n");
	seccomp_release(filter);
	tar.tree = c->tree;
	attempt(&one, &tar, &(const struct unpack_spec){.owner = LAYER_RANGE, .whiteouts = true});
	if (one.result != 0 || strcmp(one.tree.text, c->tree))
		buf_printf(complaints, "%s%s: %d (%s), there is %s\n", c->name, c->deny ? ", denied" : "", one.result, one.err.what, one.tree.text);
	attempt_done(&one, complaints, c->name);
}

Test(unpack_whiteout, leaves_the_markers_where_it_must)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		inside_test(true, try_case, &cases[i]);
}
