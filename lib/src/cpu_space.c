/* SPDX-License-Identifier: MIT */
/* The CPU address space of the process: calls of the kernel. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "internal.h"

/* The flag came with Linux 4.17. Older kernels ignore it, and take the address as a hint. */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

int au_mmap_error(void)
{
	return errno == EAGAIN ? -ENOMEM : -errno;
}

int au_kernel_reserve(void *priv, uint64_t hint, uint64_t size, uint64_t *addr)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *wanted = (void *)(uintptr_t)hint;
	void *ptr;

	if (hint)
		flags |= MAP_FIXED_NOREPLACE;
	ptr = mmap(wanted, size, PROT_NONE, flags, -1, 0);
	if (ptr == MAP_FAILED)
		return au_mmap_error();
	if (hint && ptr != wanted) {
		munmap(ptr, size);
		return -EEXIST;
	}
	/* A forked child cannot use the parent's maps, so it needs no addresses for them. */
	if (madvise(ptr, size, MADV_DONTFORK)) {
		const int ret = au_mmap_error();

		munmap(ptr, size);
		return ret;
	}
	*addr = (uintptr_t)ptr;
	return 0;
}

int au_kernel_release(void *priv, uint64_t addr, uint64_t size)
{
	return munmap((void *)(uintptr_t)addr, size) ? -errno : 0;
}

/* /proc/self/maps has a line for each VMA, in the order of addresses. */
int au_kernel_find_gap(void *priv, uint64_t min, uint64_t max, uint64_t size, uint64_t *addr)
{
	FILE *file = fopen("/proc/self/maps", "re");
	uint64_t start, end, free_from = min;
	int ret = -ENOMEM;

	if (!file)
		return -errno;
	while (free_from < max &&
	       fscanf(file, "%" SCNx64 "-%" SCNx64 "%*[^\n]", &start, &end) == 2) {
		if (start > max)
			start = max;
		if (start > free_from && start - free_from >= size) {
			*addr = start - size;
			ret = 0;
		}
		if (end > free_from)
			free_from = end;
	}
	fclose(file);
	if (free_from < max && max - free_from >= size) {
		*addr = max - size;
		ret = 0;
	}
	return ret;
}

/*
 * Make a fresh mapping. The memory of malloc() may be registered with KFD's shared virtual memory,
 * and the kernel refuses to make a userptr of such memory.
 */
int au_kernel_page_get(void *priv, uint64_t size, uint64_t *addr)
{
	void *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ptr == MAP_FAILED)
		return au_mmap_error();
	*addr = (uintptr_t)ptr;
	return 0;
}

void au_kernel_page_put(void *priv, uint64_t addr, uint64_t size)
{
	/*
	 * If the process has vm.max_map_count mappings, the kernel refuses to split a larger
	 * mapping. In this case give back at least the memory of the page.
	 */
	if (munmap((void *)(uintptr_t)addr, size))
		madvise((void *)(uintptr_t)addr, size, MADV_DONTNEED);
}
