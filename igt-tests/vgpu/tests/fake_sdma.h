/* SPDX-License-Identifier: MIT */
/*
 * SDMA queues on a fake host, set up as the driver sets them up, and functions that
 * make SDMA packets, for all tests.
 */
#ifndef FAKE_SDMA_H
#define FAKE_SDMA_H

#include "engine/pkt_sdma.h"
#include "tests/fake_host.h"

/* Memory for the packets of the tests.  VMID 0 and SDMA_VMID both have it at this address. */
#define SDMA_DATA      (FAKE_GART_BASE + 0x200000)
#define SDMA_DATA_SIZE 0x100000ull

enum {
	SDMA_VMID = 5,
	SDMA_PASID = 0x8005,
	SDMA_RING_DWORDS = 256,
	SDMA_DOORBELL = 0x200, /* doorbell of queue 0; the others follow */
};

struct fake_sdma {
	struct fake_host *f;
	unsigned int index; /* VG_SDMA_GFX, VG_SDMA_PAGE, VG_SDMA_RLC0... */
	unsigned int vmid;
	uint64_t ring, rptr_addr, wptr_addr;
	uint32_t doorbell;
	uint64_t wptr; /* dwords */
	uint32_t *mem; /* pointer to the ring in the host's RAM */
};

/* Make a host, and a GPU with an enabled engine and with SDMA_VMID, which maps SDMA_DATA. */
struct fake_host *fake_sdma_host(void);
struct fake_host *fake_sdma_host_xccs(unsigned int xccs); /* with an engine for each XCC */
/* End the halt in which the engines are after power on. */
void fake_sdma_start_engine(struct fake_host *f);

/* Access a register of the queue; @gfx_reg is the dword address of the gfx queue's register. */
uint32_t fake_sdma_get(const struct fake_sdma *s, uint32_t gfx_reg);
void fake_sdma_set(const struct fake_sdma *s, uint32_t gfx_reg, uint32_t value);

/* Fill in @s for queue @index in @vmid, which is 0 or SDMA_VMID. */
void fake_sdma_init(struct fake_sdma *s, struct fake_host *f, unsigned int index,
		    unsigned int vmid);
/* Enable the queue as sdma_v4_4_2_gfx_resume() and kgd_gfx_v9_4_3_hqd_sdma_load() do. */
void fake_sdma_enable(struct fake_sdma *s);
void fake_sdma_disable(const struct fake_sdma *s);
bool fake_sdma_idle(const struct fake_sdma *s);
/* The queue's read pointer register, in dwords. */
uint64_t fake_sdma_rptr(const struct fake_sdma *s);

/*
 * Write the queue's MQD (struct v9_sdma_mqd) to @mqd in VMID 0.  fake_sdma_mqd_rptr() returns the
 * read pointer in an MQD, in dwords.
 */
void fake_sdma_write_mqd(const struct fake_sdma *s, uint64_t mqd, bool switch_inside_ib);
uint64_t fake_sdma_mqd_rptr(const struct fake_sdma *s, uint64_t mqd);

/* Append dwords to the ring.  fake_sdma_ring() stores wptr in memory and rings the doorbell. */
void fake_sdma_emit(struct fake_sdma *s, const void *dw, unsigned int n);
void fake_sdma_ring(struct fake_sdma *s);
/* Append dwords, ring the doorbell, and run until all queues are idle or wait. */
void fake_sdma_submit(struct fake_sdma *s, const void *dw, unsigned int n);

/* The host's pointer to an address in SDMA_DATA. */
void *fake_data(struct fake_host *f, uint64_t va);

#define SDMA_DWORDS(packet) (sizeof(packet) / 4)

static inline struct vg_sdma_fence sdma_fence(uint64_t va, uint32_t value)
{
	return (struct vg_sdma_fence){
		VG_SDMA_HEADER(VG_SDMA_FENCE, 0),
		vg_lo(va),
		vg_hi(va),
		value,
	};
}

static inline struct vg_sdma_copy_linear sdma_copy(uint64_t dst, uint64_t src, uint64_t bytes)
{
	return (struct vg_sdma_copy_linear){
		VG_SDMA_HEADER(VG_SDMA_COPY, VG_SDMA_COPY_LINEAR),
		VG_PREP(VG_SDMA_COPY_COUNT, bytes - 1),
		0,
		vg_lo(src),
		vg_hi(src),
		vg_lo(dst),
		vg_hi(dst),
	};
}

static inline struct vg_sdma_poll_regmem sdma_poll(uint64_t va, enum vg_sdma_poll_func func,
						   uint32_t value, uint32_t mask)
{
	return (struct vg_sdma_poll_regmem){
		VG_SDMA_HEADER(VG_SDMA_POLL_REGMEM, 0) | VG_SDMA_POLL_MEM |
			VG_PREP(VG_SDMA_POLL_FUNC, func),
		vg_lo(va),
		vg_hi(va),
		value,
		mask,
		VG_PREP(VG_SDMA_POLL_RETRY_COUNT, VG_SDMA_POLL_FOREVER),
	};
}

static inline struct vg_sdma_indirect sdma_indirect(uint64_t va, uint32_t dwords, unsigned int vmid)
{
	return (struct vg_sdma_indirect){
		VG_SDMA_HEADER(VG_SDMA_INDIRECT, 0) | VG_PREP(VG_SDMA_INDIRECT_VMID, vmid),
		vg_lo(va),
		vg_hi(va),
		VG_PREP(VG_SDMA_INDIRECT_SIZE, dwords),
		0,
		0,
	};
}

#endif
