#!/bin/sh
# SPDX-License-Identifier: MIT
# newcomer.sh DIRECTORY
# Copies the installed files of the library's packages (DIRECTORY/installed) to the
# guest, and runs amdgpu-userptr-info and the minimal example. The example is
# DIRECTORY/programs/a.out, compiled by the command in the manual page.
set -e
cp -a "$1/installed/." /

# In the guest only root may open the render node, so the tool must report that to another user.
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
# The driver makes eight render nodes for a gfx942, one for each partition that the GPU can have. The tool knows the one
# that is in use.
amdgpu-userptr-info --json | python3 -c 'import json, sys
gpu, = json.load(sys.stdin)["gpus"]
assert gpu["can_map"] and gpu["isa"].startswith("gfx"), gpu'

exec "$1/programs/a.out"
