// SPDX-License-Identifier: MIT
/*
 * The GPU may access a page while the page is mapped for DMA.  If the page came from a
 * process, a process must also still hold it at an address where a lookup found it.
 * The guest's module takes the mappings from the DMA API and HMM, the holds from HMM's
 * lookups, and the end of a hold from the kernel's invalidations.  So the oracle does not
 * rely on the driver's own bookkeeping.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/held.h"
#include "oracle/pages.h"

enum {
	CHUNK_SHIFT = 9,
	CHUNK_PAGES = 1 << CHUNK_SHIFT,
	MAX_PAGE_SHIFT = 28, /* 1 TiB, more than any test guest has */
	HELD_WRITE = 1,	     /* bit of a value: the process holds the page for writing */
	HELD_PAGE = 2,	     /* bit of each value, so that the value for page 0 is not 0 */
	HELD_SHIFT = 2,
	MAX_AT_IOVA = 16, /* the most mappings at one bus address that wait for their UNMAP */
	OWNER_SINCE = 0,  /* key of @iovas, the values of which are events and not pages */
};

struct vg_pages {
	uint64_t now;			     /* number of events applied so far */
	uint64_t time;			     /* virtual time of @event, for the history */
	const struct vg_oracle_event *event; /* the event that is being applied */
	struct vg_page **chunk;
	uint64_t num_chunks;
	struct vg_held *held; /* which page a process holds at an address, and how */
	/*
	 * The pages that the guest's IOMMU has at a bus address.  The map is like @held, but its
	 * keys have the number of the mapping at that address in place of the address space.  The
	 * oldest mapping has the number 1.  The value for the number OWNER_SINCE is the number of
	 * the event that mapped the address or gave it back last: before that event the address
	 * may have belonged to somebody else.
	 */
	struct vg_held *iovas;
	bool translated; /* an event had a bus address */
};

struct vg_pages *vg_pages_new(void)
{
	struct vg_pages *pages = calloc(1, sizeof(*pages));

	if (!pages)
		return NULL;
	pages->held = vg_held_new();
	pages->iovas = vg_held_new();
	if (pages->held && pages->iovas)
		return pages;
	vg_pages_free(pages);
	return NULL;
}

void vg_pages_free(struct vg_pages *pages)
{
	if (!pages)
		return;
	for (uint64_t i = 0; i < pages->num_chunks; i++)
		free(pages->chunk[i]);
	free(pages->chunk);
	vg_held_free(pages->held);
	vg_held_free(pages->iovas);
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
		struct vg_page **chunk = realloc(pages->chunk, num * sizeof(*chunk));

		if (!chunk)
			return NULL;
		memset(chunk + pages->num_chunks, 0, (num - pages->num_chunks) * sizeof(*chunk));
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

/*
 * A lookup has found the page in a process.  The lookup may have been long ago, so the page may
 * have been freed since and belong to the driver now.  Then it does not count as a process's page.
 */
static void found(struct vg_page *page)
{
	page->user = !page->owned;
}

static void change(struct vg_page *page, uint32_t kind, uint32_t flags)
{
	bool write = flags & VG_ORACLE_WRITE;

	switch (kind) {
	case VG_ORACLE_MAP:
		page->maps++;
		page->maps_write += write;
		if (flags & VG_ORACLE_OWNED) {
			page->owned = true;
			page->user = page->freed = false;
		} else if (flags & VG_ORACLE_FOUND) {
			found(page);
		}
		break;
	case VG_ORACLE_UNMAP:
		decrement(&page->maps, true);
		decrement(&page->maps_write, write);
		/*
		 * The device does not have the page any more.  The next owner of the page may
		 * map it again, so forget these facts about the old owner.
		 */
		if (!page->maps)
			page->owned = page->freed = false;
		break;
	case VG_ORACLE_FREE:
		page->freed = page->maps;
		page->owned = page->user = false;
		page->holds = page->holds_write = 0;
		break;
	case VG_ORACLE_HOLD:
		if (flags & VG_ORACLE_OVERTAKEN) {
			found(page);
			break;
		}
		page->owned = false;
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

static int apply(struct vg_pages *pages, uint64_t number, uint32_t kind, uint32_t flags)
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
		.time = pages->time,
		.kind = kind,
		.flags = flags,
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

/* ---- bus addresses that an IOMMU translates ---- */

/*
 * The DMA API may give a bus address back before the guest's module hears of the unmapping
 * (dma_unmap_phys()).  So another CPU may map the address again, and the module may report this
 * mapping first.  Each bus address therefore has a queue of mappings, and an unmapping ends the
 * oldest one.
 */
static int map_iova(struct vg_pages *pages, uint64_t iova, uint64_t number)
{
	uint64_t nth = 1;
	int err;

	while (nth <= MAX_AT_IOVA && vg_held_get(pages->iovas, nth, iova))
		nth++;
	if (nth > MAX_AT_IOVA)
		return -EINVAL;
	err = vg_held_set(pages->iovas, nth, iova, number << HELD_SHIFT | HELD_PAGE);
	if (!err)
		err = vg_held_set(pages->iovas, OWNER_SINCE, iova, pages->now);
	return err ? err : apply(pages, number, VG_ORACLE_MAP, pages->event->flags);
}

static int unmap_page(void *arg, uint64_t value)
{
	struct vg_pages *pages = arg;

	return apply(pages, value >> HELD_SHIFT, VG_ORACLE_UNMAP, pages->event->flags);
}

static int forget(void *arg, uint64_t value)
{
	return 0;
}

/*
 * End the oldest mapping at @iova.  If there is none, the guest mapped the address before it loaded
 * its module, and nothing changes.
 */
static int unmap_iova(struct vg_pages *pages, uint64_t iova)
{
	int err = vg_held_take(pages->iovas, 1, iova, 1, unmap_page, pages);

	for (uint64_t nth = 2; nth <= MAX_AT_IOVA && !err; nth++) {
		uint64_t value = vg_held_get(pages->iovas, nth, iova);

		if (!value)
			break;
		err = vg_held_take(pages->iovas, nth, iova, 1, forget, NULL);
		if (!err)
			err = vg_held_set(pages->iovas, nth - 1, iova, value);
	}
	return err;
}

static int release_iovas(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	int err = 0;

	for (uint64_t i = 0; i < e->count && !err; i++)
		err = vg_held_set(pages->iovas, OWNER_SINCE, e->va + i, pages->now);
	return err;
}

static int change_iovas(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	int err = 0;

	pages->translated = true;
	for (uint64_t i = 0; i < e->count && !err; i++) {
		if (e->kind == VG_ORACLE_MAP)
			err = map_iova(pages, e->va + i, e->page + i);
		else
			err = unmap_iova(pages, e->va + i);
	}
	return err;
}

bool vg_pages_translated(const struct vg_pages *pages)
{
	return pages->translated;
}

uint64_t vg_pages_owner_since(const struct vg_pages *pages, uint64_t iova)
{
	return vg_held_get(pages->iovas, OWNER_SINCE, iova);
}

static bool at_iova(const struct vg_oracle_event *e)
{
	return (e->kind == VG_ORACLE_MAP || e->kind == VG_ORACLE_UNMAP) &&
	       e->flags & VG_ORACLE_IOVA;
}

/* ---- pages that processes hold ---- */

static int lose(void *arg, uint64_t value)
{
	return apply(arg, value >> HELD_SHIFT, VG_ORACLE_LOSE,
		     value & HELD_WRITE ? VG_ORACLE_WRITE : 0);
}

/*
 * Note that a process holds a page.  If it holds the page for writing already, a report that it
 * holds the page for reading changes nothing: only an invalidation takes the permission to write
 * away, so the report may come from an older lookup.
 */
static int hold_page(struct vg_pages *pages, uint64_t va, uint64_t number)
{
	const struct vg_oracle_event *e = pages->event;
	uint64_t value = number << HELD_SHIFT | HELD_PAGE, old;
	int err;

	if (e->flags & VG_ORACLE_WRITE)
		value |= HELD_WRITE;
	old = vg_held_get(pages->held, e->mm, va);
	if (value == old || (value | HELD_WRITE) == old)
		return 0;
	err = vg_held_set(pages->held, e->mm, va, value);
	/* Hold the new page first.  If it is the old page, it must not look lost in between. */
	if (!err)
		err = apply(pages, number, VG_ORACLE_HOLD, e->flags);
	if (!err && old)
		err = lose(pages, old);
	return err;
}

static int hold(struct vg_pages *pages)
{
	const struct vg_oracle_event *e = pages->event;
	int err = 0;

	/*
	 * An invalidation has taken the pages since the lookup, so the process does not hold them.
	 */
	if (e->flags & VG_ORACLE_OVERTAKEN)
		return apply_range(pages);
	for (uint64_t i = 0; i < e->count && !err; i++)
		err = hold_page(pages, e->va + i, e->page + i);
	return err;
}

/*
 * Are the numbers of the event possible?  A bad event of the guest must not make the model loop
 * or allocate without end.
 */
static bool sane(const struct vg_oracle_event *e)
{
	bool by_page = e->kind == VG_ORACLE_MAP || e->kind == VG_ORACLE_UNMAP ||
		       e->kind == VG_ORACLE_FREE || e->kind == VG_ORACLE_HOLD;
	bool by_va = e->kind == VG_ORACLE_HOLD || e->kind == VG_ORACLE_LOSE ||
		     e->kind == VG_ORACLE_RELEASE || at_iova(e);
	uint64_t limit = 1ull << MAX_PAGE_SHIFT;

	if (by_page && (e->page >= limit || e->count > limit - e->page))
		return false;
	if (e->kind == VG_ORACLE_RELEASE && e->count > limit)
		return false;
	return !by_va || e->va + e->count >= e->va;
}

int vg_pages_apply(struct vg_pages *pages, const struct vg_oracle_event *event, uint64_t time)
{
	pages->event = event;
	pages->time = time;
	pages->now++;
	if (!sane(event))
		return -EINVAL;
	if (at_iova(event))
		return change_iovas(pages);
	switch (event->kind) {
	case VG_ORACLE_MAP:
	case VG_ORACLE_UNMAP:
	case VG_ORACLE_FREE:
		return apply_range(pages);
	case VG_ORACLE_HOLD:
		return hold(pages);
	case VG_ORACLE_LOSE:
		return vg_held_take(pages->held, event->mm, event->va, event->count, lose, pages);
	case VG_ORACLE_LEAVE:
		return vg_held_take(pages->held, event->mm, 0, UINT64_MAX, lose, pages);
	case VG_ORACLE_RELEASE:
		return release_iovas(pages);
	default:
		return -EINVAL;
	}
}
