/* SPDX-License-Identifier: MIT */
/* System DMA: the queues of the engines, of which there is one for each XCC. */
#ifndef VG_GFX9_SDMA_H
#define VG_GFX9_SDMA_H

#include "core/queue.h"
#include "vgpu.h"

enum {
	VG_SDMA_GFX,
	VG_SDMA_PAGE,
	VG_SDMA_RLC0,
	VG_NUM_SDMA_QUEUES = 10, /* of an engine */
	VG_MAX_SDMA_QUEUES = VG_NUM_SDMA_QUEUES * VG_MAX_XCCS,
};

struct vg_sdma_queue {
	struct vg_queue q;
	uint64_t mqd;	  /* if @dynamic: address of the queue's MQD in VMID 0 */
	bool dynamic;	  /* the HWS has mapped the queue */
	unsigned int xcc; /* if @dynamic: the XCC of that HWS */
};

struct vg_sdma {
	struct vg_sdma_queue queue[VG_MAX_SDMA_QUEUES]; /* engine by engine */
};

struct vg_unmap;

/* The number of queues of all engines. */
unsigned int vg_num_sdma_queues(const struct vgpu *vg);

void vg_sdma_init(struct vgpu *vg);
void vg_sdma_free(struct vgpu *vg);
/* Returns true when a queue has claimed the doorbell; @offset is the doorbell's dword index. */
bool vg_sdma_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size);
/* Raise the interrupt of a TRAP packet if SDMA_CNTL lets it through. */
void vg_sdma_trap(struct vgpu *vg, const struct vg_queue *q, uint32_t context);

/*
 * For the HWS of the XCC @xcc: map a user queue to a free RLC queue of an engine.  Its MQD (struct
 * v9_sdma_mqd) is at the address @mqd of VMID 0.
 */
void vg_sdma_map(struct vgpu *vg, unsigned int xcc, unsigned int engine, unsigned int vmid,
		 uint32_t doorbell, uint64_t mqd, uint64_t wptr_addr);
/*
 * For the HWS of the XCC @xcc: request preemption of all queues that it has mapped and that match.
 * Returns how many have not stopped yet, so call again until it returns 0.
 */
unsigned int vg_sdma_unmap(struct vgpu *vg, unsigned int xcc, const struct vg_unmap *which);

#endif
