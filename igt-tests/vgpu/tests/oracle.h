/* SPDX-License-Identifier: MIT */
/*
 * A guest that reports its pages to the page oracle (oracle/protocol.h), and checks of the oracle's
 * verdicts, for its tests.
 */
#ifndef TEST_ORACLE_H
#define TEST_ORACLE_H

#include <string.h>

#include "oracle/oracle.h"
#include "oracle/protocol.h"
#include "tests/fake_host.h"

enum {
	VMID = 3,
	OTHER_VMID = 4,
	RING_SIZE = 8,
	MM = 0x111,
	OTHER_MM = 0x333,
	CPU_VA = 0x7f000, /* pages */
};
#define VA	 0x7f0012345000ull
#define PAGE_A	 (FAKE_RAM_BASE + 0x100000)
#define PAGE_B	 (FAKE_RAM_BASE + 0x101000)
#define RING	 (FAKE_RAM_BASE + 0x200000)
#define SHIFT	 0x8000000000ull
#define IOVA	 (PAGE_A + SHIFT)
#define PFN(gpa) ((gpa) >> VG_PAGE_SHIFT)

static const struct vg_port gfx = { .hub = VG_GFXHUB };

static inline uint32_t reg(struct fake_host *f, enum vg_oracle_reg r)
{
	return vgpu_mmio_read(f->vg, 4 * r);
}

static inline void set_reg(struct fake_host *f, enum vg_oracle_reg r, uint32_t value)
{
	vgpu_mmio_write(f->vg, 4 * r, value);
}

static inline struct vg_oracle_ring *ring(struct fake_host *f)
{
	return (void *)(f->ram + (RING - FAKE_RAM_BASE));
}

static inline void enable(struct fake_host *f)
{
	memset(ring(f), 0, sizeof(*ring(f)));
	set_reg(f, VG_ORACLE_RING_LO, vg_lo(RING + f->iova_shift));
	set_reg(f, VG_ORACLE_RING_HI, vg_hi(RING + f->iova_shift));
	set_reg(f, VG_ORACLE_RING_SIZE, RING_SIZE);
	set_reg(f, VG_ORACLE_ENABLE, 1);
}

/* Report an event as the guest's module does.  An event without a count is about one page. */
static inline void say(struct fake_host *f, struct vg_oracle_event *event)
{
	struct vg_oracle_ring *r = ring(f);

	if (!event->count)
		event->count = 1;
	if (r->tail - r->head == RING_SIZE)
		set_reg(f, VG_ORACLE_DRAIN, 1);
	CHECK(r->tail - r->head < RING_SIZE);
	r->event[r->tail % RING_SIZE] = *event;
	r->tail++;
}

#define SAY(f, kind_, ...) \
	say(f, &(struct vg_oracle_event){ .kind = VG_ORACLE_##kind_, __VA_ARGS__ })
#define MAP_RW(f, gpa)	  SAY(f, MAP, .page = PFN(gpa), .flags = VG_ORACLE_WRITE)
#define MAP_OWNED(f, gpa) SAY(f, MAP, .page = PFN(gpa), .flags = VG_ORACLE_WRITE | VG_ORACLE_OWNED)
#define UNMAP_RW(f, gpa)  SAY(f, UNMAP, .page = PFN(gpa), .flags = VG_ORACLE_WRITE)
#define MAP_FOUND(f, gpa) SAY(f, MAP, .page = PFN(gpa), .flags = VG_ORACLE_WRITE | VG_ORACLE_FOUND)
#define HOLD_RW(f, gpa) \
	SAY(f, HOLD, .mm = MM, .va = CPU_VA, .page = PFN(gpa), .flags = VG_ORACLE_WRITE)
#define HOLD_OVERTAKEN(f, gpa) \
	SAY(f, HOLD, .mm = MM, .va = CPU_VA, .page = PFN(gpa), \
	    .flags = VG_ORACLE_WRITE | VG_ORACLE_OVERTAKEN)
#define MAP_IOVA(f, gpa) \
	SAY(f, MAP, .page = PFN(gpa), .va = PFN(IOVA), \
	    .flags = VG_ORACLE_WRITE | VG_ORACLE_OWNED | VG_ORACLE_IOVA)
#define UNMAP_IOVA(f) SAY(f, UNMAP, .va = PFN(IOVA), .flags = VG_ORACLE_WRITE | VG_ORACLE_IOVA)
#define RELEASE(f)    SAY(f, RELEASE, .va = PFN(IOVA))
#define FREE(f, gpa)  SAY(f, FREE, .page = PFN(gpa))
#define LOSE(f)	      SAY(f, LOSE, .mm = MM, .va = CPU_VA)

/* Make a host that maps PAGE_A at the address VA of VMID.  The guest has reported no event yet. */
static inline struct fake_host *reporting(void)
{
	struct fake_host *f = fake_new();

	fake_enable_vmid(f, VMID);
	fake_map(f, VMID, VA, PAGE_A, FAKE_RW | VG_PTE_SYSTEM);
	enable(f);
	return f;
}

/*
 * Make a host as reporting() does.  Its guest has reported that a process holds PAGE_A and that the
 * driver mapped it, as for a page of a userptr BO.
 */
static inline struct fake_host *with_userptr(void)
{
	struct fake_host *f = reporting();

	HOLD_RW(f, PAGE_A);
	MAP_RW(f, PAGE_A);
	return f;
}

static inline void read_page(struct fake_host *f)
{
	uint32_t v;

	CHECK(!vg_mem_read32(f->vg, &gfx, VMID, VA, &v));
}

static inline void write_page(struct fake_host *f)
{
	CHECK(!vg_mem_write32(f->vg, &gfx, VMID, VA, 1));
}

/* Check that there are @count violations so far, and that the trace of each contains @rule. */
static inline void expect(struct fake_host *f, unsigned int count, const char *rule)
{
	CHECK(reg(f, VG_ORACLE_VIOLATIONS) == count);
	CHECK(vgpu_violations(f->vg) == count);
	CHECK(fake_log_count(f, "violation rule=") == count);
	CHECK(!count || fake_log_count(f, rule) == count);
}

static inline void expect_none(struct fake_host *f)
{
	CHECK(reg(f, VG_ORACLE_ACCESSES) > 0);
	expect(f, 0, NULL);
}

#endif
