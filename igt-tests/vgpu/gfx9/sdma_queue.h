/* SPDX-License-Identifier: MIT */
/* The registers of SDMA queues; sdma.c and sdma_regs.c use them. */
#ifndef VG_SDMA_QUEUE_H
#define VG_SDMA_QUEUE_H

#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_sdma.h"

/* The distance from one queue's registers to those of the next queue. */
enum { VG_SDMA_STRIDE = regSDMA_PAGE_RB_CNTL - regSDMA_GFX_RB_CNTL };

static inline unsigned int vg_sdma_engine(unsigned int i)
{
	return i / VG_NUM_SDMA_QUEUES;
}

/* The distance from the registers of the first queue of the first engine to those of queue @i. */
static inline uint32_t vg_sdma_offset(unsigned int i)
{
	return VG_XCC_DISTANCE * vg_sdma_engine(i) + VG_SDMA_STRIDE * (i % VG_NUM_SDMA_QUEUES);
}

/* The register NAME of the engine of queue @i. */
#define SDMA_ENGINE_REG(vg, i, NAME) \
	((vg)->regs[VG_ADDR(SDMA_##NAME) + VG_XCC_DISTANCE * vg_sdma_engine(i)])
/* The register NAME of queue @i, for example SDMA_REG(vg, i, RB_CNTL); an lvalue. */
#define SDMA_REG(vg, i, NAME)	((vg)->regs[VG_ADDR(SDMA_GFX_##NAME) + vg_sdma_offset(i)])
#define SDMA_REG64(vg, i, NAME) vg_u64(SDMA_REG(vg, i, NAME), SDMA_REG(vg, i, NAME##_HI))

static inline bool vg_sdma_is_rlc(const struct vg_queue *q)
{
	return q->index % VG_NUM_SDMA_QUEUES >= VG_SDMA_RLC0;
}

static inline bool vg_sdma_enabled(const struct vgpu *vg, unsigned int i)
{
	return VG_FIELD(SDMA_REG(vg, i, RB_CNTL), SDMA_GFX_RB_CNTL, RB_ENABLE);
}

/*
 * Pointers count bytes in registers and doorbells, and dwords in struct vg_queue.  Stop the
 * model if @ptr is no whole number of dwords.
 */
bool vg_sdma_check_pointer(struct vgpu *vg, const struct vg_queue *q, uint64_t ptr);
/* Start the queue that the registers describe; @wptr counts bytes. */
void vg_sdma_start(struct vgpu *vg, struct vg_queue *q, uint64_t wptr);
/* Preempt a disabled queue if its state can be saved at its current position. */
void vg_sdma_try_leave(struct vgpu *vg, struct vg_queue *q);
void vg_sdma_reset(struct vgpu *vg);

#endif
