// SPDX-License-Identifier: MIT
/*
 * Calls the three ioctls that make, map and close a userptr with random arguments, and between the
 * calls maps and unmaps its memory.  The ioctls have to return 0 or a documented error, and at the
 * end KFD's memory counters must be as before.
 */
#include <errno.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/igt_time.h"

IGT_TEST_DESCRIPTION("Random arguments of GEM_USERPTR, GEM_VA and GEM_CLOSE.");

enum { CALLS = 1500, HANDLES = 24, PAGES = 64 };

/*
 * A size that is a random power of two is below 2^32.  For a larger size TTM asks for an array of
 * the pages (ttm_sg_tt_init()) that the kernel's allocator cannot allocate, so the allocator logs a
 * warning, with and without AMDGPU_GEM_USERPTR_HSA.
 */
enum { SIZE_BITS = 32 };

/* An argument is wrong on purpose in one or two of RARE calls on average. */
enum { RARE = 16 };

static struct amd_userptr up;

enum { USERPTR_HSA, USERPTR, VA, CLOSE, NUM_IOCTLS };

struct fuzz {
	uint64_t random;	   /* state of the random numbers */
	char *memory;		   /* PAGES pages, with holes now and then */
	uint64_t va;		   /* start of the reserved GPU addresses, for PAGES pages */
	uint32_t handles[HANDLES]; /* the BOs that are open; 0: none */
	/* How many calls of each ioctl returned 0, and how many an error. */
	unsigned int succeeded[NUM_IOCTLS], refused[NUM_IOCTLS];
	char call[128]; /* the arguments of the last call */
};

/*
 * The errors that each ioctl may return, read from the kernel's amdgpu_gem_userptr_ioctl(),
 * amdgpu_gem_va_ioctl() and drm_gem_handle_delete().
 */
static const struct {
	const char *name;
	int errors[8];
} ioctls[NUM_IOCTLS] = {
	/* EDQUOT: the size is beyond KFD's limit. */
	{ "GEM_USERPTR with the flag", { EINVAL, EFAULT, EPERM, EDQUOT, ENOMEM } },
	/* ENOSPC comes from TTM, for size 0 and for sizes above the address space. */
	{ "GEM_USERPTR without", { EINVAL, EFAULT, EPERM, ENOMEM, EACCES, ENOSPC } },
	{ "GEM_VA", { EINVAL, ENOENT, ENOMEM } },
	{ "GEM_CLOSE", { EINVAL } },
};

static unsigned int pick(struct fuzz *fuzz, unsigned int limit)
{
	return amd_stamp_pick(&fuzz->random, limit);
}

/* Assert that @ret is 0 or an error that ioctls[@which] lists. */
static void judge(struct fuzz *fuzz, unsigned int which, int ret)
{
	if (!ret) {
		fuzz->succeeded[which]++;
		return;
	}
	fuzz->refused[which]++;
	for (unsigned int i = 0; i < ARRAY_LENGTH(ioctls[which].errors); i++) {
		if (ioctls[which].errors[i] == -ret)
			return;
	}
	igt_assert_f(false, "%s(%s): undocumented error %d (%s)\n", ioctls[which].name, fuzz->call,
		     -ret, strerror(-ret));
}

/* Returns @value, or rarely a wrong one, for example a power of two below 2^@bits. */
static uint64_t bend(struct fuzz *fuzz, uint64_t value, unsigned int bits)
{
	switch (pick(fuzz, 2 * RARE)) {
	case 0:
		return value + 1 + pick(fuzz, getpagesize() - 1);
	case 1:
		return 0;
	case 2:
		return -value;
	case 3:
		return 1ull << pick(fuzz, bits);
	default:
		return value;
	}
}

static void fuzz_userptr(struct fuzz *fuzz)
{
	const unsigned int first = pick(fuzz, PAGES), count = 1 + pick(fuzz, PAGES - first);
	uint32_t *handle = &fuzz->handles[pick(fuzz, HANDLES)];
	uint32_t flags = AMD_USERPTR_TRACKED, made = 0;
	uint64_t addr, size;
	int ret;

	if (!pick(fuzz, 4))
		flags = pick(fuzz, 2 * AMDGPU_GEM_USERPTR_HSA);
	if (!pick(fuzz, RARE))
		flags |= 1u << pick(fuzz, 32);
	/* Do not overwrite a handle, so that a later call can close it. */
	if (*handle)
		return;
	addr = bend(fuzz, (uintptr_t)fuzz->memory + (uint64_t)first * getpagesize(), 64);
	size = bend(fuzz, (uint64_t)count * getpagesize(), SIZE_BITS);
	snprintf(fuzz->call, sizeof(fuzz->call), "addr %#llx, size %#llx, flags %#x",
		 (unsigned long long)addr, (unsigned long long)size, flags);
	ret = __amd_userptr_create(up.fd, (void *)(uintptr_t)addr, size, flags, &made);
	judge(fuzz, flags & AMDGPU_GEM_USERPTR_HSA ? USERPTR_HSA : USERPTR, ret);
	*handle = ret ? 0 : made;
}

/* Use only addresses of the test, because REPLACE and CLEAR would unmap the memory of queues. */
static void fuzz_va(struct fuzz *fuzz)
{
	const unsigned int first = pick(fuzz, PAGES), count = 1 + pick(fuzz, PAGES - first);
	const uint64_t page = getpagesize();
	struct drm_amdgpu_gem_va args = {
		.handle = pick(fuzz, RARE) ? fuzz->handles[pick(fuzz, HANDLES)]
					   : pick(fuzz, 1u << 20),
		.operation = 1 + pick(fuzz, AMDGPU_VA_OP_REPLACE + (pick(fuzz, RARE) ? 0 : 2)),
		.flags = pick(fuzz, RARE) ? AMD_USERPTR_RW : 1u << pick(fuzz, 32),
		.va_address = fuzz->va + first * page + (pick(fuzz, RARE) ? 0 : 1),
		.offset_in_bo = bend(fuzz, pick(fuzz, 4) * page, 64),
		.map_size = count * page + (pick(fuzz, RARE) ? 0 : 1),
	};

	snprintf(fuzz->call, sizeof(fuzz->call),
		 "handle %u, operation %u, flags %#x, va %#llx, offset %#llx, size %#llx",
		 args.handle, args.operation, args.flags, (unsigned long long)args.va_address,
		 (unsigned long long)args.offset_in_bo, (unsigned long long)args.map_size);
	judge(fuzz, VA, drmIoctl(up.fd, DRM_IOCTL_AMDGPU_GEM_VA, &args) ? -errno : 0);
}

static void fuzz_close(struct fuzz *fuzz)
{
	uint32_t *handle = &fuzz->handles[pick(fuzz, HANDLES)];
	const bool known = *handle;
	int ret;

	snprintf(fuzz->call, sizeof(fuzz->call), "handle %u", *handle);
	ret = __amd_userptr_close_handle(up.fd, *handle);
	judge(fuzz, CLOSE, ret);
	igt_assert_eq(!ret, known);
	*handle = 0;
}

static void change_memory(struct fuzz *fuzz)
{
	const unsigned int first = pick(fuzz, PAGES), count = 1 + pick(fuzz, PAGES - first);
	char *addr = fuzz->memory + (size_t)first * getpagesize();
	const size_t size = (size_t)count * getpagesize();
	const int map_flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	switch (pick(fuzz, 4)) {
	case 0:
		igt_assert_eq(munmap(addr, size), 0);
		break;
	case 1:
		igt_assert(mmap(addr, size, PROT_READ, map_flags, -1, 0) == addr);
		break;
	default:
		igt_assert(mmap(addr, size, PROT_READ | PROT_WRITE, map_flags, -1, 0) == addr);
	}
}

static void run(uint64_t seed)
{
	static struct fuzz fuzz;
	const size_t size = (size_t)PAGES * getpagesize();
	char before[256], after[256];

	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.random = seed;
	fuzz.memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	amd_userptr_adopt(&up, fuzz.memory, size);
	fuzz.va = amd_kfd_va_reserve(size, 0);
	igt_assert(fuzz.va);
	amd_kfd_read_mem_limit(before, sizeof(before));
	for (int i = 0; i < CALLS; i++) {
		static void (*const act[])(struct fuzz *fuzz) = {
			fuzz_userptr, fuzz_userptr, fuzz_va, fuzz_va, fuzz_close, change_memory,
		};

		act[pick(&fuzz, ARRAY_LENGTH(act))](&fuzz);
	}
	for (unsigned int i = 0; i < HANDLES; i++) {
		if (fuzz.handles[i])
			igt_assert_eq(__amd_userptr_close_handle(up.fd, fuzz.handles[i]), 0);
	}
	amd_kfd_va_release(fuzz.va, size);
	amd_kfd_read_mem_limit(after, sizeof(after));
	igt_assert_f(!strcmp(before, after), "memory was not given back:\n%s\n%s\n", before, after);
	for (unsigned int i = 0; i < ARRAY_LENGTH(ioctls); i++) {
		igt_info("%s: %u succeeded, %u refused\n", ioctls[i].name, fuzz.succeeded[i],
			 fuzz.refused[i]);
		/*
		 * If all calls succeeded, the arguments were not random enough to test anything; if
		 * all were refused, they were too random.
		 */
		igt_assert_lt(0, fuzz.succeeded[i]);
		igt_assert_lt(0, fuzz.refused[i]);
	}
	amd_userptr_queue_alive(&up);
	amd_userptr_roundtrip(&up, amd_userptr_tracked(&up, getpagesize(), 1), 2);
}

int igt_main()
{
	enum { SEEDS = 4 };

	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	for (int seed = 1; seed <= SEEDS; seed++) {
		igt_describe(
			"The ioctls return documented errors only, and all memory is given back.");
		igt_subtest_f("seed-%d", seed) {
			igt_set_timeout(igt_patience(50), "random ioctls");
			/*
			 * The driver logs this message when a mapping would overlap another one
			 * (amdgpu_vm_bo_map() in amdgpu_vm.c).
			 */
			igt_emit_ignore_dmesg_regex("amdgpu [0-9a-f:.]+: bo .* conflict with");
			run(seed);
			igt_reset_timeout();
		}
		igt_fixture()
			amd_userptr_cleanup(&up);
	}

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
