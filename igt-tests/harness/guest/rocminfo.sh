#!/bin/sh
# SPDX-License-Identifier: MIT
# rocminfo.sh SECONDS
# Runs ROCm's tool rocminfo, which must find the GPU, for SECONDS at most. Leaves its
# output and its exit status beside this script as rocminfo and rocminfo-status, for
# suites/outside.py.
share=$(dirname "$0")
timeout "$1" rocminfo > "$share/rocminfo" 2>&1
echo $? > "$share/rocminfo-status"
