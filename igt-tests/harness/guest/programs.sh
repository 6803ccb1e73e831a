#!/bin/sh
# SPDX-License-Identifier: MIT
# programs.sh DIRECTORY LINE...
# Runs each command LINE in DIRECTORY, also after one has failed. Leaves the output and
# the exit status of the first LINE beside this script as 0.log and 0.status, those of
# the second as 1.log and 1.status, and so on.
share=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit
shift

number=0
for line; do
	sh -c "$line" > "$share/$number.log" 2>&1
	echo $? > "$share/$number.status"
	number=$((number + 1))
done
