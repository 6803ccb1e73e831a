// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/kernel-page-flags.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>

#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_reclaim.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

/* The most pages that one call accepts: the pages of a huge page. */
enum { MAX_PAGES = 512 };

/* Not every libc has this; it is from include/uapi/linux/mempolicy.h. */
enum { MPOL_MF_MOVE_THESE = 1 << 1 };

/*
 * The limit of __igt_reclaim_push_out(): the kernel may have to write the pages to a disk, and to
 * read some of them again.
 */
#define PUSH_MS igt_patience(10000)

int __igt_reclaim_pages_in(void *cpu, size_t size)
{
	const size_t pages = size / getpagesize();
	unsigned char in[MAX_PAGES];
	int count = 0;

	if (pages > MAX_PAGES)
		return -EINVAL;
	if (mincore(cpu, size, in))
		return -errno;
	for (size_t i = 0; i < pages; i++)
		count += in[i] & 1;
	return count;
}

/*
 * A page that a process has touched just now may still be in a CPU's batch for the LRU lists, where
 * reclaim does not see it.  move_pages() empties the batches of all CPUs
 * (mm/migrate.c:do_pages_move()), even if the page is on the target node already.  So call
 * move_pages() for a page of the stack, with the node on which this page is.
 */
void __igt_reclaim_drain_batches(void)
{
	void *page = &page;
	int node;

	if (!syscall(SYS_move_pages, 0, 1ul, &page, NULL, &node, MPOL_MF_MOVE_THESE) && node >= 0)
		syscall(SYS_move_pages, 0, 1ul, &page, &node, &node, MPOL_MF_MOVE_THESE);
}

/*
 * A page that reclaim has written to the swap disk stays in the swap cache, but no process maps it,
 * so MADV_PAGEOUT does not find it.  Map the page again by a read, so that the next MADV_PAGEOUT
 * finds it.  Reclaim can drop the page, because it is clean now.
 */
static void map_cached(char *cpu, size_t size)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned char in[MAX_PAGES];

	if (!mincore(cpu, size, in)) {
		for (size_t i = 0; i < size / getpagesize(); i++) {
			volatile char *page = cpu + i * getpagesize();

			if (in[i] & 1 && !__igt_procfs_pfn(pagemap, (char *)page))
				(void)*page;
		}
	}
	if (pagemap >= 0)
		close(pagemap);
}

int __igt_reclaim_push_out(void *cpu, size_t size, int (*push)(void *data), void *data)
{
	const uint64_t deadline = igt_now_ms() + PUSH_MS;
	int ret;

	do {
		ret = push(data);
		if (!ret)
			ret = __igt_reclaim_pages_in(cpu, size);
		if (ret <= 0)
			return ret;
		__igt_reclaim_drain_batches();
		igt_pause();
	} while (igt_now_ms() < deadline);
	return -ETIME;
}

struct memory {
	void *cpu;
	size_t size;
};

static int page_out(void *data)
{
	const struct memory *memory = data;

	if (madvise(memory->cpu, memory->size, MADV_PAGEOUT))
		return -errno;
	map_cached(memory->cpu, memory->size);
	return 0;
}

int __igt_reclaim_pageout_all(void *cpu, size_t size)
{
	struct memory memory = { cpu, size };

	return __igt_reclaim_push_out(cpu, size, page_out, &memory);
}

/* Read the page frame of each page; 0 where no page is mapped. */
static void read_pfns(void *cpu, size_t size, uint64_t *pfns)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < size / getpagesize(); i++)
		pfns[i] = __igt_procfs_pfn(pagemap, (char *)cpu + i * getpagesize());
	if (pagemap >= 0)
		close(pagemap);
}

/*
 * Has reclaim taken any page?  Compare page frames, because the restore worker may have brought a
 * page back already, into another frame.
 */
static bool any_gone(void *cpu, size_t size, const uint64_t *before)
{
	uint64_t now[MAX_PAGES];

	read_pfns(cpu, size, now);
	for (size_t i = 0; i < size / getpagesize(); i++) {
		if (before[i] && now[i] != before[i])
			return true;
	}
	return false;
}

int __igt_reclaim_pageout(void *cpu, size_t size)
{
	const uint64_t deadline = igt_now_ms() + IGT_MM_RETRY_MS;
	const int in = __igt_reclaim_pages_in(cpu, size);
	uint64_t before[MAX_PAGES];

	if (in < 0)
		return in;
	read_pfns(cpu, size, before);
	do {
		if (madvise(cpu, size, MADV_PAGEOUT))
			return -errno;
		if (__igt_reclaim_pages_in(cpu, size) < in || any_gone(cpu, size, before))
			return 0;
		__igt_reclaim_drain_batches();
	} while (igt_now_ms() < deadline);
	return -ETIME;
}

static bool is_zram(const char *path)
{
	return strstr(path, "/zram");
}

/* Only the kernel can choose a negative priority, so pass none to swapon() in that case. */
static bool swap_on(const char *what, const char *value)
{
	const int priority = atoi(value);
	int flags = 0;

	if (priority >= 0)
		flags = SWAP_FLAG_PREFER | (priority << SWAP_FLAG_PRIO_SHIFT & SWAP_FLAG_PRIO_MASK);
	swapon(what, flags);
	return true;
}

/*
 * Switch off the device of one line of /proc/swaps if it is a zram device; false if the kernel
 * refuses.
 */
static bool zram_off(const char *path, const char *priority)
{
	if (!is_zram(path))
		return true;
	igt_undo_later(swap_on, path, priority);
	return !swapoff(path);
}

/*
 * Call @look for each swap device until it returns false.  Returns whether it always returned true.
 */
static bool for_each_swap(bool (*look)(const char *path, const char *priority))
{
	FILE *file = fopen("/proc/swaps", "r");
	char line[512], path[IGT_UNDO_TEXT], priority[16];
	bool all = true;

	while (file && all && fgets(line, sizeof(line), file)) {
		/* The heading has a word where the other lines have a number. */
		if (sscanf(line, "%191s %*s %*u %*u %15s", path, priority) == 2)
			all = look(path, priority);
	}
	if (file)
		fclose(file);
	return all;
}

static bool look_at_zram(const char *path, const char *priority)
{
	return is_zram(path);
}

/*
 * Switch the zram devices off.  A lower priority is not enough, because each CPU keeps the device
 * that it used last (mm/swapfile.c:swap_alloc_fast()).
 */
const char *igt_reclaim_swap_to_disk(void)
{
	if (for_each_swap(look_at_zram))
		return "no swap space but zram, if any";
	if (for_each_swap(zram_off))
		return NULL;
	igt_reclaim_swap_as_before();
	return "zram cannot be switched off (not root?)";
}

void igt_reclaim_swap_as_before(void)
{
	igt_undo_all_by(swap_on);
}
