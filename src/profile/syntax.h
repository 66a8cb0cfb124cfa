/* The form of single texts in a profile, as text: nothing is looked up. Each gives false and says what is wrong. */
#ifndef CARREL_PROFILE_SYNTAX_H
#define CARREL_PROFILE_SYNTAX_H

#include <stdbool.h>

#include "profile/schema.h"

/* "/tmp", "~", "~/x", "$PWD/x": absolute once ~ and a leading or inner $VARIABLE of syntax_variables are expanded. */
bool syntax_path(const char *text, struct complaint *ret);
bool syntax_user(const char *text, struct complaint *ret);         /* self | root | NAME | UID[:GID] */
bool syntax_hostname(const char *text, struct complaint *ret);     /* hostname(7), at most 64 bytes (sethostname(2)) */
bool syntax_publish(const char *text, struct complaint *ret);      /* [ADDRESS:][HOSTPORT:]PORT[/tcp|/udp], ranges A-B */
bool syntax_variable(const char *text, struct complaint *ret);     /* the name of an environment variable */
bool syntax_pattern(const char *text, struct complaint *ret);      /* the same, with * anywhere */
bool syntax_call(const char *text, struct complaint *ret);         /* a system call or an @group */
bool syntax_action(const char *text, struct complaint *ret);       /* allow | log | kill | an errno's name */
bool syntax_capability(const char *text, struct complaint *ret);
bool syntax_cpuset(const char *text, struct complaint *ret);       /* 0-3,6 (cpuset(7), list format) */

/* The variables that paths may name; "XDG_" stands for all with this beginning. NULL-terminated. */
extern const char *const syntax_variables[];

#endif
