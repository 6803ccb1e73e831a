#!/bin/sh
# SPDX-License-Identifier: MIT
# exec.sh PATHS ERRORS COMMAND...
# Executes the COMMAND for ./run exec, shell and demo. The shell also looks for it in PATHS.
# If ERRORS is not empty, standard error goes to the file of that name beside this script.
export PATH="$PATH:$1"
[ -z "$2" ] || exec 2> "$(dirname "$0")/$2"
shift 2
exec "$@"
