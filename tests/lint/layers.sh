#!/bin/sh
# Includes are rooted at src/, obey layers.list, and make no cycle.
set -eu
cd "$(dirname "$0")/../.."
includes=$(grep -rn --include='*.[ch]' '^#include "' src)

echo "$includes" | awk -F'[:"]' '
	FNR == NR { n = split($0, word, " "); if ($0 !~ /^#/ && n) { known[word[1]]; for (i = 1; i <= n; i++) may[word[1], word[i]] } next }
	{
		split($1, from, "/"); split($4, to, "/")
		where = $1 ":" $2 ": " from[2]
		if (!(from[2] in known)) why = " is no layer of tests/lint/layers.list"
		else if ($4 !~ /\//) why = " includes \"" $4 "\", which is not rooted at src/"
		else if (!((from[2], to[1]) in may)) why = " must not include " $4
		else next
		print where why
		bad = 1
	}
	END { exit bad }' tests/lint/layers.list -

# tsort(1) fails on a cycle and names its members.
echo "$includes" | sed -n 's|^src/\([^:]*\.h\):[0-9]*:#include "\([^"]*\)".*|\1 \2|p' | tsort >/dev/null
