/* SPDX-License-Identifier: MIT */
/* Tests the register bus, and the registers that the driver reads while it probes. */
#include "gfx9/regs_nbio.h"
#include "tests/fake_host.h"

static void no_two_blocks_share_an_address(void)
{
	struct fake_host *f = fake_new(); /* fails if two blocks share an address */

	for (size_t b = 0; b < f->vg->num_blocks; b++) {
		const struct vg_block *block = f->vg->block[b];

		for (size_t r = 0; r < block->num_regs; r++)
			CHECK(f->vg->reg_at[block->regs[r].first] == &block->regs[r]);
	}
	fake_free(f);
}

/* fake_new() has written to some of the registers whose reset value is 0, so leave those out. */
static void a_register_reads_as_its_reset_value(void)
{
	struct fake_host *f = fake_new();
	unsigned int plain = 0;

	for (uint32_t a = 0; a < VG_MMIO_DWORDS; a++) {
		const struct vg_reg *reg = f->vg->reg_at[a];

		if (reg && !reg->read && !reg->write && reg->reset) {
			CHECK(vgpu_mmio_read(f->vg, 4 * a) == reg->reset);
			plain++;
		}
	}
	CHECK(plain > 0);
	fake_free(f);
}

static void an_unknown_register_stops(void)
{
	struct fake_host *f = fake_new();
	uint32_t a = 0;

	while (f->vg->reg_at[a])
		a++;
	CHECK(vgpu_mmio_read(f->vg, 4 * a) == ~0u);
	fake_expect_stop(f, "unknown register");
}

static void after_a_stop_nothing_happens(void)
{
	struct fake_host *f = fake_new();
	uint32_t memsize = 4 * VG_ADDR(RCC_DEV0_EPF0_RCC_CONFIG_MEMSIZE);

	vgpu_mmio_write(f->vg, VG_MMIO_SIZE - 4, 0);
	CHECK(vgpu_stopped(f->vg));
	CHECK(vgpu_mmio_read(f->vg, memsize) == ~0u);
	CHECK(!vgpu_busy(f->vg) && !vgpu_step(f->vg));
	fake_expect_stop(f, "unknown register");
}

static void vram_size_and_revision_are_told(void)
{
	struct fake_host *f = fake_new();

	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(RCC_DEV0_EPF0_RCC_CONFIG_MEMSIZE)) ==
	      VG_VRAM_SIZE >> 20);
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(RCC_STRAP0_RCC_DEV0_EPF0_STRAP0)));
	fake_free(f);
}

static void mm_index_is_a_window_on_vram(void)
{
	enum { AT = 0x00345678 };
	struct fake_host *f = fake_new();

	*(uint32_t *)(f->vram + AT) = 0xcafe;
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(BIF_BX_PF0_MM_INDEX), 1u << 31 | AT);
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(BIF_BX_PF0_MM_DATA)) == 0xcafe);
	fake_free(f);
}

static void unknown_smn_address_stops(void)
{
	struct fake_host *f = fake_new();

	vgpu_mmio_write(f->vg, 4 * VG_ADDR(BIF_BX0_PCIE_INDEX2), 0x12345678);
	vgpu_mmio_read(f->vg, 4 * VG_ADDR(BIF_BX0_PCIE_DATA2));
	fake_expect_stop(f, "SMN address");
}

static void a_ring_flush_of_hdp_is_acknowledged(void)
{
	struct fake_host *f = fake_new();

	vgpu_mmio_write(f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_REQ), 4);
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(BIF_BX_PF0_GPU_HDP_FLUSH_DONE)) == 4);
	fake_free(f);
}

/*
 * The page at VG_REMAPPED_HDP_FLUSH works once the driver has written its address to the register.
 */
static void the_host_flushes_hdp_by_two_registers(void)
{
	struct fake_host *f = fake_new();

	vgpu_mmio_write(f->vg, 4 * VG_ADDR(BIF_BX_PF0_HDP_MEM_COHERENCY_FLUSH_CNTL), 0);
	CHECK(fake_log_count(f, "hdp-flush by=host") == 1);
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(BIF_BX0_REMAP_HDP_MEM_FLUSH_CNTL),
			VG_REMAPPED_HDP_FLUSH);
	vgpu_mmio_write(f->vg, VG_REMAPPED_HDP_FLUSH, 0);
	CHECK(fake_log_count(f, "hdp-flush by=host") == 2);
	fake_free(f);
}

static void reset_restores_the_start(void)
{
	struct fake_host *f = fake_new();
	uint32_t addr = 4 * VG_ADDR(BIF_BX0_INTERRUPT_CNTL);
	struct fake_queue q;

	fake_kiq(f, &q);
	vgpu_mmio_write(f->vg, addr, 5);
	vgpu_reset(f->vg);
	CHECK(vgpu_mmio_read(f->vg, addr) == 0);
	CHECK(!fake_queue_active(f, &q));
	fake_free(f);
}

int main(void)
{
	no_two_blocks_share_an_address();
	a_register_reads_as_its_reset_value();
	an_unknown_register_stops();
	after_a_stop_nothing_happens();
	vram_size_and_revision_are_told();
	mm_index_is_a_window_on_vram();
	unknown_smn_address_stops();
	a_ring_flush_of_hdp_is_acknowledged();
	the_host_flushes_hdp_by_two_registers();
	reset_restores_the_start();
	return 0;
}
