/* SPDX-License-Identifier: MIT */
/*
 * Page table updates.
 *
 * GEM_VA only starts an update. Each update gets the next point of the device's timeline syncobj,
 * so one wait for the last point covers all updates before it, with their TLB flushes.
 *
 * A point's fence that has signaled does not prove that the update was done. When the driver resets
 * the GPU or a ring, it cancels updates and signals their fences with an error. But a wait for a
 * syncobj does not tell the error of a fence, and the kernel replaces the fence of an update with
 * the fence of the TLB flush after it, which does not have the update's error. So the library asks
 * after each wait whether there was a reset.
 *
 * The kernel counts a reset when the reset begins. If VRAM was lost, the driver later also cancels
 * updates that were started during the reset (amdgpu_job.c, amdgpu_job_run(), "generation"). The
 * library would not notice that, because it has counted this reset already, or because the reset
 * began before the context was created. So when the library knows of a reset, it starts no update
 * before the reset is over.
 *
 * If a TLB flush fails without a reset, the fence has the error of the flush
 * (drivers/gpu/drm/amd/amdgpu/amdgpu_vm_tlb_fence.c, amdgpu_tlb_fence_work()), and the library does
 * not see it.
 */
#include <errno.h>
#include <time.h>

#include "internal.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

/* How long a call without a time limit repeats removals that the kernel refuses. */
#define TRY_FOR_NS (NSEC_PER_SEC / 2)

/*
 * Each pause between two tries is twice as long as the one before, so that there are few tries,
 * because the kernel logs each of them.
 */
#define FIRST_PAUSE_NS (NSEC_PER_SEC / 1024)
#define LAST_PAUSE_NS  (NSEC_PER_SEC / 4)

uint64_t au_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t au_deadline(const struct amdgpu_userptr_ctx *ctx)
{
	const uint64_t now = au_now_ns();

	return ctx->timeout_ns && ctx->timeout_ns < INT64_MAX - now
		       ? (int64_t)(now + ctx->timeout_ns)
		       : INT64_MAX;
}

static void timer_start(const struct amdgpu_userptr_ctx *ctx, struct au_timer *timer)
{
	if (timer->runs)
		return;
	timer->runs = true;
	timer->deadline = au_deadline(ctx);
	timer->pause_ns = FIRST_PAUSE_NS;
}

int64_t au_timer_deadline(const struct amdgpu_userptr_ctx *ctx, struct au_timer *timer)
{
	timer_start(ctx, timer);
	return timer->deadline;
}

/* Sleep, but not beyond @end. Return false if it is @end already. */
static bool pause_until(struct au_timer *timer, int64_t end)
{
	const int64_t left = end - (int64_t)au_now_ns();
	struct timespec ts = { 0 };

	if (left <= 0)
		return false;
	ts.tv_nsec = (uint64_t)left < timer->pause_ns ? (uint64_t)left : timer->pause_ns;
	nanosleep(&ts, NULL);
	if (timer->pause_ns < LAST_PAUSE_NS)
		timer->pause_ns *= 2;
	return true;
}

bool au_timer_pause(const struct amdgpu_userptr_ctx *ctx, struct au_timer *timer)
{
	timer_start(ctx, timer);
	if (!timer->last_try)
		timer->last_try = timer->deadline == INT64_MAX ? (int64_t)(au_now_ns() + TRY_FOR_NS)
							       : timer->deadline;
	return pause_until(timer, timer->last_try);
}

/*
 * The kernel reports to a new CS context only the resets that begin later. If a reset is running
 * now, count this reset, so that au_updates_begin() waits for its end.
 */
int au_resets_init(struct au_device *device)
{
	bool in_reset;
	int ret = au_gpu_ctx_in_reset(device, &in_reset);

	if (!ret)
		device->num_resets = in_reset;
	return ret;
}

int au_updates_begin(struct au_device *device, struct au_updates *updates, struct au_timer *timer)
{
	bool in_reset;

	pthread_mutex_lock(&device->resets_lock);
	updates->resets = device->num_resets;
	pthread_mutex_unlock(&device->resets_lock);
	/*
	 * A reset that no thread has noticed yet may be running. check_resets() reports it after
	 * the wait.
	 */
	if (!updates->resets)
		return 0;
	while (!au_gpu_ctx_in_reset(device, &in_reset) && in_reset) {
		if (!pause_until(timer, au_timer_deadline(device->ctx, timer)))
			return -ETIME;
	}
	return 0;
}

static int va_op(struct au_device *device, struct amd_gem_va_args *args, uint64_t *point)
{
	int ret;

	pthread_mutex_lock(&device->timeline_lock);
	args->vm_timeline_syncobj_out = device->syncobj;
	args->vm_timeline_point = device->timeline_point + 1;
	ret = au_gem_va(device, args);
	if (!ret)
		*point = ++device->timeline_point;
	pthread_mutex_unlock(&device->timeline_lock);
	return ret;
}

int au_va_map(struct au_device *device, const struct au_va_mapping *mapping,
	      struct au_updates *updates)
{
	struct amd_gem_va_args args = {
		.handle = mapping->handle,
		.operation = AMDGPU_VA_OP_MAP,
		.flags = mapping->va_flags,
		.va_address = mapping->va,
		.offset_in_bo = mapping->bo_offset,
		.map_size = mapping->size,
	};

	return va_op(device, &args, &updates->point);
}

int au_va_clear(struct au_device *device, uint64_t va, uint64_t size, struct au_updates *updates)
{
	struct amd_gem_va_args args = {
		.operation = AMDGPU_VA_OP_CLEAR,
		.va_address = va,
		.map_size = size,
	};

	return va_op(device, &args, &updates->point);
}

/* Return -ECANCELED if there was a reset since au_updates_begin(), whichever thread notices it. */
static int check_resets(struct au_device *device, const struct au_updates *updates)
{
	bool reset;
	int ret;

	pthread_mutex_lock(&device->resets_lock);
	ret = au_gpu_ctx_query(device, &reset);
	if (!ret && reset)
		device->num_resets++;
	if (!ret && device->num_resets != updates->resets)
		ret = -ECANCELED;
	pthread_mutex_unlock(&device->resets_lock);
	return ret;
}

static int wait_point(struct au_device *device, uint64_t point, int64_t deadline)
{
	int ret = au_syncobj_wait(device, device->syncobj, point, deadline);

	if (ret)
		return ret;
	pthread_mutex_lock(&device->timeline_lock);
	if (device->timeline_done < point)
		device->timeline_done = point;
	pthread_mutex_unlock(&device->timeline_lock);
	return 0;
}

int au_va_wait(struct au_device *device, const struct au_updates *updates, int64_t deadline)
{
	int ret = wait_point(device, updates->point, deadline);

	return ret ? ret : check_resets(device, updates);
}

int au_updates_drain(struct au_device *device, struct au_timer *timer)
{
	uint64_t point;
	bool done;

	pthread_mutex_lock(&device->timeline_lock);
	point = device->timeline_point;
	done = device->timeline_done == point;
	pthread_mutex_unlock(&device->timeline_lock);
	if (done || wait_point(device, point, au_timer_deadline(device->ctx, timer)) != -ETIME)
		return 0;
	return -ETIME;
}
