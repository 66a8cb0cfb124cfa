#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "unit/profile/folder.h"
#include "util/mem.h"

/* The command with its words; what it printed is looked at by the caller. */
static int run(const char *words)
{
	char *text = mem_strdup(words), *argv[8];
	int argc = 0;

	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	int status = cmd_profile(argc, argv);
	free(text);
	return status;
}

static void redirect(void)
{
	(void)setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	cr_redirect_stdout();
	cr_redirect_stderr();
}

Test(cmd_profile, schema, .init = redirect)
{
	char start[16] = "";

	cr_expect_eq(run("profile schema"), 0);
	(void)fflush(stdout);
	cr_expect_eq(fread(start, 1, 2, cr_get_redirected_stdout()), 2);
	cr_expect_str_eq(start, "{\n");
}

Test(cmd_profile, show, .init = redirect)
{
	char text[65] = "";

	cr_expect_eq(run("profile show --origins profiles/default.yaml"), 0);
	(void)fflush(stdout);
	cr_expect_gt(fread(text, 1, sizeof(text) - 1, cr_get_redirected_stdout()), 0);
	cr_expect_eq(strncmp(text, "description: ", 13), 0, "%s", text);
}

Test(cmd_profile, wrong, .init = redirect)
{
	static const char *const cases[] = {"profile", "profile frob", "profile check", "profile check /nonexistent.yaml", "profile check /dev/null.yaml", "profile show nosuchprofile",
		"profile list extra", "profile list --frob", "profile schema --json=maybe"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(run(cases[i]), EXIT_CARREL, "%s", cases[i]);
}

/* All files are looked at; one that is wrong decides. */
Test(cmd_profile, check, .init = redirect)
{
	struct folder folder;
	char words[256];

	folder_init(&folder);
	folder_put(&folder, "good.yaml", "syscalls: {default: log}\n");
	folder_put(&folder, "bad.yaml", "syscalls: {default: log, deny: [\"@no-such-group\"]}\n");
	(void)snprintf(words, sizeof(words), "profile check %s/good.yaml", folder.path);
	cr_expect_eq(run(words), 0);
	(void)snprintf(words, sizeof(words), "profile check %s/bad.yaml %s/good.yaml", folder.path, folder.path);
	cr_expect_eq(run(words), EXIT_CARREL);
	folder_done(&folder);
}
