#!/bin/sh
# SPDX-License-Identifier: MIT
# splat.sh MODULE FAULT...
# Loads the MODULE, which is vgpu_splat.ko, and lets it make each FAULT, one after the
# other. Each is a mistake that a checker of the debug kernel has to report.
set -e
module=$1
shift

insmod "$module"
for fault; do
	echo "$fault" > /sys/module/vgpu_splat/parameters/fault
done
