/* SPDX-License-Identifier: MIT */
/*
 * Tests the host data path: the data that the CPU and the engines see, and the accesses that flush.
 */
#include <string.h>

#include "gfx9/regs_nbio.h"
#include "tests/build.h"
#include "tests/fake_hdp.h"

/* ---- without the FIFO ---- */

static void without_the_fifo_nothing_is_held(void)
{
	struct hdp h;
	uint64_t time;

	hdp_init(&h, 0);
	time = h.f->vg->time;
	hdp_cpu_write32(&h, HDP_AT, HDP_NEW);
	CHECK(h.f->vg->time == time);
	CHECK(hdp_gpu_read32(&h, HDP_AT) == HDP_NEW);
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ), 4);
	CHECK(vgpu_mmio_read(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE)) == 4);
	CHECK(!fake_logged(h.f, "hdp-drain"));
	fake_free(h.f);
}

/* ---- what the CPU sees ---- */

/* A read of any word of VRAM flushes, as a read on PCIe pushes all earlier writes. */
static void a_read_of_vram_flushes(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	hdp_write_held(&h);
	CHECK(hdp_cpu_read32(&h, HDP_AT + 64) == HDP_OLD);
	hdp_finish(&h, "hdp-drain by=read writes=1");
}

static void the_cpu_sees_its_own_writes(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	hdp_write_held(&h);
	CHECK(hdp_cpu_read32(&h, HDP_AT) == HDP_NEW);
	hdp_finish(&h, "hdp-drain by=read writes=1");
}

static void the_cpu_sees_what_the_gpu_writes(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	hdp_gpu_write32(&h, HDP_AT, HDP_NEW);
	CHECK(hdp_cpu_read32(&h, HDP_AT) == HDP_NEW);
	fake_free(h.f);
}

/* A held write that comes to VRAM late overwrites the data that an engine has written meanwhile. */
static void a_late_flush_overwrites_the_gpu(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	hdp_write_held(&h);
	hdp_gpu_write32(&h, HDP_AT, 1);
	CHECK(hdp_cpu_read32(&h, HDP_AT) == HDP_NEW);
	hdp_finish(&h, "hdp-drain by=read writes=1");
}

static void mm_data_takes_the_same_way(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_MM_INDEX), 1u << 31 | HDP_AT);
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_MM_DATA), HDP_NEW);
	CHECK(hdp_gpu_read32(&h, HDP_AT) == HDP_OLD);
	CHECK(vgpu_mmio_read(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_MM_DATA)) == HDP_NEW);
	hdp_finish(&h, "hdp-drain by=read writes=1");
}

static void an_access_behind_vram_stops(void)
{
	struct hdp h;
	uint64_t value = 0;

	hdp_init(&h, HDP_BYTES);
	vgpu_vram_write(h.f->vg, VG_VRAM_SIZE - 8, &value, sizeof(value));
	CHECK(!vgpu_stopped(h.f->vg));
	vgpu_vram_read(h.f->vg, VG_VRAM_SIZE - 4, &value, sizeof(value));
	CHECK(value == UINT64_MAX);
	fake_expect_stop(h.f, "read of 8 bytes at 0x3ffffffc of the VRAM BAR");
}

/* ---- registers ---- */

static void the_register_flushes(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	hdp_write_held(&h);
	hdp_flush_by_host(&h);
	hdp_finish(&h, "hdp-drain by=host writes=1");
}

/*
 * The first register of the page at VG_REMAPPED_HDP_FLUSH flushes writes to memory.  The second one
 * flushes only writes to registers, which the model never holds.
 */
static void the_remapped_page_flushes(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX0_REMAP_HDP_MEM_FLUSH_CNTL),
			VG_REMAPPED_HDP_FLUSH);
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX0_REMAP_HDP_REG_FLUSH_CNTL),
			VG_REMAPPED_HDP_FLUSH + 4);
	hdp_write_held(&h);
	vgpu_mmio_write(h.f->vg, VG_REMAPPED_HDP_FLUSH + 4, 1);
	CHECK(hdp_gpu_read32(&h, HDP_AT) == HDP_OLD);
	vgpu_mmio_write(h.f->vg, VG_REMAPPED_HDP_FLUSH, 1);
	hdp_finish(&h, "hdp-drain by=host writes=1");
}

/* Neither another register nor a doorbell flushes. */
static void other_accesses_do_not_flush(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	hdp_write_held(&h);
	vgpu_mmio_read(h.f->vg, 4 * VG_ADDR(RCC_DEV0_EPF0_RCC_CONFIG_MEMSIZE));
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX0_INTERRUPT_CNTL), 0);
	build_write32(&h.kiq, SDMA_DATA, 1);
	fake_ring_doorbell(h.f, &h.kiq);
	fake_run(h.f, HDP_STEPS);
	CHECK(*(uint32_t *)fake_data(h.f, SDMA_DATA) == 1);
	CHECK(hdp_gpu_read32(&h, HDP_AT) == HDP_OLD);
	CHECK(hdp_cpu_read32(&h, HDP_AT) == HDP_NEW);
	hdp_finish(&h, "hdp-drain by=read writes=1");
}

/* ---- packets of the driver ---- */

/* @flush_steps is the largest number of steps that the flush may take. */
static void a_pm4_packet_flushes(unsigned int flush_steps)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	h.f->vg->config.flush_steps = flush_steps;
	hdp_write_held(&h);
	hdp_copy_by_ring(&h);
	CHECK(hdp_copied(&h) == HDP_OLD);
	hdp_flush_by_ring(&h, 4);
	hdp_copy_by_ring(&h);
	CHECK(hdp_copied(&h) == HDP_NEW);
	hdp_finish(&h, "hdp-drain by=ring writes=1");
}

/* The packet is the one of sdma_v4_4_2_ring_emit_hdp_flush(), sdma_v4_4_2.c:424-437. */
static void an_sdma_packet_of_the_driver_flushes(void)
{
	const struct vg_sdma_copy_linear copy = sdma_copy(HDP_COPY, HDP_FB + HDP_AT, 4);
	struct vg_sdma_poll_regmem flush = sdma_poll(0, VG_SDMA_POLL_EQ,
						     BIF_BX_PF0_GPU_HDP_FLUSH_DONE__SDMA0_MASK,
						     BIF_BX_PF0_GPU_HDP_FLUSH_DONE__SDMA0_MASK);
	struct fake_sdma s;
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	h.f->vg->config.flush_steps = VG_FLUSH_STEPS;
	fake_sdma_init(&s, h.f, VG_SDMA_GFX, 0);
	fake_sdma_enable(&s);
	hdp_write_held(&h);
	fake_sdma_submit(&s, &copy, SDMA_DWORDS(copy));
	CHECK(hdp_copied(&h) == HDP_OLD);
	flush.header = (flush.header & ~VG_SDMA_POLL_MEM) | VG_SDMA_POLL_HDP_FLUSH;
	flush.addr_lo = 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE);
	flush.addr_hi = 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ);
	fake_sdma_emit(&s, &flush, SDMA_DWORDS(flush));
	fake_sdma_submit(&s, &copy, SDMA_DWORDS(copy));
	CHECK(hdp_copied(&h) == HDP_NEW);
	hdp_finish(&h, "hdp-drain by=ring writes=1");
}

static uint32_t done(struct hdp *h)
{
	return vgpu_mmio_read(h->f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE));
}

/* GPU_HDP_FLUSH_DONE has a client's bit only when the writes are in VRAM. */
static void a_requested_flush_takes_steps(void)
{
	unsigned int waited = 0;
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	h.f->vg->config.flush_steps = VG_FLUSH_STEPS;
	for (uint32_t client = 1; client <= 1 << 8; client <<= 1) {
		hdp_cpu_write32(&h, HDP_AT, client);
		vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ), client);
		for (unsigned int i = 0; !(done(&h) & client); i++) {
			CHECK(i <= VG_FLUSH_STEPS);
			CHECK(hdp_gpu_read32(&h, HDP_AT) != client);
			vgpu_step(h.f->vg);
			waited++;
		}
		CHECK(hdp_gpu_read32(&h, HDP_AT) == client);
	}
	CHECK(waited);
	fake_free(h.f);
}

/* A second request becomes part of the flush under way. */
static void two_clients_share_a_flush(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	h.f->vg->config.flush_steps = VG_FLUSH_STEPS;
	hdp_write_held(&h);
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ), 1);
	CHECK(!done(&h));
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ), 2);
	fake_run(h.f, HDP_STEPS);
	CHECK(done(&h) == 3 && !h.f->vg->sched.flushes);
	hdp_finish(&h, "hdp-drain by=ring writes=1");
}

/* ---- the page tables ---- */

/* A page walk does not see an entry that the CPU has written and not flushed. */
static void a_page_walk_does_not_see_held_entries(void)
{
	const uint64_t va = 0x7000000000, pte = HDP_AT | FAKE_RW;
	const struct vg_port port = { .hub = VG_MMHUB };
	uint32_t value;
	uint64_t at;
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	at = (uint8_t *)fake_pte(h.f, SDMA_VMID, va) - h.f->vram;
	vgpu_vram_write(h.f->vg, at, &pte, sizeof(pte));
	CHECK(vg_mem_read32(h.f->vg, &port, SDMA_VMID, va, &value));
	CHECK(fake_logged(h.f, "why=invalid"));
	hdp_flush_by_host(&h);
	CHECK(!vg_mem_read32(h.f->vg, &port, SDMA_VMID, va, &value) && value == HDP_OLD);
	fake_free(h.f);
}

/* ---- the FIFO ---- */

/* A full FIFO gives its oldest writes to VRAM, and only these. */
static void a_full_fifo_drains_the_oldest(void)
{
	enum { SLOTS = 4 };
	struct hdp h;

	hdp_init(&h, 8 * SLOTS);
	for (unsigned int i = 0; i < SLOTS + 2; i++)
		hdp_cpu_write32(&h, HDP_AT + 4 * i, i);
	for (unsigned int i = 0; i < SLOTS + 2; i++)
		CHECK(hdp_gpu_read32(&h, HDP_AT + 4 * i) == (i < 2 ? i : HDP_OLD));
	CHECK(fake_log_count(h.f, "hdp-full writes=4") == 1);
	for (unsigned int i = 0; i < SLOTS + 2; i++)
		CHECK(hdp_cpu_read32(&h, HDP_AT + 4 * i) == i);
	fake_free(h.f);
}

/* Writes of any size and place, also over one another, come to VRAM in their order. */
static void writes_keep_their_order(void)
{
	enum { AREA = 200, WRITES = 400, ROUNDS = 50 };
	uint8_t expected[AREA], data[40], *vram;
	uint64_t at;
	size_t len;
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	vram = h.f->vram + HDP_AT + 1;
	memcpy(expected, vram, AREA);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint8_t before[AREA];

		memcpy(before, vram, AREA);
		for (unsigned int i = 0; i < WRITES; i++) {
			len = 1 + vg_random(h.f->vg, sizeof(data) - 1);
			at = vg_random(h.f->vg, AREA - len);
			for (size_t n = 0; n < len; n++)
				data[n] = vg_random(h.f->vg, UINT8_MAX);
			memcpy(expected + at, data, len);
			vgpu_vram_write(h.f->vg, HDP_AT + 1 + at, data, len);
		}
		CHECK(!memcmp(vram, before, AREA));
		hdp_flush_by_host(&h);
		CHECK(!memcmp(vram, expected, AREA));
	}
	CHECK(fake_log_count(h.f, "hdp-drain") == ROUNDS && !fake_logged(h.f, "hdp-full"));
	fake_free(h.f);
}

/* The FIFO holds a write that is as long as the largest one in a message of vfio-user. */
static void a_big_write_is_held(void)
{
	enum { BIG = HDP_BYTES };
	uint8_t *data = malloc(BIG);
	struct hdp h;

	CHECK(data);
	hdp_init(&h, BIG);
	for (size_t i = 0; i < BIG; i++)
		data[i] = i * 7 + i / 251;
	vgpu_vram_write(h.f->vg, HDP_AT, data, BIG);
	CHECK(hdp_gpu_read32(&h, HDP_AT) == HDP_OLD);
	CHECK(memcmp(h.f->vram + HDP_AT, data, BIG));
	hdp_flush_by_host(&h);
	CHECK(!memcmp(h.f->vram + HDP_AT, data, BIG));
	CHECK(!fake_logged(h.f, "hdp-full"));
	free(data);
	fake_free(h.f);
}

static void a_reset_loses_no_write(void)
{
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	h.f->vg->config.flush_steps = VG_FLUSH_STEPS;
	hdp_write_held(&h);
	vgpu_mmio_write(h.f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ), 1);
	vgpu_reset(h.f->vg);
	CHECK(!vgpu_busy(h.f->vg) && !done(&h));
	hdp_finish(&h, "hdp-drain by=reset writes=1");
}

int main(void)
{
	without_the_fifo_nothing_is_held();
	a_read_of_vram_flushes();
	the_cpu_sees_its_own_writes();
	the_cpu_sees_what_the_gpu_writes();
	a_late_flush_overwrites_the_gpu();
	mm_data_takes_the_same_way();
	an_access_behind_vram_stops();
	the_register_flushes();
	the_remapped_page_flushes();
	other_accesses_do_not_flush();
	a_pm4_packet_flushes(0);
	a_pm4_packet_flushes(VG_FLUSH_STEPS);
	an_sdma_packet_of_the_driver_flushes();
	a_requested_flush_takes_steps();
	two_clients_share_a_flush();
	a_page_walk_does_not_see_held_entries();
	a_full_fifo_drains_the_oldest();
	writes_keep_their_order();
	a_big_write_is_held();
	a_reset_loses_no_write();
	return 0;
}
