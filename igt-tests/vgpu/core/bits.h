/* SPDX-License-Identifier: MIT */
/*
 * Access fields of registers by the names of the kernel's sh_mask headers, and fields
 * of packets by masks.
 */
#ifndef VG_BITS_H
#define VG_BITS_H

#include <stdint.h>

/* Get, make or replace a field of a register, for example VG_FIELD(cntl, IH_RB_CNTL, RB_SIZE). */
#define VG_FIELD(value, reg, field) \
	((uint32_t)(((value) & (uint32_t)reg##__##field##_MASK) >> reg##__##field##__SHIFT))
#define VG_FIELD_PREP(reg, field, x) \
	(((uint32_t)(x) << reg##__##field##__SHIFT) & (uint32_t)reg##__##field##_MASK)
#define VG_FIELD_SET(value, reg, field, x) \
	(((value) & ~(uint32_t)reg##__##field##_MASK) | VG_FIELD_PREP(reg, field, x))

/*
 * VG_BITS() makes a mask of the bits hi..lo of a dword.  VG_GET() takes the value out of the
 * field that a mask describes, and VG_PREP() puts a value at the field's place.
 */
#define VG_BITS(hi, lo)	    ((~0u >> (31 - (hi))) & (~0u << (lo)))
#define VG_GET(mask, value) (((uint32_t)(value) & (mask)) >> __builtin_ctz(mask))
#define VG_PREP(mask, x)    (((uint32_t)(x) << __builtin_ctz(mask)) & (mask))

#define VG_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline uint64_t vg_u64(uint32_t lo, uint32_t hi)
{
	return (uint64_t)hi << 32 | lo;
}

static inline uint32_t vg_lo(uint64_t value)
{
	return (uint32_t)value;
}

static inline uint32_t vg_hi(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

#endif
