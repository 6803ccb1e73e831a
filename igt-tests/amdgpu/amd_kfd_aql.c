// SPDX-License-Identifier: MIT
/*
 * HSA queues (AQL) of KFD.  The tests run packets that need no shader, and check that an eviction
 * of the queues for a userptr neither loses nor repeats a packet.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_kfd.h"
#include "lib/igt_time.h"

#ifndef ARRAY_LENGTH
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#endif

IGT_TEST_DESCRIPTION("AQL packets and signals on HSA queues of KFD.");

#define WAIT_MS		igt_patience(10000)
#define SUBTEST_SECONDS igt_patience(50)
#define NUM_SIGNALS	8
#define DATA_DWORDS	1024

static struct {
	int fd;
	struct amd_kfd kfd;
	struct amd_kfd_smi smi;
	struct amd_kfd_queue queue;
	bool have_queue;
	struct amd_kfd_mem signals, data;
} aql;

static struct amd_kfd_signal *signal_at(unsigned int n)
{
	return (struct amd_kfd_signal *)aql.signals.cpu + n;
}

static uint64_t signal_va(unsigned int n)
{
	return aql.signals.va + n * sizeof(struct amd_kfd_signal);
}

static void expect_value(unsigned int n, int64_t value)
{
	const uint64_t deadline = igt_now_ms() + WAIT_MS;

	while (signal_at(n)->value != value && igt_now_ms() < deadline)
		usleep(100);
	igt_assert_f(signal_at(n)->value == value, "signal %u is %lld and not %lld\n", n,
		     (long long)signal_at(n)->value, (long long)value);
}

static void expect_read_index(uint64_t index)
{
	const uint64_t deadline = igt_now_ms() + WAIT_MS;

	while (*aql.queue.rptr != index && igt_now_ms() < deadline)
		usleep(100);
	igt_assert_eq_u64(*aql.queue.rptr, index);
}

static struct amd_kfd_aql_packet barrier(uint32_t type, uint64_t completion)
{
	return (struct amd_kfd_aql_packet){
		.header = type | AMD_KFD_AQL_SYSTEM_FENCES,
		.barrier.completion = completion,
	};
}

/* Put a packet into the ring, assert that the ring had room for it, and ring the doorbell. */
static uint64_t submit(const struct amd_kfd_aql_packet *packet)
{
	uint64_t index = amd_kfd_aql_put(&aql.queue, packet);

	igt_assert_eq(aql.queue.error, 0);
	amd_kfd_aql_doorbell(&aql.queue, index);
	return index;
}

/*
 * Let another queue do some work.  During this time a GPU with a bug would run a packet that should
 * still wait.
 */
static void other_queue_works(void)
{
	struct amd_kfd_queue other;

	amd_kfd_queue_create(&aql.kfd, AMD_KFD_QUEUE_PM4, &other);
	amd_kfd_queue_sync(&other, WAIT_MS);
	amd_kfd_queue_destroy(&other);
}

static void barrier_and(void)
{
	struct amd_kfd_aql_packet wait = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(2));

	signal_at(0)->value = signal_at(1)->value = signal_at(2)->value = 1;
	wait.barrier.dependency[1] = signal_va(0);
	wait.barrier.dependency[4] = signal_va(1);
	submit(&wait);
	signal_at(0)->value = 0;
	other_queue_works();
	igt_assert(signal_at(2)->value == 1);
	signal_at(1)->value = 0;
	expect_value(2, 0);
	expect_read_index(1);
}

static void barrier_or(void)
{
	struct amd_kfd_aql_packet wait = barrier(AMD_KFD_AQL_BARRIER_OR, signal_va(2));

	signal_at(0)->value = signal_at(1)->value = signal_at(2)->value = 1;
	wait.barrier.dependency[0] = signal_va(0);
	wait.barrier.dependency[3] = signal_va(1);
	submit(&wait);
	other_queue_works();
	igt_assert(signal_at(2)->value == 1);
	signal_at(1)->value = 0;
	expect_value(2, 0);
	igt_assert(signal_at(0)->value == 1);
}

static void barrier_value(void)
{
	struct amd_kfd_aql_packet wait = {
		.header = AMD_KFD_AQL_VENDOR | AMD_KFD_AQL_SYSTEM_FENCES |
			  AMD_KFD_AQL_BARRIER_VALUE,
		.barrier_value = {
			.signal = signal_va(0), .value = 3, .mask = 0xff,
			.condition = AMD_KFD_AQL_GREATER_EQUAL,
			.completion = signal_va(1),
		},
	};

	signal_at(0)->value = 2;
	signal_at(1)->value = 1;
	submit(&wait);
	other_queue_works();
	igt_assert(signal_at(1)->value == 1);
	/* The masked value is still too small, and the whole value would be large enough. */
	signal_at(0)->value = 0x102;
	other_queue_works();
	igt_assert(signal_at(1)->value == 1);
	signal_at(0)->value = 0x104;
	expect_value(1, 0);
	expect_read_index(1);
}

/*
 * A packet that waits for a signal runs after the packet of another queue that completes the
 * signal.
 */
static void order_of_queues(void)
{
	struct amd_kfd_aql_packet waits = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(1));
	struct amd_kfd_aql_packet signals = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(0));
	struct amd_kfd_queue other;
	uint32_t value = 0x600d;

	amd_kfd_queue_create(&aql.kfd, AMD_KFD_QUEUE_AQL, &other);
	signal_at(0)->value = signal_at(1)->value = 1;
	waits.barrier.dependency[0] = signal_va(0);
	submit(&waits);

	amd_kfd_queue_write(&other, aql.data.va, &value, 1);
	amd_kfd_queue_submit(&other);
	amd_kfd_aql_doorbell(&other, amd_kfd_aql_put(&other, &signals));
	expect_value(1, 0);
	igt_assert_eq_u32(*(volatile uint32_t *)aql.data.cpu, value);
	amd_kfd_queue_destroy(&other);
}

static void completion_event(void)
{
	struct amd_kfd_aql_packet packet = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(0));
	struct amd_kfd_event event;

	igt_assert_eq(__amd_kfd_event_create(&aql.kfd, &event), 0);
	igt_assert_eq(__amd_kfd_event_wait(&aql.kfd, &event, 0), -ETIME);
	for (int round = 2; round--;) {
		signal_at(0)->value = 1;
		signal_at(0)->mailbox = event.mailbox;
		signal_at(0)->event_id = event.trigger;
		submit(&packet);
		igt_assert_eq(__amd_kfd_event_wait(&aql.kfd, &event, WAIT_MS), 0);
		igt_assert(signal_at(0)->value == 0);
	}
	/* No signal of the KFD event object is left, because each packet has run once. */
	igt_assert_eq(__amd_kfd_event_wait(&aql.kfd, &event, 0), -ETIME);
	igt_assert_eq(__amd_kfd_event_destroy(&aql.kfd, &event), 0);
}

static void pm4_ib(void)
{
	uint32_t *data = aql.data.cpu, value[DATA_DWORDS / 8];

	for (unsigned int i = 0; i < ARRAY_LENGTH(value); i++)
		value[i] = 0x5000 + i;
	amd_kfd_queue_write(&aql.queue, aql.data.va, value, ARRAY_LENGTH(value));
	amd_kfd_queue_copy(&aql.queue, aql.data.va + sizeof(value), aql.data.va, sizeof(value));
	amd_kfd_queue_sync(&aql.queue, WAIT_MS);
	for (unsigned int i = 0; i < 2 * ARRAY_LENGTH(value); i++)
		igt_assert_eq_u32(data[i], value[i % ARRAY_LENGTH(value)]);
	expect_read_index(1);
}

/* Put more packets than the ring and the IB have room for. */
static void wrap(void)
{
	const unsigned int slots = aql.queue.ring.size / sizeof(struct amd_kfd_aql_packet);
	struct amd_kfd_aql_packet packet = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(0));
	uint32_t *data = aql.data.cpu;

	signal_at(0)->value = 3 * slots;
	for (uint32_t i = 0; i < 3 * slots; i++) {
		amd_kfd_queue_write(&aql.queue, aql.data.va + 4 * (i % DATA_DWORDS), &i, 1);
		amd_kfd_queue_submit(&aql.queue);
		submit(&packet);
	}
	expect_value(0, 0);
	for (uint32_t i = 0; i < DATA_DWORDS; i++)
		igt_assert_eq_u32(data[i], 3 * slots - DATA_DWORDS + i);
	igt_assert_lte_u64(6 * slots, *aql.queue.rptr + 1);
}

/*
 * The notifier evicts the queue while the queue waits in a packet.  After the restore the queue has
 * to wait in that packet again, and must not repeat the packet before it.
 */
static void evict_while_waiting(void)
{
	const size_t size = 16 * getpagesize();
	struct amd_kfd_aql_packet wait = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(1));
	struct amd_kfd_aql_packet before = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(2));
	uint32_t *user =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct amd_kfd_mem mem;
	uint32_t value = 0xa91;

	igt_assert(user != MAP_FAILED);
	memset(user, 0, size);
	amd_kfd_register(&aql.kfd, user, size, 0, &mem);
	signal_at(0)->value = signal_at(1)->value = signal_at(2)->value = 1;
	submit(&before);
	expect_value(2, 0);
	wait.barrier.dependency[0] = signal_va(0);
	submit(&wait);
	amd_kfd_queue_write(&aql.queue, mem.va, &value, 1);

	amd_kfd_smi_mark(&aql.smi);
	igt_assert_eq(madvise(user, size, MADV_DONTNEED), 0);
	amd_kfd_smi_wait(&aql.smi, KFD_SMI_EVENT_QUEUE_RESTORE, 1, WAIT_MS);
	igt_assert_lte(1, aql.smi.count.evictions);
	igt_assert(signal_at(1)->value == 1);

	signal_at(0)->value = 0;
	amd_kfd_queue_sync(&aql.queue, WAIT_MS);
	expect_value(1, 0);
	expect_value(2, 0); /* a second run of the packet @before would have made signal 2 -1 */
	igt_assert_eq_u32(user[0], value);
	amd_kfd_free(&aql.kfd, &mem);
	munmap(user, size);
}

/* Every packet has to run exactly once, however often the queue is evicted. */
static void evict_while_running(void)
{
	enum { PACKETS = 2000, EVERY = 100 };
	const size_t size = getpagesize();
	struct amd_kfd_aql_packet packet = barrier(AMD_KFD_AQL_BARRIER_AND, signal_va(0));
	void *user = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t *data = aql.data.cpu;
	struct amd_kfd_mem mem;

	igt_assert(user != MAP_FAILED);
	memset(user, 0, size);
	amd_kfd_register(&aql.kfd, user, size, 0, &mem);
	amd_kfd_smi_mark(&aql.smi);
	signal_at(0)->value = PACKETS;
	for (uint32_t i = 0; i < PACKETS; i++) {
		amd_kfd_queue_write(&aql.queue, aql.data.va + 4 * (i % DATA_DWORDS), &i, 1);
		amd_kfd_queue_submit(&aql.queue);
		submit(&packet);
		if (i % EVERY)
			continue;
		igt_assert_eq(madvise(user, size, MADV_DONTNEED), 0);
		*(volatile uint32_t *)user = i;
	}
	expect_value(0, 0);
	for (uint32_t i = 0; i < DATA_DWORDS; i++)
		igt_assert_eq_u32(data[i], PACKETS - 1 - (PACKETS - 1 - i) % DATA_DWORDS);
	expect_read_index(aql.queue.aql_put);
	amd_kfd_smi_wait(&aql.smi, KFD_SMI_EVENT_QUEUE_RESTORE, 1, WAIT_MS);
	igt_assert_lte(2, aql.smi.count.evictions);
	amd_kfd_free(&aql.kfd, &mem);
	munmap(user, size);
}

static const struct {
	const char *name, *describe;
	void (*run)(void);
} subtests[] = {
	{ "barrier-and", "A barrier waits until all its signals are zero.", barrier_and },
	{ "barrier-or", "A barrier waits until one of its signals is zero.", barrier_or },
	{ "barrier-value", "A vendor barrier compares a masked signal.", barrier_value },
	{ "order-of-queues", "A signal orders the packets of two queues.", order_of_queues },
	{ "completion-event", "The completion of a packet wakes a wait for the signal's event.",
	  completion_event },
	{ "pm4-ib", "A vendor packet runs PM4 in an IB.", pm4_ib },
	{ "wrap", "The ring wraps and may be full.", wrap },
	{ "evict-while-waiting", "A queue is evicted and restored at a waiting packet.",
	  evict_while_waiting },
	{ "evict-while-running", "No packet is lost or repeated when queues are evicted.",
	  evict_while_running },
};

/* Each subtest gets a new queue, whose indices begin at zero. */
static void create_queue(void)
{
	memset(aql.signals.cpu, 0, aql.signals.size);
	memset(aql.data.cpu, 0, aql.data.size);
	for (unsigned int i = 0; i < NUM_SIGNALS; i++)
		signal_at(i)->kind = AMD_KFD_SIGNAL_USER;
	amd_kfd_queue_create(&aql.kfd, AMD_KFD_QUEUE_AQL, &aql.queue);
	aql.have_queue = true;
}

static void destroy_queue(void)
{
	if (aql.have_queue)
		__amd_kfd_queue_destroy(&aql.queue);
	aql.have_queue = false;
}

int igt_main()
{
	igt_fixture() {
		struct amd_kfd kfd;
		int ret;

		aql.fd = drm_open_driver_render(DRIVER_AMDGPU);
		ret = __amd_kfd_open_novm(&kfd, aql.fd);
		amd_kfd_close(&kfd);
		igt_require_f(ret == 0, "No KFD for this GPU\n");
		amd_kfd_open(&aql.kfd, aql.fd);
		amd_kfd_smi_open(&aql.kfd, 0, &aql.smi);
		amd_kfd_alloc_gtt(&aql.kfd, NUM_SIGNALS * sizeof(struct amd_kfd_signal),
				  &aql.signals);
		amd_kfd_alloc_gtt(&aql.kfd, 4 * DATA_DWORDS, &aql.data);
	}

	for (unsigned int i = 0; i < ARRAY_LENGTH(subtests); i++) {
		igt_describe(subtests[i].describe);
		igt_subtest(subtests[i].name) {
			igt_set_timeout(SUBTEST_SECONDS, subtests[i].name);
			create_queue();
			subtests[i].run();
			igt_reset_timeout();
		}
		igt_fixture()
			destroy_queue();
	}

	igt_fixture() {
		amd_kfd_free(&aql.kfd, &aql.data);
		amd_kfd_free(&aql.kfd, &aql.signals);
		amd_kfd_smi_close(&aql.smi);
		amd_kfd_close(&aql.kfd);
		drm_close_driver(aql.fd);
	}
}
