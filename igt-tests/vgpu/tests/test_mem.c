/* SPDX-License-Identifier: MIT */
/* Tests memory accesses of the GPU: permissions, stale translations, bounds, page faults. */
#include <errno.h>
#include <string.h>

#include "gfx9/regs_gc.h"
#include "tests/fake_host.h"

enum { VMID = 3, CID = 5 };
#define VA     0x7f0012345000ull
#define PAGE_A (FAKE_RAM_BASE + 0x100000)
#define PAGE_B (FAKE_RAM_BASE + 0x101000)

static const struct vg_port gfx = { .hub = VG_GFXHUB, .cid = CID };
static const struct vg_port mm = { .hub = VG_MMHUB, .cid = CID };

static uint32_t *ram(struct fake_host *f, uint64_t gpa)
{
	return (uint32_t *)(f->ram + (gpa - FAKE_RAM_BASE));
}

static struct fake_host *with_page(uint64_t flags)
{
	struct fake_host *f = fake_new();

	fake_enable_vmid(f, VMID);
	fake_map(f, VMID, VA, PAGE_A, flags | VG_PTE_SYSTEM);
	*ram(f, PAGE_A) = 0xaaaaaaaa;
	*ram(f, PAGE_B) = 0xbbbbbbbb;
	return f;
}

static void a_changed_pte_is_not_seen_before_a_flush(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint32_t v;

	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v) && v == 0xaaaaaaaa);
	*fake_pte(f, VMID, VA) = PAGE_B | FAKE_RW | VG_PTE_SYSTEM;
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v) && v == 0xaaaaaaaa);
	fake_flush(f, VG_MMHUB, VMID);	    /* the other hub's */
	fake_flush(f, VG_GFXHUB, VMID + 1); /* another VMID's */
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v) && v == 0xaaaaaaaa);
	fake_flush(f, VG_GFXHUB, VMID);
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v) && v == 0xbbbbbbbb);
	fake_free(f);
}

static void a_cleared_pte_stays_usable_until_a_flush(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint32_t v;

	CHECK(!vg_mem_write32(f->vg, &gfx, VMID, VA, 1));
	*fake_pte(f, VMID, VA) = 0;
	CHECK(!vg_mem_write32(f->vg, &gfx, VMID, VA, 2));
	CHECK(*ram(f, PAGE_A) == 2);
	fake_flush(f, VG_GFXHUB, VMID);
	CHECK(vg_mem_write32(f->vg, &gfx, VMID, VA, 3) == -EFAULT);
	CHECK(vg_mem_read32(f->vg, &gfx, VMID, VA, &v) == -EFAULT);
	CHECK(*ram(f, PAGE_A) == 2);
	fake_free(f);
}

static void an_invalid_pte_is_not_cached(void)
{
	struct fake_host *f = with_page(0);
	uint32_t v;

	CHECK(vg_mem_read32(f->vg, &gfx, VMID, VA, &v) == -EFAULT);
	*fake_pte(f, VMID, VA) = PAGE_A | FAKE_RW | VG_PTE_SYSTEM;
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v) && v == 0xaaaaaaaa);
	fake_free(f);
}

static void the_hubs_have_caches_of_their_own(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint32_t v;

	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v));
	*fake_pte(f, VMID, VA) = PAGE_B | FAKE_RW | VG_PTE_SYSTEM;
	CHECK(!vg_mem_read32(f->vg, &mm, VMID, VA, &v) && v == 0xbbbbbbbb);
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v) && v == 0xaaaaaaaa);
	fake_free(f);
}

static void rights_are_checked(void)
{
	struct fake_host *f = with_page(VG_PTE_VALID | VG_PTE_READABLE);
	uint32_t v;

	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v));
	CHECK(vg_mem_write32(f->vg, &gfx, VMID, VA, 1) == -EFAULT);
	CHECK(*ram(f, PAGE_A) == 0xaaaaaaaa);
	CHECK(fake_logged(f, "access=write why=permission"));
	fake_free(f);
}

static void a_range_may_cross_pages(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint8_t in[64], out[64];

	fake_map(f, VMID, VA + VG_PAGE_SIZE, PAGE_A + 0x10000, FAKE_RW | VG_PTE_SYSTEM);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = i;
	CHECK(!vg_mem_write(f->vg, &gfx, VMID, VA + VG_PAGE_SIZE - 20, in, sizeof(in)));
	CHECK(!vg_mem_read(f->vg, &gfx, VMID, VA + VG_PAGE_SIZE - 20, out, sizeof(out)));
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK(*(uint8_t *)ram(f, PAGE_A + 0x10000) == 20);
	fake_free(f);
}

static void bytes_before_the_faulting_page_are_written(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint64_t v = ~0ull;

	CHECK(vg_mem_write(f->vg, &gfx, VMID, VA + VG_PAGE_SIZE - 4, &v, sizeof(v)) == -EFAULT);
	CHECK(ram(f, PAGE_A)[VG_PAGE_SIZE / 4 - 1] == ~0u);
	CHECK(fake_logged(f, "va=0x7f0012346000"));
	fake_free(f);
}

static void vram_and_fb_aperture_are_the_same_memory(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint64_t fb = (uint64_t)VG_FB_LOCATION_BASE << VG_FB_LOCATION_SHIFT;
	uint32_t v;

	fake_map(f, VMID, VA + VG_PAGE_SIZE, 0x8000000, FAKE_RW);
	CHECK(!vg_mem_write32(f->vg, &gfx, VMID, VA + VG_PAGE_SIZE, 77));
	CHECK(!vg_mem_read32(f->vg, &mm, 0, fb + 0x8000000, &v) && v == 77);
	fake_free(f);
}

static void prt_reads_zero_and_drops_writes(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint32_t v = 1;

	*fake_pte(f, VMID, VA) = VG_PTE_PRT;
	CHECK(!vg_mem_write32(f->vg, &gfx, VMID, VA, 5));
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v) && v == 0);
	CHECK(!fake_logged(f, "fault"));
	fake_free(f);
}

static void a_fragment_is_cached_as_a_whole(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint64_t frag = 1ull << VG_PTE_FRAG_SHIFT;
	uint64_t va = 0x400000;
	uint32_t v;

	fake_map(f, VMID, va, PAGE_A, FAKE_RW | VG_PTE_SYSTEM | frag);
	fake_map(f, VMID, va + VG_PAGE_SIZE, PAGE_B, FAKE_RW | VG_PTE_SYSTEM | frag);
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, va, &v) && v == 0xaaaaaaaa);
	*fake_pte(f, VMID, va + VG_PAGE_SIZE) = 0;
	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, va + VG_PAGE_SIZE, &v));
	CHECK(v == 0xbbbbbbbb);
	fake_free(f);
}

static uint64_t add(uint64_t old, const void *arg)
{
	return old + *(const uint64_t *)arg;
}

static void atomics_return_the_old_value(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint64_t one = 1, old;

	CHECK(!vg_mem_atomic(f->vg, &gfx, VMID, VA, 4, add, &one, &old));
	CHECK(old == 0xaaaaaaaa && *ram(f, PAGE_A) == 0xaaaaaaab);
	fake_free(f);
}

static void atomics_need_both_rights(void)
{
	struct fake_host *f = with_page(VG_PTE_VALID | VG_PTE_READABLE);
	uint64_t one = 1;

	CHECK(vg_mem_atomic(f->vg, &gfx, VMID, VA, 8, add, &one, NULL) == -EFAULT);
	CHECK(*ram(f, PAGE_A) == 0xaaaaaaaa);
	CHECK(fake_log_count(f, "access=write why=permission") == 1);
	*fake_pte(f, VMID, VA) = PAGE_A | VG_PTE_VALID | VG_PTE_WRITEABLE | VG_PTE_SYSTEM;
	fake_flush(f, VG_GFXHUB, VMID);
	CHECK(vg_mem_atomic(f->vg, &gfx, VMID, VA, 8, add, &one, NULL) == -EFAULT);
	CHECK(*ram(f, PAGE_A) == 0xaaaaaaaa);
	CHECK(fake_log_count(f, "access=read why=permission") == 1);
	CHECK(vg_mem_atomic(f->vg, &gfx, VMID, VA + VG_PAGE_SIZE, 8, add, &one, NULL) == -EFAULT);
	CHECK(fake_log_count(f, "access=read why=invalid") == 1);
	CHECK(fake_log_count(f, " fault hub=") == 3);
	fake_free(f);
}

static void a_fault_of_vmid_0_stops(void)
{
	struct fake_host *f = fake_new();
	uint32_t v;

	CHECK(vg_mem_read32(f->vg, &gfx, 0, 0x1000, &v) == -EFAULT);
	fake_expect_stop(f, "VMID 0");
}

static void a_pte_to_no_memory_stops(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint32_t v;

	fake_map(f, VMID, VA, FAKE_RAM_BASE + FAKE_RAM_SIZE, FAKE_RW | VG_PTE_SYSTEM);
	CHECK(vg_mem_read32(f->vg, &gfx, VMID, VA, &v) == -EFAULT);
	fake_expect_stop(f, "no memory");
}

static void a_pte_beyond_vram_stops(void)
{
	struct fake_host *f = with_page(FAKE_RW);
	uint32_t v;

	fake_map(f, VMID, VA, VG_VRAM_SIZE, FAKE_RW);
	CHECK(vg_mem_read32(f->vg, &gfx, VMID, VA, &v) == -EFAULT);
	fake_expect_stop(f, "VRAM address");
}

int main(void)
{
	a_changed_pte_is_not_seen_before_a_flush();
	a_cleared_pte_stays_usable_until_a_flush();
	an_invalid_pte_is_not_cached();
	the_hubs_have_caches_of_their_own();
	rights_are_checked();
	a_range_may_cross_pages();
	bytes_before_the_faulting_page_are_written();
	vram_and_fb_aperture_are_the_same_memory();
	prt_reads_zero_and_drops_writes();
	a_fragment_is_cached_as_a_whole();
	atomics_return_the_old_value();
	atomics_need_both_rights();
	a_fault_of_vmid_0_stops();
	a_pte_to_no_memory_stops();
	a_pte_beyond_vram_stops();
	return 0;
}
