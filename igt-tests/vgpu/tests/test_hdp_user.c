/* SPDX-License-Identifier: MIT */
/*
 * Tests which packets of a user's queue flush the host data path.  The driver's own packets and
 * registers are in test_hdp.c.
 */
#include "tests/fake_aql.h"
#include "tests/fake_hdp.h"

#define AQL_SYSTEM VG_PREP(AQL_ACQUIRE, AQL_SCOPE_SYSTEM)

/* ---- SDMA ---- */

/* ROCr begins each copy with this packet (BlitSdma::BuildHdpFlushCommand()). */
static const uint32_t rocr_flush[6] = { 0x8, 0, 0x80000000, 0, 0, 0 };

static void copy_by_sdma(struct fake_sdma *s)
{
	const struct vg_sdma_copy_linear copy = sdma_copy(HDP_COPY, HDP_VA, 4);

	fake_sdma_submit(s, &copy, SDMA_DWORDS(copy));
}

static void the_sdma_packet_of_rocr_flushes(void)
{
	struct fake_sdma s;
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	fake_sdma_init(&s, h.f, VG_SDMA_RLC0, SDMA_VMID);
	fake_sdma_enable(&s);
	hdp_write_held(&h);
	copy_by_sdma(&s);
	CHECK(hdp_copied(&h) == HDP_OLD);
	fake_sdma_emit(&s, rocr_flush, VG_COUNT(rocr_flush));
	copy_by_sdma(&s);
	CHECK(hdp_copied(&h) == HDP_NEW);
	hdp_finish(&h, "hdp-drain by=sdma writes=1");
}

/* ---- AQL ---- */

struct rig {
	struct aql a;
	struct hdp h;
};

static void rig_init(struct rig *r)
{
	hdp_init(&r->h, HDP_BYTES);
	aql_attach(&r->a, r->h.f, 0);
	fake_map(r->a.f, AQL_VMID, HDP_VA, HDP_AT, FAKE_RW);
}

/* Put a vendor packet whose IB copies the word in VRAM to the page of data. */
static void put_copy(struct rig *r, uint32_t header)
{
	struct fake_queue ib = { .mem = (uint32_t *)(r->a.f->ram + AQL_IB), .dwords = 256 };
	struct aql_pm4_ib p = {
		.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_PM4_IB) | header,
		.remaining = AQL_PM4_REMAINING,
	};

	build_dma(&ib, AQL_DATA_VA, HDP_VA, 4);
	p.indirect_buffer[0] = pm4_header(PM4_INDIRECT_BUFFER, 3);
	p.indirect_buffer[1] = vg_lo(AQL_IB_VA);
	p.indirect_buffer[2] = vg_hi(AQL_IB_VA);
	p.indirect_buffer[3] = VG_PREP(IB_SIZE, ib.wptr) | IB_VALID;
	aql_put(&r->a, &p);
}

static void a_vendor_packet_acquires(void)
{
	struct rig r;

	rig_init(&r);
	hdp_write_held(&r.h);
	put_copy(&r, AQL_SYSTEM);
	aql_run(&r.a);
	CHECK(*aql_data(&r.a) == HDP_NEW);
	hdp_finish(&r.h, "hdp-drain by=acquire writes=1");
}

/* The other scopes, and a release fence, make no write of the CPU visible. */
static void other_fences_do_not_flush(void)
{
	static const uint32_t headers[] = {
		0,
		VG_PREP(AQL_ACQUIRE, AQL_SCOPE_AGENT),
		VG_PREP(AQL_RELEASE, AQL_SCOPE_SYSTEM),
		VG_PREP(AQL_RELEASE, AQL_SCOPE_SYSTEM) | VG_PREP(AQL_ACQUIRE, AQL_SCOPE_AGENT),
	};

	for (size_t i = 0; i < VG_COUNT(headers); i++) {
		struct rig r;

		rig_init(&r);
		hdp_write_held(&r.h);
		put_copy(&r, headers[i]);
		aql_run(&r.a);
		CHECK(*aql_data(&r.a) == HDP_OLD);
		CHECK(!fake_logged(r.a.f, "hdp-drain"));
		fake_free(r.a.f);
	}
}

/* Writes of the CPU before the change of the signal are visible behind the barrier. */
static void a_barrier_acquires_when_it_has_waited(struct aql_barrier p)
{
	struct rig r;

	rig_init(&r);
	p.dependency[0] = AQL_SIGNAL_VA(0);
	aql_signal_at(&r.a, 0)->value = 1;
	aql_put(&r.a, &p);
	put_copy(&r, 0);
	aql_run(&r.a);
	CHECK(aql_read_id(&r.a) == 0);
	hdp_write_held(&r.h);
	aql_signal_at(&r.a, 0)->value = 0;
	aql_run(&r.a);
	CHECK(aql_read_id(&r.a) == 2 && *aql_data(&r.a) == HDP_NEW);
	hdp_finish(&r.h, "hdp-drain by=acquire writes=1");
}

static void a_barrier_value_acquires(void)
{
	const struct aql_barrier_value p = {
		.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_BARRIER_VALUE) | AQL_SYSTEM,
	};
	struct rig r;

	rig_init(&r);
	hdp_write_held(&r.h);
	aql_put(&r.a, &p);
	put_copy(&r, 0);
	aql_run(&r.a);
	CHECK(*aql_data(&r.a) == HDP_NEW);
	hdp_finish(&r.h, "hdp-drain by=acquire writes=1");
}

/* ---- PM4 ---- */

/* ACQUIRE_MEM invalidates caches of the GPU, and the HDP is not one of these. */
static void acquire_mem_does_not_flush(void)
{
	const struct pm4_acquire_mem acquire = { .coher_cntl = ~0u, .size_lo = ~0u };
	struct hdp h;

	hdp_init(&h, HDP_BYTES);
	hdp_write_held(&h);
	build_packet(&h.kiq, PM4_ACQUIRE_MEM, &acquire, PM4_DWORDS(acquire));
	build_dma(&h.kiq, HDP_COPY, HDP_FB + HDP_AT, 4);
	fake_ring_doorbell(h.f, &h.kiq);
	fake_run(h.f, HDP_STEPS);
	CHECK(hdp_copied(&h) == HDP_OLD && !fake_logged(h.f, "hdp-drain"));
	fake_free(h.f);
}

/* ---- injected faults ---- */

static void way_host(struct rig *r)
{
	hdp_flush_by_host(&r->h);
}

static void way_ring(struct rig *r)
{
	hdp_flush_by_ring(&r->h, 4);
}

static void way_sdma(struct rig *r)
{
	struct fake_sdma s;

	fake_sdma_init(&s, r->h.f, VG_SDMA_RLC0, SDMA_VMID);
	fake_sdma_enable(&s);
	fake_sdma_submit(&s, rocr_flush, VG_COUNT(rocr_flush));
	CHECK(fake_sdma_idle(&s));
}

static void way_acquire(struct rig *r)
{
	put_copy(r, AQL_SYSTEM);
	aql_run(&r->a);
}

static void way_read(struct rig *r)
{
	CHECK(hdp_cpu_read32(&r->h, HDP_AT) == HDP_NEW);
}

/* The injected fault of case f leaves out the flushes by the way of case f, and by no other way. */
static void a_fault_takes_one_way_away(void)
{
	static const struct {
		const char *fault;
		void (*way)(struct rig *r);
	} cases[] = {
		{ "no-hdp-host", way_host }, { "no-hdp-ring", way_ring },
		{ "no-hdp-sdma", way_sdma }, { "no-hdp-acquire", way_acquire },
		{ "no-hdp-read", way_read },
	};

	for (size_t f = 0; f < VG_COUNT(cases); f++) {
		for (size_t w = 0; w < VG_COUNT(cases); w++) {
			struct rig r;

			rig_init(&r);
			CHECK(!vgpu_inject(r.a.f->vg, cases[f].fault));
			hdp_write_held(&r.h);
			cases[w].way(&r);
			CHECK(hdp_gpu_read32(&r.h, HDP_AT) == (w == f ? HDP_OLD : HDP_NEW));
			CHECK(fake_logged(r.a.f, "inject fault=no-hdp-") == (w == f));
			fake_free(r.a.f);
		}
	}
}

/* Writes that the fault leaves in the FIFO are still there for the next flush, and for the CPU. */
static void the_cpu_sees_what_is_left_in_the_fifo(void)
{
	const uint8_t over[3] = { 1, 2, 3 };
	uint8_t data[16], expected[16];
	struct rig r;

	rig_init(&r);
	CHECK(!vgpu_inject(r.a.f->vg, "no-hdp-read:count=1"));
	hdp_write_held(&r.h);
	vgpu_vram_write(r.a.f->vg, HDP_AT + 3, over, sizeof(over));
	vgpu_vram_read(r.a.f->vg, HDP_AT - 6, data, sizeof(data));
	CHECK(hdp_gpu_read32(&r.h, HDP_AT) == HDP_OLD);
	vgpu_vram_read(r.a.f->vg, HDP_AT - 6, expected, sizeof(expected));
	CHECK(!memcmp(data, expected, sizeof(data)));
	CHECK(!memcmp(data, r.a.f->vram + HDP_AT - 6, sizeof(data)) && data[9] == 1);
	fake_free(r.a.f);
}

/* Without held writes there is nothing that a fault could leave out. */
static void a_fault_needs_held_writes(void)
{
	struct rig r;

	rig_init(&r);
	CHECK(!vgpu_inject(r.a.f->vg, "no-hdp-host"));
	hdp_flush_by_host(&r.h);
	CHECK(!fake_logged(r.a.f, "inject"));
	fake_free(r.a.f);
}

/* ---- many users ---- */

/*
 * The CPU and two queues work on VRAM for a while.  The same seed gives the same trace, and a queue
 * that flushes always sees the CPU's last write.
 */
static char *trace_of(uint64_t seed)
{
	enum { ROUNDS = 50 };
	struct rig r;
	char *log;

	rig_init(&r);
	r.a.f->vg->config.seed = seed;
	vg_sched_init(r.a.f->vg);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		hdp_cpu_write32(&r.h, HDP_AT, i);
		hdp_cpu_write32(&r.h, HDP_AT + 4 * i, i);
		build_write32(&r.h.kiq, HDP_FB + HDP_AT + 0x800, i);
		fake_ring_doorbell(r.a.f, &r.h.kiq);
		put_copy(&r, AQL_SYSTEM);
		aql_ring(&r.a, r.a.put - 1);
		while (vgpu_busy(r.a.f->vg) && *aql_data(&r.a) != i)
			vgpu_step(r.a.f->vg);
		CHECK(*aql_data(&r.a) == i);
		CHECK(i % 5 || hdp_cpu_read32(&r.h, HDP_AT + 4 * i) == i);
	}
	fake_run(r.a.f, HDP_STEPS);
	CHECK(hdp_gpu_read32(&r.h, HDP_AT + 0x800) == ROUNDS);
	log = strdup(r.a.f->log);
	CHECK(log);
	fake_free(r.a.f);
	return log;
}

static void the_seed_decides_the_trace(void)
{
	char *one = trace_of(1), *again = trace_of(1), *two = trace_of(2);

	CHECK(!strcmp(one, again));
	CHECK(strcmp(one, two));
	free(one);
	free(again);
	free(two);
}

int main(void)
{
	the_sdma_packet_of_rocr_flushes();
	a_vendor_packet_acquires();
	other_fences_do_not_flush();
	a_barrier_acquires_when_it_has_waited(
		(struct aql_barrier){ .header = AQL_BARRIER_AND | AQL_SYSTEM });
	a_barrier_acquires_when_it_has_waited(
		(struct aql_barrier){ .header = AQL_BARRIER_OR | AQL_SYSTEM });
	a_barrier_value_acquires();
	acquire_mem_does_not_flush();
	a_fault_takes_one_way_away();
	the_cpu_sees_what_is_left_in_the_fifo();
	a_fault_needs_held_writes();
	the_seed_decides_the_trace();
	return 0;
}
