#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh PROGRAMS TEST PACKAGE...
# Installs the library's packages, the files PACKAGE, and runs their own TEST, which
# compiles programs into the directory PROGRAMS. suites/package.py starts this in a root
# that is then thrown away (fresh.sh).
set -e

programs=$1 test=$2
shift 2
# Without this file man-db makes no index of all manual pages of the root, which would
# take long.
rm -f /var/lib/man-db/auto-update
dpkg -i "$@"
AUTOPKGTEST_TMP=$programs exec "$test"
