/* SPDX-License-Identifier: MIT */
/*
 * The guest memory that the device may access: ranges of guest physical addresses
 * (there is no vIOMMU) and their mappings in this process.
 */
#ifndef VG_HOST_DMA_H
#define VG_HOST_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vg_dma_range {
	uint64_t iova;
	uint64_t size;
	void *addr; /* this process's mapping; NULL: the device cannot access it (ROM, a BAR) */
	bool readable, writable;
};

enum { VG_DMA_MAX_RANGES = 256 };

struct vg_dma {
	struct vg_dma_range ranges[VG_DMA_MAX_RANGES]; /* in the order of iova */
	unsigned int count;
};

/*
 * Map [@iova, @iova + @size) to the file @fd at @offset.  @fd is -1 for a range that the
 * device cannot access.  The caller still has to close @fd.  Returns 0, -EINVAL (bad flags or
 * alignment, or more than the file holds), -EEXIST (overlap), -ENOSPC, or the error of mmap().
 */
int vg_dma_map(struct vg_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd,
	       uint64_t offset);

/*
 * Remove every range inside [@iova, @iova + @size).  Returns 0; or -EINVAL if that
 * would split a range, or -ENOENT if there is no range, and then changes nothing.
 */
int vg_dma_unmap(struct vg_dma *dma, uint64_t iova, uint64_t size);
void vg_dma_unmap_all(struct vg_dma *dma);

/* The pointer to [@iova, @iova + @len); NULL if it is not accessible or not inside one range. */
void *vg_dma_lookup(const struct vg_dma *dma, uint64_t iova, uint64_t len, bool write);

#endif
