#!/bin/sh
# SPDX-License-Identifier: MIT
# Each function has a doc comment. Each error that the comment names is in the function's manual page and in a test.
# HEADERS is the folder of the headers, TESTS that of the tests.
# Usage: test_errors.sh HEADERS TESTS PAGE...
set -eu

headers=$1 tests=$2
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
}' "$headers"/*.h >"$dir/errors"
test -s "$dir/errors"

# "function error" for each function and each error of its page, and the errors of all tests.
awk '
FNR == 1 { split("", functions) }
/^\.Fo / { functions[$2] }
{
	line = $0
	while (match(line, /Er -E[A-Z0-9]+/)) {
		for (name in functions)
			print name, substr(line, RSTART + 3, RLENGTH - 3)
		line = substr(line, RSTART + RLENGTH)
	}
}' "$@" >"$dir/documented"
grep -oh -- '-E[A-Z0-9]*' "$tests"/test_*.c >"$dir/tested"

awk -v dir="$dir" '
BEGIN {
	while (getline < (dir "/documented"))
		documented[$0]
	while (getline < (dir "/tested"))
		tested[$0]
}
!($0 in documented) { print $2 " of " $1 " is not in the manual page"; wrong = 1 }
!($2 in tested) { print $2 " of " $1 " is in no test"; wrong = 1 }
END { exit wrong }' "$dir/errors"
