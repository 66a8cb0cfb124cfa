/* User accounts as a root filesystem's own files say (passwd(5), group(5)); the files are not trusted: regular, below 1 MiB, resolved inside the
 * root, opened O_NONBLOCK (CVE-2024-9676). */
#ifndef CARREL_ISOLATE_ACCOUNT_H
#define CARREL_ISOLATE_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/mem.h"

struct account {
	uint32_t uid, gid;
	const char *name, *home, *shell; /* in the arena; NULL where no line says */
	uint32_t *groups;                /* supplementary, from /etc/group */
	size_t group_count;
};

/* `user` is Docker's: NAME, UID, NAME:GROUP, UID:GID. A number needs no line (gid 0 then, as Docker). An unknown name is an error that names the root. */
int account_lookup(struct arena *arena, int root_fd, const char *user, struct account *ret, struct error *err) MUST_CHECK;

/* The line of `uid` in /etc/passwd of this host; where there is none (LDAP, systemd-homed), what getent(1) says. Name NULL: nobody knows it. */
int account_of_host(struct arena *arena, uint32_t uid, struct account *ret, struct error *err) MUST_CHECK;

#endif
