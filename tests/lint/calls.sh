#!/bin/sh
# Who may call what: only isolate/ makes namespaces and mounts (util/sys.h wraps the calls); only cli/ prints. (DESIGN.md, Folders.)
set -eu
cd "$(dirname "$0")/../.."
bad=0

forbid() # WHY CALLS FILES…
{
	why=$1 calls=$2
	shift 2
	for file; do
		# Comments go (the preprocessor of gcc takes them and keeps the lines), and so does what stands in quotes.
		found=$(gcc -fpreprocessed -dD -E -w "$file" | awk -v file="$file" -v calls="(^|[^a-zA-Z0-9_>.])($calls)[(]" '
			/^# [0-9]+ "/ { line = $2 - 1; next }
			{ line++; gsub(/"([^"\\]|\\.)*"/, "\"\""); if ($0 ~ calls) print file ":" line ": " $0 }')
		[ -z "$found" ] && continue
		printf '%s\n  %s\n' "$found" "$why"
		bad=1
	done
}

# shellcheck disable=SC2046 # one word for each file
{
	# (open_tree attaches nothing by itself.)
	forbid "only isolate/ makes namespaces and mounts" \
		'mount|umount|umount2|unshare|setns|clone|sys_(clone3|move_mount|fsopen|fsconfig|fsmount|mount_setattr|pivot_root)' \
		$(find src -name '*.[ch]' ! -path 'src/isolate/*' ! -path src/util/sys.h)
	forbid "only cli/ prints" \
		'v?printf|puts|putchar|perror|fprintf[(](stdout|stderr),|fputs[(][^,]*, *(stdout|stderr)[)]|v?warnx?|v?errx?' \
		$(find src -name '*.[ch]' ! -path 'src/cli/*')
}
exit $bad
