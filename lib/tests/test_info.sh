#!/bin/sh
# SPDX-License-Identifier: MIT
# On a machine without a GPU, amdgpu-userptr-info has the output, options and exit statuses of its manual page.
# Usage: test_info.sh PROGRAM
set -eu

info=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Skip on a machine with GPUs, because the output depends on them.
for node in /dev/dri/renderD*; do
	if [ -e "$node" ]; then
		echo "the machine has a GPU"
		exit 77
	fi
done

# expect STATUS LINE COMMAND...: the command ends with the status and prints the line, a regular expression.
expect() {
	wanted=$1 line=$2 status=0
	shift 2
	"$@" >"$dir/out" 2>&1 || status=$?
	if [ "$status" != "$wanted" ] || ! grep -qxE "$line" "$dir/out"; then
		echo "$*: status $status instead of $wanted, or not the line $line:"
		cat "$dir/out"
		exit 1
	fi
}

expect 1 'no GPU: /dev/dri has no render node' "$info"
expect 1 '\{"version": "[0-9.]+", "gpus": \[\]\}' "$info" --json
expect 0 'amdgpu-userptr-info [0-9]+\.[0-9]+\.[0-9]+' "$info" --version
expect 0 'Usage: .*' "$info" --help
expect 2 'Usage: .*' "$info" --wrong
expect 2 'Usage: .*' "$info" word
# shellcheck disable=SC2016 # the inner shell's argument
expect 2 '.*cannot write: .*' sh -c '"$1" >/dev/full' sh "$info"
