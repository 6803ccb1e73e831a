/* SPDX-License-Identifier: MIT */
/* Stands in until hw/sdma.c exists: no registers, so any use of SDMA stops. */
#include "hw/model.h"

const struct vg_block vg_sdma_block = { .name = "sdma" };

void vg_sdma_init(struct vgpu *vg)
{
}

bool vg_sdma_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value,
		      unsigned int size)
{
	return false;
}

void vg_sdma_map(struct vgpu *vg, unsigned int vmid, uint32_t doorbell,
		 uint64_t mqd, uint64_t wptr_addr)
{
	vg_stop(vg, "SDMA is not there");
}

unsigned int vg_sdma_unmap(struct vgpu *vg, const struct vg_unmap *which)
{
	return 0;
}
