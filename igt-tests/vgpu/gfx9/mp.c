/* SPDX-License-Identifier: MIT */
/* Mailbox registers of the security processor (PSP).  The model does not have a PSP. */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_mp.h"

static const struct vg_reg regs[] = {
	/* Bit 31: VRAM is initialised.  The driver waits for it (amdgpu_discovery.c:143, 305). */
	VG_REG_RESET(MP0_SMN_C2PMSG_33, 1u << 31),
	/* 0: the PSP's firmware does not run, so amdgpu does not reset the GPU (soc15.c:841). */
	VG_REG(MP0_SMN_C2PMSG_81, NULL, vg_reg_ignore_write),
};

const struct vg_block vg_mp_block = {
	.name = "mp",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
};
