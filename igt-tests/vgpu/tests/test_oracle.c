/* SPDX-License-Identifier: MIT */
/*
 * The page oracle reports a violation exactly when an access breaks one of its rules
 * (docs/oracle.md).
 */
#include <stdio.h>
#include <string.h>

#include "tests/oracle.h"

static void silent_without_a_guest_that_reports(void)
{
	struct fake_host *f = fake_new();

	CHECK(reg(f, VG_ORACLE_ID) == VG_ORACLE_ID_VALUE);
	fake_enable_vmid(f, VMID);
	fake_map(f, VMID, VA, PAGE_A, FAKE_RW | VG_PTE_SYSTEM);
	write_page(f);
	CHECK(!reg(f, VG_ORACLE_ACCESSES));
	expect(f, 0, NULL);
	fake_free(f);
}

static void r1_fires_on_a_page_never_mapped(void)
{
	struct fake_host *f = reporting();

	MAP_OWNED(f, PAGE_B);
	read_page(f);
	expect(f, 1, "rule=R1 access=read vmid=3 va=0x7f0012345000 pfn=0x40100 queue=none");
	fake_free(f);
}

static void r1_fires_after_the_last_unmap(void)
{
	struct fake_host *f = reporting();

	MAP_OWNED(f, PAGE_A);
	MAP_OWNED(f, PAGE_A);
	UNMAP_RW(f, PAGE_A);
	write_page(f);
	expect_none(f);
	UNMAP_RW(f, PAGE_A);
	write_page(f);
	expect(f, 1, "rule=R1");
	fake_free(f);
}

static void r1_does_not_fire_on_a_mapped_page(void)
{
	struct fake_host *f = reporting();

	SAY(f, MAP, .page = PFN(PAGE_A) - 1, .count = 3, .flags = VG_ORACLE_WRITE);
	read_page(f);
	write_page(f);
	expect_none(f);
	fake_free(f);
}

static void r2_fires_on_a_page_taken_back(void)
{
	struct fake_host *f = with_userptr();

	LOSE(f);
	read_page(f);
	expect(f, 1, "rule=R2");
	CHECK(fake_logged(f, "maps=1 holds=0 events=hold-rw@"));
	fake_free(f);
}

static void r2_fires_on_a_page_freed_while_mapped(void)
{
	struct fake_host *f = reporting();

	MAP_OWNED(f, PAGE_A);
	SAY(f, FREE, .page = PFN(PAGE_A) - 4, .count = 8);
	read_page(f);
	expect(f, 1, "rule=R2");
	fake_free(f);
}

static void r2_fires_after_the_address_space_is_gone(void)
{
	struct fake_host *f = with_userptr();

	SAY(f, LEAVE, .mm = OTHER_MM);
	read_page(f);
	expect_none(f);
	SAY(f, LEAVE, .mm = MM);
	read_page(f);
	expect(f, 1, "rule=R2");
	fake_free(f);
}

/*
 * An invalidation has overtaken the lookup, so the GPU must not access the pages that the lookup
 * found.
 */
static void r2_fires_when_an_overtaken_lookup_is_mapped(void)
{
	struct fake_host *f = reporting();

	HOLD_OVERTAKEN(f, PAGE_A);
	MAP_RW(f, PAGE_A);
	read_page(f);
	expect(f, 1, "rule=R2");
	CHECK(fake_logged(f, "holds=0 events=hold-rw-overtaken@"));
	HOLD_RW(f, PAGE_A); /* the driver looks up the page again */
	fake_flush(f, VG_GFXHUB, VMID);
	read_page(f);
	expect(f, 1, "rule=R2");
	fake_free(f);
}

/* The driver maps a page that a lookup found, but the kernel has freed the page since. */
static void r2_fires_when_a_lookup_is_mapped_after_the_page_was_freed(void)
{
	struct fake_host *f = reporting();

	HOLD_RW(f, PAGE_A);
	LOSE(f);
	FREE(f, PAGE_A);
	MAP_FOUND(f, PAGE_A);
	read_page(f);
	expect(f, 1, "rule=R2");
	fake_free(f);
}

/* The late report of a slow lookup does not make a page lost that a later lookup has found. */
static void r2_does_not_fire_after_an_overtaken_lookup_of_a_held_page(void)
{
	struct fake_host *f = with_userptr();

	HOLD_OVERTAKEN(f, PAGE_A);
	HOLD_OVERTAKEN(f, PAGE_B);
	write_page(f);
	expect_none(f);
	LOSE(f);
	write_page(f);
	expect(f, 1, "rule=R2");
	fake_free(f);
}

/* A page may belong to the driver already when the guest reports the lookup that found the page. */
static void r2_does_not_fire_after_an_overtaken_lookup_of_an_owned_page(void)
{
	struct fake_host *f = reporting();

	FREE(f, PAGE_A);
	MAP_OWNED(f, PAGE_A);
	HOLD_OVERTAKEN(f, PAGE_A);
	MAP_FOUND(f, PAGE_A);
	write_page(f);
	expect_none(f);
	fake_free(f);

	f = reporting(); /* the other order: the page becomes the driver's after the report */
	FREE(f, PAGE_A);
	HOLD_OVERTAKEN(f, PAGE_A);
	MAP_FOUND(f, PAGE_A);
	UNMAP_RW(f, PAGE_A);
	MAP_OWNED(f, PAGE_A);
	write_page(f);
	expect_none(f);
	fake_free(f);
}

static void pages_of_one_lookup_are_lost_one_by_one(void)
{
	struct fake_host *f = reporting();

	fake_map(f, VMID, VA + VG_PAGE_SIZE, PAGE_B, FAKE_RW | VG_PTE_SYSTEM);
	SAY(f, HOLD, .mm = MM, .va = CPU_VA - 1, .count = 3, .page = PFN(PAGE_A) - 1,
	    .flags = VG_ORACLE_WRITE);
	MAP_FOUND(f, PAGE_A);
	MAP_FOUND(f, PAGE_B);
	SAY(f, LOSE, .mm = MM, .va = CPU_VA - 1);
	SAY(f, LOSE, .mm = MM, .va = CPU_VA + 1);
	write_page(f);
	expect_none(f);
	CHECK(!vg_mem_write32(f->vg, &gfx, VMID, VA + VG_PAGE_SIZE, 1));
	expect(f, 1, "rule=R2 access=write vmid=3 va=0x7f0012346000");
	LOSE(f);
	write_page(f);
	expect(f, 2, "rule=R2");
	fake_free(f);
}

/*
 * Three lookups find the page at the same address, the last one as one of several pages.  The
 * process holds the page once, so one LOSE is enough to lose it.
 */
static void a_page_found_twice_at_an_address_is_lost_once(void)
{
	struct fake_host *f = with_userptr();

	HOLD_RW(f, PAGE_A);
	SAY(f, HOLD, .mm = MM, .va = CPU_VA - 2, .count = 4, .page = PFN(PAGE_A) - 2);
	write_page(f);
	expect_none(f);
	LOSE(f);
	write_page(f);
	expect(f, 1, "rule=R2");
	CHECK(fake_logged(f, "holds=0"));
	fake_free(f);
}

static void r2_does_not_fire_elsewhere(void)
{
	struct fake_host *f = with_userptr();

	SAY(f, LOSE, .mm = OTHER_MM, .va = CPU_VA);
	SAY(f, LOSE, .mm = MM, .va = CPU_VA - 5, .count = 5);
	SAY(f, LOSE, .mm = MM, .va = CPU_VA + 1, .count = 1000);
	FREE(f, PAGE_B);
	write_page(f);
	expect_none(f);
	fake_free(f);
}

/* The page is lost at one address, but a process, perhaps a child, holds it at another address. */
static void r2_does_not_fire_while_somebody_holds_the_page(void)
{
	struct fake_host *f = with_userptr();

	SAY(f, HOLD, .mm = OTHER_MM, .va = 1, .page = PFN(PAGE_A), .flags = VG_ORACLE_WRITE);
	LOSE(f);
	write_page(f);
	expect_none(f);
	SAY(f, LOSE, .mm = OTHER_MM, .va = 0, .count = 2);
	write_page(f);
	expect(f, 1, "rule=R2");
	fake_free(f);
}

static void r2_does_not_fire_on_a_page_that_found_a_new_use(void)
{
	struct fake_host *f = with_userptr();

	LOSE(f);
	UNMAP_RW(f, PAGE_A);
	FREE(f, PAGE_A);
	MAP_OWNED(f, PAGE_A);
	write_page(f);
	expect_none(f);
	fake_free(f);
}

static void r3_fires_on_a_translation_read_before_the_page_was_lost(void)
{
	struct fake_host *f = with_userptr();

	write_page(f);
	LOSE(f);
	HOLD_RW(f, PAGE_A);
	expect_none(f);
	write_page(f);
	expect(f, 1, "rule=R3");
	fake_flush(f, VG_MMHUB, VMID);	      /* of the other hub */
	fake_flush(f, VG_GFXHUB, OTHER_VMID); /* another VMID */
	write_page(f);
	expect(f, 2, "rule=R3");
	fake_flush(f, VG_GFXHUB, VMID);
	write_page(f);
	expect(f, 2, "rule=R3");
	fake_free(f);
}

static void r3_fires_on_a_translation_older_than_the_oracle(void)
{
	struct fake_host *f = with_userptr();

	write_page(f);
	set_reg(f, VG_ORACLE_ENABLE, 0);
	enable(f);
	MAP_OWNED(f, PAGE_A);
	UNMAP_RW(f, PAGE_A);
	MAP_OWNED(f, PAGE_A);
	write_page(f);
	expect(f, 1, "rule=R3");
	fake_free(f);
}

static void r3_does_not_fire_after_a_flush_or_without_a_loss(void)
{
	struct fake_host *f = with_userptr();

	write_page(f);
	HOLD_RW(f, PAGE_A); /* a lookup finds the page again at the same address */
	MAP_RW(f, PAGE_A);
	UNMAP_RW(f, PAGE_A);
	write_page(f);
	expect_none(f);
	LOSE(f);
	HOLD_RW(f, PAGE_A);
	fake_flush(f, VG_GFXHUB, VMID);
	write_page(f);
	expect_none(f);
	fake_free(f);
}

static void r4_fires_on_a_write_to_a_page_held_for_reading(void)
{
	struct fake_host *f = reporting();

	SAY(f, HOLD, .mm = MM, .va = CPU_VA, .page = PFN(PAGE_A));
	MAP_RW(f, PAGE_A);
	read_page(f);
	expect_none(f);
	write_page(f);
	expect(f, 1, "rule=R4 access=write");
	HOLD_RW(f, PAGE_A);
	write_page(f);
	expect(f, 1, "rule=R4");
	fake_free(f);
}

static void r4_fires_on_a_write_to_a_page_mapped_for_reading(void)
{
	struct fake_host *f = reporting();

	SAY(f, MAP, .page = PFN(PAGE_A));
	read_page(f);
	expect_none(f);
	write_page(f);
	expect(f, 1, "rule=R4");
	MAP_OWNED(f, PAGE_A);
	write_page(f);
	expect(f, 1, "rule=R4");
	fake_free(f);
}

static void r5_fires_when_the_guest_missed_events(void)
{
	struct fake_host *f = reporting();

	SAY(f, MISSED, .count = 7);
	expect(f, 1, "rule=R5 missed=7");
	fake_free(f);
}

/*
 * The oracle judges writes to bus addresses, too, which no TLB translates.  The IH can write its
 * vectors in this way.
 */
static void untranslated_writes_are_judged(void)
{
	struct fake_host *f = reporting();
	uint64_t value = 1;

	MAP_OWNED(f, PAGE_A);
	CHECK(!vg_bus_write(f->vg, PAGE_A, &value, sizeof(value)));
	expect_none(f);
	CHECK(!vg_bus_write(f->vg, PAGE_B, &value, sizeof(value)));
	expect(f, 1, "rule=R1");
	fake_free(f);
}

static void each_page_of_an_access_is_judged(void)
{
	struct fake_host *f = reporting();
	uint8_t buf[16] = { 0 };

	fake_map(f, VMID, VA + VG_PAGE_SIZE, PAGE_B, FAKE_RW | VG_PTE_SYSTEM);
	MAP_OWNED(f, PAGE_A);
	CHECK(!vg_mem_write(f->vg, &gfx, VMID, VA + VG_PAGE_SIZE - 8, buf, sizeof(buf)));
	expect(f, 1, "rule=R1 access=write vmid=3 va=0x7f0012346000");
	fake_free(f);
}

static uint64_t increment(uint64_t old, const void *arg)
{
	return old + 1;
}

/* An atomic operation reads and writes, but it is one access, and so one violation. */
static void an_atomic_is_judged_once_as_a_write(void)
{
	struct fake_host *f = with_userptr();

	CHECK(!vg_mem_atomic(f->vg, &gfx, VMID, VA, 4, increment, NULL, NULL));
	CHECK(reg(f, VG_ORACLE_ACCESSES) == 1);
	LOSE(f);
	CHECK(!vg_mem_atomic(f->vg, &gfx, VMID, VA, 4, increment, NULL, NULL));
	expect(f, 1, "rule=R2 access=write");
	CHECK(reg(f, VG_ORACLE_ACCESSES) == 2);
	fake_free(f);
}

static void a_full_ring_is_drained_by_the_register(void)
{
	struct fake_host *f = reporting();

	for (int i = 0; i < 3 * RING_SIZE; i++)
		MAP_OWNED(f, PAGE_A);
	CHECK(reg(f, VG_ORACLE_EVENTS) == 3 * RING_SIZE);
	CHECK(ring(f)->head == ring(f)->tail);
	read_page(f);
	expect_none(f);
	fake_free(f);
}

static void bad_rings_and_events_stop_the_model(void)
{
	struct fake_host *f = fake_new();

	set_reg(f, VG_ORACLE_RING_LO, 0);
	set_reg(f, VG_ORACLE_RING_SIZE, RING_SIZE);
	set_reg(f, VG_ORACLE_ENABLE, 1);
	fake_expect_stop(f, "no ring of 8 events");

	f = reporting();
	ring(f)->tail = RING_SIZE + 1;
	set_reg(f, VG_ORACLE_DRAIN, 1);
	fake_expect_stop(f, "ring of 8 events with 9 in it");

	f = reporting();
	SAY(f, MAP, .page = 1ull << 60);
	set_reg(f, VG_ORACLE_DRAIN, 1);
	fake_expect_stop(f, "makes no sense");

	f = reporting();
	SAY(f, HOLD, .mm = MM, .va = UINT64_MAX, .count = 2);
	set_reg(f, VG_ORACLE_DRAIN, 1);
	fake_expect_stop(f, "makes no sense");
}

static char last_line[512];

static void keep_line(void *arg, const char *text)
{
	unsigned int *lines = arg;

	++*lines;
	snprintf(last_line, sizeof(last_line), "%s", text);
}

static void the_verdict_comes_last(void)
{
	struct fake_host *f = fake_new();
	unsigned int lines = 0;

	vgpu_verdict(f->vg, keep_line, &lines);
	CHECK(lines == 1 && strstr(last_line, "oracle: silent"));
	fake_free(f);

	f = with_userptr();
	write_page(f);
	lines = 0;
	vgpu_verdict(f->vg, keep_line, &lines);
	CHECK(lines == 1 && strstr(last_line, "oracle: 0 violations in 1 "));
	LOSE(f);
	write_page(f);
	UNMAP_RW(f, PAGE_A);
	for (int i = 0; i < 100; i++)
		read_page(f);
	lines = 0;
	vgpu_verdict(f->vg, keep_line, &lines);
	CHECK(lines > 2 && lines < 20);
	CHECK(strstr(last_line, "oracle: 101 violations"));
	CHECK(strstr(last_line, "R1 100; R2 1"));
	fake_free(f);
}

/*
 * The trace has the violations after a mark, even if the trace has left out violations before it,
 * because they were too many.
 */
static void a_mark_separates_violations(void)
{
	struct fake_host *f = reporting();

	MAP_OWNED(f, PAGE_B);
	for (int i = 0; i < 2000; i++)
		read_page(f);
	CHECK(fake_log_count(f, "violation rule=R1") == 1000);
	CHECK(!fake_log_count(f, "mark value="));
	set_reg(f, VG_ORACLE_MARK, 7);
	CHECK(fake_log_count(f, "mark value=7") == 1);
	read_page(f);
	CHECK(fake_log_count(f, "violation rule=R1") == 1001);
	CHECK(reg(f, VG_ORACLE_VIOLATIONS) == 2001);
	fake_free(f);
}

static void a_reset_of_the_gpu_is_not_one_of_the_oracle(void)
{
	struct fake_host *f = with_userptr();
	uint64_t value = 1;

	CHECK(!vg_bus_write(f->vg, PAGE_B, &value, sizeof(value)));
	expect(f, 1, "rule=R1");
	vgpu_reset(f->vg);
	CHECK(!vg_bus_write(f->vg, PAGE_A, &value, sizeof(value)));
	expect(f, 1, "rule=R1");
	CHECK(!vg_bus_write(f->vg, PAGE_B, &value, sizeof(value)));
	expect(f, 2, "rule=R1");
	fake_free(f);
}

int main(void)
{
	silent_without_a_guest_that_reports();
	r1_fires_on_a_page_never_mapped();
	r1_fires_after_the_last_unmap();
	r1_does_not_fire_on_a_mapped_page();
	r2_fires_on_a_page_taken_back();
	r2_fires_on_a_page_freed_while_mapped();
	r2_fires_after_the_address_space_is_gone();
	r2_fires_when_an_overtaken_lookup_is_mapped();
	r2_fires_when_a_lookup_is_mapped_after_the_page_was_freed();
	r2_does_not_fire_after_an_overtaken_lookup_of_a_held_page();
	r2_does_not_fire_after_an_overtaken_lookup_of_an_owned_page();
	pages_of_one_lookup_are_lost_one_by_one();
	a_page_found_twice_at_an_address_is_lost_once();
	r2_does_not_fire_elsewhere();
	r2_does_not_fire_while_somebody_holds_the_page();
	r2_does_not_fire_on_a_page_that_found_a_new_use();
	r3_fires_on_a_translation_read_before_the_page_was_lost();
	r3_fires_on_a_translation_older_than_the_oracle();
	r3_does_not_fire_after_a_flush_or_without_a_loss();
	r4_fires_on_a_write_to_a_page_held_for_reading();
	r4_fires_on_a_write_to_a_page_mapped_for_reading();
	r5_fires_when_the_guest_missed_events();
	untranslated_writes_are_judged();
	each_page_of_an_access_is_judged();
	an_atomic_is_judged_once_as_a_write();
	a_full_ring_is_drained_by_the_register();
	bad_rings_and_events_stop_the_model();
	the_verdict_comes_last();
	a_mark_separates_violations();
	a_reset_of_the_gpu_is_not_one_of_the_oracle();
	return 0;
}
