/* SPDX-License-Identifier: MIT */
/* Tests the PM4 packets, in the KIQ's ring and in IBs of a user's VMID. */
#include <string.h>

#include "gfx9/regs_gc.h"
#include "tests/build.h"
#include "vega10_enum.h"

enum { VMID = 5, STEPS = 10000 };
#define DATA	 (FAKE_GART_BASE + 0x200000)
#define IB	 (FAKE_GART_BASE + 0x300000)
#define USER_VA	 0x10000000ull
#define USER_IB	 0x20000000ull
#define USER_GPA (FAKE_RAM_BASE + 0x400000)

static struct fake_host *ready(struct fake_queue *q)
{
	struct fake_host *f = fake_new();

	fake_kiq(f, q);
	return f;
}

static void go(struct fake_host *f, struct fake_queue *q)
{
	fake_ring_doorbell(f, q);
	fake_run(f, STEPS);
}

static uint32_t *data(struct fake_host *f)
{
	return fake_gart(f, DATA);
}

static void write_data_to_memory_and_registers(void)
{
	const uint32_t values[] = { 1, 2, 3 };
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	build_write_data(&q, DATA, values, 3);
	build_write_reg(&q, VG_ADDR(SCRATCH_REG0), 0xdeadbeef);
	go(f, &q);
	CHECK(!memcmp(data(f), values, sizeof(values)));
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(SCRATCH_REG0)) == 0xdeadbeef);
	fake_free(f);
}

static void write_data_to_one_address(void)
{
	const uint32_t body[] = {
		VG_PREP(WRITE_DATA_DST, PM4_SEL_MEMORY) | WRITE_DATA_ONE_ADDR,
		vg_lo(DATA),
		vg_hi(DATA),
		7,
		8,
		9,
	};
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	build_packet(&q, PM4_WRITE_DATA, body, VG_COUNT(body));
	go(f, &q);
	CHECK(data(f)[0] == 9 && data(f)[1] == 0);
	fake_free(f);
}

static void set_uconfig_reg(void)
{
	const uint32_t body[] = {
		VG_ADDR(SCRATCH_REG0) - PM4_UCONFIG_REG_BASE,
		42,
	};
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	build_packet(&q, PM4_SET_UCONFIG_REG, body, VG_COUNT(body));
	go(f, &q);
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(SCRATCH_REG0)) == 42);
	fake_free(f);
}

static void one_packet_a_step(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	for (unsigned int i = 0; i < 3; i++)
		build_write32(&q, DATA + 4 * i, i + 1);
	fake_ring_doorbell(f, &q);
	CHECK(data(f)[0] == 0); /* nothing happens before a step */
	CHECK(vgpu_step(f->vg));
	CHECK(data(f)[0] == 1 && data(f)[1] == 0);
	CHECK(vgpu_step(f->vg));
	CHECK(data(f)[1] == 2 && data(f)[2] == 0);
	CHECK(!vgpu_step(f->vg)); /* nothing is left to do */
	CHECK(data(f)[2] == 3);
	CHECK(!vgpu_busy(f->vg));
	fake_free(f);
}

static void nops_and_fillers_are_skipped(void)
{
	const uint32_t filler[] = {
		VG_PREP(PM4_TYPE, PM4_TYPE2),
		VG_PREP(PM4_TYPE, PM4_TYPE3) | VG_PREP(PM4_OPCODE, PM4_NOP) |
			VG_PREP(PM4_COUNT, PM4_NOP_ONE_DWORD),
		VG_PREP(PM4_TYPE, PM4_TYPE3) | VG_PREP(PM4_OPCODE, PM4_NOP) | VG_PREP(PM4_COUNT, 1),
		0x12345678,
		0x9abcdef0,
	};
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	fake_emit(&q, filler, VG_COUNT(filler));
	build_write32(&q, DATA, 5);
	go(f, &q);
	CHECK(data(f)[0] == 5);
	fake_free(f);
}

static void the_ring_wraps_inside_a_packet(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	for (unsigned int i = 0; i < 500; i++) {
		build_write32(&q, DATA, i);
		go(f, &q);
		CHECK(data(f)[0] == i);
	}
	CHECK(q.wptr > 4 * q.dwords);
	fake_free(f);
}

static void a_packet_is_not_run_before_all_of_it_is_there(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);
	uint64_t full;

	build_write32(&q, DATA, 1);
	full = q.wptr;
	q.wptr = 2;
	go(f, &q);
	CHECK(data(f)[0] == 0 && vgpu_waiting(f->vg));
	q.wptr = full;
	go(f, &q);
	CHECK(data(f)[0] == 1);
	fake_free(f);
}

static void copy_data_moves_32_and_64_bits(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);
	struct pm4_copy_data body = {
		.control = VG_PREP(COPY_DATA_SRC, PM4_SEL_MEMORY_GRBM) |
			   VG_PREP(COPY_DATA_DST, PM4_SEL_MEMORY),
		.src_lo = vg_lo(DATA),
		.src_hi = vg_hi(DATA),
		.dst_lo = vg_lo(DATA + 16),
		.dst_hi = vg_hi(DATA + 16),
	};

	data(f)[0] = 0x11;
	data(f)[1] = 0x22;
	build_packet(&q, PM4_COPY_DATA, &body, PM4_DWORDS(body));
	go(f, &q);
	CHECK(data(f)[4] == 0x11 && data(f)[5] == 0);
	body.control |= COPY_DATA_64BIT;
	build_packet(&q, PM4_COPY_DATA, &body, PM4_DWORDS(body));
	go(f, &q);
	CHECK(data(f)[5] == 0x22);
	body.control = VG_PREP(COPY_DATA_SRC, PM4_SEL_CLOCK) |
		       VG_PREP(COPY_DATA_DST, PM4_SEL_MEMORY) | COPY_DATA_64BIT;
	build_packet(&q, PM4_COPY_DATA, &body, PM4_DWORDS(body));
	go(f, &q);
	CHECK(data(f)[4] != 0x11);
	fake_free(f);
}

static void dma_data_copies_in_slices(void)
{
	enum { BYTES = 3 * 4096 + 100 };
	struct fake_queue q;
	struct fake_host *f = ready(&q);
	uint8_t *src = (uint8_t *)data(f), *dst = src + 0x10000;

	for (unsigned int i = 0; i < BYTES; i++)
		src[i] = i * 7;
	build_dma(&q, DATA + 0x10000, DATA, BYTES);
	fake_ring_doorbell(f, &q);
	CHECK(vgpu_step(f->vg));
	CHECK(!memcmp(src, dst, 4096));
	CHECK(dst[4096] == 0); /* the first slice ends here, so that other queues can run */
	CHECK(fake_run(f, STEPS) == 3);
	CHECK(!memcmp(src, dst, BYTES));
	CHECK(dst[BYTES] == 0);
	CHECK(fake_log_count(f, "op=DMA_DATA") == 1);
	fake_free(f);
}

static void dma_data_fills(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);
	const struct pm4_dma_data body = {
		.control = VG_PREP(DMA_DATA_SRC, PM4_DMA_DATA_SRC),
		.src_lo = 0xabcdabcd,
		.dst_lo = vg_lo(DATA),
		.dst_hi = vg_hi(DATA),
		.command = VG_PREP(DMA_DATA_BYTES, 8192),
	};

	build_packet(&q, PM4_DMA_DATA, &body, PM4_DWORDS(body));
	go(f, &q);
	CHECK(data(f)[0] == 0xabcdabcd && data(f)[2047] == 0xabcdabcd);
	CHECK(data(f)[2048] == 0);
	fake_free(f);
}

static void wait_reg_mem_waits(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	build_wait_mem(&q, DATA, PM4_WAIT_GREATER_EQUAL, 3);
	build_write32(&q, DATA + 4, 1);
	go(f, &q);
	CHECK(vgpu_busy(f->vg) && vgpu_waiting(f->vg));
	CHECK(data(f)[1] == 0);
	data(f)[0] = 2;
	for (unsigned int i = 0; i < 10; i++)
		vgpu_step(f->vg);
	CHECK(data(f)[1] == 0);
	data(f)[0] = 3;
	for (unsigned int i = 0; i < 2; i++)
		vgpu_step(f->vg);
	CHECK(data(f)[1] == 1);
	fake_free(f);
}

static void wait_functions_compare_as_named(void)
{
	static const struct {
		enum pm4_wait_function function;
		bool below, same, above;
	} c[] = {
		{ PM4_WAIT_ALWAYS, true, true, true },
		{ PM4_WAIT_LESS, true, false, false },
		{ PM4_WAIT_LESS_EQUAL, true, true, false },
		{ PM4_WAIT_EQUAL, false, true, false },
		{ PM4_WAIT_NOT_EQUAL, true, false, true },
		{ PM4_WAIT_GREATER_EQUAL, false, true, true },
		{ PM4_WAIT_GREATER, false, false, true },
	};

	for (size_t i = 0; i < VG_COUNT(c); i++)
		for (int delta = -1; delta <= 1; delta++) {
			bool pass = delta < 0 ? c[i].below : delta ? c[i].above : c[i].same;
			struct fake_queue q;
			struct fake_host *f = ready(&q);

			data(f)[0] = 100 + delta;
			build_wait_mem(&q, DATA, c[i].function, 100);
			go(f, &q);
			CHECK(vgpu_busy(f->vg) == !pass);
			fake_free(f);
		}
}

/*
 * The driver flushes the TLB of the MMHUB by this packet (amdgpu_gmc_fw_reg_write_reg_wait()).  The
 * driver cuts the register numbers to 16 bits (gfx_v9_4_3.c:360-372), so the model must set bit 16
 * again.
 */
static void write_wait_reaches_the_mmhub(void)
{
	enum { CUT = 0xffff, FLUSH_VMID = 3 };
	struct fake_queue q;
	struct fake_host *f = ready(&q);
	const struct pm4_wait_reg_mem body = {
		.control = VG_PREP(WAIT_REG_MEM_FUNC, PM4_WAIT_EQUAL) |
			   VG_PREP(WAIT_REG_MEM_OPER, PM4_WRITE_WAIT),
		.addr_lo = (vg_mmhub_regs.eng_req + 17) & CUT,
		.addr_hi = (vg_mmhub_regs.eng_ack + 17) & CUT,
		.reference = VG_FIELD_PREP(VM_INVALIDATE_ENG0_REQ, PER_VMID_INVALIDATE_REQ,
					   1 << FLUSH_VMID) |
			     VG_FIELD_PREP(VM_INVALIDATE_ENG0_REQ, INVALIDATE_L2_PTES, 1) |
			     VG_FIELD_PREP(VM_INVALIDATE_ENG0_REQ, INVALIDATE_L1_PTES, 1),
		.mask = 1 << FLUSH_VMID,
	};

	build_packet(&q, PM4_WAIT_REG_MEM, &body, PM4_DWORDS(body));
	build_write32(&q, DATA, 1);
	go(f, &q);
	CHECK(fake_log_count(f, "tlb-flush hub=mmhub vmids=0x0008") == 1);
	/*
	 * The packet still waits, because the acknowledge (one bit) differs from the reference (the
	 * request).
	 */
	CHECK(data(f)[0] == 0 && vgpu_waiting(f->vg));
	fake_free(f);
}

static void atomics_do_what_their_name_says(void)
{
	static const struct {
		uint32_t op;
		uint64_t old, src, cmp, new;
	} c[] = {
		{ TC_OP_ATOMIC_ADD_32, 5, 3, 0, 8 },
		{ TC_OP_ATOMIC_SUB_RTN_32, 5, 3, 0, 2 },
		{ TC_OP_ATOMIC_SWAP_RTN_32, 5, 3, 0, 3 },
		{ TC_OP_ATOMIC_CMPSWAP_RTN_32, 5, 3, 5, 3 },
		{ TC_OP_ATOMIC_CMPSWAP_RTN_32, 5, 3, 4, 5 },
		{ TC_OP_ATOMIC_SMIN_RTN_32, 5, ~0u, 0, ~0u },
		{ TC_OP_ATOMIC_UMIN_RTN_32, 5, ~0u, 0, 5 },
		{ TC_OP_ATOMIC_SMAX_RTN_32, 5, ~0u, 0, 5 },
		{ TC_OP_ATOMIC_UMAX_RTN_32, 5, ~0u, 0, ~0u },
		{ TC_OP_ATOMIC_AND_RTN_32, 6, 3, 0, 2 },
		{ TC_OP_ATOMIC_OR_RTN_32, 6, 3, 0, 7 },
		{ TC_OP_ATOMIC_XOR_RTN_32, 6, 3, 0, 5 },
		{ TC_OP_ATOMIC_INC_RTN_32, 6, 6, 0, 0 },
		{ TC_OP_ATOMIC_DEC_RTN_32, 0, 6, 0, 6 },
		{ TC_OP_ATOMIC_ADD_RTN_64, ~0u, 1, 0, 1ull << 32 },
	};

	for (size_t i = 0; i < VG_COUNT(c); i++) {
		struct fake_queue q;
		struct fake_host *f = ready(&q);
		const struct pm4_atomic_mem body = {
			.control = VG_PREP(ATOMIC_MEM_OP, c[i].op),
			.addr_lo = vg_lo(DATA),
			.addr_hi = vg_hi(DATA),
			.src_lo = vg_lo(c[i].src),
			.src_hi = vg_hi(c[i].src),
			.cmp_lo = vg_lo(c[i].cmp),
			.cmp_hi = vg_hi(c[i].cmp),
		};

		*(uint64_t *)data(f) = c[i].old;
		build_packet(&q, PM4_ATOMIC_MEM, &body, PM4_DWORDS(body));
		go(f, &q);
		CHECK(*(uint64_t *)data(f) == c[i].new);
		fake_free(f);
	}
}

static void release_mem_writes_then_interrupts(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);

	fake_enable_ih(f, 4096);
	build_release(&q, DATA, 0x1122334455667788, PM4_DATA_LOW32, PM4_INT_NONE, 0);
	build_release(&q, DATA + 8, 0x1122334455667788, PM4_DATA_64, PM4_INT_NONE, 0);
	build_release(&q, DATA + 16, 0, PM4_DATA_CLOCK, PM4_INT_NONE, 0);
	build_release(&q, DATA + 24, 5, PM4_DATA_64, PM4_INT_AFTER_WRITE, 77);
	go(f, &q);
	CHECK(data(f)[0] == 0x55667788 && data(f)[1] == 0);
	CHECK(((uint64_t *)data(f))[1] == 0x1122334455667788);
	CHECK(((uint64_t *)data(f))[2] != 0);
	CHECK(f->irqs == 0); /* the interrupt of the pipe is disabled */
	CHECK(fake_logged(f, "eop-masked"));

	vgpu_mmio_write(f->vg, 4 * (VG_ADDR(CP_ME2_PIPE0_INT_CNTL) + q.pipe),
			VG_FIELD_PREP(CP_ME1_PIPE0_INT_CNTL, TIME_STAMP_INT_ENABLE, 1));
	build_release(&q, DATA + 24, 6, PM4_DATA_64, PM4_INT_AFTER_WRITE, 77);
	go(f, &q);
	CHECK(data(f)[6] == 6);
	CHECK(f->irqs == 1);
	CHECK(fake_iv(f, 0)[4] == 77);
	CHECK((fake_iv(f, 0)[0] >> 16 & 0xff) == (2 << 2 | 1)); /* ME2 pipe 1 */
	fake_free(f);
}

/* Set up @ib like a queue, so that the build functions can write the packets of an IB for VMID. */
static void make_user_ib(struct fake_host *f, struct fake_queue *ib)
{
	*ib = (struct fake_queue){
		.dwords = 1024,
		.mem = (uint32_t *)(f->ram + 0x500000),
	};
	fake_enable_vmid(f, VMID);
	fake_map(f, VMID, USER_IB, FAKE_RAM_BASE + 0x500000, FAKE_RW | VG_PTE_SYSTEM);
	fake_map(f, VMID, USER_VA, USER_GPA, FAKE_RW | VG_PTE_SYSTEM);
}

static void an_ib_runs_in_its_vmid(void)
{
	struct fake_queue q, ib;
	struct fake_host *f = ready(&q);

	make_user_ib(f, &ib);
	build_write32(&ib, USER_VA, 0x77);
	build_ib(&q, USER_IB, ib.wptr, VMID);
	build_write32(&q, DATA, 1); /* behind the IB the ring goes on in VMID 0 */
	go(f, &q);
	CHECK(*(uint32_t *)(f->ram + 0x400000) == 0x77);
	CHECK(data(f)[0] == 1);
	fake_free(f);
}

static void a_kernel_queue_survives_a_users_fault(void)
{
	struct fake_queue q, ib;
	struct fake_host *f = ready(&q);

	make_user_ib(f, &ib);
	build_write32(&ib, USER_VA + 0x100000, 0x77);
	build_ib(&q, USER_IB, ib.wptr, VMID);
	build_write32(&q, DATA, 1);
	go(f, &q);
	CHECK(fake_log_count(f, "fault hub=gfxhub vmid=5") == 1);
	CHECK(data(f)[0] == 1);
	fake_free(f);
}

/* The kernel's queue fetches the second dword of an IB from a page that is not there. */
static void zeros_of_the_default_page_are_no_packet(void)
{
	const uint32_t filler = 2u << 30; /* a packet of type 2 */
	struct fake_queue q, ib;
	struct fake_host *f = ready(&q);

	make_user_ib(f, &ib);
	ib.mem[VG_PAGE_SIZE / 4 - 1] = filler;
	build_ib(&q, USER_IB + VG_PAGE_SIZE - sizeof(filler), 2, VMID);
	go(f, &q);
	CHECK(fake_log_count(f, "fault hub=gfxhub vmid=5") == 1);
	CHECK(!fake_logged(f, "halt queue="));
	fake_expect_stop(f, "is no packet header, perhaps after a GPU page fault");
}

static void nested_ibs_return_to_where_they_came_from(void)
{
	struct fake_queue q, outer, inner;
	struct fake_host *f = ready(&q);

	outer = inner = (struct fake_queue){ .dwords = 256 };
	outer.mem = fake_gart(f, IB);
	inner.mem = fake_gart(f, IB + 0x1000);
	build_write32(&inner, DATA + 4, 2);
	build_write32(&outer, DATA, 1);
	build_ib(&outer, IB + 0x1000, inner.wptr, 0);
	build_write32(&outer, DATA + 8, 3);
	build_ib(&q, IB, outer.wptr, 0);
	build_write32(&q, DATA + 12, 4);
	go(f, &q);
	for (unsigned int i = 0; i < 4; i++)
		CHECK(data(f)[i] == i + 1);
	fake_free(f);
}

static void endless_nesting_stops(void)
{
	struct fake_queue q, ib;
	struct fake_host *f = ready(&q);

	ib = (struct fake_queue){ .dwords = 256, .mem = fake_gart(f, IB) };
	build_ib(&ib, IB, 4, 0); /* the IB calls itself */
	build_write32(&ib, DATA, 1);
	build_ib(&q, IB, ib.wptr, 0);
	fake_ring_doorbell(f, &q);
	fake_run(f, STEPS);
	fake_expect_stop(f, "nested too deep");
}

static void a_packet_across_the_ib_end_stops(void)
{
	struct fake_queue q, ib;
	struct fake_host *f = ready(&q);

	ib = (struct fake_queue){ .dwords = 256, .mem = fake_gart(f, IB) };
	build_write32(&ib, DATA, 1);
	build_ib(&q, IB, ib.wptr - 1, 0);
	go(f, &q);
	fake_expect_stop(f, "crosses the end");
}

static void unknown_packet_stops(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);
	uint32_t body = 0;

	build_packet(&q, 0xee, &body, 1);
	go(f, &q);
	fake_expect_stop(f, "unknown packet 0xee");
}

static void no_packet_header_stops(void)
{
	struct fake_queue q;
	struct fake_host *f = ready(&q);
	uint32_t zero = 0;

	fake_emit(&q, &zero, 1);
	go(f, &q);
	fake_expect_stop(f, "no packet header");
}

static void user_packets_get_at_no_registers(void)
{
	struct fake_queue q, ib;
	struct fake_host *f = ready(&q);

	make_user_ib(f, &ib);
	build_write_reg(&ib, VG_ADDR(SCRATCH_REG0), 1);
	build_ib(&q, USER_IB, ib.wptr, VMID);
	go(f, &q);
	fake_expect_stop(f, "accesses register");
}

static void user_packets_get_at_no_scheduling(void)
{
	struct fake_queue q, ib;
	struct fake_host *f = ready(&q);

	make_user_ib(f, &ib);
	build_invalidate(&ib, 1, true);
	build_ib(&q, USER_IB, ib.wptr, VMID);
	go(f, &q);
	fake_expect_stop(f, "INVALIDATE_TLBS from vmid");
}

int main(void)
{
	write_data_to_memory_and_registers();
	write_data_to_one_address();
	set_uconfig_reg();
	one_packet_a_step();
	nops_and_fillers_are_skipped();
	the_ring_wraps_inside_a_packet();
	a_packet_is_not_run_before_all_of_it_is_there();
	copy_data_moves_32_and_64_bits();
	dma_data_copies_in_slices();
	dma_data_fills();
	wait_reg_mem_waits();
	wait_functions_compare_as_named();
	write_wait_reaches_the_mmhub();
	atomics_do_what_their_name_says();
	release_mem_writes_then_interrupts();
	an_ib_runs_in_its_vmid();
	a_kernel_queue_survives_a_users_fault();
	zeros_of_the_default_page_are_no_packet();
	nested_ibs_return_to_where_they_came_from();
	endless_nesting_stops();
	a_packet_across_the_ib_end_stops();
	unknown_packet_stops();
	no_packet_header_stops();
	user_packets_get_at_no_registers();
	user_packets_get_at_no_scheduling();
	return 0;
}
