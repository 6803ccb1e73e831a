// SPDX-License-Identifier: MIT
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include "reporters.h"

#define MAX_GPUS     4
#define RING_BYTES   (256 << 10)
#define RING_ORDER   get_order(RING_BYTES)
#define RING_SIZE    ((RING_BYTES - sizeof(struct vg_oracle_ring)) / sizeof(struct vg_oracle_event))
#define REGISTER_BAR 5

struct reporter {
	struct pci_dev *pdev;
	void __iomem *mmio;
	struct vg_oracle_ring *ring;
	dma_addr_t ring_addr; /* bus address of @ring */
	bool ring_mapped;     /* the DMA API has mapped @ring */
	struct iommu_domain *domain;
	raw_spinlock_t lock; /* lets one CPU at a time append events and count the missed ones */
	u64 missed;	     /* number of events that did not fit into the ring or had no page */
	u64 missed_told;     /* number of lost events that the GPU knows of */
};

static struct reporter reporters[MAX_GPUS];
static unsigned int num_reporters;

static u32 read_reg(const struct reporter *r, enum vg_oracle_reg reg)
{
	return readl(r->mmio + 4 * reg);
}

static void write_reg(const struct reporter *r, enum vg_oracle_reg reg, u32 value)
{
	writel(value, r->mmio + 4 * reg);
}

struct reporter *reporter_of(const struct device *dev)
{
	for (unsigned int i = 0; i < num_reporters; i++)
		if (dev == &reporters[i].pdev->dev)
			return &reporters[i];
	return NULL;
}

struct iommu_domain *reporter_domain(const struct reporter *r)
{
	return r->domain;
}

static bool full(const struct vg_oracle_ring *ring)
{
	return ring->tail - READ_ONCE(ring->head) >= RING_SIZE;
}

/* Append an event, if there is room for it.  The caller holds the lock. */
static bool append(struct reporter *r, const struct vg_oracle_event *event)
{
	struct vg_oracle_ring *ring = r->ring;

	if (full(ring))
		write_reg(r, VG_ORACLE_DRAIN, 1);
	/*
	 * The write to the register is posted: it returns before the GPU has read the events.  A
	 * read of any register returns only when the GPU has read them.
	 */
	if (full(ring))
		read_reg(r, VG_ORACLE_ID);
	if (full(ring))
		return false;
	ring->event[ring->tail % RING_SIZE] = *event;
	smp_store_release(&ring->tail, ring->tail + 1);
	return true;
}

void say(struct reporter *r, const struct vg_oracle_event *event)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&r->lock, flags);
	if (!append(r, event))
		r->missed++;
	raw_spin_unlock_irqrestore(&r->lock, flags);
}

void miss(struct reporter *r)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&r->lock, flags);
	r->missed++;
	raw_spin_unlock_irqrestore(&r->lock, flags);
}

void say_all(const struct vg_oracle_event *event)
{
	for (unsigned int i = 0; i < num_reporters; i++)
		say(&reporters[i], event);
}

void reporters_drain(void)
{
	for (unsigned int i = 0; i < num_reporters; i++)
		write_reg(&reporters[i], VG_ORACLE_DRAIN, 1);
}

/*
 * The GPU knows of the lost events only if the report fits into the ring.  If it does not fit, a
 * later call reports them.  If another CPU has already reported a greater @lost, there is nothing
 * to report.
 */
static void tell_missed(struct reporter *r, u64 lost)
{
	struct vg_oracle_event event = { .kind = VG_ORACLE_MISSED };
	unsigned long flags;
	u64 missed;

	raw_spin_lock_irqsave(&r->lock, flags);
	missed = lost + r->missed;
	event.count = missed - r->missed_told;
	if (missed > r->missed_told && append(r, &event))
		r->missed_told = missed;
	raw_spin_unlock_irqrestore(&r->lock, flags);
}

void reporters_tell_missed(u64 lost)
{
	for (unsigned int i = 0; i < num_reporters; i++)
		tell_missed(&reporters[i], lost);
}

void reporters_mark(u32 value)
{
	for (unsigned int i = 0; i < num_reporters; i++)
		write_reg(&reporters[i], VG_ORACLE_MARK, value);
}

u64 reporters_sum(enum vg_oracle_reg reg)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < num_reporters; i++)
		sum += read_reg(&reporters[i], reg);
	return sum;
}

void reporters_enable(bool enable)
{
	for (unsigned int i = 0; i < num_reporters; i++) {
		const struct reporter *r = &reporters[i];

		write_reg(r, VG_ORACLE_RING_LO, lower_32_bits(r->ring_addr));
		write_reg(r, VG_ORACLE_RING_HI, upper_32_bits(r->ring_addr));
		write_reg(r, VG_ORACLE_RING_SIZE, RING_SIZE);
		write_reg(r, VG_ORACLE_ENABLE, enable);
		if (enable)
			pr_info("vgpu_oracle: reporting pages of %s\n", pci_name(r->pdev));
	}
}

static void unmap(struct reporter *r)
{
	pci_iounmap(r->pdev, r->mmio);
	pci_disable_device(r->pdev);
}

/*
 * Returns the page tables that translate the GPU's bus addresses, or NULL.  An IOMMU that passes
 * addresses through (iommu.passthrough=1) has a domain, too, so look at the domain's type.
 */
static struct iommu_domain *translating_domain(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type != IOMMU_DOMAIN_IDENTITY ? domain : NULL;
}

/*
 * Get the bus address of the ring.  Call the DMA API only if an IOMMU translates.  Otherwise the
 * GPU and this module share the ring as it is, and the DMA API might give the GPU a copy.
 */
static int map_ring(struct reporter *r)
{
	int err;

	r->domain = translating_domain(&r->pdev->dev);
	r->ring_addr = virt_to_phys(r->ring);
	if (!r->domain)
		return 0;
	r->ring_addr =
		dma_map_single(&r->pdev->dev, r->ring, PAGE_SIZE << RING_ORDER, DMA_BIDIRECTIONAL);
	err = dma_mapping_error(&r->pdev->dev, r->ring_addr);
	r->ring_mapped = !err;
	return err;
}

static void unmap_ring(struct reporter *r)
{
	if (r->ring_mapped)
		dma_unmap_single(&r->pdev->dev, r->ring_addr, PAGE_SIZE << RING_ORDER,
				 DMA_BIDIRECTIONAL);
}

/* Map the device's registers.  Returns whether they belong to a page oracle; if not, unmap them. */
static bool map(struct reporter *r)
{
	if (pci_resource_len(r->pdev, REGISTER_BAR) < 4 * VG_ORACLE_REGS_END ||
	    pci_enable_device_mem(r->pdev))
		return false;
	r->mmio = pci_iomap(r->pdev, REGISTER_BAR, 0);
	if (r->mmio && read_reg(r, VG_ORACLE_ID) == VG_ORACLE_ID_VALUE)
		return true;
	unmap(r);
	return false;
}

static int add(struct pci_dev *pdev)
{
	struct reporter r = { .pdev = pdev };

	if (!map(&r))
		return 0;
	r.ring = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, RING_ORDER);
	if (!r.ring || num_reporters == MAX_GPUS || map_ring(&r)) {
		free_pages((unsigned long)r.ring, RING_ORDER);
		unmap(&r);
		return -ENOMEM;
	}
	pci_dev_get(pdev);
	raw_spin_lock_init(&r.lock);
	reporters[num_reporters++] = r;
	return 0;
}

int reporters_attach(void)
{
	struct pci_dev *pdev = NULL;
	int err;

	while ((pdev = pci_get_device(PCI_VENDOR_ID_ATI, PCI_ANY_ID, pdev))) {
		err = add(pdev);
		if (err) {
			pci_dev_put(pdev);
			reporters_detach();
			return err;
		}
	}
	return num_reporters ? 0 : -ENODEV;
}

void reporters_detach(void)
{
	while (num_reporters) {
		struct reporter *r = &reporters[--num_reporters];

		unmap_ring(r);
		free_pages((unsigned long)r->ring, RING_ORDER);
		unmap(r);
		pci_dev_put(r->pdev);
	}
}
