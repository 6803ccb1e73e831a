/* SPDX-License-Identifier: MIT */
/*
 * The accesses by which the CPU flushes the host data path (HDP) without the kernel.
 * tests/test_hdp_access.c replaces these macros to check the order of the accesses.
 */
#ifndef AU_HDP_ACCESS_H
#define AU_HDP_ACCESS_H

#include <stdint.h>

#include "barrier.h"

#ifndef AU_STORE
#define AU_STORE(place, value) (*(place) = (value))
#define AU_LOAD(place)	       (*(place))
#define AU_STORE_BARRIER()     au_store_barrier()
#define AU_FULL_BARRIER()      au_full_barrier()
#endif

/* KFD_MMIO_REMAP_HDP_MEM_FLUSH_CNTL of <linux/kfd_ioctl.h>, as an index of dwords in the page. */
#define AU_REMAP_HDP_MEM_FLUSH 0

/*
 * A store of any value to the register flushes. The store and a doorbell behind it are posted, so
 * the doorbell could reach the device before the flush. A load of the register is not posted, so it
 * returns after the flush has begun. ROCm's clr loads the register for the same reason.
 */
static inline void au_hdp_by_register(volatile uint32_t *flush_register)
{
	/* The stores to VRAM come first. */
	AU_FULL_BARRIER();
	AU_STORE(flush_register, 1);
	AU_FULL_BARRIER();
	(void)AU_LOAD(flush_register);
	/* The caller's doorbell comes last. */
	AU_FULL_BARRIER();
}

/*
 * ROCm's clr flushes in this way for kernel arguments in VRAM on gfx90a and gfx94x. After the
 * stores of the arguments come a barrier, another store of their last byte, a barrier, and a load
 * of that byte. The load pushes the stores before it over the bus.
 */
static inline void au_hdp_by_reading_back(volatile uint8_t *last_byte)
{
	uint8_t value;

	AU_STORE_BARRIER();
	value = AU_LOAD(last_byte);
	AU_FULL_BARRIER();
	AU_STORE(last_byte, value);
	AU_FULL_BARRIER();
	(void)AU_LOAD(last_byte);
	AU_FULL_BARRIER();
}

/*
 * Two stores to the first and the last dword of a page of VRAM, so far apart that nothing merges
 * them, and a load. Christian König, a maintainer of amdgpu, has described this way.
 */
static inline void au_hdp_by_dummy_page(volatile uint32_t *first, volatile uint32_t *last,
					uint32_t value)
{
	AU_STORE_BARRIER();
	AU_STORE(first, value);
	AU_STORE_BARRIER();
	AU_STORE(last, value);
	AU_FULL_BARRIER();
	(void)AU_LOAD(last);
	AU_FULL_BARRIER();
}

#endif /* AU_HDP_ACCESS_H */
