#!/bin/sh
# SPDX-License-Identifier: MIT
# needs_libdrm.sh PACKAGE...
# Succeeds only if the files PACKAGE cannot be installed where libdrm-dev is missing. The
# build root has libdrm-dev, so packages that do not name it would work there all the
# same. suites/package.py starts this in a root that is then thrown away (fresh.sh).
set -e

rm -f /var/lib/man-db/auto-update
dpkg --purge --force-depends libdrm-dev
if LC_ALL=C dpkg -i "$@" >/tmp/log 2>&1; then
	echo "they can be installed without libdrm-dev"
	exit 1
fi
cat /tmp/log
grep -q "libamdgpu-userptr-dev:.* depends on libdrm-dev" /tmp/log
