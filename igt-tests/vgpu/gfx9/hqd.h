/* SPDX-License-Identifier: MIT */
/* The bank of registers that describes a mapped queue; cp.c and cp_regs.c use it. */
#ifndef VG_HQD_H
#define VG_HQD_H

#include "gfx9/gfx9.h"
#include "gfx9/regs_gc.h"

/* The index of a register in struct vg_hqd.regs. */
#define HQD(name) (VG_ADDR(name) - VG_ADDR(CP_MQD_BASE_ADDR))

_Static_assert(HQD(CP_HQD_AQL_DISPATCH_ID_HI) + 1 == VG_HQD_REGS,
	       "the bank ends with CP_HQD_AQL_DISPATCH_ID_HI");

void vg_cp_reset(struct vgpu *vg);

#endif
