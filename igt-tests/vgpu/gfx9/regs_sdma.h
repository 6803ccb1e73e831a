/* SPDX-License-Identifier: MIT */
/*
 * Register addresses and fields of the SDMA block.  A source file includes only one
 * such header, because the kernel's headers of different blocks use the same names.
 */
#ifndef VG_REGS_H
#define VG_REGS_H

#include "asic_reg/sdma/sdma_4_4_2_offset.h"
#include "asic_reg/sdma/sdma_4_4_2_sh_mask.h"
#include "gfx9/bases.h"

#define VG_ADDR(name) (VG_BASE(SDMA, reg##name##_BASE_IDX) + reg##name)

#endif
