// SPDX-License-Identifier: MIT
/*
 * Probes functions of HMM and of MMU notifiers to learn about pages of processes.  A return of
 * hmm_range_fault_locked(), a lookup, tells which pages are at which addresses of a process.  When
 * all MMU notifiers of an invalidation have returned, its pages belong to the kernel again.
 * hmm_dma_map_pfn() tells that the device may access a page.  docs/oracle.md says why the order of
 * these events is right.
 */
#include <linux/dma-mapping.h>
#include <linux/hmm.h>
#include <linux/hmm-dma.h>
#include <linux/kprobes.h>
#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>

#include "hooks.h"
#include "invalidations.h"
#include "lookups.h"
#include "reporters.h"

/*
 * After reporting this many pages of a lookup the module releases the lock for a moment, so that an
 * invalidation on another CPU need not wait for all of them.
 */
#define SAY_PAGES 512

/*
 * Orders the reports of invalidations and of lookups.  When the module reports pages of a lookup,
 * it must know which invalidations it has reported before.  So it holds this lock while it reports
 * an invalidation or the pages of a lookup.
 */
static DEFINE_RAW_SPINLOCK(order);
static struct invalidations invalidations;
static u64 overtaken_pages;

/* ---- invalidations ---- */

struct invalidate_call {
	const struct mmu_notifier_range *range;
	struct vg_oracle_event event;
};

static int enter_invalidate(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct mmu_notifier_range *range = (void *)regs_get_kernel_argument(regs, 0);
	struct invalidate_call *call = (void *)ri->data;

	call->range = range;
	call->event = (struct vg_oracle_event){
		.kind = VG_ORACLE_LOSE,
		.mm = (unsigned long)range->mm,
		.va = small_pages(PFN_DOWN(range->start)),
		.count = small_pages(PFN_UP(range->end) - PFN_DOWN(range->start)),
	};
	return 0;
}

static int leave_invalidate(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct invalidate_call *call = (void *)ri->data;
	const struct vg_oracle_event *event = &call->event;
	unsigned long flags;

	/*
	 * If a notifier returned an error, because it must not block here, the kernel leaves the
	 * page tables as they are, so no page is lost.
	 */
	if ((int)regs_return_value(regs))
		return 0;
	raw_spin_lock_irqsave(&order, flags);
	invalidation_begin(&invalidations, call->range, event->mm, event->va, event->count);
	say_all(event);
	raw_spin_unlock_irqrestore(&order, flags);
	return 0;
}

/*
 * The kernel passes the same struct mmu_notifier_range at the start and at the end of an
 * invalidation, so its address names the invalidation.
 */
static int enter_invalidate_end(struct kprobe *p, struct pt_regs *regs)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&order, flags);
	invalidation_end(&invalidations, (void *)regs_get_kernel_argument(regs, 0));
	raw_spin_unlock_irqrestore(&order, flags);
	return 0;
}

static int enter_release(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	*(unsigned long *)ri->data = regs_get_kernel_argument(regs, 0);
	return 0;
}

static int leave_release(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct vg_oracle_event event = {
		.kind = VG_ORACLE_LEAVE,
		.mm = *(unsigned long *)ri->data,
	};

	say_all(&event);
	return 0;
}

/* ---- lookups ---- */

struct lookup_call {
	const struct hmm_range *range;
	u64 lookup;
};

static int enter_lookup(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct lookup_call *call = (void *)ri->data;
	unsigned long flags;

	call->range = (void *)regs_get_kernel_argument(regs, 0);
	raw_spin_lock_irqsave(&order, flags);
	call->lookup = lookup_begin(&invalidations);
	raw_spin_unlock_irqrestore(&order, flags);
	return 0;
}

static unsigned long result(const struct hmm_range *range, unsigned long i)
{
	return range->hmm_pfns[i] & (HMM_PFN_VALID | HMM_PFN_WRITE | ~HMM_PFN_FLAGS);
}

/*
 * Report the page that the lookup found at address number @first, and the pages after it that
 * continue it, in one event.  Returns how many of the @max addresses are done.
 */
static unsigned long say_run(const struct lookup_call *call, unsigned long first, unsigned long max)
{
	const struct hmm_range *range = call->range;
	unsigned long pfn = result(range, first), n = 1;
	struct vg_oracle_event event = {
		.kind = VG_ORACLE_HOLD,
		.mm = (unsigned long)range->notifier->mm,
		.va = small_pages(PFN_DOWN(range->start) + first),
		.page = small_pages(pfn & ~HMM_PFN_FLAGS),
		.flags = pfn & HMM_PFN_WRITE ? VG_ORACLE_WRITE : 0,
	};
	int overtaken;

	if (!(pfn & HMM_PFN_VALID))
		return 1;
	/*
	 * lookup_run() counts pages of 4 KiB.  Invalidations take whole pages of the kernel, so its
	 * result is a multiple of small_pages(1).
	 */
	max = lookup_run(&invalidations, call->lookup, event.mm, event.va, small_pages(max),
			 &overtaken) /
	      small_pages(1);
	while (n < max && result(range, first + n) == pfn + n)
		n++;
	if (overtaken) {
		event.flags |= VG_ORACLE_OVERTAKEN;
		overtaken_pages += n;
	}
	event.count = small_pages(n);
	know(pfn & ~HMM_PFN_FLAGS, n);
	say_all(&event);
	return n;
}

static void say_lookup(const struct lookup_call *call)
{
	unsigned long count = PHYS_PFN(call->range->end - call->range->start);
	unsigned long flags, i = 0;

	while (i < count) {
		unsigned long end = min(i + SAY_PAGES, count);

		raw_spin_lock_irqsave(&order, flags);
		while (i < end)
			i += say_run(call, i, end - i);
		raw_spin_unlock_irqrestore(&order, flags);
	}
}

static int leave_lookup(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	const struct lookup_call *call = (void *)ri->data;
	unsigned long flags;

	if (!(int)regs_return_value(regs))
		say_lookup(call);
	raw_spin_lock_irqsave(&order, flags);
	lookup_end(&invalidations);
	raw_spin_unlock_irqrestore(&order, flags);
	return 0;
}

/* ---- DMA mappings of pages that lookups have found ---- */

struct map_call {
	const struct device *dev;
	const struct hmm_dma_map *map;
	size_t i;
};

static void say_hmm_dma(u32 kind, u32 flags, const struct map_call *call)
{
	const unsigned long pfn = call->map->pfn_list[call->i];

	if (!(pfn & HMM_PFN_P2PDMA_BUS))
		say_pages(call->dev, kind, flags | VG_ORACLE_WRITE, hmm_pfn_to_phys(pfn),
			  call->map->dma_entry_size);
}

static struct map_call map_call(struct pt_regs *regs)
{
	return (struct map_call){
		.dev = (void *)regs_get_kernel_argument(regs, 0),
		.map = (void *)regs_get_kernel_argument(regs, 1),
		.i = regs_get_kernel_argument(regs, 2),
	};
}

/*
 * Ignore a call for a page that is mapped already, because it maps nothing new: the driver only
 * wants the page's DMA address.
 */
static int enter_map(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct map_call *call = (void *)ri->data;

	*call = map_call(regs);
	return call->map->pfn_list[call->i] & HMM_PFN_DMA_MAPPED ? 1 : 0;
}

static int leave_map(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (regs_return_value(regs) != DMA_MAPPING_ERROR)
		say_hmm_dma(VG_ORACLE_MAP, VG_ORACLE_FOUND, (void *)ri->data);
	return 0;
}

/*
 * Report the unmapping here and not by the DMA API's tracepoint: for a device that needs no
 * unmapping, hmm_dma_unmap_pfn() does not call the DMA API.  But even such a device must not use
 * the page any more.
 */
static int enter_unmap(struct kprobe *p, struct pt_regs *regs)
{
	const unsigned long mapped = HMM_PFN_VALID | HMM_PFN_DMA_MAPPED;
	const struct map_call call = map_call(regs);

	if ((call.map->pfn_list[call.i] & mapped) == mapped)
		say_hmm_dma(VG_ORACLE_UNMAP, 0, &call);
	return 0;
}

/*
 * HMM gives the bus addresses of a BO back to the IOMMU, which may give them to another BO.  Then a
 * translation that the GPU still has in a TLB names the other BO's page.  Without an IOMMU HMM has
 * no bus addresses to give back.
 */
static int enter_map_free(struct kprobe *p, struct pt_regs *regs)
{
	struct reporter *r = reporter_of((void *)regs_get_kernel_argument(regs, 0));
	struct hmm_dma_map *map = (void *)regs_get_kernel_argument(regs, 1);
	struct vg_oracle_event event = { .kind = VG_ORACLE_RELEASE };

	if (!r || !dma_use_iova(&map->state))
		return 0;
	event.va = map->state.addr >> SMALL_PAGE_SHIFT;
	event.count = dma_iova_size(&map->state) >> SMALL_PAGE_SHIFT;
	say(r, &event);
	/* The boot with an IOMMU demands this line (scenarios.cfg). */
	pr_info_once("vgpu_oracle: HMM gives bus addresses back\n");
	return 0;
}

/* ---- the probes ---- */

/*
 * .maxactive is the number of calls of the function that a probe can follow at once.  Notifiers and
 * lookups may sleep, so many of their calls can be under way.
 */
static struct kretprobe returns[] = {
	{
		.kp.symbol_name = "__mmu_notifier_invalidate_range_start",
		.entry_handler = enter_invalidate,
		.handler = leave_invalidate,
		.data_size = sizeof(struct invalidate_call),
		.maxactive = 256,
	},
	{
		.kp.symbol_name = "__mmu_notifier_release",
		.entry_handler = enter_release,
		.handler = leave_release,
		.data_size = sizeof(unsigned long),
		.maxactive = 64,
	},
	{
		/*
		 * hmm_range_fault() calls this function once.  hmm_range_fault_unlocked_timeout()
		 * calls it again after an invalidation, and each attempt has to count as a lookup.
		 */
		.kp.symbol_name = "hmm_range_fault_locked",
		.entry_handler = enter_lookup,
		.handler = leave_lookup,
		.data_size = sizeof(struct lookup_call),
		.maxactive = 256,
	},
	{
		.kp.symbol_name = "hmm_dma_map_pfn",
		.entry_handler = enter_map,
		.handler = leave_map,
		.data_size = sizeof(struct map_call),
		.maxactive = 64,
	},
};

static struct kprobe entries[] = {
	{
		.symbol_name = "__mmu_notifier_invalidate_range_end",
		.pre_handler = enter_invalidate_end,
	},
	{
		.symbol_name = "hmm_dma_unmap_pfn",
		.pre_handler = enter_unmap,
	},
	{
		.symbol_name = "hmm_dma_map_free",
		.pre_handler = enter_map_free,
	},
};

static void remove(size_t num_entries, size_t num_returns)
{
	while (num_returns--)
		unregister_kretprobe(&returns[num_returns]);
	while (num_entries--)
		unregister_kprobe(&entries[num_entries]);
}

static int failed(const char *symbol, int err)
{
	pr_err("vgpu_oracle: %s: %d\n", symbol, err);
	return err;
}

/*
 * Register the probes of ends before those of beginnings.  If the module has not seen the beginning
 * of an invalidation, it ignores the end.  But if it missed an end, it would take the invalidation
 * for unfinished for ever.
 */
int lookups_watch(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		int err = register_kprobe(&entries[i]);

		if (err) {
			remove(i, 0);
			return failed(entries[i].symbol_name, err);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(returns); i++) {
		int err = register_kretprobe(&returns[i]);

		if (err) {
			remove(ARRAY_SIZE(entries), i);
			return failed(returns[i].kp.symbol_name, err);
		}
	}
	return 0;
}

void lookups_unwatch(void)
{
	remove(ARRAY_SIZE(entries), ARRAY_SIZE(returns));
}

u64 lookups_missed(void)
{
	u64 missed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(returns); i++)
		missed += returns[i].nmissed + returns[i].kp.nmissed;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		missed += entries[i].nmissed;
	return missed;
}

u64 lookups_overtaken(void)
{
	return READ_ONCE(overtaken_pages);
}

u64 lookups_forgotten(void)
{
	return READ_ONCE(invalidations.forgotten);
}
