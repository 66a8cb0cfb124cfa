/* Does this kernel start programs of other machines (binfmt_misc, Documentation/admin-guide/binfmt-misc.rst), as qemu-user-static has it set up? */
#ifndef CARREL_RUN_BINFMT_H
#define CARREL_RUN_BINFMT_H

#include <stdbool.h>

#define BINFMT_FOLDER "/proc/sys/fs/binfmt_misc"

/* Is there an enabled handler in `folder` for ELF programs of this machine, named as Go does ("arm64")? */
bool binfmt_runs(const char *folder, const char *architecture);

#endif
