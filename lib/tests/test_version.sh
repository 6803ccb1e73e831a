#!/bin/sh
# SPDX-License-Identifier: MIT
# The changelog of the packages and NEWS begin with the version that is built. The symbol map has its minor version, and
# each manual page names the version.
# Usage: test_version.sh VERSION CHANGELOG NEWS MAP PAGE...
set -eu

version=$1 changelog=$2 news=$3 map=$4
shift 4

first() {
	sed -n "s/$2/\1/p" "$1" | head -n 1
}

same() {
	if [ "$2" != "$3" ]; then
		echo "$1 has $2, not $3" >&2
		exit 1
	fi
}

same "$changelog" "$(first "$changelog" '^libamdgpu-userptr (\([0-9.]*\)) .*')" "$version"
same "$news" "$(first "$news" '^libamdgpu_userptr \([0-9.]*\)$')" "$version"
same "$map" "$(first "$map" '^AMDGPU_USERPTR_\([0-9.]*\) {$')" "${version%.*}"
for page; do
	same "$page" "$(first "$page" '^\.Os "libamdgpu_userptr \([0-9.]*\)"$')" "$version"
done
