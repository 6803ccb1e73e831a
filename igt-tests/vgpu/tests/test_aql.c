/* SPDX-License-Identifier: MIT */
/* HSA queues: slots, doorbells, barriers, IBs, signals; taken off and put back. */
#include "hw/regs_gc.h"
#include "pkt/aql.h"
#include "tests/build.h"
#include "tests/mqd.h"
#include "vega10_enum.h"

enum {
	VMID = 8, DOORBELL = 0x1000, STEPS = 10000, SAVE_WAVES = 3,
	SLOTS = USER_RING_DWORDS / AQL_DWORDS,
	DATA = 0x400000, IB = 0x500000, RAM_STEP = VG_PAGE_SIZE,
	EVENT = 0x123,
};
#define RING_VA	0x100000000ull
#define DATA_VA	0x200000000ull
#define IB_VA	0x300000000ull

/* Signal number n, and a mailbox, on the data page. */
#define SIGNAL_VA(n)	(DATA_VA + 0x400 + 64 * (n))
#define MAILBOX_VA	(DATA_VA + 0x800)

struct aql {
	struct fake_host *f;
	struct user_queue u;
	uint8_t *queue;		/* the runtime's structure */
	uint64_t put;
};

static uint32_t *data(struct aql *a)
{
	return (uint32_t *)(a->f->ram + DATA);
}

static volatile struct aql_signal *signal_at(struct aql *a, unsigned int n)
{
	return (void *)(a->f->ram + DATA + 0x400 + 64 * n);
}

static uint64_t *mailbox(struct aql *a)
{
	return (uint64_t *)(a->f->ram + DATA + 0x800);
}

static uint64_t read_id(struct aql *a)
{
	return *(uint64_t *)(a->queue + AQL_QUEUE_READ_ID);
}

static uint32_t *slot(struct aql *a, uint64_t n)
{
	return a->u.ring.mem + n % SLOTS * AQL_DWORDS;
}

/* As the driver does: the whole bank from the MQD, then go. */
static void map(struct aql *a)
{
	const uint32_t *mqd = &a->u.mqd->cp_mqd_base_addr_lo;

	fake_queue_select(a->f, &a->u.ring);
	for (unsigned int i = 0; i < VG_HQD_REGS; i++)
		vgpu_mmio_write(a->f->vg, 4 * (VG_ADDR(CP_MQD_BASE_ADDR) + i),
				mqd[i]);
	vgpu_mmio_write(a->f->vg, 4 * VG_ADDR(CP_HQD_ACTIVE), 1);
}

static void unmap(struct aql *a)
{
	fake_queue_dequeue(a->f, &a->u.ring, SAVE_WAVES);
	for (unsigned int i = 0; fake_queue_active(a->f, &a->u.ring); i++) {
		CHECK(i < STEPS);
		vgpu_step(a->f->vg);
	}
}

static void ready_from(struct aql *a, uint64_t first)
{
	struct v9_mqd *m;
	uint64_t base;

	*a = (struct aql){ .f = fake_new(), .put = first };
	fake_enable_vmid(a->f, VMID);
	fake_map(a->f, VMID, DATA_VA, FAKE_RAM_BASE + DATA,
		 FAKE_RW | VG_PTE_SYSTEM);
	fake_map(a->f, VMID, IB_VA, FAKE_RAM_BASE + IB,
		 FAKE_RW | VG_PTE_SYSTEM);
	user_queue_init(a->f, &a->u, 0, VMID, RING_VA, DOORBELL);
	a->queue = (uint8_t *)a->u.wptr;
	base = a->u.wptr_va;
	*(uint32_t *)(a->queue + AQL_QUEUE_READ_ID_OFFSET) = AQL_QUEUE_READ_ID;
	*(uint64_t *)(a->queue + AQL_QUEUE_READ_ID) = first;
	*(uint64_t *)(a->queue + AQL_QUEUE_WRITE_ID) = first;
	for (unsigned int i = 0; i < SLOTS; i++)
		*slot(a, i) = AQL_INVALID;

	/* As in kfd_mqd_manager_v9.c:213 and 314. */
	m = a->u.mqd;
	m->cp_hqd_vmid = VMID;
	m->cp_hqd_aql_control =
		VG_FIELD_PREP(CP_HQD_AQL_CONTROL, CONTROL0, 1);
	m->cp_hqd_pq_control |=
		VG_FIELD_PREP(CP_HQD_PQ_CONTROL, SLOT_BASED_WPTR, 2);
	m->cp_hqd_pq_doorbell_control =
		VG_FIELD_PREP(CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_OFFSET,
			      DOORBELL) |
		VG_FIELD_PREP(CP_HQD_PQ_DOORBELL_CONTROL, DOORBELL_EN, 1);
	m->cp_hqd_pq_wptr_poll_addr_lo = vg_lo(base + AQL_QUEUE_WRITE_ID);
	m->cp_hqd_pq_rptr_report_addr_lo = vg_lo(base + AQL_QUEUE_READ_ID);
	/* The register behind CP_HQD_PQ_WPTR_HI that counts packets. */
	(&m->cp_mqd_base_addr_lo)[VG_ADDR(CP_HQD_AQL_DISPATCH_ID) -
				  VG_ADDR(CP_MQD_BASE_ADDR)] = vg_lo(first);
	(&m->cp_mqd_base_addr_lo)[VG_ADDR(CP_HQD_AQL_DISPATCH_ID_HI) -
				  VG_ADDR(CP_MQD_BASE_ADDR)] = vg_hi(first);
	map(a);
}

static void ready(struct aql *a)
{
	ready_from(a, 0);
}

static void ring(struct aql *a, uint64_t packet)
{
	vgpu_doorbell_write(a->f->vg, 4 * DOORBELL, packet, sizeof(packet));
}

/* Fill the next slot, the header last or not yet. */
static uint32_t *fill(struct aql *a, const void *packet)
{
	uint32_t *s = slot(a, a->put++);

	memcpy(s + 1, (const uint32_t *)packet + 1, AQL_BYTES - 4);
	*(uint64_t *)(a->queue + AQL_QUEUE_WRITE_ID) = a->put;
	return s;
}

static void put(struct aql *a, const void *packet)
{
	*fill(a, packet) = *(const uint32_t *)packet;
}

static void run(struct aql *a)
{
	ring(a, a->put - 1);
	fake_run(a->f, STEPS);
}

static struct aql_barrier barrier_and(uint64_t dependency, uint64_t completion)
{
	return (struct aql_barrier){
		.header = AQL_BARRIER_AND, .dependency[2] = dependency,
		.completion = completion,
	};
}

static struct aql_pm4_ib pm4_ib(uint64_t va, uint32_t dwords,
				uint64_t completion)
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

	ready(&a);
	put(&a, &p);
	put(&a, &p);
	run(&a);
	CHECK(read_id(&a) == 2);
	CHECK(*slot(&a, 0) == AQL_INVALID && *slot(&a, 1) == AQL_INVALID);
	CHECK(fake_log_count(a.f, "aql-complete") == 2);
	CHECK(!vgpu_busy(a.f->vg));
	fake_free(a.f);
}

/* The doorbell is a packet's number, not a count of dwords or packets. */
static void packets_behind_the_doorbell_stay(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, 0);

	ready(&a);
	for (unsigned int i = 0; i < 4; i++)
		put(&a, &p);
	ring(&a, 1);
	fake_run(a.f, STEPS);
	CHECK(read_id(&a) == 2);
	ring(&a, 3);
	ring(&a, 2);		/* late: no step back */
	fake_run(a.f, STEPS);
	CHECK(read_id(&a) == 4);
	fake_free(a.f);
}

static void an_invalid_slot_holds_up_those_behind(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, 0);
	uint32_t *header;

	ready(&a);
	header = fill(&a, &p);
	put(&a, &p);
	run(&a);
	CHECK(read_id(&a) == 0);
	CHECK(vgpu_busy(a.f->vg)); /* looks again */
	*header = p.header;
	ring(&a, 0);
	fake_run(a.f, STEPS);
	CHECK(read_id(&a) == 2);
	fake_free(a.f);
}

static void the_ring_wraps_and_may_be_full(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, SIGNAL_VA(0));

	ready(&a);
	for (unsigned int round = 1; round <= 3; round++) {
		for (unsigned int i = 0; i < SLOTS; i++)
			put(&a, &p);
		run(&a);
		CHECK(read_id(&a) == round * SLOTS);
		CHECK(signal_at(&a, 0)->value == -(int64_t)round * SLOTS);
	}
	fake_free(a.f);
}

/* More slots reserved than there are: nothing is run twice. */
static void a_write_index_ahead_of_the_ring(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, SIGNAL_VA(0));

	ready(&a);
	put(&a, &p);
	*(uint64_t *)(a.queue + AQL_QUEUE_WRITE_ID) = 3 * SLOTS;
	unmap(&a);
	map(&a);
	fake_run(a.f, STEPS);
	CHECK(read_id(&a) == 1 && signal_at(&a, 0)->value == -1);
	fake_free(a.f);
}

static void counters_of_more_than_32_bits(void)
{
	const uint64_t first = (1ull << 32) - 1;
	struct aql a;
	struct aql_barrier p = barrier_and(0, SIGNAL_VA(0));

	ready_from(&a, first);
	put(&a, &p);
	put(&a, &p);
	run(&a);
	CHECK(read_id(&a) == first + 2);
	unmap(&a);
	put(&a, &p);
	map(&a);
	fake_run(a.f, STEPS);
	CHECK(read_id(&a) == first + 3);
	CHECK(signal_at(&a, 0)->value == -3);
	fake_free(a.f);
}

/* ---- dependencies ---- */

static void and_waits_for_all(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(SIGNAL_VA(0), SIGNAL_VA(2));

	ready(&a);
	p.dependency[4] = SIGNAL_VA(1);
	signal_at(&a, 0)->value = signal_at(&a, 1)->value = 1;
	signal_at(&a, 2)->value = 1;
	put(&a, &p);
	run(&a);
	signal_at(&a, 1)->value = 0;
	fake_run(a.f, STEPS);
	vgpu_step(a.f->vg);
	CHECK(read_id(&a) == 0 && signal_at(&a, 2)->value == 1);
	signal_at(&a, 0)->value = 0;
	vgpu_step(a.f->vg);
	CHECK(read_id(&a) == 1 && signal_at(&a, 2)->value == 0);
	fake_free(a.f);
}

static void or_waits_for_one(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(SIGNAL_VA(0), 0);

	ready(&a);
	p.header = AQL_BARRIER_OR;
	p.dependency[0] = SIGNAL_VA(1);
	signal_at(&a, 0)->value = signal_at(&a, 1)->value = 1;
	put(&a, &p);
	run(&a);
	CHECK(read_id(&a) == 0); /* missing signals do not count */
	signal_at(&a, 0)->value = 0;
	vgpu_step(a.f->vg);
	CHECK(read_id(&a) == 1);
	fake_free(a.f);
}

static void one_queue_waits_for_another(void)
{
	struct aql a;
	struct aql_barrier first = barrier_and(0, SIGNAL_VA(0));
	struct aql_barrier second = barrier_and(SIGNAL_VA(0), SIGNAL_VA(1));

	ready(&a);
	signal_at(&a, 0)->value = 1;
	put(&a, &first);
	put(&a, &second);
	run(&a);
	CHECK(read_id(&a) == 2 && signal_at(&a, 1)->value == -1);
	fake_free(a.f);
}

static void barrier_value_compares(void)
{
	static const struct {
		enum aql_condition condition;
		int64_t no, yes;
	} of[] = {
		{ AQL_EQUAL, 6, 5 }, { AQL_NOT_EQUAL, 5, 4 },
		{ AQL_LESS, 5, -1 }, { AQL_GREATER_EQUAL, -1, 5 },
	};

	for (unsigned int i = 0; i < VG_COUNT(of); i++) {
		struct aql_barrier_value p = {
			.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_BARRIER_VALUE),
			.signal = SIGNAL_VA(0), .value = 5, .mask = -1,
			.condition = of[i].condition,
			.completion = SIGNAL_VA(1),
		};
		struct aql a;

		ready(&a);
		signal_at(&a, 0)->value = of[i].no;
		put(&a, &p);
		run(&a);
		CHECK(read_id(&a) == 0 && signal_at(&a, 1)->value == 0);
		signal_at(&a, 0)->value = of[i].yes;
		vgpu_step(a.f->vg);
		CHECK(read_id(&a) == 1 && signal_at(&a, 1)->value == -1);
		fake_free(a.f);
	}
}

static void barrier_value_masks(void)
{
	struct aql_barrier_value p = {
		.header = VG_PREP(AQL_VENDOR_FORMAT, AQL_BARRIER_VALUE),
		.signal = SIGNAL_VA(0), .value = 5, .mask = 0xff,
		.condition = AQL_EQUAL,
	};
	struct aql a;

	ready(&a);
	signal_at(&a, 0)->value = 0x1205;
	put(&a, &p);
	run(&a);
	CHECK(read_id(&a) == 1);
	fake_free(a.f);
}

/* ---- completion ---- */

static void completion_tells_mailbox_and_interrupt(bool enabled)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, SIGNAL_VA(0));
	uint32_t int_cntl = 4 * VG_ADDR(CP_ME1_PIPE0_INT_CNTL);

	ready(&a);
	fake_enable_ih(a.f, 0x1000);
	if (enabled)
		vgpu_mmio_write(a.f->vg, int_cntl,
				VG_FIELD_PREP(CP_ME1_PIPE0_INT_CNTL,
					      TIME_STAMP_INT_ENABLE, 1));
	signal_at(&a, 0)->kind = 1;
	signal_at(&a, 0)->value = 7;
	signal_at(&a, 0)->mailbox = MAILBOX_VA;
	signal_at(&a, 0)->event_id = EVENT;
	put(&a, &p);
	run(&a);
	CHECK(signal_at(&a, 0)->value == 6);
	CHECK(*mailbox(&a) == EVENT);
	CHECK(a.f->irqs == enabled);
	CHECK(!enabled || fake_iv(a.f, 0)[4] == EVENT);
	CHECK(signal_at(&a, 0)->end == 0); /* nobody asked for times */
	fake_free(a.f);
}

static void no_mailbox_no_interrupt(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, SIGNAL_VA(0));

	ready(&a);
	signal_at(&a, 0)->event_id = EVENT;
	put(&a, &p);
	run(&a);
	CHECK(signal_at(&a, 0)->value == -1);
	CHECK(!fake_logged(a.f, "eop-masked") && !fake_logged(a.f, "iv "));
	fake_free(a.f);
}

static void profiling_records_times(void)
{
	struct aql a;
	struct fake_queue ib = {
		.dwords = 1024, .mem = NULL,
	};
	struct aql_pm4_ib p;

	ready(&a);
	*(uint32_t *)(a.queue + AQL_QUEUE_PROPERTIES) = AQL_QUEUE_PROFILING;
	ib.mem = (uint32_t *)(a.f->ram + IB);
	build_write32(&ib, DATA_VA, 1);
	build_write32(&ib, DATA_VA, 2);
	p = pm4_ib(IB_VA, ib.wptr, SIGNAL_VA(0));
	put(&a, &p);
	run(&a);
	CHECK(data(&a)[0] == 2);
	CHECK(signal_at(&a, 0)->start > 0);
	CHECK(signal_at(&a, 0)->end > signal_at(&a, 0)->start);
	fake_free(a.f);
}

/* ---- PM4 ---- */

static void an_ib_runs_before_its_packet_is_complete(void)
{
	struct aql a;
	struct fake_queue ib = { .dwords = 1024 };
	struct aql_pm4_ib p;

	ready(&a);
	ib.mem = (uint32_t *)(a.f->ram + IB);
	build_write32(&ib, DATA_VA, 1);
	build_wait_mem(&ib, DATA_VA + 4, PM4_WAIT_EQUAL, 1);
	build_write32(&ib, DATA_VA + 8, 3);
	p = pm4_ib(IB_VA, ib.wptr, SIGNAL_VA(0));
	put(&a, &p);
	run(&a);
	CHECK(data(&a)[0] == 1 && data(&a)[2] == 0);
	CHECK(read_id(&a) == 0 && signal_at(&a, 0)->value == 0);
	CHECK(*slot(&a, 0) == p.header);
	data(&a)[1] = 1;
	vgpu_step(a.f->vg);
	fake_run(a.f, STEPS);
	CHECK(data(&a)[2] == 3);
	CHECK(read_id(&a) == 1 && signal_at(&a, 0)->value == -1);
	CHECK((*slot(&a, 0) & AQL_TYPE) == AQL_INVALID);
	fake_free(a.f);
}

/* At every step of it, once: nothing is lost and nothing done twice. */
static void taken_off_anywhere_and_put_back(void)
{
	enum { ADDS = 3 };
	bool in_ib = false;

	for (unsigned int steps = 0; steps < 8; steps++) {
		const struct pm4_atomic_mem add = {
			.control = VG_PREP(ATOMIC_MEM_OP,
					   TC_OP_ATOMIC_ADD_RTN_32),
			.addr_lo = vg_lo(DATA_VA), .addr_hi = vg_hi(DATA_VA),
			.src_lo = 1,
		};
		struct fake_queue ib = { .dwords = 1024 };
		struct aql_pm4_ib p;
		struct aql a;

		ready(&a);
		ib.mem = (uint32_t *)(a.f->ram + IB);
		for (unsigned int i = 0; i < ADDS; i++)
			build_packet(&ib, PM4_ATOMIC_MEM, &add,
				     PM4_DWORDS(add));
		p = pm4_ib(IB_VA, ib.wptr, SIGNAL_VA(0));
		put(&a, &p);
		put(&a, &p);
		ring(&a, a.put - 1);
		for (unsigned int i = 0; i < steps; i++)
			vgpu_step(a.f->vg);
		unmap(&a);
		in_ib |= data(&a)[0] % ADDS != 0;
		map(&a);
		fake_run(a.f, STEPS);
		CHECK(data(&a)[0] == 2 * ADDS);
		CHECK(signal_at(&a, 0)->value == -2 && read_id(&a) == 2);
		fake_free(a.f);
	}
	CHECK(in_ib);
}

static void a_waiting_barrier_can_be_taken_off(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(SIGNAL_VA(0), SIGNAL_VA(1));

	ready(&a);
	signal_at(&a, 0)->value = 1;
	put(&a, &p);
	run(&a);
	unmap(&a);
	signal_at(&a, 0)->value = 0;
	fake_run(a.f, STEPS);
	CHECK(signal_at(&a, 1)->value == 0);
	map(&a);
	fake_run(a.f, STEPS);
	CHECK(signal_at(&a, 1)->value == -1 && read_id(&a) == 1);
	fake_free(a.f);
}

static void a_fault_leaves_the_packet(void)
{
	struct aql a;
	struct aql_barrier p = barrier_and(0, SIGNAL_VA(0) + VG_PAGE_SIZE);

	ready(&a);
	put(&a, &p);
	run(&a);
	CHECK(fake_log_count(a.f, "halt queue=") == 1);
	CHECK(read_id(&a) == 0 && *slot(&a, 0) == p.header);
	unmap(&a);
	fake_free(a.f);
}

/* ---- what is not there ---- */

static void stops(const void *packet, const char *why)
{
	struct aql a;

	ready(&a);
	put(&a, packet);
	run(&a);
	fake_expect_stop(a.f, why);
}

static void unknown_packets_stop(void)
{
	struct aql_barrier dispatch = { .header = AQL_KERNEL_DISPATCH };
	struct aql_barrier agent = { .header = AQL_AGENT_DISPATCH };
	struct aql_barrier zeros = { .header = 0 };
	struct aql_pm4_ib count = pm4_ib(IB_VA, 0, 0);
	struct aql_pm4_ib other = pm4_ib(IB_VA, 1, 0);

	count.remaining = 0;
	other.indirect_buffer[0] = pm4_header(PM4_WRITE_DATA, 3);
	stops(&dispatch, "no shaders");
	stops(&agent, "packet type 0x4");
	stops(&zeros, "vendor packet");
	stops(&count, "behind the IB");
	stops(&other, "PM4 packet");
}

/* Whatever the slots hold: executed, waited for, halted or stopped. */
static void arbitrary_packets_do_no_harm(void)
{
	enum { RUNS = 100, PACKETS = 8, TYPES = 7 };
	unsigned int stopped = 0;

	for (unsigned int seed = 0; seed < RUNS; seed++) {
		struct aql a;

		ready(&a);
		srand(seed);
		for (unsigned int i = 0; i < PACKETS; i++) {
			uint32_t packet[AQL_DWORDS];

			for (unsigned int j = 0; j < AQL_DWORDS; j++)
				packet[j] = rand() % 4 ? 0 : rand();
			packet[0] = (packet[0] & ~AQL_TYPE) | rand() % TYPES;
			put(&a, packet);
		}
		run(&a);
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
