/* SPDX-License-Identifier: MIT */
/* Tests HSA queues: slots, doorbells, barriers, IBs and signals; preemption and resuming. */
#include "tests/fake_aql.h"
#include "vega10_enum.h"

enum { EVENT = 0x123 };

static struct aql_barrier barrier_and(uint64_t dependency, uint64_t completion)
{
	return (struct aql_barrier){
		.header = AQL_BARRIER_AND,
		.dependency[2] = dependency,
		.completion = completion,
	};
}

static struct aql_pm4_ib pm4_ib(uint64_t va, uint32_t dwords, uint64_t completion)
{
	return (struct aql_pm4_ib){
		.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_PM4_IB),
		.indirect_buffer = {
			pm4_header(PM4_INDIRECT_BUFFER, 3), vg_lo(va),
			vg_hi(va), VG_PREP(IB_SIZE, dwords) | IB_VALID,
		},
		.remaining = AQL_PM4_REMAINING,
		.completion = completion,
	};
}

/* ---- slots and doorbells ---- */

static void a_barrier_without_signals_passes(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, 0);

	aql_ready(&a);
	aql_put(&a, &p);
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_read_id(&a) == 2);
	CHECK(*aql_slot(&a, 0) == AQL_INVALID && *aql_slot(&a, 1) == AQL_INVALID);
	CHECK(fake_log_count(a.f, "aql-complete") == 2);
	CHECK(!vgpu_busy(a.f->vg));
	fake_free(a.f);
}

/*
 * The value of a doorbell write is the number of the last valid packet.  The first packet has
 * number 0, so the value is no count of packets, and no count of dwords either.
 */
static void packets_behind_the_doorbell_stay(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, 0);

	aql_ready(&a);
	for (unsigned int i = 0; i < 4; i++)
		aql_put(&a, &p);
	aql_ring(&a, 1);
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_read_id(&a) == 2);
	aql_ring(&a, 3);
	aql_ring(&a, 2); /* a late doorbell write does not move the pointer back */
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_read_id(&a) == 4);
	fake_free(a.f);
}

static void an_invalid_slot_holds_up_those_behind(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, 0);
	uint32_t *header;

	aql_ready(&a);
	header = aql_fill(&a, &p);
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_read_id(&a) == 0);
	CHECK(vgpu_busy(a.f->vg)); /* the queue looks at the slot again */
	*header = p.header;
	aql_ring(&a, 0);
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_read_id(&a) == 2);
	fake_free(a.f);
}

static void the_ring_wraps_and_may_be_full(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, AQL_SIGNAL_VA(0));

	aql_ready(&a);
	for (unsigned int round = 1; round <= 3; round++) {
		for (unsigned int i = 0; i < AQL_SLOTS; i++)
			aql_put(&a, &p);
		aql_run(&a);
		CHECK(aql_read_id(&a) == round * AQL_SLOTS);
		CHECK(aql_signal_at(&a, 0)->value == -(int64_t)round * AQL_SLOTS);
	}
	fake_free(a.f);
}

/* Producers may reserve more slots than the ring has.  The queue must run no packet twice. */
static void a_write_index_ahead_of_the_ring(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, AQL_SIGNAL_VA(0));

	aql_ready(&a);
	aql_put(&a, &p);
	*(uint64_t *)(a.queue + AQL_QUEUE_WRITE_ID) = 3 * AQL_SLOTS;
	aql_unmap(&a);
	aql_map(&a);
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_read_id(&a) == 1 && aql_signal_at(&a, 0)->value == -1);
	fake_free(a.f);
}

static void counters_of_more_than_32_bits(void)
{
	const uint64_t first = (1ull << 32) - 1;
	struct aql a;
	struct aql_barrier p = barrier_and(0, AQL_SIGNAL_VA(0));

	aql_ready_from(&a, first);
	aql_put(&a, &p);
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_read_id(&a) == first + 2);
	aql_unmap(&a);
	aql_put(&a, &p);
	aql_map(&a);
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_read_id(&a) == first + 3);
	CHECK(aql_signal_at(&a, 0)->value == -3);
	fake_free(a.f);
}

/* ---- dependencies ---- */

static void and_waits_for_all(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(AQL_SIGNAL_VA(0), AQL_SIGNAL_VA(2));

	aql_ready(&a);
	p.dependency[4] = AQL_SIGNAL_VA(1);
	aql_signal_at(&a, 0)->value = aql_signal_at(&a, 1)->value = 1;
	aql_signal_at(&a, 2)->value = 1;
	aql_put(&a, &p);
	aql_run(&a);
	aql_signal_at(&a, 1)->value = 0;
	fake_run(a.f, AQL_STEPS);
	vgpu_step(a.f->vg);
	CHECK(aql_read_id(&a) == 0 && aql_signal_at(&a, 2)->value == 1);
	aql_signal_at(&a, 0)->value = 0;
	vgpu_step(a.f->vg);
	CHECK(aql_read_id(&a) == 1 && aql_signal_at(&a, 2)->value == 0);
	fake_free(a.f);
}

static void or_waits_for_one(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(AQL_SIGNAL_VA(0), 0);

	aql_ready(&a);
	p.header = AQL_BARRIER_OR;
	p.dependency[0] = AQL_SIGNAL_VA(1);
	aql_signal_at(&a, 0)->value = aql_signal_at(&a, 1)->value = 1;
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_read_id(&a) == 0); /* a missing signal does not satisfy an OR barrier */
	aql_signal_at(&a, 0)->value = 0;
	vgpu_step(a.f->vg);
	CHECK(aql_read_id(&a) == 1);
	fake_free(a.f);
}

static void one_queue_waits_for_another(void)
{
	struct aql a, other;
	struct aql_barrier wait = barrier_and(AQL_SIGNAL_VA(0), AQL_SIGNAL_VA(1));
	struct aql_barrier signal = barrier_and(0, AQL_SIGNAL_VA(0));

	aql_ready(&a);
	aql_queue_init(&other, a.f, 1, 0);
	aql_signal_at(&a, 0)->value = 1;
	aql_put(&a, &wait);
	aql_run(&a);
	CHECK(aql_read_id(&a) == 0 && aql_signal_at(&a, 1)->value == 0);
	aql_put(&other, &signal);
	aql_run(&other);
	CHECK(aql_read_id(&other) == 1 && aql_signal_at(&a, 0)->value == 0);
	CHECK(aql_read_id(&a) == 1 && aql_signal_at(&a, 1)->value == -1);
	fake_free(a.f);
}

static void barrier_value_compares(void)
{
	static const struct {
		enum aql_condition condition;
		int64_t no, yes;
	} of[] = {
		{ AQL_EQUAL, 6, 5 },
		{ AQL_NOT_EQUAL, 5, 4 },
		{ AQL_LESS, 5, -1 },
		{ AQL_GREATER_EQUAL, -1, 5 },
	};

	for (unsigned int i = 0; i < VG_COUNT(of); i++) {
		struct aql_barrier_value p = {
			.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_BARRIER_VALUE),
			.signal = AQL_SIGNAL_VA(0),
			.value = 5,
			.mask = -1,
			.condition = of[i].condition,
			.completion = AQL_SIGNAL_VA(1),
		};
		struct aql a;

		aql_ready(&a);
		aql_signal_at(&a, 0)->value = of[i].no;
		aql_put(&a, &p);
		aql_run(&a);
		CHECK(aql_read_id(&a) == 0 && aql_signal_at(&a, 1)->value == 0);
		aql_signal_at(&a, 0)->value = of[i].yes;
		vgpu_step(a.f->vg);
		CHECK(aql_read_id(&a) == 1 && aql_signal_at(&a, 1)->value == -1);
		fake_free(a.f);
	}
}

static void barrier_value_masks(void)
{
	struct aql_barrier_value p = {
		.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_BARRIER_VALUE),
		.signal = AQL_SIGNAL_VA(0),
		.value = 5,
		.mask = 0xff,
		.condition = AQL_EQUAL,
	};
	struct aql a;

	aql_ready(&a);
	aql_signal_at(&a, 0)->value = 0x1205;
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_read_id(&a) == 1);
	fake_free(a.f);
}

/* ---- completion ---- */

static void completion_tells_mailbox_and_interrupt(bool enabled)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, AQL_SIGNAL_VA(0));
	uint32_t int_cntl = 4 * VG_ADDR(CP_ME1_PIPE0_INT_CNTL);

	aql_ready(&a);
	fake_enable_ih(a.f, 0x1000);
	if (enabled)
		vgpu_mmio_write(a.f->vg, int_cntl,
				VG_FIELD_PREP(CP_ME1_PIPE0_INT_CNTL, TIME_STAMP_INT_ENABLE, 1));
	aql_signal_at(&a, 0)->kind = 1;
	aql_signal_at(&a, 0)->value = 7;
	aql_signal_at(&a, 0)->mailbox = AQL_MAILBOX_VA;
	aql_signal_at(&a, 0)->event_id = EVENT;
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_signal_at(&a, 0)->value == 6);
	CHECK(*aql_mailbox(&a) == EVENT);
	CHECK(a.f->irqs == enabled);
	CHECK(!enabled || fake_iv(a.f, 0)[4] == EVENT);
	CHECK(aql_signal_at(&a, 0)->end == 0); /* no times, because profiling is off */
	fake_free(a.f);
}

static void no_mailbox_no_interrupt(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, AQL_SIGNAL_VA(0));

	aql_ready(&a);
	aql_signal_at(&a, 0)->event_id = EVENT;
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_signal_at(&a, 0)->value == -1);
	CHECK(!fake_logged(a.f, "eop-masked") && !fake_logged(a.f, "iv "));
	fake_free(a.f);
}

static void profiling_records_times(void)
{
	struct aql a;
	struct fake_queue ib = {
		.dwords = 1024,
		.mem = NULL,
	};
	struct aql_pm4_ib p;

	aql_ready(&a);
	*(uint32_t *)(a.queue + AQL_QUEUE_PROPERTIES) = AQL_QUEUE_PROFILING;
	ib.mem = (uint32_t *)(a.f->ram + AQL_IB);
	build_write32(&ib, AQL_DATA_VA, 1);
	build_write32(&ib, AQL_DATA_VA, 2);
	p = pm4_ib(AQL_IB_VA, ib.wptr, AQL_SIGNAL_VA(0));
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_data(&a)[0] == 2);
	CHECK(aql_signal_at(&a, 0)->start > 0);
	CHECK(aql_signal_at(&a, 0)->end > aql_signal_at(&a, 0)->start);
	fake_free(a.f);
}

/* ---- PM4 ---- */

static void an_ib_runs_before_its_packet_is_complete(void)
{
	struct aql a;
	struct fake_queue ib = { .dwords = 1024 };
	struct aql_pm4_ib p;

	aql_ready(&a);
	ib.mem = (uint32_t *)(a.f->ram + AQL_IB);
	build_write32(&ib, AQL_DATA_VA, 1);
	build_wait_mem(&ib, AQL_DATA_VA + 4, PM4_WAIT_EQUAL, 1);
	build_write32(&ib, AQL_DATA_VA + 8, 3);
	p = pm4_ib(AQL_IB_VA, ib.wptr, AQL_SIGNAL_VA(0));
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(aql_data(&a)[0] == 1 && aql_data(&a)[2] == 0);
	CHECK(aql_read_id(&a) == 0 && aql_signal_at(&a, 0)->value == 0);
	CHECK(*aql_slot(&a, 0) == p.header);
	aql_data(&a)[1] = 1;
	vgpu_step(a.f->vg);
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_data(&a)[2] == 3);
	CHECK(aql_read_id(&a) == 1 && aql_signal_at(&a, 0)->value == -1);
	CHECK((*aql_slot(&a, 0) & AQL_TYPE) == AQL_INVALID);
	fake_free(a.f);
}

/* A preemption at any step loses no packet and runs none twice. */
static void taken_off_anywhere_and_put_back(void)
{
	enum { ADDS = 3 };
	bool in_ib = false;

	for (unsigned int steps = 0; steps < 8; steps++) {
		const struct pm4_atomic_mem add = {
			.control = VG_PREP(ATOMIC_MEM_OP, TC_OP_ATOMIC_ADD_RTN_32),
			.addr_lo = vg_lo(AQL_DATA_VA),
			.addr_hi = vg_hi(AQL_DATA_VA),
			.src_lo = 1,
		};
		struct fake_queue ib = { .dwords = 1024 };
		struct aql_pm4_ib p;
		struct aql a;

		aql_ready(&a);
		ib.mem = (uint32_t *)(a.f->ram + AQL_IB);
		for (unsigned int i = 0; i < ADDS; i++)
			build_packet(&ib, PM4_ATOMIC_MEM, &add, PM4_DWORDS(add));
		p = pm4_ib(AQL_IB_VA, ib.wptr, AQL_SIGNAL_VA(0));
		aql_put(&a, &p);
		aql_put(&a, &p);
		aql_ring(&a, a.put - 1);
		for (unsigned int i = 0; i < steps; i++)
			vgpu_step(a.f->vg);
		aql_unmap(&a);
		in_ib |= aql_data(&a)[0] % ADDS != 0;
		aql_map(&a);
		fake_run(a.f, AQL_STEPS);
		CHECK(aql_data(&a)[0] == 2 * ADDS);
		CHECK(aql_signal_at(&a, 0)->value == -2 && aql_read_id(&a) == 2);
		fake_free(a.f);
	}
	CHECK(in_ib);
}

static void a_waiting_barrier_can_be_taken_off(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(AQL_SIGNAL_VA(0), AQL_SIGNAL_VA(1));

	aql_ready(&a);
	aql_signal_at(&a, 0)->value = 1;
	aql_put(&a, &p);
	aql_run(&a);
	aql_unmap(&a);
	aql_signal_at(&a, 0)->value = 0;
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_signal_at(&a, 1)->value == 0);
	aql_map(&a);
	fake_run(a.f, AQL_STEPS);
	CHECK(aql_signal_at(&a, 1)->value == -1 && aql_read_id(&a) == 1);
	fake_free(a.f);
}

static void a_fault_leaves_the_packet(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, AQL_SIGNAL_VA(0) + VG_PAGE_SIZE);

	aql_ready(&a);
	aql_put(&a, &p);
	aql_run(&a);
	CHECK(fake_log_count(a.f, "halt queue=") == 1);
	CHECK(aql_read_id(&a) == 0 && *aql_slot(&a, 0) == p.header);
	aql_unmap(&a);
	fake_free(a.f);
}

/* ---- packets that are not modelled ---- */

static void stops(const void *packet, const char *why)
{
	struct aql a;

	aql_ready(&a);
	aql_put(&a, packet);
	aql_run(&a);
	fake_expect_stop(a.f, why);
}

static void unknown_packets_stop(void)
{
	struct aql_barrier dispatch = { .header = AQL_KERNEL_DISPATCH };
	struct aql_barrier agent = { .header = AQL_AGENT_DISPATCH };
	struct aql_barrier zeros = { .header = 0 };
	struct aql_pm4_ib count = pm4_ib(AQL_IB_VA, 0, 0);
	struct aql_pm4_ib other = pm4_ib(AQL_IB_VA, 1, 0);

	count.remaining = 0;
	other.indirect_buffer[0] = pm4_header(PM4_WRITE_DATA, 3);
	stops(&dispatch, "no shaders");
	stops(&agent, "packet type 0x4");
	stops(&zeros, "vendor packet");
	stops(&count, "behind the IB");
	stops(&other, "PM4 packet");
}

/* Whatever the slots contain, the queue executes it, waits or halts, or the model stops. */
static void arbitrary_packets_do_no_harm(void)
{
	enum { RUNS = 100, PACKETS = 8, TYPES = 7 };
	unsigned int stopped = 0;

	for (unsigned int seed = 0; seed < RUNS; seed++) {
		struct aql a;

		aql_ready(&a);
		srand(seed);
		for (unsigned int i = 0; i < PACKETS; i++) {
			uint32_t packet[AQL_DWORDS];

			for (unsigned int j = 0; j < AQL_DWORDS; j++)
				packet[j] = rand() % 4 ? 0 : rand();
			packet[0] = (packet[0] & ~AQL_TYPE) | rand() % TYPES;
			aql_put(&a, packet);
		}
		aql_run(&a);
		stopped += vgpu_stopped(a.f->vg) != NULL;
		if (vgpu_stopped(a.f->vg))
			fake_expect_stop(a.f, "");
		else
			fake_free(a.f);
	}
	CHECK(stopped && stopped < RUNS);
}

int main(void)
{
	a_barrier_without_signals_passes();
	packets_behind_the_doorbell_stay();
	an_invalid_slot_holds_up_those_behind();
	the_ring_wraps_and_may_be_full();
	a_write_index_ahead_of_the_ring();
	counters_of_more_than_32_bits();
	and_waits_for_all();
	or_waits_for_one();
	one_queue_waits_for_another();
	barrier_value_compares();
	barrier_value_masks();
	completion_tells_mailbox_and_interrupt(true);
	completion_tells_mailbox_and_interrupt(false);
	no_mailbox_no_interrupt();
	profiling_records_times();
	an_ib_runs_before_its_packet_is_complete();
	taken_off_anywhere_and_put_back();
	a_waiting_barrier_can_be_taken_off();
	a_fault_leaves_the_packet();
	unknown_packets_stop();
	arbitrary_packets_do_no_harm();
	return 0;
}
