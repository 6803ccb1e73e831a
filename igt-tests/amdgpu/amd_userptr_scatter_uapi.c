// SPDX-License-Identifier: MIT
/*
 * The ioctl takes good arguments and memory with AMDGPU_GEM_USERPTR_SCATTER, and refuses all
 * others.  A refusal must leave nothing behind.
 */
#include <errno.h>
#include <unistd.h>
#include <sys/mman.h>

#include "igt.h"

#include "amd_userptr_scatter.h"

/*
 * The size of a BO, so large that KFD's memory counter, which counts MiB, shows it if the driver
 * refuses the BO but keeps its share.
 */
#define SEEN_SIZE ((uint64_t)64 << 20)

static int create(struct amd_userptr *up, struct amd_userptr_args args)
{
	int ret = __amd_userptr_ioctl(up->fd, &args);

	if (!ret)
		igt_assert_eq(__amd_userptr_close_handle(up->fd, args.handle), 0);
	return ret;
}

static void version(struct amd_userptr *up)
{
	drmVersionPtr drm = drmGetVersion(up->fd);
	int minor = drm ? drm->version_minor : -1;

	drmFreeVersion(drm);
	igt_assert_lte(AMD_USERPTR_SCATTER_MINOR, minor);
}

/*
 * Change one field of good arguments at a time; each line has the field, its value and the error.
 */
static void bad_args(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	struct amd_userptr_args good, args;

	amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);
	good = amd_userptr_scatter_args(&scatter, 0);
	igt_assert_eq(create(up, good), 0);
#define REFUSED(field, value, error) \
	do { \
		args = good; \
		args.field = (value); \
		igt_assert_f(create(up, args) == -(error), #field " = " #value "\n"); \
	} while (0)
	REFUSED(flags, good.flags & ~AMDGPU_GEM_USERPTR_HSA, EINVAL);
	REFUSED(flags, good.flags & ~AMDGPU_GEM_USERPTR_REGISTER, EINVAL);
	REFUSED(addr, scatter.ranges[0].addr, EINVAL);
	REFUSED(num_ranges, 0, EINVAL);
	REFUSED(num_ranges, good.num_ranges - 1, EINVAL);
	REFUSED(num_ranges, AMD_USERPTR_SCATTER_MAX + 1, E2BIG);
	REFUSED(num_ranges, UINT32_MAX, E2BIG);
	REFUSED(range_stride, 0, EINVAL);
	REFUSED(range_stride, sizeof(struct amd_userptr_range) - 1, EINVAL);
	REFUSED(range_stride, page() + sizeof(uint64_t), EINVAL);
	REFUSED(ranges, 0, EFAULT);
	REFUSED(ranges, 1ull << 63, EFAULT);
	REFUSED(size, good.size - page(), EINVAL);
	REFUSED(size, good.size + page(), EINVAL);
	REFUSED(size, good.size + 1, EINVAL);
	REFUSED(size, 0, EINVAL);
#undef REFUSED
	igt_assert_eq(create(up, good), 0);
}

static void bad_ranges(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	struct amd_userptr_range *range, good;
	struct amd_userptr_args args;

	amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);
	args = amd_userptr_scatter_args(&scatter, 0);
	range = &scatter.ranges[FEW_RANGES - 1];
	good = *range;
#define REFUSED(field, value, error) \
	do { \
		range->field = (value); \
		igt_assert_f(create(up, args) == -(error), #field " = " #value "\n"); \
		*range = good; \
	} while (0)
	for (int bit = 1; bit < 32; bit++)
		REFUSED(flags, 1u << bit, EINVAL);
	REFUSED(pad, 1, EINVAL);
	REFUSED(addr, good.addr + 1, EINVAL);
	REFUSED(addr, 0, EINVAL);
	/* arm64 ignores the bits above 55, and takes bit 55 for an address of the kernel. */
	REFUSED(addr, 1ull << 55, EFAULT);
	REFUSED(size, good.size + 1, EINVAL);
	REFUSED(size, 0, EINVAL);
	REFUSED(size, 1ull << 63, EFAULT);
#undef REFUSED
	igt_assert_eq(create(up, args), 0);
}

/*
 * The sizes of 2^18 ranges of 2^46 bytes add up to 2^64, which overflows to 0, so that with one
 * more page the sum equals the BO's size.
 */
static void sum_overflow(struct amd_userptr *up)
{
	const uint64_t half = 1ull << 46;
	const unsigned int count = (1u << 18) + 1;
	struct amd_userptr_scatter scatter;
	struct amd_userptr_args args;

	amd_userptr_scatter_init(&scatter, up, count);
	for (unsigned int i = 0; i < count - 1; i++)
		amd_userptr_scatter_add(&scatter, (void *)page(), half, 0);
	amd_userptr_scatter_add(&scatter, amd_userptr_mmap(up, page(), 1), page(), 0);
	args = amd_userptr_scatter_args(&scatter, 0);
	igt_assert_eq_u64(args.size, page());
	igt_assert_eq(create(up, args), -EINVAL);
}

/*
 * A newer program has larger elements.  The kernel accepts them if the bytes that it does not know
 * are zero.
 */
static void stride(struct amd_userptr *up)
{
	struct {
		struct amd_userptr_range range;
		uint64_t later;
	} *ranges =
		mmap(NULL, 2 * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct amd_userptr_scatter scatter;
	struct amd_userptr_args args;

	amd_userptr_adopt(up, ranges, 2 * page());
	amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);
	for (unsigned int i = 0; i < FEW_RANGES; i++)
		ranges[i].range = scatter.ranges[i];
	args = amd_userptr_scatter_args(&scatter, 0);
	args.ranges = (uintptr_t)ranges;
	args.range_stride = sizeof(*ranges);
	igt_assert_eq(__amd_userptr_ioctl(up->fd, &args), 0);
	scatter.bo = amd_userptr_adopt_bo(up, args.handle, NULL, args.size);
	amd_userptr_map(up, scatter.bo);
	scatter.va = scatter.bo->va;
	amd_userptr_scatter_roundtrip(&scatter, 1);

	ranges[FEW_RANGES - 1].later = 1;
	igt_assert_eq(create(up, args), -EINVAL);
	/*
	 * Put the array across a page boundary: the kernel takes it while both pages can be read,
	 * and returns EFAULT when the second one cannot.
	 */
	args = amd_userptr_scatter_args(&scatter, 0);
	memcpy((char *)ranges + page() - 2 * sizeof(struct amd_userptr_range), scatter.ranges,
	       FEW_RANGES * sizeof(struct amd_userptr_range));
	args.ranges = (uintptr_t)ranges + page() - 2 * sizeof(struct amd_userptr_range);
	igt_assert_eq(create(up, args), 0);
	igt_assert_eq(mprotect((char *)ranges + page(), page(), PROT_NONE), 0);
	igt_assert_eq(create(up, args), -EFAULT);
}

/*
 * The sum of the ranges' sizes is above KFD's memory limit.  There is no memory at their address,
 * so only a driver that checks the limit first returns EDQUOT.
 */
static void too_large(struct amd_userptr *up)
{
	const unsigned int count = 1u << 13;
	const uint64_t size = amd_userptr_size_above_limit() / count;
	struct amd_userptr_scatter scatter;
	struct amd_kfd_mem_mark mark;

	amd_kfd_mem_mark(&mark);
	amd_userptr_scatter_init(&scatter, up, count);
	for (unsigned int i = 0; i < count; i++)
		amd_userptr_scatter_add(&scatter, (void *)page(), size, 0);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, 0)), -EDQUOT);
	amd_kfd_mem_expect_same(&mark);
}

/*
 * Programs that were built before the flag existed: their arguments are shorter, or have zeros in
 * the new fields.
 */
static void old_programs(struct amd_userptr *up)
{
	struct old_args {
		uint64_t addr, size;
		uint32_t flags, handle;
	} old;
	const uint32_t flags[] = { AMDGPU_GEM_USERPTR_REGISTER, AMD_USERPTR_TRACKED };
	void *cpu = amd_userptr_mmap(up, page(), 1);
	const unsigned long request =
		DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDGPU_GEM_USERPTR, struct old_args);

	for (unsigned int i = 0; i < ARRAY_LENGTH(flags); i++) {
		struct amd_userptr_args args = {
			.addr = (uintptr_t)cpu, .size = page(), .flags = flags[i],
		}, more;

		memset(&old, 0, sizeof(old));
		old.addr = args.addr;
		old.size = args.size;
		old.flags = args.flags;
		igt_assert_eq(drmIoctl(up->fd, request, &old), 0);
		igt_assert_eq(__amd_userptr_close_handle(up->fd, old.handle), 0);
		old.flags |= AMDGPU_GEM_USERPTR_SCATTER;
		igt_assert_neq(drmIoctl(up->fd, request, &old), 0);
		igt_assert_eq(errno, EINVAL);

		igt_assert_eq(create(up, args), 0);
		more = args;
		more.ranges = (uintptr_t)cpu;
		igt_assert_eq(create(up, more), -EINVAL);
		more = args;
		more.num_ranges = 1;
		igt_assert_eq(create(up, more), -EINVAL);
		more = args;
		more.range_stride = sizeof(struct amd_userptr_range);
		igt_assert_eq(create(up, more), -EINVAL);
	}
}

static void anononly(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	void *file = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, file, page());
	amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, AMDGPU_GEM_USERPTR_ANONONLY)),
		      0);
	scatter.ranges[FEW_RANGES / 2].addr = (uintptr_t)file;
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, AMDGPU_GEM_USERPTR_ANONONLY)),
		      -EPERM);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, 0)), 0);
}

/* Map two neighbouring pages of anonymous memory, each in a VMA of its own. */
static char *two_vmas(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, 2 * page(), 1);

	igt_assert_eq(madvise(cpu + page(), page(), MADV_DONTFORK), 0);
	return cpu;
}

/* With ANONONLY the memory must be anonymous, but it may consist of several VMAs. */
static void anononly_vmas(struct amd_userptr *up)
{
	const uint32_t flags = AMDGPU_GEM_USERPTR_ANONONLY;
	struct amd_userptr_scatter scatter;
	char *cpu = two_vmas(up);

	amd_userptr_scatter_init(&scatter, up, 2);
	amd_userptr_scatter_add(&scatter, cpu, page(), 0);
	amd_userptr_scatter_add(&scatter, cpu + page(), page(), 0);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, flags)), 0);
	amd_userptr_scatter_reverse(&scatter);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, flags)), 0);
	scatter.count = 1;
	scatter.ranges[0] =
		(struct amd_userptr_range){ .addr = (uintptr_t)cpu, .size = 2 * page() };
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, flags)), 0);

	/*
	 * The driver must refuse a range whose second half is file pages, and then one whose second
	 * half has no memory.
	 */
	igt_assert(mmap(cpu + page(), page(), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == cpu + page());
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, flags)), -EPERM);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, 0)), 0);
	igt_assert_eq(munmap(cpu + page(), page()), 0);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, flags)), -EFAULT);
}

/*
 * After the creation madvise() splits the VMA of the range.  The range must not become a hole at
 * the next restore.
 */
static void anononly_split(struct amd_userptr *up)
{
	const size_t size = 4 * page();
	struct amd_userptr_bo *bo;
	char *cpu = (char *)amd_userptr_mmap(up, size, 1);

	bo = amd_userptr_create(up, cpu, size, AMD_USERPTR_TRACKED | AMDGPU_GEM_USERPTR_ANONONLY);
	amd_userptr_map(up, bo);
	igt_assert_eq(madvise(cpu + page(), page(), MADV_DONTFORK), 0);
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu, size, MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check_zero(up, bo->va, size);
	amd_userptr_roundtrip(up, bo, 2);
}

static int create_overlapping(struct amd_userptr *up, unsigned int count, size_t size, size_t step)
{
	struct amd_userptr_scatter scatter;
	char *cpu = (char *)amd_userptr_mmap(up, count * step + size, 1);
	int ret;

	amd_userptr_scatter_init(&scatter, up, count);
	for (unsigned int i = 0; i < count; i++)
		amd_userptr_scatter_add(&scatter, cpu + i * step, size, 0);
	amd_userptr_scatter_shuffle(&scatter, count);
	ret = create(up, amd_userptr_scatter_args(&scatter, 0));
	amd_userptr_munmap(up, scatter.ranges, count * sizeof(scatter.ranges[0]));
	amd_userptr_munmap(up, cpu, count * step + size);
	return ret;
}

/*
 * The driver limits the number of ranges that share a page, because an MMU notifier has to
 * invalidate each of them when the page changes.
 */
static void overlap(struct amd_userptr *up)
{
	const unsigned int most = AMD_USERPTR_SCATTER_MAX_OVERLAP;
	struct amd_kfd_mem_mark mark;

	amd_kfd_mem_mark(&mark);
	igt_assert_eq(create_overlapping(up, most, page(), 0), 0);
	igt_assert_eq(create_overlapping(up, most + 1, page(), 0), -E2BIG);
	igt_assert_eq(create_overlapping(up, MANY_RANGES, page(), 0), -E2BIG);
	/*
	 * Now the ranges are longer and overlap: in the first BO up to @most of them contain the
	 * same page, in the second BO one more.
	 */
	igt_assert_eq(create_overlapping(up, 2 * most, most * page(), page()), 0);
	igt_assert_eq(create_overlapping(up, 2 * most, (most + 1) * page(), page()), -E2BIG);
	amd_kfd_mem_expect_same(&mark);
}

/* Assert that the driver does not track the memory: changing all of it evicts no queue. */
static void expect_unfollowed(struct amd_userptr *up, char *cpu, unsigned int pages)
{
	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 0; i < pages; i++)
		igt_assert_eq(munmap(cpu + 2 * i * page(), page()), 0);
	amd_userptr_queue_alive(up);
	amd_userptr_expect_no_eviction(up);
}

static void refuse_memory(struct amd_userptr *up, unsigned int bad)
{
	struct amd_userptr_scatter scatter;
	char *cpu = amd_userptr_scatter_pages(&scatter, up, FEW_RANGES);
	void *lost = (void *)(uintptr_t)scatter.ranges[bad].addr;

	igt_assert_eq(mprotect(lost, page(), PROT_READ), 0);
	igt_assert_neq(create(up, amd_userptr_scatter_args(&scatter, 0)), 0);
	scatter.ranges[bad].flags = AMDGPU_GEM_USERPTR_RANGE_READONLY;
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, 0)), 0);
	igt_assert_eq(munmap(lost, page()), 0);
	igt_assert_eq(create(up, amd_userptr_scatter_args(&scatter, 0)), -EFAULT);
	expect_unfollowed(up, cpu, FEW_RANGES);
	amd_userptr_cleanup(up);
}

static void bad_memory(struct amd_userptr *up)
{
	for (unsigned int bad = 0; bad < FEW_RANGES; bad += 5)
		refuse_memory(up, bad);
}

/* Ask several times for a BO of SEEN_SIZE whose last range has no memory. */
static void no_leak(struct amd_userptr *up)
{
	const unsigned int rounds = 8;
	const size_t size = (size_t)1 << 20;
	void *cpu = amd_userptr_mmap(up, size, 1), *gone = amd_userptr_mmap(up, page(), 1);
	struct amd_userptr_scatter scatter;
	struct amd_kfd_mem_mark mark;
	struct amd_userptr_args args;

	amd_kfd_mem_mark(&mark);
	amd_userptr_scatter_init(&scatter, up, SEEN_SIZE / size + 1);
	for (unsigned int i = 0; i < SEEN_SIZE / size; i++)
		amd_userptr_scatter_add(&scatter, cpu, size, 0);
	amd_userptr_scatter_add(&scatter, gone, page(), 0);
	args = amd_userptr_scatter_args(&scatter, 0);
	igt_assert_eq(__amd_userptr_ioctl(up->fd, &args), 0);
	amd_kfd_mem_expect_more(&mark, SEEN_SIZE >> 20);
	igt_assert_eq(__amd_userptr_close_handle(up->fd, args.handle), 0);
	amd_userptr_munmap(up, gone, page());
	for (unsigned int i = 0; i < rounds; i++)
		igt_assert_eq(create(up, args), -EFAULT);
	amd_kfd_mem_expect_same(&mark);
}

const struct amd_userptr_subtest amd_userptr_scatter_uapi_subtests[] = {
	{ .name = "version",
	  .run = version,
	  .describe = "The driver's version announces the flag." },
	{ .name = "bad-args",
	  .run = bad_args,
	  .describe = "Arguments that do not fit each other or the ranges are refused." },
	{ .name = "bad-ranges",
	  .run = bad_ranges,
	  .describe = "One bad range is enough to refuse the BO." },
	{ .name = "sum-overflow",
	  .run = sum_overflow,
	  .describe = "Sizes whose sum does not fit in 64 bits are refused." },
	{ .name = "too-large",
	  .run = too_large,
	  .describe =
		  "The driver checks KFD's limit before it allocates, and a refusal uses none of it." },
	{ .name = "stride",
	  .run = stride,
	  .describe =
		  "The driver takes larger elements when the bytes it does not know are zero." },
	{ .name = "old-programs",
	  .run = old_programs,
	  .describe =
		  "The driver takes shorter arguments, and uses the new fields only with the flag." },
	{ .name = "anononly",
	  .run = anononly,
	  .describe = "ANONONLY refuses a range of file pages." },
	{ .name = "anononly-vmas",
	  .run = anononly_vmas,
	  .describe =
		  "ANONONLY takes ranges of several VMAs, also when the driver has merged them." },
	{ .name = "anononly-split",
	  .run = anononly_split,
	  .describe = "A range whose VMA is split after the creation is no hole." },
	{ .name = "overlap",
	  .run = overlap,
	  .describe = "The driver refuses more ranges of one page than the limit." },
	{ .name = "bad-memory",
	  .run = bad_memory,
	  .describe =
		  "The driver refuses a BO with missing memory in the middle, and does not track the rest." },
	{ .name = "no-leak",
	  .run = no_leak,
	  .describe = "A refused BO gives back its share of KFD's memory limit." },
};
const unsigned int amd_userptr_num_scatter_uapi_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_uapi_subtests);
