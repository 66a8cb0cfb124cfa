/* Programs that mean to get more than the limits of the whole sandbox give, by what a watcher might not see (payload/siege.c). limits_test.c has those
 * that do not mean to. Each attack is bounded, so that one that gets through costs little. */
#include <stdlib.h>
#include <string.h>

#include "e2e/harness.h"

HARNESS_SUITE(siege);

static const char *const *siege(const char *const *options, const char *const *words)
{
	const char *shown = harness_text("%s:/siege:ro", harness_payload("e2e", "siege"));

	return harness_words(harness_words(HARNESS_WORDS("run", "--report", "report", "-v", shown), options), harness_words(HARNESS_WORDS("--", "/siege"), words));
}

static const char *report(void)
{
	return harness_slurp(harness_path("report"));
}

static double number_of(const char *key)
{
	const char *at = strstr(report(), harness_text("\"%s\": ", key));

	return at ? strtod(at + strlen(key) + 4, NULL) : -1;
}

static const struct {
	const char *name;
	const char *const *options, *const *words;
} memory[] = {
    {"a name like the line it stands in", (const char *const[]){"-m", "64M", NULL}, (const char *const[]){"named", "300", NULL}},
    {"memfds that are only mapped", (const char *const[]){"-m", "64M", NULL}, (const char *const[]){"mapped", "300", NULL}},
    {"memfds that wait in a socket", (const char *const[]){"-m", "64M", NULL}, (const char *const[]){"inflight", "300", NULL}},
    {"System V messages of a byte each", (const char *const[]){"-m", "64M", NULL}, (const char *const[]){"messages", "200", NULL}},
    {"eight threads at once", (const char *const[]){"-m", "64M", NULL}, (const char *const[]){"threads", "300", "8", NULL}},
};

Test(siege, memory)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory); i++) {
		struct harness_result result = harness_run(&(struct harness_run){.argv = siege(memory[i].options, memory[i].words)});

		harness_expect_status(memory[i].name, &result, 137);
		harness_expect_err(memory[i].name, &result, "carrel: ended by the memory limit of 64M (command line --memory)");
		harness_done(&result);
	}
}

/* A limit of 0.1 and several processes, for a machine that has others to serve as well. */
static void expect_slow(const char *name)
{
	double used = number_of("user_us") + number_of("system_us"), wall = number_of("wall_us");

	cr_expect_lt(used, 0.1 * wall * 1.3 + 150000, "%s: %.0f of %.0f us: %s", name, used, wall, report());
}

/* With init's ids the payload may set init's limits (prlimit(2)): an init that cannot poll(2) stops nobody. */
Test(siege, init_needs_no_descriptors)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = siege(HARNESS_WORDS("--userns", "single", "--cpus", "0.1"), HARNESS_WORDS("idle-init-busy", "4", "3000"))});

	harness_expect_status("init", &result, 0);
	cr_expect_lt(result.elapsed_ms, 15000);
	expect_slow("init");
	harness_done(&result);
}

/* Stopping holds nobody who has itself continued; a cgroup's quota does. */
Test(siege, timers_that_continue)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = siege(HARNESS_WORDS("--cpus", "0.1"), HARNESS_WORDS("awake", "2", "5000"))});

	if (strstr(report(), "\"rung\": \"watcher\"")) {
		harness_expect_status("awake", &result, 137);
		harness_expect_err("awake", &result, "carrel: ended by the CPU limit of 0.1 (command line --cpus): each time that it was stopped, it continued itself");
		cr_expect_lt(result.elapsed_ms, 10000);
	} else {
		harness_expect_status("awake", &result, 0);
		expect_slow("awake");
	}
	harness_done(&result);
}

Test(siege, children_that_nobody_waits_for)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = siege(HARNESS_WORDS("--cpus", "0.1"), HARNESS_WORDS("brief", "4", "3000"))});

	harness_expect_status("brief", &result, 0);
	expect_slow("brief");
	harness_done(&result);
}

static const struct {
	const char *name;
	const char *const *options, *const *words;
} tasks[] = {
    {"threads", (const char *const[]){"--pids-limit", "20", NULL}, (const char *const[]){"clones", "60", NULL}},
    {"many users", (const char *const[]){"--pids-limit", "20", "--userns", "subids", "--user", "root", "--cap-add", "SETUID", NULL}, (const char *const[]){"users", "60", NULL}},
};

/* Refused or ended: no more than the limit stay. */
Test(siege, tasks)
{
	harness_requires_subids();
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
		struct harness_result result = harness_run(&(struct harness_run){.argv = siege(tasks[i].options, tasks[i].words)});

		cr_expect(result.status != 0 && result.status != 3, "%s: status %d: %s%s", tasks[i].name, result.status, result.out, result.err);
		harness_expect_err(tasks[i].name, &result, "the tasks limit of 20 (command line --pids-limit)");
		harness_done(&result);
	}
}
