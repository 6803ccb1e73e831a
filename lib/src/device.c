/* SPDX-License-Identifier: MIT */
/* Contexts: their devices, capabilities and counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

/* No struct of this library will be larger, so a larger size is garbage. */
#define AU_STRUCT_MAX 4096

/* Sizes of the first version of structs that have grown since then. */
#define AU_STATS_FIRST_SIZE    offsetof(struct amdgpu_userptr_stats, scatter_bos)
#define AU_CTX_ARGS_FIRST_SIZE offsetof(struct amdgpu_userptr_ctx_args, timeout_ns)
#define AU_CAPS_FIRST_SIZE     offsetof(struct amdgpu_userptr_caps, map_flags)

int au_struct_get(const void *user, void *copy, size_t first, size_t known)
{
	uint32_t size;

	memcpy(&size, user, sizeof(size));
	if (size < first)
		return -EINVAL;
	if (size > AU_STRUCT_MAX)
		return -E2BIG;
	for (size_t i = known; i < size; i++) {
		if (((const unsigned char *)user)[i])
			return -E2BIG;
	}
	memset(copy, 0, known);
	memcpy(copy, user, size < known ? size : known);
	return 0;
}

void au_struct_put(void *user, const void *copy, size_t known)
{
	uint32_t size;

	memcpy(&size, user, sizeof(size));
	/* Keep the caller's size, because it is the size of the struct in the caller's header. */
	memcpy((char *)user + sizeof(size), (const char *)copy + sizeof(size),
	       (size < known ? size : known) - sizeof(size));
}

/*
 * In a forked child the kernel replaces the page of the mark with zeros (MADV_WIPEONFORK), so the
 * mark tells the creator of a context from its children. A process ID cannot tell them apart,
 * because a process in another PID namespace can have the same ID, and the kernel reuses IDs.
 */
static int create_mark(struct amdgpu_userptr_ctx *ctx)
{
	char *mark = mmap(NULL, sizeof(*mark), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (mark == MAP_FAILED)
		return au_mmap_error();
	if (madvise(mark, sizeof(*mark), MADV_WIPEONFORK)) {
		const int ret = au_mmap_error();

		munmap(mark, sizeof(*mark));
		return ret;
	}
	*mark = 1;
	ctx->mark = mark;
	return 0;
}

static void destroy_mark(struct amdgpu_userptr_ctx *ctx)
{
	/* If the kernel does not unmap the page, give back its memory: see au_kernel_page_put(). */
	if (munmap((void *)ctx->mark, sizeof(*ctx->mark)))
		madvise((void *)ctx->mark, sizeof(*ctx->mark), MADV_DONTNEED);
}

int au_ctx_check_owner(const struct amdgpu_userptr_ctx *ctx)
{
	return *ctx->mark ? 0 : -EPERM;
}

static void device_fini(struct au_device *device)
{
	au_hdp_fini(&device->hdp);
	if (device->gpu_ctx)
		au_gpu_ctx_destroy(device, device->gpu_ctx);
	if (device->syncobj)
		au_syncobj_destroy(device, device->syncobj);
	au_smi_fini(device);
	pthread_mutex_destroy(&device->timeline_lock);
	pthread_mutex_destroy(&device->resets_lock);
}

static int device_fd(const struct amdgpu_userptr_ctx_args *args, uint32_t index,
		     const struct au_ops *ops, void *priv)
{
	return args->devices ? ops->device_fd(priv, args->devices[index]) : args->fds[index];
}

static int device_init(struct amdgpu_userptr_ctx *ctx, struct au_device *device,
		       const struct amdgpu_userptr_ctx_args *args, uint32_t index)
{
	int ret;

	device->ctx = ctx;
	device->handle = args->devices ? args->devices[index] : NULL;
	device->fd = device_fd(args, index, ctx->ops, ctx->ops_priv);
	ret = au_drm_version(device);
	if (!ret)
		ret = au_device_info(device);
	if (!ret && device->drm_minor >= AU_DRM_MINOR_VM_TIMELINE)
		ret = au_syncobj_create(device, &device->syncobj);
	if (!ret && device->syncobj)
		ret = au_gpu_ctx_create(device, &device->gpu_ctx);
	if (!ret && device->gpu_ctx)
		ret = au_resets_init(device);
	au_smi_init(&device->smi);
	au_hdp_init(&device->hdp);
	pthread_mutex_init(&device->timeline_lock, NULL);
	pthread_mutex_init(&device->resets_lock, NULL);
	if (ret)
		device_fini(device);
	return ret;
}

/*
 * Ask the kernel for a BO. @answer: out: the kernel's error or 0. An error of this function means
 * that the library could not ask.
 */
static int ask(struct au_device *device, bool scatter, uint32_t map_flags, struct au_timer *timer,
	       int *answer)
{
	struct amdgpu_userptr_ctx *ctx = device->ctx;
	const uint64_t size = ctx->page_size;
	struct amdgpu_userptr_range range = { .size = size };
	struct au_bo bo = { .size = size, .end_range = 1, .scatter = scatter };
	uint32_t handle;
	int ret;

	ret = au_updates_drain(device, timer);
	if (ret)
		return ret;
	ret = ctx->ops->page_get(ctx->ops_priv, size, &range.cpu_addr);
	if (ret)
		return ret;
	bo.cpu_addr = range.cpu_addr;
	*answer = au_gem_userptr(device, &bo, &range, map_flags, &handle);
	if (!*answer)
		au_gem_close(device, handle);
	ctx->ops->page_put(ctx->ops_priv, range.cpu_addr, size);
	return 0;
}

int au_device_try(struct au_device *device, bool scatter, uint32_t map_flags,
		  struct au_timer *timer)
{
	int answer;
	const int ret = ask(device, scatter, map_flags, timer, &answer);

	return ret ? ret : answer;
}

/*
 * Only the answer -EINVAL means that the kernel does not know the flag. Any other error in the
 * answer can go away, for example because KFD acquires the VM later, so it counts as a yes. If the
 * library could not ask, return the error and do not guess, because the context keeps its backend
 * for good.
 */
static int knows_scatter(struct au_device *device, bool *known)
{
	struct au_timer timer = { 0 };
	int answer, ret;

	*known = false;
	if (device->drm_minor < AU_DRM_MINOR_SCATTER)
		return 0;
	ret = ask(device, true, 0, &timer, &answer);
	*known = !ret && answer != -EINVAL;
	return ret;
}

static bool knows_coherence(struct au_device *device, struct au_timer *timer)
{
	int answer;

	return device->drm_minor >= AU_DRM_MINOR_COHERENCE &&
	       !ask(device, false, AU_MAP_COHERENCE, timer, &answer) && answer != -EINVAL;
}

/* All devices have the same backend, so that a map has the same BOs on each of them. */
static int choose_backend(struct amdgpu_userptr_ctx *ctx, uint32_t wanted)
{
	ctx->backend = AMDGPU_USERPTR_BACKEND_RANGES;
	if (wanted == AMDGPU_USERPTR_BACKEND_RANGES)
		return 0;
	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		bool known;
		const int ret = knows_scatter(&ctx->devices[i], &known);

		if (ret)
			return ret;
		if (!known)
			return wanted == AMDGPU_USERPTR_BACKEND_SCATTER ? -EOPNOTSUPP : 0;
	}
	ctx->backend = AMDGPU_USERPTR_BACKEND_SCATTER;
	return 0;
}

/*
 * Refuse two files of one render node, also if the caller has opened it twice: KFD can acquire the
 * address space of only one of them.
 */
static int check_device_list(const struct amdgpu_userptr_ctx_args *args, const struct au_ops *ops,
			     void *priv)
{
	uint64_t ids[AMDGPU_USERPTR_MAX_DEVICES];

	for (uint32_t i = 0; i < args->num_devices; i++) {
		int ret;

		if (args->devices ? !args->devices[i] : args->fds[i] < 0)
			return -EINVAL;
		ret = ops->device_id(priv, device_fd(args, i, ops, priv), &ids[i]);
		if (ret)
			return ret;
		for (uint32_t j = 0; j < i; j++) {
			if (ids[j] == ids[i])
				return -EINVAL;
		}
	}
	return 0;
}

static int check_ctx_args(const struct amdgpu_userptr_ctx_args *args)
{
	if (args->flags || args->backend > AMDGPU_USERPTR_BACKEND_RANGES ||
	    !args->devices == !args->fds)
		return -EINVAL;
	if (!args->num_devices || args->num_devices > AMDGPU_USERPTR_MAX_DEVICES)
		return -EINVAL;
	return 0;
}

/*
 * A context uses only the addresses that all its devices have, and the largest of their units, so
 * that each device can have each map. Only the lower half counts, because CPU addresses are never
 * in the upper one.
 */
static void find_common_va(struct amdgpu_userptr_ctx *ctx)
{
	ctx->granularity = AU_GPU_PAGE;
	ctx->va_max = UINT64_MAX;
	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		const struct au_device *device = &ctx->devices[i];

		if (device->granularity > ctx->granularity)
			ctx->granularity = device->granularity;
		if (device->va_min > ctx->va_min)
			ctx->va_min = device->va_min;
		if (device->va_max < ctx->va_max)
			ctx->va_max = device->va_max;
	}
	ctx->va_min = (ctx->va_min + ctx->page_size - 1) & ~(ctx->page_size - 1);
	ctx->va_max &= ~(ctx->page_size - 1);
}

static int ctx_create(const struct amdgpu_userptr_ctx_args *user, const struct au_ops *ops,
		      void *priv, struct amdgpu_userptr_ctx **out)
{
	struct amdgpu_userptr_ctx_args args;
	struct amdgpu_userptr_ctx *ctx;
	int ret;

	ret = au_struct_get(user, &args, AU_CTX_ARGS_FIRST_SIZE, sizeof(args));
	if (!ret)
		ret = check_ctx_args(&args);
	if (!ret)
		ret = check_device_list(&args, ops, priv);
	if (ret)
		return ret;

	ctx = calloc(1, sizeof(*ctx) + args.num_devices * sizeof(ctx->devices[0]));
	if (!ctx)
		return -ENOMEM;
	ctx->ops = ops;
	ctx->ops_priv = priv;
	ctx->page_size = ops->page_size(priv);
	ctx->limits.size = AU_MAX_BO_PAGES * ctx->page_size;
	ctx->limits.num_ranges = AU_MAX_BO_RANGES;
	ctx->timeout_ns = args.timeout_ns;
	ctx->priority = 1;
	ret = create_mark(ctx);
	if (ret)
		goto free_ctx;
	for (; ctx->num_devices < args.num_devices; ctx->num_devices++) {
		ret = device_init(ctx, &ctx->devices[ctx->num_devices], &args, ctx->num_devices);
		if (ret)
			goto free_devices;
	}
	find_common_va(ctx);
	ret = choose_backend(ctx, args.backend);
	if (ret)
		goto free_devices;
	pthread_mutex_init(&ctx->lock, NULL);
	*out = ctx;
	return 0;

free_devices:
	while (ctx->num_devices--)
		device_fini(&ctx->devices[ctx->num_devices]);
	destroy_mark(ctx);
free_ctx:
	free(ctx);
	return ret;
}

int au_ctx_create(const struct amdgpu_userptr_ctx_args *args, const struct au_ops *ops, void *priv,
		  struct amdgpu_userptr_ctx **ctx)
{
	const int saved_errno = errno;
	int ret;

	if (!args || !ctx)
		return -EINVAL;
	ret = ctx_create(args, ops, priv, ctx);
	errno = saved_errno;
	return ret;
}

AU_PUBLIC
int amdgpu_userptr_ctx_create(const struct amdgpu_userptr_ctx_args *args,
			      struct amdgpu_userptr_ctx **ctx)
{
	return au_ctx_create(args, &au_kernel_ops, NULL, ctx);
}

static int ctx_destroy(struct amdgpu_userptr_ctx *ctx)
{
	struct au_timer timer = { 0 };
	int first_error = au_unmap_all(ctx, &timer);
	int ret;

	/*
	 * If the kernel refuses to release addresses here, they become spares. So this comes before
	 * au_release_spares().
	 */
	for (uint32_t i = 0; i < ctx->num_devices; i++)
		au_hdp_unprepare(&ctx->devices[i], &timer);
	ret = au_release_spares(ctx);
	if (!first_error)
		first_error = ret;
	while (ctx->num_devices--)
		device_fini(&ctx->devices[ctx->num_devices]);
	pthread_mutex_destroy(&ctx->lock);
	free(ctx->maps);
	return first_error;
}

/* For a forked child, because it has file descriptors of its own for the files of events. */
static void close_events(struct amdgpu_userptr_ctx *ctx)
{
	for (uint32_t i = 0; i < ctx->num_devices; i++) {
		if (ctx->devices[i].smi.fd >= 0)
			au_smi_close(&ctx->devices[i]);
	}
}

AU_PUBLIC
int amdgpu_userptr_ctx_destroy(struct amdgpu_userptr_ctx *ctx)
{
	const int saved_errno = errno;
	int ret = 0;

	if (!ctx)
		return 0;
	/*
	 * A forked child does not free the maps, because a thread of the parent may have been
	 * changing the table of maps at the time of the fork. The child has no reserved address
	 * space to release, because the reservations are MADV_DONTFORK.
	 */
	if (!au_ctx_check_owner(ctx))
		ret = ctx_destroy(ctx);
	else
		close_events(ctx);
	destroy_mark(ctx);
	free(ctx);
	errno = saved_errno;
	return ret;
}

static int query_caps(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_caps *user)
{
	struct amdgpu_userptr_caps in;
	struct au_timer timer = { 0 };
	struct au_device *device;
	int ret;

	ret = au_struct_get(user, &in, AU_CAPS_FIRST_SIZE, sizeof(in));
	if (ret)
		return ret;
	if (in.device >= ctx->num_devices)
		return -EINVAL;

	device = &ctx->devices[in.device];
	struct amdgpu_userptr_caps caps = {
		.device = in.device,
		.hsa_status = au_device_try(device, false, 0, &timer),
		.vm_timeline = device->syncobj != 0,
		.drm_major = device->drm_major,
		.drm_minor = device->drm_minor,
		.max_ranges = AU_MAX_RANGES,
		.backend = ctx->backend,
		.page_size = ctx->page_size,
		.granularity = ctx->granularity,
		.va_alignment = device->va_alignment,
		.va_min = device->va_min,
		.va_max = device->va_max,
		.map_flags = AMDGPU_USERPTR_MAP_NO_COALESCE | AMDGPU_USERPTR_MAP_ROUND_OUT |
			     (knows_coherence(device, &timer) ? AU_MAP_COHERENCE : 0),
	};
	caps.hsa_reason = AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD;
	if (device->syncobj)
		caps.hsa_reason =
			au_reason(caps.hsa_status, AMDGPU_USERPTR_STAGE_USERPTR, caps.hsa_status);
	au_struct_put(user, &caps, sizeof(caps));
	return 0;
}

AU_PUBLIC
int amdgpu_userptr_query_caps(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_caps *caps)
{
	const int saved_errno = errno;
	int ret;

	if (!ctx || !caps)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	if (!ret)
		ret = query_caps(ctx, caps);
	errno = saved_errno;
	return ret;
}

AU_PUBLIC
uint32_t amdgpu_userptr_version(void)
{
	return AMDGPU_USERPTR_VERSION;
}

AU_PUBLIC
int amdgpu_userptr_query_stats(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_stats *user)
{
	struct amdgpu_userptr_stats stats;
	const int saved_errno = errno;
	int ret;

	if (!ctx || !user)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	if (!ret)
		ret = au_struct_get(user, &stats, AU_STATS_FIRST_SIZE, sizeof(stats));
	if (!ret && stats.reserved)
		ret = -EINVAL;
	if (ret)
		return ret;

	au_orphans_reap(ctx);
	pthread_mutex_lock(&ctx->lock);
	stats = ctx->stats;
	stats.failed_reachable = au_orphans_reachable(ctx);
	pthread_mutex_unlock(&ctx->lock);
	errno = saved_errno;
	stats.ioctls = atomic_load_explicit(&ctx->num_ioctls, memory_order_relaxed);
	au_struct_put(user, &stats, sizeof(stats));
	return 0;
}
