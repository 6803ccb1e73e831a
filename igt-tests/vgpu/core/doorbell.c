/* SPDX-License-Identifier: MIT */
/* The doorbell BAR: a write goes to the unit that has claimed the doorbell at this offset. */
#include "core/bus.h"

void vg_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size)
{
	uint32_t index = offset / 4;
	bool taken;

	if (offset % 4 || offset >= VG_DOORBELL_SIZE || (size != 4 && size != 8)) {
		vg_stop(vg, "doorbell write of %u bytes at 0x%x", size, offset);
		return;
	}
	if (vg->chip->interrupt_doorbell(vg, index, value))
		return;
	if (vg_inject(vg, VG_INJECT_LOST_DOORBELL))
		return;
	taken = vg->chip->queue_doorbell(vg, index, value, size);
	/*
	 * No unit claims the doorbell of an evicted queue, so a doorbell without a unit is no
	 * error.
	 */
	vg_trace(vg, "doorbell index=0x%x value=0x%llx taken=%d", index, (unsigned long long)value,
		 taken);
}
