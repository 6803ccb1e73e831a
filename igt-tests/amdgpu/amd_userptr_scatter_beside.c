// SPDX-License-Identifier: MIT
/*
 * Memory between the ranges of a BO stays as it is.  The driver faults in pages of the ranges only,
 * and does not make a writable copy of pages that the GPU may only read.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "igt.h"

#include "lib/igt_gate.h"
#include "lib/igt_procfs.h"

#include "amd_userptr_scatter.h"

/*
 * Every other page, from the first on, is a range.  The pages between are in no BO, or in read-only
 * ranges (readonly_beside()).
 */
enum { BESIDE_PAGES = 2 * FEW_RANGES };

enum { SEED_FILE = 1, SEED_LATER, SEED_STORED };

static char *map_file(struct amd_userptr *up, int fd, int flags)
{
	const size_t size = BESIDE_PAGES * page();
	char *cpu = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	amd_userptr_adopt(up, cpu, size);
	igt_assert_eq(madvise(cpu, size, MADV_NOHUGEPAGE), 0);
	return cpu;
}

static int open_file(void)
{
	int fd = memfd_create("amd_userptr", MFD_CLOEXEC);

	igt_assert_fd(fd);
	igt_assert_eq(ftruncate(fd, BESIDE_PAGES * page()), 0);
	return fd;
}

/* Write the pattern of @seed to the file with pwrite(), so that no mapping gets a page. */
static void write_page(int fd, unsigned int index, uint32_t seed)
{
	uint32_t *bytes = malloc(page());

	igt_assert(bytes);
	amd_pattern_fill(bytes, page(), seed);
	igt_assert_eq(pwrite(fd, bytes, page(), index * page()), page());
	free(bytes);
}

static unsigned int pages_of(int fd)
{
	struct stat st;

	igt_assert_eq(fstat(fd, &st), 0);
	return st.st_blocks * 512 / page();
}

static void add_every_other(struct amd_userptr_scatter *scatter, struct amd_userptr *up, char *cpu)
{
	amd_userptr_scatter_init(scatter, up, BESIDE_PAGES);
	for (unsigned int i = 0; i < BESIDE_PAGES; i += 2)
		amd_userptr_scatter_add(scatter, cpu + i * page(), page(), 0);
}

/*
 * The file has no pages at first.  The creation of the BO and each restore must allocate only the
 * pages of the ranges.
 */
static void sparse_file(struct amd_userptr *up)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct amd_userptr_scatter scatter;
	int fd = open_file();

	add_every_other(&scatter, up, map_file(up, fd, MAP_SHARED));
	igt_assert_eq(pages_of(fd), 0);
	amd_userptr_scatter_map(&scatter, 0);
	igt_assert_eq(pages_of(fd), FEW_RANGES);
	amd_userptr_scatter_roundtrip(&scatter, SEED_STORED);

	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(fallocate(fd, punch, 0, BESIDE_PAGES * page()), 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check_zero(up, scatter.va, amd_userptr_scatter_size(&scatter));
	igt_assert_eq(pages_of(fd), FEW_RANGES);
	close(fd);
}

/*
 * Assert that the memory still has the file's own page: write other bytes to the file, which a copy
 * of the page would not have.
 */
static void expect_not_copied(int fd, char *cpu, unsigned int index)
{
	write_page(fd, index, SEED_LATER + index);
	amd_pattern_check(cpu + index * page(), page(), SEED_LATER + index,
			  "a page of the file beside those that are written");
}

static char *map_private(struct amd_userptr *up, int fd)
{
	for (unsigned int i = 0; i < BESIDE_PAGES; i++)
		write_page(fd, i, SEED_FILE);
	return map_file(up, fd, MAP_PRIVATE);
}

static void private_file(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	int fd = open_file();
	char *cpu = map_private(up, fd);

	add_every_other(&scatter, up, cpu);
	amd_userptr_scatter_map(&scatter, 0);
	amd_userptr_gpu_check(up, scatter.va, page(), SEED_FILE);
	amd_userptr_scatter_roundtrip(&scatter, SEED_STORED);
	for (unsigned int i = 1; i < BESIDE_PAGES; i += 2)
		expect_not_copied(fd, cpu, i);

	/* The restore has to make the copies again. */
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(madvise(cpu, BESIDE_PAGES * page(), MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_scatter_roundtrip(&scatter, SEED_STORED);
	for (unsigned int i = 1; i < BESIDE_PAGES; i += 2)
		expect_not_copied(fd, cpu, i);
	close(fd);
}

/*
 * Every second page is a range that the GPU may only read.  The driver must not copy such a page to
 * make it writable, so the memory must keep the page of the file.
 */
static void readonly_beside(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	int fd = open_file();
	char *cpu = map_private(up, fd);

	amd_userptr_scatter_init(&scatter, up, BESIDE_PAGES);
	for (unsigned int i = 0; i < BESIDE_PAGES; i++)
		amd_userptr_scatter_add(&scatter, cpu + i * page(), page(),
					i % 2 ? AMDGPU_GEM_USERPTR_RANGE_READONLY : 0);
	amd_userptr_scatter_map(&scatter, 0);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < BESIDE_PAGES; i += 2)
			amd_userptr_scatter_writes(&scatter, i * page(), page(), SEED_STORED);
		for (unsigned int i = 1; i < BESIDE_PAGES; i += 2)
			expect_not_copied(fd, cpu, i);
		amd_userptr_scatter_reads(&scatter, 0, BESIDE_PAGES * page());
		if (round)
			break;
		amd_kfd_smi_mark(&up->smi);
		igt_assert_eq(madvise(cpu, BESIDE_PAGES * page(), MADV_DONTNEED), 0);
		amd_userptr_expect_evictions(up, 0);
	}
	close(fd);
}

/*
 * Only pages between the ranges change.  A notifier that several ranges share also covers the pages
 * between them, but a change there must evict no queue.
 */
static void changed_beside(struct amd_userptr *up)
{
	struct amd_userptr_scatter scatter;
	char *cpu = (char *)amd_userptr_mmap(up, BESIDE_PAGES * page(), SEED_FILE);

	add_every_other(&scatter, up, cpu);
	amd_userptr_scatter_map(&scatter, 0);
	amd_kfd_smi_mark(&up->smi);
	for (unsigned int i = 1; i < BESIDE_PAGES; i += 2) {
		char *between = cpu + i * page();

		igt_assert_eq(madvise(between, page(), MADV_DONTNEED), 0);
		amd_pattern_check_zero(between, page(), "dropped");
		if (i % 4 == 1)
			igt_assert_eq(mprotect(between, page(), PROT_READ), 0);
		else
			igt_assert_eq(munmap(between, page()), 0);
	}
	amd_userptr_scatter_roundtrip(&scatter, SEED_STORED);
	amd_userptr_expect_no_eviction(up);

	/* A change that begins or ends in a range evicts the queues. */
	igt_assert_eq(madvise(cpu + page(), 2 * page(), MADV_DONTNEED), 0);
	amd_userptr_expect_evictions(up, 1);
	amd_userptr_gpu_check_zero(up, scatter.va + page(), page());
	amd_userptr_scatter_roundtrip(&scatter, SEED_STORED);
}

static void remember_frames(const char *cpu, uint64_t *pfns)
{
	for (unsigned int i = 0; i < BESIDE_PAGES; i++)
		pfns[i] = igt_procfs_pfn(cpu + i * page());
	igt_require_f(pfns[0], "page frame numbers are hidden (not root?)\n");
}

/* Assert that the kernel has copied the pages of the ranges, and no other pages. */
static void expect_half_copied(const char *cpu, const uint64_t *pfns)
{
	for (unsigned int i = 0; i < BESIDE_PAGES; i++) {
		const bool copied = igt_procfs_pfn(cpu + i * page()) != pfns[i];

		igt_assert_f(copied == (i % 2 == 0), "page %u was %scopied\n", i,
			     copied ? "" : "not ");
	}
}

/*
 * With @before the BO exists before the fork, so a restore faults in the pages after the fork.
 * Otherwise the creation of the BO does that.
 */
static void after_fork(struct amd_userptr *up, bool before)
{
	struct amd_userptr_scatter scatter;
	uint64_t pfns[BESIDE_PAGES];
	struct igt_gate done;
	char *cpu = (char *)amd_userptr_mmap(up, BESIDE_PAGES * page(), SEED_FILE);

	add_every_other(&scatter, up, cpu);
	remember_frames(cpu, pfns);
	if (before)
		amd_userptr_scatter_map(&scatter, 0);
	igt_gate_init(&done);
	amd_kfd_smi_mark(&up->smi);
	/*
	 * The child must share the pages until the driver has faulted them in, because otherwise
	 * the driver would have no reason to copy a page.
	 */
	igt_fork(child, 1)
		igt_assert(igt_gate_is_open(&done, AMD_USERPTR_WAIT_MS));
	if (before)
		amd_userptr_expect_evictions(up, 0);
	else
		amd_userptr_scatter_map(&scatter, 0);
	expect_half_copied(cpu, pfns);
	igt_gate_open(&done);
	igt_waitchildren_timeout(AMD_USERPTR_WAIT_MS / 1000, "the child that has the same pages");
	igt_gate_fini(&done);
	amd_userptr_scatter_roundtrip(&scatter, SEED_STORED);
}

static void fork_then_create(struct amd_userptr *up)
{
	after_fork(up, false);
}

static void fork_then_restore(struct amd_userptr *up)
{
	after_fork(up, true);
}

const struct amd_userptr_subtest amd_userptr_scatter_beside_subtests[] = {
	{ .name = "beside-sparse-file",
	  .run = sparse_file,
	  .describe = "The driver allocates no page of a file that is in no range." },
	{ .name = "beside-private-file",
	  .run = private_file,
	  .describe = "The driver copies no page of a private mapping that is in no range." },
	{ .name = "beside-readonly",
	  .run = readonly_beside,
	  .describe =
		  "The driver copies no page of a private mapping that the GPU may only read." },
	{ .name = "beside-change",
	  .run = changed_beside,
	  .describe = "A change of a page that is in no range evicts no queue." },
	{ .name = "beside-fork-create",
	  .run = fork_then_create,
	  .describe =
		  "While a BO is made, the driver copies pages that a child shares only if they are in a range." },
	{ .name = "beside-fork-restore",
	  .run = fork_then_restore,
	  .describe = "A restore copies pages that a child shares only if they are in a range." },
};
const unsigned int amd_userptr_num_scatter_beside_subtests =
	ARRAY_LENGTH(amd_userptr_scatter_beside_subtests);
