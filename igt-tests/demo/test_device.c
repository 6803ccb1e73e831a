/* SPDX-License-Identifier: MIT */
/*
 * Tests the library with a real kernel and a GPU, which may be the simulated one. The unit tests in
 * lib/tests use a fake kernel; this test shows that the real one does the same. Arguments: the
 * backend, "scatter" or "ranges", and perhaps "limit", see kfd_limit.h. The test skips if there is
 * no KFD device, or the kernel does not know AMDGPU_GEM_USERPTR_HSA or the backend.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <amdgpu_drm.h>
#include <xf86drm.h>

#include "../../lib/src/uapi.h"
#include "amdgpu_userptr.h"
#include "lib/amdgpu/amd_kfd.h"
#include "lib/igt_time.h"
#include "bo_bytes.h"
#include "kfd_limit.h"
#include "test.h"

#define EXIT_SKIP 77
#define NUM_PAGES 4
#define WAIT_MS	  10000
/* The library cuts ranges of half a TiB, so use only smaller ones. */
#define MAX_SIZE  (UINT64_C(1) << 38)

struct device {
	uint32_t backend;
	int fd;
	struct amd_kfd kfd;
	amdgpu_device_handle handle;
	size_t page;
};

static int try_create(const struct device *device, bool by_handle, struct amdgpu_userptr_ctx **ctx)
{
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.devices = by_handle ? &device->handle : NULL,
		.fds = by_handle ? NULL : &device->fd,
		.num_devices = 1,
		.backend = device->backend,
	};

	return amdgpu_userptr_ctx_create(&args, ctx);
}

static struct amdgpu_userptr_ctx *create(const struct device *device, bool by_handle)
{
	struct amdgpu_userptr_ctx *ctx;

	t_equal(try_create(device, by_handle, &ctx), 0);
	return ctx;
}

static int hsa_status(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };

	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.page_size, sysconf(_SC_PAGESIZE));
	return caps.hsa_status;
}

static char *pages(const struct device *device, int prot, int flags, int fd)
{
	char *addr = mmap(NULL, NUM_PAGES * device->page, prot, flags, fd, 0);

	t_assert(addr != MAP_FAILED);
	return addr;
}

static struct amdgpu_userptr_range range_of(const struct device *device, const void *addr,
					    uint32_t flags)
{
	return (struct amdgpu_userptr_range){
		.cpu_addr = (uintptr_t)addr,
		.size = NUM_PAGES * device->page,
		.flags = flags,
	};
}

static struct amdgpu_userptr_map_args args_of(const struct amdgpu_userptr_range *ranges,
					      uint32_t count)
{
	return (struct amdgpu_userptr_map_args){
		.size = sizeof(struct amdgpu_userptr_map_args),
		.ranges = ranges,
		.num_ranges = count,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
}

/*
 * Map private, shared, file and read-only memory together and unmap it, many times. No BO may stay.
 */
static void memory_of_all_kinds(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	const int rw = PROT_READ | PROT_WRITE;
	int memfd = memfd_create("test_device", MFD_CLOEXEC);
	struct amdgpu_userptr_range ranges[4];
	uint64_t before;

	t_assert(memfd >= 0 && !ftruncate(memfd, NUM_PAGES * device->page));
	ranges[0] = range_of(device, pages(device, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1), 0);
	ranges[1] = range_of(device, pages(device, rw, MAP_SHARED | MAP_ANONYMOUS, -1), 0);
	ranges[2] = range_of(device, pages(device, rw, MAP_SHARED, memfd), 0);
	ranges[3] = range_of(device, pages(device, PROT_READ, MAP_SHARED, memfd),
			     AMDGPU_USERPTR_RANGE_READONLY);
	before = bo_bytes(device->fd);
	for (unsigned int round = 0; round < 20; round++) {
		struct amdgpu_userptr_map_args args = args_of(ranges, T_ARRAY_SIZE(ranges));
		struct amdgpu_userptr_mapping *map;

		args.flags = round % 2 ? AMDGPU_USERPTR_MAP_NO_COALESCE : 0;
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		t_assert(bo_bytes(device->fd) >= before + T_ARRAY_SIZE(ranges) * ranges[0].size);
		t_equal(amdgpu_userptr_unmap(map), 0);
		/*
		 * The driver keeps the page tables of the first round, which are BOs, too. Later
		 * rounds must leave nothing more.
		 */
		if (!round)
			before = bo_bytes(device->fd);
		t_equal(bo_bytes(device->fd), before);
	}
	for (unsigned int i = 0; i < T_ARRAY_SIZE(ranges); i++)
		munmap((void *)(uintptr_t)ranges[i].cpu_addr, ranges[i].size);
	close(memfd);
}

static void expect_refusal(const struct device *device, struct amdgpu_userptr_ctx *ctx,
			   const struct amdgpu_userptr_range *ranges, uint32_t count, uint32_t bad)
{
	struct amdgpu_userptr_map_args args = args_of(ranges, count);
	uint64_t before = bo_bytes(device->fd);
	struct amdgpu_userptr_mapping *map;
	int ret = amdgpu_userptr_map(ctx, &args, &map);

	/*
	 * Since Linux 6.19 HMM returns -EPERM for memory without write permission, before that
	 * -EFAULT.
	 */
	t_assert(ret == -EFAULT || ret == -EPERM);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
	t_equal(args.failed_range, bad);
	t_equal(args.failed_device, 0);
	t_equal(bo_bytes(device->fd), before);
}

static void bad_memory_is_named(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	const int rw = PROT_READ | PROT_WRITE;
	char *good = pages(device, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *other = pages(device, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct amdgpu_userptr_range ranges[] = {
		range_of(device, good, 0),
		range_of(device, other, 0),
	};
	struct amdgpu_userptr_range neighbours[] = {
		{ (uintptr_t)other, device->page, 0, 0 },
		{ (uintptr_t)other + device->page, device->page, 0, 0 },
		{ (uintptr_t)other + 2 * device->page, device->page, 0, 0 },
	};
	struct amdgpu_userptr_map_args args = args_of(ranges, 1);
	struct amdgpu_userptr_mapping *map;

	/*
	 * Let the driver make the page tables for the library's GPU addresses now. It keeps them,
	 * and counts them as BOs, so a map that fails later has to leave exactly as many bytes as
	 * before it.
	 */
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_unmap(map), 0);

	t_assert(!mprotect(other, NUM_PAGES * device->page, PROT_READ));
	expect_refusal(device, ctx, ranges, 2, 1);
	t_assert(!mprotect(other, NUM_PAGES * device->page, rw));

	/*
	 * The library makes one BO of these three ranges. The error must name the middle one, whose
	 * memory is missing.
	 */
	t_assert(!munmap(other + device->page, device->page));
	expect_refusal(device, ctx, neighbours, T_ARRAY_SIZE(neighbours), 1);
	t_assert(!munmap(other, NUM_PAGES * device->page));
	expect_refusal(device, ctx, ranges, 2, 1);
	munmap(good, NUM_PAGES * device->page);
}

/*
 * The second half of the wanted GPU addresses belongs to a userptr of KFD, so map() fails. It must
 * leave nothing mapped in the first half: the test maps there again afterwards.
 */
static void address_in_use(struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	const size_t size = NUM_PAGES * device->page;
	char *memory = pages(device, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct amdgpu_userptr_range ranges[] = {
		range_of(device, memory, 0),
		range_of(device, memory, 0),
	};
	struct amdgpu_userptr_map_args args = args_of(ranges, 2);
	uint64_t va = amd_kfd_va_reserve(2 * size, 0);
	struct amdgpu_userptr_mapping *map;
	struct amd_kfd_mem mem;

	t_assert(va);
	t_equal(__amd_kfd_register(&device->kfd, memory, size, va + size, &mem), 0);
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = va;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_MAP);
	/* A scatter BO is mapped as a whole, so the failure names no range. */
	t_equal(args.failed_range,
		device->backend == AMDGPU_USERPTR_BACKEND_SCATTER ? AMDGPU_USERPTR_NONE : 1);
	t_equal(__amd_kfd_free(&device->kfd, &mem), 0);

	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(args.gpu_va, va);
	t_equal(amdgpu_userptr_unmap(map), 0);
	amd_kfd_va_release(va, 2 * size);
	munmap(memory, size);
}

/*
 * Make a context from a device handle of libdrm, and let libdrm choose the GPU address of a map.
 * Destroying the context has to remove the map.
 */
static void libdrm_handle_and_addresses(const struct device *device)
{
	char *memory = pages(device, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct amdgpu_userptr_range range = range_of(device, memory, 0);
	struct amdgpu_userptr_map_args args = args_of(&range, 1);
	struct amdgpu_userptr_ctx *ctx = create(device, true);
	struct amdgpu_userptr_mapping *map;

	args.va_mode = AMDGPU_USERPTR_VA_ALLOC;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	munmap(memory, NUM_PAGES * device->page);
}

/* Returns the creation flags of the BO of this @size; fails the test if two BOs have it. */
static uint64_t create_flags(const struct device *device, uint64_t size)
{
	uint64_t found = UINT64_MAX;

	for (uint32_t handle = 1; handle <= BO_MAX_HANDLE; handle++) {
		struct drm_amdgpu_gem_create_in info;

		if (!bo_info(device->fd, handle, &info) || info.bo_size != size)
			continue;
		t_equal(found, UINT64_MAX);
		found = info.domain_flags;
	}
	return found;
}

/*
 * The kernel must get the coherence flags with which the test calls map(). If the kernel does not
 * know these flags, map() must refuse them.
 */
static void coherence(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	static const struct {
		uint32_t map, create;
	} kinds[] = {
		{ 0, 0 },
		{ AMDGPU_USERPTR_MAP_COHERENT, AMDGPU_GEM_CREATE_COHERENT },
		{ AMDGPU_USERPTR_MAP_UNCACHED, AMDGPU_GEM_CREATE_UNCACHED },
		{ AMDGPU_USERPTR_MAP_EXT_COHERENT, AMDGPU_GEM_CREATE_EXT_COHERENT },
	};
	const uint32_t mask = AMDGPU_GEM_CREATE_COHERENT | AMDGPU_GEM_CREATE_UNCACHED |
			      AMDGPU_GEM_CREATE_EXT_COHERENT;
	char *memory = pages(device, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	const struct amdgpu_userptr_range range = range_of(device, memory, 0);
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };

	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	for (size_t i = 0; i < T_ARRAY_SIZE(kinds); i++) {
		struct amdgpu_userptr_map_args args = args_of(&range, 1);
		struct amdgpu_userptr_mapping *map;

		args.flags = kinds[i].map;
		if (kinds[i].map & ~caps.map_flags) {
			t_equal(amdgpu_userptr_map(ctx, &args, &map), -EINVAL);
			continue;
		}
		t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
		t_equal(create_flags(device, range.size) & mask, kinds[i].create);
		t_equal(amdgpu_userptr_unmap(map), 0);
	}
	munmap(memory, range.size);
}

/* KFD has not acquired the address space of the render node file yet, so map() must fail. */
static void without_kfd_vm(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	char *memory = pages(device, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct amdgpu_userptr_range range = range_of(device, memory, 0);
	struct amdgpu_userptr_map_args args = args_of(&range, 1);
	struct amdgpu_userptr_mapping *map;

	t_equal(amdgpu_userptr_map(ctx, &args, &map), -EOPNOTSUPP);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
	munmap(memory, NUM_PAGES * device->page);
}

/*
 * The library must use the backend that the test asks for: it makes one scatter BO of two ranges,
 * or a BO of each.
 */
static void backend_in_use(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	const bool scatter = device->backend == AMDGPU_USERPTR_BACKEND_SCATTER;
	char *memory = pages(device, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct amdgpu_userptr_range ranges[] = {
		{ (uintptr_t)memory + 2 * device->page, device->page, 0, 0 },
		{ (uintptr_t)memory, device->page, AMDGPU_USERPTR_RANGE_READONLY, 0 },
	};
	struct amdgpu_userptr_map_args args = args_of(ranges, T_ARRAY_SIZE(ranges));
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_mapping *map;

	t_equal(amdgpu_userptr_query_caps(ctx, &caps), 0);
	t_equal(caps.backend, device->backend);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	t_equal(amdgpu_userptr_query_stats(ctx, &stats), 0);
	t_equal(stats.bos, scatter ? 1 : T_ARRAY_SIZE(ranges));
	t_equal(stats.scatter_bos, scatter);
	t_equal(amdgpu_userptr_unmap(map), 0);
	munmap(memory, NUM_PAGES * device->page);
}

/*
 * Detach the device from a mapping: all BOs of the mapping must go. Attach the device again: the
 * mapping must be back at the same GPU addresses.
 */
static void device_comes_and_goes(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	char *memory = pages(device, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	const struct amdgpu_userptr_range range = range_of(device, memory, 0);
	struct amdgpu_userptr_attach_args attach = { .size = sizeof(attach) };
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	struct amdgpu_userptr_map_args args = args_of(&range, 1);
	struct amdgpu_userptr_mapping *map;
	uint64_t before, mapped, reachable;

	/*
	 * Let the driver make the page tables now, which it keeps and counts as BOs, so that the
	 * test can compare sizes below. All further maps use the same GPU address.
	 */
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = args.gpu_va;
	t_equal(amdgpu_userptr_unmap(map), 0);

	before = bo_bytes(device->fd);
	args.devices = 1;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	mapped = bo_bytes(device->fd);
	t_assert(mapped >= before + range.size);
	for (unsigned int round = 0; round < 3; round++) {
		t_equal(amdgpu_userptr_detach(map, 0), 0);
		t_equal(bo_bytes(device->fd), before);
		t_equal(amdgpu_userptr_detach(map, 0), -ENOENT);
		t_equal(amdgpu_userptr_attach(map, &attach), 0);
		t_equal(bo_bytes(device->fd), mapped);
		t_equal(amdgpu_userptr_attach(map, &attach), -EEXIST);
	}
	t_equal(amdgpu_userptr_query_cpu(ctx, memory + device->page + 5, 0, &info), 0);
	t_equal(info.gpu_va, args.gpu_va + device->page + 5);
	t_equal(info.devices, 1);
	t_equal(amdgpu_userptr_unmap_reachable(map, &reachable), 0);
	t_equal(reachable, 0);
	t_equal(bo_bytes(device->fd), before);
	munmap(memory, range.size);
}

static struct amdgpu_userptr_evictions evictions(struct amdgpu_userptr_ctx *ctx)
{
	struct amdgpu_userptr_evictions count = { .size = sizeof(count) };

	t_equal(amdgpu_userptr_query_evictions(ctx, &count), 0);
	return count;
}

/* The kernel reports an eviction when memory of a mapping goes away, and a restore after it. */
static void evictions_are_counted(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	const struct amdgpu_userptr_watch_args watch = {
		.size = sizeof(watch),
		.kfd_fd = device->kfd.fd,
		.gpu_id = device->kfd.node.gpu_id,
	};
	char *memory = pages(device, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	const struct amdgpu_userptr_range range = range_of(device, memory, 0);
	struct amdgpu_userptr_map_args args = args_of(&range, 1);
	struct amdgpu_userptr_evictions before, after;
	struct amdgpu_userptr_mapping *map;
	uint64_t deadline;

	t_equal(amdgpu_userptr_watch_evictions(ctx, &watch), 0);
	t_equal(amdgpu_userptr_watch_evictions(ctx, &watch), -EEXIST);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	before = evictions(ctx);
	t_assert(!madvise(memory, range.size, MADV_DONTNEED));
	/* The notifier has evicted the queues before madvise() returns. */
	after = evictions(ctx);
	t_assert(after.evictions > before.evictions);
	t_assert(after.userptr_evictions > before.userptr_evictions);
	deadline = igt_now_ms() + igt_patience(WAIT_MS);
	while (after.restores == before.restores) {
		t_assert(igt_now_ms() < deadline);
		igt_pause();
		after = evictions(ctx);
	}
	t_equal(amdgpu_userptr_unmap(map), 0);
	munmap(memory, range.size);
}

/*
 * A range that is larger than KFD's limit must have an error of its own. There is no memory in it,
 * because the kernel has to look at the limit first. Returns false if the limit is unknown, or too
 * large.
 */
static bool above_limit(const struct device *device, struct amdgpu_userptr_ctx *ctx)
{
	const uint64_t limit = kfd_limit(), before = bo_bytes(device->fd);
	const struct amdgpu_userptr_range range = {
		.cpu_addr = (uintptr_t)mmap(NULL, limit + (2 << 20), PROT_NONE,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
		.size = limit + (2 << 20),
	};
	const bool is_tested = limit && range.size <= MAX_SIZE;
	struct amdgpu_userptr_map_args args = args_of(&range, 1);
	struct amdgpu_userptr_mapping *map;

	t_assert(range.cpu_addr != (uintptr_t)MAP_FAILED);
	if (!is_tested)
		fprintf(stderr, "KFD's limit is not tested\n");
	if (is_tested) {
		t_equal(amdgpu_userptr_map(ctx, &args, &map), -EDQUOT);
		t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_USERPTR);
		t_equal(args.failed_reason, AMDGPU_USERPTR_REASON_KFD_LIMIT);
		t_equal(args.failed_range, AMDGPU_USERPTR_NONE);
		t_equal(args.failed_device, 0);
		t_equal(bo_bytes(device->fd), before);
	}
	munmap((void *)(uintptr_t)range.cpu_addr, range.size);
	return is_tested;
}

static int open_device(struct device *device)
{
	uint32_t major, minor;
	int ret = __amd_kfd_open_render_novm(&device->kfd, NULL), fd;

	if (ret)
		return ret;
	fd = device->kfd.drm_fd;
	ret = amdgpu_device_initialize(fd, &major, &minor, &device->handle);
	if (!ret) {
		/*
		 * Use libdrm's duplicate of the descriptor from now on. It is the same open file,
		 * so it has the same GPU address space.
		 */
		device->fd = amdgpu_device_get_fd(device->handle);
		device->kfd.drm_fd = device->fd;
	}
	close(fd);
	return ret;
}

int main(int argc, char **argv)
{
	struct device device = {
		.page = sysconf(_SC_PAGESIZE),
		.backend = AMDGPU_USERPTR_BACKEND_RANGES,
	};
	struct amdgpu_userptr_ctx *ctx;
	const bool needs_limit = kfd_limit_is_required(argc, argv);
	int status;

	t_assert(argc == 2 || needs_limit);
	if (!strcmp(argv[1], "scatter"))
		device.backend = AMDGPU_USERPTR_BACKEND_SCATTER;
	else
		t_assert(!strcmp(argv[1], "ranges"));
	if (open_device(&device)) {
		fprintf(stderr, "no GPU with KFD\n");
		return EXIT_SKIP;
	}
	if (try_create(&device, false, &ctx) == -EOPNOTSUPP) {
		fprintf(stderr, "the kernel has no AMDGPU_GEM_USERPTR_SCATTER\n");
		return EXIT_SKIP;
	}
	status = hsa_status(ctx);
	if (status == -EINVAL) {
		fprintf(stderr, "the kernel has no AMDGPU_GEM_USERPTR_HSA\n");
		return EXIT_SKIP;
	}
	t_equal(status, -EOPNOTSUPP);
	without_kfd_vm(&device, ctx);
	t_equal(__amd_kfd_acquire_vm(&device.kfd), 0);
	t_equal(hsa_status(ctx), 0);

	backend_in_use(&device, ctx);
	memory_of_all_kinds(&device, ctx);
	bad_memory_is_named(&device, ctx);
	address_in_use(&device, ctx);
	coherence(&device, ctx);
	device_comes_and_goes(&device, ctx);
	evictions_are_counted(&device, ctx);
	t_assert(above_limit(&device, ctx) || !needs_limit);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	libdrm_handle_and_addresses(&device);
	amd_kfd_close(&device.kfd);
	amdgpu_device_deinitialize(device.handle);
	return 0;
}
