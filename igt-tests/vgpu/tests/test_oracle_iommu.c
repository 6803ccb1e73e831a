// SPDX-License-Identifier: MIT
/* The page oracle judges pages, also when an IOMMU translates the GPU's bus addresses. */
#include "tests/oracle.h"

/*
 * Make a host as reporting() does, whose guest has an IOMMU.  The GPU reaches PAGE_A, which is at
 * the bus address IOVA.
 */
static struct fake_host *behind_iommu(void)
{
	struct fake_host *f = fake_new();

	f->iova_shift = SHIFT;
	fake_enable_vmid(f, VMID);
	fake_map(f, VMID, VA, IOVA, FAKE_RW | VG_PTE_SYSTEM);
	enable(f);
	return f;
}

/* HMM maps a page that a process holds, and its bus address is the same each time. */
static void map_by_hmm(struct fake_host *f)
{
	HOLD_RW(f, PAGE_A);
	MAP_FOUND(f, PAGE_A);
}

static void the_page_behind_a_bus_address_is_judged(void)
{
	struct fake_host *f = behind_iommu();
	uint64_t value = 1;

	MAP_IOVA(f, PAGE_A);
	write_page(f);
	CHECK(!vg_bus_write(f->vg, IOVA, &value, sizeof(value)));
	expect_none(f);
	UNMAP_IOVA(f);
	read_page(f);
	expect(f, 1, "rule=R1 access=read vmid=3 va=0x7f0012345000 pfn=0x40100");
	fake_free(f);
}

/* The events about lookups of HMM and about freed pages name pages and not bus addresses. */
static void pages_behind_an_iommu_are_held_and_freed(void)
{
	struct fake_host *f = behind_iommu();

	HOLD_RW(f, PAGE_A);
	MAP_FOUND(f, PAGE_A);
	read_page(f);
	expect_none(f);
	LOSE(f);
	read_page(f);
	expect(f, 1, "rule=R2");
	UNMAP_RW(f, PAGE_A);
	MAP_IOVA(f, PAGE_A);
	fake_flush(f, VG_GFXHUB, VMID);
	read_page(f);
	expect(f, 1, "rule=R2");
	FREE(f, PAGE_A);
	read_page(f);
	CHECK(reg(f, VG_ORACLE_VIOLATIONS) == 2);
	fake_free(f);
}

/*
 * The guest maps a bus address to another page, and reports this before it reports that it removed
 * the old mapping.
 */
static void unmapping_a_bus_address_ends_its_oldest_mapping(void)
{
	struct fake_host *f = behind_iommu();

	MAP_IOVA(f, PAGE_B);
	MAP_IOVA(f, PAGE_A);
	UNMAP_IOVA(f);
	read_page(f);
	expect_none(f);
	MAP_IOVA(f, PAGE_B);
	UNMAP_IOVA(f);
	read_page(f);
	expect(f, 1, "rule=R1");
	UNMAP_IOVA(f);
	MAP_IOVA(f, PAGE_A);
	fake_flush(f, VG_GFXHUB, VMID);
	read_page(f);
	expect(f, 1, "rule=R1");
	fake_free(f);
}

/*
 * HMM replaces the page behind a bus address.  The driver need not flush the GPU's TLB, because the
 * translation in the TLB names the bus address.
 */
static void a_bus_address_outlives_its_page(void)
{
	struct fake_host *f = behind_iommu();

	MAP_IOVA(f, PAGE_A);
	UNMAP_IOVA(f);
	map_by_hmm(f);
	read_page(f);
	LOSE(f);
	UNMAP_RW(f, PAGE_A);
	map_by_hmm(f);
	read_page(f);
	expect_none(f);
	fake_free(f);
}

/*
 * Check that a translation in the TLB is stale, and that the new translation after a flush is not.
 */
static void expect_stale(struct fake_host *f)
{
	read_page(f);
	expect(f, 1, "rule=R3");
	fake_flush(f, VG_GFXHUB, VMID);
	read_page(f);
	expect(f, 1, "rule=R3");
}

/*
 * HMM gives the bus address back, and another BO of HMM gets the address, for a page that a process
 * holds and HMM has mapped.  A translation of the first BO in the TLB now names the page of the
 * second one.
 */
static void r3_fires_when_hmm_has_given_the_address_back(void)
{
	struct fake_host *f = behind_iommu();

	MAP_IOVA(f, PAGE_A);
	UNMAP_IOVA(f);
	map_by_hmm(f);
	read_page(f);
	expect_none(f);
	LOSE(f);
	UNMAP_RW(f, PAGE_A);
	RELEASE(f);
	map_by_hmm(f);
	expect_stale(f);
	fake_free(f);
}

static void a_release_of_endless_addresses_stops_the_model(void)
{
	struct fake_host *f = behind_iommu();

	SAY(f, RELEASE, .va = PFN(IOVA), .count = 1ull << 40);
	read_page(f);
	fake_expect_stop(f, "oracle");
}

static void r3_fires_when_the_dma_api_has_mapped_the_address_again(void)
{
	struct fake_host *f = behind_iommu();

	MAP_IOVA(f, PAGE_A);
	read_page(f);
	expect_none(f);
	UNMAP_IOVA(f);
	MAP_IOVA(f, PAGE_A);
	expect_stale(f);
	fake_free(f);
}

/* The guest may unmap a bus address that it mapped before its module was loaded. */
static void unmapping_an_unknown_bus_address_changes_nothing(void)
{
	struct fake_host *f = behind_iommu();

	UNMAP_IOVA(f);
	MAP_IOVA(f, PAGE_A);
	read_page(f);
	expect_none(f);
	fake_free(f);
}

/*
 * Without the events of the guest the oracle does not know the pages any more, so it reports a
 * violation of rule R5.
 */
static void r5_fires_once_when_the_ring_cannot_be_reached(void)
{
	struct fake_host *f = behind_iommu();

	MAP_IOVA(f, PAGE_A);
	read_page(f);
	f->hidden = RING;
	expect_none(f);
	read_page(f);
	read_page(f);
	expect(f, 1, "rule=R5 ring=unreachable");
	set_reg(f, VG_ORACLE_ENABLE, 0);
	f->hidden = 0;
	enable(f);
	f->hidden = RING;
	read_page(f);
	CHECK(fake_log_count(f, "rule=R5") == 2);
	fake_free(f);
}

/* An access that the oracle cannot judge must not pass, so the model stops. */
static void an_access_to_an_unknown_page_stops_the_model(void)
{
	struct fake_host *f = behind_iommu();
	uint32_t v;

	MAP_IOVA(f, PAGE_A);
	f->gpa_unknown = true;
	vg_mem_read32(f->vg, &gfx, VMID, VA, &v);
	fake_expect_stop(f, "access to bus address 0x8040100000, whose page is unknown");
}

static void endless_mappings_of_a_bus_address_stop_the_model(void)
{
	struct fake_host *f = behind_iommu();

	for (int i = 0; i < 17; i++)
		MAP_IOVA(f, PAGE_A);
	set_reg(f, VG_ORACLE_DRAIN, 1);
	fake_expect_stop(f, "makes no sense");
}

int main(void)
{
	the_page_behind_a_bus_address_is_judged();
	pages_behind_an_iommu_are_held_and_freed();
	unmapping_a_bus_address_ends_its_oldest_mapping();
	a_bus_address_outlives_its_page();
	r3_fires_when_hmm_has_given_the_address_back();
	a_release_of_endless_addresses_stops_the_model();
	r3_fires_when_the_dma_api_has_mapped_the_address_again();
	unmapping_an_unknown_bus_address_changes_nothing();
	r5_fires_once_when_the_ring_cannot_be_reached();
	an_access_to_an_unknown_page_stops_the_model();
	endless_mappings_of_a_bus_address_stop_the_model();
	return 0;
}
