/* Questions to the person at the terminal that is our stdin. */
#ifndef CARREL_CLI_PROMPT_H
#define CARREL_CLI_PROMPT_H

#include <stdbool.h>

#include "util/error.h"

bool prompt_is_possible(void);
/* The line that was typed, without its end, malloced. With `hidden` it is not echoed; a signal that ends us puts the terminal right first. -ECANCELED: the end of
 * input (^D). */
int prompt_line(const char *question, bool hidden, char **ret, struct error *err) MUST_CHECK;

#endif
