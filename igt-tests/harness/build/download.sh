#!/bin/sh
# SPDX-License-Identifier: MIT
# download.sh PACKAGE[=VERSION]
# Downloads a package of Debian to the current directory. The package lists of the
# root can be older than the mirror's packages, so a failure reads them again.
apt-get download "$1" && exit
apt-get update --error-on=any && apt-get download "$1"
