/* What may stand in an image's fields, wherever they come from: a configuration, a record. No library is needed. */
#ifndef CARREL_IMAGE_IMAGE_CHECK_H
#define CARREL_IMAGE_IMAGE_CHECK_H

#include <stdbool.h>

/* "NAME=value", with a name. */
bool image_variable_is_valid(const char *text);
/* A signal's name or number, "SIGTERM", "RTMIN+3", "15". */
bool image_signal_is_valid(const char *text);
/* RFC 3339, section 5.6: "2024-05-06T07:08:09.123456789Z", "…+02:00". */
bool image_time_is_valid(const char *text);

#endif
