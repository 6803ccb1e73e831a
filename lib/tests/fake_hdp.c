/* SPDX-License-Identifier: MIT */
/* The part of the model for the flush of the host data path: the library's own BOs, and
 * submissions. */
#include <sys/mman.h>

#include "fake_kernel.h"
#include "test.h"

/* For a BO of the library fake_gem_mmap() returns the handle as the file offset, in pages. */
int fake_gem_create(struct fake_kernel *fake, struct fake_device *device,
		    union drm_amdgpu_gem_create *args)
{
	const struct drm_amdgpu_gem_create_in in = args->in;

	t_equal(in.bo_size, fake->page_size);
	t_assert(in.domains == AMDGPU_GEM_DOMAIN_GTT || in.domains == AMDGPU_GEM_DOMAIN_VRAM);
	t_equal(in.domain_flags,
		in.domains == AMDGPU_GEM_DOMAIN_VRAM ? AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED : 0);
	if (in.domains == AMDGPU_GEM_DOMAIN_VRAM && fake->no_vram)
		return -ENOMEM;
	args->out.handle =
		fake_add_bo(device,
			    &(struct fake_bo){ .size = in.bo_size, .own = true, .open = true });
	return 0;
}

int fake_gem_op(struct fake_kernel *fake, struct fake_device *device,
		struct drm_amdgpu_gem_op *args)
{
	t_equal(args->op, AMDGPU_GEM_OP_OPEN_GLOBAL);
	t_equal(args->handle, AMDGPU_GEM_GLOBAL_MMIO_REMAP);
	t_equal(args->value, 0);
	/*
	 * With larger CPU pages the library must not ask, because it would get the registers beside
	 * the page, too.
	 */
	t_equal(fake->page_size, 4096);
	if (fake->remap_error)
		return fake->remap_error;
	args->handle = fake_add_bo(device, &(struct fake_bo){ .size = fake->page_size,
							      .own = true,
							      .remap = true,
							      .open = true });
	return 0;
}

int fake_gem_mmap(struct fake_kernel *fake, struct fake_device *device,
		  union drm_amdgpu_gem_mmap *args)
{
	const uint32_t handle = args->in.handle;

	t_assert(handle && handle <= device->num_bos && device->bos[handle - 1].own);
	args->out.addr_ptr = handle * fake->page_size;
	return 0;
}

int fake_map_bo(void *priv, int fd, uint64_t offset, uint64_t size, void **ptr)
{
	struct fake_kernel *fake = priv;
	struct fake_device *device = &fake->devices[fd - FAKE_FIRST_FD];
	struct fake_bo *bo = &device->bos[offset / fake->page_size - 1];
	int ret;

	pthread_mutex_lock(&fake->lock);
	t_assert(bo->own && bo->open && !bo->page);
	t_equal(size, fake->page_size);
	ret = fake_begin(fake, FAKE_MAP_BO);
	if (!ret) {
		bo->page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				0);
		t_assert(bo->page != MAP_FAILED);
		*ptr = bo->page;
		if (bo->remap)
			device->remap_page = bo->page;
		fake->own_pages++;
	}
	pthread_mutex_unlock(&fake->lock);
	return ret;
}

void fake_unmap_bo(void *priv, void *ptr, uint64_t size)
{
	struct fake_kernel *fake = priv;

	pthread_mutex_lock(&fake->lock);
	t_assert(fake->own_pages);
	fake->own_pages--;
	munmap(ptr, size);
	pthread_mutex_unlock(&fake->lock);
}

bool fake_xgmi_to_cpu(void *priv, int fd)
{
	struct fake_kernel *fake = priv;

	pthread_mutex_lock(&fake->lock);
	fake->count[FAKE_TOPOLOGY]++;
	pthread_mutex_unlock(&fake->lock);
	return fake->xgmi;
}

int fake_hw_ip(const struct fake_kernel *fake, const struct drm_amdgpu_info *args)
{
	struct drm_amdgpu_info_hw_ip info = {
		.available_rings = args->query_hw_ip.type == AMDGPU_HW_IP_DMA ? fake->dma_rings
				   : args->query_hw_ip.type == AMDGPU_HW_IP_COMPUTE
					   ? fake->compute_rings
					   : 0,
	};

	memcpy((void *)(uintptr_t)args->return_pointer, &info, args->return_size);
	return 0;
}

/*
 * Check that the packets of the IB do nothing on the ring, and that the GPU finds the IB at its
 * address.
 */
static void check_ib(const struct fake_kernel *fake, const struct fake_device *device,
		     const struct drm_amdgpu_cs_chunk_ib *ib, uint32_t handle)
{
	const struct fake_bo *bo = fake_find_bo(fake, device - fake->devices, ib->va_start);
	const uint32_t nop = ib->ip_type == AMDGPU_HW_IP_DMA ? 0 : 0xffff1000;

	t_assert(bo && bo == &device->bos[handle - 1] && bo->own && bo->open);
	t_assert(ib->ip_type == AMDGPU_HW_IP_DMA ? fake->dma_rings : fake->compute_rings);
	t_assert(!ib->ring && !ib->ip_instance && !ib->flags);
	t_assert(ib->ib_bytes && ib->ib_bytes <= bo->size && ib->ib_bytes % 32 == 0);
	for (uint32_t i = 0; i < ib->ib_bytes / 4; i++)
		t_equal(((const uint32_t *)bo->page)[i], nop);
}

int fake_cs(struct fake_kernel *fake, struct fake_device *device, union drm_amdgpu_cs *args)
{
	const uint64_t *pointers = (const void *)(uintptr_t)args->in.chunks;
	const struct drm_amdgpu_bo_list_in *bos = NULL;
	const struct drm_amdgpu_cs_chunk_ib *ib = NULL;

	t_equal(args->in.ctx_id, device->cs_ctx);
	t_assert(!args->in.bo_list_handle && !args->in.flags);
	for (uint32_t i = 0; i < args->in.num_chunks; i++) {
		const struct drm_amdgpu_cs_chunk *chunk = (const void *)(uintptr_t)pointers[i];

		if (chunk->chunk_id == AMDGPU_CHUNK_ID_BO_HANDLES)
			bos = (const void *)(uintptr_t)chunk->chunk_data;
		if (chunk->chunk_id == AMDGPU_CHUNK_ID_IB)
			ib = (const void *)(uintptr_t)chunk->chunk_data;
	}
	t_assert(bos && bos->bo_number == 1 &&
		 bos->bo_info_size == sizeof(struct drm_amdgpu_bo_list_entry) && ib);
	check_ib(fake, device, ib,
		 ((const struct drm_amdgpu_bo_list_entry *)(uintptr_t)bos->bo_info_ptr)->bo_handle);
	/*
	 * If the last fence of the CS context has an error, the kernel returns that error and
	 * submits nothing.
	 */
	if (device->cs_failed == args->in.ctx_id)
		return device->cs_error;
	if (device->cancels) {
		device->cancels--;
		return -ECANCELED;
	}
	args->out.handle = ++device->cs_fence;
	return 0;
}

int fake_wait_cs(struct fake_kernel *fake, struct fake_device *device,
		 union drm_amdgpu_wait_cs *args)
{
	const struct drm_amdgpu_wait_cs_in in = args->in;

	t_equal(in.ctx_id, device->cs_ctx);
	t_assert(in.handle && in.handle <= device->cs_fence && !in.ring && !in.ip_instance);
	if (!fake->deadline)
		fake->deadline = in.timeout;
	fake->second_deadline |= fake->deadline != (int64_t)in.timeout;
	*args = (union drm_amdgpu_wait_cs){ 0 };
	if (device->hangs) {
		t_assert(in.timeout != INT64_MAX);
		args->out.status = 1;
		return 0;
	}
	if (device->cs_errors) {
		device->cs_errors--;
		device->cs_failed = in.ctx_id;
		return device->cs_error;
	}
	if (device->cs_done < in.handle)
		device->cs_done = in.handle;
	return 0;
}

int fake_hdp_flush(struct fake_kernel *fake, struct fake_device *device,
		   const struct amd_hdp_flush_args *args)
{
	t_assert(!args->flags && !args->pad);
	/* On a kernel without the ioctl its number may belong to another ioctl. */
	t_assert(fake->kernel_flush_error != -EINVAL);
	return fake->kernel_flush_error;
}
