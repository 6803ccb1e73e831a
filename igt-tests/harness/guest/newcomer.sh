#!/bin/sh
# SPDX-License-Identifier: MIT
# newcomer.sh DIRECTORY
# Tests the library's packages as their user sees them: copies the files of the packages
# (DIRECTORY/installed) to the guest's root, and runs amdgpu-userptr-info and the example
# of the manual page there. The example is DIRECTORY/programs/a.out, compiled by the
# command in the manual page.
set -e
cp -a "$1/installed/." /

# In the guest only root may open the render node. If another user runs the tool, it must print that as the reason.
status=0
setpriv --reuid 65534 --regid 65534 --clear-groups amdgpu-userptr-info > /tmp/info || status=$?
cat /tmp/info
if [ $status != 1 ] || ! grep -q 'map: *no: cannot open /dev/dri/renderD128: Permission denied' /tmp/info; then
	echo "amdgpu-userptr-info of a user: status $status"
	exit 1
fi

status=0
amdgpu-userptr-info > /tmp/info || status=$?
cat /tmp/info
if [ $status != 0 ]; then
	echo "amdgpu-userptr-info of root: status $status"
	exit 1
fi
grep -q 'map: *yes' /tmp/info
grep -q 'backend: *scatter' /tmp/info
grep -q 'HDP flush: *[a-z-]*: stores to VRAM pass the host data path' /tmp/info
# The driver makes eight render nodes for a gfx942, one for each partition that the GPU can have. Only one is in use, so
# the tool must list one GPU. There is no pipe, because a pipe would lose the status of the tool.
amdgpu-userptr-info --json > /tmp/info.json
python3 -c 'import json, sys
gpu, = json.load(sys.stdin)["gpus"]
assert gpu["can_map"] and gpu["isa"].startswith("gfx"), gpu
hdp = gpu["hdp"]
assert hdp["needed"] and hdp["status"][hdp["way"]] == 0 and hdp["status"]["submit"] == 0, gpu' < /tmp/info.json

exec "$1/programs/a.out"
