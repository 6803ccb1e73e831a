#!/bin/sh
# SPDX-License-Identifier: MIT
# mandoc has no complaint about the pages, and headers and pages name the same functions.
# HEADERS is the folder of the headers.
# Usage: test_man.sh HEADERS PAGE...
set -eu

headers=$1
shift
if ! command -v mandoc >/dev/null; then
	echo "there is no mandoc"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Ignore references to pages of other projects, which need not be installed.
mandoc -T lint -W style "$@" | grep -v 'referenced manual not found' && exit 1

sed -n 's/^[a-z].*\b\(amdgpu_userptr_[a-z_]*\)(.*/\1/p' "$headers"/*.h | sort >"$dir/header"
sed -n 's/^\.Fo \(.*\)/\1/p' "$@" | sort >"$dir/pages"
test -s "$dir/header"
diff "$dir/header" "$dir/pages"
