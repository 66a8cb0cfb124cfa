#!/bin/sh
# Make the guest what its variant says, and run guest.sh (or the script that came instead) there as ada. Runs as root, in the guest only.
#
# The variants, and what each is for:
#   (none)       a login with a session and a systemd of its own, which goes on when it logs out: limits by a scope of that systemd
#   delegated    a service whose cgroup its administrator has delegated: limits by a cgroup
#   no-session   a service of the old kind, with nothing delegated and no session: limits by the watcher
#   cgroup1      control groups of version 1 (by the kernel's command line, see run): limits by the watcher
#   no-subids    no range in /etc/subuid and /etc/subgid: a single id
#   nfs-home     the home on NFS
#   apparmor     user namespaces refused to carrel by an AppArmor profile (trixie: Linux 6.7); guest.sh runs first so, and then with contrib's profile
set -u
top=/opt/carrel
variant=$(cat $top/variant)

# shellcheck disable=SC1091 # checked by itself
. $top/mounts.sh

session='PAMName=login'
enter=

setup_()
{
	loginctl enable-linger ada
}

# The cgroup of a service may not have both processes and controllers for its children (cgroups(7)), so the checks go into a child.
setup_delegated()
{
	session='Delegate=yes'
	cat >$top/enter <<-'END'
		own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
		mkdir "$own/checks"
		echo $$ >"$own/checks/cgroup.procs"
		for controller in cpu cpuset io memory pids; do
			echo "+$controller" >"$own/cgroup.subtree_control"
		done
		exec "$@"
	END
	enter="/bin/sh $top/enter"
}

setup_no_session()
{
	session=
}

setup_cgroup1()
{
	setup_
}

setup_no_subids()
{
	setup_
	: >/etc/subuid
	: >/etc/subgid
}

setup_nfs_home()
{
	mkdir /srv/homes
	cp -a /home/ada /srv/homes/
	echo '/srv/homes 127.0.0.1(rw,no_subtree_check,fsid=1)' >/etc/exports
	ip link set lo up
	systemctl start rpcbind.service nfs-server.service
	mount -t nfs4 127.0.0.1:/srv/homes/ada /home/ada
	setup_
}

# As after `make install`, since the profile is for a program there. First one that takes nothing away but user namespaces, which upstream's AppArmor
# refuses to programs with a profile only (Ubuntu's also to those without, by a setting that no other kernel has).
setup_apparmor()
{
	setup_
	install -D -m 755 $top/build/carrel /usr/local/bin/carrel
	install -D -m 755 $top/build/carrel-image /usr/local/libexec/carrel/carrel-image
	mkdir -p /usr/local/share/carrel
	cp -r $top/profiles /usr/local/share/carrel/
	cat >/etc/apparmor.d/carrel <<-'END'
		abi <abi/4.0>,
		profile carrel /usr/{local/,}bin/carrel flags=(attach_disconnected) {
		  file, mount, umount, pivot_root, capability, network, unix, signal, ptrace, mqueue, io_uring, change_profile,
		}
	END
	apparmor_parser -r /etc/apparmor.d/carrel
	echo denied >$top/phase
	checks "/bin/sh $top/guest.sh"
	rm $top/phase
	install -m 644 $top/contrib/apparmor/carrel /etc/apparmor.d/carrel
	apparmor_parser -r /etc/apparmor.d/carrel
}

checks() # COMMAND: as ada, until it ends
{
	cat >/run/systemd/system/checks.service <<-END
		[Service]
		Type=oneshot
		User=ada
		$session
		WorkingDirectory=/home/ada
		ExecStart=$enter $1
		StandardInput=null
		StandardOutput=tty
		StandardError=inherit
		TTYPath=/dev/ttyS1
		TimeoutStartSec=infinity
	END
	systemctl daemon-reload
	systemctl start checks.service
}

# Its words come before the line that the results begin with.
"setup_$(echo "$variant" | tr - _)" || echo "# the variant '$variant' could not be set up"
if [ -f $top/script ]; then
	# No terminal: a pager would wait for ever.
	# shellcheck disable=SC2016 # for the shell of ada
	echo 'echo "# script"; { sh script </dev/null; echo $? >/tmp/status; } 2>&1 | cat; echo "# status $(cat /tmp/status)"' >$top/run-script
	checks "/bin/sh -c 'cd $top && . ./run-script'"
else
	checks "/bin/sh $top/guest.sh"
fi
