// SPDX-License-Identifier: MIT
/*
 * Shared mappings of a file on a disk file system.  Such a file system wants to know of the first
 * store to each page (page_mkwrite()), and cleans a page when it writes the page to the disk.
 * tmpfs and overlayfs, which the other tests use in the guest, do neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "igt.h"

#include "amd_userptr_mixed.h"

/*
 * A file without a name, on a disk.  It is not on the stack, so that the clean-up can close it
 * after a failure, too.
 */
static struct {
	int fd;	    /* the test maps and changes the file through it; -1: not open */
	int direct; /* reads the disk, past the page cache; -1: not open */
} file;

static bool is_on_disk(const char *directory)
{
	struct statfs fs;

	if (statfs(directory, &fs))
		return false;
	/* ext2, ext3 and ext4 have the same magic number. */
	return fs.f_type == EXT4_SUPER_MAGIC || (uint32_t)fs.f_type == XFS_SUPER_MAGIC ||
	       (uint32_t)fs.f_type == BTRFS_SUPER_MAGIC;
}

static void close_file(struct amd_userptr *up)
{
	if (file.direct >= 0)
		close(file.direct);
	if (file.fd >= 0)
		close(file.fd);
}

/* In the guest /mnt is on a disk (guest/session), on other machines most often /var/tmp. */
static void open_file(struct amd_userptr *up)
{
	static const char *const directories[] = { "/var/tmp", "/home", "/root", "/mnt" };
	char path[32];

	file.fd = file.direct = -1;
	up->undo = close_file;
	for (size_t i = 0; i < ARRAY_LENGTH(directories) && file.fd < 0; i++)
		if (is_on_disk(directories[i]))
			file.fd = open(directories[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	igt_require_f(file.fd >= 0,
		      "no O_TMPFILE on ext4, xfs or btrfs in /var/tmp, /home, /root or /mnt\n");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file.fd);
	file.direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	igt_require_f(file.direct >= 0, "no O_DIRECT: %s\n", strerror(errno));
}

/* Make a userptr of the mapped file, with the pattern of @seed. */
static struct amd_userptr_bo *tracked_file(struct amd_userptr *up, uint32_t seed)
{
	struct amd_userptr_bo *bo;
	void *cpu;

	igt_assert_eq(ftruncate(file.fd, MIXED_SIZE), 0);
	cpu = mmap(NULL, MIXED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
	igt_assert(cpu != MAP_FAILED);
	amd_userptr_adopt(up, cpu, MIXED_SIZE);
	amd_pattern_fill(cpu, MIXED_SIZE, seed);
	bo = amd_userptr_create(up, cpu, MIXED_SIZE, AMD_USERPTR_TRACKED);
	amd_userptr_map(up, bo);
	return bo;
}

/*
 * Write the file's dirty pages to the disk.  Before the kernel writes them, it write-protects and
 * cleans the entries of the CPU's page tables, so the driver must evict the queues.
 */
static void write_back(struct amd_userptr *up, struct amd_userptr_bo *bo)
{
	amd_kfd_smi_mark(&up->smi);
	igt_assert_eq(msync(bo->cpu, bo->size, MS_SYNC), 0);
	amd_userptr_expect_evictions(up, 0);
}

/*
 * Compare the disk's bytes with the pattern of @seed.  Before a direct read the kernel writes dirty
 * pages to the disk, and that evicts the queues, too.
 */
static void check_disk(struct amd_userptr *up, uint32_t seed)
{
	void *buffer =
		mmap(NULL, MIXED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	amd_userptr_adopt(up, buffer, MIXED_SIZE);
	igt_assert_eq(pread(file.direct, buffer, MIXED_SIZE, 0), (ssize_t)MIXED_SIZE);
	amd_pattern_check(buffer, MIXED_SIZE, seed, "on the disk");
	amd_userptr_munmap(up, buffer, MIXED_SIZE);
	mixed_settle(up);
}

/*
 * The GPU stores before and after a writeback, and the CPU does not touch the pages in between.
 * All stores must reach the disk.  If a page were still clean after the restore, the kernel would
 * not write it again, and the GPU's stores after the writeback would be lost.
 */
static void disk_writeback(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;

	open_file(up);
	bo = tracked_file(up, 1);
	write_back(up, bo);
	check_disk(up, 1);
	for (uint32_t seed = 2; seed < 6; seed++) {
		amd_userptr_gpu_fill(up, bo->va, bo->size, seed);
		write_back(up, bo);
		check_disk(up, seed);
		amd_userptr_gpu_check(up, bo->va, bo->size, seed);
	}
	amd_userptr_roundtrip(up, bo, 6);
	write_back(up, bo);
	check_disk(up, 7);
	amd_userptr_destroy(up, bo);
}

/*
 * Punch a hole into the file, which takes away its pages and their blocks.  The restore worker
 * faults in pages of zeros, for which the file system has to allocate blocks again.
 */
static void disk_punch(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo;
	int ret;

	open_file(up);
	bo = tracked_file(up, 1);
	write_back(up, bo);
	amd_kfd_smi_mark(&up->smi);
	ret = fallocate(file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, MIXED_SIZE);
	igt_require_f(!ret || errno != EOPNOTSUPP, "the file system makes no holes\n");
	igt_assert_eq(ret, 0);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_userptr_gpu_fill(up, bo->va, bo->size, 2);
	write_back(up, bo);
	check_disk(up, 2);
	amd_userptr_roundtrip(up, bo, 3);
	amd_userptr_destroy(up, bo);
}

const struct amd_userptr_subtest amd_userptr_mixed_disk_subtests[] = {
	{ .name = "disk-writeback",
	  .run = disk_writeback,
	  .describe = "What the GPU stores to a file's pages reaches the disk, again and again." },
	{ .name = "disk-punch",
	  .run = disk_punch,
	  .describe = "The GPU gets new pages, with blocks of the disk, behind a hole in a file." },
};
const unsigned int amd_userptr_num_mixed_disk_subtests =
	ARRAY_LENGTH(amd_userptr_mixed_disk_subtests);
