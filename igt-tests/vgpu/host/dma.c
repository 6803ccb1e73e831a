// SPDX-License-Identifier: MIT
#include "dma.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vfio_user_proto.h"

static bool page_aligned(uint64_t value)
{
	return value % VFIO_USER_PGSIZE == 0;
}

static uint64_t last(const struct vg_dma_range *range)
{
	return range->iova + range->size - 1;
}

/* Index of the first range that ends at or after @iova. */
static unsigned int first_from(const struct vg_dma *dma, uint64_t iova)
{
	unsigned int lo = 0, hi = dma->count;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (last(&dma->ranges[mid]) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Is the range inside the file?  An access of a mapping behind the end of its file
 * would kill this process by SIGBUS.
 */
static bool inside_file(int fd, uint64_t offset, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	return offset <= (uint64_t)st.st_size && size <= (uint64_t)st.st_size - offset;
}

static int map_file(struct vg_dma_range *range, int fd, uint64_t offset)
{
	int prot = (range->readable ? PROT_READ : 0) | (range->writable ? PROT_WRITE : 0);
	void *addr;

	if (!page_aligned(offset) || !inside_file(fd, offset, range->size))
		return -EINVAL;
	addr = mmap(NULL, range->size, prot, MAP_SHARED, fd, offset);
	if (addr == MAP_FAILED)
		return -errno;
	range->addr = addr;
	return 0;
}

int vg_dma_map(struct vg_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd,
	       uint64_t offset)
{
	struct vg_dma_range range = {
		.iova = iova,
		.size = size,
		.readable = flags & VFIO_USER_DMA_READ,
		.writable = flags & VFIO_USER_DMA_WRITE,
	};
	unsigned int at;
	int ret;

	if (flags & ~(VFIO_USER_DMA_READ | VFIO_USER_DMA_WRITE))
		return -EINVAL;
	if (!size || !page_aligned(iova) || !page_aligned(size) || iova + size - 1 < iova)
		return -EINVAL;

	at = first_from(dma, iova);
	if (at < dma->count && dma->ranges[at].iova <= last(&range))
		return -EEXIST;
	if (dma->count == VG_DMA_MAX_RANGES)
		return -ENOSPC;
	if (fd >= 0) {
		ret = map_file(&range, fd, offset);
		if (ret)
			return ret;
	}

	memmove(&dma->ranges[at + 1], &dma->ranges[at], (dma->count - at) * sizeof(range));
	dma->ranges[at] = range;
	dma->count++;
	return 0;
}

/* Remove the ranges from @first up to, but not including, @end. */
static void remove_ranges(struct vg_dma *dma, unsigned int first, unsigned int end)
{
	for (unsigned int i = first; i < end; i++) {
		struct vg_dma_range *range = &dma->ranges[i];

		if (range->addr)
			munmap(range->addr, range->size);
	}
	memmove(&dma->ranges[first], &dma->ranges[end],
		(dma->count - end) * sizeof(dma->ranges[0]));
	dma->count -= end - first;
}

int vg_dma_unmap(struct vg_dma *dma, uint64_t iova, uint64_t size)
{
	uint64_t end = iova + size - 1;
	unsigned int first, next;

	if (!size || !page_aligned(iova) || !page_aligned(size) || end < iova)
		return -EINVAL;

	first = first_from(dma, iova);
	for (next = first; next < dma->count; next++) {
		const struct vg_dma_range *range = &dma->ranges[next];

		if (range->iova > end)
			break;
		if (range->iova < iova || last(range) > end)
			return -EINVAL;
	}
	if (next == first)
		return -ENOENT;
	remove_ranges(dma, first, next);
	return 0;
}

void vg_dma_unmap_all(struct vg_dma *dma)
{
	remove_ranges(dma, 0, dma->count);
}

void *vg_dma_lookup(const struct vg_dma *dma, uint64_t iova, uint64_t len, bool write)
{
	unsigned int at = first_from(dma, iova);
	const struct vg_dma_range *range;

	if (at == dma->count)
		return NULL;
	range = &dma->ranges[at];
	if (iova < range->iova || len > range->size || iova - range->iova > range->size - len)
		return NULL;
	if (!range->addr || !(write ? range->writable : range->readable))
		return NULL;
	return (uint8_t *)range->addr + (iova - range->iova);
}
