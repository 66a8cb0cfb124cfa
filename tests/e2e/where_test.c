/* Where it is started, and with what around it: working directories, homes and environments as bad as they come. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e2e/harness.h"

HARNESS_SUITE(where);

/* A shell brings about what cannot be said in a table: "$@" is the program under test with its "run". */
static const struct place {
	const char *name, *script;
	int status;
	const char *out, *err, *not_out;
} places[] = {
	{"an ordinary directory", "mkdir d && cd d && \"$@\" -- sh -c 'pwd; touch x' && ls", 0, "/d\nx\n", NULL, NULL},
	{"a directory with odd letters", "mkdir 'a b:c,d\\' && cd 'a b:c,d\\' && \"$@\" -- touch x && ls", 0, "x\n", NULL, NULL},
	{"a name that is not UTF-8", "n=$(printf 'a\\377b'); mkdir \"$n\" && cd \"$n\" && \"$@\" -- touch x && ls", 0, "x\n", NULL, NULL},
	{"through a symlink", "mkdir d && ln -s d l && cd l && \"$@\" -- sh -c 'touch x' && ls ../d", 0, "x\n", NULL, NULL},
	{"the root", "cd / && \"$@\" -- sh -c 'pwd; touch /x'", 1, "/\n", "is not made writable", NULL},
	{"the home", "mkdir home && export HOME=$PWD/home && echo secret >home/s && cd home && \"$@\" -- sh -c 'pwd; cat s'", 1, "/home\n", "is not made writable", "secret"},
	{"above the home", "mkdir -p a/home && echo secret >a/home/s && export HOME=$PWD/a/home && cd a && \"$@\" -- sh -c 'cat home/s; touch x'; ls", 0, "home\n", "is not made writable", "secret"},
	{"below the home", "mkdir -p home/p && export HOME=$PWD/home && echo secret >home/s && cd home/p && \"$@\" -- sh -c 'touch x; cat ../s' ; ls", 0, "x\n", "No such file", "secret"},
	{"the home as -v names it", "mkdir home && export HOME=$PWD/home && cd home && \"$@\" -v \"$PWD:$PWD\" -- touch x && ls", 0, "x\n", NULL, NULL},
	{"a deleted one", "mkdir d && cd d && rmdir ../d && \"$@\" -- true", 125, NULL, "the working directory", NULL},
	{"a deleted one, with -w", "mkdir d && cd d && rmdir ../d && \"$@\" @strict --set 'filesystem.mounts=!replace []' -w / -- pwd", 0, "/\n", NULL, NULL},
	{"an unreadable one", "mkdir d && cd d && chmod 0 . ; \"$@\" -- true; s=$?; chmod 755 \"$PWD\"; exit $s", 125, NULL, "cannot enter '", NULL},
	{"one that may only be passed", "mkdir d && cd d && chmod 111 . ; \"$@\" -- pwd; s=$?; chmod 755 \"$PWD\"; exit $s", 0, "/d\n", NULL, NULL},
	{"below an unreadable one", "mkdir -p u/d && cd u/d && chmod 0 .. ; \"$@\" -- pwd; s=$?; chmod 755 \"${PWD%/*}\"; exit $s", 0, "/u/d\n", NULL, NULL},
	{"a read-only one", "mkdir d && cd d && chmod 555 . && \"$@\" -- sh -c 'touch x'; s=$?; chmod 755 .; exit $s", 1, NULL, "Permission denied", NULL},
	{"no HOME", "unset HOME; \"$@\" -- sh -c 'echo \"$HOME\"; touch ~/x && echo ok'", 0, "ok\n", NULL, NULL},
	{"an empty HOME", "HOME= \"$@\" -- sh -c 'touch ~/x && echo ok'", 0, "ok\n", NULL, NULL},
	{"a relative HOME", "HOME=x \"$@\" -- sh -c 'touch ~/x && echo ok'", 0, "ok\n", NULL, NULL},
	{"a HOME that is not there", "HOME=$PWD/nowhere \"$@\" -- sh -c 'touch ~/x && echo ok'; ls", 0, "ok\n", NULL, "nowhere"},
	{"HOME is the root", "HOME=/ \"$@\" -- echo ok", 0, "ok\n", NULL, NULL},
	{"a read-only home", "mkdir home && chmod 555 home && HOME=$PWD/home && export HOME && \"$@\" -- sh -c 'touch ~/x && echo ok'; chmod 755 home; ls -A home | wc -l", 0, "ok\n0\n", NULL, NULL},
	{"a read-only home, a name", "mkdir home && chmod 555 home && HOME=$PWD/home && export HOME && \"$@\" --name n -- true; s=$?; chmod 755 home; exit $s", 125, NULL, "/home/.local", NULL},
	{"no environment", "p=$1; shift; env -i \"$p\" \"$@\" -- env", 0, "PATH=", NULL, NULL},
	{"a large environment", "X=$(head -c 120000 /dev/zero | tr '\\0' x); export A=$X B=$X C=$X D=$X E=$X F=$X G=$X H=$X; \"$@\" -e A -e B -- sh -c 'echo ${#A}${#B}${#C}'", 0, "1200001200000\n", NULL, NULL},
	{"a thousand variables", "i=0; while [ $i -lt 1000 ]; do export LC_V$i=$i; i=$((i+1)); done; \"$@\" -- sh -c 'env | grep -c LC_V'", 0, "1000\n", NULL, NULL},
	{"many arguments", "\"$@\" -- sh -c 'echo $#' sh $(seq 20000)", 0, "20000\n", NULL, NULL},
	{"no USER", "unset USER LOGNAME; \"$@\" -- sh -c 'test -n \"$USER\" && echo ok'", 0, "ok\n", NULL, NULL},
	{"a PATH without tools", "PATH=/nowhere \"$@\" -- /bin/echo ok", 0, "ok\n", NULL, NULL},
	{"an open descriptor stays out", "exec 7<\"$0\"; \"$@\" -- sh -c 'ls /proc/self/fd | wc -l'; \"$@\" --preserve-fds 7 -- sh -c 'test -e /proc/self/fd/7 && echo 7'", 0, "4\n7\n", NULL, NULL},
	{"all of stdin, stdout and stderr closed", "\"$@\" -- sh -c 'touch here' <&- >&- 2>&-; ls here", 0, "here\n", NULL, NULL},
	{"stdin closed", "\"$@\" -- cat <&-; echo $?", 0, "0\n", NULL, NULL},
	{"stdin is a pipe", "echo text | \"$@\" -- cat", 0, "text\n", NULL, NULL},
	{"stdout is closed by its reader", "\"$@\" -- yes | head -n1; echo ok", 0, "y\nok\n", NULL, NULL},
	{"nohup", "nohup \"$@\" -- sh -c 'kill -HUP $$; echo alive' </dev/null", 0, "alive\n", NULL, NULL},
	{"in the background", "\"$@\" -- sh -c 'sleep 0.1; echo done' & wait $!; echo $?", 0, "done\n0\n", NULL, NULL},
	{"in an own session, without a terminal", "setsid -w \"$@\" -- echo ok", 0, "ok\n", NULL, NULL},
	{"SIGCHLD ignored by the caller", "trap '' CHLD; \"$@\" -- sh -c 'exit 3'; echo $?", 0, "3\n", NULL, NULL},
	{"under make -j with a jobserver",
		"printf 'all: a b c d\\n\\techo all >>log\\na b c d:\\n\\techo $@ >>log\\n' >inner; printf 'all:\\n\\t+%s run --preserve-fds 3,4 -e MAKEFLAGS -- $(MAKE) -s -f inner\\n' \"$1\" >outer; make -s -j2 --jobserver-style=pipe -f outer 2>&1 || make -s -j2 -f outer 2>&1; sort -u log | tr '\\n' ' '", 0, "a all b c d ", NULL, "jobserver unavailable"},
};

Test(where, started_anywhere)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct place *p = &places[i];
		const char *dir = harness_path("place-%zu", i);
		struct harness_result result;

		cr_assert_eq(mkdir(dir, 0755), 0);
		result = harness_run(&(struct harness_run){.program = "/bin/sh", .cwd = dir, ARGV("-c", p->script, "/bin/sh", harness_program(), "run")});
		harness_expect_status(p->name, &result, p->status);
		if (p->out)
			harness_expect_out(p->name, &result, p->out);
		if (p->err)
			harness_expect_err(p->name, &result, p->err);
		cr_expect(!p->not_out || !strstr(result.out, p->not_out), "%s: '%s' is in its output\n%s", p->name, p->not_out, result.out);
		cr_expect(!strstr(result.err, "Assertion") && !strstr(result.err, "core dumped"), "%s: %s", p->name, result.err);
		harness_done(&result);
	}
}
