#!/bin/sh
# SPDX-License-Identifier: MIT
# The library has no writable global data, because all of its state belongs to a context.
# Usage: test_writable.sh ARCHIVE
set -eu

# Pointers in constant tables are in .data.rel.ro, which becomes read-only after relocation.
found=$(nm --format=sysv "$1" | awk -F '|' '{ gsub(/ /, "") }
	$7 ~ /^\.(data|bss|tdata|tbss)/ && $7 !~ /^\.data\.rel\.ro/ { print $1 }')
if [ -n "$found" ]; then
	echo "writable data: $found" >&2
	exit 1
fi
