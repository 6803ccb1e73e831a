#!/bin/sh
# SPDX-License-Identifier: MIT
# splat.sh MODULE FAULT...
# Loads the MODULE vgpu_splat.ko and lets it make each FAULT, so that the checkers
# of the debug kernel have something to find.
set -e
module=$1
shift

insmod "$module"
for fault; do
	echo "$fault" > /sys/module/vgpu_splat/parameters/fault
done
