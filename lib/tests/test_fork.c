/* SPDX-License-Identifier: MIT */
/* In a forked child the library returns errors and issues no ioctl. The child can free its copy. */
#include <sys/wait.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

#define PAGE FAKE_CPU_PAGE

static const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };

static struct amdgpu_userptr_map_args map_args(uint32_t va_mode)
{
	return (struct amdgpu_userptr_map_args){
		.size = sizeof(struct amdgpu_userptr_map_args),
		.va_mode = va_mode,
		.ranges = &range,
		.num_ranges = 1,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
}

static void child(struct fake_kernel *fake, struct amdgpu_userptr_ctx *ctx,
		  struct amdgpu_userptr_mapping *map)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	struct amdgpu_userptr_map_args args = map_args(AMDGPU_USERPTR_VA_RESERVE), before = args;
	struct amdgpu_userptr_attach_args attach = { .size = sizeof(attach), .failed_reason = 5 };
	struct amdgpu_userptr_watch_args watch = { .size = sizeof(watch) };
	struct amdgpu_userptr_evictions evictions = { .size = sizeof(evictions) };
	const struct amdgpu_userptr_hdp_flush_args flush = { .size = sizeof(flush) };
	struct amdgpu_userptr_hdp hdp = { .size = sizeof(hdp) };
	struct amdgpu_userptr_range cover;
	struct amdgpu_userptr_mapping *other;
	unsigned int calls = fake->calls;
	uint64_t offset, reachable = 5;

	t_equal(amdgpu_userptr_map(ctx, &args, &other), -EPERM);
	t_assert(!memcmp(&args, &before, sizeof(args)));
	t_equal(amdgpu_userptr_unmap(map), -EPERM);
	t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), -EPERM);
	t_equal(reachable, 5);
	t_equal(amdgpu_userptr_attach(map, &attach), -EPERM);
	t_equal(attach.failed_reason, 5);
	t_equal(amdgpu_userptr_detach(map, 0), -EPERM);
	t_equal(amdgpu_userptr_query(ctx, 0, &info), -EPERM);
	t_equal(amdgpu_userptr_query_cpu(ctx, NULL, 0, &info), -EPERM);
	t_equal(amdgpu_userptr_watch_evictions(ctx, &watch), -EPERM);
	t_equal(amdgpu_userptr_query_evictions(ctx, &evictions), -EPERM);
	t_equal(amdgpu_userptr_hdp_flush(ctx, &flush), -EPERM);
	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), -EPERM);
	t_equal(amdgpu_userptr_query_caps(ctx, &caps), -EPERM);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), -EPERM);
	t_equal(amdgpu_userptr_range_cover(ctx, &range, 1, &cover, &offset), -EPERM);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	t_equal(fake->calls, calls);
	/* The child must not touch the parent's GPU state or the lists of libdrm. */
	t_equal(fake->count[FAKE_RELEASE], 0);
	t_equal(fake->count[FAKE_VA_FREE], 0);
	/* The child has a file descriptor of its own for the events, and has closed it. */
	t_equal(fake->count[FAKE_SMI_CLOSE], 1);
	t_equal(fake->devices[0].open_bos, 2 + 3);
	/* Not exit(): a sanitizer would report the memory of the maps, which the child keeps. */
	_exit(0);
}

int main(int argc, char **argv)
{
	struct amdgpu_userptr_map_args args = map_args(AMDGPU_USERPTR_VA_RESERVE);
	const struct amdgpu_userptr_watch_args watch = {
		.size = sizeof(watch),
		.kfd_fd = FAKE_KFD_FD,
		.gpu_id = FAKE_FIRST_GPU,
	};
	struct amdgpu_userptr_hdp hdp = { .size = sizeof(hdp) };
	struct amdgpu_userptr_mapping *reserved, *allocated;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	int status;
	pid_t pid;

	backend = fake_backend(argc, argv);
	fake_init(&fake, backend);
	fake.remap_error = fake.kernel_flush_error = 0;
	ctx = fake_ctx_by_handle(&fake);
	t_equal(amdgpu_userptr_map(ctx, &args, &reserved), 0);
	args = map_args(AMDGPU_USERPTR_VA_ALLOC);
	t_equal(amdgpu_userptr_map(ctx, &args, &allocated), 0);

	t_equal(amdgpu_userptr_watch_evictions(ctx, &watch), 0);
	/* The query prepares all ways to flush the HDP, so that the child inherits each of them. */
	t_equal(amdgpu_userptr_query_hdp(ctx, &hdp), 0);
	t_equal(hdp.way, AMDGPU_USERPTR_HDP_REMAP);
	/* Another thread may hold the lock at the time of the fork. */
	pthread_mutex_lock(&ctx->lock);
	pid = fork();
	t_assert(pid >= 0);
	if (!pid)
		child(&fake, ctx, reserved);
	pthread_mutex_unlock(&ctx->lock);
	t_equal(waitpid(pid, &status, 0), pid);
	t_assert(WIFEXITED(status));
	t_equal(WEXITSTATUS(status), 0);

	/* The parent's maps are as before. */
	t_equal(fake_translate(&fake, 0, args.gpu_va), PAGE);
	t_equal(amdgpu_userptr_unmap(reserved), 0);
	t_equal(amdgpu_userptr_unmap(allocated), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
	return 0;
}
