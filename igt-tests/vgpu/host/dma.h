/* SPDX-License-Identifier: MIT */
/*
 * The guest memory that the device may access: ranges of bus addresses, and the addresses of their
 * memory in this process.
 *
 * A bus address is a guest physical address until the guest switches an IOMMU on.  After that the
 * client (QEMU) sends each mapping of the guest's IOMMU as a range, often of one page, so there may
 * be a million of them.  An IOMMU has "moved" a range if the bus address of the range is not the
 * guest physical address of its memory.  This process maps each file of memory once as a whole and
 * not range by range, because Linux limits the number of mappings of a process.
 */
#ifndef VG_HOST_DMA_H
#define VG_HOST_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vgpu.h"

enum {
	VG_DMA_MAX_RANGES = 1 << 22, /* 16 GiB in pages of 4 KiB */
	VG_DMA_MAX_FILES = 16,
	VG_DMA_MAX_PIECES = 64,
	VG_DMA_BLOCK = 256,
};

struct vg_dma_range {
	uint64_t iova; /* bus address */
	uint64_t size;
	void *addr;   /* in this process; NULL: the device cannot access it (ROM, a BAR) */
	uint64_t gpa; /* guest physical address of the memory at @addr, or VG_DMA_UNKNOWN */
	bool readable, writable;
};

/* Up to VG_DMA_BLOCK ranges, so that a new range moves few others. */
struct vg_dma_block {
	unsigned int count; /* not 0 */
	struct vg_dma_range range[VG_DMA_BLOCK];
};

/* Names a file.  Each DMA_MAP brings another descriptor of the same file. */
struct vg_dma_id {
	dev_t dev;
	ino_t ino;
};

struct vg_dma_file {
	struct vg_dma_id id;
	bool writable;
	uint64_t size;
	void *addr; /* the whole file in this process */
};

/* A piece of a file, and its guest physical address. */
struct vg_dma_piece {
	struct vg_dma_id id;
	uint64_t offset, size, gpa;
};

struct vg_dma {
	struct vg_dma_block **block; /* all ranges in the order of iova */
	size_t num_blocks, max_blocks;
	size_t count;	     /* number of ranges */
	uint64_t translated; /* number of ranges so far that an IOMMU had moved */
	struct vg_dma_file file[VG_DMA_MAX_FILES];
	unsigned int num_files;
	struct vg_dma_piece piece[VG_DMA_MAX_PIECES];
	unsigned int num_pieces;
};

/*
 * Map [@iova, @iova + @size) to the file @fd at @offset.  @fd is -1 for a range that the
 * device cannot access.  The caller still has to close @fd.  Returns 0, -EINVAL (bad flags or
 * alignment, or more than the file holds), -EEXIST (overlap), -ENOSPC (too many ranges, files or
 * pieces), -ENOMEM, -EACCES (the file is open for reading only), or the error of mmap().
 *
 * The first range of a part of a file tells the guest physical address of that part: it is @iova,
 * because the client maps all RAM before the guest runs, when no IOMMU translates.  When an IOMMU
 * has moved a range, the guest physical address of a new part is VG_DMA_UNKNOWN.
 */
int vg_dma_map(struct vg_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd,
	       uint64_t offset);

/*
 * Remove every range inside [@iova, @iova + @size).  There may be none, because QEMU unmaps the
 * whole address space when the guest gives the device another one.  Returns 0; or -EINVAL if that
 * would split a range, and then changes nothing.
 */
int vg_dma_unmap(struct vg_dma *dma, uint64_t iova, uint64_t size);
/* Remove all ranges.  The files stay mapped, because the client may map them again. */
void vg_dma_unmap_all(struct vg_dma *dma);
/* Free everything. */
void vg_dma_fini(struct vg_dma *dma);

/*
 * The pointer to [@iova, @iova + @len), which may lie in several ranges if their memory is
 * contiguous.  Unless @gpa is NULL, it gets the guest physical address of the first byte.  Returns
 * NULL if a part is not accessible.
 */
void *vg_dma_lookup(const struct vg_dma *dma, uint64_t iova, uint64_t len, bool write,
		    uint64_t *gpa);
/*
 * May another device be at @iova, where vg_dma_lookup() finds no memory to write to?  Once an IOMMU
 * has moved a range, only a range without memory may be a device.  At an address without a range
 * the IOMMU has no translation, so the write must not go to the client: by the time the client does
 * the write, the guest might have mapped another page there.
 */
bool vg_dma_may_be_device(const struct vg_dma *dma, uint64_t iova);

#endif
