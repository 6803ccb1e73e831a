/* SPDX-License-Identifier: MIT */
/* Tests the page walk (gfx9/walk.c) with page tables that are arrays of the test. */
#include <stdlib.h>

#include "core/bits.h"
#include "gfx9/pte.h"
#include "gfx9/walk.h"
#include "tests/check.h"

enum { ENTRIES = 512, TABLES = 8, TABLE_BYTES = ENTRIES * 8 };

/* Table n is at n * 4 KiB in VRAM, or at SYSTEM_BASE + n * 4 KiB in guest RAM. */
#define SYSTEM_BASE 0x80000000ull

struct tables {
	uint64_t entry[TABLES][ENTRIES];
	unsigned int reads, system_reads;
};

static bool read_entry(void *arg, uint64_t phys, bool system, uint64_t *entry)
{
	struct tables *t = arg;

	t->reads++;
	if (system) {
		t->system_reads++;
		if (phys < SYSTEM_BASE)
			return false;
		phys -= SYSTEM_BASE;
	}
	if (phys >= sizeof(t->entry))
		return false;
	*entry = ((uint64_t *)t->entry)[phys / 8];
	return true;
}

static uint64_t table(unsigned int n)
{
	return (uint64_t)n * TABLE_BYTES;
}

#define RW (VG_PTE_VALID | VG_PTE_READABLE | VG_PTE_WRITEABLE)

/* Four levels, as the driver sets them up: table 0 is PDB2, 1 PDB1, 2 PDB0 and 3 PTB. */
static const struct vg_vm_context four_levels = {
	.enabled = true,
	.depth = 2,
	.block_size = 9,
	.root = 0 | VG_PTE_VALID,
	.start = 0,
	.last = (1ull << 48) - 1,
};

enum { I3 = 5, I2 = 6, I1 = 7, I0 = 8 };
#define VA ((uint64_t)I3 << 39 | (uint64_t)I2 << 30 | (uint64_t)I1 << 21 | (uint64_t)I0 << 12)

static struct tables *four_level_tables(void)
{
	struct tables *t = calloc(1, sizeof(*t));

	CHECK(t);
	t->entry[0][I3] = table(1) | VG_PTE_VALID;
	t->entry[1][I2] = table(2) | VG_PTE_VALID | 9ull << VG_PDE_BFS_SHIFT;
	t->entry[2][I1] = table(3) | VG_PTE_VALID | VG_PTE_TF;
	t->entry[3][I0] = 0x123000 | RW;
	return t;
}

static enum vg_walk_status walk(struct tables *t, const struct vg_vm_context *ctx, uint64_t va,
				struct vg_translation *out)
{
	t->reads = t->system_reads = 0;
	return vg_walk(ctx, va, read_entry, t, out);
}

static void four_levels_reach_the_page(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	CHECK(walk(t, &four_levels, VA + 0xabc, &tr) == VG_WALK_OK);
	CHECK(tr.phys == 0x123abc);
	CHECK(tr.shift == 12);
	CHECK(tr.access == (VG_READ | VG_WRITE));
	CHECK(!tr.system && !tr.prt);
	CHECK(t->reads == 4);
	free(t);
}

static void upper_16_bits_of_the_address_do_not_count(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	CHECK(walk(t, &four_levels, VA | 0xffffull << 48, &tr) == VG_WALK_OK);
	CHECK(tr.phys == 0x123000);
	free(t);
}

static void pdb0_without_tf_is_a_2mib_page(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	t->entry[2][I1] = 0x40000000 | RW | VG_PTE_SYSTEM;
	CHECK(walk(t, &four_levels, VA + 0x345, &tr) == VG_WALK_OK);
	CHECK(tr.phys == 0x40000000 + I0 * 0x1000 + 0x345);
	CHECK(tr.shift == 21);
	CHECK(tr.system);
	CHECK(t->reads == 3);
	free(t);
}

static void a_large_page_may_begin_anywhere(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	t->entry[2][I1] = 0x40003000 | RW | VG_PTE_SYSTEM;
	CHECK(walk(t, &four_levels, VA + 0x345, &tr) == VG_WALK_OK);
	CHECK(tr.phys == 0x40003000 + I0 * 0x1000 + 0x345);
	free(t);
}

static void pde_as_pte_ends_the_walk_early(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	t->entry[1][I2] = RW | VG_PDE_PTE;
	CHECK(walk(t, &four_levels, VA, &tr) == VG_WALK_OK);
	CHECK(tr.shift == 30);
	CHECK(tr.phys == (VA & ((1ull << 30) - 1)));
	free(t);
}

static void fragment_widens_the_block(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	t->entry[3][I0] |= 4ull << VG_PTE_FRAG_SHIFT;
	CHECK(walk(t, &four_levels, VA, &tr) == VG_WALK_OK);
	CHECK(tr.shift == 16);
	CHECK(tr.phys == 0x123000);
	free(t);
}

static void tables_in_guest_ram_are_read_there(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	t->entry[2][I1] = (SYSTEM_BASE + table(3)) | VG_PTE_VALID | VG_PTE_TF | VG_PTE_SYSTEM;
	CHECK(walk(t, &four_levels, VA, &tr) == VG_WALK_OK);
	CHECK(t->system_reads == 1);
	CHECK(!tr.system); /* the page is in VRAM, although its table is in guest RAM */
	free(t);
}

static void invalid_entries_are_told_with_their_level(void)
{
	static const struct {
		unsigned int table, index, level;
	} at[] = {
		{ 0, I3, 2 },
		{ 1, I2, 1 },
		{ 2, I1, 0 },
		{ 3, I0, 0 },
	};

	for (size_t i = 0; i < VG_COUNT(at); i++) {
		struct tables *t = four_level_tables();
		struct vg_translation tr;

		t->entry[at[i].table][at[i].index] &= ~VG_PTE_VALID;
		CHECK(walk(t, &four_levels, VA, &tr) == VG_WALK_INVALID);
		CHECK(tr.level == at[i].level);
		free(t);
	}
}

static void prt_is_a_page_with_nothing_behind(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	t->entry[3][I0] = VG_PTE_PRT;
	CHECK(walk(t, &four_levels, VA, &tr) == VG_WALK_OK);
	CHECK(tr.prt);
	CHECK(tr.shift == 12);
	free(t);
}

static void bits_of_the_pte_are_the_rights(void)
{
	static const struct {
		uint64_t flags;
		unsigned int access;
	} c[] = {
		{ 0, 0 },
		{ VG_PTE_READABLE, VG_READ },
		{ VG_PTE_WRITEABLE, VG_WRITE },
		{ VG_PTE_EXECUTABLE | VG_PTE_READABLE, VG_READ | VG_EXECUTE },
	};

	for (size_t i = 0; i < VG_COUNT(c); i++) {
		struct tables *t = four_level_tables();
		struct vg_translation tr;

		t->entry[3][I0] = 0x123000 | VG_PTE_VALID | c[i].flags;
		CHECK(walk(t, &four_levels, VA, &tr) == VG_WALK_OK);
		CHECK(tr.access == c[i].access);
		free(t);
	}
}

static void outside_of_the_context_is_a_range_fault(void)
{
	struct tables *t = four_level_tables();
	struct vg_vm_context ctx = four_levels;
	struct vg_translation tr;

	ctx.start = VA;
	ctx.last = VA + 0xfff;
	CHECK(walk(t, &ctx, VA - 1, &tr) == VG_WALK_RANGE);
	CHECK(walk(t, &ctx, VA + 0x1000, &tr) == VG_WALK_RANGE);
	ctx.enabled = false;
	CHECK(walk(t, &ctx, VA, &tr) == VG_WALK_RANGE);
	CHECK(t->reads == 0);
	free(t);
}

static void table_outside_of_memory_is_told(void)
{
	struct tables *t = four_level_tables();
	struct vg_translation tr;

	t->entry[1][I2] = table(TABLES) | VG_PTE_VALID;
	CHECK(walk(t, &four_levels, VA, &tr) == VG_WALK_BAD_TABLE);
	free(t);
}

/* The GART: depth 0, one table with as many entries as there are pages. */
static void flat_table_has_no_limit_of_512(void)
{
	struct tables *t = calloc(1, sizeof(*t));
	const struct vg_vm_context gart = {
		.enabled = true,
		.root = table(1) | VG_PTE_VALID,
		.start = 0x100000,
		.last = 0x100000 + 1024 * 0x1000 - 1,
	};
	struct vg_translation tr;

	CHECK(t);
	t->entry[2][88] = 0x777000 | RW | VG_PTE_SYSTEM; /* 512 + 88 */
	CHECK(walk(t, &gart, 0x100000 + (512 + 88) * 0x1000 + 4, &tr) == VG_WALK_OK);
	CHECK(tr.phys == 0x777004);
	CHECK(tr.system);
	CHECK(t->reads == 1);
	free(t);
}

int main(void)
{
	four_levels_reach_the_page();
	upper_16_bits_of_the_address_do_not_count();
	pdb0_without_tf_is_a_2mib_page();
	a_large_page_may_begin_anywhere();
	pde_as_pte_ends_the_walk_early();
	fragment_widens_the_block();
	tables_in_guest_ram_are_read_there();
	invalid_entries_are_told_with_their_level();
	prt_is_a_page_with_nothing_behind();
	bits_of_the_pte_are_the_rights();
	outside_of_the_context_is_a_range_fault();
	table_outside_of_memory_is_told();
	flat_table_has_no_limit_of_512();
	return 0;
}
