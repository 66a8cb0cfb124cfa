#include "isolate/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/mem.h"

/* By number (linux/capability.h). The last four came with 3.16 (audit_read), 5.8 (perfmon, bpf) and 5.9 (checkpoint_restore). */
static const char *const cap_names[] = {
	"cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill", "cap_setgid", "cap_setuid", "cap_setpcap",
	"cap_linux_immutable", "cap_net_bind_service", "cap_net_broadcast", "cap_net_admin", "cap_net_raw", "cap_ipc_lock", "cap_ipc_owner",
	"cap_sys_module", "cap_sys_rawio", "cap_sys_chroot", "cap_sys_ptrace", "cap_sys_pacct", "cap_sys_admin", "cap_sys_boot", "cap_sys_nice",
	"cap_sys_resource", "cap_sys_time", "cap_sys_tty_config", "cap_mknod", "cap_lease", "cap_audit_write", "cap_audit_control", "cap_setfcap",
	"cap_mac_override", "cap_mac_admin", "cap_syslog", "cap_wake_alarm", "cap_block_suspend", "cap_audit_read", "cap_perfmon", "cap_bpf",
	"cap_checkpoint_restore",
};

enum { CAP_LIMIT = 64 };

/* prctl is variadic: what the kernel reads as long must be passed as long. */
static int cap_prctl(int option, unsigned long a, unsigned long b)
{
	return prctl(option, a, b, 0UL, 0UL);
}

static uint64_t bit(unsigned number)
{
	return UINT64_C(1) << number;
}

/* One more than the highest capability of the running kernel: the bounding set answers EINVAL beyond it (prctl(2)). Newer kernels have more than our
 * table, and those must be dropped as well. */
static unsigned kernel_caps(void)
{
	unsigned number = ARRAY_SIZE(cap_names);

	while (number > 0 && cap_prctl(PR_CAPBSET_READ, number - 1, 0) < 0)
		number--;
	while (number < CAP_LIMIT && number >= ARRAY_SIZE(cap_names) && cap_prctl(PR_CAPBSET_READ, number, 0) >= 0)
		number++;
	return number;
}

int caps_parse(const char *name, uint64_t *ret_mask)
{
	if (strcasecmp(name, "ALL") == 0) {
		unsigned count = kernel_caps();

		*ret_mask = count >= CAP_LIMIT ? UINT64_MAX : bit(count) - 1;
		return 0;
	}
	if (strncasecmp(name, "cap_", 4) == 0)
		name += 4;
	for (unsigned i = 0; i < ARRAY_SIZE(cap_names); i++) {
		if (strcasecmp(name, cap_names[i] + 4) == 0) {
			*ret_mask = bit(i);
			return 0;
		}
	}
	return -EINVAL;
}

const char *caps_name(unsigned number)
{
	return number < ARRAY_SIZE(cap_names) ? cap_names[number] : NULL;
}

uint64_t caps_docker_default(void)
{
	static const unsigned char kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP,
	    CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE, CAP_SETFCAP};
	uint64_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		mask |= bit(kept[i]);
	return mask;
}

int caps_bound(uint64_t keep, struct error *err)
{
	unsigned count = kernel_caps();

	for (unsigned i = 0; i < count; i++) {
		if (keep & bit(i))
			continue;
		if (cap_prctl(PR_CAPBSET_DROP, i, 0) < 0) {
			/* Without CAP_SETPCAP what is already out need not be dropped. */
			if (errno == EPERM && cap_prctl(PR_CAPBSET_READ, i, 0) == 0)
				continue;
			const char *name = caps_name(i);
			return error_set(err, errno, "cannot drop %s (number %u) from the bounding set", name ? name : "a capability", i);
		}
	}
	return 0;
}

/* capset(2) itself: libcap's cap_set_proc makes a dozen calls of it, and knows no ambient set before 2.26. */
static int set_three(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
	    {.effective = (uint32_t)effective, .permitted = (uint32_t)permitted, .inheritable = (uint32_t)inheritable},
	    {.effective = (uint32_t)(effective >> 32), .permitted = (uint32_t)(permitted >> 32), .inheritable = (uint32_t)(inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int caps_permitted(uint64_t *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int fail_missing(uint64_t missing, struct error *err)
{
	const char *name = caps_name((unsigned)__builtin_ctzll(missing));

	(void)error_set(err, EPERM, "cannot keep the capability %s", name ? name : "asked for");
	(void)error_cause(err, "the sandbox does not hold it itself at this point");
	return error_hint(err, "leave it out of 'capabilities', or run as user 0 inside ('identity: {user: root}')");
}

int caps_apply(uint64_t keep, unsigned uid, struct error *err)
{
	uint64_t inherited = uid == 0 ? 0 : keep, permitted = 0;
	int r = caps_permitted(&permitted);

	if (r < 0)
		return error_set(err, -r, "cannot read the capabilities");
	if (keep & ~permitted)
		return fail_missing(keep & ~permitted, err);
	/* The ambient set can only be emptied while nothing forbids it, and never holds what is not inheritable (capabilities(7)). */
	if (cap_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0) < 0) /* 4.3 */
		return error_set(err, errno, "cannot empty the ambient capabilities");
	r = set_three(keep, keep, inherited);
	if (r < 0)
		return error_set(err, -r, "cannot set the capabilities");
	for (unsigned i = 0; i < CAP_LIMIT; i++) {
		if (!(inherited & bit(i)))
			continue;
		if (cap_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i) < 0)
			return error_set(err, errno, "cannot keep the capability %s across execve", caps_name(i) ? caps_name(i) : "asked for");
	}
	return 0;
}
