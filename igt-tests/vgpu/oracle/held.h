/* SPDX-License-Identifier: MIT */
/*
 * What is at which address of which address space: a value that is not 0.  Made
 * for a million single pages anywhere as well as for long ranges.
 */
#ifndef VG_ORACLE_HELD_H
#define VG_ORACLE_HELD_H

#include <stdint.h>

struct vg_held;

struct vg_held *vg_held_new(void);
void vg_held_free(struct vg_held *held);

/* 0 when there is nothing. */
uint64_t vg_held_get(const struct vg_held *held, uint64_t mm, uint64_t va);
/* 0 or -ENOMEM. */
int vg_held_set(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t value);
/*
 * Remove everything in [@va, @va + @count) and call @taken for it; the first error
 * of that ends it and is returned.  Takes as long as there are addresses, or
 * things in @held if these are fewer.
 */
int vg_held_take(struct vg_held *held, uint64_t mm, uint64_t va, uint64_t count,
		 int (*taken)(void *arg, uint64_t value), void *arg);

#endif
