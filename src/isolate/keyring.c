#include "isolate/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>

#include "util/sys.h"

enum { NONSENSE = 0x7fff };

int keyring_apply(struct error *err)
{
	/* NULL: anonymous, so that no other sandbox of the same user can join it by name. The old session keyring stays behind with its last process outside. */
	if (sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0) >= 0)
		return 0;
	int errnum = errno;
	/* An outer sandbox's filter that refuses the whole call refuses it to the payload as well; else a nonsense operation would be EOPNOTSUPP. */
	if (errnum == EPERM && sys_keyctl(NONSENSE, 0, 0) < 0 && errno == EPERM)
		return 0;
	if (errnum == ENOSYS)
		return 0; /* CONFIG_KEYS=n, or a filter that hides the calls from the payload as well: no key is in reach */
	(void)error_set(err, errnum, "cannot join a new session keyring");
	if (errnum == EPERM)
		return error_hint(err, "an outer container refuses keyctl(2): there, deny the keyring calls to the payload (syscalls: {deny: [\"@keyring\"]})");
	if (errnum == EDQUOT)
		return error_hint(err, "this user's key quota is used up: see /proc/key-users, and kernel.keys.maxkeys and maxbytes");
	return -errnum;
}
