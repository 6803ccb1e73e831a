/* SPDX-License-Identifier: MIT */
/* The state of each page of guest memory, as the events of the guest describe it. */
#ifndef VG_ORACLE_PAGES_H
#define VG_ORACLE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "oracle/protocol.h"

enum { VG_PAGE_HISTORY = 6 };

/* One event of one page. */
struct vg_page_event {
	uint64_t time; /* virtual time when the model took the event */
	uint32_t kind; /* enum vg_oracle_kind */
	uint32_t flags;
};

struct vg_page {
	uint32_t maps, maps_write;   /* number of its DMA mappings; of those, for writing */
	uint32_t holds, holds_write; /* number of addresses where processes hold it; for writing */
	bool owned;		     /* the driver allocated the page for the device */
	bool user;		     /* the page came from a process, so a process must hold it */
	bool freed;		     /* the page was freed while it was mapped */
	uint64_t lost_at; /* number of the event that last took it from the GPU; 0: none */
	uint32_t events;  /* number of its events; the last ones are in @history */
	struct vg_page_event history[VG_PAGE_HISTORY];
};

struct vg_pages;

struct vg_pages *vg_pages_new(void);
void vg_pages_free(struct vg_pages *pages);

/*
 * Apply an event.  Afterwards vg_pages_now() returns the event's number.  Returns 0,
 * -ENOMEM, or -EINVAL for an unknown kind or for page numbers or addresses that cannot exist.
 */
int vg_pages_apply(struct vg_pages *pages, const struct vg_oracle_event *event, uint64_t time);
uint64_t vg_pages_now(const struct vg_pages *pages);

/* The state of a page; all zero if no event was about the page. */
const struct vg_page *vg_pages_get(const struct vg_pages *pages, uint64_t page);
/* Has the guest reported that an IOMMU translates? */
bool vg_pages_translated(const struct vg_pages *pages);
/*
 * The number of the event by which the DMA API last mapped a page at the bus address @iova (in
 * pages), or HMM gave the address back; 0 if there was none.
 */
uint64_t vg_pages_owner_since(const struct vg_pages *pages, uint64_t iova);
/* Has the kernel taken the page back? */
bool vg_page_lost(const struct vg_page *page);
/* Must the GPU not write to the page? */
bool vg_page_readonly(const struct vg_page *page);

#endif
