// SPDX-License-Identifier: MIT
/*
 * Bits of the page table entries say how the GPU caches memory.  The entries of a userptr with
 * AMDGPU_GEM_USERPTR_HSA have to equal those of KFD's userptr and of other GEM BOs with the same
 * coherence flags.  The right bits depend on the GPU (get_vm_pte() in
 * drivers/gpu/drm/amd/amdgpu/gmc_*.c), so the test only compares entries.
 */
#include <errno.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_mm.h"
#include "lib/igt_tracefs.h"

#include "amd_userptr_uapi.h"

#define COHERENCE_PAGES 8
#define COHERENCE_SIZE	((size_t)COHERENCE_PAGES * getpagesize())
#define COHERENCE_RWX	(AMD_USERPTR_RW | AMDGPU_VM_PAGE_EXECUTABLE)
#define COHERENCE_MASK \
	(AMDGPU_GEM_CREATE_COHERENT | AMDGPU_GEM_CREATE_UNCACHED | AMDGPU_GEM_CREATE_EXT_COHERENT)

/* The first minor version of amdgpu's DRM interface that has the coherence flags. */
#define COHERENCE_DRM_MINOR 65

/* The flags that ask for one kind of coherence: for KFD, for a GEM userptr, for other GEM BOs. */
struct kind {
	uint32_t kfd, userptr, create;
};

static const struct kind kinds[] = {
	{ 0, 0, 0 },
	{ KFD_IOC_ALLOC_MEM_FLAGS_COHERENT, AMDGPU_GEM_USERPTR_COHERENT,
	  AMDGPU_GEM_CREATE_COHERENT },
	{ KFD_IOC_ALLOC_MEM_FLAGS_UNCACHED, AMDGPU_GEM_USERPTR_UNCACHED,
	  AMDGPU_GEM_CREATE_UNCACHED },
	{ KFD_IOC_ALLOC_MEM_FLAGS_EXT_COHERENT, AMDGPU_GEM_USERPTR_EXT_COHERENT,
	  AMDGPU_GEM_CREATE_EXT_COHERENT },
	{ KFD_IOC_ALLOC_MEM_FLAGS_COHERENT | KFD_IOC_ALLOC_MEM_FLAGS_UNCACHED,
	  AMDGPU_GEM_USERPTR_COHERENT | AMDGPU_GEM_USERPTR_UNCACHED,
	  AMDGPU_GEM_CREATE_COHERENT | AMDGPU_GEM_CREATE_UNCACHED },
};

/*
 * Assert that since the trace was cleared the driver has written at least @at_least valid entries
 * at @va, all with the same flags, and return these flags.
 */
static uint64_t traced_flags(uint64_t va, uint64_t at_least)
{
	const struct amd_vm_trace trace = amd_vm_trace_read(va, COHERENCE_SIZE);

	igt_assert_lte_u64(at_least, trace.valid);
	igt_assert(!trace.mixed);
	return trace.flags;
}

static uint32_t create_flags(struct amd_userptr *up, uint32_t handle)
{
	struct drm_amdgpu_gem_create_in info = { 0 };
	struct drm_amdgpu_gem_op args = {
		.handle = handle,
		.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO,
		.value = (uintptr_t)&info,
	};

	igt_assert_eq(drmIoctl(up->fd, DRM_IOCTL_AMDGPU_GEM_OP, &args), 0);
	return info.domain_flags;
}

static void like_kfd(struct amd_userptr *up, const struct kind *kind)
{
	void *theirs = amd_userptr_mmap(up, COHERENCE_SIZE, 1);
	void *mine = amd_userptr_mmap(up, COHERENCE_SIZE, 2);
	uint64_t user = (uintptr_t)theirs, va = amd_kfd_va_reserve(COHERENCE_SIZE, 0);
	struct amd_userptr_bo *bo;
	uint64_t handle, wanted;

	igt_assert(va);
	amd_vm_trace_start();
	igt_assert_eq(__amd_kfd_alloc_memory(&up->kfd, va, COHERENCE_SIZE,
					     kind->kfd | KFD_IOC_ALLOC_MEM_FLAGS_USERPTR |
						     KFD_IOC_ALLOC_MEM_FLAGS_WRITABLE |
						     KFD_IOC_ALLOC_MEM_FLAGS_EXECUTABLE,
					     &user, &handle),
		      0);
	igt_assert_eq(__amd_kfd_map_memory(&up->kfd, handle), 0);
	bo = amd_userptr_create(up, mine, COHERENCE_SIZE, AMD_USERPTR_TRACKED | kind->userptr);
	bo->va = amd_kfd_va_reserve(COHERENCE_SIZE, 0);
	igt_assert(bo->va);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, bo->handle, bo->va, 0, COHERENCE_SIZE,
				       COHERENCE_RWX),
		      0);
	wanted = traced_flags(va, COHERENCE_PAGES);
	igt_assert_eq_u64(traced_flags(bo->va, COHERENCE_PAGES), wanted);
	igt_assert_eq(create_flags(up, bo->handle) & COHERENCE_MASK, kind->create);

	/*
	 * Change a page of both userptrs.  The restore worker writes all entries of KFD's userptr,
	 * but of the GEM userptr only those that changed.  So expect one entry at least.
	 */
	igt_tracefs_clear();
	amd_kfd_smi_mark(&up->smi);
	igt_mm_change_page(theirs);
	igt_mm_change_page(amd_userptr_page(bo, COHERENCE_PAGES / 2));
	amd_userptr_expect_evictions(up, 0);
	igt_assert_eq_u64(traced_flags(va, 1), wanted);
	igt_assert_eq_u64(traced_flags(bo->va, 1), wanted);
	amd_userptr_gpu_check(up, va, COHERENCE_SIZE, 1);
	amd_userptr_roundtrip(up, bo, 3);

	igt_tracefs_off();
	igt_assert_eq(__amd_kfd_unmap_memory(&up->kfd, handle), 0);
	igt_assert_eq(__amd_kfd_free_memory(&up->kfd, handle), 0);
	amd_kfd_va_release(va, COHERENCE_SIZE);
	amd_userptr_cleanup(up);
}

static void coherence(struct amd_userptr *up)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(kinds); i++)
		like_kfd(up, &kinds[i]);
}

/* Map the BO with this MTYPE, and return the flags of the entries that the driver writes. */
static uint64_t flags_with(struct amd_userptr *up, uint32_t handle, uint32_t mtype)
{
	uint64_t va = amd_kfd_va_reserve(COHERENCE_SIZE, 0), flags;

	igt_assert(va);
	igt_tracefs_clear();
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, handle, va, 0, COHERENCE_SIZE,
				       COHERENCE_RWX | mtype),
		      0);
	flags = traced_flags(va, COHERENCE_PAGES);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_UNMAP, handle, va, 0, COHERENCE_SIZE, 0),
		      0);
	amd_kfd_va_release(va, COHERENCE_SIZE);
	return flags;
}

static void like_gem(struct amd_userptr *up, const struct kind *kind)
{
	const uint32_t mtypes[] = {
		AMDGPU_VM_MTYPE_DEFAULT, AMDGPU_VM_MTYPE_NC, AMDGPU_VM_MTYPE_WC,
		AMDGPU_VM_MTYPE_CC,	 AMDGPU_VM_MTYPE_UC, AMDGPU_VM_MTYPE_RW,
	};
	union drm_amdgpu_gem_create create = { .in = {
						       .bo_size = COHERENCE_SIZE,
						       .domains = AMDGPU_GEM_DOMAIN_GTT,
						       .domain_flags = kind->create,
					       } };
	void *cpu = amd_userptr_mmap(up, COHERENCE_SIZE, 1);
	struct amd_userptr_bo *bo =
		amd_userptr_create(up, cpu, COHERENCE_SIZE, AMD_USERPTR_TRACKED | kind->userptr);

	igt_assert_eq(drmIoctl(up->fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
	amd_userptr_adopt_bo(up, create.out.handle, NULL, COHERENCE_SIZE);
	amd_vm_trace_start();
	for (unsigned int i = 0; i < ARRAY_LENGTH(mtypes); i++)
		igt_assert_eq_u64(flags_with(up, bo->handle, mtypes[i]),
				  flags_with(up, create.out.handle, mtypes[i]));
	igt_tracefs_off();
	amd_userptr_cleanup(up);
}

static void coherence_mtype(struct amd_userptr *up)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(kinds); i++)
		like_gem(up, &kinds[i]);
}

static void coherence_needs_hsa(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, COHERENCE_SIZE, 1);
	drmVersionPtr drm = drmGetVersion(up->fd);
	const int minor = drm ? drm->version_minor : -1;
	uint32_t handle;

	drmFreeVersion(drm);
	igt_assert_lte(COHERENCE_DRM_MINOR, minor);
	for (unsigned int i = 1; i < ARRAY_LENGTH(kinds); i++)
		igt_assert_eq(__amd_userptr_create(up->fd, cpu, COHERENCE_SIZE,
						   AMDGPU_GEM_USERPTR_REGISTER | kinds[i].userptr,
						   &handle),
			      -EINVAL);
}

const struct amd_userptr_subtest amd_userptr_coherence_subtests[] = {
	{ .name = "hsa-coherence",
	  .run = coherence,
	  .describe =
		  "Page table entries equal those of KFD's userptr of the same kind, also after a restore." },
	{ .name = "hsa-coherence-mtype",
	  .run = coherence_mtype,
	  .describe =
		  "The MTYPE of the VA ioctl has the same effect as for other BOs of the same kind." },
	{ .name = "hsa-coherence-needs-hsa",
	  .run = coherence_needs_hsa,
	  .describe = "The driver refuses coherence flags for userptrs without the flag." },
};
const unsigned int amd_userptr_num_coherence_subtests =
	ARRAY_LENGTH(amd_userptr_coherence_subtests);
