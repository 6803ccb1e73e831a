// SPDX-License-Identifier: MIT
/*
 * A page is accessible while it is mapped for DMA and, if it came from a
 * process, while some process still has it where the driver found it.  The
 * former comes from the DMA API, the latter from the MMU notifiers, so it does
 * not matter what the driver itself believes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/pages.h"

enum {
	CHUNK_SHIFT = 9,
	CHUNK_PAGES = 1 << CHUNK_SHIFT,
	MAX_PAGE_SHIFT = 28,	/* 1 TiB: more than any test guest has */
	HELD_WRITE = 1,		/* flag in struct holder.held */
	HELD_SHIFT = 1,
};

/* What one notifier's user found in its range: held[i] is 0 or a page. */
struct holder {
	uint64_t mm, notifier;
	uint64_t va, count;
	uint64_t *held;		/* (page << HELD_SHIFT | HELD_WRITE) + 1 */
};

struct vg_pages {
	uint64_t now;		/* events applied */
	uint64_t time;		/* of the one being applied */
	const struct vg_oracle_event *event;
	struct vg_page **chunk;
	uint64_t num_chunks;
	struct holder *holder;
	size_t num_holders, max_holders;
	size_t last;		/* holder found last */
};

struct vg_pages *vg_pages_new(void)
{
	return calloc(1, sizeof(struct vg_pages));
}

void vg_pages_free(struct vg_pages *pages)
{
	if (!pages)
		return;
	for (uint64_t i = 0; i < pages->num_chunks; i++)
		free(pages->chunk[i]);
	for (size_t i = 0; i < pages->num_holders; i++)
		free(pages->holder[i].held);
	free(pages->chunk);
	free(pages->holder);
	free(pages);
}

uint64_t vg_pages_now(const struct vg_pages *pages)
{
	return pages->now;
}

/* ---- pages ---- */

const struct vg_page *vg_pages_get(const struct vg_pages *pages, uint64_t page)
{
	static const struct vg_page unknown;
	uint64_t i = page >> CHUNK_SHIFT;

	if (i >= pages->num_chunks || !pages->chunk[i])
		return &unknown;
	return &pages->chunk[i][page % CHUNK_PAGES];
}

static struct vg_page *get(struct vg_pages *pages, uint64_t page)
{
	uint64_t i = page >> CHUNK_SHIFT;

	if (i >= pages->num_chunks) {
		uint64_t num = 2 * (i + 1);
		struct vg_page **chunk =
			realloc(pages->chunk, num * sizeof(*chunk));

		if (!chunk)
			return NULL;
		memset(chunk + pages->num_chunks, 0,
		       (num - pages->num_chunks) * sizeof(*chunk));
		pages->chunk = chunk;
		pages->num_chunks = num;
	}
	if (!pages->chunk[i])
		pages->chunk[i] = calloc(CHUNK_PAGES, sizeof(struct vg_page));
	return pages->chunk[i] ? &pages->chunk[i][page % CHUNK_PAGES] : NULL;
}

bool vg_page_lost(const struct vg_page *page)
{
	return page->freed || (page->user && !page->holds);
}

bool vg_page_readonly(const struct vg_page *page)
{
	return !page->maps_write || (page->user && !page->holds_write);
}

static bool accessible(const struct vg_page *page)
{
	return page->maps && !vg_page_lost(page);
}

static void decrement(uint32_t *count, bool condition)
{
	*count -= condition && *count;
}

static void change(struct vg_page *page, uint32_t kind, uint32_t flags)
{
	bool write = flags & VG_ORACLE_WRITE;

	switch (kind) {
	case VG_ORACLE_MAP:
		page->maps++;
		page->maps_write += write;
		if (flags & VG_ORACLE_OWNED)
			page->freed = false;
		break;
	case VG_ORACLE_UNMAP:
		decrement(&page->maps, true);
		decrement(&page->maps_write, write);
		/* Who gets it next has it rightfully. */
		if (!page->maps)
			page->freed = false;
		break;
	case VG_ORACLE_FREE:
		page->freed = page->maps;
		page->user = false;
		page->holds = page->holds_write = 0;
		break;
	case VG_ORACLE_HOLD:
		page->user = true;
		page->freed = false;
		page->holds++;
		page->holds_write += write;
		break;
	case VG_ORACLE_LOSE:
		decrement(&page->holds, true);
		decrement(&page->holds_write, write);
		break;
	}
}

static int apply(struct vg_pages *pages, uint64_t number, uint32_t kind,
		 uint32_t flags)
{
	struct vg_page *page = get(pages, number);
	bool before;

	if (!page)
		return -ENOMEM;
	before = accessible(page);
	change(page, kind, flags);
	if (before && !accessible(page))
		page->lost_at = pages->now;
	page->history[page->events++ % VG_PAGE_HISTORY] = (struct vg_page_event){
		.time = pages->time, .kind = kind, .flags = flags,
	};
	return 0;
}

static int apply_range(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	int err = 0;

	for (uint64_t i = 0; i < e->count && !err; i++)
		err = apply(pages, e->page + i, e->kind, e->flags);
	return err;
}

/* ---- holders ---- */

static int lose(struct vg_pages *pages, uint64_t *held)
{
	uint64_t value = *held - 1;

	if (!*held)
		return 0;
	*held = 0;
	return apply(pages, value >> HELD_SHIFT, VG_ORACLE_LOSE,
		     value & HELD_WRITE ? VG_ORACLE_WRITE : 0);
}

static int lose_range(struct vg_pages *pages, struct holder *h, uint64_t va,
		      uint64_t end)
{
	uint64_t first = va > h->va ? va - h->va : 0;
	int err = 0;

	for (uint64_t i = first; i < h->count && h->va + i < end && !err; i++)
		err = lose(pages, &h->held[i]);
	return err;
}

static bool is(const struct holder *h, const struct vg_oracle_event *e)
{
	return h->mm == e->mm && h->notifier == e->notifier;
}

static struct holder *find(struct vg_pages *pages)
{
	size_t i = pages->last;

	if (i < pages->num_holders && is(&pages->holder[i], pages->event))
		return &pages->holder[i];
	for (i = 0; i < pages->num_holders; i++) {
		if (is(&pages->holder[i], pages->event)) {
			pages->last = i;
			return &pages->holder[i];
		}
	}
	return NULL;
}

static int new_holder(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	uint64_t *held = calloc(e->count, sizeof(*held));

	if (!held)
		return -ENOMEM;
	if (pages->num_holders == pages->max_holders) {
		size_t max = 2 * pages->max_holders + 1;
		struct holder *holder =
			realloc(pages->holder, max * sizeof(*holder));

		if (!holder) {
			free(held);
			return -ENOMEM;
		}
		pages->holder = holder;
		pages->max_holders = max;
	}
	pages->last = pages->num_holders;
	pages->holder[pages->num_holders++] = (struct holder){
		.mm = e->mm, .notifier = e->notifier,
		.va = e->va, .count = e->count, .held = held,
	};
	return 0;
}

static int remove_holder(struct vg_pages *pages, size_t i)
{
	struct holder *h = &pages->holder[i];
	int err = lose_range(pages, h, h->va, h->va + h->count);

	free(h->held);
	*h = pages->holder[--pages->num_holders];
	return err;
}

/* A notifier's memory, hence its name, may since have become another's. */
static int watch(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	int err = 0;

	for (size_t i = 0; i < pages->num_holders && !err; i++) {
		struct holder *h = &pages->holder[i];

		if (h->notifier != e->notifier)
			continue;
		if (h->mm == e->mm && h->va == e->va && h->count == e->count)
			return 0;
		err = remove_holder(pages, i--);
	}
	return err ? err : new_holder(pages);
}

static int hold(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	struct holder *h = find(pages);
	bool write = e->flags & VG_ORACLE_WRITE;

	if (!h || e->va < h->va || e->va - h->va > h->count ||
	    e->count > h->count - (e->va - h->va))
		return -EINVAL;
	for (uint64_t i = 0; i < e->count; i++) {
		uint64_t *held = &h->held[e->va - h->va + i];
		uint64_t value = (e->page + i) << HELD_SHIFT;
		int err;

		value = (value | (write ? HELD_WRITE : 0)) + 1;
		if (value == *held)
			continue;
		/* First the new one: a page held all along is never lost. */
		err = apply(pages, e->page + i, VG_ORACLE_HOLD, e->flags);
		if (!err)
			err = lose(pages, held);
		if (err)
			return err;
		*held = value;
	}
	return 0;
}

static int lose_all(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	int err = 0;

	for (size_t i = 0; i < pages->num_holders && !err; i++) {
		struct holder *h = &pages->holder[i];

		if (h->mm == e->mm && (!e->notifier || h->notifier == e->notifier))
			err = lose_range(pages, h, e->va, e->va + e->count);
	}
	return err;
}

static int leave(struct vg_pages *pages)
{
	int err = 0;

	for (size_t i = pages->num_holders; i-- && !err;)
		if (pages->holder[i].mm == pages->event->mm)
			err = remove_holder(pages, i);
	return err;
}

/* Whatever the guest says must not make the model walk or allocate for ever. */
static bool sane(const struct vg_oracle_event *e)
{
	bool by_page = e->kind == VG_ORACLE_MAP || e->kind == VG_ORACLE_UNMAP ||
		       e->kind == VG_ORACLE_FREE || e->kind == VG_ORACLE_HOLD;
	bool by_va = e->kind == VG_ORACLE_WATCH || e->kind == VG_ORACLE_HOLD ||
		     e->kind == VG_ORACLE_LOSE;
	uint64_t limit = 1ull << MAX_PAGE_SHIFT;

	if (by_page && (e->page >= limit || e->count > limit - e->page))
		return false;
	if (e->kind == VG_ORACLE_WATCH && (!e->count || e->count > limit))
		return false;
	return !by_va || e->va + e->count >= e->va;
}

int vg_pages_apply(struct vg_pages *pages, const struct vg_oracle_event *event,
		   uint64_t time)
{
	pages->event = event;
	pages->time = time;
	pages->now++;
	if (!sane(event))
		return -EINVAL;
	switch (event->kind) {
	case VG_ORACLE_MAP:
	case VG_ORACLE_UNMAP:
	case VG_ORACLE_FREE:
		return apply_range(pages);
	case VG_ORACLE_WATCH:
		return watch(pages);
	case VG_ORACLE_HOLD:
		return hold(pages);
	case VG_ORACLE_LOSE:
		return lose_all(pages);
	case VG_ORACLE_LEAVE:
		return leave(pages);
	default:
		return -EINVAL;
	}
}
