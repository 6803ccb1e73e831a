// SPDX-License-Identifier: MIT
/* Unit test of the ring to the page oracle: which events the module reports as missed, and when. */
#include "fake_kernel.h"
#include "reporters.h"
#include "tests/check.h"

enum { LOST = 3 };

struct pci_dev gpu;
unsigned long allocated_pages;
struct iommu_domain *iommu;
int ring_maps;
static u32 regs[VG_ORACLE_REGS_END];
static bool reading; /* the GPU reads the ring when the guest asks it to */

static struct vg_oracle_ring *ring(void)
{
	uintptr_t addr = (uintptr_t)regs[VG_ORACLE_RING_HI] << 32 | regs[VG_ORACLE_RING_LO];

	return (void *)(addr - (iommu ? iommu->shift : 0));
}

/* The registers begin at the address that pci_iomap() returns. */
static u32 *reg_at(const void *addr)
{
	uintptr_t reg = ((uintptr_t)addr - (uintptr_t)pci_iomap(NULL, 0, 0)) / 4;

	CHECK(reg < VG_ORACLE_REGS_END);
	return &regs[reg];
}

u32 readl(const void *addr)
{
	return *reg_at(addr);
}

void writel(u32 value, void *addr)
{
	*reg_at(addr) = value;
	if (reg_at(addr) == &regs[VG_ORACLE_DRAIN] && reading)
		ring()->head = ring()->tail;
}

/* The last event in the ring, if there is one that the GPU has not read. */
static const struct vg_oracle_event *last_event(void)
{
	if (ring()->head == ring()->tail)
		return NULL;
	return &ring()->event[(ring()->tail - 1) % regs[VG_ORACLE_RING_SIZE]];
}

static void tell(u64 lost, u64 count)
{
	const struct vg_oracle_event *event;

	reporters_drain();
	reporters_tell_missed(lost);
	event = last_event();
	CHECK(count ? event && event->kind == VG_ORACLE_MISSED && event->count == count : !event);
}

/* The ring has the same size whatever the size of a page, and events count pages of 4 KiB. */
static void page_size_does_not_matter(void)
{
	const size_t event = sizeof(struct vg_oracle_event);
	size_t bytes = sizeof(struct vg_oracle_ring) + regs[VG_ORACLE_RING_SIZE] * event;

	CHECK(bytes <= 256 << 10 && bytes + event > 256 << 10);
	CHECK(allocated_pages * PAGE_SIZE == 256 << 10);
	CHECK(small_pages(3) * 4096 == 3 * PAGE_SIZE);
}

static void a_report_that_does_not_fit_is_made_later(void)
{
	const struct vg_oracle_event event = { .kind = VG_ORACLE_FREE, .count = 1 };

	reading = false;
	for (u32 i = 0; i < regs[VG_ORACLE_RING_SIZE] + LOST; i++)
		say_all(&event);
	CHECK(ring()->tail - ring()->head == regs[VG_ORACLE_RING_SIZE]);
	for (unsigned int i = 0; i < 2; i++) {
		reporters_tell_missed(0);
		CHECK(last_event()->kind == VG_ORACLE_FREE);
	}
	reading = true;
	tell(0, LOST);
	tell(0, 0);
}

static void an_old_number_of_lost_events_is_ignored(void)
{
	tell(2, 2);
	tell(1, 0);
	tell(4, 2);
}

static void an_event_without_a_page_is_missed(void)
{
	miss(reporter_of(&gpu.dev));
	tell(4, 1);
	tell(4, 0);
}

/* The GPU reaches the ring by a bus address, which the module gives back at the end. */
static void the_ring_may_be_behind_an_iommu(void)
{
	const struct vg_oracle_event event = { .kind = VG_ORACLE_FREE, .count = 1 };
	struct iommu_domain domain = { .type = IOMMU_DOMAIN_DMA, .shift = 1ull << 40 };

	CHECK(!ring_maps);
	iommu = &domain;
	CHECK(!reporters_attach());
	CHECK(ring_maps == 1);
	reporters_enable(true);
	say_all(&event);
	CHECK(last_event() && last_event()->kind == VG_ORACLE_FREE);
	reporters_enable(false);
	reporters_detach();
	CHECK(!ring_maps);
	iommu = NULL;
}

/* With iommu.passthrough=1 bus addresses are physical addresses. */
static void an_iommu_that_does_not_translate_is_none(void)
{
	struct iommu_domain domain = { .type = IOMMU_DOMAIN_IDENTITY };

	iommu = &domain;
	CHECK(!reporters_attach());
	CHECK(!ring_maps);
	CHECK(!reporter_domain(reporter_of(&gpu.dev)));
	reporters_detach();
	CHECK(!ring_maps);
	domain.type = IOMMU_DOMAIN_DMA;
	CHECK(!reporters_attach());
	CHECK(reporter_domain(reporter_of(&gpu.dev)) == &domain);
	reporters_detach();
	iommu = NULL;
}

int main(void)
{
	regs[VG_ORACLE_ID] = VG_ORACLE_ID_VALUE;
	CHECK(!reporters_attach());
	reporters_enable(true);
	page_size_does_not_matter();
	a_report_that_does_not_fit_is_made_later();
	an_old_number_of_lost_events_is_ignored();
	an_event_without_a_page_is_missed();
	reporters_enable(false);
	reporters_detach();
	the_ring_may_be_behind_an_iommu();
	an_iommu_that_does_not_translate_is_none();
	return 0;
}
