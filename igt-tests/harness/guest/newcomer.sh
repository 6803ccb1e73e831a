#!/bin/sh
# SPDX-License-Identifier: MIT
# newcomer.sh DIRECTORY
# Installs the files of the library's packages (DIRECTORY/installed) in the guest,
# and runs the tool and the minimal example, which the line of its manual page has
# compiled (DIRECTORY/programs/a.out).
set -e
cp -a "$1/installed/." /

# devtmpfs lets only root open the render node.
status=0
setpriv --reuid 65534 --regid 65534 --clear-groups amdgpu-userptr-info > /tmp/info || status=$?
cat /tmp/info
if [ $status != 1 ] || ! grep -q 'map: *no: cannot open /dev/dri/renderD128: Permission denied' /tmp/info; then
	echo "amdgpu-userptr-info of a user: status $status"
	exit 1
fi

amdgpu-userptr-info > /tmp/info || status=$?
cat /tmp/info
grep -q 'map: *yes' /tmp/info
grep -q 'backend: *scatter' /tmp/info
# The driver makes eight render nodes for a gfx942, one for each partition that the GPU can have. One can be used.
amdgpu-userptr-info --json | python3 -c 'import json, sys
gpu, = [gpu for gpu in json.load(sys.stdin)["gpus"] if gpu["can_map"]]
assert gpu["isa"].startswith("gfx"), gpu'

exec "$1/programs/a.out"
