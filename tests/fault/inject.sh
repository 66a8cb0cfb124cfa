#!/bin/sh
# Make each system call of a start fail in turn, the first, the second, … of each kind in every process, and look at what comes of it: carrel
# goes on without it, or ends with a status of its own and a message that names an act and a cause; it never hangs or crashes, no process
# stays (strace waits for the last of them) and no file, mount or placeholder is left.
#
#   tests/fault/inject.sh [MODE [CALL…]]     modes: host layers fuse
set -eu
carrel=${CARREL_UNDER_TEST:-build/carrel}
case $carrel in /*) ;; *) carrel=$PWD/$carrel ;; esac
command -v strace >/dev/null || { echo "FAIL: fault: strace is not installed (contrib/install-deps check)"; exit 1; }

work=$(mktemp -d "${TMPDIR:-/var/tmp}/fault.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/project/src" "$work/runtime" "$work/home" "$work/lower/a"
chmod 700 "$work/runtime"
echo text >"$work/project/src/file"
HOME=$work/home XDG_RUNTIME_DIR=$work/runtime CARREL_ROOT=$work/store
export HOME XDG_RUNTIME_DIR CARREL_ROOT
cd "$work/project"

# Left out: what has no errno that could come (the process's own numbers; wait4 of one's own children; fcntl(F_GETFD) of an open descriptor; close,
# which closes whatever it says, and by this trick would not); what the C library calls before main and after execve (brk, mprotect, …); the first
# execve, which is strace's own; the answers of fuse-overlayfs (writev), whose failing is its own affair.
never='wait4 waitid exit exit_group execve vfork rt_sigreturn restart_syscall set_robust_list rseq arch_prctl set_tid_address futex close fcntl writev'
never="$never getpid gettid getppid getuid geteuid getgid getegid umask sched_yield brk mprotect"
most=${FAULT_MOST:-5} # calls of each kind; 1000 is all

options() # MODE
{
	case $1 in
	host) printf '%s\n' --set 'filesystem.protect=[$PWD/.env, $PWD/.git/hooks/]' --set 'filesystem.hide=[$PWD/src]' ;;
	layers) printf '%s\n' --mount "type=bind,src=$work/lower,dst=$work/project/src,mode=discard" --overlay kernel ;;
	fuse) printf '%s\n' --mount "type=bind,src=$work/lower,dst=$work/project/src,mode=discard" --overlay fuse ;;
	esac
}

run() # MODE STRACE-OPTION…: status in $status, messages in err, the trace in log
{
	mode=$1
	shift
	options "$mode" >"$work/options"
	set -- "$@" -- "$carrel" run
	while read -r option; do set -- "$@" "$option"; done <"$work/options"
	status=0
	timeout -k 1 20 strace -f -qq -o "$work/log" "$@" -- /bin/true >"$work/out" 2>"$work/err" </dev/null || status=$?
}

state() # everything that a run might leave behind
{
	find "$work/project" "$work/home" "$work/lower" "$work/runtime" -printf '%p %m %s\n' | grep -v '/runtime/carrel' | sort
	find "$work/store" -mindepth 2 2>/dev/null | grep -v '/instances$' || true
	wc -l </proc/self/mountinfo
}

bad() # WHAT
{
	failures=$((failures + 1))
	echo "FAIL: fault: $mode: $call number $n failing: $1 (status $status)"
	sed 's/^/    /' "$work/err" | head -4
	grep INJECTED "$work/log" | head -2 | sed 's/^/    /'
}

# The call that was made to fail belonged to the command itself: its own affair.
hit_payload()
{
	awk 'NR == 1 { launcher = $1 } /execve\(/ { execs[$1]++ } /INJECTED/ && execs[$1] && $1 != launcher { hit = 1 } END { exit !hit }' "$work/log"
}

check()
{
	case $status in
	0) ;;
	124) bad "it hangs" ;;
	137) grep -q '^carrel: ' "$work/err" || bad "it hangs, or was killed without a word" ;;
	139 | 134) bad "it crashes" ;;
	12[567])
		hit_payload || grep -q '^carrel: .*: ' "$work/err" || bad "no message with an act and a cause"
		;;
	*) hit_payload || bad "a status that is not carrel's" ;;
	esac
	state >"$work/after"
	cmp -s "$work/before" "$work/after" || { bad "something is left behind"; diff "$work/before" "$work/after" | head -5; rm -rf "$work/project/.env" "$work/project/.git"; }
}

one_mode() # MODE [CALL…]
{
	mode=$1
	shift
	run "$mode" # fills the caches
	run "$mode"
	[ "$status" = 0 ] || { cat "$work/err"; echo "FAIL: fault: $mode: the run fails by itself"; exit 1; }
	# How often does the busiest process make each call?
	awk '{ sub(/\(.*/, "", $2); if ($2 ~ /^[a-z0-9_]+$/) { n[$2 " " $1]++; if (n[$2 " " $1] > max[$2]) max[$2] = n[$2 " " $1] } } END { for (c in max) print c, max[c] }' "$work/log" | sort >"$work/calls"
	state >"$work/before"
	while read -r call count; do
		case " $never " in *" $call "*) continue ;; esac
		[ $# = 0 ] || case " $* " in *" $call "*) ;; *) continue ;; esac
		[ "$count" -le "$most" ] || count=$most
		errno=EPERM
		case $call in mmap) errno=ENOMEM ;; write | mkdirat | mknodat | openat) errno=ENOSPC ;; esac
		n=1
		while [ "$n" -le "$count" ]; do
			run "$mode" -e trace="$call,execve" -e signal=none -e inject="$call:error=$errno:when=$n"
			tries=$((tries + 1))
			check
			n=$((n + 1))
		done
	done <"$work/calls"
}

failures=0 tries=0
if [ $# -gt 0 ]; then
	one_mode "$@"
else
	for mode in host layers fuse; do one_mode $mode; done
fi
echo "fault: $tries failing calls tried, $failures wrong ends"
[ "$tries" -gt 0 ] && [ "$failures" = 0 ]
