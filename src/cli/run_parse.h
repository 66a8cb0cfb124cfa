/* From the words behind `carrel run` to a request. */
#ifndef CARREL_CLI_RUN_PARSE_H
#define CARREL_CLI_RUN_PARSE_H

#include "cli/options.h"
#include "run/request.h"

/* `request` was begun with request_init, and has its cwd. *ret_help: only the help was asked for, the request is of no use. */
int run_parse(struct request *request, int argc, char *const argv[], bool *ret_help, struct error *err) MUST_CHECK;

#endif
