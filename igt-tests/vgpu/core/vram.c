/* SPDX-License-Identifier: MIT */
/* The VRAM BAR: the CPU's accesses to VRAM, which take the chip's host data path. */
#include <string.h>

#include "core/gpu.h"

static bool inside_vram(struct vgpu *vg, const char *what, uint64_t offset, size_t len)
{
	if (offset <= VG_VRAM_SIZE && len <= VG_VRAM_SIZE - offset)
		return true;
	vg_stop(vg, "%s of %zu bytes at 0x%llx of the VRAM BAR", what, len,
		(unsigned long long)offset);
	return false;
}

void vgpu_vram_read(struct vgpu *vg, uint64_t offset, void *data, size_t len)
{
	memset(data, 0xff, len);
	if (vgpu_stopped(vg) || !inside_vram(vg, "read", offset, len))
		return;
	vg->chip->vram_read(vg, offset, data, len);
}

void vgpu_vram_write(struct vgpu *vg, uint64_t offset, const void *data, size_t len)
{
	if (vgpu_stopped(vg) || !inside_vram(vg, "write", offset, len))
		return;
	vg->chip->vram_write(vg, offset, data, len);
}
