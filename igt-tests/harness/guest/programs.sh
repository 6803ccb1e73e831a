#!/bin/sh
# SPDX-License-Identifier: MIT
# programs.sh DIRECTORY LINE...
# Runs each command LINE in DIRECTORY, and leaves its output and its exit status
# beside this script as NUMBER.log and NUMBER.status, counted from 0.
share=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit
shift

number=0
for line; do
	sh -c "$line" > "$share/$number.log" 2>&1
	echo $? > "$share/$number.status"
	number=$((number + 1))
done
