#!/bin/sh
# SPDX-License-Identifier: MIT
# kunit.sh
# Runs the KUnit tests that the driver has. It unloads the driver, which session has loaded
# with KUnit disabled, and loads it again with KUnit enabled and the same parameters. A
# module's tests run before modprobe returns (lib/kunit/test.c:kunit_module_notify()), and
# their results are in the kernel's log, behind the line that this script writes there.
set -e
# shellcheck source=/dev/null
. "$(dirname "$0")/config"

rmmod "$DRIVER"
rmmod kunit
echo "kunit.sh: begin" > /dev/kmsg
modprobe -d "$MODULES" kunit enable=1
# shellcheck disable=SC2086 # the parameters are words
modprobe -d "$MODULES" "$DRIVER" $PARAMS
test -e /dev/kfd
