#!/bin/sh
# Functions up to 60 lines, files up to 600, headers up to 150. (STYLE.md, Shape.) A test's table counts as its function's: up to 100 there.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck disable=SC2046 # one word for each file
awk '
	function check_file() { if (file && lines > limit) { print file ": " lines " lines, more than " limit; bad = 1 } }
	FNR == 1 { check_file(); file = FILENAME; limit = file ~ /\.h$/ ? 150 : 600; most = file ~ /^tests/ ? 100 : 60 }
	{ lines = FNR }
	/^[a-zA-Z_].*[(]/ { name = $0; sub(/[(].*/, "", name); sub(/.*[ *]/, "", name) }
	/^{/ { start = FNR }
	/^}$/ { if (start && FNR - start - 1 > most) { print FILENAME ":" start ": " name " has " FNR - start - 1 " lines, more than " most; bad = 1 } start = 0 }
	END { check_file(); exit bad }' $(find src tests -name '*.[ch]')
