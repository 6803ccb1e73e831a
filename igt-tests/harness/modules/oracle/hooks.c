// SPDX-License-Identifier: MIT
/*
 * Tells the page oracle of every simulated GPU when the kernel gives a page to the GPU or takes it
 * away (igt-tests/vgpu/oracle/protocol.h).  Load this module before amdgpu.  It is for tests only.
 *
 * The module does not rely on the driver.  It learns of pages from the DMA API's tracepoints, from
 * the results of lookups by HMM and from the page allocator, and it reports pages as lost when all
 * MMU notifiers have returned.  So a driver whose notifier does nothing, or that removes its
 * notifier too early, does not change the reports.
 */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/memblock.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/scatterlist.h>
#include <linux/tracepoint.h>

#include "hooks.h"
#include "lookups.h"
#include "reporters.h"

/*
 * One bit for each page of RAM.  The module sets a bit when a device gets the page, or when a
 * lookup finds it for a device, and clears the bit when the kernel frees the page.  The module
 * reports only frees of pages whose bit is set, because the oracle does not need the others.
 */
static unsigned long *known_pages;
static unsigned long num_pages;

void know(unsigned long pfn, unsigned long count)
{
	for (; count; pfn++, count--)
		if (pfn < num_pages)
			set_bit(pfn, known_pages);
}

/* ---- DMA mappings ---- */

static u32 write_flag(enum dma_data_direction dir)
{
	return dir == DMA_TO_DEVICE ? 0 : VG_ORACLE_WRITE;
}

/* Returns the number of pages of 1 << @shift bytes that the @size bytes at @addr touch. */
static u64 pages_at(u64 addr, size_t size, unsigned int shift)
{
	return ((addr + size - 1) >> shift) - (addr >> shift) + 1;
}

void say_pages(const struct device *dev, u32 kind, u32 flags, phys_addr_t phys, size_t size)
{
	struct reporter *r = reporter_of(dev);
	struct vg_oracle_event event = {
		.kind = kind,
		.flags = flags,
		.page = phys >> SMALL_PAGE_SHIFT,
		.count = pages_at(phys, size, SMALL_PAGE_SHIFT),
	};

	if (!r || !size)
		return;
	if (kind == VG_ORACLE_MAP)
		know(PHYS_PFN(phys), pages_at(phys, size, PAGE_SHIFT));
	say(r, &event);
}

/*
 * Returns the number of the page at the bus address @iova, or 0 if the IOMMU has no page there.  0
 * is no page's number here, because the kernel gives page 0 to no device.
 */
static u64 page_of(struct iommu_domain *domain, u64 iova)
{
	return iommu_iova_to_phys(domain, iova << SMALL_PAGE_SHIFT) >> SMALL_PAGE_SHIFT;
}

/*
 * Report that the IOMMU has pages at the bus addresses of @event.  Ask the IOMMU for the pages, and
 * report those that follow each other in one event.  If the IOMMU has no page at an address that
 * the DMA API has mapped, the module cannot report the page, so it counts the page as missed.
 */
static void say_mapped(struct reporter *r, struct vg_oracle_event event)
{
	struct iommu_domain *domain = reporter_domain(r);
	u64 end = event.va + event.count;

	for (; event.va < end; event.va += event.count) {
		event.page = page_of(domain, event.va);
		event.count = 1;
		if (!event.page) {
			miss(r);
			continue;
		}
		while (event.va + event.count < end &&
		       page_of(domain, event.va + event.count) == event.page + event.count)
			event.count++;
		know(PHYS_PFN(event.page << SMALL_PAGE_SHIFT),
		     pages_at(event.page << SMALL_PAGE_SHIFT, event.count << SMALL_PAGE_SHIFT,
			      PAGE_SHIFT));
		say(r, &event);
	}
}

/* Report that the DMA API mapped or unmapped @size bytes at the bus address @addr. */
static void say_dma(const struct device *dev, u32 kind, u32 flags, dma_addr_t addr, size_t size)
{
	struct reporter *r = reporter_of(dev);
	struct vg_oracle_event event = {
		.kind = kind,
		.flags = flags | VG_ORACLE_IOVA,
		.va = addr >> SMALL_PAGE_SHIFT,
		.count = pages_at(addr, size, SMALL_PAGE_SHIFT),
	};

	if (!r || !size)
		return;
	if (!reporter_domain(r))
		say_pages(dev, kind, flags, addr, size);
	else if (kind == VG_ORACLE_MAP)
		say_mapped(r, event);
	else
		say(r, &event);
}

/*
 * Does the call of the DMA API come from HMM?  For a GPU only HMM sets DMA_ATTR_REQUIRE_COHERENT
 * (mm/hmm.c).  hmm_dma_map_pfn() maps pages that lookups have found.  The driver may call it
 * several times for a page, and hmm_dma_unmap_pfn() calls the DMA API only if the device needs an
 * unmapping, so HMM's calls to map and to unmap do not match.  Therefore lookups.c watches these
 * two functions instead, and this file ignores their calls of the DMA API.
 */
static bool by_hmm(unsigned long attrs)
{
	return attrs & DMA_ATTR_REQUIRE_COHERENT;
}

static void map_phys(void *data, struct device *dev, phys_addr_t phys, dma_addr_t addr, size_t size,
		     enum dma_data_direction dir, unsigned long attrs)
{
	if (addr != DMA_MAPPING_ERROR && !by_hmm(attrs))
		say_dma(dev, VG_ORACLE_MAP, write_flag(dir) | VG_ORACLE_OWNED, addr, size);
}

static void unmap_phys(void *data, struct device *dev, dma_addr_t addr, size_t size,
		       enum dma_data_direction dir, unsigned long attrs)
{
	if (!by_hmm(attrs))
		say_dma(dev, VG_ORACLE_UNMAP, write_flag(dir), addr, size);
}

/* The pages of a scatterlist may belong to a process, so do not report them as OWNED. */
static void map_sg(void *data, struct device *dev, struct scatterlist *sgl, int nents, int ents,
		   enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	if (!reporter_of(dev))
		return;
	for_each_sg(sgl, sg, ents, i)
		say_dma(dev, VG_ORACLE_MAP, write_flag(dir), sg_dma_address(sg), sg_dma_len(sg));
}

/*
 * @nents is the number of entries that the caller had before the mapping.  The mapping may have
 * merged some of them.  Then the last entries have no DMA length, and say_dma() ignores them.
 */
static void unmap_sg(void *data, struct device *dev, struct scatterlist *sgl, int nents,
		     enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	if (!reporter_of(dev))
		return;
	for_each_sg(sgl, sg, nents, i)
		say_dma(dev, VG_ORACLE_UNMAP, write_flag(dir), sg_dma_address(sg), sg_dma_len(sg));
}

static void alloc(void *data, struct device *dev, void *virt, dma_addr_t addr, size_t size,
		  enum dma_data_direction dir, gfp_t gfp, unsigned long attrs)
{
	if (virt)
		say_dma(dev, VG_ORACLE_MAP, write_flag(dir) | VG_ORACLE_OWNED, addr, size);
}

static void unalloc(void *data, struct device *dev, void *virt, dma_addr_t addr, size_t size,
		    enum dma_data_direction dir, unsigned long attrs)
{
	if (virt)
		say_dma(dev, VG_ORACLE_UNMAP, write_flag(dir), addr, size);
}

static void alloc_sgt(void *data, struct device *dev, struct sg_table *sgt, size_t size,
		      enum dma_data_direction dir, gfp_t gfp, unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	if (!reporter_of(dev))
		return;
	for_each_sgtable_dma_sg(sgt, sg, i)
		say_dma(dev, VG_ORACLE_MAP, write_flag(dir) | VG_ORACLE_OWNED, sg_dma_address(sg),
			sg_dma_len(sg));
}

static void free_sgt(void *data, struct device *dev, struct sg_table *sgt, size_t size,
		     enum dma_data_direction dir)
{
	unmap_sg(data, dev, sgt->sgl, sgt->nents, dir, 0);
}

/* ---- the page allocator ---- */

static void page_free(void *data, struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page), end = pfn + (1ul << order);
	struct vg_oracle_event event = {
		.kind = VG_ORACLE_FREE,
		.page = small_pages(pfn),
		.count = small_pages(end - pfn),
	};
	unsigned long bit;

	if (end > num_pages)
		return;
	bit = order ? find_next_bit(known_pages, end, pfn)
		    : (test_bit(pfn, known_pages) ? pfn : end);
	if (bit >= end)
		return;
	for (; bit < end; bit++)
		clear_bit(bit, known_pages);
	say_all(&event);
}

static struct probe {
	const char *name;
	void *fn;
	struct tracepoint *tp;
} probes[] = {
	{ "dma_map_phys", map_phys },	{ "dma_unmap_phys", unmap_phys },
	{ "dma_map_sg", map_sg },	{ "dma_unmap_sg", unmap_sg },
	{ "dma_alloc", alloc },		{ "dma_free", unalloc },
	{ "dma_alloc_pages", alloc },	{ "dma_free_pages", unalloc },
	{ "dma_alloc_sgt", alloc_sgt }, { "dma_free_sgt", free_sgt },
	{ "mm_page_free", page_free },
};

static void match_tracepoint(struct tracepoint *tp, void *data)
{
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
}

static void remove_tracepoints(size_t count)
{
	while (count--)
		tracepoint_probe_unregister(probes[count].tp, probes[count].fn, NULL);
	tracepoint_synchronize_unregister();
}

static int add_tracepoints(void)
{
	for_each_kernel_tracepoint(match_tracepoint, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		int err = -ENOENT;

		if (probes[i].tp)
			err = tracepoint_probe_register(probes[i].tp, probes[i].fn, NULL);
		if (err) {
			pr_err("vgpu_oracle: tracepoint %s: %d\n", probes[i].name, err);
			remove_tracepoints(i);
			return err;
		}
	}
	return 0;
}

/*
 * Report how many events were lost.  The oracle counts that as a violation, because a run in which
 * it missed events would prove nothing.
 */
static void tell_missed(void)
{
	reporters_tell_missed(lookups_missed());
}

/* ---- parameters for tests: /sys/module/vgpu_oracle/parameters ---- */

static int get_count(char *buffer, const struct kernel_param *kp)
{
	/*
	 * The kernel holds the lock of the module's parameters, so set_mark() does not run
	 * meanwhile.
	 */
	tell_missed();
	return sysfs_emit(buffer, "%llu\n", reporters_sum((unsigned long)kp->arg));
}

static const struct kernel_param_ops count_ops = { .get = get_count };

module_param_cb(violations, &count_ops, (void *)VG_ORACLE_VIOLATIONS, 0444);
MODULE_PARM_DESC(violations, "accesses of the GPUs to pages that were not their own, so far");
module_param_cb(events, &count_ops, (void *)VG_ORACLE_EVENTS, 0444);
MODULE_PARM_DESC(events, "events reported so far");
module_param_cb(accesses, &count_ops, (void *)VG_ORACLE_ACCESSES, 0444);
MODULE_PARM_DESC(accesses, "accesses to guest memory judged so far");

static int set_mark(const char *text, const struct kernel_param *kp)
{
	u32 value;
	int err = kstrtou32(text, 0, &value);

	if (err)
		return err;
	tell_missed();
	reporters_mark(value);
	return 0;
}

static const struct kernel_param_ops mark_ops = { .set = set_mark };

module_param_cb(mark, &mark_ops, NULL, 0200);
MODULE_PARM_DESC(mark, "a number for the traces, behind the accesses judged so far");

/* Show a counter of lookups.c.  There is one such counter for all GPUs together. */
static int get_lookups(char *buffer, const struct kernel_param *kp)
{
	u64 (*count)(void) = kp->arg;

	return sysfs_emit(buffer, "%llu\n", count());
}

static const struct kernel_param_ops lookups_ops = { .get = get_lookups };

module_param_cb(overtaken, &lookups_ops, lookups_overtaken, 0444);
MODULE_PARM_DESC(overtaken, "pages that an invalidation took away while they were looked up");
module_param_cb(forgotten, &lookups_ops, lookups_forgotten, 0444);
MODULE_PARM_DESC(forgotten, "invalidations that lookups under way may have missed");

/* ---- */

static int on_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	tell_missed();
	reporters_drain();
	return NOTIFY_DONE;
}

static struct notifier_block reboot = { .notifier_call = on_reboot };

static int __init vgpu_oracle_init(void)
{
	int err;

	num_pages = PHYS_PFN(ALIGN(virt_to_phys(high_memory - 1) + 1, PAGE_SIZE));
	known_pages = bitmap_zalloc(num_pages, GFP_KERNEL);
	if (!known_pages)
		return -ENOMEM;
	err = reporters_attach();
	if (err)
		goto known;
	reporters_enable(true);
	err = add_tracepoints();
	if (err)
		goto disable;
	err = lookups_watch();
	if (err)
		goto tracepoints;
	register_reboot_notifier(&reboot);
	return 0;

tracepoints:
	remove_tracepoints(ARRAY_SIZE(probes));
disable:
	reporters_enable(false);
	reporters_detach();
known:
	bitmap_free(known_pages);
	return err;
}

static void __exit vgpu_oracle_exit(void)
{
	unregister_reboot_notifier(&reboot);
	lookups_unwatch();
	remove_tracepoints(ARRAY_SIZE(probes));
	tell_missed();
	reporters_enable(false);
	reporters_detach();
	bitmap_free(known_pages);
}

module_init(vgpu_oracle_init);
module_exit(vgpu_oracle_exit);

MODULE_DESCRIPTION("Reports the kernel's use of pages to the simulated GPUs");
MODULE_LICENSE("Dual MIT/GPL");
