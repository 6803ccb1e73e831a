/* SPDX-License-Identifier: MIT */
/* Mailboxes of the security processor (PSP), which the model does not have. */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_mp.h"

static const struct vg_reg regs[] = {
	/* Bit 31 says that VRAM is initialised; amdgpu_discovery.c:143, 305. */
	VG_REG_RESET(MP0_SMN_C2PMSG_33, 1u << 31),
	/* No boot loader has run, so amdgpu does not reset the GPU, soc15.c:841. */
	VG_REG(MP0_SMN_C2PMSG_81, NULL, vg_reg_ignore_write),
};

const struct vg_block vg_mp_block = {
	.name = "mp",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
};
