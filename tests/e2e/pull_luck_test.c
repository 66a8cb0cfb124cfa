/* Bad luck: several at once, killed at any moment, ended by a signal, a full disk. The store is good afterwards and the next pull works. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "e2e/transfer.h"
#include "util/proc.h"

HARNESS_SUITE(pull_luck);

/* Some megabytes that do not get smaller, in some layers: long enough to be met in the middle. */
static const char big_image[] = "for i in 1 2 3 4; do head -c 4000000 /dev/urandom >part-$i; for f in 1 2 3 4 5; do mkdir d$f; echo $i >d$f/file; done; layer; done";

static const char *start_with_big(struct registry_server *ret)
{
	*ret = registry_start(&(const struct registry_spec){.tls = false});
	registry_push(ret, registry_make_image("big", big_image), "big");
	return harness_text("%s/big", ret->host);
}

static struct harness_started start_pull(const struct registry_server *server, const char *name)
{
	return harness_start(&(const struct harness_run){ARGV("pull", name), .env = transfer_env("store", server)});
}

static void pull_well(const char *name, const struct registry_server *server, const char *image)
{
	struct harness_result result = harness_run(&(const struct harness_run){ARGV("pull", image), .env = transfer_env("store", server)});

	harness_expect_status(name, &result, 0);
	harness_done(&result);
	transfer_expect_good(name, "store");
	for (int i = 1; i <= 4; i++)
		transfer_expect_file(name, "store", "d1/file", harness_text("%d\n", i));
}

static void sleep_ms(long ms)
{
	(void)nanosleep(&(const struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

Test(pull_luck, several_at_once)
{
	struct registry_server server;
	const char *name = start_with_big(&server);
	struct harness_started runs[4];

	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		runs[i] = start_pull(&server, name);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct harness_result result = harness_finish(&runs[i]);

		harness_expect_status(harness_text("pull %zu", i), &result, 0);
		harness_done(&result);
	}
	transfer_expect_good("several", "store");
	/* Each layer, and the configuration, went through the network once. */
	cr_expect_str_eq(harness_shell(harness_text("sed -n 's/.*GET \\(\\/v2\\/big\\/blobs\\/[^ ]*\\) .*carrel.*/\\1/p' '%s' | sort | uniq -c | sort -rn | awk '{ print $1 }' | tr '\\n' ' '",
	    server.log)), "1 1 1 1 1 ", "%s", harness_slurp(server.log));
	registry_stop(&server);
}

/* Moments are spread over what a whole pull takes, whatever machine this is. */
Test(pull_luck, killed_at_any_moment)
{
	enum { KILLS = 12 };
	struct registry_server server;
	const char *name = start_with_big(&server);
	int64_t since = proc_now_ms();
	long whole;

	pull_well("the first", &server, name);
	whole = (long)(proc_now_ms() - since);
	(void)harness_shell("rm -rf store");
	for (int i = 0; i < KILLS; i++) {
		struct harness_started run = start_pull(&server, name);
		struct harness_result result;

		sleep_ms(whole * i / KILLS);
		(void)kill(run.pid, i % 3 == 0 ? SIGTERM : i % 3 == 1 ? SIGINT : SIGKILL);
		result = harness_finish(&run);
		cr_expect(result.status == 0 || result.status == 128 + SIGTERM || result.status == 128 + SIGINT || result.status == 128 + SIGKILL, "kill %d: status %d: %s", i, result.status, result.err);
		harness_done(&result);
		if (i == KILLS / 2)
			pull_well("in the middle", &server, name), (void)harness_shell("rm -rf store");
	}
	pull_well("the last", &server, name);
	registry_stop(&server);
}

/* A disk that is full: a tmpfs of our own, in a namespace, which is made larger then. */
static const char full_script[] =
	"mkdir full && mount -t tmpfs -o size=6M,mode=755 none full || exit 77\n"
	"export CARREL_ROOT=\"$PWD/full/store\" HOME=\"$PWD/home\"\n"
	"'%s' pull --userns=single %s && exit 1\n"
	"ls full/store/refs full/store/images full/store/layers\n"
	"mount -t tmpfs -o remount,size=64M none full || exit 1\n"
	"'%s' pull --userns=single %s || exit 1\n"
	"ls -A full/store/tmp; cat full/store/layers/*/tree/d1/file\n";

Test(pull_luck, full_disk)
{
	struct registry_server server;
	const char *name = start_with_big(&server);
	struct harness_result result;

	harness_requires_program("unshare");
	(void)harness_shell("mkdir home");
	result = harness_run(&(const struct harness_run){.program = "/usr/bin/unshare",
	    ARGV("-Urm", "sh", "-c", harness_text(full_script, harness_program(), name, harness_program(), name))});
	harness_expect_status("full", &result, 0);
	harness_expect_err("full", &result, "No space left on device");
	harness_done(&result);
	registry_stop(&server);
}

/* What is small on its way and has no end behind it: it stops before the disk is full, and what it took comes back. */
static const char bomb_script[] =
	"mkdir full && mount -t tmpfs -o size=16M,mode=755 none full || exit 77\n"
	"export CARREL_ROOT=\"$PWD/full/store\" HOME=\"$PWD/home\"\n"
	"'%s' pull --userns=single %s && exit 1\n"
	"'%s' pull -q --userns=single %s || exit 1\n"
	"ls -A full/store/tmp; cat full/store/layers/*/tree/motd; test $(stat -f -c '%%a * %%S / 1048576' full | xargs expr) -ge 14\n";

Test(pull_luck, bomb)
{
	struct registry_server server = registry_start(&(const struct registry_spec){.tls = false});
	struct harness_result result;

	harness_requires_program("unshare");
	registry_push(&server, registry_make_image("bomb", "truncate -s 64M large; layer"), "bomb");
	registry_push(&server, registry_make_image("small", "echo hello >motd; layer"), "small");
	(void)harness_shell("mkdir home");
	result = harness_run(&(const struct harness_run){.program = "/usr/bin/unshare",
	    ARGV("-Urm", "sh", "-c", harness_text(bomb_script, harness_program(), harness_text("%s/bomb", server.host), harness_program(), harness_text("%s/small", server.host)))});
	harness_expect_status("bomb", &result, 0);
	harness_expect_err("bomb", &result, "large': No space left on device: the last 1 MB stay free for others");
	harness_expect_err("bomb", &result, "hint: `carrel system df`");
	harness_expect_out("bomb", &result, "hello");
	harness_done(&result);
	registry_stop(&server);
}
