/* SPDX-License-Identifier: MIT */
/*
 * SDMA 4.4.2 packets.  tests/test_sdma_vs_kernel.c compares the layouts with
 * drivers/gpu/drm/amd/amdgpu/vega10_sdma_pkt_open.h.  Addresses are byte
 * addresses in the VMID of the ring or IB that has the packet.
 */
#ifndef VG_PKT_SDMA_H
#define VG_PKT_SDMA_H

#include <assert.h>
#include <stdint.h>

#include "core/bits.h"

enum vg_sdma_op {
	VG_SDMA_NOP = 0,
	VG_SDMA_COPY = 1,
	VG_SDMA_WRITE = 2,
	VG_SDMA_INDIRECT = 4,
	VG_SDMA_FENCE = 5,
	VG_SDMA_TRAP = 6,
	VG_SDMA_POLL_REGMEM = 8,
	VG_SDMA_COND_EXE = 9,
	VG_SDMA_ATOMIC = 10,
	VG_SDMA_CONST_FILL = 11,
	VG_SDMA_PTEPDE = 12,
	VG_SDMA_TIMESTAMP = 13,
	VG_SDMA_SRBM_WRITE = 14,
};

enum {
	VG_SDMA_COPY_LINEAR = 0,
	VG_SDMA_WRITE_LINEAR = 0,
	VG_SDMA_PTEPDE_GEN = 0,
	VG_SDMA_TIMESTAMP_GET = 1,
	VG_SDMA_TIMESTAMP_GET_GLOBAL = 2,
};

#define VG_SDMA_HEADER_OP     VG_BITS(7, 0)
#define VG_SDMA_HEADER_SUB_OP VG_BITS(15, 8)

#define VG_SDMA_HEADER(op, sub_op) \
	(VG_PREP(VG_SDMA_HEADER_OP, op) | VG_PREP(VG_SDMA_HEADER_SUB_OP, sub_op))

/* The number of meaningless dwords that follow a NOP. */
#define VG_SDMA_NOP_COUNT VG_BITS(29, 16)

struct vg_sdma_copy_linear {
	uint32_t header;
	uint32_t count;
	uint32_t parameter; /* endian swaps and cache hints; the model accepts only 0 */
	uint32_t src_lo, src_hi;
	uint32_t dst_lo, dst_hi;
};
/*
 * The number of bytes - 1.  The field has 22 bits in the kernel's header, as in
 * SDMA 4.0, but the driver uses 30 (drivers/gpu/drm/amd/amdgpu/sdma_v4_4_2.c:2322).
 */
#define VG_SDMA_COPY_COUNT VG_BITS(29, 0)

struct vg_sdma_write {
	uint32_t header;
	uint32_t dst_lo, dst_hi;
	uint32_t count;
	uint32_t data[];
};
#define VG_SDMA_WRITE_COUNT VG_BITS(19, 0) /* dwords - 1 */

struct vg_sdma_indirect {
	uint32_t header;
	uint32_t base_lo, base_hi;
	uint32_t size;
	uint32_t csa_lo, csa_hi; /* the hardware saves its context there; the model does not */
};
#define VG_SDMA_INDIRECT_VMID VG_BITS(19, 16)
#define VG_SDMA_INDIRECT_SIZE VG_BITS(19, 0) /* dwords */

struct vg_sdma_fence {
	uint32_t header;
	uint32_t addr_lo, addr_hi;
	uint32_t data;
};

struct vg_sdma_trap {
	uint32_t header;
	uint32_t int_context;
};
#define VG_SDMA_TRAP_INT_CONTEXT VG_BITS(27, 0)

/*
 * Wait until (*addr & mask) <function> value is true.  With HDP_FLUSH the engine first
 * writes value to the register addr_hi, which requests a flush, and then polls the
 * register addr_lo, which says when the flush is done.  Both are byte offsets.
 */
struct vg_sdma_poll_regmem {
	uint32_t header;
	uint32_t addr_lo, addr_hi;
	uint32_t value, mask;
	uint32_t dw5;
};
#define VG_SDMA_POLL_HDP_FLUSH	 VG_BITS(26, 26)
#define VG_SDMA_POLL_FUNC	 VG_BITS(30, 28)
#define VG_SDMA_POLL_MEM	 VG_BITS(31, 31)
#define VG_SDMA_POLL_INTERVAL	 VG_BITS(15, 0)
#define VG_SDMA_POLL_RETRY_COUNT VG_BITS(27, 16)
#define VG_SDMA_POLL_FOREVER	 0xfffu

/*
 * The functions of a poll; PM4's WAIT_REG_MEM has the same ones
 * (drivers/gpu/drm/amd/amdgpu/soc15d.h).
 */
enum vg_sdma_poll_func {
	VG_SDMA_POLL_ALWAYS,
	VG_SDMA_POLL_LT,
	VG_SDMA_POLL_LE,
	VG_SDMA_POLL_EQ,
	VG_SDMA_POLL_NE,
	VG_SDMA_POLL_GE,
	VG_SDMA_POLL_GT,
};

/*
 * User queues cannot flush HDP through registers.  Instead they poll a register
 * at address 0, with this value in addr_hi.
 */
#define VG_SDMA_POLL_USER_HDP_FLUSH 0x80000000u

/* Execute the next exec_count dwords if *addr is the reference, else skip them. */
struct vg_sdma_cond_exe {
	uint32_t header;
	uint32_t addr_lo, addr_hi;
	uint32_t reference;
	uint32_t exec_count;
};
#define VG_SDMA_COND_EXE_COUNT VG_BITS(13, 0)

struct vg_sdma_atomic {
	uint32_t header;
	uint32_t addr_lo, addr_hi;
	uint32_t src_lo, src_hi;
	uint32_t cmp_lo, cmp_hi;
	uint32_t loop_interval;
};
#define VG_SDMA_ATOMIC_LOOP VG_BITS(16, 16)
#define VG_SDMA_ATOMIC_OP   VG_BITS(31, 25) /* TC_OP_ATOMIC_*, vega10_enum.h */

struct vg_sdma_const_fill {
	uint32_t header;
	uint32_t dst_lo, dst_hi;
	uint32_t data;
	uint32_t count;
};
#define VG_SDMA_FILL_SIZE  VG_BITS(31, 30) /* the unit: 0 means bytes, 2 means dwords */
#define VG_SDMA_FILL_COUNT VG_BITS(29, 0)  /* number of bytes - 1, whatever the unit is */

/*
 * Write page table entries of 64 bits from dst on.  An entry is value | mask, and value
 * grows by increment from one entry to the next.
 */
struct vg_sdma_ptepde {
	uint32_t header;
	uint32_t dst_lo, dst_hi;
	uint32_t mask_lo, mask_hi;
	uint32_t value_lo, value_hi;
	uint32_t increment_lo, increment_hi;
	uint32_t count;
};
#define VG_SDMA_PTEPDE_COUNT VG_BITS(18, 0) /* entries - 1 */

struct vg_sdma_timestamp_get {
	uint32_t header;
	uint32_t addr_lo, addr_hi;
};

struct vg_sdma_srbm_write {
	uint32_t header;
	uint32_t addr; /* dword address of a register */
	uint32_t data;
};
#define VG_SDMA_SRBM_BYTE_ENABLE VG_BITS(31, 28)
#define VG_SDMA_SRBM_ADDR	 VG_BITS(17, 0)

static_assert(sizeof(struct vg_sdma_copy_linear) == 7 * 4, "COPY");
static_assert(sizeof(struct vg_sdma_write) == 4 * 4, "WRITE");
static_assert(sizeof(struct vg_sdma_indirect) == 6 * 4, "INDIRECT");
static_assert(sizeof(struct vg_sdma_fence) == 4 * 4, "FENCE");
static_assert(sizeof(struct vg_sdma_trap) == 2 * 4, "TRAP");
static_assert(sizeof(struct vg_sdma_poll_regmem) == 6 * 4, "POLL_REGMEM");
static_assert(sizeof(struct vg_sdma_cond_exe) == 5 * 4, "COND_EXE");
static_assert(sizeof(struct vg_sdma_atomic) == 8 * 4, "ATOMIC");
static_assert(sizeof(struct vg_sdma_const_fill) == 5 * 4, "CONST_FILL");
static_assert(sizeof(struct vg_sdma_ptepde) == 10 * 4, "PTEPDE");
static_assert(sizeof(struct vg_sdma_timestamp_get) == 3 * 4, "TIMESTAMP");
static_assert(sizeof(struct vg_sdma_srbm_write) == 3 * 4, "SRBM_WRITE");

#endif
