/* SPDX-License-Identifier: MIT */
/* System management I/O: registers that say how many dies and sockets there are. */
#include "core/bits.h"
#include "gfx9/gfx9.h"
#include "gfx9/regs_smuio.h"

static const struct vg_reg regs[] = {
	/* 0: there is one socket, this is die 0, and PCIe connects it to the host. */
	VG_REG(SMUIO_MCM_CONFIG, NULL, vg_reg_ignore_write),
};

const struct vg_block vg_smuio_block = {
	.name = "smuio",
	.regs = regs,
	.num_regs = VG_COUNT(regs),
};
