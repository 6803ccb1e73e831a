#!/bin/sh
# SPDX-License-Identifier: MIT
# configure.sh TREE OUT FRAGMENT [START]
# Configures the kernel in TREE for a build in OUT: begins with the configuration in the
# file START, or with tinyconfig, which has as few options as possible, and adds the
# options in the file FRAGMENT.
set -e
tree=$1 out=$2 fragment=$3 start=${4:-}

if [ -n "$start" ]; then
	cp "$start" "$out/.config"
else
	make -s -C "$tree" "O=$out" tinyconfig
fi
"$tree/scripts/kconfig/merge_config.sh" -m -O "$out" "$out/.config" "$fragment"
make -s -C "$tree" "O=$out" olddefconfig
