// SPDX-License-Identifier: MIT
#include "tests/fake_sdma.h"

#include <string.h>

#include "gfx9/regs_sdma.h"
#include "v9_structs.h"

enum {
	/* Addresses in the GART that fake_host.c does not use. */
	RINGS = FAKE_GART_BASE + 0x100000,
	RING_STRIDE = 0x1000,
	POINTERS = FAKE_GART_BASE + 0x180000,
	POINTER_STRIDE = 0x100,
	MAX_STEPS = 100000,
};

static void set(struct fake_host *f, uint32_t reg, uint32_t value)
{
	vgpu_mmio_write(f->vg, 4 * reg, value);
}

void fake_sdma_start_engine(struct fake_host *f)
{
	for (unsigned int xcc = 0; xcc < vg_num_xccs(f->vg); xcc++)
		set(f, VG_ADDR(SDMA_F32_CNTL) + xcc * VG_XCC_DISTANCE, 0);
}

struct fake_host *fake_sdma_host(void)
{
	return fake_sdma_host_xccs(1);
}

struct fake_host *fake_sdma_host_xccs(unsigned int xccs)
{
	struct fake_host *f = fake_new_xccs(xccs);

	fake_enable_vmid(f, SDMA_VMID);
	vg_vmid_set_pasid(f->vg, SDMA_VMID, SDMA_PASID);
	for (uint64_t va = RINGS; va < SDMA_DATA + SDMA_DATA_SIZE; va += VG_PAGE_SIZE)
		fake_map(f, SDMA_VMID, va, FAKE_RAM_BASE + (va - FAKE_GART_BASE),
			 FAKE_RW | VG_PTE_SYSTEM);
	fake_sdma_start_engine(f);
	return f;
}

static uint32_t address(const struct fake_sdma *s, uint32_t gfx_reg)
{
	return 4 * (gfx_reg + s->index * (regSDMA_PAGE_RB_CNTL - regSDMA_GFX_RB_CNTL));
}

uint32_t fake_sdma_get(const struct fake_sdma *s, uint32_t gfx_reg)
{
	return vgpu_mmio_read(s->f->vg, address(s, gfx_reg));
}

void fake_sdma_set(const struct fake_sdma *s, uint32_t gfx_reg, uint32_t value)
{
	vgpu_mmio_write(s->f->vg, address(s, gfx_reg), value);
}

void fake_sdma_init(struct fake_sdma *s, struct fake_host *f, unsigned int index, unsigned int vmid)
{
	*s = (struct fake_sdma){
		.f = f,
		.index = index,
		.vmid = vmid,
		.ring = RINGS + index * RING_STRIDE,
		.rptr_addr = POINTERS + index * POINTER_STRIDE,
		.wptr_addr = POINTERS + index * POINTER_STRIDE + 8,
		.doorbell = SDMA_DOORBELL + 2 * index,
	};
	s->mem = fake_gart(f, s->ring);
}

static uint32_t rb_cntl(const struct fake_sdma *s)
{
	return VG_FIELD_PREP(SDMA_GFX_RB_CNTL, RB_SIZE, __builtin_ctz(SDMA_RING_DWORDS)) |
	       VG_FIELD_PREP(SDMA_GFX_RB_CNTL, RB_VMID, s->vmid) |
	       VG_FIELD_PREP(SDMA_GFX_RB_CNTL, RPTR_WRITEBACK_ENABLE, 1);
}

void fake_sdma_enable(struct fake_sdma *s)
{
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_CNTL), rb_cntl(s));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_DOORBELL_OFFSET),
		      VG_FIELD_PREP(SDMA_GFX_DOORBELL_OFFSET, OFFSET, s->doorbell));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_DOORBELL), VG_FIELD_PREP(SDMA_GFX_DOORBELL, ENABLE, 1));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_WPTR), vg_lo(4 * s->wptr));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_WPTR_HI), vg_hi(4 * s->wptr));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_BASE), vg_lo(s->ring >> 8));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_BASE_HI), vg_hi(s->ring >> 8));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_RPTR_ADDR_LO), vg_lo(s->rptr_addr));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_RPTR_ADDR_HI), vg_hi(s->rptr_addr));
	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_CNTL),
		      rb_cntl(s) | VG_FIELD_PREP(SDMA_GFX_RB_CNTL, RB_ENABLE, 1));
}

void fake_sdma_disable(const struct fake_sdma *s)
{
	uint32_t cntl = fake_sdma_get(s, VG_ADDR(SDMA_GFX_RB_CNTL));

	fake_sdma_set(s, VG_ADDR(SDMA_GFX_RB_CNTL),
		      VG_FIELD_SET(cntl, SDMA_GFX_RB_CNTL, RB_ENABLE, 0));
}

bool fake_sdma_idle(const struct fake_sdma *s)
{
	return VG_FIELD(fake_sdma_get(s, VG_ADDR(SDMA_GFX_CONTEXT_STATUS)), SDMA_GFX_CONTEXT_STATUS,
			IDLE);
}

uint64_t fake_sdma_rptr(const struct fake_sdma *s)
{
	return vg_u64(fake_sdma_get(s, VG_ADDR(SDMA_GFX_RB_RPTR)),
		      fake_sdma_get(s, VG_ADDR(SDMA_GFX_RB_RPTR_HI))) /
	       4;
}

void fake_sdma_write_mqd(const struct fake_sdma *s, uint64_t mqd, bool switch_inside_ib)
{
	struct v9_sdma_mqd *m = fake_gart(s->f, mqd);

	memset(m, 0, sizeof(*m));
	m->sdmax_rlcx_rb_cntl = rb_cntl(s) & ~(uint32_t)SDMA_GFX_RB_CNTL__RB_VMID_MASK;
	m->sdmax_rlcx_rb_base = vg_lo(s->ring >> 8);
	m->sdmax_rlcx_rb_base_hi = vg_hi(s->ring >> 8);
	m->sdmax_rlcx_rb_rptr_addr_lo = vg_lo(s->rptr_addr);
	m->sdmax_rlcx_rb_rptr_addr_hi = vg_hi(s->rptr_addr);
	m->sdmax_rlcx_ib_cntl = VG_FIELD_PREP(SDMA_GFX_IB_CNTL, SWITCH_INSIDE_IB, switch_inside_ib);
}

uint64_t fake_sdma_mqd_rptr(const struct fake_sdma *s, uint64_t mqd)
{
	const struct v9_sdma_mqd *m = fake_gart(s->f, mqd);

	return vg_u64(m->sdmax_rlcx_rb_rptr, m->sdmax_rlcx_rb_rptr_hi) / 4;
}

void fake_sdma_emit(struct fake_sdma *s, const void *dw, unsigned int n)
{
	const uint32_t *dwords = dw;

	while (n--)
		s->mem[s->wptr++ % SDMA_RING_DWORDS] = *dwords++;
}

void fake_sdma_ring(struct fake_sdma *s)
{
	uint64_t *wptr = fake_gart(s->f, s->wptr_addr);

	*wptr = 4 * s->wptr;
	vgpu_doorbell_write(s->f->vg, 4 * s->doorbell, 4 * s->wptr, 8);
}

void fake_sdma_submit(struct fake_sdma *s, const void *dw, unsigned int n)
{
	fake_sdma_emit(s, dw, n);
	fake_sdma_ring(s);
	fake_run(s->f, MAX_STEPS);
}

void *fake_data(struct fake_host *f, uint64_t va)
{
	CHECK(va >= SDMA_DATA && va < SDMA_DATA + SDMA_DATA_SIZE);
	return fake_gart(f, va);
}
