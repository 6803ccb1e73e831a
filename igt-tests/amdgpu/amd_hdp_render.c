// SPDX-License-Identifier: MIT
/*
 * Flushes of HDP by the render node alone: an ioctl that works on every GPU and with CPU pages of
 * every size, and the MMIO remap page, which AMDGPU_GEM_OP_OPEN_GLOBAL opens where the GPU has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_scatter_uapi.h"

#include "amd_hdp.h"

/* A number that no BO of the device has. */
#define NO_GLOBAL 0x7fffffff

static int flush_ioctl(int fd, uint32_t flags, uint32_t pad)
{
	struct amd_hdp_flush_args args = { .flags = flags, .pad = pad };

	return drmIoctl(fd, AMD_IOCTL_HDP_FLUSH, &args) ? -errno : 0;
}

/*
 * Skips if the kernel does not report the ioctl by AMDGPU_IDS_FLAGS_HDP_FLUSH.  Such a kernel may
 * use the same number for another ioctl, so the test must not call it.
 */
static void require_ioctl(struct amd_userptr *up)
{
	struct drm_amdgpu_info_device info = {};

	amd_info(up->fd, AMDGPU_INFO_DEV_INFO, &info, sizeof(info));
	igt_require_f(info.ids_flags & AMDGPU_IDS_FLAGS_HDP_FLUSH,
		      "This kernel does not have DRM_IOCTL_AMDGPU_HDP_FLUSH\n");
	igt_assert_eq(flush_ioctl(up->fd, 0, 0), 0);
}

static void flush_by_ioctl(void *arg)
{
	struct amd_userptr *up = arg;

	igt_assert_eq(flush_ioctl(up->fd, 0, 0), 0);
}

void amd_hdp_ioctl(struct amd_userptr *up)
{
	require_ioctl(up);
	amd_userptr_use_queue(up, AMD_KFD_QUEUE_PM4);
	amd_hdp_all_rounds(flush_by_ioctl, up);
}

void amd_hdp_ioctl_errors(struct amd_userptr *up)
{
	require_ioctl(up);
	for (unsigned int bit = 0; bit < 32; bit++) {
		igt_assert_eq(flush_ioctl(up->fd, 1u << bit, 0), -EINVAL);
		igt_assert_eq(flush_ioctl(up->fd, 0, 1u << bit), -EINVAL);
	}
	igt_assert_eq(flush_ioctl(up->fd, 0, 0), 0);
}

static int gem_op(int fd, uint32_t op, uint32_t *handle, void *value)
{
	struct drm_amdgpu_gem_op args = {
		.handle = *handle,
		.op = op,
		.value = (uintptr_t)value,
	};

	if (drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_OP, &args))
		return -errno;
	*handle = args.handle;
	return 0;
}

static int open_global(int fd, uint32_t id, struct drm_amdgpu_gem_create_in *info, uint32_t *handle)
{
	*handle = id;
	return gem_op(fd, AMDGPU_GEM_OP_OPEN_GLOBAL, handle, info);
}

/*
 * Try to open the remap page.  If CPU pages are larger than the remap page, assert that the kernel
 * refuses to open it.  Skips if the kernel or the GPU has no remap page.
 */
static int try_page(int fd, struct drm_amdgpu_gem_create_in *info, uint32_t *handle)
{
	int ret = open_global(fd, AMDGPU_GEM_GLOBAL_MMIO_REMAP, info, handle);

	igt_require_f(ret != -ENOENT && ret != -EINVAL,
		      "This kernel does not know AMDGPU_GEM_OP_OPEN_GLOBAL\n");
	if (getpagesize() > AMD_HDP_REMAP_PAGE_SIZE)
		igt_assert_eq(ret, -EOPNOTSUPP);
	else
		igt_require_f(ret != -EOPNOTSUPP, "the GPU has no MMIO remap page\n");
	return ret;
}

static uint32_t open_page(int fd)
{
	struct drm_amdgpu_gem_create_in info = {};
	uint32_t handle;

	igt_assert_eq(try_page(fd, &info, &handle), 0);
	igt_assert_eq_u64(info.bo_size, getpagesize());
	return handle;
}

/*
 * Returns whether CPU pages are larger than the remap page.  If they are, assert that the kernel
 * refuses to open the page, whether the caller asks for its size or not, and that the kernel
 * refuses a number that no BO has in the same way.
 */
static bool page_is_refused(int fd)
{
	struct drm_amdgpu_gem_create_in info = {};
	uint32_t handle;

	if (getpagesize() <= AMD_HDP_REMAP_PAGE_SIZE)
		return false;
	try_page(fd, NULL, &handle);
	try_page(fd, &info, &handle);
	igt_assert_eq_u64(info.bo_size, 0);
	igt_assert_eq(open_global(fd, NO_GLOBAL, NULL, &handle), -EOPNOTSUPP);
	return true;
}

static uint64_t mmap_offset(int fd, uint32_t handle)
{
	union drm_amdgpu_gem_mmap args = { .in.handle = handle };

	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &args), 0);
	return args.out.addr_ptr;
}

static void *map_page(int fd, uint32_t handle)
{
	void *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  mmap_offset(fd, handle));

	igt_assert(page != MAP_FAILED);
	return page;
}

static void write_page(void *page)
{
	amd_hdp_write_remapped(page);
}

/*
 * Open the remap page by two open files of the device.  The mapping of one file must still work
 * after the other file has closed its handle of the page.
 */
void amd_hdp_open_global(struct amd_userptr *up)
{
	uint32_t handle, other_handle;
	void *page;
	int other;

	if (page_is_refused(up->fd))
		return;
	other = drm_reopen_driver(up->fd);
	handle = open_page(up->fd);
	other_handle = open_page(other);
	page = map_page(up->fd, handle);

	igt_assert_eq(drmCloseBufferHandle(other, other_handle), 0);
	close(other);
	amd_userptr_use_queue(up, AMD_KFD_QUEUE_PM4);
	amd_hdp_all_rounds(write_page, page);
	igt_assert_eq(munmap(page, getpagesize()), 0);
	igt_assert_eq(drmCloseBufferHandle(up->fd, handle), 0);
}

static int map_to_gpu(int fd, uint32_t handle, uint64_t va)
{
	struct drm_amdgpu_gem_va args = {
		.handle = handle,
		.operation = AMDGPU_VA_OP_MAP,
		.flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE,
		.va_address = va,
		.map_size = getpagesize(),
	};

	return drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_VA, &args) ? -errno : 0;
}

static int set_placement(int fd, uint32_t handle)
{
	struct drm_amdgpu_gem_op args = {
		.handle = handle,
		.op = AMDGPU_GEM_OP_SET_PLACEMENT,
		.value = AMDGPU_GEM_DOMAIN_VRAM,
	};

	return drmIoctl(fd, DRM_IOCTL_AMDGPU_GEM_OP, &args) ? -errno : 0;
}

/*
 * All processes share the BO, and its memory is registers.  So a process may map the one page of
 * the BO to the CPU, and the kernel must refuse all other uses of the BO.
 */
void amd_hdp_open_global_uses(struct amd_userptr *up)
{
	const size_t size = getpagesize();
	uint32_t handle, none;
	int dmabuf = -1;
	uint64_t va;

	if (page_is_refused(up->fd))
		return;
	handle = open_page(up->fd);
	va = amd_kfd_va_reserve(size, 0);
	igt_assert(va);
	igt_assert_eq(open_global(up->fd, NO_GLOBAL, NULL, &none), -EOPNOTSUPP);
	igt_assert(mmap(NULL, 2 * size, PROT_READ, MAP_SHARED, up->fd,
			mmap_offset(up->fd, handle)) == MAP_FAILED);
	igt_assert_eq(map_to_gpu(up->fd, handle, va), -ENOENT);
	igt_assert_eq(__amd_userptr_cs_list(up->fd, handle), -EINVAL);
	igt_assert_eq(set_placement(up->fd, handle), -EINVAL);
	igt_assert_neq(drmPrimeHandleToFD(up->fd, handle, DRM_CLOEXEC, &dmabuf), 0);
	igt_assert_eq(errno, EPERM);
	igt_assert_eq(drmCloseBufferHandle(up->fd, handle), 0);
	amd_kfd_va_release(va, size);
}
