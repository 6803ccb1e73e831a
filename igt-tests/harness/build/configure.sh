#!/bin/sh
# SPDX-License-Identifier: MIT
# configure.sh TREE OUT FRAGMENT START
# Configures the kernel in TREE for a build in OUT: begins with the configuration in the
# file START and adds the options in the file FRAGMENT. If there is no file START, the
# script makes it by tinyconfig, which has as few options as possible. tinyconfig takes
# four times as long as all other steps. Its result is the same for all trees of a base,
# so later calls use the file START again.
set -e
tree=$1 out=$2 fragment=$3 start=$4

if [ ! -e "$start" ]; then
	make -s -C "$tree" "O=$out" tinyconfig
	cp "$out/.config" "$start.$$"
	mv "$start.$$" "$start"
fi
cp "$start" "$out/.config"
"$tree/scripts/kconfig/merge_config.sh" -m -O "$out" "$out/.config" "$fragment"
make -s -C "$tree" "O=$out" olddefconfig
