/* SPDX-License-Identifier: MIT */
/* Interrupt handler: interrupt vectors, and its doorbell. */
#ifndef VG_IH_H
#define VG_IH_H

#include <stdbool.h>
#include <stdint.h>

struct vgpu;

/* One interrupt vector; the fields of amdgpu_ih_decode_iv_helper(). */
struct vg_iv {
	uint8_t client, source, ring;
	uint8_t vmid;
	uint8_t node;
	bool mmhub; /* @vmid is one of the MMHUB's */
	uint32_t data[4];
};

enum { VG_NODE_AID0 = 0, VG_NODE_XCC0 = 1 };

struct vg_ih {
	uint32_t wptr; /* bytes */
	bool overflow; /* until the driver clears it */
	uint64_t dropped;
};

void vg_ih_raise(struct vgpu *vg, const struct vg_iv *iv);
/* struct vg_chip.interrupt_doorbell: the driver's new read pointer. */
bool vg_ih_doorbell(struct vgpu *vg, uint32_t index, uint64_t value);
/* Set the IH's own tables from VMID to PASID, of both hubs. */
void vg_ih_set_pasid(struct vgpu *vg, unsigned int vmid, unsigned int pasid);

#endif
