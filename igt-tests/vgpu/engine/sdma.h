/* SPDX-License-Identifier: MIT */
/* Between the two halves of the SDMA block: queues and packets. */
#ifndef VG_SDMA_H
#define VG_SDMA_H

#include "core/model.h"

struct vg_sdma_packet {
	uint8_t op, sub_op;
	const char *name;
	uint32_t fields;	/* of the header, beside op and sub-op */
	unsigned int dwords;
	unsigned int (*extra)(const uint32_t *packet); /* dwords after those */
	enum vg_result (*execute)(struct vgpu *vg, struct vg_queue *q,
				  const uint32_t *packet);
};

extern const struct vg_sdma_packet vg_sdma_table[];
extern const size_t vg_sdma_table_size;

/* For struct vg_engine_ops. */
unsigned int vg_sdma_packet_length(struct vgpu *vg, struct vg_queue *q,
				   const uint32_t *packet, unsigned int n);
enum vg_result vg_sdma_packet_execute(struct vgpu *vg, struct vg_queue *q,
				      const uint32_t *packet, unsigned int n);

/* The interrupt of a TRAP packet, if SDMA_CNTL lets it through. */
void vg_sdma_trap(struct vgpu *vg, const struct vg_queue *q, uint32_t context);

#endif
