#!/bin/sh
# SPDX-License-Identifier: MIT
# rocminfo.sh SECONDS
# Runs rocminfo for so many SECONDS at most, and leaves its output and its exit
# status beside this script as rocminfo and rocminfo-status.
share=$(dirname "$0")
timeout "$1" rocminfo > "$share/rocminfo" 2>&1
echo $? > "$share/rocminfo-status"
