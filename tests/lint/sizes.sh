#!/bin/sh
# Functions up to 60 lines, files up to 600, headers up to 150. (STYLE.md, Shape.)
set -eu
cd "$(dirname "$0")/../.."
# shellcheck disable=SC2046 # one word for each file
awk '
	function check_file() { if (file && lines > limit) { print file ": " lines " lines, more than " limit; bad = 1 } }
	FNR == 1 { check_file(); file = FILENAME; limit = file ~ /\.h$/ ? 150 : 600 }
	{ lines = FNR }
	/^[a-zA-Z_].*[(]/ { name = $0; sub(/[(].*/, "", name); sub(/.*[ *]/, "", name) }
	/^{/ { start = FNR }
	/^}$/ { if (start && FNR - start - 1 > 60) { print FILENAME ":" start ": " name " has " FNR - start - 1 " lines, more than 60"; bad = 1 } start = 0 }
	END { check_file(); exit bad }' $(find src tests -name '*.[ch]')
