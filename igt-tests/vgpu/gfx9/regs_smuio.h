/* SPDX-License-Identifier: MIT */
/*
 * Register addresses and fields of the SMUIO block.  A source file includes only one
 * such header, because the kernel's headers of different blocks use the same names.
 */
#ifndef VG_REGS_H
#define VG_REGS_H

#include "asic_reg/smuio/smuio_13_0_3_offset.h"
#include "asic_reg/smuio/smuio_13_0_3_sh_mask.h"
#include "gfx9/bases.h"

#define VG_ADDR(name) (VG_BASE(SMUIO, reg##name##_BASE_IDX) + reg##name)

#endif
