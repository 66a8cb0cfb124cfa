#!/bin/sh
# Give the guest mounts of the kinds that servers have, before guest.sh looks at what a sandbox makes of them. Runs as root, in the guest only.
set -eu
base=/srv/mounts

open_tmpfs() # NAME OPTIONS: everybody may write there
{
	mkdir -p "$base/$1"
	mount -t tmpfs -o "size=1M,mode=1777$2" tmpfs "$base/$1"
	echo seen >"$base/$1/file"
}

open_tmpfs 'with space' ''
open_tmpfs stacked ''
open_tmpfs stacked ,nosuid,nodev,noexec # on top of the other, which no path leads to, and whose flags it has not
open_tmpfs locked ,nosuid,nodev,noexec,noatime
open_tmpfs deep ''
open_tmpfs deep/deeper ''
open_tmpfs covered/below ''
mount -t tmpfs -o size=1M,mode=1777 tmpfs "$base/covered"
open_tmpfs readonly ''
mount -o remount,ro "$base/readonly"
touch "$base/one-file"
mount --bind /etc/hostname "$base/one-file"
mkdir -p "$base/again"
mount --rbind "$base/deep" "$base/again"
