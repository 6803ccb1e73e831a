/* SPDX-License-Identifier: MIT */
/*
 * The TLB of one hub.  It caches each translation that is used, and drops an entry
 * only by a flush, so that a flush that the driver omits has a visible effect.  It
 * does not cache invalid entries, because the hardware needs no flush when the
 * driver makes an entry valid.
 */
#ifndef VG_TLB_H
#define VG_TLB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vg_tlb;

struct vg_tlb_entry {
	uint64_t block;	  /* va >> shift */
	uint64_t phys;	  /* of the block's first byte; not aligned, so it may wrap below 0 */
	uint64_t read_at; /* result of vg_judge.now() before the page table was read */
	uint8_t shift;
	uint8_t vmid;
	uint8_t access;
	bool system, prt;
	bool used;
};

struct vg_tlb *vg_tlb_new(void);
void vg_tlb_free(struct vg_tlb *tlb);
/* The entry of @va, or NULL.  The pointer is valid until the next call. */
const struct vg_tlb_entry *vg_tlb_find(const struct vg_tlb *tlb, unsigned int vmid, uint64_t va);
/* Add an entry; 0 or -ENOMEM. */
int vg_tlb_insert(struct vg_tlb *tlb, const struct vg_tlb_entry *entry);
/* Drop all entries of @vmids; returns their number. */
size_t vg_tlb_drop(struct vg_tlb *tlb, uint32_t vmids);

#endif
