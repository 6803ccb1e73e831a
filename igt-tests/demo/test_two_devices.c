/* SPDX-License-Identifier: MIT */
/*
 * Tests a context of two GPUs with a real kernel: both read the same memory at the same address,
 * and a call that fails on one of them, at whichever step, leaves nothing behind on either.
 * Argument: the backend, "scatter" or "ranges".
 */
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "amdgpu_userptr.h"
#include "lib/amdgpu/amd_kfd.h"
#include "lib/igt_time.h"
#include "bo_bytes.h"
#include "test.h"

#define EXIT_SKIP   77
#define NUM_DEVICES 2
#define NUM_RANGES  3
#define WAIT_MS	    10000
#define FIRST_MINOR 128
#define NUM_MINORS  64

struct device {
	struct amd_kfd kfd;
	struct amd_kfd_queue queue;
	struct amd_kfd_mem result; /* the GPU copies the ranges to it, and the test compares */
};

struct test {
	struct device devices[NUM_DEVICES];
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_range ranges[NUM_RANGES];
	size_t page;
	char *memory; /* every second page of it is a range */
	uint64_t va;  /* GPU address of the first map, which all others take as well; 0: none yet */
};

/*
 * Lets one ioctl on a render node fail without a call to the kernel, so that each error path of the
 * library runs.
 */
static struct {
	const struct test *test;
	unsigned int nth; /* the n-th ioctl from now on fails; 0: none */
	int error;	  /* errno of that ioctl */
	int device;	  /* out: the device of the ioctl that failed, or -1 */
} inject = { .device = -1 };

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
	for (int i = 0; inject.nth && i < NUM_DEVICES; i++) {
		if (fd != inject.test->devices[i].kfd.drm_fd || --inject.nth)
			continue;
		inject.device = i;
		errno = inject.error;
		return -1;
	}
	return syscall(SYS_ioctl, fd, request, arg);
}

static void set_inject(const struct test *test, unsigned int nth, int error)
{
	inject.test = test;
	inject.nth = nth;
	inject.error = error;
	inject.device = -1;
}

static uint64_t ranges_bytes(const struct test *test)
{
	return NUM_RANGES * test->page;
}

/*
 * Let the GPU read from the address of the mapping, and assert that it finds the ranges there, one
 * after the other.
 */
static void expect_reads(struct test *test, struct device *device)
{
	memset(device->result.cpu, 0, ranges_bytes(test));
	amd_kfd_queue_copy(&device->queue, device->result.va, test->va, ranges_bytes(test));
	t_equal(__amd_kfd_queue_sync(&device->queue, igt_patience(WAIT_MS)), 0);
	for (unsigned int i = 0; i < NUM_RANGES; i++)
		t_assert(!memcmp((char *)device->result.cpu + i * test->page,
				 (const void *)(uintptr_t)test->ranges[i].cpu_addr, test->page));
}

static void change_memory(struct test *test)
{
	static unsigned char value;

	for (unsigned int i = 0; i < NUM_RANGES; i++)
		memset((void *)(uintptr_t)test->ranges[i].cpu_addr, ++value, test->page);
}

static int map_on(struct test *test, uint64_t devices, struct amdgpu_userptr_map_args *args,
		  struct amdgpu_userptr_mapping **map)
{
	*args = (struct amdgpu_userptr_map_args){
		.size = sizeof(*args),
		.ranges = test->ranges,
		.num_ranges = NUM_RANGES,
		.range_stride = sizeof(test->ranges[0]),
		.va_mode = test->va ? AMDGPU_USERPTR_VA_FIXED : AMDGPU_USERPTR_VA_RESERVE,
		.fixed_va = test->va,
		.devices = devices,
	};
	return amdgpu_userptr_map(test->ctx, args, map);
}

static void both_read(struct test *test)
{
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;

	t_equal(map_on(test, 0, &args, &map), 0);
	test->va = args.gpu_va;
	for (unsigned int round = 0; round < 3; round++) {
		change_memory(test);
		/* Later rounds also drop the pages, and both GPUs must find the new ones. */
		if (round) {
			t_assert(
				!madvise(test->memory, 2 * NUM_RANGES * test->page, MADV_DONTNEED));
			change_memory(test);
		}
		for (unsigned int i = 0; i < NUM_DEVICES; i++)
			expect_reads(test, &test->devices[i]);
	}
	t_equal(amdgpu_userptr_unmap(map), 0);
}

static void expect_bytes(const struct test *test, const uint64_t *bytes)
{
	for (unsigned int i = 0; i < NUM_DEVICES; i++)
		t_equal(bo_bytes(test->devices[i].kfd.drm_fd), bytes[i]);
}

/*
 * Repeat map() and let its first, second, n-th ioctl fail, until map() succeeds. After each failure
 * no device may have more BOs than before.
 */
static void map_fails_at_each_step(struct test *test, int error)
{
	unsigned int failed[NUM_DEVICES] = { 0 };
	uint64_t before[NUM_DEVICES];
	int ret = -1;

	for (unsigned int i = 0; i < NUM_DEVICES; i++)
		before[i] = bo_bytes(test->devices[i].kfd.drm_fd);
	for (unsigned int nth = 1; ret; nth++) {
		struct amdgpu_userptr_map_args args;
		struct amdgpu_userptr_mapping *map;

		set_inject(test, nth, error);
		ret = map_on(test, 0, &args, &map);
		set_inject(test, 0, 0);
		if (!ret) {
			t_equal(amdgpu_userptr_unmap(map), 0);
			continue;
		}
		t_equal(ret, -error);
		t_equal(args.failed_reachable, 0);
		t_assert(args.failed_device < NUM_DEVICES);
		failed[args.failed_device]++;
		expect_bytes(test, before);
	}
	expect_bytes(test, before);
	/*
	 * On each device map() has three steps at least: it makes a BO, maps it, and waits for the
	 * page tables.
	 */
	for (unsigned int i = 0; i < NUM_DEVICES; i++)
		t_assert(failed[i] >= 3);
}

/*
 * While the second device cannot attach to a mapping, because an ioctl fails, the first one must go
 * on reading the mapping.
 */
static void attach_fails_at_each_step(struct test *test)
{
	struct amdgpu_userptr_attach_args attach = { .size = sizeof(attach), .device = 1 };
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;
	uint64_t before[NUM_DEVICES];
	unsigned int failed = 0;
	int ret;

	t_equal(map_on(test, 1, &args, &map), 0);
	for (unsigned int i = 0; i < NUM_DEVICES; i++)
		before[i] = bo_bytes(test->devices[i].kfd.drm_fd);
	for (;;) {
		set_inject(test, failed + 1, ENOMEM);
		ret = amdgpu_userptr_attach(map, &attach);
		set_inject(test, 0, 0);
		if (!ret)
			break;
		t_equal(ret, -ENOMEM);
		failed++;
		expect_bytes(test, before);
		change_memory(test);
		expect_reads(test, &test->devices[0]);
	}
	t_assert(failed >= 3);
	change_memory(test);
	expect_reads(test, &test->devices[0]);
	expect_reads(test, &test->devices[1]);
	t_equal(amdgpu_userptr_detach(map, 0), 0);
	change_memory(test);
	expect_reads(test, &test->devices[1]);
	t_equal(amdgpu_userptr_unmap(map), 0);
}

/*
 * On the second device, the GPU address of the third range belongs to a userptr of KFD, so the
 * kernel itself refuses the map there. The library must undo the map on the first device.
 */
static void address_in_use_on_second(struct test *test)
{
	struct device *second = &test->devices[1];
	struct amdgpu_userptr_map_args args;
	struct amdgpu_userptr_mapping *map;
	uint64_t before[NUM_DEVICES];
	struct amd_kfd_mem mem;
	char *memory =
		mmap(NULL, test->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t_assert(memory != MAP_FAILED);
	t_equal(__amd_kfd_register(&second->kfd, memory, test->page, test->va + 2 * test->page,
				   &mem),
		0);
	for (unsigned int i = 0; i < NUM_DEVICES; i++)
		before[i] = bo_bytes(test->devices[i].kfd.drm_fd);
	t_equal(map_on(test, 0, &args, &map), -EINVAL);
	t_equal(args.failed_device, 1);
	t_equal(args.failed_stage, AMDGPU_USERPTR_STAGE_VA_MAP);
	t_equal(args.failed_reachable, 0);
	expect_bytes(test, before);
	t_equal(__amd_kfd_free(&second->kfd, &mem), 0);
	munmap(memory, test->page);
	both_read(test);
}

/* Open the first two GPUs that KFD has. Returns how many it has found, at most two. */
static unsigned int open_devices(struct test *test)
{
	unsigned int count = 0;

	for (int minor = FIRST_MINOR; minor < FIRST_MINOR + NUM_MINORS; minor++) {
		char path[32];

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", minor);
		if (!__amd_kfd_open_render_novm(&test->devices[count].kfd, path) &&
		    ++count == NUM_DEVICES)
			break;
	}
	return count;
}

static void begin(struct test *test, uint32_t backend)
{
	const int fds[NUM_DEVICES] = {
		test->devices[0].kfd.drm_fd,
		test->devices[1].kfd.drm_fd,
	};
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = fds,
		.num_devices = NUM_DEVICES,
		.backend = backend,
	};

	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		struct device *device = &test->devices[i];

		t_equal(__amd_kfd_acquire_vm(&device->kfd), 0);
		t_equal(__amd_kfd_queue_create(&device->kfd, AMD_KFD_QUEUE_PM4, &device->queue), 0);
		t_equal(__amd_kfd_alloc_gtt(&device->kfd, ranges_bytes(test), &device->result), 0);
	}
	t_equal(amdgpu_userptr_ctx_create(&args, &test->ctx), 0);
	test->memory = mmap(NULL, 2 * NUM_RANGES * test->page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_assert(test->memory != MAP_FAILED);
	/*
	 * The ranges are no neighbours, so the library cannot merge them. Their addresses descend,
	 * so that the test sees if the library sorts them.
	 */
	for (unsigned int i = 0; i < NUM_RANGES; i++)
		test->ranges[i] = (struct amdgpu_userptr_range){
			.cpu_addr = (uintptr_t)test->memory + 2 * (NUM_RANGES - 1 - i) * test->page,
			.size = test->page,
		};
}

static void end(struct test *test)
{
	t_equal(amdgpu_userptr_ctx_destroy(test->ctx), 0);
	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		struct device *device = &test->devices[i];

		t_equal(__amd_kfd_queue_destroy(&device->queue), 0);
		t_equal(__amd_kfd_free(&device->kfd, &device->result), 0);
		amd_kfd_close(&device->kfd);
		close(device->kfd.drm_fd);
	}
	munmap(test->memory, 2 * NUM_RANGES * test->page);
}

int main(int argc, char **argv)
{
	struct test test = { .page = sysconf(_SC_PAGESIZE) };
	uint32_t backend = AMDGPU_USERPTR_BACKEND_RANGES;

	t_equal(argc, 2);
	if (!strcmp(argv[1], "scatter"))
		backend = AMDGPU_USERPTR_BACKEND_SCATTER;
	else
		t_assert(!strcmp(argv[1], "ranges"));
	if (open_devices(&test) < NUM_DEVICES) {
		fprintf(stderr, "the machine has not two GPUs with KFD\n");
		return EXIT_SKIP;
	}
	for (unsigned int i = 0; i < NUM_DEVICES; i++) {
		char reason[AMD_KFD_REASON];

		if (!amd_kfd_has_packets(&test.devices[i].kfd, AMD_KFD_QUEUE_PM4, reason,
					 sizeof(reason))) {
			fprintf(stderr, "%s\n", reason);
			return EXIT_SKIP;
		}
	}
	begin(&test, backend);
	both_read(&test);
	map_fails_at_each_step(&test, ENOMEM);
	map_fails_at_each_step(&test, EBUSY);
	attach_fails_at_each_step(&test);
	address_in_use_on_second(&test);
	end(&test);
	return 0;
}
