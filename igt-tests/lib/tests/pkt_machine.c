// SPDX-License-Identifier: MIT
#include <sched.h>
#include <stdlib.h>

#include "pkt_machine.h"
#include "test.h"

#define RING_BYTES  (64u << 10)
#define RING_DWORDS (RING_BYTES / 4)

enum { ABSENT, CLEAN, DIRTY };

/* ---- the cache ---- */

static uint64_t offset_of(const struct machine *m, uint64_t va, uint64_t size)
{
	uint64_t offset = va - (uintptr_t)m->memory;

	t_assert(offset < MACHINE_BYTES && size <= MACHINE_BYTES - offset);
	return offset;
}

static void write_back(struct machine *m, uint64_t offset, uint64_t size)
{
	for (uint64_t i = offset; i < offset + size; i++) {
		if (m->state[i] == DIRTY) {
			m->memory[i] = m->cache[i];
			m->state[i] = CLEAN;
		}
	}
}

/* SDMA 4 accesses memory without this cache. */
static bool has_cache(const struct machine *m, bool uncached)
{
	return !uncached && !(m->format & PKT_SDMA4);
}

static void set_state(struct machine *m, uint64_t offset, uint8_t state)
{
	m->state[offset] = state;
	if (offset < m->low)
		m->low = offset;
	if (offset >= m->high)
		m->high = offset + 1;
}

static uint8_t load(struct machine *m, uint64_t offset, bool uncached)
{
	if (!has_cache(m, uncached)) {
		write_back(m, offset, 1);
		return m->memory[offset];
	}
	if (m->state[offset] == ABSENT) {
		m->cache[offset] = m->memory[offset];
		set_state(m, offset, CLEAN);
	}
	return m->cache[offset];
}

static void store(struct machine *m, uint64_t offset, uint8_t byte, bool uncached)
{
	if (!has_cache(m, uncached)) {
		m->memory[offset] = byte;
		m->state[offset] = ABSENT;
	} else {
		m->cache[offset] = byte;
		set_state(m, offset, DIRTY);
	}
}

static void store_bytes(struct machine *m, uint64_t va, const void *data, uint64_t size,
			bool uncached)
{
	uint64_t offset = offset_of(m, va, size);

	for (uint64_t i = 0; i < size; i++)
		store(m, offset + i, ((const uint8_t *)data)[i], uncached);
}

static void work_on_cache(struct machine *m, const struct pkt_op *op)
{
	if (m->low >= m->high)
		return;
	if (op->write_back)
		write_back(m, m->low, m->high - m->low);
	if (op->invalidate) { /* loses all bytes that are still DIRTY */
		memset(m->state + m->low, ABSENT, m->high - m->low);
		m->low = MACHINE_BYTES;
		m->high = 0;
	}
}

/* ---- packets ---- */

static void copy(struct machine *m, const struct pkt_op *op)
{
	uint64_t dst = offset_of(m, op->dst, op->count);
	uint64_t src = offset_of(m, op->src, op->count);

	for (uint32_t i = 0; i < op->count; i++)
		store(m, dst + i, load(m, src + i, op->uncached), op->uncached);
}

/* The polls of CP and SDMA read memory itself, because a poll that a cache answers never ends. */
static void wait_for(struct machine *m, const struct pkt_op *op)
{
	volatile uint32_t *word = (uint32_t *)(m->memory + offset_of(m, op->src, 4));

	while (*word != op->value && !m->stop) {
		m->waiting = true;
		sched_yield();
	}
	m->waiting = false;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static void execute(struct machine *m, const struct pkt_op *op)
{
	const uint64_t clock = 0x0123456789abcdef;
	/* gfx9's RELEASE_MEM stores to the memory controller, so past the cache. */
	bool uncached = op->uncached || m->format == PKT_GFX9;

	m->executed++;
	switch (op->kind) {
	case PKT_STORE:
		store_bytes(m, op->dst, op->data, 4 * op->count, op->uncached);
		break;
	case PKT_COPY:
		copy(m, op);
		break;
	case PKT_FENCE:
		work_on_cache(m, op);
		__atomic_thread_fence(__ATOMIC_RELEASE);
		/* The queue's own fence is outside of the memory under test. */
		if (op->dst == (uintptr_t)m->queue->fence) {
			t_assert(uncached || m->format & PKT_SDMA4);
			*m->queue->fence = op->value;
		} else {
			store_bytes(m, op->dst, &op->value, 4, uncached);
		}
		break;
	case PKT_CLOCK:
		work_on_cache(m, op);
		store_bytes(m, op->dst, &clock, 8, uncached);
		break;
	case PKT_WAIT:
		wait_for(m, op);
		break;
	case PKT_CACHE:
		work_on_cache(m, op);
		break;
	default:
		fprintf(stderr, "%s in a queue\n", op->name);
		exit(1);
	}
}

static void decode(struct machine *m, const uint32_t *dw, unsigned int left, struct pkt_op *op)
{
	const char *why = pkt_decode(m->format, dw, left, op);

	if (!why)
		return;
	fprintf(stderr, "format 0x%x: %s\n", m->format, why);
	exit(1);
}

/* Let one XCC execute the IB.  Returns how many packets it executed. */
static unsigned int run_ib(struct machine *m, const uint32_t *dw, unsigned int count,
			   unsigned int xcc)
{
	unsigned int before = m->executed, at = 0;

	while (at < count) {
		struct pkt_op op;

		decode(m, dw + at, count - at, &op);
		at += op.dwords;
		if (op.kind == PKT_XCCS && !(op.value & 1u << xcc)) {
			/* Skip whole packets. */
			unsigned int end = at + op.count;

			t_assert(end <= count);
			while (at < end) {
				decode(m, dw + at, count - at, &op);
				at += op.dwords;
			}
			t_equal(at, end);
		} else if (op.kind != PKT_XCCS && op.kind != PKT_NOP) {
			execute(m, &op);
		}
	}
	t_equal(at, count);
	return m->executed - before;
}

/* ---- queues ---- */

/* Copy each packet out of the ring before decoding it, because it may cross the ring's end. */
static void run_ring(struct machine *m)
{
	const uint32_t *ring = m->queue->ring.cpu;
	uint64_t put = *m->queue->doorbell / (m->queue->type == AMD_KFD_QUEUE_SDMA ? 4 : 1);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	while (m->get < put) {
		uint32_t dw[AMD_PKT_MAX_DW + AMD_KFD_WRITE_MAX_DW];
		unsigned int left = put - m->get < T_ARRAY_SIZE(dw) ? put - m->get
								    : T_ARRAY_SIZE(dw);
		struct pkt_op op;

		for (unsigned int i = 0; i < left; i++)
			dw[i] = ring[(m->get + i) % RING_DWORDS];
		decode(m, dw, left, &op);
		m->get += op.dwords;
		*m->queue->rptr = m->get;
		if (op.kind != PKT_NOP)
			execute(m, &op);
	}
}

/* Subtract one from the value of a signal. */
static void complete(uint64_t signal)
{
	if (signal)
		__atomic_sub_fetch((int64_t *)(uintptr_t)(signal + 8), 1, __ATOMIC_SEQ_CST);
}

/*
 * A vendor packet: header, format, an IB, the number of the dwords behind it, a completion signal.
 */
static void run_aql_packet(struct machine *m, uint32_t *slot)
{
	struct pkt_op all = { .write_back = true, .invalidate = true }, ib;

	t_equal(slot[0] & 0xff, 0);    /* vendor */
	t_equal(slot[0] >> 8 & 1, 1);  /* barrier */
	t_equal(slot[0] >> 9 & 3, 2);  /* acquire for the system */
	t_equal(slot[0] >> 11 & 3, 2); /* release for the system */
	t_equal(slot[0] >> 16, 1);     /* PM4 IB */
	t_equal(slot[5], 10);
	decode(m, slot + 1, 4, &ib);
	t_equal(ib.kind, PKT_IB);
	work_on_cache(m, &all);
	for (unsigned int xcc = 0; xcc < m->xccs; xcc++) {
		unsigned int did = run_ib(m, (const uint32_t *)(uintptr_t)ib.src, ib.count, xcc);

		t_assert(!xcc || !did);
	}
	work_on_cache(m, &all);
	__atomic_store_n(slot, 1 /* invalid */, __ATOMIC_RELEASE);
	complete((uint64_t)slot[15] << 32 | slot[14]);
}

static void run_aql(struct machine *m)
{
	const unsigned int slots = RING_BYTES / 64;
	uint64_t end = *m->queue->doorbell + 1;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	for (; m->get < end; m->get++, *m->queue->rptr = m->get)
		run_aql_packet(m, (uint32_t *)m->queue->ring.cpu + m->get % slots * 16);
}

static void *run(void *arg)
{
	struct machine *m = arg;

	while (!m->stop) {
		if (m->queue->type == AMD_KFD_QUEUE_AQL)
			run_aql(m);
		else
			run_ring(m);
		sched_yield();
	}
	return NULL;
}

static void *allocate(size_t size)
{
	void *memory = aligned_alloc(4096, size);

	t_assert(memory);
	memset(memory, 0, size);
	return memory;
}

void machine_start(struct machine *m, enum pkt_format format, enum amd_kfd_queue_type type,
		   const struct amd_pkt *pkt, unsigned int xccs, struct amd_kfd_queue *queue)
{
	uint64_t *pointers = allocate(4096);

	memset(m, 0, sizeof(*m));
	memset(queue, 0, sizeof(*queue));
	t_assert(pkt);
	queue->type = type;
	queue->pkt = pkt;
	queue->first_xcc_only = type == AMD_KFD_QUEUE_AQL && xccs > 1;
	queue->ring.cpu = allocate(RING_BYTES);
	queue->ring.size = RING_BYTES;
	queue->ib.cpu = allocate(RING_BYTES);
	queue->ib.va = (uintptr_t)queue->ib.cpu;
	queue->rptr = &pointers[0];
	queue->wptr = &pointers[8];
	queue->doorbell = &pointers[24];
	/* amd_kfd_queue.c has its fence at these places of the control page. */
	queue->control.cpu = pointers;
	queue->control.va = (uintptr_t)pointers;
	queue->fence = (void *)((char *)pointers + (type == AMD_KFD_QUEUE_AQL ? 256 : 128));
	if (type == AMD_KFD_QUEUE_AQL) {
		amd_kfd_aql_init_ring(queue);
		*queue->doorbell = ~0ull; /* one before the first packet */
	}
	if (queue->first_xcc_only)
		amd_kfd_aql_init_completion(queue, 320);
	m->low = MACHINE_BYTES;
	m->format = format;
	m->xccs = xccs;
	m->queue = queue;
	m->memory = allocate(MACHINE_BYTES);
	m->cache = allocate(MACHINE_BYTES);
	m->state = allocate(MACHINE_BYTES);
	t_equal(pthread_create(&m->thread, NULL, run, m), 0);
}

void machine_stop(struct machine *m)
{
	m->stop = true;
	t_equal(pthread_join(m->thread, NULL), 0);
	free(m->memory);
	free(m->cache);
	free(m->state);
	free(m->queue->ring.cpu);
	free(m->queue->ib.cpu);
	free(m->queue->control.cpu);
}
