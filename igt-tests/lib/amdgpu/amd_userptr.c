// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr.h"
#include "lib/igt_undo.h"

void amd_userptr_open_without_queue(struct amd_userptr *up, int fd)
{
	memset(up, 0, sizeof(*up));
	up->fd = fd;
	amd_kfd_open(&up->kfd, fd);
	amd_kfd_smi_open(&up->kfd, 0, &up->smi);
	amd_kfd_alloc_gtt(&up->kfd, AMD_USERPTR_STAGE, &up->in);
	amd_kfd_alloc_gtt(&up->kfd, AMD_USERPTR_STAGE, &up->out);
	igt_assert_eq(drmSyncobjCreate(fd, 0, &up->syncobj), 0);
}

void amd_userptr_open(struct amd_userptr *up, int fd)
{
	amd_userptr_open_without_queue(up, fd);
	amd_userptr_use_queue(up, AMD_KFD_QUEUE_PM4);
}

void amd_userptr_open_in_child(struct amd_userptr *up, const struct amd_userptr *parent)
{
	int fd = drm_reopen_driver(parent->fd);

	igt_assert_fd(fd);
	amd_userptr_open(up, fd);
	up->supported = parent->supported;
}

void amd_userptr_close(struct amd_userptr *up)
{
	amd_userptr_cleanup(up);
	for (int type = 0; type < AMD_KFD_NUM_QUEUE_TYPES; type++) {
		if (up->have_queue[type])
			amd_kfd_queue_destroy(&up->queues[type]);
	}
	drmSyncobjDestroy(up->fd, up->syncobj);
	amd_kfd_free(&up->kfd, &up->in);
	amd_kfd_free(&up->kfd, &up->out);
	amd_kfd_smi_close(&up->smi);
	amd_kfd_close(&up->kfd);
}

void amd_userptr_use_queue(struct amd_userptr *up, enum amd_kfd_queue_type type)
{
	if (type == AMD_KFD_QUEUE_SDMA)
		igt_require_f(up->kfd.node.num_sdma_engines,
			      "The GPU has no SDMA engine for KFD\n");
	if (!up->have_queue[type]) {
		amd_kfd_queue_create(&up->kfd, type, &up->queues[type]);
		up->have_queue[type] = true;
	}
	up->queue = &up->queues[type];
}

/*
 * Destroy queues with unfinished work, so that the next subtest gets new queues and does not fail
 * because of the old ones.
 */
static void drop_stuck_queues(struct amd_userptr *up)
{
	for (int type = 0; type < AMD_KFD_NUM_QUEUE_TYPES; type++) {
		struct amd_kfd_queue *queue = &up->queues[type];

		if (!up->have_queue[type] ||
		    (!queue->error && amd_kfd_queue_done(queue, queue->seqno)))
			continue;
		__amd_kfd_queue_destroy(queue);
		up->have_queue[type] = false;
	}
}

void amd_userptr_cleanup(struct amd_userptr *up)
{
	igt_undo_subtest();
	if (up->undo)
		up->undo(up);
	up->undo = NULL;
	drop_stuck_queues(up);
	for (int i = 0; i < AMD_USERPTR_MAX; i++) {
		struct amd_userptr_bo *bo = &up->bos[i];

		if (bo->handle)
			__amd_userptr_close_handle(up->fd, bo->handle);
		if (bo->va)
			amd_kfd_va_release(bo->va, bo->size);
		memset(bo, 0, sizeof(*bo));
	}
	for (int i = 0; i < AMD_USERPTR_MAX; i++) {
		if (up->maps[i].addr)
			munmap(up->maps[i].addr, up->maps[i].size);
		memset(&up->maps[i], 0, sizeof(up->maps[i]));
	}
}

bool amd_userptr_supported(struct amd_userptr *up)
{
	size_t size = getpagesize();
	void *cpu = amd_userptr_mmap(up, size, 0);
	uint32_t handle = 0;
	int ret = __amd_userptr_create(up->fd, cpu, size, AMD_USERPTR_TRACKED, &handle);

	if (!ret)
		__amd_userptr_close_handle(up->fd, handle);
	amd_userptr_cleanup(up);
	igt_assert_f(ret == 0 || ret == -EINVAL, "probing for the flag: %s\n", strerror(-ret));
	up->supported = ret == 0;
	return up->supported;
}

void *amd_userptr_adopt(struct amd_userptr *up, void *addr, size_t size)
{
	igt_assert(addr != MAP_FAILED);
	for (int i = 0; i < AMD_USERPTR_MAX; i++) {
		if (!up->maps[i].addr) {
			up->maps[i].addr = addr;
			up->maps[i].size = size;
			return addr;
		}
	}
	igt_assert_f(false, "more than %d mappings in a subtest\n", AMD_USERPTR_MAX);
	return NULL;
}

uint32_t *amd_userptr_mmap(struct amd_userptr *up, size_t size, uint32_t seed)
{
	uint32_t *cpu =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, cpu, size);
	/*
	 * Do not let khugepaged collapse the pages, because a collapse would cause an eviction that
	 * the subtest does not expect.
	 */
	igt_assert_eq(madvise(cpu, size, MADV_NOHUGEPAGE), 0);
	amd_pattern_fill(cpu, size, seed);
	return cpu;
}

void amd_userptr_munmap(struct amd_userptr *up, void *addr, size_t size)
{
	igt_assert_eq(munmap(addr, size), 0);
	for (int i = 0; i < AMD_USERPTR_MAX; i++) {
		/* Forget the addresses, because the kernel may give them to another mapping. */
		if (up->maps[i].addr == addr && up->maps[i].size == size)
			up->maps[i].addr = NULL;
	}
}

void amd_userptr_disown(struct amd_userptr *up, const void *addr)
{
	for (int i = 0; i < AMD_USERPTR_MAX; i++) {
		if (up->maps[i].addr == addr)
			up->maps[i].addr = NULL;
	}
}

uint64_t amd_userptr_size_above_limit(void)
{
	const uint64_t limit = (uint64_t)amd_kfd_mem_limit() << 20;
	uint64_t size = 1ull << 39;

	igt_require_f(limit, "no debugfs of KFD to see its limit\n");
	while (size <= limit)
		size <<= 1;
	igt_require_f(size < AMD_USERPTR_SIZE_END, "KFD's limit is above all sizes to try\n");
	return size;
}

int __amd_userptr_create(int fd, void *cpu, uint64_t size, uint32_t flags, uint32_t *handle)
{
	struct drm_amdgpu_gem_userptr args = {
		.addr = (uintptr_t)cpu,
		.size = size,
		.flags = flags,
	};

	if (drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_USERPTR, &args))
		return -errno;
	*handle = args.handle;
	return 0;
}

int __amd_userptr_close_handle(int fd, uint32_t handle)
{
	return drmCloseBufferHandle(fd, handle) ? -errno : 0;
}

int __amd_userptr_wait_va(struct amd_userptr *up)
{
	struct timespec now;
	int64_t deadline;

	/* drmSyncobjWait() takes absolute monotonic time. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	deadline = now.tv_sec * 1000000000ll + now.tv_nsec + AMD_USERPTR_WAIT_MS * 1000000ll;
	return drmSyncobjWait(up->fd, &up->syncobj, 1, deadline, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL,
			      NULL);
}

int __amd_userptr_va(struct amd_userptr *up, uint32_t operation, uint32_t handle, uint64_t va,
		     uint64_t offset, uint64_t size, uint32_t flags)
{
	struct amd_gem_va_args args = {
		.handle = handle,
		.operation = operation,
		.flags = flags,
		.va_address = va,
		.offset_in_bo = offset,
		.map_size = size,
		.vm_timeline_syncobj_out = up->syncobj,
	};

	if (drmIoctl(up->fd, AMD_IOCTL_GEM_VA, &args))
		return -errno;
	return __amd_userptr_wait_va(up);
}

struct amd_userptr_bo *amd_userptr_adopt_bo(struct amd_userptr *up, uint32_t handle, void *cpu,
					    uint64_t size)
{
	for (int i = 0; i < AMD_USERPTR_MAX; i++) {
		struct amd_userptr_bo *bo = &up->bos[i];

		if (bo->handle)
			continue;
		bo->handle = handle;
		bo->cpu = cpu;
		bo->size = size;
		return bo;
	}
	igt_assert_f(false, "more than %d userptrs in a subtest\n", AMD_USERPTR_MAX);
	return NULL;
}

struct amd_userptr_bo *amd_userptr_create(struct amd_userptr *up, void *cpu, uint64_t size,
					  uint32_t flags)
{
	uint32_t handle = 0;

	igt_assert_eq(__amd_userptr_create(up->fd, cpu, size, flags, &handle), 0);
	return amd_userptr_adopt_bo(up, handle, cpu, size);
}

void amd_userptr_map(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	bo->va = amd_kfd_va_reserve(bo->size, 0);
	igt_assert(bo->va);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, bo->handle, bo->va, 0, bo->size,
				       AMD_USERPTR_RW),
		      0);
}

void amd_userptr_unmap(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_UNMAP, bo->handle, bo->va, 0, bo->size, 0),
		      0);
	amd_kfd_va_release(bo->va, bo->size);
	bo->va = 0;
}

void amd_userptr_destroy(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	igt_assert_eq(__amd_userptr_close_handle(up->fd, bo->handle), 0);
	if (bo->va)
		amd_kfd_va_release(bo->va, bo->size);
	memset(bo, 0, sizeof(*bo));
}

struct amd_userptr_bo *amd_userptr_tracked(struct amd_userptr *up, size_t size, uint32_t seed)
{
	void *cpu = amd_userptr_mmap(up, size, seed);
	struct amd_userptr_bo *bo = amd_userptr_create(up, cpu, size, AMD_USERPTR_TRACKED);

	amd_userptr_map(up, bo);
	return bo;
}

void amd_userptr_gpu_fill(struct amd_userptr *up, uint64_t va, size_t size, uint32_t seed)
{
	igt_assert_lte_u64(size, AMD_USERPTR_STAGE);
	amd_pattern_fill(up->in.cpu, size, seed);
	amd_kfd_queue_copy(up->queue, va, up->in.va, size);
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
}

static void gpu_read(struct amd_userptr *up, uint64_t va, size_t size)
{
	igt_assert_lte_u64(size, AMD_USERPTR_STAGE);
	/*
	 * No pattern and no new page consists of bytes 0xff. So the comparison fails if the GPU
	 * copies nothing.
	 */
	memset(up->out.cpu, 0xff, size);
	amd_kfd_queue_copy(up->queue, up->out.va, va, size);
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
}

void amd_userptr_gpu_check(struct amd_userptr *up, uint64_t va, size_t size, uint32_t seed)
{
	gpu_read(up, va, size);
	amd_pattern_check(up->out.cpu, size, seed, "read by the GPU");
}

void amd_userptr_gpu_check_zero(struct amd_userptr *up, uint64_t va, size_t size)
{
	gpu_read(up, va, size);
	amd_pattern_check_zero(up->out.cpu, size, "read by the GPU");
}

void amd_userptr_roundtrip(struct amd_userptr *up, struct amd_userptr_bo *bo, uint32_t seed)
{
	amd_userptr_gpu_fill(up, bo->va, bo->size, seed);
	amd_pattern_check(bo->cpu, bo->size, seed, "written by the GPU");
	amd_pattern_fill(bo->cpu, bo->size, seed + 1);
	amd_userptr_gpu_check(up, bo->va, bo->size, seed + 1);
}

uint32_t amd_userptr_gpu_store(struct amd_userptr *up, uint64_t va, uint32_t value)
{
	amd_kfd_queue_write(up->queue, va, &value, 1);
	return amd_kfd_queue_submit(up->queue);
}

void amd_userptr_queue_alive(struct amd_userptr *up)
{
	const uint32_t seed = 0xa11e;

	amd_pattern_fill(up->in.cpu, getpagesize(), seed);
	memset(up->out.cpu, 0, getpagesize());
	amd_kfd_queue_copy(up->queue, up->out.va, up->in.va, getpagesize());
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
	amd_pattern_check(up->out.cpu, getpagesize(), seed, "copied by a queue that should run");
}

void *amd_userptr_page(struct amd_userptr_bo *bo, unsigned int page)
{
	return (char *)bo->cpu + (size_t)page * getpagesize();
}

void amd_userptr_dontneed(struct amd_userptr_bo *bo)
{
	igt_assert_eq(madvise(bo->cpu, bo->size, MADV_DONTNEED), 0);
}

bool amd_userptr_queues_evicted(struct amd_userptr *up)
{
	amd_kfd_smi_drain(&up->smi);
	return up->smi.count.evictions > up->smi.count.restores;
}

void amd_userptr_expect_evictions(struct amd_userptr *up, unsigned int evictions)
{
	const struct amd_kfd_smi_counts *count = &up->smi.count;

	amd_kfd_smi_wait_restored(&up->smi, evictions ? evictions : 1, AMD_USERPTR_WAIT_MS);
	igt_debug("evicted %u times, restored %u times\n", count->evictions, count->restores);
	igt_assert_eq(count->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR], count->evictions);
	igt_assert_eq(count->restores, count->evictions);
	igt_assert_eq(count->other, 0);
	if (evictions)
		igt_assert_eq(count->evictions, evictions);
}

void amd_userptr_expect_no_eviction(struct amd_userptr *up)
{
	amd_kfd_smi_drain(&up->smi);
	igt_assert_eq(up->smi.count.evictions, 0);
	igt_assert_eq(up->smi.count.restores, 0);
	igt_assert_eq(up->smi.count.vm_faults, 0);
}

void amd_userptr_expect_fault(struct amd_userptr *up, uint32_t fault_event, uint64_t va,
			      uint64_t size)
{
	struct kfd_hsa_memory_exception_data fault;
	int ret = __amd_kfd_fault_event_wait(&up->kfd, fault_event, AMD_USERPTR_WAIT_MS, &fault);

	igt_assert_f(ret == 0, "no GPU page fault was reported: %s\n", strerror(-ret));
	igt_assert_f(fault.va >= va && fault.va < va + size,
		     "fault at %#llx, not in [%#llx, %#llx)\n", (unsigned long long)fault.va,
		     (unsigned long long)va, (unsigned long long)(va + size));
	/*
	 * A GPU that goes on after a fault reports so many faults, also of other processes, that
	 * KFD may have dropped the SMI event of this fault. Wait for the event only if KFD has
	 * dropped none.
	 */
	amd_kfd_smi_drain(&up->smi);
	if (!up->smi.full)
		amd_kfd_smi_wait(&up->smi, KFD_SMI_EVENT_VMFAULT, 1, AMD_USERPTR_WAIT_MS);
}
