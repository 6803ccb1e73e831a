/* SPDX-License-Identifier: MIT */
/* The start and the end of the model, and contexts on it. */
#include "fake_kernel.h"
#include "test.h"

#define FIRST_RESERVATION UINT64_C(0x7f0000001000)

uint32_t fake_backend(int argc, char **argv)
{
	t_equal(argc, 2);
	if (!strcmp(argv[1], "scatter"))
		return AMDGPU_USERPTR_BACKEND_SCATTER;
	t_assert(!strcmp(argv[1], "ranges"));
	return AMDGPU_USERPTR_BACKEND_RANGES;
}

void fake_init(struct fake_kernel *fake, uint32_t backend)
{
	*fake = (struct fake_kernel){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.page_size = FAKE_CPU_PAGE,
		.drm_minor = AU_DRM_MINOR_COHERENCE,
		.backend = backend,
		.driver = "amdgpu",
		.family = AMDGPU_FAMILY_AI,
		.remap_error = -ENOENT,
		.kernel_flush_error = -EINVAL,
		.dma_rings = 1,
		.compute_rings = 1,
		.bad_addr = UINT64_MAX,
		.bad_error = -EFAULT,
		.va_max = FAKE_VA_MAX,
		.next_reservation = FIRST_RESERVATION,
	};
}

void fake_check_empty(const struct fake_kernel *fake)
{
	for (unsigned int i = 0; i < FAKE_MAX_DEVICES; i++) {
		t_equal(fake->devices[i].open_bos, 0);
		t_equal(fake->devices[i].num_mappings, 0);
	}
	t_equal(fake->reservations, 0);
	t_equal(fake->allocations, 0);
	t_equal(fake->own_pages, 0);
}

void fake_device_free(struct fake_device *device)
{
	free(device->bos);
	free(device->ranges);
	free(device->mappings);
	free(device->stale);
}

void fake_fini(struct fake_kernel *fake)
{
	fake_check_empty(fake);
	for (unsigned int i = 0; i < FAKE_MAX_DEVICES; i++) {
		t_assert(!fake->devices[i].syncobj && !fake->devices[i].gpu_ctx);
		t_equal(fake->devices[i].cs_ctxs, 0);
		t_assert(!fake->devices[i].smi);
		fake_device_free(&fake->devices[i]);
	}
	free(fake->taken);
}

struct amdgpu_userptr_ctx *fake_ctx(struct fake_kernel *fake, uint32_t num_devices)
{
	const int fds[FAKE_MAX_DEVICES] = { FAKE_FIRST_FD, FAKE_FIRST_FD + 1, FAKE_FIRST_FD + 2 };
	struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = fds,
		.num_devices = num_devices,
		.backend = fake->backend,
		.timeout_ns = fake->timeout_ns,
	};
	struct amdgpu_userptr_ctx *ctx;

	t_equal(au_ctx_create(&args, &fake_ops, fake, &ctx), 0);
	return ctx;
}

struct amdgpu_userptr_ctx *fake_ctx_by_handle(struct fake_kernel *fake)
{
	const amdgpu_device_handle handle = (amdgpu_device_handle)&fake->devices[0];
	struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.devices = &handle,
		.num_devices = 1,
		.backend = fake->backend,
		.timeout_ns = fake->timeout_ns,
	};
	struct amdgpu_userptr_ctx *ctx;

	t_equal(au_ctx_create(&args, &fake_ops, fake, &ctx), 0);
	return ctx;
}
