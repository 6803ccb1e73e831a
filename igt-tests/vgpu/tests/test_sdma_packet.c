// SPDX-License-Identifier: MIT
/* Tests the effect of each SDMA packet. */
#include "tests/fake_sdma.h"

#include <string.h>

#include "gfx9/regs_sdma.h"
#include "vega10_enum.h"

enum { MARK = 0x600dcafe };

/*
 * Make a host with an enabled SDMA queue.  kernel_queue() enables the driver's gfx queue,
 * user_queue() a queue of a user.
 */
static struct fake_host *kernel_queue(struct fake_sdma *s)
{
	struct fake_host *f = fake_sdma_host();

	fake_sdma_init(s, f, VG_SDMA_GFX, 0);
	fake_sdma_enable(s);
	return f;
}

static struct fake_host *user_queue(struct fake_sdma *s)
{
	struct fake_host *f = fake_sdma_host();

	fake_sdma_init(s, f, VG_SDMA_RLC0, SDMA_VMID);
	fake_sdma_enable(s);
	return f;
}

#define SUBMIT(s, packet) fake_sdma_submit(s, &(packet), SDMA_DWORDS(packet))

static uint32_t *u32(struct fake_sdma *s, uint64_t va)
{
	return fake_data(s->f, va);
}

static uint64_t *u64(struct fake_sdma *s, uint64_t va)
{
	return fake_data(s->f, va);
}

static void nop_skips_as_many_dwords_as_it_says(void)
{
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA, MARK);
	const uint32_t nop[4] = {
		VG_SDMA_HEADER(VG_SDMA_NOP, 0) | VG_PREP(VG_SDMA_NOP_COUNT, 3),
		~0u,
		~0u,
		~0u,
	};
	struct fake_sdma s;
	struct fake_host *f = kernel_queue(&s);

	fake_sdma_emit(&s, nop, 4);
	SUBMIT(&s, fence);
	CHECK(*u32(&s, SDMA_DATA) == MARK);
	fake_free(f);
}

static void write_stores_every_dword_and_no_more(void)
{
	enum { N = 100 };
	struct {
		struct vg_sdma_write write;
		uint32_t data[N];
	} packet = {
		{ VG_SDMA_HEADER(VG_SDMA_WRITE, VG_SDMA_WRITE_LINEAR), vg_lo(SDMA_DATA + 0xff0),
		  vg_hi(SDMA_DATA + 0xff0), N - 1 },
		{ 0 },
	};
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);
	uint32_t *data = u32(&s, SDMA_DATA + 0xff0);

	for (uint32_t i = 0; i < N; i++)
		packet.data[i] = 0x1000 + i;
	data[-1] = data[N] = MARK;
	SUBMIT(&s, packet);
	for (uint32_t i = 0; i < N; i++)
		CHECK(data[i] == 0x1000 + i);
	CHECK(data[-1] == MARK && data[N] == MARK);
	fake_free(f);
}

static void copy_moves_every_byte_at_any_alignment(void)
{
	enum { BYTES = 3 * VG_PAGE_SIZE + 77 };
	const struct vg_sdma_copy_linear copy =
		sdma_copy(SDMA_DATA + 0x80003, SDMA_DATA + 0x1001, BYTES);
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);
	uint8_t *src = fake_data(f, SDMA_DATA + 0x1001);
	uint8_t *dst = fake_data(f, SDMA_DATA + 0x80003);

	for (int i = 0; i < BYTES; i++)
		src[i] = i * 7 + i / 256;
	dst[-1] = dst[BYTES] = 0xee;
	SUBMIT(&s, copy);
	CHECK(!memcmp(src, dst, BYTES));
	CHECK(dst[-1] == 0xee && dst[BYTES] == 0xee);
	fake_free(f);
}

static void long_copy_takes_a_step_per_page(void)
{
	enum { PAGES = 16 };
	const struct vg_sdma_copy_linear copy =
		sdma_copy(SDMA_DATA + 0x80000, SDMA_DATA, PAGES * VG_PAGE_SIZE);
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);
	uint8_t *src = fake_data(f, SDMA_DATA), *dst = fake_data(f, SDMA_DATA + 0x80000);

	memset(src, 0x5a, PAGES * VG_PAGE_SIZE);
	fake_sdma_emit(&s, &copy, SDMA_DWORDS(copy));
	fake_sdma_ring(&s);
	for (int i = 0; i < PAGES; i++) {
		CHECK(dst[i * VG_PAGE_SIZE] == 0);
		CHECK(!fake_sdma_idle(&s));
		CHECK(fake_sdma_rptr(&s) == 0);
		vgpu_step(f->vg);
		CHECK(dst[(i + 1) * VG_PAGE_SIZE - 1] == 0x5a);
	}
	CHECK(fake_sdma_idle(&s));
	fake_free(f);
}

static void fault_stops_a_copy_at_the_page(void)
{
	const struct vg_sdma_copy_linear copy =
		sdma_copy(SDMA_DATA + 0x80000, SDMA_DATA, 4 * VG_PAGE_SIZE);
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA + 0xf0000, MARK);
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);
	uint8_t *dst = fake_data(f, SDMA_DATA + 0x80000);

	memset(fake_data(f, SDMA_DATA), 0x5a, 4 * VG_PAGE_SIZE);
	fake_map(f, SDMA_VMID, SDMA_DATA + 0x82000, 0, 0);
	fake_sdma_emit(&s, &copy, SDMA_DWORDS(copy));
	SUBMIT(&s, fence);
	CHECK(dst[2 * VG_PAGE_SIZE - 1] == 0x5a);
	CHECK(dst[2 * VG_PAGE_SIZE] == 0 && dst[3 * VG_PAGE_SIZE] == 0);
	CHECK(*u32(&s, SDMA_DATA + 0xf0000) == 0);
	CHECK(fake_logged(f, "halt queue=sdma0.rlc0"));
	CHECK(!fake_sdma_idle(&s) && !vgpu_busy(f->vg));
	fake_free(f);
}

/*
 * The copy ends before the missing page of the source.  Source and destination have different
 * offsets in their pages, so the end is in the middle of a page of the destination.
 */
static void fault_while_reading_stops_a_copy_at_the_page(void)
{
	const struct vg_sdma_copy_linear copy =
		sdma_copy(SDMA_DATA + 0x80800, SDMA_DATA, 4 * VG_PAGE_SIZE);
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);
	uint8_t *dst = fake_data(f, SDMA_DATA + 0x80800);

	memset(fake_data(f, SDMA_DATA), 0x5a, 4 * VG_PAGE_SIZE);
	fake_map(f, SDMA_VMID, SDMA_DATA + 0x2000, 0, 0);
	SUBMIT(&s, copy);
	CHECK(dst[2 * VG_PAGE_SIZE - 1] == 0x5a && dst[2 * VG_PAGE_SIZE] == 0);
	CHECK(fake_logged(f, "halt queue=sdma0.rlc0"));
	fake_free(f);
}

static void read_only_page_is_not_written(void)
{
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA, MARK);
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	fake_map(f, SDMA_VMID, SDMA_DATA, FAKE_RAM_BASE + (SDMA_DATA - FAKE_GART_BASE),
		 VG_PTE_VALID | VG_PTE_SYSTEM | VG_PTE_READABLE);
	SUBMIT(&s, fence);
	CHECK(*u32(&s, SDMA_DATA) == 0);
	CHECK(fake_logged(f, "halt queue=sdma0.rlc0"));
	fake_free(f);
}

static void fill_repeats_the_pattern(void)
{
	enum { BYTES = VG_PAGE_SIZE + 10 };
	struct vg_sdma_const_fill fill = {
		VG_SDMA_HEADER(VG_SDMA_CONST_FILL, 0),
		vg_lo(SDMA_DATA + 1),
		vg_hi(SDMA_DATA + 1),
		0x44332211,
		BYTES - 1,
	};
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);
	uint8_t *dst = fake_data(f, SDMA_DATA + 1);

	SUBMIT(&s, fill);
	for (int i = 0; i < BYTES; i++)
		CHECK(dst[i] == 0x11 * (i % 4 + 1));
	CHECK(dst[BYTES] == 0 && dst[-1] == 0);

	/*
	 * When the unit is dwords, the engine fills the whole last dword, even if the count ends
	 * inside of it.
	 */
	fill.header |= VG_PREP(VG_SDMA_FILL_SIZE, 2);
	fill.dst_lo = vg_lo(SDMA_DATA + 0x4000);
	fill.count = 4;
	SUBMIT(&s, fill);
	CHECK(*u64(&s, SDMA_DATA + 0x4000) == 0x4433221144332211);
	CHECK(*u64(&s, SDMA_DATA + 0x4008) == 0);
	fake_free(f);
}

static void ptepde_generates_entries(void)
{
	enum { N = 1000 };
	const struct vg_sdma_ptepde pte = {
		VG_SDMA_HEADER(VG_SDMA_PTEPDE, VG_SDMA_PTEPDE_GEN),
		vg_lo(SDMA_DATA + 0xff8),
		vg_hi(SDMA_DATA + 0xff8),
		0x73,
		0x80000000,
		0xfffff000,
		0,
		0x1000,
		0,
		N - 1,
	};
	struct fake_sdma s;
	struct fake_host *f = kernel_queue(&s);
	uint64_t *entry = u64(&s, SDMA_DATA + 0xff8);

	SUBMIT(&s, pte);
	for (uint64_t i = 0; i < N; i++)
		CHECK(entry[i] == ((0xfffff000 + i * 0x1000) | 0x8000000000000073));
	CHECK(entry[N] == 0);
	fake_free(f);
}

static void trap_interrupts_if_enabled(void)
{
	const struct vg_sdma_trap trap = { VG_SDMA_HEADER(VG_SDMA_TRAP, 0), 0x1234567 };
	struct fake_sdma s, user;
	struct fake_host *f = kernel_queue(&s);
	const uint32_t *iv;

	fake_enable_ih(f, 4096);
	SUBMIT(&s, trap);
	CHECK(f->irqs == 0);

	fake_sdma_set(&s, VG_ADDR(SDMA_CNTL), SDMA_CNTL__TRAP_ENABLE_MASK);
	SUBMIT(&s, trap);
	CHECK(f->irqs == 1);
	iv = fake_iv(f, 0);
	CHECK((iv[0] & 0x0fffffff) == (0x08 | 224 << 8));
	CHECK(iv[4] == 0x1234567);

	fake_sdma_init(&user, f, VG_SDMA_RLC0 + 1, SDMA_VMID);
	fake_sdma_enable(&user);
	SUBMIT(&user, trap);
	CHECK(f->irqs == 2);
	iv = fake_iv(f, 1);
	CHECK((iv[0] & 0x0fffffff) == (0x08 | 224 << 8 | 3 << 16 | SDMA_VMID << 24));
	CHECK((iv[3] & 0xffff) == SDMA_PASID);
	fake_free(f);
}

static void poll_waits_until_memory_compares(void)
{
	static const struct {
		enum vg_sdma_poll_func func;
		uint32_t not, then;
	} cases[] = {
		{ VG_SDMA_POLL_LT, 10, 9 },  { VG_SDMA_POLL_LE, 11, 10 },
		{ VG_SDMA_POLL_EQ, 11, 10 }, { VG_SDMA_POLL_NE, 10, 11 },
		{ VG_SDMA_POLL_GE, 9, 10 },  { VG_SDMA_POLL_GT, 10, 11 },
	};
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	for (uint32_t i = 0; i < VG_COUNT(cases); i++) {
		const struct vg_sdma_poll_regmem poll =
			sdma_poll(SDMA_DATA, cases[i].func, 10, 0xffff);
		const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA + 8, i + 1);

		*u32(&s, SDMA_DATA) = 0xabcd0000 | cases[i].not;
		fake_sdma_emit(&s, &poll, SDMA_DWORDS(poll));
		SUBMIT(&s, fence);
		CHECK(*u32(&s, SDMA_DATA + 8) == i);
		CHECK(vgpu_busy(f->vg) && vgpu_waiting(f->vg));
		*u32(&s, SDMA_DATA) = cases[i].then;
		vgpu_step(f->vg);
		fake_run(f, 100);
		CHECK(*u32(&s, SDMA_DATA + 8) == i + 1);
	}
	fake_free(f);
}

static void poll_of_a_register_waits_for_it(void)
{
	struct vg_sdma_poll_regmem poll = sdma_poll(0, VG_SDMA_POLL_EQ, MARK, ~0u);
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA, 1);
	struct fake_sdma s;
	struct fake_host *f = kernel_queue(&s);

	poll.header &= ~VG_SDMA_POLL_MEM;
	poll.addr_lo = 4 * VG_ADDR(SDMA_GB_ADDR_CONFIG);
	fake_sdma_emit(&s, &poll, SDMA_DWORDS(poll));
	SUBMIT(&s, fence);
	CHECK(*u32(&s, SDMA_DATA) == 0);
	fake_sdma_set(&s, VG_ADDR(SDMA_GB_ADDR_CONFIG), MARK);
	vgpu_step(f->vg);
	fake_run(f, 100);
	CHECK(*u32(&s, SDMA_DATA) == 1);
	fake_free(f);
}

/* With HDP_FLUSH, POLL_REGMEM first writes the request register. */
static void hdp_flush_writes_the_request(void)
{
	struct vg_sdma_poll_regmem poll = sdma_poll(0, VG_SDMA_POLL_EQ, 4, 4);
	struct fake_sdma s;
	struct fake_host *f = kernel_queue(&s);

	poll.header = (poll.header & ~VG_SDMA_POLL_MEM) | VG_SDMA_POLL_HDP_FLUSH;
	poll.addr_lo = 4 * VG_ADDR(SDMA_GB_ADDR_CONFIG);
	poll.addr_hi = 4 * VG_ADDR(SDMA_GB_ADDR_CONFIG_READ);
	fake_sdma_set(&s, VG_ADDR(SDMA_GB_ADDR_CONFIG), 4);
	SUBMIT(&s, poll);
	CHECK(fake_sdma_get(&s, VG_ADDR(SDMA_GB_ADDR_CONFIG_READ)) == 4);
	CHECK(fake_sdma_idle(&s));
	fake_free(f);
}

static void user_queue_can_flush_hdp(void)
{
	const uint32_t packet[6] = { VG_SDMA_POLL_REGMEM, 0, 0x80000000 };
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	SUBMIT(&s, packet);
	CHECK(fake_sdma_idle(&s));
	CHECK(fake_logged(f, "hdp-flush by=sdma0.rlc0"));
	fake_free(f);
}

static void cond_exe_skips_unless_equal(void)
{
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA + 8, MARK);
	const struct vg_sdma_cond_exe cond = {
		VG_SDMA_HEADER(VG_SDMA_COND_EXE, 0),
		vg_lo(SDMA_DATA),
		vg_hi(SDMA_DATA),
		7,
		SDMA_DWORDS(fence),
	};
	const struct vg_sdma_fence after = sdma_fence(SDMA_DATA + 16, MARK);
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	for (uint32_t value = 6; value <= 7; value++) {
		*u32(&s, SDMA_DATA) = value;
		*u32(&s, SDMA_DATA + 16) = 0;
		fake_sdma_emit(&s, &cond, SDMA_DWORDS(cond));
		fake_sdma_emit(&s, &fence, SDMA_DWORDS(fence));
		SUBMIT(&s, after);
		CHECK(*u32(&s, SDMA_DATA + 8) == (value == 7 ? MARK : 0));
		CHECK(*u32(&s, SDMA_DATA + 16) == MARK);
	}
	fake_free(f);
}

static void cond_exe_skips_inside_an_ib(void)
{
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA + 8, MARK);
	const struct vg_sdma_cond_exe cond = {
		VG_SDMA_HEADER(VG_SDMA_COND_EXE, 0),
		vg_lo(SDMA_DATA),
		vg_hi(SDMA_DATA),
		7,
		SDMA_DWORDS(fence),
	};
	const struct vg_sdma_indirect ib =
		sdma_indirect(SDMA_DATA + 0x1000, SDMA_DWORDS(cond) + SDMA_DWORDS(fence), 0);
	const struct vg_sdma_fence after = sdma_fence(SDMA_DATA + 16, MARK);
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	memcpy(fake_data(f, SDMA_DATA + 0x1000), &cond, sizeof(cond));
	memcpy(fake_data(f, SDMA_DATA + 0x1000 + sizeof(cond)), &fence, sizeof(fence));
	fake_sdma_emit(&s, &ib, SDMA_DWORDS(ib));
	SUBMIT(&s, after);
	CHECK(*u32(&s, SDMA_DATA + 8) == 0);
	CHECK(*u32(&s, SDMA_DATA + 16) == MARK);
	fake_free(f);
}

static void atomics_compute(void)
{
	const uint64_t minus = -5ull;
	const struct {
		unsigned int op;
		uint64_t old, src, cmp, want;
	} cases[] = {
		{ TC_OP_ATOMIC_SWAP_RTN_64, 1, 2, 0, 2 },
		{ TC_OP_ATOMIC_CMPSWAP_64, 1, 2, 1, 2 },
		{ TC_OP_ATOMIC_CMPSWAP_RTN_64, 1, 2, 3, 1 },
		{ TC_OP_ATOMIC_ADD_RTN_64, 0xffffffff, 1, 0, 0x100000000 },
		{ TC_OP_ATOMIC_ADD_64, ~0ull, 2, 0, 1 },
		{ TC_OP_ATOMIC_SUB_64, 1, 2, 0, ~0ull },
		{ TC_OP_ATOMIC_SMIN_64, 3, minus, 0, minus },
		{ TC_OP_ATOMIC_UMIN_64, 3, minus, 0, 3 },
		{ TC_OP_ATOMIC_SMAX_64, minus, 3, 0, 3 },
		{ TC_OP_ATOMIC_UMAX_64, minus, 3, 0, minus },
		{ TC_OP_ATOMIC_AND_64, 0xf0f, 0xff, 0, 0xf },
		{ TC_OP_ATOMIC_OR_64, 0xf0f, 0xff, 0, 0xfff },
		{ TC_OP_ATOMIC_XOR_64, 0xf0f, 0xff, 0, 0xff0 },
		{ TC_OP_ATOMIC_INC_64, 4, 5, 0, 5 },
		{ TC_OP_ATOMIC_INC_64, 5, 5, 0, 0 },
		{ TC_OP_ATOMIC_DEC_64, 4, 5, 0, 3 },
		{ TC_OP_ATOMIC_DEC_64, 0, 5, 0, 5 },
		{ TC_OP_ATOMIC_DEC_64, 6, 5, 0, 5 },
		/* 32 bit operations do not change the upper half, and bit 31 is the sign. */
		{ TC_OP_ATOMIC_ADD_RTN_32, 0x7ffffffff, 1, 0, 0x700000000 },
		{ TC_OP_ATOMIC_SMIN_32, 0x900000003, 0xfffffffb, 0, 0x9fffffffb },
		{ TC_OP_ATOMIC_UMAX_32, 0x900000003, 0xfffffffb, 0, 0x9fffffffb },
		{ TC_OP_ATOMIC_CMPSWAP_32, 0x900000003, 4, 0xff00000003, 0x900000004 },
	};
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	for (size_t i = 0; i < VG_COUNT(cases); i++) {
		const struct vg_sdma_atomic atomic = {
			VG_SDMA_HEADER(VG_SDMA_ATOMIC, 0) | VG_PREP(VG_SDMA_ATOMIC_OP, cases[i].op),
			vg_lo(SDMA_DATA),
			vg_hi(SDMA_DATA),
			vg_lo(cases[i].src),
			vg_hi(cases[i].src),
			vg_lo(cases[i].cmp),
			vg_hi(cases[i].cmp),
			0,
		};

		*u64(&s, SDMA_DATA) = cases[i].old;
		SUBMIT(&s, atomic);
		CHECK(*u64(&s, SDMA_DATA) == cases[i].want);
	}
	fake_free(f);
}

static void looping_compare_and_swap_waits(void)
{
	const struct vg_sdma_atomic atomic = {
		VG_SDMA_HEADER(VG_SDMA_ATOMIC, 0) | VG_SDMA_ATOMIC_LOOP |
			VG_PREP(VG_SDMA_ATOMIC_OP, TC_OP_ATOMIC_CMPSWAP_RTN_32),
		vg_lo(SDMA_DATA),
		vg_hi(SDMA_DATA),
		2,
		0,
		1,
		0,
		100,
	};
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	SUBMIT(&s, atomic);
	CHECK(!fake_sdma_idle(&s) && vgpu_waiting(f->vg));
	*u32(&s, SDMA_DATA) = 1;
	vgpu_step(f->vg);
	CHECK(*u32(&s, SDMA_DATA) == 2);
	CHECK(fake_sdma_idle(&s));
	fake_free(f);
}

static void timestamps_do_not_go_back(void)
{
	struct fake_sdma s;
	struct fake_host *f = user_queue(&s);

	for (unsigned int i = 0; i < 4; i++) {
		uint64_t va = SDMA_DATA + 8 * i;
		const struct vg_sdma_timestamp_get get = {
			VG_SDMA_HEADER(VG_SDMA_TIMESTAMP, i % 2 ? VG_SDMA_TIMESTAMP_GET
								: VG_SDMA_TIMESTAMP_GET_GLOBAL),
			vg_lo(va),
			vg_hi(va),
		};

		SUBMIT(&s, get);
		CHECK(*u64(&s, va) > 0);
		CHECK(!i || *u64(&s, va) > *u64(&s, va - 8));
	}
	fake_free(f);
}

static void srbm_write_writes_a_register(void)
{
	const struct vg_sdma_srbm_write write = {
		VG_SDMA_HEADER(VG_SDMA_SRBM_WRITE, 0) | VG_SDMA_SRBM_BYTE_ENABLE,
		VG_ADDR(SDMA_GB_ADDR_CONFIG),
		MARK,
	};
	struct fake_sdma s;
	struct fake_host *f = kernel_queue(&s);

	SUBMIT(&s, write);
	CHECK(fake_sdma_get(&s, VG_ADDR(SDMA_GB_ADDR_CONFIG)) == MARK);
	fake_free(f);
}

static void ib_runs_in_the_vmid_it_names(void)
{
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA + 0x3000, MARK);
	const struct vg_sdma_indirect ib = sdma_indirect(SDMA_DATA, SDMA_DWORDS(fence), SDMA_VMID);
	struct fake_sdma s;
	struct fake_host *f = kernel_queue(&s);

	/* The user's address space has other pages at the addresses of the IB and of the fence. */
	fake_map(f, SDMA_VMID, SDMA_DATA, FAKE_RAM_BASE + (SDMA_DATA + 0x1000 - FAKE_GART_BASE),
		 FAKE_RW | VG_PTE_SYSTEM);
	fake_map(f, SDMA_VMID, SDMA_DATA + 0x3000,
		 FAKE_RAM_BASE + (SDMA_DATA + 0x2000 - FAKE_GART_BASE), FAKE_RW | VG_PTE_SYSTEM);
	memcpy(fake_data(f, SDMA_DATA + 0x1000), &fence, sizeof(fence));
	SUBMIT(&s, ib);
	CHECK(*u32(&s, SDMA_DATA + 0x2000) == MARK);
	CHECK(*u32(&s, SDMA_DATA + 0x3000) == 0);
	CHECK(fake_sdma_idle(&s));
	fake_free(f);
}

/* One user's IB without a page does not hang the queue that all users share. */
static void kernel_queue_goes_on_behind_an_ib_without_a_page(void)
{
	enum { IB_DWORDS = 8 };
	const struct vg_sdma_indirect ib =
		sdma_indirect(SDMA_DATA + SDMA_DATA_SIZE, IB_DWORDS, SDMA_VMID);
	const struct vg_sdma_fence fence = sdma_fence(SDMA_DATA, MARK);
	struct fake_sdma s;
	struct fake_host *f = kernel_queue(&s);

	SUBMIT(&s, ib);
	CHECK(fake_log_count(f, "fault hub=mmhub vmid=5") == IB_DWORDS); /* a dword of 0 is a NOP */
	CHECK(!fake_logged(f, "halt queue="));
	SUBMIT(&s, fence);
	CHECK(*u32(&s, SDMA_DATA) == MARK);
	CHECK(fake_sdma_idle(&s));
	fake_free(f);
}

static void what_is_not_known_stops(void)
{
	const uint64_t d = SDMA_DATA;
	const struct {
		bool user;
		const char *reason;
		uint32_t packet[10];
	} cases[] = {
		{ false, "unknown packet", { 3 } },
		{ false, "unknown packet", { 0xff } },
		{ false, "unknown packet", { VG_SDMA_HEADER(VG_SDMA_COPY, 4) } },
		{ false, "unknown packet", { VG_SDMA_HEADER(VG_SDMA_PTEPDE, 1) } },
		{ false,
		  "unknown header bits",
		  { VG_SDMA_HEADER(VG_SDMA_COPY, 0) | 1u << 27, 0, 0, vg_lo(d), 0, vg_lo(d) } },
		{ false, "COPY", { VG_SDMA_HEADER(VG_SDMA_COPY, 0), 0, 1, vg_lo(d), 0, vg_lo(d) } },
		{ false, "WRITE", { VG_SDMA_HEADER(VG_SDMA_WRITE, 0), vg_lo(d) + 2, 0, 0, 0 } },
		{ false,
		  "retry limit",
		  { VG_SDMA_POLL_REGMEM | VG_SDMA_POLL_MEM | VG_PREP(VG_SDMA_POLL_FUNC, 3),
		    vg_lo(d), 0, 1, 1, 5 << 16 } },
		{ false,
		  "unknown function",
		  { VG_SDMA_POLL_REGMEM | VG_SDMA_POLL_MEM | VG_PREP(VG_SDMA_POLL_FUNC, 7),
		    vg_lo(d), 0, 1, 1, 0xfff << 16 } },
		{ false, "unknown ATOMIC", { VG_SDMA_ATOMIC | 1u << 25, vg_lo(d) } },
		{ false,
		  "unknown ATOMIC",
		  { VG_SDMA_ATOMIC | VG_SDMA_ATOMIC_LOOP |
			    VG_PREP(VG_SDMA_ATOMIC_OP, TC_OP_ATOMIC_ADD_64),
		    vg_lo(d) } },
		{ false,
		  "SRBM_WRITE",
		  { VG_SDMA_SRBM_WRITE | 1u << 28, VG_ADDR(SDMA_GB_ADDR_CONFIG), 1 } },
		{ true,
		  "outside VMID 0",
		  { VG_SDMA_SRBM_WRITE | VG_SDMA_SRBM_BYTE_ENABLE, VG_ADDR(SDMA_GB_ADDR_CONFIG),
		    1 } },
		{ true,
		  "outside VMID 0",
		  { VG_SDMA_POLL_REGMEM | VG_PREP(VG_SDMA_POLL_FUNC, 3),
		    4 * VG_ADDR(SDMA_GB_ADDR_CONFIG), 0, 0, 0, 0xfff << 16 } },
		{ true,
		  "another VMID",
		  { VG_SDMA_INDIRECT | VG_PREP(VG_SDMA_INDIRECT_VMID, 7), vg_lo(d), 0, 4 } },
	};

	for (size_t i = 0; i < VG_COUNT(cases); i++) {
		struct fake_sdma s;
		struct fake_host *f = cases[i].user ? user_queue(&s) : kernel_queue(&s);

		fake_sdma_submit(&s, cases[i].packet, VG_COUNT(cases[i].packet));
		fake_expect_stop(f, cases[i].reason);
	}
}

int main(void)
{
	nop_skips_as_many_dwords_as_it_says();
	write_stores_every_dword_and_no_more();
	copy_moves_every_byte_at_any_alignment();
	long_copy_takes_a_step_per_page();
	fault_stops_a_copy_at_the_page();
	fault_while_reading_stops_a_copy_at_the_page();
	read_only_page_is_not_written();
	fill_repeats_the_pattern();
	ptepde_generates_entries();
	trap_interrupts_if_enabled();
	poll_waits_until_memory_compares();
	poll_of_a_register_waits_for_it();
	hdp_flush_writes_the_request();
	user_queue_can_flush_hdp();
	cond_exe_skips_unless_equal();
	cond_exe_skips_inside_an_ib();
	atomics_compute();
	looping_compare_and_swap_waits();
	timestamps_do_not_go_back();
	srbm_write_writes_a_register();
	ib_runs_in_the_vmid_it_names();
	kernel_queue_goes_on_behind_an_ib_without_a_page();
	what_is_not_known_stops();
	return 0;
}
