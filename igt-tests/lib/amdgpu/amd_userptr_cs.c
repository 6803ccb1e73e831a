// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <amdgpu_drm.h>
#include <xf86drm.h>

#include "lib/amdgpu/amd_userptr_cs.h"

/* The IB is as large as a ring, because amd_kfd_queue.c writes the IB as if it were a ring. */
#define IB_BYTES ((uint64_t)64 << 10)

/* The largest ib_size_alignment that drivers/gpu/drm/amd/amdgpu/amdgpu_kms.c reports. */
enum { IB_ALIGN_DW = 64 };

/* The most BOs on the list of a submission, besides its IB and its data. */
enum { MAX_LISTED = 16 };

static int gem_va(int fd, uint32_t operation, const struct amd_userptr_cs_bo *bo)
{
	struct drm_amdgpu_gem_va args = {
		.handle = bo->handle,
		.operation = operation,
		.flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE |
			 AMDGPU_VM_PAGE_EXECUTABLE,
		.va_address = bo->va,
		.map_size = bo->size,
	};

	return drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_VA, &args) ? -errno : 0;
}

static int map_cpu(int fd, struct amd_userptr_cs_bo *bo)
{
	union drm_amdgpu_gem_mmap args = { .in.handle = bo->handle };

	if (drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &args))
		return -errno;
	bo->cpu = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, args.out.addr_ptr);
	if (bo->cpu == MAP_FAILED || madvise(bo->cpu, bo->size, MADV_DONTFORK))
		return -errno;
	/*
	 * Fault the pages in now, because a later page fault may have to wait: tests let the
	 * restore worker hold mmap_lock for reading, and while another task waits to write, a page
	 * fault waits behind that task.
	 */
	memset(bo->cpu, 0, bo->size);
	return 0;
}

static void free_bo(int fd, struct amd_userptr_cs_bo *bo)
{
	if (bo->handle)
		drmCloseBufferHandle(fd, bo->handle);
	if (bo->cpu && bo->cpu != MAP_FAILED)
		munmap(bo->cpu, bo->size);
	if (bo->va)
		amd_kfd_va_release(bo->va, bo->size);
	memset(bo, 0, sizeof(*bo));
}

static int make_bo(int fd, uint64_t size, struct amd_userptr_cs_bo *bo)
{
	union drm_amdgpu_gem_create args = {
		.in = {
			.bo_size = size,
			.alignment = getpagesize(),
			.domains = AMDGPU_GEM_DOMAIN_GTT,
			.domain_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED,
		},
	};
	int ret;

	bo->size = size;
	bo->va = amd_kfd_va_reserve(size, 0);
	if (!bo->va)
		return -ENOMEM;
	if (drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &args))
		return -errno;
	bo->handle = args.out.handle;
	ret = gem_va(fd, AMDGPU_VA_OP_MAP, bo);
	return ret ? ret : map_cpu(fd, bo);
}

static int make_context(struct amd_userptr_cs *cs)
{
	union drm_amdgpu_ctx args = { .in.op = AMDGPU_CTX_OP_ALLOC_CTX };

	if (drmIoctl(cs->fd, DRM_IOCTL_AMDGPU_CTX, &args))
		return -errno;
	cs->ctx = args.out.alloc.ctx_id;
	return 0;
}

static int choose_packets(struct amd_userptr_cs *cs, enum amd_kfd_queue_type ring)
{
	bool sdma = ring == AMD_KFD_QUEUE_SDMA;
	uint32_t version;
	int ret = __amd_pkt_ip_version(cs->fd, sdma, &version);

	if (ret)
		return ret;
	cs->packets.type = ring;
	cs->packets.pkt = sdma ? amd_pkt_sdma(version) : amd_pkt_compute(version);
	return cs->packets.pkt ? 0 : -EOPNOTSUPP;
}

int __amd_userptr_cs_open(int fd, enum amd_kfd_queue_type ring, struct amd_userptr_cs *cs)
{
	int ret;

	memset(cs, 0, sizeof(*cs));
	cs->fd = fd;
	ret = choose_packets(cs, ring);
	if (!ret)
		ret = make_context(cs);
	if (!ret)
		ret = make_bo(fd, IB_BYTES, &cs->ib);
	if (!ret)
		ret = make_bo(fd, AMD_USERPTR_CS_DATA, &cs->data);
	cs->packets.ring.cpu = cs->ib.cpu;
	if (ret)
		amd_userptr_cs_close(cs);
	return ret;
}

void amd_userptr_cs_close(struct amd_userptr_cs *cs)
{
	union drm_amdgpu_ctx args = {
		.in = { .op = AMDGPU_CTX_OP_FREE_CTX, .ctx_id = cs->ctx },
	};

	if (cs->ctx)
		drmIoctl(cs->fd, DRM_IOCTL_AMDGPU_CTX, &args);
	cs->ctx = 0;
	free_bo(cs->fd, &cs->ib);
	free_bo(cs->fd, &cs->data);
}

void amd_userptr_cs_begin(struct amd_userptr_cs *cs)
{
	cs->packets.put = 0;
	cs->packets.error = 0;
}

int __amd_userptr_cs_submit(struct amd_userptr_cs *cs, const uint32_t *handles, unsigned int count,
			    uint64_t *seq)
{
	struct drm_amdgpu_bo_list_entry entries[2 + MAX_LISTED] = {
		{ .bo_handle = cs->ib.handle },
		{ .bo_handle = cs->data.handle },
	};
	struct drm_amdgpu_bo_list_in list = {
		.operation = ~0u,
		.list_handle = ~0u,
		.bo_number = 2 + count,
		.bo_info_size = sizeof(entries[0]),
		.bo_info_ptr = (uintptr_t)entries,
	};
	struct drm_amdgpu_cs_chunk_ib ib = {
		.va_start = cs->ib.va,
		.ip_type = cs->packets.type == AMD_KFD_QUEUE_SDMA ? AMDGPU_HW_IP_DMA
								  : AMDGPU_HW_IP_COMPUTE,
	};
	struct drm_amdgpu_cs_chunk chunks[] = {
		{ .chunk_id = AMDGPU_CHUNK_ID_BO_HANDLES,
		  .length_dw = sizeof(list) / 4,
		  .chunk_data = (uintptr_t)&list },
		{ .chunk_id = AMDGPU_CHUNK_ID_IB,
		  .length_dw = sizeof(ib) / 4,
		  .chunk_data = (uintptr_t)&ib },
	};
	uint64_t pointers[] = { (uintptr_t)&chunks[0], (uintptr_t)&chunks[1] };
	union drm_amdgpu_cs args = {
		.in = { .ctx_id = cs->ctx, .num_chunks = 2, .chunks = (uintptr_t)pointers },
	};

	if (count > MAX_LISTED)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++)
		entries[2 + i].bo_handle = handles[i];
	while (cs->packets.put % IB_ALIGN_DW)
		amd_kfd_queue_nop(&cs->packets, 1);
	if (cs->packets.error)
		return cs->packets.error;
	ib.ib_bytes = 4 * cs->packets.put;
	/* Do not call drmIoctl(), because it repeats an ioctl that returns -EAGAIN. */
	if (ioctl(cs->fd, DRM_IOCTL_AMDGPU_CS, &args))
		return -errno;
	*seq = args.out.handle;
	return 0;
}

int __amd_userptr_cs_wait(struct amd_userptr_cs *cs, uint64_t seq, unsigned int timeout_ms)
{
	struct timespec now;
	union drm_amdgpu_wait_cs args = {
		.in = {
			.handle = seq,
			.ip_type = cs->packets.type == AMD_KFD_QUEUE_SDMA ? AMDGPU_HW_IP_DMA :
									     AMDGPU_HW_IP_COMPUTE,
			.ctx_id = cs->ctx,
		},
	};

	/* The timeout is absolute monotonic time. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	args.in.timeout = now.tv_sec * 1000000000ull + now.tv_nsec + timeout_ms * 1000000ull;
	if (drmIoctl(cs->fd, DRM_IOCTL_AMDGPU_WAIT_CS, &args))
		return -errno;
	return args.out.status ? -ETIME : 0;
}

int __amd_userptr_cs_list(int fd, uint32_t handle)
{
	struct drm_amdgpu_bo_list_entry entry = { .bo_handle = handle };
	union drm_amdgpu_bo_list args = {
		.in = {
			.operation = AMDGPU_BO_LIST_OP_CREATE,
			.bo_number = 1,
			.bo_info_size = sizeof(entry),
			.bo_info_ptr = (uintptr_t)&entry,
		},
	};
	uint32_t list;

	if (drmIoctl(fd, DRM_IOCTL_AMDGPU_BO_LIST, &args))
		return -errno;
	list = args.out.list_handle;
	memset(&args, 0, sizeof(args));
	args.in.operation = AMDGPU_BO_LIST_OP_DESTROY;
	args.in.list_handle = list;
	return drmIoctl(fd, DRM_IOCTL_AMDGPU_BO_LIST, &args) ? -errno : 0;
}
