#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the version of the project, which stands in the library's header and nowhere else.
# Usage: version.sh HEADER
set -eu

for part in MAJOR MINOR PATCH; do
	sed -n "s/^#define AMDGPU_USERPTR_VERSION_$part \([0-9]*\)$/\1/p" "$1"
done | paste -s -d .
