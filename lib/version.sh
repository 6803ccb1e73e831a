#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the version in the library's header. Meson takes the version of the project from here.
# Usage: version.sh HEADER
set -eu

for part in MAJOR MINOR PATCH; do
	sed -n "s/^#define AMDGPU_USERPTR_VERSION_$part \([0-9]*\)$/\1/p" "$1"
done | paste -s -d .
