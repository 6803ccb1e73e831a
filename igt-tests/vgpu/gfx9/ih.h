/* SPDX-License-Identifier: MIT */
/* Interrupt handler (IH): interrupt vectors for the driver, and the doorbell of its ring. */
#ifndef VG_IH_H
#define VG_IH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"
#include "vgpu.h"

struct vgpu;

/* One interrupt vector; amdgpu_ih_decode_iv_helper() of the driver reads these fields. */
struct vg_iv {
	uint8_t client, source, ring;
	uint8_t vmid;
	uint8_t node;
	bool mmhub; /* @vmid belongs to the MMHUB, else to the GFX hub */
	uint32_t data[4];
};

/* The dies that raise interrupts, as amdgpu_irq.h:106 has them. */
enum { VG_NODE_AID0 = 0, VG_NODE_XCC0 = 1, VG_NODE_XCC1 = 2 };

struct vg_ih {
	uint32_t wptr; /* position in the ring, in bytes */
	bool overflow; /* a vector has filled the ring; stays set until the driver clears it */
	uint32_t lut[VG_MAX_XCCS][VG_NUM_VMIDS]; /* IH_VMID_0_LUT to IH_VMID_15_LUT, by XCC */
};

void vg_ih_raise(struct vgpu *vg, const struct vg_iv *iv);
/* vg_chip.interrupt_doorbell: take the driver's new read pointer. */
bool vg_ih_doorbell(struct vgpu *vg, uint32_t index, uint64_t value);
/* Set the PASID of @vmid in all of the IH's own tables; there is one for each hub. */
void vg_ih_set_pasid(struct vgpu *vg, unsigned int vmid, unsigned int pasid);

#endif
