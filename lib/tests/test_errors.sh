#!/bin/sh
# SPDX-License-Identifier: MIT
# Each function has a doc comment. The comment and the list of the function in its manual page name the same errors. Each
# of them is in a statement of a test that also names the function, or something that calls it for the test.
# HEADERS is the folder of the headers, TESTS that of the tests.
# Usage: test_errors.sh HEADERS TESTS PAGE...
set -eu

headers=$1 tests=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Functions of the tests that call a function of the library, and tables of the errors that it has to return.
cat >"$dir/wrappers" <<END
amdgpu_userptr_attach expect_of_all attach attach_errors expect_refusal
amdgpu_userptr_ctx_create expect_of_all au_ctx_create create create_errors device_id
amdgpu_userptr_hdp_flush expect_of_all flush
amdgpu_userptr_map expect_of_all bad_maps map_errors memory_errors
amdgpu_userptr_query expect_of_all
amdgpu_userptr_query_caps expect_of_all
amdgpu_userptr_query_cpu expect_of_all query
amdgpu_userptr_query_evictions expect_of_all
amdgpu_userptr_query_hdp expect_of_all
amdgpu_userptr_query_stats expect_of_all
amdgpu_userptr_watch_evictions expect_of_all watch_errors
END

# "function error" for each -E... behind "Return:" in the comment in front of a declaration. "as FUNCTION()" there stands
# for the errors of that function.
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
	if (match($0, / as amdgpu_userptr_[a-z_]+\(/))
		errors = errors " " of[substr($0, RSTART + 4, RLENGTH - 5)]
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
	of[$0] = errors
	commented = 0
	errors = ""
}' "$headers"/*.h >"$dir/errors"
test -s "$dir/errors"

# "function error" for each error in the part ERRORS of a page. The functions that stand before a list, in the sentence
# that ends with a colon, have the errors of the list and of the text behind it.
awk '
FNR == 1 || /^\.Sh / { errors = /^\.Sh ERRORS/; split("", functions); sentence = 0 }
!errors { next }
/^\.Fn / && !in_list {
	if (!sentence)
		split("", waiting)
	sentence = 1
	waiting[$2]
}
/^\.Bl / {
	in_list = 1
	if (sentence) {
		split("", functions)
		for (name in waiting)
			functions[name]
	}
	sentence = 0
}
/^\.El/ { in_list = 0 }
/^\.Pp/ { sentence = 0 }
{
	line = $0
	while (match(line, /Er -E[A-Z0-9]+/)) {
		for (name in functions)
			print name, substr(line, RSTART + 3, RLENGTH - 3)
		line = substr(line, RSTART + RLENGTH)
	}
}' "$@" >"$dir/documented"

# "function error" for each statement of a test. A comment is no statement, and a statement ends with a semicolon or
# the brace that opens a block of code.
for test in "$tests"/test_*.c; do
	sed 's|/\*.*\*/||; s|^\(.*\)//.*|\1|' "$test" | awk '/\/\*/ { comment = 1 } !comment { print } /\*\// { comment = 0 }' |
		tr '\n' ' ' | sed 's/)[[:space:]]*{/);/g' | tr ';' '\n'
done | awk -v dir="$dir" '
BEGIN {
	while (getline <(dir "/wrappers")) {
		for (i = 2; i <= NF; i++)
			wraps[$i] = wraps[$i] " " $1
	}
}
{
	split("", functions)
	words = split($0, word, /[^a-zA-Z0-9_-]+/)
	for (i = 1; i <= words; i++) {
		if (word[i] ~ /^amdgpu_userptr_/)
			functions[word[i]]
		count = split(wraps[word[i]], list, " ")
		for (j = 1; j <= count; j++)
			functions[list[j]]
	}
	for (i = 1; i <= words; i++) {
		if (word[i] ~ /^-E[A-Z0-9]+$/) {
			for (name in functions)
				print name, word[i]
		}
	}
}' >"$dir/tested"

awk -v dir="$dir" '
BEGIN {
	while (getline <(dir "/errors"))
		in_comment[$0]
	while (getline <(dir "/documented"))
		documented[$0]
	while (getline <(dir "/tested"))
		tested[$0]
	for (line in in_comment)
		all[line]
	for (line in documented)
		all[line]
	for (line in all) {
		split(line, word, " ")
		error = word[2] " of " word[1]
		if (!(line in in_comment))
			wrong[error " is not in the comment"]
		if (!(line in documented))
			wrong[error " is not in the manual page"]
		if (!(line in tested))
			wrong[error " is in no test"]
	}
	for (line in wrong) {
		print line
		status = 1
	}
	exit status
}'
