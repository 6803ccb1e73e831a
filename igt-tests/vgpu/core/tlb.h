/* SPDX-License-Identifier: MIT */
/*
 * The translation cache of one hub.  It fills on use and forgets nothing until
 * told to: a flush that the driver omits must be seen.  Invalid entries are not
 * cached, as in the hardware, where making an entry valid needs no flush.
 */
#ifndef VG_TLB_H
#define VG_TLB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vg_tlb;

struct vg_tlb_entry {
	uint64_t block;		/* va >> shift */
	uint64_t phys;		/* of the block's first byte; may wrap below 0 */
	uint64_t read_at;	/* vg_judge.now() before it was read */
	uint8_t shift;
	uint8_t vmid;
	uint8_t access;
	bool system, prt;
	bool used;
};

struct vg_tlb *vg_tlb_new(void);
void vg_tlb_free(struct vg_tlb *tlb);
/* NULL when @va is not cached; the pointer holds until the next call. */
const struct vg_tlb_entry *vg_tlb_find(const struct vg_tlb *tlb,
				       unsigned int vmid, uint64_t va);
/* 0 or -ENOMEM. */
int vg_tlb_insert(struct vg_tlb *tlb, const struct vg_tlb_entry *entry);
/* Number of entries dropped. */
size_t vg_tlb_drop(struct vg_tlb *tlb, uint32_t vmids);
size_t vg_tlb_count(const struct vg_tlb *tlb);

#endif
