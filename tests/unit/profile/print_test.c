#include "profile/print.h"

#include <criterion/criterion.h>
#include <string.h>

#include "unit/profile/folder.h"

Test(print, origins)
{
	static const char *const lines[] = {
		"  root: \"dir:/srv/a b\"                                  # p.yaml:3\n",
		"  writes: deny                                          # default\n",
		"    - {path: /x, tmpfs: 1M}                             # p.yaml:4\n",
		"  memory: 4G                                            # command line --memory\n",
		"  tasks: none                                           # q.yaml:1\n",
		"  cpus: 1.5                                             # q.yaml:1\n",
		"    A: \"b c\"                                            # p.yaml:5\n",
		"  umask: 0077                                           # p.yaml:6\n",
		"capabilities: []                                        # default\n",
	};
	struct folder folder;
	struct profile *p = NULL;
	struct error err = {0};
	struct buf out = {0};
	const char *names[] = {"p", "q"};

	folder_init(&folder);
	folder_put(&folder, "p.yaml", "description: x\nfilesystem:\n  root: dir:/srv/a b\n  mounts: [{path: /x, tmpfs: 1024K}]\nenvironment: {set: {A: b c}}\nprocess: {umask: 77}\n");
	folder_put(&folder, "q.yaml", "resources: {tasks: none, cpus: 1.500}\n");
	cr_assert_eq(profile_load(&folder.search, names, 2, &p, &err), 0, "%s", folder_error(&folder, &err));
	cr_assert_eq(profile_set(p, "resources.memory", "4096M", "command line --memory", &err), 0);
	print_profile(p, true, &out);
	/* Take the folder's path out. */
	char *text = mem_strdup(out.text);
	for (char *at; (at = strstr(text, folder.path));)
		memmove(at, at + strlen(folder.path) + 1, strlen(at + strlen(folder.path) + 1) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		cr_expect_not_null(strstr(text, lines[i]), "%s in\n%s", lines[i], text);
	cr_expect_null(strstr(text, "memory_high"), "what is not set is not printed");
	free(text);
	buf_done(&out);
	profile_free(p);
	folder_done(&folder);
}
