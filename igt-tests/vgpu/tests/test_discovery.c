// SPDX-License-Identifier: MIT
/*
 * Tests the IP discovery binary.  The test does not use the structures with which the
 * model makes the binary.  Instead it has, as numbers, the offsets and widths that
 * drivers/gpu/drm/amd/amdgpu/amdgpu_discovery.c reads.
 */
#include "gfx9/images.h"
#include "test.h"
#include "vgpu.h"

#include <stdint.h>
#include <string.h>

static uint8_t image[VG_IMAGE_MAX];
static size_t size;

static uint32_t le(size_t at, unsigned int bytes)
{
	uint32_t value = 0;

	t_assert(at + bytes <= size);
	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint32_t)image[at + i] << 8 * i;
	return value;
}

static uint16_t sum(size_t at, size_t bytes)
{
	uint16_t total = 0;

	t_assert(at + bytes <= size);
	while (bytes--)
		total += image[at++];
	return total;
}

enum {
	TABLE_IP,
	TABLE_GC,
	TABLE_HARVEST,
	NUM_TABLES = 6,
	TABLES_AT = 0x0c,
	TABLE_ENTRY = 8,
};

static size_t table_at(unsigned int table)
{
	return le(TABLES_AT + TABLE_ENTRY * table, 2);
}

static size_t table_size(unsigned int table)
{
	return le(TABLES_AT + TABLE_ENTRY * table + 4, 2);
}

static void header_and_checksums_are_right(void)
{
	t_equal(le(0, 4), 0x28211407);
	t_equal(le(4, 2), 1);
	t_equal(le(6, 2), 0);
	t_equal(le(10, 2), size);
	t_equal(le(8, 2), sum(10, size - 10));
	for (unsigned int i = 0; i < NUM_TABLES; i++) {
		uint16_t checksum = le(TABLES_AT + TABLE_ENTRY * i + 2, 2);

		t_equal(!!table_size(i), i <= TABLE_HARVEST);
		t_equal(checksum, sum(table_at(i), table_size(i)));
	}
}

static void tables_lie_one_after_the_other(void)
{
	t_equal(table_at(TABLE_IP), TABLES_AT + TABLE_ENTRY * NUM_TABLES);
	t_equal(table_at(TABLE_GC), table_at(TABLE_IP) + table_size(TABLE_IP));
	t_equal(table_at(TABLE_HARVEST), table_at(TABLE_GC) + table_size(TABLE_GC));
	t_equal(size, table_at(TABLE_HARVEST) + table_size(TABLE_HARVEST));
}

/* Find an instance of an IP block; returns the offset of its record, or 0 if it is not listed. */
static size_t find_ip(uint16_t hw_id, unsigned int instance)
{
	size_t ips = table_at(TABLE_IP), die = le(ips + 14 + 2, 2), at = die + 4;
	unsigned int count = le(die + 2, 2), found = 0;
	size_t where = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (le(at, 2) == hw_id && le(at + 2, 1) == instance) {
			where = at;
			found++;
		}
		at += 8 + 4 * le(at + 3, 1);
	}
	t_equal(at, ips + table_size(TABLE_IP));
	t_assert(found <= 1);
	return where;
}

static void there_is_one_die(void)
{
	size_t ips = table_at(TABLE_IP);

	t_equal(le(ips, 4), 0x53445049);
	t_equal(le(ips + 4, 2), 3);
	t_equal(le(ips + 6, 2), table_size(TABLE_IP));
	t_equal(le(ips + 12, 2), 1);
	t_equal(le(ips + 14, 2), 0);
	t_equal(le(le(ips + 16, 2), 2), 0);
}

static void blocks_have_their_versions_and_bases(unsigned int xccs)
{
	static const struct {
		uint16_t hw_id;
		uint8_t major, minor, revision, bases;
		uint32_t first, second;
	} expected[] = {
		{ 11, 9, 4, 3, 2, 0x2000, 0xA000 },   /* GC */
		{ 34, 1, 8, 0, 1, 0x1A000, 0 },	      /* MMHUB */
		{ 35, 1, 8, 0, 1, 0xC20, 0 },	      /* ATHUB */
		{ 40, 4, 4, 2, 1, 0x10A0, 0 },	      /* OSSSYS */
		{ 41, 4, 4, 2, 1, 0xF20, 0 },	      /* HDP */
		{ 42, 4, 4, 2, 2, 0x1260, 0x12540 },  /* SDMA0 */
		{ 46, 4, 5, 0, 1, 0x7000, 0 },	      /* DF */
		{ 255, 13, 0, 2, 1, 0x16000, 0 },     /* MP0 */
		{ 1, 13, 0, 6, 1, 0x16000, 0 },	      /* MP1 */
		{ 3, 13, 0, 2, 1, 0x16600, 0 },	      /* THM */
		{ 108, 7, 9, 0, 9, 0x0, 0x14 },	      /* NBIF */
		{ 4, 13, 0, 3, 2, 0x16800, 0x16A00 }, /* SMUIO */
		{ 150, 12, 0, 0, 1, 0x14000, 0 },     /* UMC */
	};
	size_t die = le(table_at(TABLE_IP) + 16, 2);

	t_equal(le(die + 2, 2), T_ARRAY_SIZE(expected) + 2 * (xccs - 1));
	for (size_t i = 0; i < T_ARRAY_SIZE(expected); i++) {
		size_t at = find_ip(expected[i].hw_id, 0);

		t_assert(at);
		t_equal(le(at + 3, 1), expected[i].bases);
		t_equal(le(at + 4, 1), expected[i].major);
		t_equal(le(at + 5, 1), expected[i].minor);
		t_equal(le(at + 6, 1), expected[i].revision);
		t_equal(le(at + 7, 1), 0);
		t_equal(le(at + 8, 4), expected[i].first);
		if (expected[i].bases > 1)
			t_equal(le(at + 12, 4), expected[i].second);
	}
}

/*
 * Packets have only the lower 16 bits of a register's address, so these bits must be the same on
 * both XCCs.
 */
static void second_xcc_and_its_sdma_have_their_own_bases(unsigned int xccs)
{
	size_t at = find_ip(11, 1);

	t_equal(!at, xccs == 1);
	if (!at)
		return;
	t_equal(le(at + 3, 1), 2);
	t_equal(le(at + 4, 1), 9);
	t_equal(le(at + 8, 4), 0x22000);
	t_equal(le(at + 12, 4), 0x2A000);
	at = find_ip(42, 1); /* SDMA */
	t_assert(at);
	t_equal(le(at + 8, 4), 0x21260);
	t_equal(le(at + 12, 4), 0x32540);
}

/*
 * Display (DMU) and video (VCN, which includes JPEG) are not modelled, so the driver must not find
 * them.  The driver would take SDMA1 for another kind of engine, because the second SDMA engine is
 * instance 1 of SDMA0.
 */
static void blocks_without_a_model_are_absent(void)
{
	static const uint16_t absent[] = { 12 /* VCN */, 271 /* DMU */, 43 /* SDMA1 */ };

	for (size_t i = 0; i < T_ARRAY_SIZE(absent); i++)
		t_equal(find_ip(absent[i], 0), 0);
}

static void gc_table_has_forty_cus_in_four_engines(void)
{
	size_t gc = table_at(TABLE_GC);

	t_equal(le(gc, 4), 0x4347);
	t_equal(le(gc + 4, 2), 2);
	t_equal(le(gc + 6, 2), 1);
	t_equal(le(gc + 8, 4), table_size(TABLE_GC));
	t_equal(table_size(TABLE_GC), 12 + 24 * 4);
	t_equal(le(gc + 12, 4), 4);		/* num_se */
	t_equal(le(gc + 16, 4), 10);		/* num_cu_per_sh */
	t_equal(le(gc + 20, 4), 1);		/* num_sh_per_se */
	t_equal(le(gc + 12 + 4 * 11, 4), 64);	/* wave_size */
	t_equal(le(gc + 12 + 4 * 23, 4), 4096); /* tcc_size, the last */
}

static void nothing_is_harvested(void)
{
	size_t harvest = table_at(TABLE_HARVEST);

	t_equal(table_size(TABLE_HARVEST), 8 + 32 * 4);
	t_equal(le(harvest, 4), 0x56524148);
	t_equal(sum(harvest + 4, table_size(TABLE_HARVEST) - 4), 0);
}

static void check(unsigned int xccs)
{
	const struct vg_config config = { .xccs = xccs };

	memset(image, 0, sizeof(image));
	size = vg_image_discovery(&config, image);
	t_assert(size && size <= sizeof(image));
	header_and_checksums_are_right();
	tables_lie_one_after_the_other();
	there_is_one_die();
	blocks_have_their_versions_and_bases(xccs);
	second_xcc_and_its_sdma_have_their_own_bases(xccs);
	blocks_without_a_model_are_absent();
	gc_table_has_forty_cus_in_four_engines();
	nothing_is_harvested();
}

int main(void)
{
	check(1);
	check(2);
	return 0;
}
