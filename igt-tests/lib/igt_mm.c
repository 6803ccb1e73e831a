// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"

/*
 * Not every libc has these two; they are from include/uapi/linux/mempolicy.h and
 * asm-generic/mman-common.h.
 */
enum { MPOL_MF_MOVE_OWN = 1 << 1, MADV_COLLAPSE_NOW = 25 };

/*
 * The most pages of one call of move_pages(), and the most NUMA nodes that __igt_mm_migrate()
 * tries.
 */
enum { MAX_MOVED = 512, MAX_NODES = 64 };

int __igt_mm_poke(void *cpu, size_t size)
{
	if (mprotect(cpu, size, PROT_READ) || mprotect(cpu, size, PROT_READ | PROT_WRITE))
		return -errno;
	return 0;
}

/*
 * Try again after EAGAIN, which the kernel returns while something else holds a reference to a
 * page.
 */
int __igt_mm_collapse(void *cpu, size_t size)
{
	const uint64_t deadline = igt_now_ms() + IGT_MM_RETRY_MS;
	int ret;

	do {
		ret = madvise(cpu, size, MADV_COLLAPSE_NOW) ? -errno : 0;
	} while (ret == -EAGAIN && igt_now_ms() < deadline);
	return ret;
}

size_t igt_mm_collapsed_size(void)
{
	return igt_procfs_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "");
}

/* Returns 0 also when pages did not move, so look at the @status of each page. */
static int move_pages(void **pages, unsigned long count, const int *nodes, int *status)
{
	return syscall(SYS_move_pages, 0, count, pages, nodes, status, MPOL_MF_MOVE_OWN) < 0
		       ? -errno
		       : 0;
}

/*
 * Move pages to @node.  The kernel cannot move a page while another task holds a reference to it or
 * has taken it off the LRU lists, so repeat the call.  Repeat it with the same node, because with
 * another one the pages that have moved already would move again.
 */
static int move_to_node(void **pages, unsigned long count, int node)
{
	const uint64_t deadline = igt_now_ms() + IGT_MM_RETRY_MS;
	int nodes[MAX_MOVED], status[MAX_MOVED], ret;
	unsigned long moved;

	for (unsigned long i = 0; i < count; i++)
		nodes[i] = node;
	do {
		/*
		 * After a page that failed, the kernel leaves the status of the later pages
		 * unchanged.  Set it to -EBUSY before, so that the loop tries these pages again.
		 */
		for (unsigned long i = 0; i < count; i++)
			status[i] = -EBUSY;
		ret = move_pages(pages, count, nodes, status);
		for (moved = 0; moved < count && status[moved] == node; moved++)
			;
	} while (!ret && moved < count && status[moved] == -EBUSY && igt_now_ms() < deadline);
	return ret || moved == count ? ret : -EBUSY;
}

/*
 * The kernel looks at each page of the node, and nothing can stop it before the end.  Assume that a
 * slow machine needs ten seconds for MOST_COMPACTED_KB of memory in use, and do not compact a node
 * that has more.
 */
#define MOST_COMPACTED_KB (64ull << 20)

int __igt_mm_compact(void *cpu)
{
	char path[64], word[64];
	int node, ret;

	ret = move_pages(&cpu, 1, NULL, &node);
	if (ret == -ENOSYS)
		node = 0; /* a kernel without migration */
	else if (ret || node < 0)
		return ret ? ret : node;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
	snprintf(word, sizeof(word), "Node %d MemUsed:", node);
	if (igt_procfs_number(path, word) > MOST_COMPACTED_KB)
		return -EFBIG;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/compact", node);
	/* A kernel without NUMA has no directory of its only node, so compact all memory there. */
	return igt_sysfs_set(AT_FDCWD, path, "1") ||
			       igt_sysfs_set(AT_FDCWD, "/proc/sys/vm/compact_memory", "1")
		       ? 0
		       : -EIO;
}

int __igt_mm_migrate(void *cpu, size_t size, size_t step)
{
	const unsigned long count = size / step;
	void *pages[MAX_MOVED];
	int from, ret;

	if (count > MAX_MOVED)
		return -EINVAL;
	for (unsigned long i = 0; i < count; i++)
		pages[i] = (char *)cpu + i * step;
	ret = move_pages(pages, 1, NULL, &from);
	for (int node = 0; !ret && node < MAX_NODES; node++) {
		if (node == from)
			continue;
		ret = move_to_node(pages, count, node);
		/* ENODEV: there is no such node; EACCES: the process may not use it. */
		if (ret != -ENODEV && ret != -EACCES)
			return ret;
		ret = 0;
	}
	return ret ? ret : -ENODEV;
}

/*
 * The child lives until the writes have copied the pages and @look has returned, because without a
 * child the kernel would let the parent keep its pages.
 */
int __igt_mm_fork_write_look(void *cpu, size_t size, void (*look)(void *data), void *data)
{
	int gate[2], status = 0;
	char byte;
	pid_t pid;

	if (pipe(gate))
		return -errno;
	/*
	 * Do not call igt_fork(), because it asserts, and because neither a thread nor a child may
	 * call it.
	 */
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	if (pid > 0) {
		for (size_t at = 0; at < size; at += getpagesize()) {
			volatile char *page = (char *)cpu + at;

			*page = *page;
		}
		look(data);
	}
	close(gate[1]);
	close(gate[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -ECHILD;
	return 0;
}

static void look_away(void *data)
{
}

int __igt_mm_fork_and_write(void *cpu, size_t size)
{
	return __igt_mm_fork_write_look(cpu, size, look_away, NULL);
}

void igt_mm_change_page(void *addr)
{
	const size_t page = getpagesize();
	char *other = mmap(NULL, page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	igt_assert(other != MAP_FAILED);
	memcpy(other, addr, page);
	igt_assert(mremap(other, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, addr) == addr);
}

int igt_mm_numa_node(int limit)
{
	for (int node = limit - 1; node >= 0; node--) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
		if (!access(path, R_OK))
			return node;
	}
	return -1;
}
