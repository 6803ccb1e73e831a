#!/bin/sh
# SPDX-License-Identifier: MIT
# Each function has a doc comment. Each error that the comment names is in the function's manual page and in a test.
# Usage: test_errors.sh HEADER TESTS PAGE...
set -eu

header=$1 tests=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# "function error" for each -E... behind "Return:" in the comment in front of a declaration; "function" for each comment.
awk '
/^\/\*\*/ { errors = ""; returns = 0; commented = 1 }
/^}/ { commented = 0 }
/^ \* Return:/ { returns = 1 }
returns && /^ \*/ {
	line = $0
	while (match(line, /-E[A-Z0-9]+/)) {
		errors = errors " " substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
	}
}
/^ \*\// { returns = 0 }
match($0, /^[a-z].*amdgpu_userptr_[a-z_]+\(/) {
	sub(/\(.*/, "")
	sub(/.*amdgpu_userptr_/, "amdgpu_userptr_")
	if (!commented) {
		print "no comment: " $0 > "/dev/stderr"
		exit 1
	}
	count = split(errors, list, " ")
	for (i = 1; i <= count; i++)
		print $0, list[i]
	commented = 0
	errors = ""
}' "$header" >"$dir/errors"
test -s "$dir/errors"

while read -r function error; do
	page=$(grep -lx -- "\.Fo $function" "$@")
	grep -q -- "Er $error\b" "$page" || { echo "$error of $function is not in $page"; exit 1; }
	grep -q -- "$error\b" "$tests"/test_*.c || { echo "$error of $function is in no test"; exit 1; }
done <"$dir/errors"
