#!/bin/sh
# SPDX-License-Identifier: MIT
# splat.sh MODULE FAULT...
# Loads the MODULE vgpu_splat.ko, and lets it make each FAULT, which a checker of
# the debug kernel has to find.
set -e
module=$1
shift

insmod "$module"
for fault; do
	echo "$fault" > /sys/module/vgpu_splat/parameters/fault
done
