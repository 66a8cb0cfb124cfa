/* Paths: joining and cleaning as text (pure), and opening and making them beneath a root that is not ours to trust.
 *
 * Text functions never look at the filesystem. The *_in functions resolve with openat2(2) RESOLVE_IN_ROOT and
 * RESOLVE_NO_MAGICLINKS: a symlink, absolute or with .., stays inside `root_fd`, and /proc/self/fd/N leads nowhere.
 */
#ifndef CARREL_UTIL_PATH_H
#define CARREL_UTIL_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/mem.h"

/* Absolute, without //, /./, trailing / and with .. taken back as text. "" and relative paths are not accepted
 * (assert); join first. */
char *path_clean(struct arena *arena, const char *path);
/* `path` itself when it is absolute, else DIR/path; cleaned. */
char *path_join(struct arena *arena, const char *dir, const char *path);
/* Is `path` the directory `dir` or below it? Both cleaned. */
bool path_is_beneath(const char *path, const char *dir);
const char *path_basename(const char *path);
char *path_dirname(struct arena *arena, const char *path);

/* open(2) of `path` inside `root_fd`; O_CLOEXEC is added. A descriptor or -errno. */
int path_open_in(int root_fd, const char *path, int flags) MUST_CHECK;

/* open(2) of `path` beneath `dir_fd`: a symlink that leads out of it, or a magic link, is -EXDEV or -ELOOP. */
int path_open_beneath(int dir_fd, const char *path, int flags) MUST_CHECK;

/* Like path_open_in(O_PATH), and makes the missing components: directories of mode 0755, and as the last one a
 * directory or an empty regular file. Each step is taken on a descriptor, so a racing rename cannot lead it out
 * (CVE-2021-30465, CVE-2024-45310). *ret_made, where asked, says whether anything was created. */
enum path_kind { PATH_DIRECTORY, PATH_FILE };
int path_make_in(int root_fd, const char *path, enum path_kind kind, bool *ret_made) MUST_CHECK;

/* mkdir -p for our own folders (store, runtime directory): every missing component gets `mode`. 0 or -errno. */
int path_make_dirs(const char *path, mode_t mode) MUST_CHECK;

/* Remove a tree of ours, beneath dirfd, never following a symlink and never crossing into another mount.
 * Directories without permission are made accessible first. 0 or the first -errno, after trying all. */
int path_remove_tree(int dirfd, const char *name);

#endif
