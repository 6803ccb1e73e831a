// SPDX-License-Identifier: MIT
/*
 * Makes, fills and compares areas. An area is memory of one kind (backing): see amd_userptr_area.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_undo.h"

/*
 * Each half has a pattern of its own, so that a comparison sees when the GPU confuses the halves.
 */
#define HALF_SEED(seed, half) ((seed) + (half))

/*
 * Huge pages of hugetlbfs that one subtest may need: one for the area, one for its replacement, one
 * on each NUMA node to migrate to, and two of an earlier file, which the kernel may free late.
 */
enum { NUM_HUGE_PAGES = 6 };

/* Do not use /proc/sys/vm/nr_hugepages, because it may count pages of another size. */
#define NR_HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

static int open_memfd(size_t size)
{
	int fd = memfd_create("amd_userptr", MFD_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

static int open_hugetlb(size_t size)
{
	int fd = memfd_create("amd_userptr", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);

	return fd >= 0 ? fd : -errno;
}

/* Open a file in /var/tmp, which is on a disk if the machine has one; /tmp is often in memory. */
static int open_file(size_t size)
{
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : -errno;
}

/* The id gives a row both its name and its place, so a row cannot be at a wrong place. */
#define BACKING(id, ...) [AMD_USERPTR_BACKING_##id] = { .name = #id, __VA_ARGS__ }
const struct amd_userptr_backing amd_userptr_backings[AMD_USERPTR_NUM_BACKINGS] = {
	BACKING(anon, .what = "Private anonymous pages", .map_flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.advice = MADV_NOHUGEPAGE),
	BACKING(thp, .what = "Transparent huge pages", .map_flags = MAP_PRIVATE | MAP_ANONYMOUS,
		.advice = MADV_HUGEPAGE, .huge = true),
	BACKING(shm, .what = "Shared anonymous pages", .map_flags = MAP_SHARED | MAP_ANONYMOUS,
		.advice = MADV_NOHUGEPAGE),
	BACKING(memfd, .what = "Pages of a memfd", .map_flags = MAP_SHARED,
		.advice = MADV_NOHUGEPAGE, .open = open_memfd),
	BACKING(hugetlb, .what = "Pages of hugetlbfs", .map_flags = MAP_SHARED, .advice = -1,
		.open = open_hugetlb, .huge = true),
	BACKING(private, .what = "Written pages of a private file mapping",
		.map_flags = MAP_PRIVATE, .advice = MADV_NOHUGEPAGE, .open = open_file),
	BACKING(file, .what = "Pages of a shared file mapping", .map_flags = MAP_SHARED,
		.advice = MADV_NOHUGEPAGE, .open = open_file),
	BACKING(readonly, .what = "File pages that the GPU may only read", .map_flags = MAP_PRIVATE,
		.advice = MADV_NOHUGEPAGE, .open = open_file, .readonly = true),
};

const struct amd_userptr_backing *amd_userptr_backing(const char *name)
{
	for (unsigned int i = 0; i < AMD_USERPTR_NUM_BACKINGS; i++) {
		if (!strcmp(amd_userptr_backings[i].name, name))
			return &amd_userptr_backings[i];
	}
	igt_assert_f(false, "no backing %s\n", name);
	return NULL;
}

static bool is_private_file(const struct amd_userptr_backing *backing)
{
	return backing->open && (backing->map_flags & MAP_PRIVATE);
}

/*
 * Raise the number of huge pages to NUM_HUGE_PAGES until the program ends, because later the kernel
 * may find no huge page any more. Returns a reason to skip, or NULL.
 */
static const char *reserve_huge_pages(void)
{
	char enough[16];

	if (access(NR_HUGE_PAGES, W_OK))
		return "no hugetlbfs with pages of 2 MiB in this kernel, or not root";
	snprintf(enough, sizeof(enough), "%d", NUM_HUGE_PAGES);
	if (igt_procfs_number(NR_HUGE_PAGES, "") < NUM_HUGE_PAGES)
		igt_undo_set_for_program(NR_HUGE_PAGES, enough);
	return igt_procfs_number(NR_HUGE_PAGES, "") < NUM_HUGE_PAGES ? "not enough huge pages"
								     : NULL;
}

/*
 * Make a file of the area's size.  For private mappings it contains the pattern of
 * AMD_USERPTR_SEED_FILE.
 */
static int new_file(struct amd_userptr_area *area)
{
	const size_t size = amd_userptr_half();
	int fd = area->backing->open(area->size);
	uint32_t bytes[AMD_USERPTR_HALF_MOST / sizeof(uint32_t)];

	if (fd < 0)
		return fd;
	if (ftruncate(fd, area->size))
		goto error;
	for (unsigned int half = 0; half < 2 && is_private_file(area->backing); half++) {
		amd_pattern_fill(bytes, size, HALF_SEED(AMD_USERPTR_SEED_FILE, half));
		if (pwrite(fd, bytes, size, amd_userptr_area_offset(area, half)) != (ssize_t)size)
			goto error;
	}
	return fd;

error:
	close(fd);
	return -EIO;
}

/*
 * Map new memory of the area's backing at the area's address, and close the file of the old memory.
 */
static int map_area(struct amd_userptr_area *area)
{
	const struct amd_userptr_backing *backing = area->backing;
	int fd = -1;
	void *cpu;

	if (backing->open) {
		fd = new_file(area);
		if (fd < 0)
			return fd;
	}
	cpu = mmap(area->cpu, area->size, PROT_READ | PROT_WRITE, backing->map_flags | MAP_FIXED,
		   fd, 0);
	amd_userptr_area_fini(area);
	area->fd = fd;
	if (cpu == MAP_FAILED)
		return -errno;
	if (backing->advice >= 0 && madvise(area->cpu, area->size, backing->advice))
		return -errno;
	return 0;
}

/* Reserve addresses for the area and for area->elsewhere, each aligned to a huge page. */
static void reserve(struct amd_userptr_area *area)
{
	const size_t huge = AMD_USERPTR_AREA_HUGE;
	uintptr_t start;

	area->reserved_size = 3 * huge;
	area->reserved = mmap(NULL, area->reserved_size, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	amd_userptr_adopt(area->up, area->reserved, area->reserved_size);
	start = ((uintptr_t)area->reserved + huge - 1) & ~(huge - 1);
	area->cpu = (char *)start;
	area->elsewhere = (char *)start + huge;
}

const char *amd_userptr_area_init(struct amd_userptr_area *area, struct amd_userptr *up,
				  const struct amd_userptr_backing *backing, bool huge)
{
	const char *reason = backing->open == open_hugetlb ? reserve_huge_pages() : NULL;
	int ret;

	memset(area, 0, sizeof(*area));
	area->up = up;
	area->backing = backing;
	area->fd = -1;
	area->size = huge || backing->huge ? AMD_USERPTR_AREA_HUGE : AMD_USERPTR_AREA_SMALL;
	if (reason)
		return reason;
	reserve(area);
	/*
	 * A failure is a reason to skip, because it does not come from the GPU's driver: the
	 * machine lacks something.
	 */
	ret = map_area(area);
	if (ret == -EOPNOTSUPP || ret == -EISDIR)
		return "the directory of the file has no O_TMPFILE";
	if (ret)
		return "the machine has no such memory, or no space for the file";
	if (!backing->readonly)
		amd_userptr_area_fill(area, AMD_USERPTR_SEED);
	/*
	 * __igt_mm_collapse() fails if the kernel collapses only into pages larger than 2 MiB. Even
	 * so the kernel may have used a page of 2 MiB when the test filled the area, so look
	 * whether the pages are neighbours.
	 */
	if (backing->advice == MADV_HUGEPAGE && __igt_mm_collapse(area->cpu, area->size) &&
	    !amd_userptr_area_is_contiguous(area))
		return "the kernel has no transparent huge page of 2 MiB";
	return NULL;
}

void amd_userptr_area_fini(struct amd_userptr_area *area)
{
	if (area->fd >= 0)
		close(area->fd);
	area->fd = -1;
}

int __amd_userptr_area_replace(struct amd_userptr_area *area)
{
	int ret = map_area(area);

	if (!ret)
		amd_userptr_area_fill(area, AMD_USERPTR_SEED_OTHER);
	return ret;
}

uint32_t amd_userptr_area_flags(const struct amd_userptr_area *area)
{
	return AMD_USERPTR_TRACKED | (area->backing->readonly ? AMDGPU_GEM_USERPTR_READONLY : 0);
}

uint32_t amd_userptr_area_seed(const struct amd_userptr_area *area)
{
	return area->backing->readonly ? AMD_USERPTR_SEED_FILE : AMD_USERPTR_SEED;
}

size_t amd_userptr_area_offset(const struct amd_userptr_area *area, unsigned int half)
{
	return half ? area->size - amd_userptr_half() : 0;
}

bool amd_userptr_area_is_contiguous(const struct amd_userptr_area *area)
{
	const uint64_t pages = area->size / getpagesize(), first = igt_procfs_pfn(area->cpu);

	return first && first % pages == 0 &&
	       igt_procfs_pfn(area->cpu + area->size - getpagesize()) == first + pages - 1;
}

char *amd_userptr_area_page(const struct amd_userptr_area *area, unsigned int index)
{
	const unsigned int per_half = amd_userptr_half() / getpagesize();

	if (index >= 2 * per_half || index >= AMD_USERPTR_MAX_OBSERVED)
		return NULL;
	return area->cpu + amd_userptr_area_offset(area, index / per_half) +
	       index % per_half * getpagesize();
}

void amd_userptr_area_fill(struct amd_userptr_area *area, uint32_t seed)
{
	for (unsigned int half = 0; half < 2; half++)
		amd_pattern_fill(area->cpu + amd_userptr_area_offset(area, half),
				 amd_userptr_half(), HALF_SEED(seed, half));
}

static uint32_t seed_after(const struct amd_userptr_area *area, enum amd_userptr_effect effect)
{
	switch (effect) {
	case AMD_USERPTR_FILE:
		return AMD_USERPTR_SEED_FILE;
	case AMD_USERPTR_OTHER:
		return AMD_USERPTR_SEED_OTHER;
	default:
		return amd_userptr_area_seed(area);
	}
}

void amd_userptr_area_check_half(const struct amd_userptr_area *area, unsigned int half,
				 enum amd_userptr_effect effect, const void *bytes)
{
	igt_assert(effect != AMD_USERPTR_HOLE);
	if (effect == AMD_USERPTR_ZEROED)
		amd_pattern_check_zero(bytes, amd_userptr_half(), "after the event");
	else
		amd_pattern_check(bytes, amd_userptr_half(),
				  HALF_SEED(seed_after(area, effect), half), "after the event");
}

/* Copy both halves by one submission, to the BO from up->in, or from the BO to up->out. */
static void gpu_copy(struct amd_userptr_area *area, struct amd_userptr_bo *bo, bool to_bo)
{
	struct amd_userptr *up = area->up;

	for (unsigned int half = 0; half < 2; half++) {
		const uint64_t va = bo->va + amd_userptr_area_offset(area, half);
		const size_t at = half * amd_userptr_half();

		if (to_bo)
			amd_kfd_queue_copy(up->queue, va, up->in.va + at, amd_userptr_half());
		else
			amd_kfd_queue_copy(up->queue, up->out.va + at, va, amd_userptr_half());
	}
	amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
}

/* Returns the bytes of one half that the last gpu_copy() has read. */
static const char *gpu_half(struct amd_userptr_area *area, unsigned int half)
{
	return (char *)area->up->out.cpu + half * amd_userptr_half();
}

void amd_userptr_area_check(struct amd_userptr_area *area, struct amd_userptr_bo *bo,
			    enum amd_userptr_effect effect)
{
	if (bo) {
		/*
		 * No pattern and no new page consists of bytes 0xff. So the comparison fails if the
		 * GPU copies nothing.
		 */
		memset(area->up->out.cpu, 0xff, 2 * amd_userptr_half());
		gpu_copy(area, bo, false);
	}
	for (unsigned int half = 0; half < 2; half++) {
		if (bo)
			amd_userptr_area_check_half(area, half, effect, gpu_half(area, half));
		amd_userptr_area_check_half(area, half, effect,
					    area->cpu + amd_userptr_area_offset(area, half));
	}
}

void amd_userptr_area_roundtrip(struct amd_userptr_area *area, struct amd_userptr_bo *bo)
{
	const uint32_t gpu_seed = AMD_USERPTR_SEED_LATER, cpu_seed = AMD_USERPTR_SEED_LATER + 2;
	char *staged = area->up->in.cpu;

	if (!area->backing->readonly) {
		for (unsigned int half = 0; half < 2; half++)
			amd_pattern_fill(staged + half * amd_userptr_half(), amd_userptr_half(),
					 HALF_SEED(gpu_seed, half));
		gpu_copy(area, bo, true);
		for (unsigned int half = 0; half < 2; half++)
			amd_pattern_check(area->cpu + amd_userptr_area_offset(area, half),
					  amd_userptr_half(), HALF_SEED(gpu_seed, half),
					  "written by the GPU");
	}
	amd_userptr_area_fill(area, cpu_seed);
	gpu_copy(area, bo, false);
	for (unsigned int half = 0; half < 2; half++)
		amd_pattern_check(gpu_half(area, half), amd_userptr_half(),
				  HALF_SEED(cpu_seed, half), "read by the GPU");
}
