/* SPDX-License-Identifier: MIT */
/* HSA queues (AQL), whose pointers count packets. */
#ifndef VG_AQL_H
#define VG_AQL_H

#include "core/queue.h"

/* Members of struct vg_engine_ops. */
unsigned int vg_aql_length(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			   unsigned int n);
enum vg_result vg_aql_execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			      unsigned int n);

/* Handle a doorbell write of an HSA queue; set the write pointer from the write index in memory. */
void vg_aql_doorbell(struct vgpu *vg, struct vg_queue *q, uint64_t value, unsigned int size);
void vg_aql_set_wptr(struct vgpu *vg, struct vg_queue *q, uint64_t packets);

#endif
