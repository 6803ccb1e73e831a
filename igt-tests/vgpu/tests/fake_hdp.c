/* SPDX-License-Identifier: MIT */
#include "gfx9/regs_nbio.h"
#include "tests/build.h"
#include "tests/fake_hdp.h"

static const struct vg_port port = { .hub = VG_GFXHUB, .kernel = true };

void hdp_init(struct hdp *h, size_t bytes)
{
	h->f = fake_sdma_host();
	fake_kiq(h->f, &h->kiq);
	fake_map(h->f, SDMA_VMID, HDP_VA, HDP_AT, FAKE_RW);
	fake_hdp_fifo(h->f, bytes);
	for (uint64_t at = 0; at < VG_PAGE_SIZE; at += 4)
		*(uint32_t *)(h->f->vram + HDP_AT + at) = HDP_OLD;
}

void hdp_cpu_write32(struct hdp *h, uint64_t at, uint32_t value)
{
	vgpu_vram_write(h->f->vg, at, &value, sizeof(value));
}

uint32_t hdp_cpu_read32(struct hdp *h, uint64_t at)
{
	uint32_t value;

	vgpu_vram_read(h->f->vg, at, &value, sizeof(value));
	return value;
}

void hdp_gpu_write32(struct hdp *h, uint64_t at, uint32_t value)
{
	CHECK(!vg_mem_write32(h->f->vg, &port, 0, HDP_FB + at, value));
}

uint32_t hdp_gpu_read32(struct hdp *h, uint64_t at)
{
	uint32_t value;

	CHECK(!vg_mem_read32(h->f->vg, &port, 0, HDP_FB + at, &value));
	return value;
}

void hdp_write_held(struct hdp *h)
{
	hdp_cpu_write32(h, HDP_AT, HDP_NEW);
	CHECK(hdp_gpu_read32(h, HDP_AT) == HDP_OLD);
}

void hdp_finish(struct hdp *h, const char *drain)
{
	CHECK(hdp_gpu_read32(h, HDP_AT) == HDP_NEW);
	CHECK(fake_log_count(h->f, "hdp-drain") == 1 && fake_logged(h->f, drain));
	fake_free(h->f);
}

uint32_t hdp_copied(struct hdp *h)
{
	return *(uint32_t *)fake_data(h->f, HDP_COPY);
}

void hdp_flush_by_host(struct hdp *h)
{
	vgpu_mmio_write(h->f->vg, 4 * VG_ADDR(BIF_BX_PF0_HDP_MEM_COHERENCY_FLUSH_CNTL), 0);
}

static void run_ring(struct hdp *h)
{
	fake_ring_doorbell(h->f, &h->kiq);
	fake_run(h->f, HDP_STEPS);
}

/* The packet is the one of gfx_v9_4_3_ring_emit_hdp_flush(), gfx_v9_4_3.c:2933-2947. */
void hdp_flush_by_ring(struct hdp *h, uint32_t client)
{
	const struct pm4_wait_reg_mem body = {
		.control = VG_PREP(WAIT_REG_MEM_FUNC, PM4_WAIT_EQUAL) |
			   VG_PREP(WAIT_REG_MEM_OPER, PM4_WRITE_WAIT),
		.addr_lo = VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ),
		.addr_hi = VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE),
		.reference = client,
		.mask = client,
		.interval = 0x20,
	};

	build_packet(&h->kiq, PM4_WAIT_REG_MEM, &body, PM4_DWORDS(body));
	run_ring(h);
}

void hdp_copy_by_ring(struct hdp *h)
{
	build_dma(&h->kiq, HDP_COPY, HDP_FB + HDP_AT, 4);
	run_ring(h);
}
