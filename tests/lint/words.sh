#!/bin/sh
# Nothing is left for later.
set -eu
cd "$(dirname "$0")/../.."
! grep -rnwE 'TODO|FIXME|XXX' src contrib tests --include='*.[ch]' --include='*.md'
