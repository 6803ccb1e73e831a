/* SPDX-License-Identifier: MIT */
/* SDMA: the packets, and the functions of a chip that their engine calls. */
#ifndef VG_SDMA_H
#define VG_SDMA_H

#include <stddef.h>

#include "core/queue.h"

/* An entry of a table of packets. */
struct vg_sdma_packet {
	uint8_t op, sub_op;
	const char *name;
	uint32_t fields; /* header bits that may be set besides op and sub-op */
	unsigned int dwords;
	/* Returns the number of dwords behind the first @dwords; NULL: there are none. */
	unsigned int (*extra)(const uint32_t *packet);
	enum vg_result (*execute)(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet);
};

struct vg_sdma_table {
	const struct vg_sdma_packet *packet;
	size_t num;
};

/* The packets of SDMA 4.4. */
extern const struct vg_sdma_table vg_sdma_v4_packets;

/* The packets and functions of a chip that the SDMA engine uses (vg_chip.sdma). */
struct vg_sdma_chip {
	const struct vg_sdma_table *packets;
	/* Flush the host data path, for a packet that a user may execute. */
	void (*flush_hdp)(struct vgpu *vg, const struct vg_queue *q);
	/* Raise the interrupt of a TRAP packet. */
	void (*trap)(struct vgpu *vg, const struct vg_queue *q, uint32_t context);
};

/* A chip puts these functions into the struct vg_engine_ops of its SDMA queues. */
unsigned int vg_sdma_packet_length(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
				   unsigned int n);
enum vg_result vg_sdma_packet_execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
				      unsigned int n);

#endif
