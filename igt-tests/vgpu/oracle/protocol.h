/* SPDX-License-Identifier: MIT */
/*
 * How the guest tells the page oracle what the kernel does with its pages.
 *
 * The guest allocates a ring of physically contiguous memory, announces it
 * through registers and appends events.  The model reads what is new before it
 * judges an access, so an event is in force as soon as it is in the ring: the
 * guest needs no access to the device for it, except when the ring is full.
 *
 * Included by the model and by the guest's kernel module.
 */
#ifndef VG_ORACLE_PROTOCOL_H
#define VG_ORACLE_PROTOCOL_H

#include <linux/types.h>

/* Dword addresses in the register BAR, in a part where no IP block has any. */
enum vg_oracle_reg {
	VG_ORACLE_ID = 0x1f000,	/* reads as VG_ORACLE_ID_VALUE */
	VG_ORACLE_RING_LO,	/* bus address of struct vg_oracle_ring */
	VG_ORACLE_RING_HI,
	VG_ORACLE_RING_SIZE,	/* number of events it has room for */
	VG_ORACLE_ENABLE,	/* 1: the ring is in use, 0: it goes away */
	VG_ORACLE_DRAIN,	/* a write returns when all events are taken */
	VG_ORACLE_VIOLATIONS,	/* reads as the number so far */
	VG_ORACLE_EVENTS,	/* reads as the number taken */
	VG_ORACLE_ACCESSES,	/* reads as the number judged */
	VG_ORACLE_MARK,		/* a write is a line in the trace, between the violations */
	VG_ORACLE_REGS_END
};

#define VG_ORACLE_ID_VALUE 0x4f524332u	/* "ORC" and the protocol's version */

/* All addresses in units of 4 KiB pages. */
enum vg_oracle_kind {
	/*
	 * The device may reach @count pages from @page: they were mapped for
	 * DMA.  OWNED when the driver allocated them for that purpose, so that
	 * they are nobody else's now.  FOUND when a lookup must have found them,
	 * so that they are a process's.
	 */
	VG_ORACLE_MAP = 1,
	VG_ORACLE_UNMAP,
	/* @count pages from @page went back to the page allocator. */
	VG_ORACLE_FREE,
	/*
	 * A lookup found that [@va, @va + @count) of @mm are the pages from
	 * @page.  OVERTAKEN: they were, before a LOSE that has been told.
	 */
	VG_ORACLE_HOLD,
	/*
	 * What was held in [@va, @va + @count) of @mm is the kernel's again:
	 * all notifiers have returned.
	 */
	VG_ORACLE_LOSE,
	/* The address space is gone, and all that was held in it. */
	VG_ORACLE_LEAVE,
	/* @count events could not be reported. */
	VG_ORACLE_MISSED,
	VG_ORACLE_NUM_KINDS
};

enum vg_oracle_flags {
	VG_ORACLE_WRITE = 1,	/* MAP, UNMAP, HOLD: for writing as well */
	VG_ORACLE_OWNED = 2,	/* MAP */
	VG_ORACLE_FOUND = 4,	/* MAP */
	VG_ORACLE_OVERTAKEN = 8,	/* HOLD */
};

struct vg_oracle_event {
	__u32 kind;
	__u32 flags;
	__u64 page;
	__u64 count;
	__u64 va;
	__u64 mm;		/* any name of the address space but 0 */
};

/* Positions count events since ENABLE; the place is position % size. */
struct vg_oracle_ring {
	__u64 tail;		/* the guest's: written behind the event */
	__u64 reserved1[7];	/* a cache line each */
	__u64 head;		/* the model's: events before it are taken */
	__u64 reserved2[7];
	struct vg_oracle_event event[];
};

#endif
