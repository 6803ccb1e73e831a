/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xf86drm.h>

#include "lib/igt_time.h"
#include "device_pair.h"
#include "test.h"

#define WAIT_MS	    10000
#define FIRST_MINOR 128
#define NUM_MINORS  64

static struct {
	const struct pair *pair;
	unsigned long request; /* only these ioctls count; 0: all */
	unsigned int nth;      /* the n-th ioctl from now on fails; 0: none */
	unsigned int count;    /* how many ioctls fail, one after the other */
	int error;	       /* errno of these ioctls */
	struct pair_failure first;
} inject = { .first.device = -1 };

/* Whether this ioctl is to fail. */
static bool inject_here(int device, unsigned long request, const void *arg)
{
	if (inject.request && inject.request != request)
		return false;
	if (inject.nth > 1) {
		inject.nth--;
		return false;
	}
	if (inject.first.device < 0) {
		inject.first.device = device;
		inject.first.request = request;
		if (request == DRM_IOCTL_GEM_CLOSE)
			inject.first.handle = ((const struct drm_gem_close *)arg)->handle;
	}
	if (!--inject.count)
		inject.nth = 0;
	return true;
}

/*
 * The library and libdrm call this function instead of the C library's ioctl(), because the symbols
 * of the program come first.
 */
int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	for (int i = 0; inject.nth && i < PAIR_DEVICES; i++) {
		if (fd != inject.pair->devices[i].kfd.drm_fd || !inject_here(i, request, arg))
			continue;
		errno = inject.error;
		return -1;
	}
	return syscall(SYS_ioctl, fd, request, arg);
}

void pair_inject(const struct pair *pair, unsigned int nth, unsigned int count, int error)
{
	pair_inject_request(pair, 0, nth, count, error);
}

void pair_inject_request(const struct pair *pair, unsigned long request, unsigned int nth,
			 unsigned int count, int error)
{
	inject.pair = pair;
	inject.request = request;
	inject.nth = nth;
	inject.count = count;
	inject.error = error;
	inject.first = (struct pair_failure){ .device = -1 };
}

struct pair_failure pair_inject_end(void)
{
	inject.nth = 0;
	return inject.first;
}

uint64_t pair_bytes(const struct pair *pair)
{
	return PAIR_RANGES * pair->page;
}

void pair_expect_reads(struct pair *pair, unsigned int index, uint64_t va)
{
	struct pair_device *device = &pair->devices[index];

	memset(device->result.cpu, 0, pair_bytes(pair));
	amd_kfd_queue_copy(&device->queue, device->result.va, va, pair_bytes(pair));
	t_equal(__amd_kfd_queue_sync(&device->queue, igt_patience(WAIT_MS)), 0);
	for (unsigned int i = 0; i < PAIR_RANGES; i++)
		t_assert(!memcmp((char *)device->result.cpu + i * pair->page,
				 (const void *)(uintptr_t)pair->ranges[i].cpu_addr, pair->page));
}

void pair_change_memory(struct pair *pair)
{
	static unsigned char value;

	for (unsigned int i = 0; i < PAIR_RANGES; i++)
		memset((void *)(uintptr_t)pair->ranges[i].cpu_addr, ++value, pair->page);
}

int pair_map(struct pair *pair, struct amdgpu_userptr_ctx *ctx, uint64_t devices,
	     struct amdgpu_userptr_map_args *args, struct amdgpu_userptr_mapping **map)
{
	*args = (struct amdgpu_userptr_map_args){
		.size = sizeof(*args),
		.ranges = pair->ranges,
		.num_ranges = PAIR_RANGES,
		.range_stride = sizeof(pair->ranges[0]),
		.va_mode = pair->va ? AMDGPU_USERPTR_VA_FIXED : AMDGPU_USERPTR_VA_RESERVE,
		.fixed_va = pair->va,
		.devices = devices,
	};
	return amdgpu_userptr_map(ctx, args, map);
}

static int try_ctx(const struct pair *pair, uint64_t timeout_ns, struct amdgpu_userptr_ctx **ctx)
{
	const int fds[PAIR_DEVICES] = {
		pair->devices[0].kfd.drm_fd,
		pair->devices[1].kfd.drm_fd,
	};
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = fds,
		.num_devices = PAIR_DEVICES,
		.backend = pair->backend,
		.timeout_ns = timeout_ns,
	};

	return amdgpu_userptr_ctx_create(&args, ctx);
}

struct amdgpu_userptr_ctx *pair_ctx(const struct pair *pair, uint64_t timeout_ns)
{
	struct amdgpu_userptr_ctx *ctx;

	t_equal(try_ctx(pair, timeout_ns, &ctx), 0);
	return ctx;
}

/* Whether the kernel knows the flags that the test needs. It prints which one the kernel lacks. */
static bool is_supported(const struct pair *pair)
{
	struct amdgpu_userptr_ctx *ctx;
	int ret = try_ctx(pair, 0, &ctx);
	bool has_hsa = true;

	if (ret == -EOPNOTSUPP) {
		fprintf(stderr, "the kernel has no AMDGPU_GEM_USERPTR_SCATTER\n");
		return false;
	}
	t_equal(ret, 0);
	for (uint32_t i = 0; i < PAIR_DEVICES; i++) {
		struct amdgpu_userptr_caps caps = { .size = sizeof(caps), .device = i };

		t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
		has_hsa &= caps.hsa_status != -EINVAL;
	}
	if (!has_hsa)
		fprintf(stderr, "the kernel has no AMDGPU_GEM_USERPTR_HSA\n");
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	return has_hsa;
}

/* Open the first two GPUs that KFD has. Returns how many it has found, at most two. */
static unsigned int open_devices(struct pair *pair)
{
	unsigned int count = 0;

	for (int minor = FIRST_MINOR; minor < FIRST_MINOR + NUM_MINORS; minor++) {
		char path[32];

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", minor);
		if (!__amd_kfd_open_render_novm(&pair->devices[count].kfd, path) &&
		    ++count == PAIR_DEVICES)
			break;
	}
	return count;
}

static void begin(struct pair *pair)
{
	for (unsigned int i = 0; i < PAIR_DEVICES; i++) {
		struct pair_device *device = &pair->devices[i];

		t_equal(__amd_kfd_acquire_vm(&device->kfd), 0);
		t_equal(__amd_kfd_queue_create(&device->kfd, AMD_KFD_QUEUE_PM4, &device->queue), 0);
		t_equal(__amd_kfd_alloc_gtt(&device->kfd, pair_bytes(pair), &device->result), 0);
	}
	pair->ctx = pair_ctx(pair, 0);
	pair->memory = mmap(NULL, 2 * PAIR_RANGES * pair->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_assert(pair->memory != MAP_FAILED);
	/*
	 * The ranges are no neighbours, so the library cannot merge them. Their addresses descend,
	 * so that the test sees if the library sorts them.
	 */
	for (unsigned int i = 0; i < PAIR_RANGES; i++)
		pair->ranges[i] = (struct amdgpu_userptr_range){
			.cpu_addr =
				(uintptr_t)pair->memory + 2 * (PAIR_RANGES - 1 - i) * pair->page,
			.size = pair->page,
		};
}

int pair_open(struct pair *pair, int argc, char **argv)
{
	*pair = (struct pair){
		.page = sysconf(_SC_PAGESIZE),
		.backend = AMDGPU_USERPTR_BACKEND_RANGES,
	};
	t_equal(argc, 2);
	if (!strcmp(argv[1], "scatter"))
		pair->backend = AMDGPU_USERPTR_BACKEND_SCATTER;
	else
		t_assert(!strcmp(argv[1], "ranges"));
	if (open_devices(pair) < PAIR_DEVICES) {
		fprintf(stderr, "the machine has not two GPUs with KFD\n");
		return EXIT_SKIP;
	}
	for (unsigned int i = 0; i < PAIR_DEVICES; i++) {
		char reason[AMD_KFD_REASON];

		if (!amd_kfd_has_packets(&pair->devices[i].kfd, AMD_KFD_QUEUE_PM4, reason,
					 sizeof(reason))) {
			fprintf(stderr, "%s\n", reason);
			return EXIT_SKIP;
		}
	}
	if (!is_supported(pair))
		return EXIT_SKIP;
	begin(pair);
	return 0;
}

void pair_close(struct pair *pair)
{
	t_equal(amdgpu_userptr_ctx_destroy(pair->ctx), 0);
	for (unsigned int i = 0; i < PAIR_DEVICES; i++) {
		struct pair_device *device = &pair->devices[i];

		t_equal(__amd_kfd_queue_destroy(&device->queue), 0);
		t_equal(__amd_kfd_free(&device->kfd, &device->result), 0);
		amd_kfd_close(&device->kfd);
		close(device->kfd.drm_fd);
	}
	munmap(pair->memory, 2 * PAIR_RANGES * pair->page);
}
