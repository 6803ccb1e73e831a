#!/bin/sh
# SPDX-License-Identifier: MIT
# Headers, symbol map and shared library have the same functions, and the library exports nothing else.
# HEADERS is the folder of the headers.
# Usage: test_symbols.sh HEADERS MAP LIBRARY
set -eu

headers=$1 map=$2 library=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Declarations begin in column 0; those in comments do not.
sed -n 's/^[a-z].*\b\(amdgpu_userptr_[a-z_]*\)(.*/\1/p' "$headers"/*.h | sort >"$dir/header"
sed -n 's/^\t\(amdgpu_userptr_[a-z_]*\);$/\1/p' "$map" | sort >"$dir/map"
# Leave out absolute symbols, because nm shows the name of the symbol version as one.
nm -D --defined-only "$library" |
	awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$dir/library"

test -s "$dir/header"
diff "$dir/header" "$dir/map"
diff "$dir/map" "$dir/library"
