// SPDX-License-Identifier: MIT
/*
 * The ways in which a page becomes writable and clean.  Then neither the CPU's page table entry nor
 * the page is dirty, so reclaim need not keep the content: no CPU has stored to the page, or a disk
 * has a copy of it, or the owner does not need the content any more (MADV_FREE).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_reclaim.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

#include "amd_userptr_stores.h"

#define KSM	  "/sys/kernel/mm/ksm/"
#define SHMEM_THP "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* The value of include/uapi/asm-generic/mman-common.h, which some libcs lack. */
enum { MADV_POPULATE_READ_NOW = 22 };

static int open_memfd(size_t size)
{
	int fd = memfd_create("amd_userptr", MFD_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

static int open_tmpfs(size_t size)
{
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : -errno;
}

static int open_file(size_t size)
{
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : -errno;
}

static const struct amd_userptr_backing anon = { .name = "anon",
						 .map_flags = MAP_PRIVATE | MAP_ANONYMOUS,
						 .advice = MADV_NOHUGEPAGE },
					thp = { .name = "thp",
						.map_flags = MAP_PRIVATE | MAP_ANONYMOUS,
						.advice = MADV_HUGEPAGE,
						.huge = true },
					shm = { .name = "shm",
						.map_flags = MAP_SHARED | MAP_ANONYMOUS,
						.advice = MADV_NOHUGEPAGE },
					memfd = { .name = "memfd",
						  .map_flags = MAP_SHARED,
						  .advice = MADV_NOHUGEPAGE,
						  .open = open_memfd },
					memfd_thp = { .name = "memfd-thp",
						      .map_flags = MAP_SHARED,
						      .advice = MADV_HUGEPAGE,
						      .open = open_memfd,
						      .huge = true },
					tmpfs = { .name = "tmpfs",
						  .map_flags = MAP_SHARED,
						  .advice = MADV_NOHUGEPAGE,
						  .open = open_tmpfs },
					file = { .name = "file",
						 .map_flags = MAP_SHARED,
						 .advice = MADV_NOHUGEPAGE,
						 .open = open_file };

static int advise(struct amd_userptr_area *area, int advice)
{
	return madvise(area->cpu, area->size, advice) ? -errno : 0;
}

static void read_all(struct amd_userptr_area *area)
{
	for (size_t at = 0; at < area->size; at += getpagesize())
		(void)*(volatile char *)(area->cpu + at);
}

/* ---- anonymous memory ---- */

/*
 * Give the pages back by MADV_FREE.  It skips pages that are in a batch for the LRU lists and puts
 * others into a batch, so drain the batches before and after.
 */
static int lazyfree(struct amd_userptr_area *area)
{
	int ret;

	__igt_reclaim_drain_batches();
	ret = advise(area, MADV_FREE);
	__igt_reclaim_drain_batches();
	return ret;
}

static int lazyfree_cold(struct amd_userptr_area *area)
{
	int ret = lazyfree(area);

	return ret ? ret : advise(area, MADV_COLD);
}

static int lazyfree_mprotect(struct amd_userptr_area *area)
{
	int ret = lazyfree(area);

	return ret ? ret : __igt_mm_poke(area->cpu, area->size);
}

static int lazyfree_migrate(struct amd_userptr_area *area)
{
	int ret = lazyfree(area);

	ret = ret ? ret : __igt_mm_migrate(area->cpu, area->size, getpagesize());
	__igt_reclaim_drain_batches();
	return ret;
}

static int fork_and_end(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) != pid || status ? -ECHILD : 0;
}

/*
 * Fork after MADV_FREE.  fork() write-protects the pages in both page tables, so the driver finds
 * pages that are clean and not writable.
 */
static int lazyfree_fork(struct amd_userptr_area *area)
{
	int ret = lazyfree(area);

	return ret ? ret : fork_and_end();
}

/*
 * Wait until KSM has merged all pages with their twins, and let KSM unmerge them, so that each page
 * gets a copy.  Then give the copies back by MADV_FREE.
 */
static int lazyfree_ksm(struct amd_userptr_area *area)
{
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	char *twin = mmap(area->elsewhere, area->size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	size_t merged = 0;
	int ret, err;

	if (twin == MAP_FAILED || madvise(twin, area->size, MADV_MERGEABLE) ||
	    advise(area, MADV_MERGEABLE) || !igt_undo_set(KSM "pages_to_scan", "1000") ||
	    !igt_undo_set(KSM "sleep_millisecs", "0"))
		return -ENODEV;
	memcpy(twin, area->cpu, area->size);
	ret = igt_undo_set(KSM "run", "1") ? 0 : -EIO;
	while (!ret && merged < area->size && igt_now_ms() < deadline) {
		for (merged = 0; merged < area->size; merged += getpagesize()) {
			if (igt_procfs_pfn(area->cpu + merged) != igt_procfs_pfn(twin + merged))
				break;
		}
		igt_pause();
	}
	err = igt_undo_set(KSM "run", "2") ? 0 : -EIO;
	igt_undo_set(KSM "run", "0");
	ret = ret ? ret : err;
	if (!ret && merged < area->size)
		ret = -ETIME;
	return ret ? ret : lazyfree_mprotect(area);
}

/* Page out to a disk, then let the CPU read the pages back.  The disk keeps its copy. */
static int swapped_in(struct amd_userptr_area *area)
{
	int ret = __igt_reclaim_pageout_all(area->cpu, area->size);

	if (!ret)
		read_all(area);
	return ret;
}

static int swapped_in_ahead(struct amd_userptr_area *area)
{
	int ret = __igt_reclaim_pageout_all(area->cpu, area->size);

	ret = ret ? ret : advise(area, MADV_WILLNEED);
	if (!ret)
		read_all(area);
	return ret;
}

static int swapped_in_mprotect(struct amd_userptr_area *area)
{
	int ret = swapped_in(area);

	return ret ? ret : __igt_mm_poke(area->cpu, area->size);
}

/* ---- shared memory and files ---- */

/* Remove the pages from the file, so that the next access gets new pages of zeros. */
static int punch(struct amd_userptr_area *area)
{
	if (area->fd < 0)
		return advise(area, MADV_REMOVE);
	return fallocate(area->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, area->size)
		       ? -errno
		       : 0;
}

static int only_read(struct amd_userptr_area *area)
{
	int ret = punch(area);

	if (!ret)
		read_all(area);
	return ret;
}

static int populated(struct amd_userptr_area *area)
{
	int ret = punch(area);

	return ret ? ret : advise(area, MADV_POPULATE_READ_NOW);
}

/*
 * Map with MAP_POPULATE: the kernel populates a shared mapping by reads, although it is writable.
 */
static int map_populated(struct amd_userptr_area *area)
{
	int ret = punch(area);

	if (!ret && mmap(area->cpu, area->size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, area->fd, 0) != area->cpu)
		ret = -errno;
	return ret;
}

static int read_cold(struct amd_userptr_area *area)
{
	int ret = only_read(area);

	return ret ? ret : advise(area, MADV_COLD);
}

static int read_mprotect(struct amd_userptr_area *area)
{
	int ret = only_read(area);

	return ret ? ret : __igt_mm_poke(area->cpu, area->size);
}

static int read_migrate(struct amd_userptr_area *area)
{
	int ret = only_read(area);

	return ret ? ret : __igt_mm_migrate(area->cpu, area->size, getpagesize());
}

static const char *allow_shmem_thp(void)
{
	return igt_undo_set(SHMEM_THP, "advise") ? NULL
						 : "no huge pages in shared memory, or not root";
}

const struct stores_clean amd_userptr_stores_clean[] = {
	{ .name = "lazyfree",
	  .what = "given back by MADV_FREE",
	  .backing = &anon,
	  .make = lazyfree,
	  .held = true,
	  .lazyfree = true },
	{ .name = "lazyfree-thp",
	  .what = "of a huge page given back by MADV_FREE",
	  .backing = &thp,
	  .make = lazyfree,
	  .held = true,
	  .lazyfree = true,
	  .huge = true },
	{ .name = "lazyfree-cold",
	  .what = "given back, then deactivated by MADV_COLD",
	  .backing = &anon,
	  .make = lazyfree_cold,
	  .held = true,
	  .lazyfree = true },
	{ .name = "lazyfree-mprotect",
	  .what = "given back, then read-only and writable again",
	  .backing = &anon,
	  .make = lazyfree_mprotect,
	  .lazyfree = true },
	{ .name = "lazyfree-migrate",
	  .what = "given back, then moved to another node",
	  .backing = &anon,
	  .make = lazyfree_migrate,
	  .held = true,
	  .lazyfree = true },
	{ .name = "lazyfree-fork",
	  .what = "given back, then shared with a child that ended",
	  .backing = &anon,
	  .make = lazyfree_fork,
	  .lazyfree = true },
	{ .name = "lazyfree-ksm",
	  .what = "given back, after KSM had merged and unmerged them",
	  .backing = &anon,
	  .make = lazyfree_ksm,
	  .once = true,
	  .lazyfree = true },
	{ .name = "swap-read",
	  .what = "read from a swap disk",
	  .prepare = igt_reclaim_swap_to_disk,
	  .backing = &anon,
	  .make = swapped_in,
	  .held = true,
	  .swap_cache = true },
	{ .name = "swap-willneed",
	  .what = "read ahead from a swap disk",
	  .prepare = igt_reclaim_swap_to_disk,
	  .backing = &anon,
	  .make = swapped_in_ahead,
	  .held = true,
	  .swap_cache = true },
	{ .name = "swap-mprotect",
	  .what = "read from a swap disk, then read-only and writable again",
	  .prepare = igt_reclaim_swap_to_disk,
	  .backing = &anon,
	  .make = swapped_in_mprotect,
	  .once = true,
	  .swap_cache = true },
	{ .name = "memfd-read",
	  .what = "of a memfd that was only read",
	  .backing = &memfd,
	  .make = only_read,
	  .held = true },
	{ .name = "memfd-populate",
	  .what = "of a memfd, populated by MADV_POPULATE_READ",
	  .backing = &memfd,
	  .make = populated,
	  .held = true },
	{ .name = "memfd-map-populate",
	  .what = "of a memfd mapped with MAP_POPULATE",
	  .backing = &memfd,
	  .make = map_populated },
	{ .name = "memfd-thp",
	  .what = "of a huge page of a memfd",
	  .backing = &memfd_thp,
	  .prepare = allow_shmem_thp,
	  .make = only_read,
	  .held = true,
	  .huge = true },
	{ .name = "memfd-cold",
	  .what = "of a memfd, read and deactivated",
	  .backing = &memfd,
	  .make = read_cold,
	  .held = true },
	{ .name = "memfd-mprotect",
	  .what = "of a memfd, read, then read-only and writable again",
	  .backing = &memfd,
	  .make = read_mprotect },
	{ .name = "memfd-migrate",
	  .what = "of a memfd, read, then moved to another node",
	  .backing = &memfd,
	  .make = read_migrate,
	  .held = true },
	{ .name = "shm-read",
	  .what = "of shared anonymous memory that was only read",
	  .backing = &shm,
	  .make = only_read,
	  .held = true },
	{ .name = "shm-populate",
	  .what = "of shared anonymous memory, populated",
	  .backing = &shm,
	  .make = populated,
	  .held = true },
	{ .name = "tmpfs-read",
	  .what = "of a file in tmpfs that was only read",
	  .backing = &tmpfs,
	  .make = only_read,
	  .held = true },
	{ .name = "tmpfs-map-populate",
	  .what = "of a file in tmpfs mapped with MAP_POPULATE",
	  .backing = &tmpfs,
	  .make = map_populated },
	{ .name = "file-read",
	  .what = "of a file that was only read",
	  .backing = &file,
	  .make = only_read,
	  .held = true },
	{ .name = "file-map-populate",
	  .what = "of a file mapped with MAP_POPULATE",
	  .backing = &file,
	  .make = map_populated },
};
const unsigned int amd_userptr_num_stores_clean =
	sizeof(amd_userptr_stores_clean) / sizeof(amd_userptr_stores_clean[0]);

const struct stores_clean *stores_clean(const char *name)
{
	for (unsigned int i = 0; i < amd_userptr_num_stores_clean; i++) {
		if (!strcmp(amd_userptr_stores_clean[i].name, name))
			return &amd_userptr_stores_clean[i];
	}
	igt_assert_f(false, "no way %s\n", name);
	return NULL;
}

/*
 * Assert that the pages are clean, but not that their entries are writable: only page_mkwrite()
 * makes the entry of a file on a disk writable.
 */
void stores_expect_clean(const struct amd_userptr_area *area, const struct stores_clean *clean,
			 bool again)
{
	const unsigned long long kib = area->size >> 10;
	struct igt_procfs_smaps smaps;

	igt_assert_eq(__igt_procfs_smaps(area->cpu, &smaps), 0);
	igt_debug("%s: %llu KiB of %llu, dirty %llu, lazyfree %llu, huge %llu\n", clean->name,
		  smaps.rss, kib, smaps.dirty, smaps.lazyfree, smaps.huge);
	igt_assert_eq_u64(smaps.rss, kib);
	igt_assert_eq_u64(smaps.dirty, 0);
	if (clean->lazyfree)
		igt_assert_eq_u64(smaps.lazyfree, kib);
	/* smaps counts huge pages of one size, which is not 2 MiB if CPU pages are larger. */
	if (clean->huge && !again && igt_mm_collapsed_size() == area->size)
		igt_assert_eq_u64(smaps.huge, kib);
	else if (clean->huge && !again)
		igt_assert(amd_userptr_area_is_contiguous(area));
	if (clean->swap_cache)
		igt_assert_eq(__igt_procfs_pages_in_swap_cache(area->cpu, area->size),
			      area->size / getpagesize());
}
