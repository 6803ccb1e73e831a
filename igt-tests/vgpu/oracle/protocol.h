/* SPDX-License-Identifier: MIT */
/*
 * The protocol by which the guest reports the events of its kernel's pages to the page
 * oracle.  The model and the guest's kernel module include this header.
 *
 * The guest allocates a ring of physically contiguous memory, announces it
 * through registers and appends events.  The model reads new events before it
 * judges an access, so an event takes effect as soon as it is in the ring.  The
 * guest needs to access the device only when the ring is full.
 */
#ifndef VG_ORACLE_PROTOCOL_H
#define VG_ORACLE_PROTOCOL_H

#include <linux/types.h>

/* Dword addresses in the register BAR, in a part that no IP block uses. */
enum vg_oracle_reg {
	VG_ORACLE_ID = 0x1f000, /* reads as VG_ORACLE_ID_VALUE */
	VG_ORACLE_RING_LO, /* bus address of struct vg_oracle_ring, contiguous in bus addresses */
	VG_ORACLE_RING_HI,
	VG_ORACLE_RING_SIZE,  /* number of events that the ring has room for */
	VG_ORACLE_ENABLE,     /* 1: use the ring; 0: the guest is going to free it */
	VG_ORACLE_DRAIN,      /* a write returns when the model has taken all events */
	VG_ORACLE_VIOLATIONS, /* reads as the number of violations so far */
	VG_ORACLE_EVENTS,     /* reads as the number of events taken, without MISSED */
	VG_ORACLE_ACCESSES,   /* reads as the number of accesses judged */
	VG_ORACLE_MARK,	      /* a write sets the mark, whose value the trace repeats */
	VG_ORACLE_REGS_END
};

#define VG_ORACLE_ID_VALUE 0x4f524334u /* "ORC" and the protocol's version */

/*
 * The kinds of events.  All addresses are in units of 4 KiB pages.  @page is a guest physical
 * address, whether or not an IOMMU translates.
 */
enum vg_oracle_kind {
	/*
	 * The kernel has mapped @count pages from @page on for DMA, so the device may
	 * access them.  VG_ORACLE_OWNED: the driver has allocated the pages for the
	 * device, so they belong to no process.  VG_ORACLE_FOUND: the pages belong to
	 * a process, so the driver must have found them by a lookup.
	 * VG_ORACLE_IOVA: the device reaches the pages at the bus addresses from @va on.
	 */
	VG_ORACLE_MAP = 1,
	/*
	 * The kernel has removed a DMA mapping of @count pages from @page on, or is removing it.
	 * VG_ORACLE_IOVA: the pages are those that the kernel had mapped at the @count bus
	 * addresses from @va on.  Then @page is 0, because the guest's IOMMU may have forgotten the
	 * pages by now.
	 */
	VG_ORACLE_UNMAP,
	/* @count pages from @page on went back to the page allocator. */
	VG_ORACLE_FREE,
	/*
	 * A lookup found the pages from @page on at [@va, @va + @count) of @mm.
	 * VG_ORACLE_OVERTAKEN: an invalidation has taken the pages away since the lookup found
	 * them, and the guest has reported the LOSE of this invalidation before this event.
	 */
	VG_ORACLE_HOLD,
	/*
	 * All notifiers of an invalidation have returned, so the pages at
	 * [@va, @va + @count) of @mm belong to the kernel again.
	 */
	VG_ORACLE_LOSE,
	/* The address space @mm has ended, so its process holds no pages in it any more. */
	VG_ORACLE_LEAVE,
	/* The guest could not report @count events, so the verdict would not be safe. */
	VG_ORACLE_MISSED,
	/*
	 * HMM is giving the @count bus addresses from @va on back to the IOMMU, which may give them
	 * to somebody else.  The guest reports this event because MAP and UNMAP of HMM's pages have
	 * no bus addresses (VG_ORACLE_IOVA).
	 */
	VG_ORACLE_RELEASE,
	VG_ORACLE_NUM_KINDS
};

enum vg_oracle_flags {
	VG_ORACLE_WRITE = 1,	 /* in MAP, UNMAP, HOLD: for writing as well as for reading */
	VG_ORACLE_OWNED = 2,	 /* in MAP: the driver allocated the pages for the device */
	VG_ORACLE_FOUND = 4,	 /* in MAP: the pages belong to a process */
	VG_ORACLE_OVERTAKEN = 8, /* in HOLD: the process does not have the pages any more */
	VG_ORACLE_IOVA = 16, /* in MAP, UNMAP: @va is a bus address, which an IOMMU translates */
};

struct vg_oracle_event {
	__u32 kind;
	__u32 flags;
	__u64 page;
	__u64 count;
	__u64 va;
	__u64 mm; /* names the address space: the guest's pointer to its mm_struct, not 0 */
};

/*
 * Positions count the events since the guest wrote VG_ORACLE_ENABLE.  The event at a position
 * has the index position % VG_ORACLE_RING_SIZE.
 */
struct vg_oracle_ring {
	__u64 tail;	    /* the guest's position, which it moves after it has written an event */
	__u64 reserved1[7]; /* tail and head have a cache line each */
	__u64 head;	    /* the model's position: it has taken all events before this one */
	__u64 reserved2[7];
	struct vg_oracle_event event[];
};

#endif
