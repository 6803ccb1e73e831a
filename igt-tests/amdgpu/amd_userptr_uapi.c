// SPDX-License-Identifier: MIT
/*
 * The tests try arguments, memory and processes that the driver has to take with
 * AMDGPU_GEM_USERPTR_HSA, and others that it has to refuse.  A refusal must leave nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_cs.h"

#include "amd_userptr_uapi.h"

IGT_TEST_DESCRIPTION("Rules of the flag that makes a GEM userptr known to KFD.");

/* The first minor version of amdgpu's DRM interface that has the flag. */
#define HSA_DRM_MINOR 65

static size_t page(void)
{
	return getpagesize();
}

static int create(struct amd_userptr *up, void *cpu, uint64_t size, uint32_t flags)
{
	uint32_t handle;
	int ret = __amd_userptr_create(up->fd, cpu, size, flags, &handle);

	if (!ret)
		igt_assert_eq(__amd_userptr_close_handle(up->fd, handle), 0);
	return ret;
}

static void unknown_flags(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);

	/* Bits 5 to 8 are flags, too, but the kernel must refuse them without the HSA flag. */
	for (int bit = 5; bit < 32; bit++) {
		igt_assert_eq(create(up, cpu, page(), AMDGPU_GEM_USERPTR_REGISTER | 1u << bit),
			      -EINVAL);
	}
}

static void unknown_flags_hsa(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);

	for (int bit = 9; bit < 32; bit++)
		igt_assert_eq(create(up, cpu, page(), AMD_USERPTR_TRACKED | 1u << bit), -EINVAL);
	igt_assert_eq(create(up, cpu, page(), AMD_USERPTR_TRACKED), 0);
}

static void version(struct amd_userptr *up)
{
	drmVersionPtr drm = drmGetVersion(up->fd);
	int minor = drm ? drm->version_minor : -1;

	drmFreeVersion(drm);
	igt_assert_lte(HSA_DRM_MINOR, minor);
}

static void needs_register(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);

	igt_assert_eq(create(up, cpu, page(), AMDGPU_GEM_USERPTR_HSA), -EINVAL);
	igt_assert_eq(create(up, cpu, page(), AMDGPU_GEM_USERPTR_HSA | AMDGPU_GEM_USERPTR_READONLY),
		      -EINVAL);
	igt_assert_eq(create(up, cpu, page(), AMDGPU_GEM_USERPTR_HSA | AMDGPU_GEM_USERPTR_VALIDATE),
		      -EINVAL);
}

static void implies_validate(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);
	struct amd_userptr_bo *bo =
		amd_userptr_create(up, cpu, page(),
				   AMDGPU_GEM_USERPTR_HSA | AMDGPU_GEM_USERPTR_REGISTER);

	amd_userptr_map(up, bo);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

static void bad_memory(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, 4 * page(), 1);

	igt_assert_eq(create(up, cpu + 1, page(), AMD_USERPTR_TRACKED), -EINVAL);
	igt_assert_eq(create(up, cpu, page() / 2, AMD_USERPTR_TRACKED), -EINVAL);
	igt_assert_eq(create(up, cpu, 0, AMD_USERPTR_TRACKED), -EINVAL);

	/* Try a range with a hole, and then memory that the process may only read. */
	igt_assert_eq(munmap(cpu + 2 * page(), page()), 0);
	igt_assert_eq(create(up, cpu, 4 * page(), AMD_USERPTR_TRACKED), -EFAULT);
	igt_assert_eq(create(up, cpu, 2 * page(), AMD_USERPTR_TRACKED), 0);
	igt_assert_eq(mprotect(cpu, page(), PROT_READ), 0);
	igt_assert_neq(create(up, cpu, page(), AMD_USERPTR_TRACKED), 0);
	igt_assert_eq(create(up, cpu, page(), AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_READONLY),
		      0);
	igt_assert_eq(munmap(cpu, page()), 0);
	igt_assert_eq(create(up, cpu, page(), AMD_USERPTR_TRACKED), -EFAULT);
}

/* The driver must refuse sizes above KFD's limit before it allocates any array. */
static void too_large(struct amd_userptr *up)
{
	const uint64_t first = amd_userptr_size_above_limit();
	/* Use a low address, so that the whole range is in user space on any CPU. */
	char *cpu = mmap((void *)(1ull << 42), page(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	struct amd_kfd_mem_mark mark;

	igt_assert(cpu != MAP_FAILED);
	amd_kfd_mem_mark(&mark);
	for (uint64_t size = first; size < AMD_USERPTR_SIZE_END; size <<= 1)
		igt_assert_eq(create(up, cpu, size, AMD_USERPTR_TRACKED), -EDQUOT);
	amd_kfd_mem_expect_same(&mark);
	igt_assert_eq(create(up, cpu, page(), AMD_USERPTR_TRACKED), 0);
	igt_assert_eq(munmap(cpu, page()), 0);
}

static void anononly(struct amd_userptr *up)
{
	const uint32_t flags = AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_ANONONLY;
	int fd = memfd_create("amd_userptr", MFD_CLOEXEC);
	void *anon = amd_userptr_mmap(up, page(), 1), *file;

	igt_assert_fd(fd);
	igt_assert_eq(ftruncate(fd, page()), 0);
	file = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	amd_userptr_adopt(up, file, page());
	igt_assert_eq(create(up, anon, page(), flags), 0);
	igt_assert_eq(create(up, file, page(), flags), -EPERM);
	igt_assert_eq(create(up, file, page(), AMD_USERPTR_TRACKED), 0);
	close(fd);
}

static void needs_kfd_vm(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);
	int fd = drm_reopen_driver(up->fd);
	uint32_t handle;

	igt_assert_fd(fd);
	igt_assert_eq(__amd_userptr_create(fd, cpu, page(), AMD_USERPTR_TRACKED, &handle),
		      -EOPNOTSUPP);
	/* Without the flag the driver has to make a userptr of this memory on the same file. */
	igt_assert_eq(__amd_userptr_create(fd, cpu, page(),
					   AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA, &handle),
		      0);
	drm_close_driver(fd);
}

static void needs_own_process(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);

	/* The VM belongs to the parent, but the memory to the child. */
	igt_fork(child, 1)
		igt_assert_eq(create(up, cpu, page(), AMD_USERPTR_TRACKED), -EPERM);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child's attempt");
	igt_assert_eq(create(up, cpu, page(), AMD_USERPTR_TRACKED), 0);
}

static void no_prime_export(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, page(), 1);
	int dmabuf = -1;

	igt_assert_neq(drmPrimeHandleToFD(up->fd, bo->handle, DRM_CLOEXEC, &dmabuf), 0);
	igt_assert_eq(errno, EPERM);
	igt_assert_eq(dmabuf, -1);
}

static void no_cpu_map(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, page(), 1);
	union drm_amdgpu_gem_mmap args = { .in.handle = bo->handle };

	igt_assert_neq(drmIoctl(up->fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &args), 0);
	igt_assert_eq(errno, EPERM);
}

static void no_bo_list(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);
	struct amd_userptr_bo *plain =
		amd_userptr_create(up, cpu, page(), AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA);
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, page(), 1);

	igt_assert_eq(__amd_userptr_cs_list(up->fd, plain->handle), 0);
	igt_assert_eq(__amd_userptr_cs_list(up->fd, bo->handle), -EINVAL);
}

static void no_delayed_update(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);
	struct amd_userptr_bo *bo = amd_userptr_create(up, cpu, page(), AMD_USERPTR_TRACKED);
	struct drm_amdgpu_gem_va args = {
		.handle = bo->handle,
		.operation = AMDGPU_VA_OP_MAP,
		.flags = AMD_USERPTR_RW | AMDGPU_VM_DELAY_UPDATE,
		.va_address = amd_kfd_va_reserve(page(), 0),
		.map_size = page(),
	};

	/* The driver refuses a delayed update, because no later submission would make it. */
	igt_assert(args.va_address);
	igt_assert_neq(drmIoctl(up->fd, DRM_IOCTL_AMDGPU_GEM_VA, &args), 0);
	igt_assert_eq(errno, EINVAL);
	amd_kfd_va_release(args.va_address, page());
	amd_userptr_map(up, bo);
	amd_userptr_roundtrip(up, bo, 2);
}

static int flink(int fd, uint32_t handle, uint32_t *name)
{
	struct drm_gem_flink args = { .handle = handle };

	if (drmIoctl(fd, DRM_IOCTL_GEM_FLINK, &args))
		return -errno;
	*name = args.name;
	return 0;
}

/* Assert that the file of the BO can open it by name, and another file of the process cannot. */
static void only_own_file(int fd, int other, uint32_t flags)
{
	void *cpu = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct drm_gem_open args = { 0 };
	uint32_t handle;

	igt_assert(cpu != MAP_FAILED);
	igt_assert_eq(__amd_userptr_create(fd, cpu, page(), flags, &handle), 0);
	igt_assert_eq(flink(fd, handle, &args.name), 0);
	igt_assert_neq(drmIoctl(other, DRM_IOCTL_GEM_OPEN, &args), 0);
	igt_assert_eq(errno, EPERM);
	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_GEM_OPEN, &args), 0);
}

/* Use two files of the primary node, because only these can open each other's objects by name. */
static void other_file(struct amd_userptr *up)
{
	char *primary = drmGetPrimaryDeviceNameFromFd(up->fd);
	int fd = open(primary, O_RDWR | O_CLOEXEC), other = open(primary, O_RDWR | O_CLOEXEC);
	struct amd_kfd kfd;

	free(primary);
	igt_assert(fd >= 0 && other >= 0);
	igt_assert_eq(__amd_kfd_open_novm(&kfd, up->fd), 0);
	kfd.drm_fd = fd;
	igt_assert_eq(__amd_kfd_acquire_vm(&kfd), 0);
	only_own_file(fd, other, AMD_USERPTR_TRACKED);
	/*
	 * The MMU notifier of a userptr without the flag waits only for submissions of the
	 * userptr's own file, so another file must not open such a userptr either.
	 */
	only_own_file(fd, other, AMD_USERPTR_TRACKED & ~AMDGPU_GEM_USERPTR_HSA);
}

static void no_other_file(struct amd_userptr *up)
{
	/*
	 * KFD takes one file per GPU from a process, and this process has given it up->fd already.
	 * So a child makes the userptr with another file.
	 */
	igt_fork(child, 1)
		other_file(up);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child's attempt");
}

static int set_xnack(struct amd_kfd *kfd, int on)
{
	struct kfd_ioctl_set_xnack_mode_args args = { .xnack_enabled = on };

	return ioctl(kfd->fd, AMDKFD_IOC_SET_XNACK_MODE, &args) ? -errno : 0;
}

/* Check that XNACK and userptrs exclude each other; returns whether the GPU supports XNACK. */
static bool xnack_excludes(struct amd_userptr *up)
{
	const size_t size = page();
	int fd = drm_reopen_driver(up->fd);
	struct amd_kfd kfd;
	uint32_t handle;
	void *cpu;

	cpu = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(cpu != MAP_FAILED);
	igt_assert_eq(__amd_kfd_open_novm(&kfd, fd), 0);
	igt_assert_eq(__amd_kfd_acquire_vm(&kfd), 0);
	if (set_xnack(&kfd, 1) == -EPERM)
		return false;
	igt_assert_eq(__amd_userptr_create(fd, cpu, size, AMD_USERPTR_TRACKED, &handle), -EPROTO);

	igt_assert_eq(set_xnack(&kfd, 0), 0);
	igt_assert_eq(__amd_userptr_create(fd, cpu, size, AMD_USERPTR_TRACKED, &handle), 0);
	igt_assert_eq(set_xnack(&kfd, 1), -EBUSY);
	igt_assert_eq(__amd_userptr_close_handle(fd, handle), 0);
	igt_assert_eq(set_xnack(&kfd, 1), 0);
	return true;
}

static void no_xnack(struct amd_userptr *up)
{
	bool *there = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	igt_assert(there != MAP_FAILED);
	/* Use a child, because KFD does not switch XNACK on in a process that has queues. */
	igt_fork(child, 1)
		*there = xnack_excludes(up);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child's attempt");
	igt_require_f(*there, "The GPU has no XNACK\n");
	munmap(there, page());
}

static const struct amd_userptr_subtest any_kernel[] = {
	{ .name = "unknown-flags",
	  .run = unknown_flags,
	  .describe = "Unknown flags are refused, and flags that need the HSA flag without it." },
};

static const struct amd_userptr_subtest hsa[] = {
	{ .name = "hsa-version",
	  .run = version,
	  .describe = "The driver's version announces the flag." },
	{ .name = "hsa-needs-register",
	  .run = needs_register,
	  .describe =
		  "The flag needs REGISTER, because without a notifier the driver cannot track the pages." },
	{ .name = "hsa-implies-validate",
	  .run = implies_validate,
	  .describe = "The driver looks up the pages at creation, with and without VALIDATE." },
	{ .name = "hsa-bad-memory",
	  .run = bad_memory,
	  .describe = "Unaligned, empty, absent or write-protected memory is refused." },
	{ .name = "hsa-too-large",
	  .run = too_large,
	  .describe =
		  "The driver checks KFD's limit before it allocates, and a refusal uses none of it." },
	{ .name = "hsa-unknown-flags",
	  .run = unknown_flags_hsa,
	  .describe =
		  "The driver refuses unknown flags also together with AMDGPU_GEM_USERPTR_HSA." },
	{ .name = "hsa-anononly",
	  .run = anononly,
	  .describe = "ANONONLY refuses file pages, with the flag as without." },
	{ .name = "hsa-needs-kfd-vm",
	  .run = needs_kfd_vm,
	  .describe = "The VM of the render node's file has to belong to a KFD process." },
	{ .name = "hsa-needs-own-process",
	  .run = needs_own_process,
	  .describe = "A child cannot give its memory to the parent's queues." },
	{ .name = "hsa-no-xnack",
	  .run = no_xnack,
	  .describe = "XNACK mode and userptrs with the flag exclude each other." },
	{ .name = "hsa-no-delayed-update",
	  .run = no_delayed_update,
	  .describe =
		  "The driver refuses AMDGPU_VM_DELAY_UPDATE, because no later submission would make the mapping." },
	{ .name = "hsa-no-bo-list",
	  .run = no_bo_list,
	  .describe =
		  "A command submission cannot list a userptr with the flag, because KFD's restore worker owns it." },
	{ .name = "hsa-no-prime-export",
	  .run = no_prime_export,
	  .describe = "The driver does not export process memory as a dma-buf." },
	{ .name = "hsa-no-cpu-map",
	  .run = no_cpu_map,
	  .describe = "The driver does not map process memory for the CPU." },
	{ .name = "hsa-no-other-file",
	  .run = no_other_file,
	  .describe = "Another file cannot open the object to map it in its own VM." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture()
		amd_userptr_fixture_open(&up);

	amd_userptr_run_subtests(&up, any_kernel, ARRAY_LENGTH(any_kernel));

	igt_subtest_group() {
		igt_fixture()
			amd_userptr_require_flag(&up);
		amd_userptr_run_subtests(&up, hsa, ARRAY_LENGTH(hsa));
		amd_userptr_run_subtests(&up, amd_userptr_svm_subtests,
					 amd_userptr_num_svm_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_coherence_subtests,
					 amd_userptr_num_coherence_subtests);
		amd_userptr_run_subtests(&up, amd_userptr_criu_subtests,
					 amd_userptr_num_criu_subtests);
	}

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
