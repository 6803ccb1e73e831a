/* SPDX-License-Identifier: MIT */
/*
 * A reporter is the connection to one simulated GPU of this guest: its registers, and the ring of
 * events that its page oracle reads.
 */
#ifndef REPORTERS_H
#define REPORTERS_H

#include <linux/device.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "oracle/protocol.h"

struct reporter;

/*
 * The protocol counts pages of 4 KiB, the kernel may have larger ones.  small_pages() converts a
 * number of pages, or the number of a page, of the kernel.  An address in bytes needs no
 * conversion.
 */
#define SMALL_PAGE_SHIFT 12

static inline u64 small_pages(u64 pages)
{
	return pages << (PAGE_SHIFT - SMALL_PAGE_SHIFT);
}

/* Find every GPU that has a page oracle, and make a ring for it.  Returns 0 or -errno. */
int reporters_attach(void);
/*
 * Let the GPUs read their rings from now on (@enable), or no longer.  Disable the rings before
 * reporters_detach(), which frees them.
 */
void reporters_enable(bool enable);
void reporters_detach(void);

/* Returns the reporter of @dev, or NULL if @dev is no simulated GPU. */
struct reporter *reporter_of(const struct device *dev);
/*
 * Returns the IOMMU's page tables for the GPU, or NULL if no IOMMU translates, so that bus
 * addresses are physical addresses.
 */
struct iommu_domain *reporter_domain(const struct reporter *r);

/*
 * say() appends an event to the ring of one reporter, say_all() to the ring of each.  miss() counts
 * an event that cannot be reported.  All may be called in any context but NMI.
 */
void say(struct reporter *r, const struct vg_oracle_event *event);
void say_all(const struct vg_oracle_event *event);
void miss(struct reporter *r);

/* Tell the GPUs to read all events now.  May return before they have done so. */
void reporters_drain(void);
/*
 * Report to each GPU how many events it has missed since the last report: those that did not fit
 * into its ring, those that miss() has counted, and those that the probes of lookups.c did not see.
 * @lost is the number of the last kind so far (lookups_missed()).
 */
void reporters_tell_missed(u64 lost);
/* Let each GPU write the mark @value to its trace, behind the accesses that it has judged. */
void reporters_mark(u32 value);
/* Returns the sum of the register @reg, which is a counter, over all GPUs. */
u64 reporters_sum(enum vg_oracle_reg reg);

#endif
