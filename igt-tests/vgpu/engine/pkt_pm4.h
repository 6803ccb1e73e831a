/* SPDX-License-Identifier: MIT */
/*
 * PM4 packets that the compute micro engine executes.
 *
 * A type 3 packet is a header (type 31:30, count 29:16, opcode 15:8) and
 * count + 1 dwords of body.  The structures below are bodies.  The fields of a
 * dword are masks for VG_GET() and VG_PREP(), named <packet>_<field>.
 * tests/test_pkt_vs_kernel.c compares these layouts with the kernel's soc15d.h
 * and kfd_pm4_headers_*.h.
 */
#ifndef VG_PKT_PM4_H
#define VG_PKT_PM4_H

#include <assert.h>
#include <stdint.h>

#include "core/bits.h"

#define PM4_TYPE   VG_BITS(31, 30)
#define PM4_COUNT  VG_BITS(29, 16)
#define PM4_OPCODE VG_BITS(15, 8)

enum {
	PM4_TYPE2 = 2, /* one dword of filler */
	PM4_TYPE3 = 3,
	PM4_NOP_ONE_DWORD = 0x3fff, /* with this count a NOP has no body */
};

enum pm4_opcode {
	PM4_NOP = 0x10,
	PM4_ATOMIC_MEM = 0x1e,
	PM4_PRED_EXEC = 0x23,
	PM4_WRITE_DATA = 0x37,
	PM4_WAIT_REG_MEM = 0x3c,
	PM4_INDIRECT_BUFFER = 0x3f,
	PM4_COPY_DATA = 0x40,
	PM4_EVENT_WRITE = 0x46,
	PM4_RELEASE_MEM = 0x49,
	PM4_DMA_DATA = 0x50,
	PM4_ACQUIRE_MEM = 0x58,
	PM4_SET_SH_REG = 0x76,
	PM4_SET_UCONFIG_REG = 0x79,
};

static inline uint32_t pm4_header(unsigned int op, unsigned int body_dwords)
{
	return VG_PREP(PM4_TYPE, PM4_TYPE3) | VG_PREP(PM4_OPCODE, op) |
	       VG_PREP(PM4_COUNT, body_dwords - 1);
}

#define PM4_DWORDS(type) (sizeof(type) / sizeof(uint32_t))
#define PM4_BODY_IS(type, dwords) \
	static_assert(sizeof(type) == 4 * (dwords), #type " has another size")

/* ---- data movement ---- */

struct pm4_write_data {
	uint32_t control;
	uint32_t dst_lo; /* register number, or low half of a byte address */
	uint32_t dst_hi;
	uint32_t data[];
};
PM4_BODY_IS(struct pm4_write_data, 3);
#define WRITE_DATA_DST	    VG_BITS(11, 8)
#define WRITE_DATA_ONE_ADDR VG_BITS(16, 16)
#define WRITE_DATA_CONFIRM  VG_BITS(20, 20)

struct pm4_copy_data {
	uint32_t control;
	uint32_t src_lo, src_hi;
	uint32_t dst_lo, dst_hi;
};
PM4_BODY_IS(struct pm4_copy_data, 5);
#define COPY_DATA_SRC	VG_BITS(3, 0)
#define COPY_DATA_DST	VG_BITS(11, 8)
#define COPY_DATA_64BIT VG_BITS(16, 16)

/* Sources and destinations of WRITE_DATA and COPY_DATA. */
enum pm4_sel {
	PM4_SEL_REGISTER = 0,
	PM4_SEL_MEMORY_GRBM = 1,
	PM4_SEL_TC_L2 = 2,
	PM4_SEL_MEMORY = 5,    /* meaning of 5 in a destination */
	PM4_SEL_IMMEDIATE = 5, /* meaning of 5 in a source: the data is in the packet */
	PM4_SEL_CLOCK = 9,
};

struct pm4_dma_data {
	uint32_t control;
	uint32_t src_lo, src_hi; /* address; with PM4_DMA_DATA_SRC src_lo is the data */
	uint32_t dst_lo, dst_hi;
	uint32_t command;
};
PM4_BODY_IS(struct pm4_dma_data, 6);
#define DMA_DATA_DST	      VG_BITS(21, 20)
#define DMA_DATA_SRC	      VG_BITS(30, 29)
#define DMA_DATA_BYTES	      VG_BITS(25, 0)
#define DMA_DATA_SRC_REGISTER VG_BITS(26, 26)
#define DMA_DATA_DST_REGISTER VG_BITS(27, 27)
#define DMA_DATA_SRC_NO_INC   VG_BITS(28, 28)
#define DMA_DATA_DST_NO_INC   VG_BITS(29, 29)

enum pm4_dma_sel {
	PM4_DMA_ADDRESS = 0,
	PM4_DMA_GDS = 1,
	PM4_DMA_DATA_SRC = 2, /* only as a source: fill with the dword in the packet */
	PM4_DMA_L2 = 3,
};

struct pm4_atomic_mem {
	uint32_t control;
	uint32_t addr_lo, addr_hi;
	uint32_t src_lo, src_hi;
	uint32_t cmp_lo, cmp_hi;
	uint32_t loop_interval;
};
PM4_BODY_IS(struct pm4_atomic_mem, 8);
#define ATOMIC_MEM_OP	   VG_BITS(6, 0) /* enum TC_OP */
#define ATOMIC_MEM_COMMAND VG_BITS(11, 8)

enum pm4_atomic_command {
	PM4_ATOMIC_ONCE = 0,
	PM4_ATOMIC_UNTIL_EQUAL = 1,
};

/* ---- synchronisation ---- */

struct pm4_wait_reg_mem {
	uint32_t control;
	uint32_t addr_lo; /* address or register to wait for; PM4_WRITE_WAIT writes this register */
	uint32_t addr_hi; /* upper half of the address; PM4_WRITE_WAIT waits for this register */
	uint32_t reference;
	uint32_t mask;
	uint32_t interval;
};
PM4_BODY_IS(struct pm4_wait_reg_mem, 6);
#define WAIT_REG_MEM_FUNC  VG_BITS(2, 0)
#define WAIT_REG_MEM_SPACE VG_BITS(5, 4)
#define WAIT_REG_MEM_OPER  VG_BITS(7, 6)

enum pm4_wait_function {
	PM4_WAIT_ALWAYS,
	PM4_WAIT_LESS,
	PM4_WAIT_LESS_EQUAL,
	PM4_WAIT_EQUAL,
	PM4_WAIT_NOT_EQUAL,
	PM4_WAIT_GREATER_EQUAL,
	PM4_WAIT_GREATER,
};

enum pm4_wait_operation {
	PM4_WAIT_ONLY = 0,
	PM4_WRITE_WAIT = 1, /* write a register, then wait for another */
	PM4_WAIT_PREEMPTABLE = 3,
};

enum { PM4_SPACE_REGISTER = 0, PM4_SPACE_MEMORY = 1 };

struct pm4_release_mem {
	uint32_t event;
	uint32_t control;
	uint32_t addr_lo, addr_hi;
	uint32_t data_lo, data_hi;
	uint32_t int_ctxid;
};
PM4_BODY_IS(struct pm4_release_mem, 7);
#define RELEASE_MEM_DST	 VG_BITS(17, 16)
#define RELEASE_MEM_INT	 VG_BITS(26, 24)
#define RELEASE_MEM_DATA VG_BITS(31, 29)

enum pm4_release_int {
	PM4_INT_NONE = 0,
	PM4_INT_ONLY = 1,
	PM4_INT_AFTER_WRITE = 2,
	PM4_INT_DATA_AFTER_WRITE = 3, /* wait until the data is written; no interrupt */
	PM4_INT_UNCONDITIONAL = 4,
};

enum pm4_release_data {
	PM4_DATA_NONE = 0,
	PM4_DATA_LOW32 = 1,
	PM4_DATA_64 = 2,
	PM4_DATA_CLOCK = 3,
};

struct pm4_acquire_mem {
	uint32_t coher_cntl;
	uint32_t size_lo, size_hi;
	uint32_t base_lo, base_hi;
	uint32_t interval;
};
PM4_BODY_IS(struct pm4_acquire_mem, 6);

/* ---- control flow ---- */

struct pm4_pred_exec {
	uint32_t control;
};
PM4_BODY_IS(struct pm4_pred_exec, 1);
#define PRED_EXEC_COUNT VG_BITS(13, 0)	/* dwords behind the packet */
#define PRED_EXEC_XCCS	VG_BITS(31, 24) /* a bit for each XCC of the partition */

struct pm4_indirect_buffer {
	uint32_t base_lo, base_hi;
	uint32_t control;
};
PM4_BODY_IS(struct pm4_indirect_buffer, 3);
#define IB_SIZE	 VG_BITS(19, 0)
#define IB_CHAIN VG_BITS(20, 20)
#define IB_VALID VG_BITS(23, 23)
#define IB_VMID	 VG_BITS(27, 24)

/* ---- register numbers of SET_*_REG ---- */

enum {
	PM4_SH_REG_BASE = 0x2c00,
	PM4_SH_REG_END = 0x3000,
	PM4_UCONFIG_REG_BASE = 0xc000,
	PM4_UCONFIG_REG_END = 0xc400,
};
#define SET_REG_OFFSET VG_BITS(15, 0)

#endif
