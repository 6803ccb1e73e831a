// SPDX-License-Identifier: MIT
/*
 * Runs the packets of all generations on a simulated machine that decodes them on its own, and that
 * has a cache.  Stores of a queue have to become visible with the fence.  A queue has to see the
 * CPU's stores from before the submission, and those from before the end of a wait.
 */
#include <sched.h>

#include "pkt_machine.h"
#include "test.h"

#define WAIT_MS 20000

static const struct generation {
	enum pkt_format format;
	bool sdma;
	uint32_t version;
} generations[] = {
	{ PKT_GFX9, false, AMD_PKT_IP(9, 4, 1) },     { PKT_GFX9, false, AMD_PKT_IP(9, 4, 2) },
	{ PKT_GFX9, false, AMD_PKT_IP(9, 4, 3) },     { PKT_GFX9, false, AMD_PKT_IP(9, 5, 0) },
	{ PKT_GFX10, false, AMD_PKT_IP(10, 3, 0) },   { PKT_GFX10, false, AMD_PKT_IP(11, 0, 0) },
	{ PKT_GFX10, false, AMD_PKT_IP(11, 5, 1) },   { PKT_GFX12_0, false, AMD_PKT_IP(12, 0, 1) },
	{ PKT_GFX12_5, false, AMD_PKT_IP(12, 1, 0) }, { PKT_SDMA4_2, true, AMD_PKT_IP(4, 2, 2) },
	{ PKT_SDMA4_4, true, AMD_PKT_IP(4, 4, 0) },   { PKT_SDMA4_4, true, AMD_PKT_IP(4, 4, 2) },
	{ PKT_SDMA5, true, AMD_PKT_IP(5, 2, 0) },     { PKT_SDMA5, true, AMD_PKT_IP(6, 0, 0) },
	{ PKT_SDMA7_0, true, AMD_PKT_IP(7, 0, 1) },   { PKT_SDMA7_1, true, AMD_PKT_IP(7, 1, 0) },
};

static struct machine m;
static struct amd_kfd_queue queue;

/* Places in the machine's memory. */
enum {
	WORD_GO = 0,
	WORD_A = 64,
	WORD_B = 128,
	WORD_C = 192,
	WORD_D = 256,
	WORDS = 4096,
	SOURCE = 1 << 20,
	TARGET = 5 << 19,
	/* So large that a copy needs more than one packet. */
	COPY_SIZE = AMD_PKT_COPY_MAX + 12345,
};

static volatile uint32_t *word(unsigned int place)
{
	return (uint32_t *)(m.memory + place);
}

static uint64_t va(unsigned int place)
{
	return (uintptr_t)m.memory + place;
}

static void sync_queue(void)
{
	t_equal(__amd_kfd_queue_sync(&queue, WAIT_MS), 0);
}

static void all_packets(void)
{
	const uint32_t data[] = { 0x11223344, 0x55667788, 0x99aabbcc };

	for (unsigned int i = 0; i < COPY_SIZE; i++)
		m.memory[SOURCE + i] = i * 7 + (i >> 9);
	amd_kfd_queue_write(&queue, va(WORD_A), data, 3);
	amd_kfd_queue_copy(&queue, va(WORD_B), va(WORD_A), sizeof(data));
	amd_kfd_queue_copy(&queue, va(TARGET), va(SOURCE), COPY_SIZE);
	amd_kfd_queue_nop(&queue, 3);
	amd_kfd_queue_timestamp(&queue, va(WORD_C));
	amd_kfd_queue_fence(&queue, va(WORD_D), 0xfeedc0de);
	sync_queue();
	t_assert(!memcmp((void *)word(WORD_A), data, sizeof(data)));
	t_assert(!memcmp((void *)word(WORD_B), data, sizeof(data)));
	t_assert(!memcmp(m.memory + TARGET, m.memory + SOURCE, COPY_SIZE));
	t_equal(word(WORD_C)[0], 0x89abcdef);
	t_equal(word(WORD_C)[1], 0x01234567);
	t_equal(*word(WORD_D), 0xfeedc0de);
}

/* The first submission leaves WORD_A in the cache, so the second one has to invalidate it. */
static void submission_sees_stores(void)
{
	*word(WORD_A) = 1;
	amd_kfd_queue_copy(&queue, va(WORD_B), va(WORD_A), 4);
	sync_queue();
	t_equal(*word(WORD_B), 1);
	*word(WORD_A) = 2;
	amd_kfd_queue_copy(&queue, va(WORD_B), va(WORD_A), 4);
	sync_queue();
	t_equal(*word(WORD_B), 2);
}

/* The copy before the wait leaves WORD_A in the cache, so the wait has to invalidate it. */
static void wait_sees_stores(void)
{
	*word(WORD_GO) = 0;
	*word(WORD_A) = 3;
	amd_kfd_queue_copy(&queue, va(WORD_B), va(WORD_A), 4);
	amd_kfd_queue_poll(&queue, va(WORD_GO), 1);
	amd_kfd_queue_copy(&queue, va(WORD_C), va(WORD_A), 4);
	amd_kfd_queue_submit(&queue);
	while (!m.waiting)
		sched_yield();
	*word(WORD_A) = 4;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*word(WORD_GO) = 1;
	t_equal(__amd_kfd_queue_wait(&queue, queue.seqno, WAIT_MS), 0);
	t_equal(*word(WORD_B), 3);
	t_equal(*word(WORD_C), 4);
}

/* Packets of many lengths cross the end of the ring, and fill it. */
static void rings_wrap(void)
{
	uint32_t data[AMD_KFD_WRITE_MAX_DW];

	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int count = 1 + i * 37 % AMD_KFD_WRITE_MAX_DW;

		for (unsigned int j = 0; j < count; j++)
			data[j] = i << 16 | j;
		amd_kfd_queue_write(&queue, va(WORDS), data, count);
		if (i % 3 == 0)
			amd_kfd_queue_copy(&queue, va(WORD_B), va(WORDS), 4);
		if (i % 50 == 0)
			amd_kfd_queue_submit(&queue);
	}
	sync_queue();
	t_equal(*word(WORDS), 1999 << 16);
	t_equal(*word(WORD_B), 1998 << 16);

	/* Short packets, so that the end of the ring cuts through them at each of their dwords. */
	for (unsigned int i = 0; i < 60000; i++) {
		amd_kfd_queue_write(&queue, va(WORDS), &i, 1);
		if (i % 500 == 0)
			amd_kfd_queue_submit(&queue);
	}
	sync_queue();
	t_equal(*word(WORDS), 59999);
}

static void run(const struct generation *g, enum amd_kfd_queue_type type, unsigned int xccs)
{
	const struct amd_pkt *pkt = g->sdma ? amd_pkt_sdma(g->version)
					    : amd_pkt_compute(g->version);

	machine_start(&m, g->format, type, pkt, xccs, &queue);
	all_packets();
	submission_sees_stores();
	rings_wrap();
	wait_sees_stores();
	machine_stop(&m);
}

int main(void)
{
	for (unsigned int i = 0; i < T_ARRAY_SIZE(generations); i++) {
		const struct generation *g = &generations[i];

		if (g->sdma) {
			run(g, AMD_KFD_QUEUE_SDMA, 1);
			continue;
		}
		run(g, AMD_KFD_QUEUE_PM4, 1);
		run(g, AMD_KFD_QUEUE_AQL, 1);
		if (amd_pkt_compute(g->version)->first_xcc) {
			run(g, AMD_KFD_QUEUE_AQL, 6);
			run(g, AMD_KFD_QUEUE_AQL, 8);
		}
	}
	return 0;
}
