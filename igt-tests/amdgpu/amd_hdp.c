// SPDX-License-Identifier: MIT
/*
 * The CPU writes to VRAM through the PCIe BAR, and the host data path (HDP) of the GPU may hold
 * these writes back for any time.  Most subtests flush the HDP, each in one of the ways that a
 * process has.  After the flush the GPU must read the data that the CPU has written.
 *
 * The last subtests do not flush, so the GPU may read old data in them.  The simulated GPU does so
 * if it runs with --hdp-fifo.
 */
#include <errno.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

#include "amd_hdp.h"

IGT_TEST_DESCRIPTION("Ways to let the GPU see what the CPU has written to VRAM.");

#define ROUNDS 1000
#define DWORDS 64
#define SIZE   (DWORDS * sizeof(uint32_t))

static struct amd_userptr up;
static struct amd_kfd_mem vram; /* the first page has the data, the second one is dummy_page() */

static volatile uint32_t *dummy_page(void)
{
	return (volatile uint32_t *)((char *)vram.cpu + getpagesize());
}

/*
 * Returns the content of dword @i in @round.  All contents differ, so the test recognizes old data.
 */
static uint32_t content(unsigned int round, unsigned int i)
{
	return (round + 1) * DWORDS + i;
}

static void write_vram(unsigned int round)
{
	volatile uint32_t *dw = vram.cpu;

	for (unsigned int i = 0; i < DWORDS; i++)
		dw[i] = content(round, i);
}

/*
 * Let the current queue copy the data to system memory.  Returns the number of the first dword
 * whose copy differs from the value that the CPU has written in @round, or DWORDS if none differs.
 */
static unsigned int first_stale(unsigned int round)
{
	const uint32_t *out = up.out.cpu;
	unsigned int i;

	amd_kfd_queue_copy(up.queue, up.out.va, vram.va, SIZE);
	amd_kfd_queue_sync(up.queue, AMD_USERPTR_WAIT_MS);
	for (i = 0; i < DWORDS; i++)
		if (out[i] != content(round, i))
			break;
	return i;
}

void amd_hdp_all_rounds(void (*flush)(void *arg), void *arg)
{
	const uint32_t *out = up.out.cpu;

	/*
	 * Let the queue work once before the CPU writes, so that the scheduler has mapped it.  When
	 * the scheduler maps a queue, the GPU reads the queue's write pointer in system memory
	 * without a doorbell.  In the simulated GPU this read may overtake the CPU's stores to
	 * VRAM, because the stores are messages to the simulated GPU and the write pointer is in
	 * shared memory.  In that case the queue would copy before the stores have arrived, and a
	 * flush by one of its packets would come too early.
	 */
	amd_kfd_queue_copy(up.queue, up.out.va, vram.va, SIZE);
	amd_kfd_queue_sync(up.queue, AMD_USERPTR_WAIT_MS);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int i;

		write_vram(round);
		flush(arg);
		i = first_stale(round);
		igt_assert_f(i == DWORDS, "round %u: stale dword %u, %#x instead of %#x\n", round,
			     i, out[i], content(round, i));
	}
}

/* ---- by a packet of the queue itself ---- */

static void nothing(void *arg)
{
}

/*
 * The subtest calls no flush, because the queue's packets have an acquire fence of the scope
 * "system" (amd_kfd_aql_pm4()), and this fence flushes.
 */
static void aql_acquire(struct amd_userptr *unused)
{
	amd_userptr_use_queue(&up, AMD_KFD_QUEUE_AQL);
	amd_hdp_all_rounds(nothing, NULL);
}

/*
 * Test the other direction: the queue stores to VRAM, its packet ends with a release fence of the
 * scope "system", and the CPU reads.  Before each packet the CPU stores to the same place, and this
 * older store may still be in the HDP.  The packet's acquire fence has to write the older store to
 * VRAM before the queue stores.  Otherwise the older store overwrites the queue's store later.
 */
static void aql_release(struct amd_userptr *unused)
{
	volatile uint32_t *dw = vram.cpu;
	uint32_t *in = up.in.cpu;

	amd_userptr_use_queue(&up, AMD_KFD_QUEUE_AQL);
	/* Let the queue work once before the CPU writes, for the reason in amd_hdp_all_rounds(). */
	amd_kfd_queue_copy(up.queue, vram.va, up.in.va, SIZE);
	amd_kfd_queue_sync(up.queue, AMD_USERPTR_WAIT_MS);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < DWORDS; i++) {
			in[i] = content(round, i);
			dw[i] = ~content(round, i);
		}
		amd_kfd_queue_copy(up.queue, vram.va, up.in.va, SIZE);
		amd_kfd_queue_sync(up.queue, AMD_USERPTR_WAIT_MS);
		for (unsigned int i = 0; i < DWORDS; i++) {
			const uint32_t found = dw[i];

			igt_assert_f(found == content(round, i),
				     "round %u: stale dword %u, %#x instead of %#x\n", round, i,
				     found, content(round, i));
		}
	}
}

/*
 * ROCr lets SDMA flush the HDP before a copy by this POLL_REGMEM: 0x80000000 as the high half of
 * the address asks for the flush (docs/hdp.md).
 */
static void emit_sdma_flush(void *arg)
{
	static const uint32_t packet[] = { 0x8, 0, 0x80000000, 0, 0, 0 };

	amd_kfd_queue_emit(up.queue, packet, ARRAY_LENGTH(packet));
}

static void sdma_packet(struct amd_userptr *unused)
{
	amd_userptr_use_queue(&up, AMD_KFD_QUEUE_SDMA);
	amd_hdp_all_rounds(emit_sdma_flush, NULL);
}

/* ---- by the driver: it flushes on the ring before each IB (amdgpu_ib.c:269) ---- */

static struct amd_userptr_cs cs;

static void submit_noop(void *arg)
{
	uint64_t seq;

	amd_userptr_cs_begin(&cs);
	amd_kfd_queue_nop(&cs.packets, 1);
	igt_assert_eq(__amd_userptr_cs_submit(&cs, NULL, 0, &seq), 0);
	igt_assert_eq(__amd_userptr_cs_wait(&cs, seq, AMD_USERPTR_WAIT_MS), 0);
}

static void close_cs(struct amd_userptr *unused)
{
	amd_userptr_cs_close(&cs);
}

static void noop(struct amd_userptr *unused, const void *data)
{
	const enum amd_kfd_queue_type *ring = data;

	amd_userptr_use_queue(&up, AMD_KFD_QUEUE_PM4);
	igt_assert_eq(__amd_userptr_cs_open(up.fd, *ring, &cs), 0);
	up.undo = close_cs;
	amd_hdp_all_rounds(submit_noop, NULL);
}

/* ---- by the CPU ---- */

/* KFD's mapping of the MMIO remap page, which has the flush register. */
static struct {
	volatile uint32_t *dw;
	uint64_t va, handle;
} remapped;

/*
 * Read the register after the write, because the read returns only when the write has arrived at
 * the GPU.
 */
void amd_hdp_write_remapped(volatile uint32_t *page)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	page[KFD_MMIO_REMAP_HDP_MEM_FLUSH_CNTL / 4] = 1;
	(void)page[KFD_MMIO_REMAP_HDP_MEM_FLUSH_CNTL / 4];
}

static void write_remapped(void *arg)
{
	amd_hdp_write_remapped(remapped.dw);
}

static void free_remapped(struct amd_userptr *unused)
{
	if (remapped.handle)
		igt_assert_eq(__amd_kfd_free_memory(&up.kfd, remapped.handle), 0);
	amd_kfd_va_release(remapped.va, getpagesize());
	memset(&remapped, 0, sizeof(remapped));
}

/*
 * Returns the offset in /dev/kfd at which KFD maps the remap page of a GPU: the type in the offset,
 * KFD_MMAP_TYPE_MMIO, is 0, and the GPU's number begins at bit 46
 * (drivers/gpu/drm/amd/amdkfd/kfd_priv.h:68-79).
 */
static uint64_t remapped_offset(void)
{
	return (uint64_t)up.kfd.node.gpu_id << 46;
}

/*
 * A CPU page that is larger than the remap page would map other registers, too.  So with such CPU
 * pages KFD must not allocate the remap page, even if the process asks for the size of the remap
 * page only.  Nor must KFD map the remap page for a process that has guessed the page's offset.
 */
static void remap_page_refused(uint64_t va)
{
	uint64_t offset = 0, handle = 0;

	igt_assert_eq(__amd_kfd_alloc_memory(&up.kfd, va, AMD_HDP_REMAP_PAGE_SIZE,
					     KFD_IOC_ALLOC_MEM_FLAGS_MMIO_REMAP |
						     KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE,
					     &offset, &handle),
		      -EINVAL);
	igt_assert(mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, up.kfd.fd,
			remapped_offset()) == MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
}

static void remap_page(struct amd_userptr *unused)
{
	const size_t size = getpagesize();
	uint64_t offset = 0;
	void *page;
	int ret;

	remapped.va = amd_kfd_va_reserve(size, 0);
	igt_assert(remapped.va);
	up.undo = free_remapped;
	ret = __amd_kfd_alloc_memory(&up.kfd, remapped.va, size,
				     KFD_IOC_ALLOC_MEM_FLAGS_MMIO_REMAP |
					     KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE,
				     &offset, &remapped.handle);
	if (size > AMD_HDP_REMAP_PAGE_SIZE) {
		igt_assert_eq(ret, -ENOMEM);
		remap_page_refused(remapped.va);
		return;
	}
	/*
	 * A virtual function of SR-IOV has no remap page (kfd_chardev.c,
	 * kfd_ioctl_alloc_memory_of_gpu()).
	 */
	igt_require_f(ret != -ENOMEM, "KFD has no page with the HDP flush register\n");
	igt_assert_eq(ret, 0);
	/* Check remapped_offset() here, because remap_page_refused() gets no offset from KFD. */
	igt_assert_eq_u64(offset, remapped_offset());
	page = mmap((void *)(uintptr_t)remapped.va, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, up.kfd.fd, offset);
	igt_assert(page != MAP_FAILED);
	remapped.dw = page;
	amd_userptr_use_queue(&up, AMD_KFD_QUEUE_PM4);
	amd_hdp_all_rounds(write_remapped, NULL);
}

/*
 * Write the last byte again behind a memory barrier, and read it behind another barrier, as ROCm's
 * clr does for gfx90a and gfx94x.  The read pushes all earlier writes to VRAM.
 */
static void read_last_byte(void *arg)
{
	volatile uint8_t *last = (uint8_t *)vram.cpu + SIZE - 1;
	uint8_t value = content(*(unsigned int *)arg, DWORDS - 1) >> 24;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*last = value;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	(void)*last;
	++*(unsigned int *)arg;
}

static void read_back(struct amd_userptr *unused)
{
	unsigned int round = 0;

	amd_userptr_use_queue(&up, AMD_KFD_QUEUE_PM4);
	amd_hdp_all_rounds(read_last_byte, &round);
}

/*
 * Two writes to another page of VRAM and a read of it, which a mail on amd-gfx proposed in December
 * 2025.
 */
static void access_dummy_page(void *arg)
{
	volatile uint32_t *page = dummy_page();

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	page[0] = 1;
	page[16] = 1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	(void)page[16];
}

static void use_dummy_page(struct amd_userptr *unused)
{
	amd_userptr_use_queue(&up, AMD_KFD_QUEUE_PM4);
	amd_hdp_all_rounds(access_dummy_page, NULL);
}

/* ---- without a flush ---- */

/*
 * Shows that the rounds of the other subtests need their flush: without a flush the GPU reads old
 * data in some round.  If the GPU never reads old data, the subtest skips.
 */
static void without(struct amd_userptr *unused, const void *data)
{
	const enum amd_kfd_queue_type *type = data;
	unsigned int stale = 0;

	amd_userptr_use_queue(&up, *type);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		write_vram(round);
		stale += first_stale(round) < DWORDS;
	}
	igt_info("stale in %u of %u rounds\n", stale, ROUNDS);
	igt_skip_on_f(!stale, "the GPU has seen all writes without a flush\n");
}

static const enum amd_kfd_queue_type pm4 = AMD_KFD_QUEUE_PM4, sdma = AMD_KFD_QUEUE_SDMA;

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "aql-acquire",
	  .run = aql_acquire,
	  .describe = "An AQL packet acquires at the scope \"system\"." },
	{ .name = "aql-release",
	  .run = aql_release,
	  .describe = "The CPU reads what an AQL queue has stored over older stores of the CPU." },
	{ .name = "sdma-packet",
	  .run = sdma_packet,
	  .describe = "ROCr's packet flushes in an SDMA queue." },
	{ .name = "noop-compute",
	  .run_with = noop,
	  .data = &pm4,
	  .describe = "A submission of a NOP to a compute ring flushes." },
	{ .name = "noop-sdma",
	  .run_with = noop,
	  .data = &sdma,
	  .describe = "A submission of a NOP to an SDMA ring flushes." },
	{ .name = "remap-page",
	  .run = remap_page,
	  .describe =
		  "A write to KFD's page with the flush register; no such page with larger CPU pages." },
	{ .name = "ioctl", .run = amd_hdp_ioctl, .describe = "The render node's ioctl flushes." },
	{ .name = "ioctl-errors",
	  .run = amd_hdp_ioctl_errors,
	  .describe = "The ioctl refuses unknown flags." },
	{ .name = "open-global",
	  .run = amd_hdp_open_global,
	  .describe =
		  "A write to the remap page of the render node; no such page with larger CPU pages." },
	{ .name = "open-global-uses",
	  .run = amd_hdp_open_global_uses,
	  .describe = "The BO of the remap page can be mapped to the CPU, and nothing else." },
	{ .name = "read-back",
	  .run = read_back,
	  .describe = "A read of the last byte that was written." },
	{ .name = "dummy-page",
	  .run = use_dummy_page,
	  .describe = "Two writes to and a read of another page of VRAM." },
	{ .name = "without-pm4",
	  .run_with = without,
	  .data = &pm4,
	  .describe = "Without a flush a PM4 queue reads old data, or the test skips." },
	{ .name = "without-sdma",
	  .run_with = without,
	  .data = &sdma,
	  .describe = "Without a flush an SDMA queue reads old data, or the test skips." },
};

int igt_main()
{
	igt_fixture() {
		int ret;

		amd_userptr_fixture_open(&up);
		ret = __amd_kfd_alloc_visible_vram(&up.kfd, 2 * getpagesize(), &vram);
		igt_require_f(ret != -EINVAL, "the CPU cannot access all of VRAM\n");
		igt_assert_eq(ret, 0);
	}
	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	igt_fixture() {
		amd_kfd_free(&up.kfd, &vram);
		amd_userptr_fixture_close(&up);
	}
}
