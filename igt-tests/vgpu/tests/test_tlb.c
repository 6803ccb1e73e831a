/* SPDX-License-Identifier: MIT */
/* Tests the TLB (core/tlb.c) alone. */
#include "core/tlb.h"
#include "tests/check.h"

enum { ALL_VMIDS = 0xffff };

static void insert(struct vg_tlb *tlb, unsigned int vmid, uint64_t va, unsigned int shift,
		   uint64_t phys)
{
	const struct vg_tlb_entry e = {
		.block = va >> shift,
		.shift = shift,
		.vmid = vmid,
		.phys = phys,
		.access = 1,
	};

	CHECK(!vg_tlb_insert(tlb, &e));
}

static void finds_by_vmid_and_block(void)
{
	struct vg_tlb *tlb = vg_tlb_new();

	insert(tlb, 3, 0x1000, 12, 0xa000);
	CHECK(vg_tlb_find(tlb, 3, 0x1fff)->phys == 0xa000);
	CHECK(!vg_tlb_find(tlb, 3, 0x2000));
	CHECK(!vg_tlb_find(tlb, 4, 0x1000));
	vg_tlb_free(tlb);
}

static void large_and_small_blocks_live_side_by_side(void)
{
	struct vg_tlb *tlb = vg_tlb_new();

	insert(tlb, 1, 0x200000, 21, 0x40000000);
	insert(tlb, 1, 0x1000, 12, 0xb000);
	insert(tlb, 1, 0x10000, 16, 0xc0000);
	CHECK(vg_tlb_find(tlb, 1, 0x3fffff)->phys == 0x40000000);
	CHECK(vg_tlb_find(tlb, 1, 0x1abc)->phys == 0xb000);
	CHECK(vg_tlb_find(tlb, 1, 0x1ffff)->phys == 0xc0000);
	CHECK(!vg_tlb_find(tlb, 1, 0x400000));
	vg_tlb_free(tlb);
}

static void nothing_is_evicted_however_many(void)
{
	enum { COUNT = 100000 };
	struct vg_tlb *tlb = vg_tlb_new();

	for (uint64_t i = 0; i < COUNT; i++)
		insert(tlb, i % 16, i << 12, 12, i << 13);
	for (uint64_t i = 0; i < COUNT; i++) {
		const struct vg_tlb_entry *e = vg_tlb_find(tlb, i % 16, i << 12);

		CHECK(e && e->phys == i << 13);
	}
	CHECK(vg_tlb_drop(tlb, ALL_VMIDS) == COUNT);
	vg_tlb_free(tlb);
}

static void drop_takes_the_named_vmids_only(void)
{
	struct vg_tlb *tlb = vg_tlb_new();

	for (unsigned int vmid = 0; vmid < 16; vmid++)
		for (uint64_t page = 0; page < 100; page++)
			insert(tlb, vmid, page << 12, 12, vmid);
	CHECK(vg_tlb_drop(tlb, 1u << 3 | 1u << 7) == 200);
	CHECK(!vg_tlb_find(tlb, 3, 0));
	CHECK(!vg_tlb_find(tlb, 7, 0x5000));
	CHECK(vg_tlb_find(tlb, 8, 0x5000)->phys == 8);
	CHECK(vg_tlb_drop(tlb, 1u << 3) == 0);
	CHECK(vg_tlb_drop(tlb, ALL_VMIDS) == 1400);
	vg_tlb_free(tlb);
}

static void a_second_insert_replaces(void)
{
	struct vg_tlb *tlb = vg_tlb_new();

	insert(tlb, 1, 0x1000, 12, 0xa000);
	insert(tlb, 1, 0x1000, 12, 0xb000);
	CHECK(vg_tlb_find(tlb, 1, 0x1000)->phys == 0xb000);
	CHECK(vg_tlb_drop(tlb, ALL_VMIDS) == 1);
	vg_tlb_free(tlb);
}

int main(void)
{
	finds_by_vmid_and_block();
	large_and_small_blocks_live_side_by_side();
	nothing_is_evicted_however_many();
	drop_takes_the_named_vmids_only();
	a_second_insert_replaces();
	return 0;
}
