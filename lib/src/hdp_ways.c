/* SPDX-License-Identifier: MIT */
/*
 * The ways to flush the host data path (HDP): what each of them needs, and how it flushes.
 *
 * Nothing here allocates during a flush. A way is prepared once, with hdp->lock held, and stays
 * prepared until the context ends, because threads use it without a lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "hdp_access.h"
#include "internal.h"

/*
 * Size of the remap page. Where CPU pages are larger, a mapping of the remap page would have other
 * registers, too, so the library makes none.
 */
#define REMAP_SIZE 4096

/* Enough for the IB alignment of all rings (AMDGPU_INFO_HW_IP_INFO). */
#define NOOP_DWORDS 16
/*
 * Packets of one dword that do nothing: of SDMA engines from GFX 7 on, SDMA_PKT_NOP_HEADER_OP(0) in
 * drivers/gpu/drm/amd/amdgpu/sdma_v4_4_2.c, and of PM4, PACKET3(PACKET3_NOP, 0x3FFF) in gfx_v9_0.c.
 */
#define SDMA_NOP    0
#define PM4_NOP	    0xffff1000u

/* ------------------------------------------------------------------------------------------- */
/* Commands that do nothing								       */

static int choose_ring(struct au_device *device, struct au_noop *noop)
{
	static const uint32_t types[] = { AMDGPU_HW_IP_DMA, AMDGPU_HW_IP_COMPUTE };

	/* GFX 6 has other packets, and never had KFD. */
	if (device->family < AMDGPU_FAMILY_CI)
		return -EOPNOTSUPP;
	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		uint32_t rings;
		int ret = au_hw_ip_rings(device, types[i], &rings);

		if (ret)
			return ret;
		if (rings) {
			noop->ip_type = types[i];
			return 0;
		}
	}
	return -EOPNOTSUPP;
}

static int noop_map(struct au_device *device, struct au_noop *noop, struct au_timer *timer)
{
	struct au_va_mapping mapping = {
		.handle = noop->ib.handle,
		.va_flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_EXECUTABLE,
		.size = device->ctx->page_size,
	};
	struct au_reservation *reservation = calloc(1, sizeof(*reservation));
	int ret;

	if (!reservation)
		return -ENOMEM;
	ret = au_reserve(device->ctx, mapping.size, reservation);
	if (ret) {
		free(reservation);
		return ret;
	}
	noop->reservation = reservation;
	mapping.va = reservation->addr;
	ret = au_updates_begin(device, &noop->updates, timer);
	if (!ret)
		ret = au_va_map(device, &mapping, &noop->updates);
	noop->mapped = !ret;
	return ret;
}

/* Remove the mapping of the IB. -ETIME: it may still be there, because the GPU is late. */
static int noop_unmap(struct au_device *device, struct au_noop *noop, struct au_timer *timer)
{
	int ret;

	if (!noop->mapped)
		return 0;
	noop->mapped = false;
	ret = au_updates_begin(device, &noop->updates, timer);
	if (!ret)
		ret = au_va_clear(device, noop->reservation->addr, device->ctx->page_size,
				  &noop->updates);
	if (!ret)
		ret = au_va_wait(device, &noop->updates, au_timer_deadline(device->ctx, timer));
	return ret;
}

static void noop_undo(struct au_device *device, struct au_timer *timer)
{
	struct au_noop *noop = &device->hdp.noop;
	const int ret = noop_unmap(device, noop, timer);

	if (noop->gpu_ctx)
		au_gpu_ctx_destroy(device, noop->gpu_ctx);
	noop->gpu_ctx = 0;
	/*
	 * As with the BOs of maps (au_map_take_down()), do not close the IB of a device that is
	 * late, because GEM_CLOSE would wait for the GPU without a time limit. After another error
	 * GEM_CLOSE removes the mapping, but the library cannot know when, so nobody may get the
	 * addresses again.
	 */
	if (ret == -ETIME || (noop->ib.handle && au_updates_drain(device, timer)))
		noop->ib.handle = 0;
	au_own_bo_close(device, &noop->ib);
	if (!ret && noop->reservation)
		au_release(device->ctx, noop->reservation);
	else
		free(noop->reservation);
	noop->reservation = NULL;
}

static int noop_create(struct au_device *device, struct au_noop *noop, struct au_timer *timer)
{
	int ret;

	/* Without a timeline the library could not wait for the page tables. */
	ret = device->syncobj ? choose_ring(device, noop) : -EOPNOTSUPP;
	if (!ret)
		ret = au_own_bo_create(device, AMDGPU_GEM_DOMAIN_GTT, 0, &noop->ib);
	if (ret)
		return ret;
	noop->num_dwords = NOOP_DWORDS;
	for (uint32_t i = 0; i < noop->num_dwords; i++)
		((volatile uint32_t *)noop->ib.ptr)[i] =
			noop->ip_type == AMDGPU_HW_IP_DMA ? SDMA_NOP : PM4_NOP;
	return noop_map(device, noop, timer);
}

static int noop_prepare(struct au_device *device, struct au_timer *timer)
{
	struct au_noop *noop = &device->hdp.noop;
	int ret = 0;

	if (!noop->mapped)
		ret = noop_create(device, noop, timer);
	if (!ret)
		ret = au_va_wait(device, &noop->updates, au_timer_deadline(device->ctx, timer));
	/* The GPU hangs. Keep the IB and its mapping, because the next call can go on waiting. */
	if (ret == -ETIME && noop->mapped)
		return ret;
	if (!ret)
		ret = au_gpu_ctx_create(device, &noop->gpu_ctx);
	if (ret)
		noop_undo(device, timer);
	return ret;
}

/* After a reset the driver accepts no commands of the old CS context. */
static int new_gpu_ctx(struct au_device *device, struct au_noop *noop)
{
	const uint32_t old = noop->gpu_ctx;
	int ret = au_gpu_ctx_create(device, &noop->gpu_ctx);

	if (ret)
		return ret;
	au_gpu_ctx_destroy(device, old);
	return 0;
}

static int noop_submit(struct au_device *device, struct au_noop *noop, int64_t deadline)
{
	uint64_t fence;
	int ret = au_cs_submit(device, noop, &fence);

	return ret ? ret : au_cs_wait(device, noop, fence, deadline);
}

static int noop_lock(struct au_noop *noop, int64_t deadline)
{
	const struct timespec ts = {
		.tv_sec = deadline / 1000000000,
		.tv_nsec = deadline % 1000000000,
	};

	if (deadline == INT64_MAX)
		return -pthread_mutex_lock(&noop->lock);
	return pthread_mutex_clocklock(&noop->lock, CLOCK_MONOTONIC, &ts) ? -ETIME : 0;
}

static int noop_flush(struct au_device *device, struct au_timer *timer)
{
	struct au_noop *noop = &device->hdp.noop;
	const int64_t deadline = au_timer_deadline(device->ctx, timer);
	int ret;

	ret = noop_lock(noop, deadline);
	if (ret)
		return ret;
	ret = noop_submit(device, noop, deadline);
	if (ret == -ECANCELED && !new_gpu_ctx(device, noop))
		ret = noop_submit(device, noop, deadline);
	pthread_mutex_unlock(&noop->lock);
	return ret;
}

/* ------------------------------------------------------------------------------------------- */
/* All ways										       */

static int remap_prepare(struct au_device *device)
{
	if (device->ctx->page_size != REMAP_SIZE)
		return -EOPNOTSUPP;
	return au_own_bo_open_remap(device, &device->hdp.remap);
}

static int dummy_prepare(struct au_device *device)
{
#ifdef AU_NO_DEVICE_BARRIERS
	return -EOPNOTSUPP;
#else
	return au_own_bo_create(device, AMDGPU_GEM_DOMAIN_VRAM,
				AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED, &device->hdp.dummy);
#endif
}

static int kernel_prepare(struct au_device *device)
{
	/* Without the flag the ioctl's number may mean something else, so never try. */
	return device->hdp.has_ioctl ? au_ioctl_hdp_flush(device) : -EOPNOTSUPP;
}

static int prepare_with_bo(struct au_device *device, uint32_t way, struct au_timer *timer)
{
	/*
	 * If a step fails the library closes the BO, and GEM_CLOSE would wait for a GPU that hangs.
	 * So first wait for all updates, with a time limit.
	 */
	int ret = au_updates_drain(device, timer);

	if (ret)
		return ret;
	if (way == AMDGPU_USERPTR_HDP_REMAP)
		return remap_prepare(device);
	return way == AMDGPU_USERPTR_HDP_SUBMIT ? noop_prepare(device, timer)
						: dummy_prepare(device);
}

int au_hdp_prepare(struct au_device *device, uint32_t way, struct au_timer *timer)
{
	switch (way) {
	case AMDGPU_USERPTR_HDP_REMAP:
	case AMDGPU_USERPTR_HDP_SUBMIT:
	case AMDGPU_USERPTR_HDP_DUMMY:
		return prepare_with_bo(device, way, timer);
	case AMDGPU_USERPTR_HDP_KERNEL:
		return kernel_prepare(device);
	default:
#ifdef AU_NO_DEVICE_BARRIERS
		return -EOPNOTSUPP;
#else
		return 0;
#endif
	}
}

static void dummy_flush(struct au_device *device)
{
	volatile uint32_t *page = device->hdp.dummy.ptr;
	const uint32_t value =
		atomic_fetch_add_explicit(&device->hdp.dummy_value, 1, memory_order_relaxed);

	au_hdp_by_dummy_page(page, page + device->ctx->page_size / sizeof(*page) - 1, value);
}

int au_hdp_flush_by(struct au_device *device, uint32_t way,
		    const struct amdgpu_userptr_hdp_flush_args *args, struct au_timer *timer)
{
	volatile uint32_t *remap = args->mem_flush_cntl;
	int ret = 0;

	switch (way) {
	case AMDGPU_USERPTR_HDP_REMAP:
		if (!remap)
			remap = (volatile uint32_t *)device->hdp.remap.ptr + AU_REMAP_HDP_MEM_FLUSH;
		au_hdp_by_register(remap);
		return 0;
	case AMDGPU_USERPTR_HDP_READ_BACK:
		au_hdp_by_reading_back((volatile uint8_t *)args->addr + args->len - 1);
		return 0;
	case AMDGPU_USERPTR_HDP_DUMMY:
		dummy_flush(device);
		return 0;
	}
	/* The driver's flush covers only stores that have left this CPU. */
	au_full_barrier();
	if (way == AMDGPU_USERPTR_HDP_KERNEL)
		ret = au_ioctl_hdp_flush(device);
	else if (way == AMDGPU_USERPTR_HDP_SUBMIT)
		ret = noop_flush(device, timer);
	au_full_barrier();
	return ret;
}

void au_hdp_unprepare(struct au_device *device, struct au_timer *timer)
{
	struct au_hdp *hdp = &device->hdp;
	const bool late = (hdp->remap.handle || hdp->dummy.handle) &&
			  au_updates_drain(device, timer);

	if (late)
		hdp->remap.handle = hdp->dummy.handle = 0;
	au_own_bo_close(device, &hdp->remap);
	au_own_bo_close(device, &hdp->dummy);
	noop_undo(device, timer);
}
