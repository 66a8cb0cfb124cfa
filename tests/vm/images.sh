# The image commands on this kernel, in a store of their own: sourced by guest.sh, which says what a check is. With tools that every guest has; what wants
# a registry is tests/e2e's.
# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # the scripts are for the shell inside; the variables are guest.sh's

image_store=$here/images
image_archive=$here/image.tar

image() # COMMAND [ARG…]
{
	(cd "$here" && CARREL_ROOT=$image_store "$carrel" "$@")
}

# A docker-archive of two layers, of which the upper one takes something away in each way that there is, in another owner's name.
make_image_archive()
{
	made=$here/image
	mkdir -p "$made/lower/d" "$made/lower/gone" "$made/upper/d" "$made/archive"
	tar -C "$made/lower" -xf "$top/busybox.tar"
	echo old >"$made/lower/d/old" && echo old >"$made/lower/gone/old" && echo old >"$made/lower/file"
	touch "$made/upper/.wh.gone" "$made/upper/.wh.file" "$made/upper/d/.wh..wh..opq"
	echo new >"$made/upper/d/new"
	tar -C "$made/lower" --owner=0 --group=0 --numeric-owner -cf "$made/archive/lower.tar" .
	tar -C "$made/upper" --owner=5 --group=6 --numeric-owner -cf "$made/archive/upper.tar" .
	ids=$(for layer in lower upper; do sha256sum "$made/archive/$layer.tar"; done | sed 's/\([0-9a-f]*\) .*/"sha256:\1"/' | tr '\n' ',')
	echo '{"architecture": "amd64", "os": "linux", "config": {"Env": ["WORD=said"], "Cmd": ["sh", "-c", "echo $WORD"]}, "rootfs": {"type": "layers", "diff_ids": ['"${ids%,}"']}}' >"$made/archive/config.json"
	echo '[{"Config": "config.json", "RepoTags": ["vm/image:1"], "Layers": ["lower.tar", "upper.tar"]}]' >"$made/archive/manifest.json"
	tar -C "$made/archive" -cf "$image_archive" .
	rm -rf "$made"
}

look='echo $(ls /d) $(ls -d /gone /file 2>/dev/null) $(stat -c %u /d/new)'
change='rm -r /d && mkdir /d && mv /etc /ett && echo x >/etc && echo $(ls -A /d) $(cat /etc) $(test -f /ett/passwd && echo ok)'
# Whose the upper layer's file is, and that the lower one's are away.
way=auto seen='new 5'
[ "$variant" != no-subids ] || way=single seen='new 0'

in_image() # HOW-IDS SCRIPT [STORE]
{
	CARREL_ROOT=${3:-$image_store} run --overlay "$overlay" --userns "$1" vm/image:1 sh -c "$2"
}

image_load() { make_image_archive && expect 'vm/image:1' loaded_names image load -i image.tar && expect '' load_for_single_id; }
load_for_single_id() { CARREL_ROOT=$image_store-single "$carrel" load -q --userns=single -i "$image_archive" >/dev/null; }
loaded_names() { "$@" 2>"$here/said" | sed 's/.* //' || cat "$here/said"; }
images_is_listed() { expect 'vm/image 1' listed; }
listed() { image images | awk 'NR == 2 { print $1, $2 }'; }
images_command_and_environment() { CARREL_ROOT=$image_store expect said run vm/image:1; }
images_exported_and_imported() { expect "$seen" exported; }
exported() { image export vm/image:1 | image import -q - vm/again:1 >/dev/null && CARREL_ROOT=$image_store run vm/again:1 sh -c 'echo $(ls /d) $(stat -c %u /d/new)'; }
images_saved_removed_and_loaded() { expect 'said' saved; }
saved() { image save -q -o "$here/saved.tar" vm/image:1 && image rmi -f vm/image:1 >/dev/null && image load -q -i "$here/saved.tar" >/dev/null && CARREL_ROOT=$image_store run vm/image:1; }
images_cut_short_is_refused() { head -c 20000 "$image_archive" >"$here/short.tar" && refused 'Truncated' image load -i "$here/short.tar"; }
# Debian 11's mksquashfs reads no tar stream yet.
images_packed()
{
	case $(mksquashfs -version | head -n 1) in
	*' 4.4'*) refused 'mksquashfs is older than 4.5' packed ;;
	*) expect "$seen said" packed ;;
	esac
}
packed()
{
	image pack -q -o "$here/vm.sqfs" vm/image:1 >/dev/null && (cd "$here" && run "$here/vm.sqfs" sh -c 'echo $(ls /d) $(stat -c %u /d/new) $WORD')
}
overlay_image_range() { expect 'new 5' in_image subids "$look"; }
overlay_image_range_changed() { expect 'x ok' in_image subids "$change"; }
overlay_image_single_id() { expect 'new 0' in_image single "$look" "$image_store-single"; }
overlay_image_single_id_changed() { expect 'x ok' in_image single "$change" "$image_store-single"; }
# In memory, where a file has no attributes of the user's before Linux 6.6.
images_on_tmpfs()
{
	memory=/dev/shm/vm-$$
	mkdir "$memory" || return
	on_disk=$image_store image_store=$memory/store overlay=auto status=0
	image load -q -i "$image_archive" >/dev/null 2>"$here/said" || status=1
	if [ $status = 1 ]; then cat "$here/said"; else expect "$seen" in_image $way "$look" || status=1; fi
	image system reset --force >/dev/null 2>&1
	image_store=$on_disk
	rm -rf "$memory"
	return $status
}
images_removed_with_its_layers() { expect '' removed; }
removed() { image rmi -f vm/image:1 vm/again:1 >/dev/null 2>"$here/said" || cat "$here/said"; ls "$image_store/layers"; }
