/* What <Tab> makes of a line, in real shells: they are started on a terminal and typed at, with a store of a few names. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/images.h"
#include "util/fd.h"

HARNESS_SUITE(completion);

static const char *const images[] = {"debian:12", "registry.example:5000/team/tool:1.5", "app:1", "app:2", "docker.io/ada/jq"};

static const struct line {
	const char *typed, *made;
} lines[] = {
	{"carrel rmi deb", "carrel rmi debian:12 "},
	{"carrel rmi debian:", "carrel rmi debian:12 "},
	{"carrel rmi debian:1", "carrel rmi debian:12 "},
	{"carrel rmi ap", "carrel rmi app:"},
	{"carrel rmi registry.example:5000/te", "carrel rmi registry.example:5000/team/tool:1.5 "},
	{"carrel rmi -f app:1 ad", "carrel rmi -f app:1 ada/jq:latest "},
	{"carrel rmi --fo", "carrel rmi --force "},
	{"carrel rmi bo", "carrel rmi bo"},
	{"carrel history deb", "carrel history debian:12 "},
	{"carrel inspect deb", "carrel inspect debian:12 "},
	{"carrel images deb", "carrel images debian:12 "},
	{"carrel save -o de", "carrel save -o desk "},
	{"carrel save -o desk deb", "carrel save -o desk debian:12 "},
	{"carrel tag deb", "carrel tag debian:12 "},
	{"carrel push deb", "carrel push debian:12 "},
	{"carrel pull deb", "carrel pull debian:12 "},
	{"carrel pull --userns=si", "carrel pull --userns=single "},
	{"carrel rm bo", "carrel rm box "},
	{"carrel rm deb", "carrel rm deb"},
	{"carrel export bo", "carrel export box "},
	{"carrel export deb", "carrel export debian:12 "},
	{"carrel pack bo", "carrel pack box "},
	{"carrel run deb", "carrel run debian:12 "},
	{"carrel run -it -e A=b -m 1G deb", "carrel run -it -e A=b -m 1G debian:12 "},
	{"carrel run @build deb", "carrel run @build debian:12 "},
	{"carrel run @bui", "carrel run @build "},
	{"carrel run debian:12 de", "carrel run debian:12 desk "},
	{"carrel run -m 1G debian:12 de", "carrel run -m 1G debian:12 desk "},
	{"carrel run --rootfs tree de", "carrel run --rootfs tree desk "},
	{"carrel run --name bo", "carrel run --name box "},
	{"carrel run --name=bo", "carrel run --name=box "},
	{"carrel run --name box deb", "carrel run --name box debian:12 "},
	{"carrel run ./de", "carrel run ./desk "},
	{"carrel pro", "carrel profile "},
};

static void prepare(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		(void)images_add(images[i], &(struct image){.created = NULL}, NULL, 0);
	(void)harness_shell(harness_text("mkdir -p bin tree '%s/instances/box' '%s/instances/.hidden' '%s/instances/$(touch run)'; ln -s '%s' bin/carrel; touch desk", images_store(), images_store(),
	    images_store(), harness_program()));
}

/* ^T writes the line down and begins another one. */
static const char bash_rc[] =
	". '%s/contrib/completions/carrel.bash'\n"
	"record() { printf '%%s\\n' \"$READLINE_LINE\" >>lines; READLINE_LINE=''; READLINE_POINT=0; }\n"
	"bind -x '\"\\C-t\": record'; bind 'set bell-style none'; PROMPT_COMMAND='touch ready'\n";

static const char zsh_rc[] =
	"fpath=('%s/contrib/completions' $fpath); autoload -U compinit; compinit -u -D\n"
	"record() { print -r -- \"$BUFFER\" >>lines; BUFFER=''; }; zle -N record; bindkey '^T' record\n"
	"setopt no_beep no_always_last_prompt; precmd() { touch ready; }\n";

static void type_lines(const char *shell, const char *const *argv)
{
	struct harness_started started = harness_start(&(struct harness_run){.program = harness_text("/usr/bin/%s", shell), .argv = argv, .terminal = true,
	    ENVIRONMENT(images_environment(), "TERM=dumb", harness_text("PATH=%s:/usr/bin:/bin", harness_path("bin")), harness_text("ZDOTDIR=%s", harness_tmp()))});
	const char *made, *expected = "";

	cr_assert(harness_wait_for(harness_path("ready"), 20000), "%s does not come", shell);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *keys = harness_text("%s\t\x14", lines[i].typed);

		cr_assert_eq(fd_write_all(started.terminal, keys, strlen(keys)), 0);
		expected = harness_text("%s%s\n", expected, lines[i].made);
	}
	cr_assert_eq(fd_write_all(started.terminal, "exit\r", 5), 0);
	struct harness_result result = harness_finish(&started);
	made = harness_slurp(harness_path("lines"));
	for (size_t i = 0; i < ARRAY_SIZE(lines) && *made; i++, made += strcspn(made, "\n") + 1)
		cr_expect_str_eq(harness_text("%.*s", (int)strcspn(made, "\n"), made), lines[i].made, "%s: %s", shell, lines[i].typed);
	cr_expect_str_eq(harness_slurp(harness_path("lines")), expected, "%s: not all lines came: %s", shell, result.out);
	cr_expect(access(harness_path("run"), F_OK) < 0, "%s: a name was taken for a command", shell);
	harness_done(&result);
}

Test(completion, bash)
{
	harness_requires_program("bash");
	prepare();
	(void)harness_file("rc", harness_text(bash_rc, harness_tree()));
	type_lines("bash", HARNESS_WORDS("--noprofile", "--rcfile", "rc", "-i"));
}

Test(completion, zsh)
{
	harness_requires_program("zsh");
	prepare();
	(void)harness_file(".zshrc", harness_text(zsh_rc, harness_tree()));
	type_lines("zsh", HARNESS_WORDS("-d", "-i"));
}

/* Fish says by itself what it would offer. */
Test(completion, fish)
{
	static const struct line offers[] = {
		{"carrel rmi deb", "debian:12\n"}, {"carrel rmi bo", ""}, {"carrel rm bo", "box\n"}, {"carrel export bo", "box\n"}, {"carrel run deb", "debian:12\n"},
		{"carrel run -m 1G @build deb", "debian:12\n"}, {"carrel run debian:12 deb", ""}, {"carrel run --rootfs tree deb", ""}, {"carrel run --name bo", "box"},
		{"carrel rmi registry.example:5000/te", "registry.example:5000/team/tool:1.5\n"},
	};

	harness_requires_program("fish");
	prepare();
	for (size_t i = 0; i < ARRAY_SIZE(offers); i++) {
		struct harness_result result = harness_run(&(struct harness_run){.program = "/usr/bin/fish",
		    ARGV("-c", "source $argv[1]; complete -C $argv[2]", harness_text("%s/contrib/completions/carrel.fish", harness_tree()), offers[i].typed),
		    ENVIRONMENT(images_environment(), harness_text("HOME=%s", harness_tmp()), harness_text("PATH=%s:/usr/bin:/bin", harness_path("bin")))});

		cr_expect(!strncmp(result.out, offers[i].made, strlen(offers[i].made)) && (*offers[i].made || !*result.out), "%s: '%s' %s", offers[i].typed, result.out, result.err);
		harness_done(&result);
	}
}
