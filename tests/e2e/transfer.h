/* For tests that pull and push: a store of their own, and is it as it should be? */
#ifndef CARREL_TESTS_E2E_TRANSFER_H
#define CARREL_TESTS_E2E_TRANSFER_H

#include "e2e/registry.h"

/* The environment of a run: the store harness_path(store), a home of its own, and the authority of `server` where that is not NULL. */
const char *const *transfer_env(const char *store, const struct registry_server *server);

/* The account of `server`, if it wants one, into the home's ~/.docker/config.json. */
void transfer_log_in(const struct registry_server *server);

/* Every blob is what its name says, every reference leads to a record whose blobs and layers are there, and nothing is half done. */
void transfer_expect_good(const char *name, const char *store);

/* This file of some layer of the store has this text. */
void transfer_expect_file(const char *name, const char *store, const char *file, const char *text);

/* The references in the store, one a line. */
const char *transfer_references(const char *store);

#endif
