/* SPDX-License-Identifier: MIT */
#include "core/bits.h"
#include "gfx9/regs_oss.h"
#include "tests/fake_ih.h"
#include "vgpu.h"

enum { MC_SPACE_BUS = 1 };

void fake_ih_program(struct vgpu *vg, uint64_t ring, uint32_t bytes, uint64_t wptr)
{
	const struct {
		uint32_t reg, value;
	} setup[] = {
		{ VG_ADDR(IH_RB_BASE), vg_lo(ring >> 8) },
		{ VG_ADDR(IH_RB_BASE_HI), vg_lo(ring >> 40) },
		{ VG_ADDR(IH_RB_WPTR_ADDR_LO), vg_lo(wptr) },
		{ VG_ADDR(IH_RB_WPTR_ADDR_HI), vg_hi(wptr) },
		{ VG_ADDR(IH_RB_WPTR), 0 },
		{ VG_ADDR(IH_RB_RPTR), 0 },
		{ VG_ADDR(IH_RB_CNTL),
		  VG_FIELD_PREP(IH_RB_CNTL, RB_ENABLE, 1) |
			  VG_FIELD_PREP(IH_RB_CNTL, RB_SIZE, __builtin_ctz(bytes / 4)) |
			  VG_FIELD_PREP(IH_RB_CNTL, WPTR_WRITEBACK_ENABLE, 1) |
			  VG_FIELD_PREP(IH_RB_CNTL, WPTR_OVERFLOW_ENABLE, 1) |
			  VG_FIELD_PREP(IH_RB_CNTL, ENABLE_INTR, 1) |
			  VG_FIELD_PREP(IH_RB_CNTL, MC_SPACE, MC_SPACE_BUS) },
	};

	for (unsigned int i = 0; i < VG_COUNT(setup); i++)
		vgpu_mmio_write(vg, 4 * setup[i].reg, setup[i].value);
}
