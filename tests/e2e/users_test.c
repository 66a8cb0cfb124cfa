/* Who the command is: by the root's own files, which nobody here has reason to trust. */
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(users);

static const struct user_case {
	const char *name;
	const char *const *options;
	int status;
	const char *out, *err;
} cases[] = {
	{"root by default", HARNESS_WORDS(NULL), 0, "0:0 groups=0 HOME=/root USER=root\n", NULL},
	{"root", HARNESS_WORDS("-u", "root"), 0, "0:0 groups=0 HOME=/root USER=root\n", NULL},
	{"0:0", HARNESS_WORDS("-u", "0:0"), 0, "0:0 groups=0 HOME=/root USER=root\n", NULL},
	{"a name, with its groups", HARNESS_WORDS("-u", "ada"), 0, "1000:1000 groups=1000 50 HOME=/home/ada USER=ada\n", NULL},
	{"a number that has a name", HARNESS_WORDS("-u", "1000"), 0, "1000:1000 groups=1000 50 HOME=/home/ada USER=ada\n", NULL},
	{"a number and a group", HARNESS_WORDS("-u", "1000:50"), 0, "1000:50 groups=50 ", NULL},
	{"a name and a group's name", HARNESS_WORDS("-u", "ada:desk"), 0, "1000:50 groups=50 ", NULL},
	{"a number without a name", HARNESS_WORDS("-u", "4242:4343"), 0, "4242:4343 groups=4343 HOME=/ ", NULL},
	{"the highest", HARNESS_WORDS("-u", "65536"), 0, "65536:", NULL},
	{"beyond the range", HARNESS_WORDS("-u", "65537"), 125, NULL, "not mapped"},
	{"far beyond", HARNESS_WORDS("-u", "4294967295"), 125, NULL, "4294967295"},
	{"an unknown name", HARNESS_WORDS("-u", "nobody-here"), 125, NULL, "nobody-here"},
	{"an unknown group", HARNESS_WORDS("-u", "ada:nobody-here"), 125, NULL, "nobody-here"},
	{"yourself", HARNESS_WORDS("-u", "self"), 0, "@UID@:", NULL},
	{"keep-id", HARNESS_WORDS("--userns", "keep-id", "-u", "self"), 0, "@UID@:", NULL},
	{"keep-id, another", HARNESS_WORDS("--userns", "keep-id", "-u", "ada"), 0, "1000:1000 ", NULL},
	{"keep-id, root", HARNESS_WORDS("--userns", "keep-id", "-u", "root"), 0, "0:0 ", NULL},
	{"one id: root", HARNESS_WORDS("--userns", "single", "-u", "root"), 0, "0:0 ", NULL},
	{"one id: another", HARNESS_WORDS("--userns", "single", "-u", "ada"), 125, NULL, "which has a single one"},
	{"HOME as it was set", HARNESS_WORDS("-u", "ada", "-e", "HOME=/tmp"), 0, "HOME=/tmp ", NULL},
};

static const char say[] = "echo \"$(id -u):$(id -g) groups=$(id -G) HOME=$HOME USER=$USER\"";

static struct harness_result run_as(const char *root, const char *const *options, const char *script)
{
	return harness_run(&(struct harness_run){
		.argv = harness_words(HARNESS_WORDS("run", "@container", "--rootfs", root), harness_words(options, HARNESS_WORDS("--", "sh", "-c", script)))});
}

Test(users, of_the_roots_own_files)
{
	const char *root = harness_root("busybox"), *uid = harness_text("%u:", getuid());

	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct user_case *c = &cases[i];
		struct harness_result result = run_as(root, c->options, say);

		harness_expect_status(c->name, &result, c->status);
		if (c->out)
			harness_expect_out(c->name, &result, c->out[0] == '@' ? uid : c->out);
		if (c->err)
			harness_expect_err(c->name, &result, c->err);
		harness_done(&result);
	}
}

/* What may stand in the place of /etc/passwd: none may hang, crash or read the host's files. */
Test(users, with_a_bad_passwd)
{
	static const struct {
		const char *name, *make, *user;
		int status;
		const char *out, *err;
	} files[] = {
		{"absent, a number", "rm passwd group", "1000", 0, "1000:0 ", NULL},
		{"absent, a name", "rm passwd group", "ada", 125, NULL, "ada"},
		{"a FIFO", "rm passwd && mkfifo passwd", "ada", 125, NULL, "passwd"},
		{"a folder", "rm passwd && mkdir passwd", "ada", 125, NULL, "passwd"},
		{"a link inside", "mv passwd real && ln -s /etc/real passwd", "ada", 0, "1000:1000", NULL},
		{"a link out", "rm passwd && ln -s ../../../../../../etc/passwd passwd", "carrel-test", 125, NULL, "carrel: cannot"},
		{"a link to itself", "rm passwd && ln -s passwd passwd", "ada", 125, NULL, "passwd"},
		{"a device's name", "rm passwd && ln -s /dev/zero passwd", "ada", 125, NULL, "passwd"},
		{"empty", "echo >passwd", "ada", 125, NULL, "ada"},
		{"huge", "truncate -s 3G passwd", "ada", 125, NULL, "passwd"},
		{"a line of a megabyte", "{ head -c 1000000 /dev/zero | tr '\\0' x; echo; cat passwd; } >p && mv p passwd", "ada", 0, "1000:1000", NULL},
		{"broken lines", "printf 'ada\\nada:\\nada:x\\nada:x:abc:1\\nada:x:-1:-1::/:\\nada:x:99999999999:1::/:\\nada:x:7:8::/h:/bin/sh\\n' >passwd", "ada", 0, "7:8", NULL},
		{"not text", "head -c 100000 /dev/urandom >passwd", "ada", 125, NULL, "ada"},
		{"a home with a newline's kin", "printf 'ada:x:7:8::/h\\001;x y:/bin/sh\\n' >passwd", "ada", 0, "7:8", NULL},
	};
	const char *busybox = harness_root("busybox");

	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct harness_result result;

		(void)harness_shell(harness_text("test -e root || { cp -a '%s' root && mv root/etc etc; }; rm -rf root/etc && cp -a etc root/etc && cd root/etc && %s", busybox, files[i].make));
		result = run_as(harness_path("root"), HARNESS_WORDS("-u", files[i].user), say);
		harness_expect_status(files[i].name, &result, files[i].status);
		if (files[i].out)
			harness_expect_out(files[i].name, &result, files[i].out);
		if (files[i].err)
			harness_expect_err(files[i].name, &result, files[i].err);
		cr_expect_lt(result.elapsed_ms, 5000, "%s: took %ld ms", files[i].name, result.elapsed_ms);
		harness_done(&result);
	}
}

/* On the host's own tree everybody is himself, whatever the map. */
Test(users, on_the_host)
{
	static const char *const maps[] = {"auto", "single", "keep-id"};

	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct harness_result result = HARNESS("run", "--userns", maps[i], "--", "sh", "-c", "id -u; id -un; touch mine && stat -c %u mine");

		harness_expect_status(maps[i], &result, 0);
		harness_expect_out(maps[i], &result, harness_text("%u\n", getuid()));
		harness_done(&result);
	}
	struct harness_result result = HARNESS("run", "-u", "root", "--", "sh", "-c", "id -u; echo $HOME; touch roots && echo made");
	harness_expect_out("root", &result, "0\n/root\nmade");
	harness_done(&result);
	cr_expect_str_eq(harness_shell("stat -c %u roots"), harness_text("%u\n", getuid()), "what root made is the caller's");
}
