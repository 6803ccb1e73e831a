#!/bin/sh
# SPDX-License-Identifier: MIT
# Each page is clean, and each function of the header is on one and back.
# Usage: test_man.sh HEADER PAGE...
set -eu

header=$1
shift
command -v mandoc >/dev/null || exit 77

# Pages of other projects are not there to be referred to.
mandoc -T lint -W style "$@" | grep -v 'referenced manual not found' && exit 1

status=0
functions=$(sed -n 's/^[a-z].*\b\(amdgpu_userptr_[a-z_]*\)(.*/\1/p' "$header")
for function in $functions; do
	if ! grep -q "^\.Fo $function\$" "$@"; then
		echo "$function is on no page" >&2
		status=1
	fi
done
for function in $(sed -n 's/^\.Fo \(.*\)/\1/p' "$@"); do
	if ! echo "$functions" | grep -qx "$function"; then
		echo "$function is not in the header" >&2
		status=1
	fi
done
exit $status
