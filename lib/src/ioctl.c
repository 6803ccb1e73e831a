/* SPDX-License-Identifier: MIT */
/* The library's ioctls and its calls of libdrm. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xf86drm.h>

#include "internal.h"

static int kernel_ioctl(void *priv, int fd, unsigned long request, void *arg)
{
	/* drmIoctl() restarts the call on EINTR and EAGAIN. */
	return drmIoctl(fd, request, arg) ? -errno : 0;
}

static int kernel_device_fd(void *priv, amdgpu_device_handle device)
{
	return amdgpu_device_get_fd(device);
}

static int kernel_device_id(void *priv, int fd, uint64_t *id)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	*id = st.st_rdev;
	return 0;
}

static int kernel_va_alloc(void *priv, amdgpu_device_handle device, uint64_t size,
			   uint64_t alignment, uint64_t *va, amdgpu_va_handle *handle)
{
	return amdgpu_va_range_alloc(device, amdgpu_gpu_va_range_general, size, alignment, 0, va,
				     handle, 0);
}

static void kernel_va_free(void *priv, amdgpu_va_handle handle)
{
	amdgpu_va_range_free(handle);
}

static uint64_t kernel_page_size(void *priv)
{
	return sysconf(_SC_PAGESIZE);
}

static int kernel_smi_enable(void *priv, int fd, uint64_t events)
{
	/* The kernel makes the file without O_CLOEXEC, so set the flag here. */
	if (fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	return write(fd, &events, sizeof(events)) == sizeof(events) ? 0 : -errno;
}

static int kernel_smi_read(void *priv, int fd, char *bytes, size_t size)
{
	ssize_t len = read(fd, bytes, size);

	return len < 0 ? -errno : len;
}

static void kernel_smi_close(void *priv, int fd)
{
	close(fd);
}

static int kernel_map_bo(void *priv, int fd, uint64_t offset, uint64_t size, void **ptr)
{
	*ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if (*ptr == MAP_FAILED)
		return au_mmap_error();
	if (madvise(*ptr, size, MADV_DONTFORK)) {
		const int ret = au_mmap_error();

		munmap(*ptr, size);
		return ret;
	}
	return 0;
}

static void kernel_unmap_bo(void *priv, void *ptr, uint64_t size)
{
	munmap(ptr, size);
}

const struct au_ops au_kernel_ops = {
	.ioctl = kernel_ioctl,
	.device_fd = kernel_device_fd,
	.device_id = kernel_device_id,
	.va_alloc = kernel_va_alloc,
	.va_free = kernel_va_free,
	.reserve = au_kernel_reserve,
	.release = au_kernel_release,
	.find_gap = au_kernel_find_gap,
	.page_size = kernel_page_size,
	.page_get = au_kernel_page_get,
	.page_put = au_kernel_page_put,
	.smi_enable = kernel_smi_enable,
	.smi_read = kernel_smi_read,
	.smi_close = kernel_smi_close,
	.map_bo = kernel_map_bo,
	.unmap_bo = kernel_unmap_bo,
	.xgmi_to_cpu = au_kernel_xgmi_to_cpu,
};

static int do_ioctl_on(struct amdgpu_userptr_ctx *ctx, int fd, unsigned long request, void *arg)
{
	atomic_fetch_add_explicit(&ctx->num_ioctls, 1, memory_order_relaxed);
	return ctx->ops->ioctl(ctx->ops_priv, fd, request, arg);
}

static int do_ioctl(struct au_device *device, unsigned long request, void *arg)
{
	return do_ioctl_on(device->ctx, device->fd, request, arg);
}

/* Fill in the driver's version. -ENODEV: the driver is not amdgpu. */
int au_drm_version(struct au_device *device)
{
	static const char driver[] = "amdgpu";
	char name[sizeof(driver)] = "";
	struct drm_version version = {
		.name = name,
		.name_len = sizeof(name),
	};
	int ret = do_ioctl(device, DRM_IOCTL_VERSION, &version);

	if (ret == -ENOTTY)
		return -ENODEV;
	if (ret)
		return ret;
	/* The kernel reports the length of the name and copies as much as fits, unterminated. */
	if (version.name_len != strlen(driver) || memcmp(name, driver, strlen(driver)))
		return -ENODEV;
	device->drm_major = version.version_major;
	device->drm_minor = version.version_minor;
	return 0;
}

/*
 * Whether the CPU reaches VRAM as memory of the system. For the same devices the driver's own flush
 * does nothing (amdgpu_device_flush_hdp() in drivers/gpu/drm/amd/amdgpu/amdgpu_device.c). An APU
 * that a virtual machine has by passthrough does not count, because the virtual machine reaches its
 * VRAM through a PCI aperture, as for any other PCI device.
 */
static bool is_apu(uint64_t ids_flags)
{
#if defined(__x86_64__)
	const uint64_t mode = (ids_flags & AMDGPU_IDS_FLAGS_MODE_MASK) >>
			      AMDGPU_IDS_FLAGS_MODE_SHIFT;

	return ids_flags & AMDGPU_IDS_FLAGS_FUSION && mode != AMDGPU_IDS_FLAGS_MODE_PT;
#else
	return false;
#endif
}

/* Fill in the limits of the device's address space. */
int au_device_info(struct au_device *device)
{
	struct drm_amdgpu_info_device info = { 0 };
	struct drm_amdgpu_info request = {
		.return_pointer = (uintptr_t)&info,
		.return_size = sizeof(info),
		.query = AMDGPU_INFO_DEV_INFO,
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_INFO, &request);

	if (ret)
		return ret;
	device->granularity = device->ctx->page_size;
	if (info.ids_flags & AMDGPU_IDS_FLAGS_GPU_PAGE_VA && AU_GPU_PAGE < device->granularity)
		device->granularity = AU_GPU_PAGE;
	device->hdp.has_ioctl = info.ids_flags & AMDGPU_IDS_FLAGS_HDP_FLUSH;
	device->apu = is_apu(info.ids_flags);
	device->family = info.family;
	device->va_alignment = info.virtual_address_alignment;
	device->va_min = info.virtual_address_offset;
	device->va_max = info.virtual_address_max;
	device->high_va_min = info.high_va_offset;
	device->high_va_max = info.high_va_max;
	return 0;
}

static uint32_t coherence_flags(uint32_t map_flags)
{
	uint32_t flags = 0;

	if (map_flags & AMDGPU_USERPTR_MAP_COHERENT)
		flags |= AMDGPU_GEM_USERPTR_COHERENT;
	if (map_flags & AMDGPU_USERPTR_MAP_UNCACHED)
		flags |= AMDGPU_GEM_USERPTR_UNCACHED;
	if (map_flags & AMDGPU_USERPTR_MAP_EXT_COHERENT)
		flags |= AMDGPU_GEM_USERPTR_EXT_COHERENT;
	return flags;
}

int au_gem_userptr(struct au_device *device, const struct au_bo *bo,
		   const struct amdgpu_userptr_range *ranges, uint32_t map_flags, uint32_t *handle)
{
	/*
	 * Do not use libdrm's amdgpu_create_bo_from_user_mem(): it adds ANONONLY, and with this
	 * flag the kernel refuses all memory that has a file: memfds, shared anonymous memory, the
	 * memory of guests in QEMU.
	 */
	struct amd_userptr_args args = {
		.size = bo->size,
		.flags = AMDGPU_GEM_USERPTR_HSA | AMDGPU_GEM_USERPTR_REGISTER |
			 AMDGPU_GEM_USERPTR_VALIDATE | coherence_flags(map_flags),
	};
	int ret;

	if (bo->range_flags & AMDGPU_USERPTR_RANGE_READONLY)
		args.flags |= AMDGPU_GEM_USERPTR_READONLY;
	if (bo->scatter) {
		args.flags |= AMDGPU_GEM_USERPTR_SCATTER;
		args.ranges = (uintptr_t)&ranges[bo->first_range];
		args.num_ranges = bo->end_range - bo->first_range;
		args.range_stride = sizeof(ranges[0]);
	} else {
		args.addr = bo->cpu_addr;
	}
	ret = do_ioctl(device, AMD_IOCTL_GEM_USERPTR, &args);
	if (ret)
		return ret;
	*handle = args.handle;
	return 0;
}

int au_gem_close(struct au_device *device, uint32_t handle)
{
	struct drm_gem_close args = {
		.handle = handle,
	};

	return do_ioctl(device, DRM_IOCTL_GEM_CLOSE, &args);
}

int au_gem_va(struct au_device *device, const struct amd_gem_va_args *args)
{
	struct amd_gem_va_args copy = *args;

	return do_ioctl(device, AMD_IOCTL_GEM_VA, &copy);
}

int au_syncobj_create(struct au_device *device, uint32_t *syncobj)
{
	struct drm_syncobj_create args = { 0 };
	int ret = do_ioctl(device, DRM_IOCTL_SYNCOBJ_CREATE, &args);

	if (ret)
		return ret;
	*syncobj = args.handle;
	return 0;
}

int au_syncobj_destroy(struct au_device *device, uint32_t syncobj)
{
	struct drm_syncobj_destroy args = {
		.handle = syncobj,
	};

	return do_ioctl(device, DRM_IOCTL_SYNCOBJ_DESTROY, &args);
}

/*
 * The call does not set WAIT_FOR_SUBMIT, so the kernel returns an error for a point that nobody
 * added.
 */
int au_syncobj_wait(struct au_device *device, uint32_t syncobj, uint64_t point, int64_t deadline)
{
	struct drm_syncobj_timeline_wait args = {
		.handles = (uintptr_t)&syncobj,
		.points = (uintptr_t)&point,
		.timeout_nsec = deadline,
		.count_handles = 1,
	};

	return do_ioctl(device, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

int au_gpu_ctx_create(struct au_device *device, uint32_t *gpu_ctx)
{
	union drm_amdgpu_ctx args = {
		.in.op = AMDGPU_CTX_OP_ALLOC_CTX,
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_CTX, &args);

	if (ret)
		return ret;
	*gpu_ctx = args.out.alloc.ctx_id;
	return 0;
}

int au_gpu_ctx_destroy(struct au_device *device, uint32_t gpu_ctx)
{
	union drm_amdgpu_ctx args = {
		.in = { .op = AMDGPU_CTX_OP_FREE_CTX, .ctx_id = gpu_ctx },
	};

	return do_ioctl(device, DRM_IOCTL_AMDGPU_CTX, &args);
}

int au_gpu_ctx_query(struct au_device *device, bool *reset)
{
	union drm_amdgpu_ctx args = {
		.in = { .op = AMDGPU_CTX_OP_QUERY_STATE, .ctx_id = device->gpu_ctx },
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_CTX, &args);

	if (ret)
		return ret;
	*reset = args.out.state.reset_status != AMDGPU_CTX_NO_RESET;
	return 0;
}

int au_gpu_ctx_in_reset(struct au_device *device, bool *in_reset)
{
	union drm_amdgpu_ctx args = {
		.in = { .op = AMDGPU_CTX_OP_QUERY_STATE2, .ctx_id = device->gpu_ctx },
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_CTX, &args);

	if (ret)
		return ret;
	*in_reset = args.out.state.flags & AMD_CTX_IN_RESET;
	return 0;
}

static int own_bo_map(struct au_device *device, struct au_own_bo *bo)
{
	union drm_amdgpu_gem_mmap args = {
		.in.handle = bo->handle,
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_GEM_MMAP, &args);

	if (!ret)
		ret = device->ctx->ops->map_bo(device->ctx->ops_priv, device->fd, args.out.addr_ptr,
					       device->ctx->page_size, &bo->ptr);
	if (ret) {
		bo->ptr = NULL;
		au_own_bo_close(device, bo);
	}
	return ret;
}

int au_own_bo_create(struct au_device *device, uint64_t domain, uint64_t flags,
		     struct au_own_bo *bo)
{
	union drm_amdgpu_gem_create args = {
		.in = {
			.bo_size = device->ctx->page_size,
			.alignment = device->ctx->page_size,
			.domains = domain,
			.domain_flags = flags,
		},
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_GEM_CREATE, &args);

	if (ret)
		return ret;
	bo->handle = args.out.handle;
	return own_bo_map(device, bo);
}

int au_own_bo_open_remap(struct au_device *device, struct au_own_bo *bo)
{
	struct drm_amdgpu_gem_op args = {
		.handle = AMDGPU_GEM_GLOBAL_MMIO_REMAP,
		.op = AMDGPU_GEM_OP_OPEN_GLOBAL,
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_GEM_OP, &args);

	/* ENOENT and EINVAL: the kernel does not know the operation. */
	if (ret == -ENOENT || ret == -EINVAL)
		return -EOPNOTSUPP;
	if (ret)
		return ret;
	bo->handle = args.handle;
	return own_bo_map(device, bo);
}

void au_own_bo_close(struct au_device *device, struct au_own_bo *bo)
{
	if (bo->ptr)
		device->ctx->ops->unmap_bo(device->ctx->ops_priv, bo->ptr, device->ctx->page_size);
	if (bo->handle)
		au_gem_close(device, bo->handle);
	*bo = (struct au_own_bo){ 0 };
}

int au_ioctl_hdp_flush(struct au_device *device)
{
	struct amd_hdp_flush_args args = { 0 };

	return do_ioctl(device, AMD_IOCTL_HDP_FLUSH, &args);
}

int au_hw_ip_rings(struct au_device *device, uint32_t ip_type, uint32_t *rings)
{
	struct drm_amdgpu_info_hw_ip info = { 0 };
	struct drm_amdgpu_info request = {
		.return_pointer = (uintptr_t)&info,
		.return_size = sizeof(info),
		.query = AMDGPU_INFO_HW_IP_INFO,
		.query_hw_ip.type = ip_type,
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_INFO, &request);

	*rings = ret ? 0 : info.available_rings;
	return ret;
}

/*
 * A fence can have these errors: a reset sets -ETIME for the commands that hung and -ECANCELED for
 * others, and a soft recovery sets -ENODATA (drivers/gpu/drm/amd/amdgpu/amdgpu_fence.c and
 * amdgpu_ring.c). So none of these errors is a time-out of the wait: return -ECANCELED for all.
 */
static int fence_error(int error)
{
	return error == -ETIME || error == -ENODATA ? -ECANCELED : error;
}

int au_cs_submit(struct au_device *device, const struct au_noop *noop, uint64_t *fence)
{
	struct drm_amdgpu_bo_list_entry bo = {
		.bo_handle = noop->ib.handle,
	};
	struct drm_amdgpu_bo_list_in bos = {
		.operation = ~0u,
		.list_handle = ~0u,
		.bo_number = 1,
		.bo_info_size = sizeof(bo),
		.bo_info_ptr = (uintptr_t)&bo,
	};
	struct drm_amdgpu_cs_chunk_ib ib = {
		.va_start = noop->reservation->addr,
		.ib_bytes = noop->num_dwords * sizeof(uint32_t),
		.ip_type = noop->ip_type,
	};
	struct drm_amdgpu_cs_chunk chunks[] = {
		{ AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(bos) / 4, (uintptr_t)&bos },
		{ AMDGPU_CHUNK_ID_IB, sizeof(ib) / 4, (uintptr_t)&ib },
	};
	uint64_t pointers[] = { (uintptr_t)&chunks[0], (uintptr_t)&chunks[1] };
	union drm_amdgpu_cs args = {
		.in = {
			.ctx_id = noop->gpu_ctx,
			.num_chunks = 2,
			.chunks = (uintptr_t)pointers,
		},
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_CS, &args);

	/*
	 * If the last commands of the CS context ended with an error, the kernel returns that error
	 * for all later submissions (drm_sched_entity_error() in amdgpu_ctx_get_entity()).
	 */
	if (ret)
		return fence_error(ret);
	*fence = args.out.handle;
	return 0;
}

int au_cs_wait(struct au_device *device, const struct au_noop *noop, uint64_t fence,
	       int64_t deadline)
{
	union drm_amdgpu_wait_cs args = {
		.in = {
			.handle = fence,
			.timeout = deadline,
			.ip_type = noop->ip_type,
			.ctx_id = noop->gpu_ctx,
		},
	};
	int ret = do_ioctl(device, DRM_IOCTL_AMDGPU_WAIT_CS, &args);

	/* A time-out of the wait is no error of the ioctl: only the status tells it. */
	if (ret)
		return fence_error(ret);
	return args.out.status ? -ETIME : 0;
}

int au_smi_open(struct au_device *device, int kfd_fd, uint32_t gpu_id)
{
	struct amdgpu_userptr_ctx *ctx = device->ctx;
	struct amd_smi_events_args args = {
		.gpuid = gpu_id,
	};
	int ret = do_ioctl_on(ctx, kfd_fd, AMD_IOC_SMI_EVENTS, &args);

	if (ret)
		return ret;
	ret = ctx->ops->smi_enable(ctx->ops_priv, args.anon_fd,
				   AMD_SMI_EVENT_BIT(AMD_SMI_EVENT_QUEUE_EVICTION) |
					   AMD_SMI_EVENT_BIT(AMD_SMI_EVENT_QUEUE_RESTORE));
	if (ret) {
		ctx->ops->smi_close(ctx->ops_priv, args.anon_fd);
		return ret;
	}
	device->smi.fd = args.anon_fd;
	device->smi.pid = getpid();
	return 0;
}

int au_smi_read(struct au_device *device, char *bytes, size_t size, size_t *len)
{
	struct amdgpu_userptr_ctx *ctx = device->ctx;
	int ret = ctx->ops->smi_read(ctx->ops_priv, device->smi.fd, bytes, size);

	if (ret < 0)
		return ret;
	*len = ret;
	return 0;
}

void au_smi_close(struct au_device *device)
{
	struct amdgpu_userptr_ctx *ctx = device->ctx;

	ctx->ops->smi_close(ctx->ops_priv, device->smi.fd);
	device->smi.fd = -1;
}
