#!/bin/sh
# Make each system call of a start fail in turn, the first, the second, … of each kind in every process, and look at what comes of it: carrel
# goes on, and then the command is confined exactly as ever, or it ends with 125, 126 or 127 and a message that names an act and a cause. It never
# hangs or crashes; no process stays (strace waits for the last of them), and no file, mount or placeholder.
#
#   tests/fault/inject.sh [MODE [CALL…]]     modes: host layers fuse limits image, all at once without one
#
# FAULT_MOST: how many calls of each kind (4; 1000 is all, which takes half an hour).
set -eu
carrel=${CARREL_UNDER_TEST:-build/carrel}
case $carrel in /*) ;; *) carrel=$PWD/$carrel ;; esac
most=${FAULT_MOST:-4}
limit=60 # seconds, more than any limit of carrel's own
command -v strace >/dev/null || { echo "FAIL: fault: strace is not installed (contrib/install-deps check)"; exit 1; }

# These have no errno that could come: they answer a number or do not return. The first execve is strace's own. A
# failing futex ends the program in the C library, which does not know such a thing either. close closes whatever it says, and by this trick
# would not; fcntl(F_GETFD) of an open descriptor cannot fail.
never='wait4 waitid exit exit_group execve rt_sigreturn restart_syscall set_robust_list rseq arch_prctl set_tid_address futex'
never="$never getpid gettid getppid getuid geteuid getgid getegid umask alarm sched_yield close fcntl"

# What the command sees of its own confinement.
sees='^(NoNewPrivs|Seccomp|Cap[A-Z][a-z]+|Groups):.*|( /[^ ]*){2} [a-z,]+'

prepare()
{
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/fault.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 129' HUP INT TERM
	mkdir -p "$work/project/src" "$work/runtime" "$work/home" "$work/store" "$work/lower/a"
	chmod 700 "$work/runtime"
	echo text >"$work/project/src/file"
	HOME=$work/home XDG_RUNTIME_DIR=$work/runtime CARREL_ROOT=$work/store
	export HOME XDG_RUNTIME_DIR CARREL_ROOT
	cd "$work/project"
	failures=0 tries=0
	[ "$mode" != image ] || make_image
}

make_image()
{
	roots=${CARREL_TEST_ROOTS:-/var/tmp/carrel-roots-$(id -u)}
	[ -d "$roots/busybox" ] || { echo "SKIP: fault: image: no busybox root here"; exit 0; }
	tar -C "$roots/busybox" -cf "$work/busybox.tar" .
	"$carrel" import -q --userns single "$work/busybox.tar" busybox >/dev/null
}

options() # MODE
{
	# shellcheck disable=SC2016 # $PWD is carrel's
	case $1 in
	host) printf '%s\n' --set 'filesystem.protect=[$PWD/.env, $PWD/.git/hooks/]' --set 'filesystem.hide=[$PWD/src]' ;;
	limits) printf '%s\n' -m 500M --pids-limit 50 --cpus 1 --set resources.output=1M --set resources.scratch=10M ;;
	image) printf '%s\n' @container --pull never --userns single --set filesystem.root=image:busybox ;;
	layers | fuse) printf '%s\n' --mount "type=bind,src=$work/lower,dst=$work/project/src,mode=discard" --overlay "$(echo "$1" | sed 's/layers/kernel/')" ;;
	esac
}

run() # STRACE-OPTION…: the status in $status, messages in err, what the command saw in out, the trace in log
{
	set -- "$@" -- "$carrel" run
	while read -r option; do set -- "$@" "$option"; done <"$work/options"
	status=0
	timeout -k 1 $limit strace -f -qq -o "$work/log" "$@" -- grep -hoE "$sees" /proc/self/status /proc/self/mountinfo \
		>"$work/out" 2>"$work/err" </dev/null || status=$?
}

state() # everything that a run might leave behind; of the runtime directory the names alone, since caches may be written anew, and without records
{ # of sandboxes, which outlive a failing unlinkat(2) until the next start
	find "$work/project" "$work/home" "$work/lower" "$work/store" -printf "%p %m %s\n"
	find "$work/runtime" ! -name 'overlay-*' ! -path '*/running/?*' | sort
	grep -c "$work" /proc/self/mountinfo || true
}

# Whose calls were made to fail? start: the launcher's C library before main (whose first call is getcwd); else the program that runs, carrel or
# another. A process that has executed nothing is carrel's. Init's memory, from which the command is executed, cannot be read by strace either.
whose()
{
	awk '
	/execve\(/ && NR > 1 { split($0, part, "\""); n = split(part[2], path, "/"); program[$1] = /execve\("/ ? path[n] : "command" }
	NR == 1 { launcher = $1 }
	/ getcwd\(/ && $1 == launcher { main = 1 }
	/INJECTED/ { print program[$1] ? program[$1] : $1 == launcher && !main ? "start" : "carrel" }' "$work/log" | sort -u | tr '\n' ' '
}

bad() # WHAT
{
	failures=$((failures + 1))
	echo "FAIL: fault: $mode: $what failing: $1 (status $status; the calls of: $hit)"
	sed 's/^/    /' "$work/err" | head -4
	grep INJECTED "$work/log" | head -2 | sed 's/^/    /'
}

explained()
{
	grep -q '^carrel: .*: ' "$work/err" || bad "no message with an act and a cause"
}

check()
{
	hit=$(whose)
	command=
	case $hit in *command* | *start*) command=hit ;; esac # what it sees or how it ends is no longer carrel's affair
	case $status in
	0) # where no fresh /sys is to be had, the host's stands in, masked
		grep -v ' /sys' "$work/out" >"$work/saw" || true
		[ "$command" ] || cmp -s "$work/sees" "$work/saw" || { bad "the command is confined otherwise"; diff "$work/sees" "$work/saw" | head -5; }
		;;
	124) bad "it hangs" ;;
	137) grep -q '^carrel: the whole sandbox was killed' "$work/err" || bad "it hangs" ;; # init could not go on
	125) [ "$hit" = "start " ] || explained ;;
	126 | 127) [ "$command" ] || explained ;;
	*) [ "$command" ] || bad "an end that is not carrel's" ;;
	esac
	state >"$work/after"
	cmp -s "$work/before" "$work/after" && return
	bad "something is left behind"
	diff "$work/before" "$work/after" | head -5
	rm -rf "$work/project/.env" "$work/project/.git"
	state >"$work/before"
}

fails_how() # CALL: as strace wants it
{
	case $1 in
	brk) echo retval=0 ;; # as the kernel says no
	mmap | mprotect) echo error=ENOMEM ;;
	clone | clone3 | fork | vfork) echo error=EAGAIN ;;
	write | mkdirat | mkdir | mknodat | openat) echo error=ENOSPC ;;
	*) echo error=EPERM ;;
	esac
}

one_call() # CALL COUNT
{
	[ "$2" -le "$most" ] || set -- "$1" "$most"
	# The server's answers: each costs the limit of twenty seconds.
	[ "$1" != writev ] || [ "$most" -gt 40 ] || set -- "$1" 1
	n=1
	while [ "$n" -le "$2" ]; do
		what="$1 number $n"
		run -e trace="$1,execve,getcwd" -e signal=none -e inject="$1:$(fails_how "$1"):when=$n"
		tries=$((tries + 1))
		check
		n=$((n + 1))
	done
}

one_mode() # MODE [CALL…]
{
	mode=$1
	shift
	prepare
	options "$mode" >"$work/options"
	run # fills the caches
	run
	[ "$status" = 0 ] || { cat "$work/err"; echo "FAIL: fault: $mode: the run fails by itself"; exit 1; }
	grep -v ' /sys' "$work/out" >"$work/sees"
	# How often does the busiest process make each call?
	awk '{ sub(/\(.*/, "", $2); if ($2 ~ /^[a-z0-9_]+$/) { n[$2 " " $1]++; if (n[$2 " " $1] > max[$2]) max[$2] = n[$2 " " $1] } } END { for (c in max) print c, max[c] }' "$work/log" | sort >"$work/calls"
	state >"$work/before"
	while read -r call count; do
		case " $never " in *" $call "*) continue ;; esac
		[ $# = 0 ] || case " $* " in *" $call "*) ;; *) continue ;; esac
		one_call "$call" "$count"
	done <"$work/calls"
	what='no call' hit=
	run
	[ -z "$(ls "$work/runtime/carrel/running")" ] || bad "the next start leaves a record of one that is gone"
	echo "fault: $mode: $tries failing calls tried, $failures wrong ends"
	[ "$tries" -gt 0 ] && [ "$failures" = 0 ]
}

if [ $# -gt 0 ]; then
	one_mode "$@"
	exit
fi
all=$(mktemp -d "${TMPDIR:-/var/tmp}/fault.XXXXXX")
trap 'rm -rf "$all"' EXIT
for mode in host layers fuse limits image; do
	"$0" $mode >"$all/$mode" 2>&1 && echo 0 >"$all/$mode.status" || echo $? >"$all/$mode.status" &
done
wait
cat "$all/host" "$all/layers" "$all/fuse" "$all/limits" "$all/image"
! grep -qvx 0 "$all"/*.status
