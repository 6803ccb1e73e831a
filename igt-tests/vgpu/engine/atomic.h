/* SPDX-License-Identifier: MIT */
/* Read-modify-write operations.  PM4 and SDMA packets have the same codes for them. */
#ifndef VG_ATOMIC_H
#define VG_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

struct vg_atomic {
	unsigned int op; /* the 32 bit TC_OP_ATOMIC_*_RTN_32 of vega10_enum.h, also if @wide */
	bool wide;	 /* 8 bytes instead of 4 */
	uint64_t src, cmp;
};

/* Decode one of the kernel's TC_OP_ATOMIC_* codes; false when it is unknown. */
bool vg_atomic_decode(struct vg_atomic *a, unsigned int code);
/* The function to give to vg_mem_atomic(): returns the new value.  @arg is a struct vg_atomic. */
uint64_t vg_atomic_apply(uint64_t old, const void *arg);

static inline unsigned int vg_atomic_size(const struct vg_atomic *a)
{
	return a->wide ? 8 : 4;
}

#endif
