/* Between request.c and request_mount.c: what both need and no one else does. */
#ifndef CARREL_RUN_REQUEST_PARTS_H
#define CARREL_RUN_REQUEST_PARTS_H

#include "run/request.h"

/* Begin the message "bad value 'TEXT' for --OPTION"; the cause follows by error_cause. */
int request_bad(struct error *err, const char *label, const char *text, int errnum);
/* request_quote with a message. */
int request_quote_for(struct request *request, const char *text, const char *label, const char **ret_yaml, struct error *err) MUST_CHECK;
/* Does it begin as profiles begin a path: /, ~/ or a variable? */
bool request_is_absolute(const char *path);
/* `path` as seen from the caller's directory, absolute. */
int request_absolute(struct request *request, const char *path, const char *label, const char **ret_path, struct error *err) MUST_CHECK;

#endif
