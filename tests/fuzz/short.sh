#!/bin/sh
# Each fuzz target on its seeds and on some mutations of them. (`make fuzz` is the real thing.)
set -eu
cd "$(dirname "$0")/../.."
build=$(dirname "$CARREL_UNDER_TEST")
bad=0
for source in tests/fuzz/*_fuzz.c; do
	name=$(basename "$source" _fuzz.c)
	if ! timeout 60 "$build/tests/fuzz/$name" 2000 "tests/fuzz/$name" 2>&1; then
		echo "fuzz target $name failed (it goes the same way each time)"
		bad=1
	fi
done
exit $bad
