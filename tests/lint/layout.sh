#!/bin/sh
# Tabs indent, nothing trails, a file ends with its line, comments are /* */.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck disable=SC2046 # one word for each file
awk '
	/[ \t]$/ { print FILENAME ":" FNR ": white space at the end"; bad = 1 }
	/^        / { print FILENAME ":" FNR ": indented with spaces"; bad = 1 }
	/^[^"]*[;{}] *\/\/ / || /^[ \t]*\/\// { print FILENAME ":" FNR ": a // comment"; bad = 1 }
	END { exit bad }' $(find src tests -name '*.[ch]')
# shellcheck disable=SC2044 # no name here has a blank
for file in $(find src tests profiles contrib -name '*.[ch]' -o -name '*.sh' -o -name '*.yaml' -o -name '*.md'); do
	[ -z "$(tail -c 1 "$file" | tr -d '\n')" ] || { echo "$file: no newline at the end"; exit 1; }
done
