/* SPDX-License-Identifier: MIT */
/* The VRAM BAR: the CPU's accesses to VRAM, which take the chip's host data path. */
#include <string.h>

#include "core/gpu.h"

/* May the access go on? */
static bool begin(struct vgpu *vg, const char *what, uint64_t offset, size_t len)
{
	if (vgpu_stopped(vg))
		return false;
	if (offset > VG_VRAM_SIZE || len > VG_VRAM_SIZE - offset) {
		vg_stop(vg, "%s of %zu bytes at 0x%llx of the VRAM BAR", what, len,
			(unsigned long long)offset);
		return false;
	}
	/*
	 * An access takes a tick of virtual time, as an access to a register does.  If the HDP has
	 * no FIFO (hdp_fifo is 0), the host may let the CPU access VRAM without these functions.
	 * The model does not see such accesses, so they take no time.  Then no access to VRAM takes
	 * time, so that virtual time does not depend on the way that the host chooses.
	 */
	vg->time += vg->config.hdp_fifo != 0;
	return true;
}

void vgpu_vram_read(struct vgpu *vg, uint64_t offset, void *data, size_t len)
{
	if (begin(vg, "read", offset, len))
		vg->chip->vram_read(vg, offset, data, len);
	else
		memset(data, 0xff, len);
}

void vgpu_vram_write(struct vgpu *vg, uint64_t offset, const void *data, size_t len)
{
	if (begin(vg, "write", offset, len))
		vg->chip->vram_write(vg, offset, data, len);
}
