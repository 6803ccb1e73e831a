/* SPDX-License-Identifier: MIT */
/* HSA queues (AQL).  Their doorbells and indices count packets, not dwords. */
#ifndef VG_AQL_H
#define VG_AQL_H

#include "core/queue.h"

/* A chip puts these functions into the struct vg_engine_ops of its HSA queues. */
unsigned int vg_aql_length(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			   unsigned int n);
enum vg_result vg_aql_execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			      unsigned int n);

/*
 * vg_aql_doorbell() handles a doorbell write, whose value is the number of a packet.
 * vg_aql_set_wptr() sets the write pointer to the write index in memory, which counts packets.
 */
void vg_aql_doorbell(struct vgpu *vg, struct vg_queue *q, uint64_t value, unsigned int size);
void vg_aql_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t packets);

#endif
