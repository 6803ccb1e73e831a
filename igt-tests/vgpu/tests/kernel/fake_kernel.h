/* SPDX-License-Identifier: MIT */
/*
 * The functions of the kernel that reporters.c of the guest's module calls, so that a program can
 * test that file, also with larger pages (PAGE_SHIFT).  There is one PCI device.  The test defines
 * it, and its registers: readl() and writel().
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef uint32_t u32;
typedef uint64_t u64;
typedef int raw_spinlock_t;
typedef uint64_t dma_addr_t;

struct device {
	int unused;
};

struct pci_dev {
	struct device dev;
};

#define __iomem
#ifndef PAGE_SHIFT
#define PAGE_SHIFT 12
#endif
#define PAGE_SIZE				(1ul << PAGE_SHIFT)
#define GFP_KERNEL				0
#define __GFP_ZERO				0
#define PCI_VENDOR_ID_ATI			0x1002
#define PCI_ANY_ID				(~0)
#define READ_ONCE(x)				(*(const volatile __typeof__(x) *)&(x))
#define smp_store_release(p, v)			__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define raw_spin_lock_init(lock)		(*(lock) = 0)
#define raw_spin_lock_irqsave(lock, flags)	(*(lock) += 1, (flags) = 0)
#define raw_spin_unlock_irqrestore(lock, flags) (*(lock) -= 1, (void)(flags))
#define pr_info(...)				((void)0)

u32 readl(const void *addr);
void writel(u32 value, void *addr);

extern struct pci_dev gpu;

static inline struct pci_dev *pci_get_device(unsigned int vendor, unsigned int device,
					     struct pci_dev *from)
{
	return from ? NULL : &gpu;
}

static inline void pci_dev_get(struct pci_dev *pdev)
{
}

static inline void pci_dev_put(struct pci_dev *pdev)
{
}

static inline int pci_enable_device_mem(struct pci_dev *pdev)
{
	return 0;
}

static inline void pci_disable_device(struct pci_dev *pdev)
{
}

static inline uint64_t pci_resource_len(struct pci_dev *pdev, int bar)
{
	return UINT32_MAX;
}

/* Nobody accesses this address: readl() and writel() of the test only compare it. */
static inline void *pci_iomap(struct pci_dev *pdev, int bar, unsigned long max)
{
	return (void *)PAGE_SIZE;
}

static inline void pci_iounmap(struct pci_dev *pdev, void *mmio)
{
}

/* Number of pages that the last call of __get_free_pages() has allocated. */
extern unsigned long allocated_pages;

static inline unsigned int get_order(unsigned long size)
{
	unsigned int order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

static inline unsigned long __get_free_pages(int flags, unsigned int order)
{
	allocated_pages = 1ul << order;
	return (unsigned long)calloc(PAGE_SIZE, 1ul << order);
}

static inline void free_pages(unsigned long address, unsigned int order)
{
	free((void *)address);
}

static inline uint64_t virt_to_phys(const void *address)
{
	return (uintptr_t)address;
}

/*
 * Without an IOMMU the test sets @iommu to NULL.  @ring_maps counts the calls of dma_map_single()
 * that no unmapping has undone.
 */
struct iommu_domain {
	unsigned int type;
	uint64_t shift; /* bus address minus physical address */
};

extern struct iommu_domain *iommu;
extern int ring_maps;
enum { DMA_BIDIRECTIONAL };
enum { IOMMU_DOMAIN_DMA = 3, IOMMU_DOMAIN_IDENTITY = 4 };

static inline struct iommu_domain *iommu_get_domain_for_dev(struct device *dev)
{
	return iommu;
}

static inline dma_addr_t dma_map_single(struct device *dev, const void *address, size_t size,
					int direction)
{
	ring_maps++;
	return virt_to_phys(address) + iommu->shift;
}

static inline int dma_mapping_error(struct device *dev, dma_addr_t address)
{
	return 0;
}

static inline void dma_unmap_single(struct device *dev, dma_addr_t address, size_t size,
				    int direction)
{
	ring_maps--;
}

static inline u32 lower_32_bits(uint64_t value)
{
	return value;
}

static inline u32 upper_32_bits(uint64_t value)
{
	return value >> 32;
}

#endif
