#!/bin/sh
# SPDX-License-Identifier: MIT
# The example of the manual page is the program that the build compiles.
# Usage: test_example.sh PAGE PROGRAM
set -eu

page=$1 program=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE ALSO/ { /^\.Bd/,/^\.Ed/p; }' "$page" |
	sed -e '/^\.[BE]d/d' -e 's/\\e/\\/g' >"$dir/page"
# The page has a licence line of its own.
sed 1d "$program" >"$dir/program"
test -s "$dir/page"
diff "$dir/page" "$dir/program"
