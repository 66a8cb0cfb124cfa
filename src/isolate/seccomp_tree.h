/* The dispatch by number, as BPF: a binary tree over runs of neighbouring numbers with one result.
 *
 * Names and numbers are libseccomp's, the tree is not: libseccomp compares with each number by itself, and what the kernel does with a filter when it is
 * installed (check, compile, try each number for its bitmap) takes as long as the filter is. Docker's list has 370 calls in 60 runs: a seventh of the
 * instructions, and 0.05 ms at each start instead of 0.2. A test compares the two over the whole table.
 */
#ifndef CARREL_ISOLATE_SECCOMP_TREE_H
#define CARREL_ISOLATE_SECCOMP_TREE_H

#include <linux/audit.h>

#include "isolate/seccomp.h"

#if defined(__x86_64__)
#define SECCOMP_TREE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SECCOMP_TREE_ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH_ is this machine's, and has its table numbers that another ABI shares?"
#endif

/* The program that returns results[number]; `otherwise` for a number beyond the table, which x32's are, and for every other architecture (int 0x80).
 * The caller frees ret->code. */
void seccomp_tree_build(const uint32_t *results, size_t count, uint32_t otherwise, struct seccomp_program *ret);

#endif
