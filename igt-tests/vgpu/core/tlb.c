/* SPDX-License-Identifier: MIT */
/*
 * The TLB is a hash table that grows, because it must never evict an entry.  An entry
 * covers the whole block of addresses that one PTE maps (with its fragment field).
 */
#include <errno.h>
#include <stdlib.h>

#include "core/tlb.h"

enum { TLB_MIN_SLOTS = 1024, TLB_NUM_VMIDS = 16 };

struct vg_tlb {
	struct vg_tlb_entry *slot;
	size_t num_slots; /* a power of two, at least twice count */
	size_t count;
	size_t count_of[TLB_NUM_VMIDS];
	uint64_t shifts[TLB_NUM_VMIDS]; /* mask of the block sizes (shifts) in use */
};

struct vg_tlb *vg_tlb_new(void)
{
	struct vg_tlb *tlb = calloc(1, sizeof(*tlb));

	if (!tlb)
		return NULL;
	tlb->num_slots = TLB_MIN_SLOTS;
	tlb->slot = calloc(tlb->num_slots, sizeof(*tlb->slot));
	if (!tlb->slot) {
		free(tlb);
		return NULL;
	}
	return tlb;
}

void vg_tlb_free(struct vg_tlb *tlb)
{
	if (!tlb)
		return;
	free(tlb->slot);
	free(tlb);
}

static size_t hash(uint64_t block, unsigned int shift, unsigned int vmid)
{
	uint64_t key = block << 10 ^ (uint64_t)shift << 4 ^ vmid;

	/* A multiplication by 2^64 divided by the golden ratio spreads neighbouring keys. */
	return key * 0x9e3779b97f4a7c15ull >> 20;
}

static struct vg_tlb_entry *lookup(const struct vg_tlb *tlb, uint64_t block, unsigned int shift,
				   unsigned int vmid)
{
	size_t i = hash(block, shift, vmid);

	for (;; i++) {
		struct vg_tlb_entry *e = &tlb->slot[i & (tlb->num_slots - 1)];

		if (!e->used || (e->block == block && e->shift == shift && e->vmid == vmid))
			return e;
	}
}

const struct vg_tlb_entry *vg_tlb_find(const struct vg_tlb *tlb, unsigned int vmid, uint64_t va)
{
	for (uint64_t left = tlb->shifts[vmid]; left; left &= left - 1) {
		unsigned int shift = __builtin_ctzll(left);
		struct vg_tlb_entry *e = lookup(tlb, va >> shift, shift, vmid);

		if (e->used)
			return e;
	}
	return NULL;
}

static void forget(struct vg_tlb *tlb, uint32_t vmids)
{
	for (unsigned int vmid = 0; vmid < TLB_NUM_VMIDS; vmid++) {
		if (!(vmids >> vmid & 1))
			continue;
		tlb->shifts[vmid] = 0;
		tlb->count_of[vmid] = 0;
	}
}

/* Move all entries except those of @vmids to a new table of @num_slots slots. */
static int rebuild(struct vg_tlb *tlb, size_t num_slots, uint32_t vmids)
{
	struct vg_tlb_entry *old = tlb->slot;
	size_t old_slots = tlb->num_slots;
	struct vg_tlb_entry *slot = calloc(num_slots, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	tlb->slot = slot;
	tlb->num_slots = num_slots;
	tlb->count = 0;
	forget(tlb, vmids);
	for (size_t i = 0; i < old_slots; i++) {
		if (!old[i].used || vmids >> old[i].vmid & 1)
			continue;
		*lookup(tlb, old[i].block, old[i].shift, old[i].vmid) = old[i];
		tlb->count++;
	}
	free(old);
	return 0;
}

int vg_tlb_insert(struct vg_tlb *tlb, const struct vg_tlb_entry *entry)
{
	struct vg_tlb_entry *e;

	if (2 * (tlb->count + 1) > tlb->num_slots && rebuild(tlb, 2 * tlb->num_slots, 0))
		return -ENOMEM;
	e = lookup(tlb, entry->block, entry->shift, entry->vmid);
	tlb->count += !e->used;
	tlb->count_of[entry->vmid] += !e->used;
	*e = *entry;
	e->used = true;
	tlb->shifts[entry->vmid] |= 1ull << entry->shift;
	return 0;
}

size_t vg_tlb_drop(struct vg_tlb *tlb, uint32_t vmids)
{
	size_t before = tlb->count;
	size_t dropped = 0;

	for (unsigned int vmid = 0; vmid < TLB_NUM_VMIDS; vmid++)
		if (vmids >> vmid & 1)
			dropped += tlb->count_of[vmid];
	if (!dropped)
		return 0;
	/*
	 * Without memory for a new table, drop the entries of all VMIDs.  A GPU may lose
	 * a translation at any time, but it must not keep one after the flush.
	 */
	if (rebuild(tlb, tlb->num_slots, vmids)) {
		for (size_t i = 0; i < tlb->num_slots; i++)
			tlb->slot[i].used = false;
		forget(tlb, ~0u);
		tlb->count = 0;
	}
	return before - tlb->count;
}
