/* SPDX-License-Identifier: MIT */
/*
 * Register addresses and fields of the GC block.  A source file includes only one
 * such header, because the kernel's headers of different blocks use the same names.
 */
#ifndef VG_REGS_H
#define VG_REGS_H

#include "asic_reg/gc/gc_9_4_3_offset.h"
#include "asic_reg/gc/gc_9_4_3_sh_mask.h"
#include "gfx9/bases.h"

/* A register of the first XCC. */
#define VG_ADDR(name)		  (VG_BASE(GC, reg##name##_BASE_IDX) + reg##name)
/* A register of any XCC; an lvalue. */
#define VG_XCC_REG(vg, xcc, name) ((vg)->regs[VG_ADDR(name) + (xcc) * VG_XCC_DISTANCE])

#endif
