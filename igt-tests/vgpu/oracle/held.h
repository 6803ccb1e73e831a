/* SPDX-License-Identifier: MIT */
/*
 * A map from addresses (in pages) in address spaces to values other than 0.  In such a map the
 * page oracle keeps the pages that processes hold.  The map is fast for a million scattered
 * pages and for long ranges.
 */
#ifndef VG_ORACLE_HELD_H
#define VG_ORACLE_HELD_H

#include <stdint.h>

struct vg_held;

struct vg_held *vg_held_new(void);
void vg_held_free(struct vg_held *held);

/* The value at an address, or 0. */
uint64_t vg_held_get(const struct vg_held *held, uint64_t mm, uint64_t va);
/* Set the value at an address; 0 or -ENOMEM. */
int vg_held_set(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t value);
/*
 * Remove all values in [@va, @va + @count) and call @taken for each.  When @taken
 * returns an error, stop and return it.  The time is proportional to the number of
 * addresses or to the number of chunks in @held, whichever is smaller.
 */
int vg_held_take(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t count,
		 int (*taken)(void *arg, uint64_t value), void *arg);

#endif
