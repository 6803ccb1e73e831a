// SPDX-License-Identifier: MIT
#include "invalidations.h"

/*
 * Must the table keep the invalidation?  It must until the invalidation has ended, and after that
 * as long as a lookup may be under way that began before the end.
 */
static int matters(const struct invalidations *inv, const struct invalidation *i)
{
	return i->key || i->ended_at > inv->settled;
}

static void forget_settled(struct invalidations *inv)
{
	while (inv->used && !matters(inv, &inv->slot[inv->used - 1]))
		inv->used--;
}

/*
 * Returns a free slot.  If there is none, forgets the invalidation that ended first and returns its
 * slot, or NULL if none has ended.  When the table forgets an invalidation, the oracle may believe
 * that a process still holds a page which is gone, and so miss a violation.  It never believes that
 * a held page is gone.
 */
static struct invalidation *get_slot(struct invalidations *inv)
{
	struct invalidation *oldest = 0;

	for (unsigned int i = 0; i < inv->used; i++) {
		struct invalidation *slot = &inv->slot[i];

		if (!matters(inv, slot))
			return slot;
		if (!slot->key && (!oldest || slot->ended_at < oldest->ended_at))
			oldest = slot;
	}
	if (inv->used < MAX_INVALIDATIONS)
		return &inv->slot[inv->used++];
	inv->forgotten++;
	return oldest;
}

void invalidation_begin(struct invalidations *inv, const void *key, __u64 mm, __u64 va, __u64 count)
{
	struct invalidation *slot = get_slot(inv);

	if (slot)
		*slot = (struct invalidation){ key, mm, va, va + count, 0 };
}

void invalidation_end(struct invalidations *inv, const void *key)
{
	for (unsigned int i = 0; i < inv->used; i++) {
		if (inv->slot[i].key != key)
			continue;
		inv->slot[i].key = 0;
		inv->slot[i].ended_at = ++inv->now;
		break;
	}
	if (!inv->lookups)
		inv->settled = inv->now;
	forget_settled(inv);
}

__u64 lookup_begin(struct invalidations *inv)
{
	inv->lookups++;
	return ++inv->now;
}

void lookup_end(struct invalidations *inv)
{
	if (--inv->lookups)
		return;
	inv->settled = inv->now;
	forget_settled(inv);
}

__u64 lookup_run(const struct invalidations *inv, __u64 lookup, __u64 mm, __u64 va, __u64 count,
		 int *overtaken)
{
	__u64 next = va + count, end = 0;

	for (unsigned int i = 0; i < inv->used; i++) {
		const struct invalidation *slot = &inv->slot[i];

		if (slot->mm != mm || (!slot->key && slot->ended_at < lookup))
			continue;
		if (slot->va > va && slot->va < next)
			next = slot->va;
		if (slot->va <= va && slot->end > end)
			end = slot->end;
	}
	*overtaken = end > va;
	if (*overtaken)
		next = end < va + count ? end : va + count;
	return next - va;
}
