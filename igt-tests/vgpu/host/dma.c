// SPDX-License-Identifier: MIT
#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

/* ---- the ranges in their order ---- */

struct position {
	size_t block; /* index in vg_dma.block; num_blocks: behind the last range */
	unsigned int at;
};

static struct vg_dma_range *range_at(const struct vg_dma *dma, struct position pos)
{
	return pos.block < dma->num_blocks ? &dma->block[pos.block]->range[pos.at] : NULL;
}

static size_t first_block_from(const struct vg_dma *dma, uint64_t iova)
{
	size_t lo = 0, hi = dma->num_blocks;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct vg_dma_block *block = dma->block[mid];

		if (last(&block->range[block->count - 1]) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The position of the first range that ends at or after @iova. */
static struct position first_from(const struct vg_dma *dma, uint64_t iova)
{
	struct position pos = { .block = first_block_from(dma, iova) };
	unsigned int lo = 0, hi;

	if (pos.block == dma->num_blocks)
		return pos;
	hi = dma->block[pos.block]->count;
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (last(&dma->block[pos.block]->range[mid]) < iova)
			lo = mid + 1;
		else
			hi = mid;
	}
	pos.at = lo;
	return pos;
}

/* Put a new, empty block at @index.  The caller fills it. */
static struct vg_dma_block *add_block(struct vg_dma *dma, size_t index)
{
	struct vg_dma_block *block;

	if (dma->num_blocks == dma->max_blocks) {
		size_t max = 2 * dma->max_blocks + 1;
		struct vg_dma_block **more = realloc(dma->block, max * sizeof(*more));

		if (!more)
			return NULL;
		dma->block = more;
		dma->max_blocks = max;
	}
	block = calloc(1, sizeof(*block));
	if (!block)
		return NULL;
	memmove(&dma->block[index + 1], &dma->block[index],
		(dma->num_blocks - index) * sizeof(dma->block[0]));
	dma->block[index] = block;
	dma->num_blocks++;
	return block;
}

/* Move the second half of a full block to a new block behind it, and adjust @pos. */
static int split_block(struct vg_dma *dma, struct position *pos)
{
	const unsigned int half = VG_DMA_BLOCK / 2;
	struct vg_dma_block *second = add_block(dma, pos->block + 1), *full;

	if (!second)
		return -ENOMEM;
	full = dma->block[pos->block];
	memcpy(second->range, &full->range[half], half * sizeof(full->range[0]));
	full->count = second->count = half;
	if (pos->at > half) {
		pos->block++;
		pos->at -= half;
	}
	return 0;
}

/* Find room for a range before @pos, and adjust @pos. */
static int make_room(struct vg_dma *dma, struct position *pos)
{
	if (!dma->num_blocks)
		return add_block(dma, 0) ? 0 : -ENOMEM;
	if (pos->block == dma->num_blocks) {
		pos->block--;
		pos->at = dma->block[pos->block]->count;
	}
	if (dma->block[pos->block]->count < VG_DMA_BLOCK)
		return 0;
	return split_block(dma, pos);
}

static int insert(struct vg_dma *dma, struct position pos, const struct vg_dma_range *range)
{
	struct vg_dma_block *block;
	int ret = make_room(dma, &pos);

	if (ret)
		return ret;
	block = dma->block[pos.block];
	memmove(&block->range[pos.at + 1], &block->range[pos.at],
		(block->count - pos.at) * sizeof(*range));
	block->range[pos.at] = *range;
	block->count++;
	dma->count++;
	return 0;
}

static void erase(struct vg_dma *dma, struct position pos)
{
	struct vg_dma_block *block = dma->block[pos.block];

	dma->count--;
	block->count--;
	memmove(&block->range[pos.at], &block->range[pos.at + 1],
		(block->count - pos.at) * sizeof(block->range[0]));
	if (block->count)
		return;
	free(block);
	dma->num_blocks--;
	memmove(&dma->block[pos.block], &dma->block[pos.block + 1],
		(dma->num_blocks - pos.block) * sizeof(dma->block[0]));
}

/* ---- files ---- */

static bool same_file(struct vg_dma_id a, struct vg_dma_id b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

static int open_for(int fd, bool *writable)
{
	int mode = fcntl(fd, F_GETFL);

	if (mode < 0)
		return -errno;
	*writable = (mode & O_ACCMODE) == O_RDWR;
	return 0;
}

/*
 * Map the whole file @fd, unless this process has it already.  Returns 0 and the file in @file, or
 * -errno.  The size of a file must not change, because an access of a mapping behind the end of its
 * file would kill this process by SIGBUS.
 */
static int map_file(struct vg_dma *dma, int fd, const struct vg_dma_file **file)
{
	struct vg_dma_file new = { 0 };
	struct stat st;
	int ret = open_for(fd, &new.writable);

	if (ret)
		return ret;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !st.st_size)
		return -EINVAL;
	new.id = (struct vg_dma_id){ .dev = st.st_dev, .ino = st.st_ino };
	new.size = st.st_size;
	for (unsigned int i = 0; i < dma->num_files; i++) {
		*file = &dma->file[i];
		if (same_file((*file)->id, new.id) && (*file)->writable == new.writable)
			return (*file)->size == new.size ? 0 : -EINVAL;
	}
	if (dma->num_files == VG_DMA_MAX_FILES)
		return -ENOSPC;
	new.addr = mmap(NULL, new.size, PROT_READ | (new.writable ? PROT_WRITE : 0), MAP_SHARED, fd,
			0);
	if (new.addr == MAP_FAILED)
		return -errno;
	*file = &dma->file[dma->num_files];
	dma->file[dma->num_files++] = new;
	return 0;
}

static bool overlap(const struct vg_dma_piece *a, const struct vg_dma_piece *b)
{
	return same_file(a->id, b->id) && a->offset < b->offset + b->size &&
	       b->offset < a->offset + a->size;
}

static bool contains(const struct vg_dma_piece *a, const struct vg_dma_piece *b)
{
	return overlap(a, b) && a->offset <= b->offset &&
	       b->offset + b->size <= a->offset + a->size;
}

/* Do the offsets and the guest physical addresses of the two pieces differ by the same amount? */
static bool same_shift(const struct vg_dma_piece *a, const struct vg_dma_piece *b)
{
	return a->gpa - a->offset == b->gpa - b->offset;
}

/* Add @new to the pieces that are known, in place of those that it contains.  0 or -ENOSPC. */
static int learn(struct vg_dma *dma, const struct vg_dma_piece *new)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < dma->num_pieces; i++)
		if (!contains(new, &dma->piece[i]))
			dma->piece[kept++] = dma->piece[i];
	dma->num_pieces = kept;
	if (kept == VG_DMA_MAX_PIECES)
		return -ENOSPC;
	dma->piece[dma->num_pieces++] = *new;
	return 0;
}

/*
 * Set @gpa to the guest physical address of the part of a file that @new describes, or to
 * VG_DMA_UNKNOWN.  The address in @new is the bus address of the range.  It is the guest physical
 * address, too, if no known piece says otherwise and no IOMMU has moved a range so far.  Returns 0
 * or -ENOSPC.
 */
static int find_gpa(struct vg_dma *dma, const struct vg_dma_piece *new, uint64_t *gpa)
{
	*gpa = VG_DMA_UNKNOWN;
	for (unsigned int i = 0; i < dma->num_pieces; i++) {
		const struct vg_dma_piece *known = &dma->piece[i];

		if (contains(known, new)) {
			*gpa = known->gpa + (new->offset - known->offset);
			return 0;
		}
		if (overlap(known, new) && !same_shift(known, new))
			return 0;
	}
	if (dma->translated)
		return 0;
	*gpa = new->gpa;
	return learn(dma, new);
}

/* ---- */

/* Set @range->addr and @range->gpa to the memory of @fd at @offset. */
static int find_memory(struct vg_dma *dma, struct vg_dma_range *range, int fd, uint64_t offset)
{
	const struct vg_dma_file *file = NULL;
	int ret = map_file(dma, fd, &file);

	if (ret)
		return ret;
	if (!page_aligned(offset) || offset > file->size || range->size > file->size - offset)
		return -EINVAL;
	if (range->writable && !file->writable)
		return -EACCES;
	range->addr = (uint8_t *)file->addr + offset;
	return find_gpa(dma,
			&(struct vg_dma_piece){
				.id = file->id,
				.offset = offset,
				.size = range->size,
				.gpa = range->iova,
			},
			&range->gpa);
}

int vg_dma_map(struct vg_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd,
	       uint64_t offset)
{
	struct vg_dma_range range = {
		.iova = iova,
		.size = size,
		.gpa = VG_DMA_UNKNOWN,
		.readable = flags & VFIO_USER_DMA_READ,
		.writable = flags & VFIO_USER_DMA_WRITE,
	};
	const struct vg_dma_range *next;
	struct position pos;
	int ret;

	if (flags & ~(VFIO_USER_DMA_READ | VFIO_USER_DMA_WRITE))
		return -EINVAL;
	if (!size || !page_aligned(iova) || !page_aligned(size) || iova + size - 1 < iova)
		return -EINVAL;

	pos = first_from(dma, iova);
	next = range_at(dma, pos);
	if (next && next->iova <= last(&range))
		return -EEXIST;
	if (dma->count == VG_DMA_MAX_RANGES)
		return -ENOSPC;
	if (fd >= 0) {
		ret = find_memory(dma, &range, fd, offset);
		if (ret)
			return ret;
	}
	dma->translated += range.addr && range.gpa != VG_DMA_UNKNOWN && range.gpa != iova;
	return insert(dma, pos, &range);
}

/* Does a range contain both @iova and the address before it? */
static bool splits(const struct vg_dma *dma, uint64_t iova)
{
	const struct vg_dma_range *range = range_at(dma, first_from(dma, iova));

	return range && range->iova < iova;
}

int vg_dma_unmap(struct vg_dma *dma, uint64_t iova, uint64_t size)
{
	uint64_t end = iova + size - 1;

	if (!size || !page_aligned(iova) || !page_aligned(size) || end < iova)
		return -EINVAL;
	if (splits(dma, iova) || (end != UINT64_MAX && splits(dma, end + 1)))
		return -EINVAL;

	for (;;) {
		struct position pos = first_from(dma, iova);
		const struct vg_dma_range *range = range_at(dma, pos);

		if (!range || range->iova > end)
			return 0;
		erase(dma, pos);
	}
}

void vg_dma_unmap_all(struct vg_dma *dma)
{
	for (size_t i = 0; i < dma->num_blocks; i++)
		free(dma->block[i]);
	dma->num_blocks = dma->count = 0;
}

void vg_dma_fini(struct vg_dma *dma)
{
	vg_dma_unmap_all(dma);
	free(dma->block);
	for (unsigned int i = 0; i < dma->num_files; i++)
		munmap(dma->file[i].addr, dma->file[i].size);
	memset(dma, 0, sizeof(*dma));
}

/*
 * The pointer to @iova, and in @len how many bytes from there on are in the same range.  NULL if
 * the address is not accessible.
 */
static uint8_t *look_up(const struct vg_dma *dma, uint64_t iova, bool write, uint64_t *len,
			uint64_t *gpa)
{
	const struct vg_dma_range *range = range_at(dma, first_from(dma, iova));
	uint64_t skip;

	if (!range || iova < range->iova || !range->addr ||
	    !(write ? range->writable : range->readable))
		return NULL;
	skip = iova - range->iova;
	*len = range->size - skip;
	*gpa = range->gpa == VG_DMA_UNKNOWN ? VG_DMA_UNKNOWN : range->gpa + skip;
	return (uint8_t *)range->addr + skip;
}

void *vg_dma_lookup(const struct vg_dma *dma, uint64_t iova, uint64_t len, bool write,
		    uint64_t *gpa)
{
	uint64_t done, first_gpa, more, more_gpa;
	uint8_t *first = look_up(dma, iova, write, &done, &first_gpa);

	if (!first || (len && iova + len - 1 < iova))
		return NULL;
	for (; done < len; done += more)
		if (look_up(dma, iova + done, write, &more, &more_gpa) != first + done)
			return NULL;
	if (gpa)
		*gpa = first_gpa;
	return first;
}

bool vg_dma_may_be_device(const struct vg_dma *dma, uint64_t iova)
{
	const struct vg_dma_range *range = range_at(dma, first_from(dma, iova));

	if (!dma->translated)
		return true;
	return range && range->iova <= iova && !range->addr && range->writable;
}
