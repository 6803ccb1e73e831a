// SPDX-License-Identifier: MIT
/*
 * A process makes userptrs with AMDGPU_GEM_USERPTR_HSA on the render nodes of two GPUs.  KFD has
 * one amdkfd_process_info for both, so each event has to evict and restore the queues of both GPUs,
 * and both GPUs have to get the new pages.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_gate.h"
#include "lib/igt_tracefs.h"

IGT_TEST_DESCRIPTION("GEM userptrs that KFD queues of several GPUs access.");

#define SIZE ((size_t)16 * getpagesize())

static struct amd_userptr first, second;

/* Some subtests also run with SDMA queues: let the second GPU use the same kind as the first. */
static void follow(const struct amd_userptr *up)
{
	amd_userptr_use_queue(&second, up->queue->type);
}

/* Make a userptr of the same memory on the second GPU. */
static struct amd_userptr_bo *share(const struct amd_userptr_bo *bo)
{
	struct amd_userptr_bo *mine =
		amd_userptr_create(&second, bo->cpu, bo->size, AMD_USERPTR_TRACKED);

	amd_userptr_map(&second, mine);
	return mine;
}

static void mark(void)
{
	amd_kfd_smi_mark(&first.smi);
	amd_kfd_smi_mark(&second.smi);
}

/* Assert that the queues of each GPU were evicted @evictions times; 0: once or more. */
static void expect_evictions_of_both(unsigned int evictions)
{
	amd_userptr_expect_evictions(&first, evictions);
	amd_userptr_expect_evictions(&second, evictions);
}

/*
 * The first GPU stores and the second one reads; then the second stores, and the first and the CPU
 * read.
 */
static void pass_on(struct amd_userptr_bo *a, struct amd_userptr_bo *b, uint32_t seed)
{
	amd_userptr_gpu_fill(&first, a->va, a->size, seed);
	amd_userptr_gpu_check(&second, b->va, b->size, seed);
	amd_userptr_gpu_fill(&second, b->va, b->size, seed + 1);
	amd_userptr_gpu_check(&first, a->va, a->size, seed + 1);
	amd_pattern_check(a->cpu, a->size, seed + 1, "written by the second GPU");
}

static void same_memory(struct amd_userptr *up)
{
	struct amd_userptr_bo *a = amd_userptr_tracked(up, SIZE, 1), *b = share(a);

	follow(up);
	pass_on(a, b, 2);
	mark();
	amd_userptr_dontneed(a);
	expect_evictions_of_both(1);
	amd_userptr_gpu_check_zero(&first, a->va, SIZE);
	amd_userptr_gpu_check_zero(&second, b->va, SIZE);
	pass_on(a, b, 4);
}

static void one_evicts_both(struct amd_userptr *up)
{
	struct amd_userptr_bo *a = amd_userptr_tracked(up, SIZE, 1);
	struct amd_userptr_bo *b = amd_userptr_tracked(&second, SIZE, 2);

	follow(up);
	mark();
	amd_userptr_dontneed(a);
	expect_evictions_of_both(1);
	amd_userptr_gpu_check_zero(&first, a->va, SIZE);
	amd_userptr_gpu_check(&second, b->va, SIZE, 2);

	mark();
	amd_userptr_dontneed(b);
	expect_evictions_of_both(1);
	amd_userptr_gpu_check_zero(&second, b->va, SIZE);
	amd_userptr_roundtrip(&first, a, 3);
	amd_userptr_roundtrip(&second, b, 5);
}

/* Both GPUs store after a fork; the stores have to reach the parent's pages, not the child's. */
static void fork_cow(struct amd_userptr *up)
{
	struct amd_userptr_bo *a = amd_userptr_tracked(up, SIZE, 1), *b = share(a);
	struct igt_gate written;

	follow(up);
	igt_gate_init(&written);
	mark();
	igt_fork(child, 1) {
		igt_assert(igt_gate_is_open(&written, AMD_USERPTR_WAIT_MS));
		amd_pattern_check(a->cpu, SIZE, 1, "copy of the child");
	}
	expect_evictions_of_both(0);
	pass_on(a, b, 2);
	igt_gate_open(&written);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child's comparison");
	expect_evictions_of_both(0);
	igt_gate_fini(&written);
}

/* Drop pages while copies of both GPUs are in flight. */
static void change_while_both_copy(struct amd_userptr *up)
{
	enum { ROUNDS = 20, COPIES = 4 };
	struct amd_userptr_bo *a = amd_userptr_tracked(up, SIZE, 1), *b = share(a);

	follow(up);
	mark();
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t seqno[2];

		for (unsigned int i = 0; i < COPIES; i++) {
			amd_kfd_queue_copy(first.queue, first.out.va, a->va, SIZE);
			amd_kfd_queue_copy(second.queue, second.out.va, b->va, SIZE);
		}
		seqno[0] = amd_kfd_queue_submit(first.queue);
		seqno[1] = amd_kfd_queue_submit(second.queue);
		amd_userptr_dontneed(a);
		amd_pattern_fill(a->cpu, SIZE, round);
		amd_kfd_queue_wait(first.queue, seqno[0], AMD_USERPTR_WAIT_MS);
		amd_kfd_queue_wait(second.queue, seqno[1], AMD_USERPTR_WAIT_MS);
		amd_userptr_gpu_check(&first, a->va, SIZE, round);
		amd_userptr_gpu_check(&second, b->va, SIZE, round);
	}
	expect_evictions_of_both(0);
	igt_assert_lte(2, first.smi.count.evictions);
	pass_on(a, b, ROUNDS);
}

/* After a close on one GPU the driver still tracks the memory for the other GPU. */
static void close_on_one(struct amd_userptr *up)
{
	struct amd_userptr_bo *a = amd_userptr_tracked(up, SIZE, 1), *b = share(a);
	void *cpu = a->cpu;

	follow(up);
	amd_userptr_destroy(up, a);
	mark();
	igt_assert_eq(madvise(cpu, SIZE, MADV_DONTNEED), 0);
	expect_evictions_of_both(1);
	amd_userptr_gpu_check_zero(&second, b->va, SIZE);
	amd_userptr_roundtrip(&second, b, 2);
	amd_userptr_queue_alive(up);

	amd_userptr_destroy(&second, b);
	mark();
	igt_assert_eq(madvise(cpu, SIZE, MADV_DONTNEED), 0);
	amd_userptr_expect_no_eviction(up);
	amd_userptr_expect_no_eviction(&second);
}

/* ---- a buffer of the second GPU that the first one imports ---- */

/* Let TTM evict all GTT memory of a GPU. */
static void evict_gtt(const struct amd_userptr *up)
{
	int file = __amd_info_debugfs(up->fd, "amdgpu_evict_gtt");
	char text[32];
	ssize_t got;

	igt_require_f(file >= 0, "no debugfs file to evict with\n");
	got = read(file, text, sizeof(text));
	close(file);
	igt_assert_lt(0, got);
	igt_assert_eq(strtol(text, NULL, 10), 0);
}

/* Make a buffer of SIZE bytes on the second GPU.  Returns its dma-buf, and fills in @handle. */
static int export_from_second(uint32_t *handle)
{
	union drm_amdgpu_gem_create create = {
		.in = { .bo_size = SIZE, .domains = AMDGPU_GEM_DOMAIN_GTT },
	};
	int dmabuf;

	igt_assert_eq(drmIoctl(second.fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
	*handle = create.out.handle;
	amd_userptr_adopt_bo(&second, *handle, NULL, SIZE);
	igt_assert_eq(drmPrimeHandleToFD(second.fd, *handle, DRM_CLOEXEC, &dmabuf), 0);
	return dmabuf;
}

/* Import a dma-buf into the file @fd, and close the descriptor.  Returns the handle. */
static uint32_t import(int fd, int dmabuf)
{
	uint32_t handle;

	igt_assert_eq(drmPrimeFDToHandle(fd, dmabuf, &handle), 0);
	close(dmabuf);
	return handle;
}

/*
 * Make a buffer of SIZE bytes on the second GPU, and import it into the first.  The CPU maps the
 * buffer and has filled it with the pattern of @seed.
 */
static struct amd_userptr_bo *import_from_second(struct amd_userptr *up, uint32_t seed)
{
	union drm_amdgpu_gem_mmap map = { 0 };
	int dmabuf = export_from_second(&map.in.handle);
	void *cpu;

	igt_assert_eq(drmIoctl(second.fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &map), 0);
	cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, second.fd, map.out.addr_ptr);
	igt_assert(cpu != MAP_FAILED);
	amd_pattern_fill(amd_userptr_adopt(up, cpu, SIZE), SIZE, seed);
	return amd_userptr_adopt_bo(up, import(up->fd, dmabuf), cpu, SIZE);
}

/*
 * Evict the buffer, and map it once more with the VA ioctl.  Returns whether the ioctl has ended
 * before the restore.
 */
static bool map_while_evicted(struct amd_userptr *up, const struct amd_userptr_bo *bo, uint64_t va)
{
	bool evicted;

	amd_kfd_smi_mark(&up->smi);
	evict_gtt(&second);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, bo->handle, va, 0, SIZE,
				       AMD_USERPTR_RW),
		      0);
	evicted = amd_userptr_queues_evicted(up);
	amd_kfd_smi_wait(&up->smi, KFD_SMI_EVENT_QUEUE_RESTORE, up->smi.count.evictions,
			 AMD_USERPTR_WAIT_MS);
	return evicted;
}

/*
 * The VA ioctl maps an import once more that has no memory, because TTM has evicted it.  The ioctl
 * or the restore has to bring the memory back and map it at both addresses.
 */
static void map_evicted_import(struct amd_userptr *up)
{
	/* More than one, because an ioctl may end between the restore and its event. */
	enum { ROUNDS = 20, WANT_EARLY = 4 };
	const uint64_t va = amd_kfd_va_reserve(SIZE, 0);
	struct amd_userptr_bo *bo;
	unsigned int early = 0;

	igt_assert(va);
	bo = import_from_second(up, 1);
	amd_userptr_map(up, bo);
	amd_userptr_gpu_check(up, bo->va, SIZE, 1);
	for (unsigned int round = 0; round < ROUNDS && early < WANT_EARLY; round++) {
		early += map_while_evicted(up, bo, va);
		amd_userptr_gpu_check(up, bo->va, SIZE, 1);
		amd_userptr_gpu_check(up, va, SIZE, 1);
		igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_UNMAP, bo->handle, va, 0, SIZE, 0),
			      0);
	}
	amd_kfd_va_release(va, SIZE);
	igt_require_f(early >= WANT_EARLY, "only %u ioctls ended before the restore\n", early);
}

/* Evict all GTT memory of the GPU @of, and wait until the queues of @up run again. */
static void evict_and_restore(struct amd_userptr *up, const struct amd_userptr *of)
{
	amd_kfd_smi_mark(&up->smi);
	evict_gtt(of);
	amd_kfd_smi_wait(&up->smi, KFD_SMI_EVENT_QUEUE_RESTORE, 1, AMD_USERPTR_WAIT_MS);
}

/*
 * TTM evicts the import itself, for the GPU that has imported it, and then the buffer, for the GPU
 * that has exported it.
 */
static void evict_import(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = import_from_second(up, 1);

	amd_userptr_map(up, bo);
	amd_userptr_gpu_check(up, bo->va, SIZE, 1);
	for (uint32_t round = 1; round < 5; round++) {
		evict_and_restore(up, up);
		amd_userptr_gpu_check(up, bo->va, SIZE, round);
		evict_and_restore(up, &second);
		amd_userptr_gpu_check(up, bo->va, SIZE, round);
		amd_userptr_gpu_fill(up, bo->va, SIZE, round + 1);
		amd_pattern_check(bo->cpu, SIZE, round + 1, "stored by the GPU");
	}
}

/* Submit an IB of no-ops that lists @count BOs, and wait for its end. */
static void submit(struct amd_userptr_cs *cs, const uint32_t *handles, unsigned int count)
{
	uint64_t seq;

	amd_userptr_cs_begin(cs);
	igt_assert_eq(__amd_userptr_cs_submit(cs, handles, count, &seq), 0);
	igt_assert_eq(__amd_userptr_cs_wait(cs, seq, AMD_USERPTR_WAIT_MS), 0);
}

/*
 * TTM evicts an import of a file that no KFD process uses.  The next submission does not list the
 * import, so it gets no memory for it, and has to clear its page table entries.
 */
static void evict_unlisted(struct amd_userptr *up)
{
	const uint64_t va = amd_kfd_va_reserve(SIZE, 0);
	struct amd_userptr client = { .fd = drm_reopen_driver(up->fd) };
	struct amd_vm_trace trace;
	struct amd_userptr_cs cs;
	uint32_t handle;

	igt_assert(va);
	handle = import(client.fd, export_from_second(&handle));
	igt_assert_eq(drmSyncobjCreate(client.fd, 0, &client.syncobj), 0);
	igt_assert_eq(__amd_userptr_va(&client, AMDGPU_VA_OP_MAP, handle, va, 0, SIZE,
				       AMD_USERPTR_RW),
		      0);
	igt_assert_eq(__amd_userptr_cs_open(client.fd, AMD_KFD_QUEUE_SDMA, &cs), 0);
	amd_vm_trace_start();
	submit(&cs, &handle, 1);
	trace = amd_vm_trace_read(va, SIZE);
	igt_assert_eq_u64(trace.valid, SIZE / getpagesize());

	igt_tracefs_clear();
	evict_gtt(up);
	submit(&cs, NULL, 0);
	trace = amd_vm_trace_read(va, SIZE);
	igt_tracefs_off();
	igt_assert_eq_u64(trace.pages, SIZE / getpagesize());
	igt_assert_eq_u64(trace.valid, 0);
	amd_userptr_cs_close(&cs);
	drmSyncobjDestroy(client.fd, client.syncobj);
	drm_close_driver(client.fd);
	amd_kfd_va_release(va, SIZE);
}

/* The import is mapped for the first time after an eviction and a restore. */
static void map_after_eviction(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = import_from_second(up, 1);

	evict_and_restore(up, &second);
	amd_userptr_map(up, bo);
	amd_userptr_gpu_check(up, bo->va, SIZE, 1);
}

/* The driver counts the memory of an import once, however often it was evicted. */
static void import_statistics(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = import_from_second(up, 1);
	uint64_t gtt;

	amd_userptr_map(up, bo);
	gtt = amd_info_memory(up->fd, "drm-resident-gtt:");
	evict_and_restore(up, &second);
	amd_userptr_gpu_check(up, bo->va, SIZE, 1);
	igt_assert_eq_u64(amd_info_memory(up->fd, "drm-resident-gtt:"), gtt);
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "same-memory",
	  .run = same_memory,
	  .sdma_too = true,
	  .describe = "Memory that both GPUs map is the same before and after its pages change." },
	{ .name = "one-evicts-both",
	  .run = one_evicts_both,
	  .sdma_too = true,
	  .describe = "An event of one GPU's userptr evicts and restores the queues of both." },
	{ .name = "fork-cow",
	  .run = fork_cow,
	  .describe = "After a fork both GPUs write to the parent's pages." },
	{ .name = "change-while-both-copy",
	  .run = change_while_both_copy,
	  .describe = "Pages change while copies of both GPUs are under way." },
	{ .name = "close-on-one",
	  .run = close_on_one,
	  .describe = "Closing a userptr on one GPU changes nothing on the other." },
	{ .name = "map-evicted-import",
	  .run = map_evicted_import,
	  .describe = "A queue reads an import that was mapped again while it was evicted." },
	{ .name = "evict-import",
	  .run = evict_import,
	  .describe = "A queue reads and writes an import that each of the two GPUs has evicted." },
	{ .name = "evict-import-unlisted",
	  .run = evict_unlisted,
	  .describe = "A submission does not reach an evicted import that it does not list." },
	{ .name = "map-import-after-eviction",
	  .run = map_after_eviction,
	  .describe = "A queue reads an import that is first mapped after it was evicted." },
	{ .name = "import-statistics",
	  .run = import_statistics,
	  .describe = "The memory statistics count an import once after an eviction." },
};

/* Open another GPU than the first one, or skip if there is none. */
static void open_second(void)
{
	struct amd_kfd_node node;
	char path[64];
	int fd;

	igt_require_f(__amd_kfd_find_other_node(first.kfd.node.drm_render_minor, &node) == 0,
		      "There is one GPU\n");
	snprintf(path, sizeof(path), "/dev/dri/renderD%u", node.drm_render_minor);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_fd(fd);
	amd_userptr_open(&second, fd);
}

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&first);
		amd_userptr_require_flag(&first);
		open_second();
	}
	for (unsigned int i = 0; i < ARRAY_LENGTH(subtests); i++) {
		amd_userptr_run_subtests(&first, &subtests[i], 1);
		igt_fixture()
			amd_userptr_cleanup(&second);
	}
	igt_fixture() {
		amd_userptr_close(&second);
		close(second.fd);
		amd_userptr_fixture_close(&first);
	}
}
