/* SPDX-License-Identifier: MIT */
/* PM4: the packets of compute queues, and the functions of a chip that their engine calls. */
#ifndef VG_PM4_H
#define VG_PM4_H

#include <stddef.h>

#include "core/queue.h"

typedef enum vg_result (*vg_pm4_fn)(struct vgpu *vg, struct vg_queue *q, const uint32_t *body,
				    unsigned int n);

/* An entry of a table of packets. */
struct vg_pm4_op {
	uint8_t opcode;
	const char *name;
	unsigned int min_body; /* in dwords; a packet with a shorter body stops the model */
	bool privileged;       /* if the packet comes from another VMID than 0, stop the model */
	vg_pm4_fn execute;
};

struct vg_pm4_table {
	const struct vg_pm4_op *op;
	size_t num;
};

/* The packets that every chip with PM4 executes. */
extern const struct vg_pm4_table vg_pm4_packets;

/* Each XCC of a partition does its part of an AQL packet, and the last one completes it. */
enum vg_aql_part {
	VG_AQL_LAST_PART,  /* this XCC is the last one, so it completes the packet */
	VG_AQL_PART,	   /* another XCC will complete the packet */
	VG_AQL_PART_WAITS, /* unknown, because the queue is not on all XCCs now: ask again later */
};

/* The functions of a chip that the PM4 engine calls (vg_chip.pm4). */
struct vg_pm4_chip {
	/* Packets that the chip's scheduler firmware adds. */
	const struct vg_pm4_table *scheduler;
	/* Returns the dword address of the register that packets of @q call by the number @reg. */
	uint32_t (*reg_address)(const struct vg_queue *q, uint32_t reg);
	/*
	 * Returns the address in memory where the queue stores its read pointer.  An
	 * HSA queue stores its read index there.
	 */
	uint64_t (*rptr_report)(const struct vg_queue *q);
	/*
	 * An AQL packet of @q acquires at the scope "system": make the CPU's writes
	 * visible that the host data path holds.
	 */
	void (*system_acquire)(struct vgpu *vg, const struct vg_queue *q);
	/* Raise the end-of-pipe interrupt if the driver has enabled it for the queue's pipe. */
	void (*end_of_pipe)(struct vgpu *vg, const struct vg_queue *q, unsigned int vmid,
			    uint32_t ctxid);
	/* Returns the number that the XCC of @q has in its partition. */
	unsigned int (*xcc_number)(const struct vgpu *vg, const struct vg_queue *q);
	/* May @q begin its next AQL packet?  Not before all XCCs have finished the one before. */
	bool (*aql_may_begin)(const struct vgpu *vg, const struct vg_queue *q);
	/*
	 * Call this when @q has done its part of the AQL packet that ends at the position @end.
	 * Returns whether @q has to complete the packet.
	 */
	enum vg_aql_part (*aql_part)(const struct vgpu *vg, const struct vg_queue *q, uint64_t end);
};

/* A chip puts these functions into the struct vg_engine_ops of its PM4 queues. */
unsigned int vg_pm4_length(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			   unsigned int n);
enum vg_result vg_pm4_execute(struct vgpu *vg, struct vg_queue *q, const uint32_t *packet,
			      unsigned int n);

/*
 * Access a register by the number that packets use.  A packet of a user must not do
 * that, so it stops the model.
 */
bool vg_pm4_reg_read(struct vgpu *vg, struct vg_queue *q, uint32_t reg, uint32_t *value);
bool vg_pm4_reg_write(struct vgpu *vg, struct vg_queue *q, uint32_t reg, uint32_t value);

/* The functions that execute packets, in pm4_mem.c and pm4_sync.c. */
enum vg_result vg_pm4_write_data(struct vgpu *, struct vg_queue *, const uint32_t *, unsigned int);
enum vg_result vg_pm4_copy_data(struct vgpu *, struct vg_queue *, const uint32_t *, unsigned int);
enum vg_result vg_pm4_dma_data(struct vgpu *, struct vg_queue *, const uint32_t *, unsigned int);
enum vg_result vg_pm4_atomic_mem(struct vgpu *, struct vg_queue *, const uint32_t *, unsigned int);
enum vg_result vg_pm4_wait_reg_mem(struct vgpu *, struct vg_queue *, const uint32_t *,
				   unsigned int);
enum vg_result vg_pm4_release_mem(struct vgpu *, struct vg_queue *, const uint32_t *, unsigned int);
enum vg_result vg_pm4_set_sh_reg(struct vgpu *, struct vg_queue *, const uint32_t *, unsigned int);
enum vg_result vg_pm4_set_uconfig_reg(struct vgpu *, struct vg_queue *, const uint32_t *,
				      unsigned int);

#endif
