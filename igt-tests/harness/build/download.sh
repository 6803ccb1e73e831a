#!/bin/sh
# SPDX-License-Identifier: MIT
# download.sh PACKAGE[=VERSION]
# Downloads a package of Debian to the current directory. The package lists of the
# build root can be older than the packages of the mirror, and then they name files
# that the mirror no longer has. So if the download fails, update the lists and try again.
apt-get download "$1" && exit
apt-get update --error-on=any && apt-get download "$1"
