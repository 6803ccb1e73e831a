/* SPDX-License-Identifier: MIT */
/* Flush of the host data path (HDP): which way, and why. */
#include <errno.h>

#include "barrier.h"
#include "internal.h"

#define NUM_WAYS AMDGPU_USERPTR_HDP_NUM_WAYS

void au_hdp_init(struct au_hdp *hdp)
{
	pthread_mutex_init(&hdp->lock, NULL);
	pthread_mutex_init(&hdp->noop.lock, NULL);
	atomic_init(&hdp->need, -1);
}

void au_hdp_fini(struct au_hdp *hdp)
{
	pthread_mutex_destroy(&hdp->noop.lock);
	pthread_mutex_destroy(&hdp->lock);
}

/* This takes no lock, because two threads that ask at the same time store the same answer. */
static enum amdgpu_userptr_hdp_need need_of(struct au_device *device)
{
	const struct amdgpu_userptr_ctx *ctx = device->ctx;
	int need = atomic_load_explicit(&device->hdp.need, memory_order_relaxed);

	if (need >= 0)
		return need;
	need = AMDGPU_USERPTR_HDP_NEEDED;
	if (device->apu)
		need = AMDGPU_USERPTR_HDP_APU;
	else if (ctx->ops->xgmi_to_cpu(ctx->ops_priv, device->fd))
		need = AMDGPU_USERPTR_HDP_XGMI;
	atomic_store_explicit(&device->hdp.need, need, memory_order_relaxed);
	return need;
}

static bool is_prepared(struct au_device *device, uint32_t way)
{
	return atomic_load_explicit(&device->hdp.prepared, memory_order_acquire) & 1u << way;
}

/*
 * Prepare the way, unless it is prepared already. Call with hdp->lock held. Only -EOPNOTSUPP is for
 * ever: after another error, such as -ENOMEM, a later call may succeed.
 */
static int prepare(struct au_device *device, uint32_t way, struct au_timer *timer)
{
	struct au_hdp *hdp = &device->hdp;
	int ret;

	if (is_prepared(device, way))
		return 0;
	if (hdp->absent & 1u << way)
		return -EOPNOTSUPP;
	ret = au_hdp_prepare(device, way, timer);
	if (!ret)
		atomic_fetch_or_explicit(&hdp->prepared, 1u << way, memory_order_release);
	else if (ret == -EOPNOTSUPP)
		hdp->absent |= 1u << way;
	return ret;
}

/*
 * Whether the device has none of the ways that are certain to flush. If it has one of these ways
 * but the library cannot prepare it now, the caller returns that error and does not take READ_BACK
 * or DUMMY. Call with hdp->lock held.
 */
static bool only_best_effort(const struct au_hdp *hdp)
{
	const uint32_t certain = 1u << AMDGPU_USERPTR_HDP_REMAP | 1u << AMDGPU_USERPTR_HDP_KERNEL |
				 1u << AMDGPU_USERPTR_HDP_SUBMIT;

	return (hdp->absent & certain) == certain;
}

/* The best way for a caller that names no memory. Call with hdp->lock held. */
static int find_best(struct au_device *device, uint32_t *way, struct au_timer *timer)
{
	int error = -EOPNOTSUPP;

	*way = AMDGPU_USERPTR_HDP_NONE;
	if (need_of(device) != AMDGPU_USERPTR_HDP_NEEDED)
		return 0;
	for (*way = AMDGPU_USERPTR_HDP_REMAP; *way < NUM_WAYS; ++*way) {
		int ret;

		if (*way == AMDGPU_USERPTR_HDP_READ_BACK)
			continue;
		if (*way == AMDGPU_USERPTR_HDP_DUMMY && !only_best_effort(&device->hdp))
			break;
		ret = prepare(device, *way, timer);
		if (!ret)
			return 0;
		if (error == -EOPNOTSUPP)
			error = ret;
	}
	*way = AMDGPU_USERPTR_HDP_AUTO;
	return error;
}

/*
 * Find the best way as find_best() does, but only once. @read_back: out: whether READ_BACK is
 * better than @way if the caller names memory.
 */
static int best_of(struct au_device *device, uint32_t *way, bool *read_back, struct au_timer *timer)
{
	struct au_hdp *hdp = &device->hdp;
	int ret;

	*way = atomic_load_explicit(&hdp->best, memory_order_acquire);
	*read_back = *way == AMDGPU_USERPTR_HDP_DUMMY;
	if (*way != AMDGPU_USERPTR_HDP_AUTO)
		return 0;
	pthread_mutex_lock(&hdp->lock);
	ret = find_best(device, way, timer);
	if (!ret)
		atomic_store_explicit(&hdp->best, *way, memory_order_release);
	*read_back = *way != AMDGPU_USERPTR_HDP_NONE && only_best_effort(hdp);
	pthread_mutex_unlock(&hdp->lock);
	return ret;
}

/* ------------------------------------------------------------------------------------------- */
/* Flush										       */

static int check_flush(const struct amdgpu_userptr_ctx *ctx,
		       const struct amdgpu_userptr_hdp_flush_args *args)
{
	uintptr_t end;

	if (args->device >= ctx->num_devices || args->way >= NUM_WAYS || args->reserved)
		return -EINVAL;
	if (!args->addr != !args->len ||
	    __builtin_add_overflow((uintptr_t)args->addr, args->len, &end))
		return -EINVAL;
	if (args->way == AMDGPU_USERPTR_HDP_READ_BACK && !args->addr)
		return -EINVAL;
	if (args->mem_flush_cntl && args->way != AMDGPU_USERPTR_HDP_AUTO &&
	    args->way != AMDGPU_USERPTR_HDP_REMAP)
		return -EINVAL;
	return 0;
}

/* The way for this call. When the function returns 0 the way is prepared. */
static int choose(struct au_device *device, const struct amdgpu_userptr_hdp_flush_args *args,
		  uint32_t *way, struct au_timer *timer)
{
	bool read_back;
	int ret;

	*way = args->way;
	if (*way == AMDGPU_USERPTR_HDP_AUTO && args->mem_flush_cntl)
		*way = need_of(device) == AMDGPU_USERPTR_HDP_NEEDED ? AMDGPU_USERPTR_HDP_REMAP
								    : AMDGPU_USERPTR_HDP_NONE;
	if (*way == AMDGPU_USERPTR_HDP_NONE || args->mem_flush_cntl)
		return 0;
	if (*way != AMDGPU_USERPTR_HDP_AUTO) {
		if (is_prepared(device, *way))
			return 0;
		pthread_mutex_lock(&device->hdp.lock);
		ret = prepare(device, *way, timer);
		pthread_mutex_unlock(&device->hdp.lock);
		return ret;
	}
	ret = best_of(device, way, &read_back, timer);
	/* READ_BACK with the caller's memory is better than DUMMY with the library's page. */
	if (args->addr && read_back &&
	    !au_hdp_prepare(device, AMDGPU_USERPTR_HDP_READ_BACK, timer)) {
		*way = AMDGPU_USERPTR_HDP_READ_BACK;
		return 0;
	}
	return ret;
}

AU_PUBLIC
int amdgpu_userptr_hdp_flush(struct amdgpu_userptr_ctx *ctx,
			     const struct amdgpu_userptr_hdp_flush_args *user)
{
	struct amdgpu_userptr_hdp_flush_args args;
	const int saved_errno = errno;
	struct au_timer timer = { 0 };
	uint32_t way;
	int ret;

	if (!ctx || !user)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	if (!ret)
		ret = au_struct_get(user, &args, sizeof(args), sizeof(args));
	if (!ret)
		ret = check_flush(ctx, &args);
	if (ret)
		return ret;
	ret = choose(&ctx->devices[args.device], &args, &way, &timer);
	if (!ret)
		ret = au_hdp_flush_by(&ctx->devices[args.device], way, &args, &timer);
	errno = saved_errno;
	return ret;
}

/* ------------------------------------------------------------------------------------------- */
/* Query										       */

static void fill_status(struct au_device *device, struct amdgpu_userptr_hdp *hdp)
{
	struct au_timer timer = { 0 };
	uint32_t way;

	pthread_mutex_lock(&device->hdp.lock);
	hdp->need = need_of(device);
	hdp->status[AMDGPU_USERPTR_HDP_NONE] = hdp->need ? 0 : -EOPNOTSUPP;
	for (way = AMDGPU_USERPTR_HDP_REMAP; way < NUM_WAYS; way++)
		hdp->status[way] = prepare(device, way, &timer);
	hdp->status[AMDGPU_USERPTR_HDP_AUTO] = find_best(device, &hdp->way, &timer);
	if (!hdp->status[AMDGPU_USERPTR_HDP_AUTO])
		atomic_store_explicit(&device->hdp.best, hdp->way, memory_order_release);
	pthread_mutex_unlock(&device->hdp.lock);
}

/* If the caller's memory is in a mapping, stores to it do not pass the HDP, so NONE is the way. */
static int look_for_memory(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_hdp *hdp)
{
	struct amdgpu_userptr_mapping *map;
	uint64_t va;
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = au_cpu_find(ctx, (uintptr_t)hdp->addr, 0, &map, &va);
	pthread_mutex_unlock(&ctx->lock);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	hdp->need = AMDGPU_USERPTR_HDP_SYSTEM_MEMORY;
	hdp->way = AMDGPU_USERPTR_HDP_NONE;
	hdp->status[AMDGPU_USERPTR_HDP_NONE] = 0;
	return 0;
}

AU_PUBLIC
int amdgpu_userptr_query_hdp(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_hdp *user)
{
	const int saved_errno = errno;
	struct amdgpu_userptr_hdp hdp;
	int ret;

	if (!ctx || !user)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	if (!ret)
		ret = au_struct_get(user, &hdp, sizeof(hdp), sizeof(hdp));
	if (!ret && (hdp.device >= ctx->num_devices || hdp.reserved))
		ret = -EINVAL;
	if (ret)
		return ret;
	fill_status(&ctx->devices[hdp.device], &hdp);
	if (hdp.addr)
		ret = look_for_memory(ctx, &hdp);
	if (!ret)
		au_struct_put(user, &hdp, sizeof(hdp));
	errno = saved_errno;
	return ret;
}

AU_PUBLIC
const char *amdgpu_userptr_hdp_way_name(uint32_t way)
{
	static const char *const names[NUM_WAYS] = {
		[AMDGPU_USERPTR_HDP_AUTO] = "auto",
		[AMDGPU_USERPTR_HDP_NONE] = "none",
		[AMDGPU_USERPTR_HDP_REMAP] = "remap",
		[AMDGPU_USERPTR_HDP_KERNEL] = "kernel",
		[AMDGPU_USERPTR_HDP_SUBMIT] = "submit",
		[AMDGPU_USERPTR_HDP_READ_BACK] = "read-back",
		[AMDGPU_USERPTR_HDP_DUMMY] = "dummy",
	};

	return way < NUM_WAYS ? names[way] : "unknown";
}

AU_PUBLIC
const char *amdgpu_userptr_hdp_need_text(uint32_t need)
{
	static const char *const texts[] = {
		[AMDGPU_USERPTR_HDP_NEEDED] = "stores to VRAM pass the host data path",
		[AMDGPU_USERPTR_HDP_APU] = "the GPU is a part of the CPU",
		[AMDGPU_USERPTR_HDP_XGMI] = "the CPU reaches VRAM by xGMI",
		[AMDGPU_USERPTR_HDP_SYSTEM_MEMORY] =
			"the memory is in a mapping, so it is not VRAM",
	};

	return need < sizeof(texts) / sizeof(texts[0]) ? texts[need] : "unknown";
}
