/* Limits of the whole sandbox, on whichever rung this host has. $CARREL_EXPECT_RUNG (cgroup, scope, watcher) says which one that must be; the guests of
 * tests/vm set it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(limits);

static const char *hog(void)
{
	return harness_payload("e2e", "hog");
}

static const char *const *with_hog(const char *const *options, const char *const *words)
{
	const char *shown = harness_text("%s:/hog:ro", hog());

	return harness_words(harness_words(HARNESS_WORDS("run", "--report", "report", "-v", shown, "--tmpfs", "/room:rw"), options), harness_words(HARNESS_WORDS("--", "/hog"), words));
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

/* The rung that this host gives a limit, or "none". */
static const char *rung_of(const char *key, const char *option, const char *value)
{
	struct harness_result result = HARNESS("run", "--dry-run", option, value, "--", "true");
	const char *line = strstr(result.out, harness_text("limit: %s, ", key)), *rung = line ? strstr(line, "rung: ") : NULL;
	const char *text = rung ? harness_text("%.*s", (int)strcspn(rung + 6, "}"), rung + 6) : "missing";

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_done(&result);
	return text;
}

Test(limits, the_rung_is_the_expected_one)
{
	const char *expected = getenv("CARREL_EXPECT_RUNG");
	struct harness_result result;

	result = HARNESS("run", "--report", "report", "-m", "1G", "--cpus", "1", "--pids-limit", "100", "--", "true");
	harness_expect_status("start", &result, 0);
	harness_done(&result);
	if (expected)
		cr_expect(strstr(report(), harness_text("\"limits\": \"%s\"", expected)), "not on the rung '%s': %s", expected, report());
	cr_expect(strstr(report(), "\"limit\": \"memory\""), "%s", report());
	cr_expect(strstr(report(), "\"rung\": "), "%s", report());
}

static const struct {
	const char *name;
	const char *const *words;
} memory_hogs[] = {
    {"anonymous memory", (const char *const[]){"anon", "400", NULL}},
    {"shared memory", (const char *const[]){"shared", "400", NULL}},
    {"a memfd", (const char *const[]){"memfd", "400", NULL}},
    {"System V memory", (const char *const[]){"sysv", "400", NULL}},
    {"a tmpfs", (const char *const[]){"tmpfs", "400", "/room/file", NULL}},
    {"/tmp", (const char *const[]){"tmpfs", "400", "/tmp/file", NULL}},
    {"/dev/shm", (const char *const[]){"tmpfs", "400", "/dev/shm/file", NULL}},
    {"many small processes", (const char *const[]){"many", "40", "10", NULL}},
    {"an orphan in a session of its own", (const char *const[]){"hidden", "400", NULL}},
    {"one that has stopped itself, and another", (const char *const[]){"beside-stopped", "200", NULL}},
};

Test(limits, memory)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory_hogs); i++) {
		struct harness_result result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("-m", "128M"), memory_hogs[i].words)});

		harness_expect_status(memory_hogs[i].name, &result, 137);
		harness_expect_err(memory_hogs[i].name, &result, "carrel: ended by the memory limit of 128M (command line --memory)");
		cr_expect(strstr(report(), "\"cause\": \"memory\""), "%s: %s", memory_hogs[i].name, report());
		harness_done(&result);
	}
}

Test(limits, memory_names_the_largest_process)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("-m", "128M"), HARNESS_WORDS("anon", "400"))});

	harness_expect_err("largest", &result, "the largest process was 'hog' with ");
	harness_done(&result);
}

/* What is shared counts once: ten children of a process of 60 MB are not 660 MB. */
Test(limits, memory_below_the_limit_is_left_alone)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("-m", "128M"), HARNESS_WORDS("forked", "60", "10"))});

	harness_expect_status("forked", &result, 0);
	cr_expect_str_empty(result.err, "%s", result.err);
	harness_done(&result);
	cr_expect_gt(number_of("memory_peak"), 50e6, "%s", report());
	cr_expect_lt(number_of("memory_peak"), 128.1 * 1048576, "%s", report());
}

Test(limits, tasks)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("--pids-limit", "20"), HARNESS_WORDS("tasks", "50"))});
	bool is_refused = strcmp(rung_of("resources.tasks", "--pids-limit", "20"), "watcher") != 0;

	if (is_refused) {
		harness_expect_status("refused", &result, 1);
		harness_expect_out("refused", &result, "19 children, then Resource temporarily unavailable");
		harness_expect_err("refused", &result, "carrel: the tasks limit of 20 (command line --pids-limit) was reached");
	} else { /* before Linux 5.14, without a cgroup: nobody refuses, so it is ended */
		harness_expect_status("ended", &result, 137);
		harness_expect_err("ended", &result, "carrel: ended by the tasks limit of 20 (command line --pids-limit)");
	}
	harness_done(&result);
	result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("--pids-limit", "20"), HARNESS_WORDS("tasks", "19"))});
	harness_expect_status("exactly the limit", &result, 0);
	harness_expect_out("exactly the limit", &result, "19 children\n");
	harness_done(&result);
}

/* It lives as long as it is let, in its bounds, and then goes with the rest. */
Test(limits, fork_bomb)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("--pids-limit", "60", "--timeout", "2s", "--set", "resources.grace=0"), HARNESS_WORDS("bomb"))});

	/* (Without a grace, either signal of the timeout may come first.) */
	cr_expect(result.status == 137 || result.status == 143, "status %d: %s", result.status, result.err);
	cr_expect(strstr(result.err, "ended by the timeout of 2s") || strstr(result.err, "ended by the tasks limit of 60"), "%s", result.err);
	cr_expect_leq(number_of("tasks_peak"), 200, "%s", report()); /* a watcher that only looks sees more before it strikes */
	harness_done(&result);
}

/* What a start costs counts as used, and on a slow machine it is much. */
static double cpu_of_a_start(void)
{
	struct harness_result result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("--cpus", "0.5"), HARNESS_WORDS("busy", "0", "1"))});

	harness_expect_status("start", &result, 0);
	harness_done(&result);
	return number_of("user_us") + number_of("system_us");
}

Test(limits, cpus)
{
	double start = cpu_of_a_start();
	struct harness_result result = harness_run(&(struct harness_run){.argv = with_hog(HARNESS_WORDS("--cpus", "0.5"), HARNESS_WORDS("busy", "2", "3000"))});
	double used, wall;

	harness_expect_status("busy", &result, 0);
	used = number_of("user_us") + number_of("system_us") - start;
	wall = number_of("wall_us");
	cr_expect_lt(used, 0.5 * wall * 1.15 + 100000, "%.0f of %.0f us: %s", used, wall, report());
	/* On a machine that has less than that for it, nothing is throttled. */
	cr_expect(used > 0.5 * wall * 0.4 || number_of("throttled_us") == 0, "%.0f of %.0f us: %s", used, wall, report());
	harness_done(&result);
}

/* What each limit has become: a value in the sandbox's cgroup, or what takes its place. */
static const struct {
	const char *setting, *file, *value;
} values[] = {
    {"resources.memory=200M", "memory.max", "209715200"},
    {"resources.memory_high=150M", "memory.high", "157286400"},
    {"resources.swap=50M", "memory.swap.max", "52428800"},
    {"resources.tasks=30", "pids.max", "31"}, /* and init */
    {"resources.cpus=0.5", "cpu.max", "50000 100000"},
    {"resources.cpu_weight=50", "cpu.weight", "50"},
};

Test(limits, become_values)
{
	const char *rung = rung_of("resources.memory", "-m", "200M");
	bool in_cgroup = strcmp(rung, "watcher") != 0;
	const char *const *settings = HARNESS_WORDS("run");
	struct harness_started run;
	struct harness_result result;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		settings = harness_words(settings, HARNESS_WORDS("--set", values[i].setting));
	run = harness_start(&(struct harness_run){.argv = harness_words(settings, HARNESS_WORDS("--", "sh", "-c", "nice; grep processes /proc/self/limits; touch ready; while [ -e ready ]; do sleep 0.1; done"))});
	cr_assert(harness_wait_for(harness_path("ready"), 20000));
	for (size_t i = 0; in_cgroup && i < ARRAY_SIZE(values); i++) {
		const char *key = harness_text("%.*s", (int)strcspn(values[i].setting, "="), values[i].setting);

		if (strcmp(rung_of(key, "--set", values[i].setting), rung) != 0) /* its controller is not delegated here: Debian 11's cpu */
			continue;
		const char *found = harness_shell(harness_text("find /sys/fs/cgroup -path '*/carrel-%d-*' -name %s ! -path '*/box/*' ! -path '*.scope/%s' -exec cat {} +", (int)run.pid, values[i].file, values[i].file));

		cr_expect_str_eq(found, harness_text("%s\n", values[i].value), "%s: %s", values[i].setting, found);
	}
	(void)harness_shell("rm ready");
	result = harness_finish(&run);
	harness_expect_status("values", &result, 0);
	if (!in_cgroup) {
		harness_expect_out("niceness in the place of a weight", &result, "4\n");
		harness_expect_out("processes", &result, "31 "); /* and init, the same user here */
		harness_expect_err("memory_high", &result, "resources.memory_high does not hold here");
	}
	harness_done(&result);
}

/* Throttling stops and continues; what had stopped by itself must not be continued by it. (A process that sends itself SIGSTOP in the moment of ours gets one for
 * the two, suspend.h: so this one does it again. Whom each of the 20 throttlings continued would come to the end all the same.) */
Test(limits, cpus_leave_stopped_processes_alone)
{
	static const char script[] = "sh -c 'for i in 1 2 3; do kill -STOP $$; done; touch /tmp/continued' & stopped=$!; sh -c 'while :; do :; done' & busy=$!; sleep 2; kill $busy; "
				     "[ ! -e /tmp/continued ] && echo still stopped; until [ -e /tmp/continued ]; do kill -CONT $stopped; sleep 0.1; done; wait $stopped && echo went on";
	struct harness_result result = HARNESS("run", "--cpus", "0.2", "--", "bash", "-c", script);

	harness_expect_out("stopped", &result, "still stopped\nwent on\n");
	harness_done(&result);
}

static const struct harness_case each_process[] = {
	{"cpuset", ARGV("run", "--set", "resources.cpuset=0", "--", "nproc"), .out = "1\n"},
	{"cpuset that is not there", ARGV("run", "--set", "resources.cpuset=4000", "--", "true"), .status = 125, .err = "resources.cpuset"},
	{"I/O class", ARGV("run", "--set", "resources.io_class=idle", "--", "ionice"), .out = "idle"},
	{"percent of memory", ARGV("run", "-m", "50%", "--", "true")},
	{"percent of a processor", ARGV("run", "--cpus", "150%", "--", "true")},
	{"zero memory", ARGV("run", "--set", "resources.memory=0", "--", "true"), .status = 125, .err = "below the least"},
	{"negative tasks", ARGV("run", "--pids-limit", "-5", "--", "true"), .status = 125, .err = "negative"},
	{"a percentage of what nobody knows", ARGV("run", "--set", "resources.file_size=10%", "--", "true"), .status = 125, .err = "a percentage of what is not known"},
	{"statistics", ARGV("run", "--stats", "-m", "1G", "--", "true"), .err = "memory:  at most "},
};

Test(limits, of_processes_and_wrong_values)
{
	harness_table(each_process, ARRAY_SIZE(each_process));
}

/* The least that can be asked for: it runs in that, or the limit is named, whether it struck before the command ran or after. */
Test(limits, the_least_memory)
{
	struct harness_result result = HARNESS("run", "-m", "1M", "--", "sleep", "1");

	cr_expect(result.status == 0 || result.status == 137 || result.status == 125, "status %d: %s", result.status, result.err);
	if (result.status != 0)
		harness_expect_err("1M", &result, "memory limit of 1M");
	harness_done(&result);
}

/* A limit that no rung holds is told; one that is required is refused. */
Test(limits, that_do_not_hold)
{
	static const struct {
		const char *name, *setting;
	} cases[] = {
	    {"memory_high", "resources.memory_high=100M"},
	    {"io_weight", "resources.io_weight=50"},
	    {"io_read", "resources.io_read=10M"},
	    {"cpu_weight", "resources.cpu_weight=300"},
	    {"swap", "resources.swap=10M"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool holds = strcmp(rung_of(harness_text("resources.%s", cases[i].name), "--set", cases[i].setting), "none") != 0;
		struct harness_result result = HARNESS("run", "--set", cases[i].setting, "--", "true");

		harness_expect_status(cases[i].name, &result, 0);
		if (!holds)
			harness_expect_err(cases[i].name, &result, harness_text("note: resources.%s does not hold here: ", cases[i].name));
		harness_done(&result);
		result = HARNESS("run", "--set", cases[i].setting, "--set", "resources.require=true", "--", "true");
		harness_expect_status(cases[i].name, &result, holds ? 0 : 125);
		harness_done(&result);
		result = HARNESS("run", "--set", cases[i].setting, "--set", harness_text("require=[limits.%s]", cases[i].name), "--", "true");
		harness_expect_status(cases[i].name, &result, holds ? 0 : 125);
		harness_done(&result);
	}
}

/* After a SIGKILL of the launcher, and starts after it, no cgroup of ours is left. */
Test(limits, leave_nothing)
{
	struct harness_started run = harness_start(&(struct harness_run){.argv = HARNESS_WORDS("run", "-m", "100M", "--", "sh", "-c", "touch ready; sleep 60"), .leaves_processes = true});
	struct harness_result result;

	/* (Others of the suite may be at work.) */
	const char *look = harness_text("find /sys/fs/cgroup -type d -regex '.*/carrel-%d-[0-9]+\\(.scope\\)?' 2>/dev/null", (int)run.pid);
	cr_assert(harness_wait_for(harness_path("ready"), 20000));
	cr_assert_eq(kill(run.pid, SIGKILL), 0);
	result = harness_finish(&run);
	harness_done(&result);
	/* The killed tree takes a moment to end, and systemd to hear of it. */
	for (int starts = 0; starts < 20 && *harness_shell(look); starts++) {
		result = HARNESS("run", "-m", "100M", "--", "true");
		harness_expect_status("next", &result, 0);
		harness_done(&result);
		(void)usleep(300000);
	}
	cr_expect_str_empty(harness_shell(look), "left: %s", harness_shell(look));
}
