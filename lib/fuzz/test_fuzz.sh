#!/bin/sh
# SPDX-License-Identifier: MIT
# Run a libFuzzer target for RUNS units, with the same seed each time, from a corpus: text in which a paragraph is a
# unit, each two hexadecimal digits are a byte, and lines with # are comments. Without TARGET the test skips, because
# there was no clang to build it.
# Usage: test_fuzz.sh CORPUS RUNS [TARGET]
set -eu

corpus=$1 runs=$2
if [ $# -lt 3 ]; then
	echo "not built: there is no clang"
	exit 77
fi
target=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

number=0
awk 'BEGIN { RS = ""; FS = "\n" } { for (i = 1; i <= NF; i++) if ($i !~ /^#/) printf "%s ", $i; print "" }' "$corpus" |
	while read -r unit; do
		[ -n "$unit" ] || continue
		number=$((number + 1))
		for byte in $unit; do
			printf %b "\\0$(printf %o "0x$byte")"
		done >"$dir/$number"
	done
test -s "$dir/1"
"$target" -seed=1 "-runs=$runs" -max_len=512 -len_control=0 -timeout=10 "-artifact_prefix=$dir/" "$dir" 2>"$dir/log" || {
	tail -40 "$dir/log" >&2
	exit 1
}
tail -1 "$dir/log"
