#!/bin/sh
# What carrel does on this kernel, as one line for each check:  ok NAME  or  not ok NAME: why  or  left out NAME: why . Runs in the guest, as its
# ordinary account, from a folder with build/, profiles/ and busybox.tar; or anywhere else:  tests/vm/guest.sh FOLDER
#
# A check is a function check_NAME that ends with status 0, or says why not. overlay_* run once for each overlay; on_VARIANT_* in that variant of the
# guest (start.sh) only. Where else a check cannot run, left_out has the rule.
# shellcheck disable=SC2016 # the scripts are for the shell inside
set -u
top=$(cd "${1:-$(dirname "$0")}" && pwd)
PATH=$PATH:/usr/sbin:/sbin
variant=$(cat "$top/variant" 2>/dev/null)
carrel=$top/build/carrel
[ ! -x /usr/local/bin/carrel ] || carrel=/usr/local/bin/carrel # apparmor: its profile is for where it is installed
here=$(mktemp -d "$HOME/vm.XXXXXX")
rootfs=$here/root
project=$here/project

say_no()
{
	echo "$*"
	return 1
}

expect() # WANTED COMMAND [ARG…]: its output, all of it
{
	wanted=$1
	shift
	got=$("$@" 2>&1 </dev/null)
	status=$?
	# It is right that carrel says so, each time.
	[ "$variant" != no-subids ] || got=$(printf '%s\n' "$got" | sed '/^carrel: note: only one id inside/d')
	[ "$got" = "$wanted" ] && return
	say_no "printed '$got' (status $status), not '$wanted'"
}

refused() # TEXT COMMAND [ARG…]: fails, and says TEXT
{
	wanted=$1
	shift
	got=$("$@" 2>&1 </dev/null) && say_no "succeeded: $got" && return 1
	case $got in *"$wanted"*) return 0 ;; esac
	say_no "printed '$got', not '$wanted'"
}

run()
{
	(cd "$project" && "$carrel" run "$@")
}

host() # SCRIPT: on the host's root
{
	run -- sh -c "$1"
}

# shellcheck source=tests/vm/images.sh
. "$top/images.sh"

# The one list of what is not run where. A check that needs what this guest was made to lack is left out and counted as such; what that guest
# shows instead stands in an on_VARIANT_* check.
left_out() # NAME: says why, or fails
{
	case $variant:$1 in
	no-subids:range_on_host_root | no-subids:proc_sys_read_only | no-subids:*\ root_and_range | no-subids:*\ kept | no-subids:*\ host_root_kept | no-subids:*\ image_range*) echo 'wants a range of ids' ;;
	nfs-home:*\ root_and_range | nfs-home:*\ kept | nfs-home:*\ host_root_kept) echo 'no files of other owners on NFS' ;;
	*:kernel\ host_root_kept) echo 'the plan refuses it' ;;
	*) [ ! -d /srv/mounts ] && case $1 in host_mounts_*) echo 'no mounts of mounts.sh here' && return ;; esac; return 1 ;;
	esac
}

# Some variants differ from the plain guest in one thing, and only what that can touch is run again.
fits() # NAME
{
	case $variant:$1 in
	delegated:* | no-session:* | cgroup1:*) ;; # control groups
	*:doctor_* | *:run_* | *:container_*) return 0 ;; # before it
	apparmor:range* | apparmor:single* | apparmor:no_* | apparmor:capabilities* | apparmor:auto* | apparmor:profile* | apparmor:image\ *) return 0 ;;
	apparmor:*) ;; # with its profile carrel is as unconfined as elsewhere
	*) return 0 ;;
	esac
	case $1 in
	true | status | timeout | doctor_* | *proc* | sys_* | rootfs_* | limits_* | *left*) return 0 ;;
	esac
	return 1
}

# --- the host's root ---------------------------------------------------------------------------------------------------------------------

check_true() { expect '' run -- true; }
check_status() { run -- sh -c 'exit 7' 2>/dev/null; [ $? = 7 ] || say_no 'not 7'; }
check_range_on_host_root() { expect '0 1' run --userns subids -u root -- sh -c 'echo $(id -u) $(awk "NR == 2 { print \$1 }" /proc/self/uid_map)'; }
check_single_id() { expect "$(id -u)" run --userns single -- id -u; }
check_root_write_refused() { refused 'Read-only file system' host 'echo x >/etc/passwd || echo x >/usr/x'; }
check_root_submount_write_refused() { refused 'Read-only file system' host 'touch /boot/x || touch /etc/x'; }
# What a mount lies on is covered by it, and before mount_setattr (5.12) only what a path leads to can be made read-only; no path leads there from inside
# either. host_mounts_* write wherever there is one.
reachable() # COMMAND [ARG…]: its output, without the covered ones of mounts.sh
{
	if kernel_is_before 5.12; then
		"$@" 2>&1 | sed '/^\(\/mnt\)\{0,1\}\/srv\/mounts\/\(stacked\|covered\/below\)\( \|$\)/d'
	else
		"$@"
	fi
}

check_every_host_mount_read_only()
{
	# Of what is writable, only our own things and the working directory may be there.
	expect '' reachable host 'awk '"'"'$6 ~ /^rw/ && $5 !~ "^(/proc|/dev|/dev/.*|/home|/home/.*|/root|/tmp|/var/tmp|/run)$" { print $5 }'"'"' /proc/self/mountinfo'
}
check_no_device_and_setuid_on_host_mounts()
{
	expect '' reachable host 'awk '"'"'$5 !~ "^/dev/" && ($6 !~ /nodev/ || $6 !~ /nosuid/) && $5 != "/dev" { print $5, $6 }'"'"' /proc/self/mountinfo'
}
check_working_directory_writable() { expect 'x' host 'echo x >made && cat made' && [ -f "$project/made" ] && rm "$project/made"; }
check_home_hidden() { touch "$HOME/secret" && refused 'No such file' host "cat $HOME/secret"; }
check_tmp_private() { touch /tmp/vm-secret; refused 'No such file' host 'cat /tmp/vm-secret'; }
check_processes_invisible() { expect '1' host 'set -- /proc/[0-9]*; [ $# -le 4 ] && echo 1 || echo "$@"'; }

# What mounts.sh made in the guest. Everybody may write there on the host.
host_mounts() # DIRECTORY RUN-OPTIONS…: no folder below can be written to, and all files can be read
{
	below=$1
	shift
	expect '8' run "$@" -- sh -c 'cd "$0" || exit; find . -type d | while read -r d; do { echo x >"$d/made"; } 2>/dev/null; done; find . -name made; cat */file */*/file | grep -c seen' "$below"
}

check_host_mounts_read_only() { host_mounts /srv/mounts; }
check_host_mounts_read_only_below_mirrored_root() { host_mounts /srv/mounts -v "$project/file:/brandnew/file:ro"; }
check_host_mounts_read_only_below_mirrored_directory() { host_mounts /srv/mounts -v "$project/file:/srv/new/file:ro"; }
check_host_mounts_read_only_below_bind() { host_mounts /mnt -v /srv/mounts:/mnt:ro; }
check_host_mounts_read_only_below_bind_of_everything() { host_mounts /mnt/srv/mounts -v /:/mnt:ro; }
check_host_mounts_kept_flags() { expect 'nosuid nodev noexec noatime' run -v /srv/mounts:/mnt -- awk '$5 == "/mnt/locked" { gsub(/,|rw|ro|relatime/, " ", $6); $1 = $1; n = split($6, f, " "); for (i = 1; i <= n; i++) have[f[i]] = 1; print (have["nosuid"] ? "nosuid" : "-"), (have["nodev"] ? "nodev" : "-"), (have["noexec"] ? "noexec" : "-"), (have["noatime"] ? "noatime" : "-") }' /proc/self/mountinfo; }
check_host_mounts_writable_below_writable_bind() { expect 'x' run -v /srv/mounts:/mnt -- sh -c 'echo x >/mnt/deep/deeper/made && cat /mnt/again/deeper/made; rm /mnt/deep/deeper/made'; }

# --- hide, protect, masks ----------------------------------------------------------------------------------------------------------------

check_hide_present() { echo s >"$project/secret"; refused 'Read-only file system' run --set 'filesystem.hide=[$PWD/secret]' -- sh -c 'cat secret; echo x >secret' && rm "$project/secret"; }
check_protect_present() { echo s >"$project/kept"; refused 'Read-only file system' run --set 'filesystem.protect=[$PWD/kept]' -- sh -c 'echo x >kept' && expect s cat "$project/kept" && rm "$project/kept"; }
check_protect_directory() { mkdir -p "$project/d/e"; refused 'Read-only file system' run --set 'filesystem.protect=[$PWD/d]' -- touch d/e/x && rm -r "$project/d"; }
check_protect_renaming_parent() { mkdir -p "$project/d/e"; refused 'busy' run --set 'filesystem.protect=[$PWD/d/e/f]' -- mv d x && rm -r "$project/d"; }
check_protect_absent()
{
	refused 'Read-only file system' run --set 'filesystem.protect=[$PWD/absent/hooks]' -- sh -c 'mkdir absent 2>/dev/null; echo x >absent/hooks'
}
check_placeholder_gone() { sleep 1; [ ! -e "$project/absent" ] || say_no "left: $(ls -la "$project")"; }
check_masked_proc() { expect '0 0' host 'echo $(cat /proc/kcore 2>/dev/null | wc -c) $(cat /proc/keys 2>/dev/null | wc -c)'; }
check_proc_sys_read_only() { refused 'Read-only file system' run -u root --userns subids -- sh -c 'echo x >/proc/sys/kernel/hostname'; }
check_sys_read_only() { refused 'Read-only file system' host 'mkdir /sys/kernel/x'; }
check_sys_firmware_hidden() { expect '0' host 'ls -A /sys/firmware | wc -l'; }

# --- walls -------------------------------------------------------------------------------------------------------------------------------

check_no_network() { expect 'lo:' host 'tail -n +3 /proc/net/dev | awk "{ print \$1 }"'; }
check_no_capability() { expect '0000000000000000' host 'grep ^Cap /proc/self/status | cut -f2 | sort -u'; }
check_capabilities_of_container() { expect 'a80425fb' rooted -c 'sed -n "s/^CapEff:.*\(.\{8\}\)$/\1/p" /proc/self/status'; }
check_seccomp_on() { expect '2' host 'sed -n "s/^Seccomp:.//p" /proc/self/status'; }
check_no_new_privs() { expect '1' host 'sed -n "s/^NoNewPrivs:.//p" /proc/self/status'; }
check_unshare_refused() { refused 'not permitted' host 'unshare --user true'; }
check_descriptors_closed() { expect '' run -- sh -c 'ls /proc/self/fd | grep -x 7' 7</etc/passwd; }
check_timeout() { ! run --timeout 1s -- sleep 60 >/dev/null 2>&1 || say_no 'it ended well'; }
check_open_files_limit() { expect 77 run --set resources.open_files=77 -- sh -c 'ulimit -n'; }
check_terminal() { expect 'yes' run -t -- sh -c 'test -t 0 && test -t 1 && echo yes' | tr -d '\r'; }

# --- limits ------------------------------------------------------------------------------------------------------------------------------

# The rung that this guest was made for.
wanted_rung()
{
	case $variant in
	delegated) echo cgroup ;;
	no-session | cgroup1) echo watcher ;;
	*) echo scope ;;
	esac
}

quiet_run() # what a note of carrel's would stand in the way of
{
	run "$@" 2>"$here/said" || cat "$here/said"
}

reported() # KEY RUN-OPTION…: of the report of a run of true
{
	key=$1
	shift
	rm -f "$here/report"
	run --report "$here/report" "$@" true >/dev/null 2>&1 </dev/null
	sed -n "s/.*\"$key\": \"\(.*\)\".*/\1/p" "$here/report" 2>/dev/null | tail -n 1
}

# A systemd that does not answer within 0.2 s is passed over, by design, and under emulation it sometimes does not.
limits_rung()
{
	for _ in 1 2 3 4 5; do
		got=$(reported limits -m 200M --pids-limit 100 --cpus 1 --)
		[ "$got" = "$(wanted_rung)" ] && break
		sleep 1
	done
	echo "$got"
}

check_limits_stand_on_the_rung()
{
	got=$(limits_rung)
	[ "$got" = "$(wanted_rung)" ] || say_no "on '$got', not '$(wanted_rung)': $(run -m 200M -- true 2>&1)"
}
check_limits_required_are_there() { expect yes quiet_run -m 200M --pids-limit 100 --cpus 1 --set resources.require=true -- echo yes; }
check_limits_memory() { refused 'memory limit' run -m 64M -- sh -c 'head -c 300M /dev/zero | tail'; }
check_limits_memory_of_tmpfs() { refused 'memory limit' run -m 64M --tmpfs /mnt:size=500M -- sh -c 'head -c 300M /dev/zero >/mnt/big; sleep 60'; }
check_limits_tasks() { refused 'ork' run --pids-limit 20 -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do sleep 20 & done; exit 1'; }
check_limits_cpus()
{
	run --cpus 0.25 --report "$here/report" -- timeout 4 sh -c 'while :; do :; done' >/dev/null 2>&1 </dev/null
	# A quarter of four seconds, and what emulation adds.
	used=$(sed -n 's/.*"user_us": \([0-9]*\).*/\1/p' "$here/report" | tail -n 1)
	[ "${used:-9999999}" -lt 2000000 ] || say_no "used ${used:-no} us of 4 s at 0.25"
}
check_limits_end_leaves_no_cgroup() { sleep 1; expect '' find /sys/fs/cgroup -name 'carrel-*[0-9]*' -type d; }

# --- mounts ------------------------------------------------------------------------------------------------------------------------------

check_mount_target_missing_in_root() { expect 'seen /etc/passwd' run -v "$project/file:/brandnew/file:ro" -- sh -c 'echo $(cat /brandnew/file; ls /etc/passwd)' && [ ! -e /brandnew ]; }
check_mount_target_missing_in_read_only_directory() { expect 'seen /etc/passwd' run -v "$project/file:/usr/share/brandnew/file:ro" -- sh -c 'echo $(cat /usr/share/brandnew/file; ls /etc/passwd)'; }
check_mirrored_directory_read_only() { refused 'Read-only file system' run -v "$project/file:/usr/share/brandnew/file:ro" -- touch /usr/share/x; }
check_mirrored_root_read_only() { refused 'Read-only file system' run -v "$project/file:/brandnew/file:ro" -- touch /x; }
check_mirrored_root_mounts_read_only()
{
	expect '' reachable run -v "$project/file:/brandnew/file:ro" -- awk '$6 ~ /^rw/ && $5 !~ "^(/proc|/dev|/dev/.*|/home|/home/.*|/root|/tmp|/var/tmp|/run)$" { print $5 }' /proc/self/mountinfo
}
check_bind_of_everything_read_only() { expect '' reachable run -v /:/mnt:ro -- awk '$6 ~ /^rw/ && $5 ~ "^/mnt" { print $5 }' /proc/self/mountinfo; }
check_bind_read_only() { refused 'Read-only file system' run -v "$project:/mnt:ro" -- touch /mnt/x; }
check_bind_writable() { expect '' run -v "$project:/mnt" -- touch /mnt/written && rm "$project/written"; }
check_mount_discard() { expect 'new' run -v "$project:/mnt:discard" -- sh -c 'echo new >/mnt/file && cat /mnt/file' && expect 'seen' cat "$project/file"; }
check_tmpfs_size() { refused 'No space left' run --tmpfs /mnt:size=1M -- sh -c 'head -c 2000000 /dev/zero >/mnt/big'; }
check_file_with_content() { expect 'hello' run --set 'filesystem.mounts=[{path: /etc/motd, content: hello}]' -- cat /etc/motd; }

# --- an extracted root -------------------------------------------------------------------------------------------------------------------

rooted()
{
	run @container --rootfs "$rootfs" sh "$@"
}

check_rootfs_read_only() { refused 'Read-only file system' run @container --read-only --rootfs "$rootfs" sh -c 'echo x >/x'; }
check_rootfs_mounts_nodev() { refused '' rooted -c 'mknod /null c 1 3 && echo x >/null'; }

layered()
{
	run @container --overlay "$overlay" --rootfs "$rootfs" "$@"
}

# The kernel lets users mount overlayfs from 5.11 on, and never with its upper layer on NFS. Who asks for it by name there is told.
kernel_is_before() # VERSION
{
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" != "$1" ]
}

kernel_overlay_refused() { refused "cannot use the kernel's overlayfs" layered true; }

overlay_root_and_range() { expect '0 1000' layered sh -c 'touch /f; chown 1000 /f; echo $(id -u) $(stat -c %u /f)'; }
overlay_single_id() { expect '0 x' layered --userns single sh -c 'echo x >/f; echo $(id -u) $(cat /f)'; }
overlay_removes_and_makes_again() { expect '0' layered sh -c 'rm -r /etc && mkdir /etc && ls -A /etc | wc -l'; }
overlay_renames_directory() { expect 'ok' layered sh -c 'mv /etc /ett && test -f /ett/passwd && echo ok'; }
overlay_discarded()
{
	expect '' layered sh -c 'echo x >/leftover; rm /etc/passwd' && [ ! -e "$rootfs/leftover" ] && [ -e "$rootfs/etc/passwd" ]
}
overlay_two_lowers()
{
	mkdir -p "$here/upperlayer/etc" && echo top >"$here/upperlayer/etc/extra" && expect 'top ok' layered --set "filesystem.lower=[$here/upperlayer]" sh -c 'echo $(cat /etc/extra) $(test -f /etc/passwd && echo ok)'
}
overlay_kept()
{
	expect '' layered --name "keep-$overlay" sh -c 'echo kept >/kept; chown 5 /kept; rm /etc/passwd' &&
		expect 'kept 5 gone' layered --name "keep-$overlay" sh -c 'echo $(cat /kept) $(stat -c %u /kept) $(test -e /etc/passwd || echo gone)' &&
		expect "keep-$overlay" "$carrel" rm "keep-$overlay" && [ ! -e "$HOME/.local/share/carrel/instances/keep-$overlay" ]
}
overlay_host_root_discard() { expect 'x y' run --overlay "$overlay" --userns single --set filesystem.writes=discard -u root -- sh -c 'echo y >/opt/vm-y; echo x $(cat /opt/vm-y)' && [ ! -e /opt/vm-y ]; }
overlay_host_root_kept()
{
	expect '' run --overlay "$overlay" --name "host-$overlay" --set filesystem.writes=keep --userns subids -u root -- sh -c 'echo y >/vm-y' && [ ! -e /vm-y ] &&
		expect y run --overlay "$overlay" --name "host-$overlay" --set filesystem.writes=keep --userns subids -u root -- cat /vm-y &&
		expect "host-$overlay" "$carrel" rm "host-$overlay"
}
overlay_beside_copy_of_host() { expect 'seen /etc/passwd' run --overlay "$overlay" -v "$project:/mnt:discard" -v /:/media:ro -- sh -c 'echo $(cat /mnt/file; ls /media/etc/passwd | cut -c7-)'; }
overlay_mount_discard() { expect 'new' run --overlay "$overlay" -v "$project:/mnt:discard" -- sh -c 'echo new >/mnt/file && cat /mnt/file' && expect 'seen' cat "$project/file"; }

# --- what a variant shows ----------------------------------------------------------------------------------------------------------------

said_by_doctor() # TEXT
{
	"$carrel" doctor 2>&1 | grep -q -- "$1" || say_no "doctor: $("$carrel" doctor 2>&1 | tr '\n' '|')"
}

on_cgroup1_doctor_says_so() { said_by_doctor 'cgroup v1'; }
on_no_subids_doctor_says_so() { said_by_doctor 'sudo usermod --add-subuids'; }
on_no_subids_single_id_by_itself() { expect single reported ids --; }
on_no_subids_root_of_an_image() { expect '0 x' run @container --rootfs "$rootfs" sh -c 'echo x >/f; echo $(id -u) $(cat /f)'; }
on_no_subids_range_is_refused() { refused '/etc/subuid' run --userns subids -- true; }
on_no_subids_range_is_refused_where_required() { refused 'ids.range' run --set 'require=[ids.range]' -- true; }
on_nfs_home_is_nfs() { expect nfs4 findmnt -no FSTYPE "$HOME"; }
on_nfs_home_doctor_says_so() { said_by_doctor 'nfs'; }
on_nfs_home_kept_with_a_single_id()
{
	expect '' run @container --rootfs "$rootfs" --userns single --name nfs sh -c 'echo kept >/kept; rm /etc/passwd' &&
		expect 'kept gone' run @container --rootfs "$rootfs" --userns single --name nfs sh -c 'echo $(cat /kept) $(test -e /etc/passwd || echo gone)' && expect nfs "$carrel" rm nfs
}
# Before carrel has the profile that mends it (start.sh).
denied_doctor_says_so() { said_by_doctor 'AppArmor confines this process: carrel (enforce)'; }
denied_doctor_says_what_mends() { said_by_doctor 'userns,.*apparmor_parser'; }
denied_doctor_fails() { ! "$carrel" doctor >/dev/null 2>&1 || say_no 'it succeeded'; }
denied_run_says_so() { refused 'AppArmor confines this process: carrel (enforce)' run -- true; }
denied_run_says_what_mends() { refused 'userns,' run -- true; }
denied_container_says_so() { refused AppArmor run @container --rootfs "$rootfs" true; }
on_apparmor_profile_is_in_force() { expect 'carrel (unconfined)' run -- cat /proc/self/attr/apparmor/current; }

# --- afterwards --------------------------------------------------------------------------------------------------------------------------

check_killed_launcher_leaves_nothing()
{
	(cd "$project" && exec "$carrel" run @container --rootfs "$rootfs" sh -c 'touch /in; exec sleep 4321') >/dev/null 2>&1 &
	pid=$!
	sleep 3
	kill -9 $pid
	wait $pid 2>/dev/null
	sleep 2
	! pgrep -f 'sleep 4321' >/dev/null || say_no 'the payload lives'
}
check_no_process_left() { left=$(pgrep -u "$(id -u)" -l 'carrel|fuse-overlayfs'); [ -z "$left" ] || say_no "left: $left"; }
check_no_mount_left() { cut -d' ' -f2- /proc/self/mountinfo | cmp -s - "$here/mounts" || say_no "$(cut -d' ' -f2- /proc/self/mountinfo | diff "$here/mounts" -)"; }
check_no_scratch_left()
{
	run @container --rootfs "$rootfs" true # what the killed one left is swept by the next
	left=$(find "$HOME/.local/share/carrel" -mindepth 2 2>/dev/null)
	[ -z "$left" ] || say_no "left: $left"
}
check_project_as_before() { expect file ls -A "$project"; }
check_rootfs_as_before() { expect '' find "$rootfs" -newer "$here/mounts"; }

# --- all of them -------------------------------------------------------------------------------------------------------------------------

report() # NAME FUNCTION
{
	fits "$1" || return 0
	if why=$(left_out "$1"); then
		echo "left out $1: $why"
		return
	fi
	started=$(date +%s)
	if why=$("$2" 2>&1); then
		echo "ok $1"
	else
		echo "not ok $1: $(echo "${why:-failed}" | tr '\n' '|')"
	fi
	slow=$(($(date +%s) - started))
	[ $slow -lt 20 ] || echo "# slow: $1 took $slow s"
}

functions() # PREFIX: in the order of the files
{
	sed -n "s/^\($1[a-z_0-9]*\)().*/\1/p" "$0" "$top/images.sh"
}

report_all() # PREFIX [NAME: what their names begin with in the report]
{
	for check in $(functions "$1"); do
		report "${2:-}${check#"$1"}" "$check"
	done
}

# A suite that came along (tests/vm/run, VM_TESTS), built for the distribution of the machine that built it: SUITE or SUITE:PATTERN.
suite() # SUITE [PATTERN]
{
	echo "# suite $1 ${2:-}"
	started=$(date +%s)
	# What a limit holds is measured, so that one is not to disturb another.
	case ${2:-} in limits*) jobs=1 ;; *) jobs=2 ;; esac
	# As it comes: a guest that takes too long has said what it found until then.
	"build/tests/$1" --verbose --color=never --timeout 2400 -j "$jobs" ${2:+--filter "$2"} </dev/null 2>&1 | tee "$here/log" |
		sed -u -e '/^\[RUN \] /d' -e '/^\[PASS\] /d' -e '/^\[====\] Running /d' -e '/: Test is disabled$/d' -e 's/^/# > /'
	sed -n "s/^\[FAIL\] \([^ ]*\): .*/not ok $1 \1/p" "$here/log" | sort -u
	skipped=$(grep '^\[SKIP\] \|^SKIP: ' "$here/log" | grep -vc ': Test is disabled$')
	summary=$(sed -n 's/.*Synthesis: Tested: \([0-9]*\) | Passing: \([0-9]*\) | Failing: \([0-9]*\) .*/\2 of \1/p' "$here/log")
	[ -n "$summary" ] || echo "not ok suite $1 ended without a summary: $(tail -n 3 "$here/log" | tr '\n' '|')"
	[ "$1${2:-}" != e2e ] || echo "# suite-result e2e:limits* $(grep -c '^\[PASS\] limits' "$here/log") of $(grep -c '^\[PASS\] limits\|^\[FAIL\] limits[a-z_]*::[a-z_]*: (' "$here/log")"
	echo "# suite-result $1${2:+:$2} ${summary:-none}$([ "$skipped" = 0 ] || echo ", $skipped skipped") in $(($(date +%s) - started)) s"
}

suites()
{
	[ -s "$top/suites" ] || return 0
	cp -r "$top" "$here/tree" && cd "$here/tree" || return
	CARREL_TEST_ROOTS=$(tests/roots) CARREL_UNDER_TEST=build/carrel CARREL_EXPECT_RUNG=$(wanted_rung) PATH=$PATH:$top/bin
	# Emulated processors are slow, and the programs find the libraries that came along by themselves.
	CARREL_TEST_PATIENCE=5 CARREL_LIBRARIES_ALONG=1
	export CARREL_TEST_ROOTS CARREL_UNDER_TEST CARREL_EXPECT_RUNG CARREL_TEST_PATIENCE CARREL_LIBRARIES_ALONG PATH
	while read -r line; do
		case $line in
		'') ;;
		*:*) suite "${line%%:*}" "${line#*:}" ;;
		*) suite "$line" ;;
		esac
	done <suites
}

prepare()
{
	mkdir -p "$project" "$rootfs"
	tar -C "$rootfs" -xf "$top/busybox.tar"
	echo seen >"$project/file"
	sleep 1
	cut -d' ' -f2- /proc/self/mountinfo >"$here/mounts"
}

# On what this guest stands, for the table.
rungs()
{
	echo "# rung ids: $(reported ids @container --rootfs "$rootfs")"
	echo "# rung limits: $(limits_rung)"
	echo "# rung Landlock: $("$carrel" doctor 2>&1 | sed -n 's/.* Landlock  *ABI \([0-9]*\).*/ABI \1/p')"
	for mode in none nat host; do
		echo "# rung network $mode: $(reported network --network "$mode" --)"
	done
}

overlays()
{
	for overlay in auto kernel fuse; do
		echo "# rung overlay $overlay: $(reported overlay @container --overlay $overlay --rootfs "$rootfs")"
		if [ "$overlay" = kernel ] && { kernel_is_before 5.11 || [ "$variant" = nfs-home ]; }; then
			report 'kernel refused' kernel_overlay_refused
			continue
		fi
		for check in $(functions overlay_); do
			report "$overlay ${check#overlay_}" "$check"
		done
	done
}

prepare
echo "# kernel $(uname -r)"
echo "# system $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), $(fuse-overlayfs --version 2>/dev/null | head -n 1)"
echo '# doctor'
"$carrel" doctor 2>&1 | sed 's/^/# | /'
if [ "$(cat "$top/phase" 2>/dev/null)" = denied ]; then
	report_all denied_
	exit
fi
rungs
before=$(functions check_ | sed '/killed_launcher/,$d')
for check in $before; do
	report "${check#check_}" "$check"
done
report 'image load' image_load
overlays
report_all images_ 'image '
[ -z "$variant" ] || report_all "on_$(echo "$variant" | tr - _)_"
for check in $(functions check_ | sed -n '/killed_launcher/,$p'); do
	report "${check#check_}" "$check"
done
suites
echo '# end'
