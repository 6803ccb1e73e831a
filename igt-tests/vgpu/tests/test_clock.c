/* SPDX-License-Identifier: MIT */
/*
 * Tests the GPU's clock: registers, packets of every engine and interrupts show the same
 * time, and the clock runs at the rate that the driver reports.
 */
#include "gfx9/gfx9.h"
#include "tests/engine.h"
#include "tests/fake_aql.h"
#include "tests/fake_sdma.h"

enum {
	CLOCKS_PER_TICK = 100, /* 100 MHz: soc15.c:355; a tick is 1 us */
	NS_PER_CLOCK = 10,
	CAPTURE_ACCESSES = 3, /* accesses to registers for one look at the clock */
	STAMP = 0x800,	      /* offset in ENGINE_DATA or SDMA_DATA where packets store the time */
	IV_TIME = 1,	      /* this dword of an interrupt vector has the time: amdgpu_ih.c:285 */
};

/* Read the clock as gfx_v9_4_3_get_gpu_clock_counter() does (gfx_v9_4_3.c:513-515). */
static uint64_t captured(struct fake_host *f)
{
	vgpu_mmio_write(f->vg, 4 * VG_ADDR(RLC_CAPTURE_GPU_CLOCK_COUNT), 1);
	return vg_u64(vgpu_mmio_read(f->vg, 4 * VG_ADDR(RLC_GPU_CLOCK_COUNT_LSB)),
		      vgpu_mmio_read(f->vg, 4 * VG_ADDR(RLC_GPU_CLOCK_COUNT_MSB)));
}

static void use_host_clock(struct fake_host *f, uint64_t clocks)
{
	f->vg->config.real_clock = true;
	f->clock_ns = clocks * NS_PER_CLOCK;
}

static void virtual_time_is_accesses_and_steps(void)
{
	struct engine e;
	uint64_t first, time;

	engine_init(&e, 0, 0, 0);
	first = captured(e.f);
	CHECK(captured(e.f) - first == CAPTURE_ACCESSES * CLOCKS_PER_TICK);

	engine_count(&e, 5);
	time = e.f->vg->time;
	first = vg_gpu_clock(e.f->vg);
	CHECK(fake_run(e.f, ENGINE_STEPS) >= 5);
	CHECK(vg_gpu_clock(e.f->vg) - first == (e.f->vg->time - time) * CLOCKS_PER_TICK);
	fake_free(e.f);
}

/* The same calls give the same time, whatever the speed of the machine. */
static void virtual_time_is_the_same_in_every_run(void)
{
	uint64_t told[2];

	for (unsigned int i = 0; i < VG_COUNT(told); i++) {
		struct engine e;

		engine_init(&e, 7, 0, 0);
		e.f->clock_ns = i;
		engine_count(&e, 20);
		fake_run(e.f, ENGINE_STEPS);
		told[i] = captured(e.f);
		fake_free(e.f);
	}
	CHECK(told[0] == told[1]);
}

static void the_host_clock_replaces_virtual_time(void)
{
	struct fake_host *f = fake_new();

	use_host_clock(f, 0x123456789a);
	CHECK(captured(f) == 0x123456789a);
	CHECK(captured(f) == 0x123456789a); /* accesses do not move the host's clock */
	f->clock_ns += NS_PER_CLOCK;
	CHECK(captured(f) == 0x123456789b);
	fake_free(f);
}

/* A captured value stays until the next capture. */
static void a_capture_is_kept(void)
{
	struct fake_host *f = fake_new();

	use_host_clock(f, 1000);
	captured(f);
	f->clock_ns *= 2;
	CHECK(vgpu_mmio_read(f->vg, 4 * VG_ADDR(RLC_GPU_CLOCK_COUNT_LSB)) == 1000);
	fake_free(f);
}

static void pm4_tells_the_same(void)
{
	struct pm4_copy_data copy = {
		.control = VG_PREP(COPY_DATA_SRC, PM4_SEL_CLOCK) |
			   VG_PREP(COPY_DATA_DST, PM4_SEL_MEMORY) | COPY_DATA_64BIT,
		.dst_lo = vg_lo(ENGINE_DATA_VA + STAMP),
		.dst_hi = vg_hi(ENGINE_DATA_VA + STAMP),
	};
	const uint64_t *stamp;
	struct engine e;

	engine_init(&e, 0, 0, 0);
	use_host_clock(e.f, 0x500000006);
	build_packet(&e.u.ring, PM4_COPY_DATA, &copy, PM4_DWORDS(copy));
	build_release(&e.u.ring, ENGINE_DATA_VA + STAMP + 8, 0, PM4_DATA_CLOCK, PM4_INT_NONE, 0);
	user_queue_kick(e.f, &e.u);
	fake_run(e.f, ENGINE_STEPS);
	stamp = (const uint64_t *)(e.f->ram + ENGINE_DATA + STAMP);
	CHECK(stamp[0] == 0x500000006 && stamp[1] == 0x500000006);
	fake_free(e.f);
}

static void sdma_tells_the_same(void)
{
	const uint64_t va = SDMA_DATA + STAMP;
	struct fake_host *f = fake_sdma_host();
	const struct vg_sdma_timestamp_get get[] = {
		{ VG_SDMA_HEADER(VG_SDMA_TIMESTAMP, VG_SDMA_TIMESTAMP_GET), vg_lo(va), vg_hi(va) },
		{ VG_SDMA_HEADER(VG_SDMA_TIMESTAMP, VG_SDMA_TIMESTAMP_GET_GLOBAL), vg_lo(va + 8),
		  vg_hi(va + 8) },
	};
	const uint64_t *stamp = fake_data(f, va);
	struct fake_sdma s;

	use_host_clock(f, 0x700000008);
	fake_sdma_init(&s, f, VG_SDMA_RLC0, SDMA_VMID);
	fake_sdma_enable(&s);
	fake_sdma_submit(&s, get, SDMA_DWORDS(get));
	CHECK(stamp[0] == 0x700000008 && stamp[1] == 0x700000008);
	fake_free(f);
}

static void signals_and_interrupts_tell_the_same(void)
{
	const struct aql_barrier barrier = {
		.header = AQL_BARRIER_AND,
		.completion = AQL_SIGNAL_VA(0),
	};
	const struct vg_iv iv = { .source = 1 };
	struct aql a;

	aql_ready(&a);
	use_host_clock(a.f, 0x90000000a);
	fake_enable_ih(a.f, 256);
	*(uint32_t *)(a.queue + AQL_QUEUE_PROPERTIES) = AQL_QUEUE_PROFILING;
	aql_put(&a, &barrier);
	aql_run(&a);
	CHECK(aql_signal_at(&a, 0)->value == -1);
	CHECK(aql_signal_at(&a, 0)->start == 0x90000000a);
	CHECK(aql_signal_at(&a, 0)->end == 0x90000000a);

	vg_ih_raise(a.f->vg, &iv);
	CHECK(vg_u64(fake_iv(a.f, 0)[IV_TIME], fake_iv(a.f, 0)[IV_TIME + 1]) == 0x90000000a);
	fake_free(a.f);
}

int main(void)
{
	virtual_time_is_accesses_and_steps();
	virtual_time_is_the_same_in_every_run();
	the_host_clock_replaces_virtual_time();
	a_capture_is_kept();
	pm4_tells_the_same();
	sdma_tells_the_same();
	signals_and_interrupts_tell_the_same();
	return 0;
}
