/* SPDX-License-Identifier: MIT */
#include <xf86drm.h>

#include "fake_kernel.h"
#include "test.h"

static struct fake_device *device_of(struct fake_kernel *fake, int fd)
{
	t_assert(fd >= FAKE_FIRST_FD && fd < FAKE_FIRST_FD + FAKE_MAX_DEVICES);
	return &fake->devices[fd - FAKE_FIRST_FD];
}

/* ------------------------------------------------------------------------------------------- */
/* Ioctls										       */

/* The kernel's checks, in amdgpu_userptr_gem.c and amdgpu_userptr_pages.c of the amdgpu driver. */
static bool scatter_args_are_good(const struct fake_kernel *fake,
				  const struct amd_userptr_args *args)
{
	const struct amdgpu_userptr_range *ranges = (const void *)(uintptr_t)args->ranges;
	uint64_t size = 0;

	if (args->addr || !args->num_ranges || args->num_ranges > AU_MAX_BO_RANGES ||
	    args->range_stride != sizeof(*ranges))
		return false;
	for (uint32_t i = 0; i < args->num_ranges; i++) {
		if (!ranges[i].cpu_addr || !ranges[i].size || ranges[i].reserved ||
		    ranges[i].flags & ~AMDGPU_GEM_USERPTR_RANGE_READONLY ||
		    (ranges[i].cpu_addr | ranges[i].size) & (fake->page_size - 1))
			return false;
		size += ranges[i].size;
	}
	return args->size == size;
}

static bool is_bad(const struct fake_kernel *fake, uint64_t addr, uint64_t size)
{
	return fake->bad_addr >= addr && fake->bad_addr - addr < size;
}

static int check_memory(const struct fake_kernel *fake, const struct amd_userptr_args *args)
{
	const struct amdgpu_userptr_range *ranges = (const void *)(uintptr_t)args->ranges;

	for (uint32_t i = 0; i < args->num_ranges; i++) {
		if (is_bad(fake, ranges[i].cpu_addr, ranges[i].size))
			return fake->bad_error;
	}
	return !args->num_ranges && is_bad(fake, args->addr, args->size) ? fake->bad_error : 0;
}

uint32_t fake_add_bo(struct fake_device *device, const struct fake_bo *bo)
{
	device->bos =
		fake_grow(device->bos, device->num_bos, &device->max_bos, sizeof(*device->bos));
	device->bos[device->num_bos] = *bo;
	device->open_bos++;
	return ++device->num_bos;
}

static int gem_userptr(struct fake_kernel *fake, struct fake_device *device,
		       struct amd_userptr_args *args)
{
	const struct amdgpu_userptr_range *ranges = (const void *)(uintptr_t)args->ranges;
	const uint32_t always = AMDGPU_GEM_USERPTR_HSA | AMDGPU_GEM_USERPTR_REGISTER |
				AMDGPU_GEM_USERPTR_VALIDATE;
	const uint32_t coherence = AMDGPU_GEM_USERPTR_COHERENT | AMDGPU_GEM_USERPTR_UNCACHED |
				   AMDGPU_GEM_USERPTR_EXT_COHERENT;
	const uint32_t optional = AMDGPU_GEM_USERPTR_READONLY | AMDGPU_GEM_USERPTR_SCATTER |
				  coherence;
	const bool scatter = args->flags & AMDGPU_GEM_USERPTR_SCATTER;
	struct fake_bo bo = {
		.addr = args->addr,
		.size = args->size,
		.flags = args->flags,
		.num_ranges = args->num_ranges,
		.open = true,
	};
	int ret;

	t_equal(args->flags & ~optional, always);
	if (scatter && (device->no_scatter || fake->drm_minor < AU_DRM_MINOR_SCATTER))
		return -EINVAL;
	if ((args->flags & coherence) &&
	    (device->no_coherence || fake->drm_minor < AU_DRM_MINOR_COHERENCE))
		return -EINVAL;
	if (scatter)
		t_assert(scatter_args_are_good(fake, args));
	else
		t_assert(args->addr && args->size &&
			 !((args->addr | args->size) & (fake->page_size - 1)) && !args->ranges &&
			 !args->num_ranges && !args->range_stride);
	if (fake->userptr_error)
		return fake->userptr_error;
	ret = check_memory(fake, args);
	if (ret)
		return ret;

	bo.first_range = device->num_ranges;
	for (uint32_t i = 0; i < args->num_ranges; i++) {
		device->ranges = fake_grow(device->ranges, device->num_ranges, &device->max_ranges,
					   sizeof(*device->ranges));
		device->ranges[device->num_ranges++] = ranges[i];
	}
	args->handle = fake_add_bo(device, &bo);
	return 0;
}

/*
 * The library must not close a BO while a GPU may still reach its memory, because the kernel stops
 * watching the memory then. So the library must have removed the mappings and waited until the
 * removal is done. The model does not check this after a call that the test has made fail
 * (fake->failed). But it always checks that the library does not close a BO on a GPU that hangs in
 * an update: the kernel would wait for all updates of this GPU until the GPU works again, and no
 * signal could end the wait.
 */
static int gem_close(struct fake_kernel *fake, struct fake_device *device, uint32_t handle)
{
	struct fake_bo *bo = &device->bos[handle - 1];

	t_assert(handle && handle <= device->num_bos && bo->open);
	t_assert(!device->hangs || device->wait_failed || device->waited >= device->point);
	if (!fake->failed) {
		t_equal(bo->num_mappings, 0);
		t_assert(device->waited >= bo->removed);
	}
	for (uint32_t i = 0; bo->num_mappings;) {
		if (device->mappings[i].handle == handle)
			fake_remove_mappings(device, i, i + 1, UINT64_MAX);
		else
			i++;
	}
	bo->open = false;
	device->open_bos--;
	return 0;
}

static int syncobj_wait(struct fake_kernel *fake, struct fake_device *device,
			const struct drm_syncobj_timeline_wait *args)
{
	const uint64_t point = *(const uint64_t *)(uintptr_t)args->points;

	t_assert(device->syncobj);
	t_equal(args->count_handles, 1);
	t_equal(args->flags, 0);
	/* The kernel would refuse a point that nobody has added. */
	t_assert(point && point <= device->point);
	if (!fake->deadline)
		fake->deadline = args->timeout_nsec;
	fake->second_deadline |= fake->deadline != args->timeout_nsec;
	if (device->hangs) {
		/* Without a deadline the library would hang here. */
		t_assert(args->timeout_nsec != INT64_MAX);
		return -ETIME;
	}
	if (device->waited < point)
		device->waited = point;
	return 0;
}

/*
 * Call this when the library asks for resets. After a reset no removal is certain, so all stale
 * addresses stay. Otherwise the GPU can no longer use the addresses for whose removal the library
 * has waited (device->waited).
 */
static void end_stale(struct fake_device *device)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < device->num_stale; i++) {
		struct fake_stale *stale = &device->stale[i];

		if (device->reset)
			stale->point = UINT64_MAX;
		if (stale->point > device->waited)
			device->stale[left++] = *stale;
	}
	device->num_stale = left;
}

/* The library has one CS context to ask for resets, and others for submissions. */
static int gpu_ctx(struct fake_device *device, union drm_amdgpu_ctx *args)
{
	const uint32_t op = args->in.op, id = args->in.ctx_id;

	t_assert(!args->in.flags && !args->in.priority);
	t_assert(op == AMDGPU_CTX_OP_ALLOC_CTX ? !id : device->gpu_ctx);
	*args = (union drm_amdgpu_ctx){ 0 };
	switch (op) {
	case AMDGPU_CTX_OP_QUERY_STATE:
		t_equal(id, 1);
		args->out.state.reset_status = device->reset ? AMDGPU_CTX_UNKNOWN_RESET
							     : AMDGPU_CTX_NO_RESET;
		end_stale(device);
		device->reset = false;
		return 0;
	case AMDGPU_CTX_OP_QUERY_STATE2:
		t_equal(id, 1);
		if (device->reset_polls) {
			args->out.state.flags = AMD_CTX_IN_RESET;
			device->reset_polls--;
		}
		return 0;
	case AMDGPU_CTX_OP_ALLOC_CTX:
		if (device->gpu_ctx) {
			device->cs_ctx = device->cs_ctx ? device->cs_ctx + 1 : 2;
			device->cs_ctxs++;
		}
		args->out.alloc.ctx_id = device->gpu_ctx ? device->cs_ctx : 1;
		device->gpu_ctx = true;
		return 0;
	default:
		t_assert(id && (id == 1 || device->cs_ctxs));
		if (id == 1)
			device->gpu_ctx = false;
		else
			device->cs_ctxs--;
		return 0;
	}
}

static int drm_version(struct fake_kernel *fake, struct drm_version *args)
{
	args->version_major = 3;
	args->version_minor = fake->drm_minor;
	memcpy(args->name, fake->driver,
	       args->name_len < strlen(fake->driver) ? args->name_len : strlen(fake->driver));
	args->name_len = strlen(fake->driver);
	return 0;
}

static int device_info(const struct fake_kernel *fake, const struct fake_device *device,
		       const struct drm_amdgpu_info *args)
{
	struct drm_amdgpu_info_device info = {
		.virtual_address_offset = FAKE_VA_MIN,
		.virtual_address_max = fake->va_max,
		.high_va_offset = FAKE_HIGH_VA_MIN,
		.high_va_max = FAKE_HIGH_VA_MAX,
		.virtual_address_alignment = fake->page_size,
		.ids_flags = fake->ids_flags,
		.family = fake->family,
	};

	if (fake->gpu_page_va && !device->no_gpu_page_va)
		info.ids_flags |= AMDGPU_IDS_FLAGS_GPU_PAGE_VA;
	if (fake->kernel_flush_error != -EINVAL)
		info.ids_flags |= AMDGPU_IDS_FLAGS_HDP_FLUSH;
	t_equal(args->query, AMDGPU_INFO_DEV_INFO);
	t_equal(args->return_size, sizeof(info));
	memcpy((void *)(uintptr_t)args->return_pointer, &info, sizeof(info));
	return 0;
}

static enum fake_call ctx_call_of(const union drm_amdgpu_ctx *args)
{
	switch (args->in.op) {
	case AMDGPU_CTX_OP_ALLOC_CTX:
		return FAKE_CTX_CREATE;
	case AMDGPU_CTX_OP_FREE_CTX:
		return FAKE_CTX_DESTROY;
	case AMDGPU_CTX_OP_QUERY_STATE2:
		return FAKE_CTX_QUERY2;
	default:
		t_equal(args->in.op, AMDGPU_CTX_OP_QUERY_STATE);
		return FAKE_CTX_QUERY;
	}
}

static enum fake_call call_of(unsigned long request, const void *arg)
{
	switch (request) {
	case DRM_IOCTL_VERSION:
		return FAKE_VERSION;
	case DRM_IOCTL_AMDGPU_INFO:
		return ((const struct drm_amdgpu_info *)arg)->query == AMDGPU_INFO_HW_IP_INFO
			       ? FAKE_HW_IP
			       : FAKE_INFO;
	case DRM_IOCTL_AMDGPU_GEM_CREATE:
		return FAKE_GEM_CREATE;
	case DRM_IOCTL_AMDGPU_GEM_MMAP:
		return FAKE_GEM_MMAP;
	case DRM_IOCTL_AMDGPU_GEM_OP:
		return FAKE_GEM_OP;
	case DRM_IOCTL_AMDGPU_CS:
		return FAKE_CS;
	case DRM_IOCTL_AMDGPU_WAIT_CS:
		return FAKE_WAIT_CS;
	case AMD_IOCTL_HDP_FLUSH:
		return FAKE_HDP_FLUSH;
	case AMD_IOCTL_GEM_USERPTR:
		return FAKE_USERPTR;
	case DRM_IOCTL_GEM_CLOSE:
		return FAKE_CLOSE;
	case AMD_IOCTL_GEM_VA:
		return ((const struct amd_gem_va_args *)arg)->operation == AMDGPU_VA_OP_MAP
			       ? FAKE_MAP
			       : FAKE_CLEAR;
	case DRM_IOCTL_SYNCOBJ_CREATE:
		return FAKE_SYNCOBJ_CREATE;
	case DRM_IOCTL_SYNCOBJ_DESTROY:
		return FAKE_SYNCOBJ_DESTROY;
	case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
		return FAKE_WAIT;
	case DRM_IOCTL_AMDGPU_CTX:
		return ctx_call_of(arg);
	case AMD_IOC_SMI_EVENTS:
		return FAKE_SMI_OPEN;
	}
	fprintf(stderr, "ioctl %#lx is not modelled\n", request);
	abort();
}

static int dispatch(struct fake_kernel *fake, struct fake_device *device, enum fake_call call,
		    void *arg)
{
	switch (call) {
	case FAKE_VERSION:
		return drm_version(fake, arg);
	case FAKE_INFO:
		return device_info(fake, device, arg);
	case FAKE_USERPTR:
		return gem_userptr(fake, device, arg);
	case FAKE_CLOSE:
		return gem_close(fake, device, ((struct drm_gem_close *)arg)->handle);
	case FAKE_MAP:
	case FAKE_CLEAR:
		return fake_gem_va(fake, device, arg);
	case FAKE_SYNCOBJ_CREATE:
		t_assert(!device->syncobj);
		device->syncobj = true;
		device->point = device->waited = 0;
		((struct drm_syncobj_create *)arg)->handle = 1;
		return 0;
	case FAKE_SYNCOBJ_DESTROY:
		t_assert(device->syncobj);
		device->syncobj = false;
		return 0;
	case FAKE_WAIT:
		return syncobj_wait(fake, device, arg);
	case FAKE_CTX_CREATE:
	case FAKE_CTX_DESTROY:
	case FAKE_CTX_QUERY:
	case FAKE_CTX_QUERY2:
		return gpu_ctx(device, arg);
	case FAKE_GEM_CREATE:
		return fake_gem_create(fake, device, arg);
	case FAKE_GEM_MMAP:
		return fake_gem_mmap(fake, device, arg);
	case FAKE_GEM_OP:
		return fake_gem_op(fake, device, arg);
	case FAKE_HW_IP:
		return fake_hw_ip(fake, arg);
	case FAKE_CS:
		return fake_cs(fake, device, arg);
	case FAKE_WAIT_CS:
		return fake_wait_cs(fake, device, arg);
	case FAKE_HDP_FLUSH:
		return fake_hdp_flush(fake, device, arg);
	default:
		abort();
	}
}

int fake_begin(struct fake_kernel *fake, enum fake_call call)
{
	errno = EXDEV;
	fake->calls++;
	fake->count[call]++;
	if (fake->num_traced < FAKE_MAX_TRACE)
		fake->trace[fake->num_traced++] = call;
	if (!fake->fail_call || --fake->fail_call)
		return 0;
	fake->failed = true;
	return fake->fail_error;
}

static int fake_ioctl(void *priv, int fd, unsigned long request, void *arg)
{
	struct fake_kernel *fake = priv;
	enum fake_call call = call_of(request, arg);
	int ret;

	pthread_mutex_lock(&fake->lock);
	ret = fake_begin(fake, call);
	if (ret && call == FAKE_CLOSE)
		device_of(fake, fd)->failed_closes++;
	if (ret && call == FAKE_WAIT)
		device_of(fake, fd)->wait_failed = true;
	if (!ret && call == FAKE_SMI_OPEN)
		ret = fake_smi_open(fake, fd, arg);
	else if (!ret)
		ret = dispatch(fake, device_of(fake, fd), call, arg);
	pthread_mutex_unlock(&fake->lock);
	return ret;
}

static int fake_device_fd(void *priv, amdgpu_device_handle handle)
{
	struct fake_kernel *fake = priv;

	return FAKE_FIRST_FD + (int)((struct fake_device *)handle - fake->devices);
}

static int fake_device_id(void *priv, int fd, uint64_t *id)
{
	const struct fake_kernel *fake = priv;

	*id = fake->one_node ? FAKE_FIRST_FD : fd;
	return 0;
}

static uint64_t fake_page_size(void *priv)
{
	return ((struct fake_kernel *)priv)->page_size;
}

const struct au_ops fake_ops = {
	.ioctl = fake_ioctl,
	.device_fd = fake_device_fd,
	.device_id = fake_device_id,
	.va_alloc = fake_va_alloc,
	.va_free = fake_va_free,
	.reserve = fake_reserve,
	.release = fake_release,
	.find_gap = fake_find_gap,
	.page_size = fake_page_size,
	.page_get = fake_page_get,
	.page_put = fake_page_put,
	.smi_enable = fake_smi_enable,
	.smi_read = fake_smi_read,
	.smi_close = fake_smi_close,
	.map_bo = fake_map_bo,
	.unmap_bo = fake_unmap_bo,
	.xgmi_to_cpu = fake_xgmi_to_cpu,
};
