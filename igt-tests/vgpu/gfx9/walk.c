/* SPDX-License-Identifier: MIT */
/*
 * The walk of GFX9 page tables.  Levels count down to 0, the page table (PTB).
 * An entry of level n > 0 covers 9 + block_size + 9 * (n - 1) bits of page
 * number.  An entry of the PTB covers 1 << bfs pages; bfs is the block fragment
 * size in the entry above.
 *
 * With translate-further the driver uses block_size 9 and bfs 9.  The hardware then
 * treats the driver's PDB0 as the PTB.  An entry of PDB0 is a 2 MiB page, or has TF
 * set and points to one more table (gfxhub_v1_2.c:336-341,
 * gmc_v9_0.c:1020-1047).
 */
#include "gfx9/pte.h"
#include "gfx9/walk.h"

enum { VG_LEVEL_BITS = 9 };

struct walk {
	vg_walk_read_fn read;
	void *arg;
	uint64_t offset; /* of the address, from the start of the VMID's range */
	uint64_t entry;	 /* the entry that was read last */
};

static unsigned int level_shift(const struct vg_vm_context *ctx, unsigned int level)
{
	return VG_PAGE_SHIFT + VG_LEVEL_BITS * level + ctx->block_size;
}

/*
 * Read an entry of the table that w->entry points to.  The entry's index is the @bits
 * bits of the offset from bit @shift on.  If @bits is 0, it is all bits from there on.
 */
static bool descend(struct walk *w, unsigned int shift, unsigned int bits)
{
	uint64_t table = w->entry & VG_PDE_TABLE_MASK;
	uint64_t index = w->offset >> shift;

	if (bits)
		index &= (1ull << bits) - 1;
	return w->read(w->arg, table + index * sizeof(uint64_t), w->entry & VG_PTE_SYSTEM,
		       &w->entry);
}

static enum vg_walk_status leaf(const struct walk *w, unsigned int shift,
				struct vg_translation *out)
{
	uint64_t mask = (1ull << shift) - 1;
	unsigned int frag = VG_PAGE_SHIFT + vg_pte_frag(w->entry);

	/*
	 * Only the virtual address is aligned to the block: the driver treats any
	 * contiguous run of pages as one large page
	 * (amdgpu_vm.c:1198-1228), at whatever physical address the run begins.
	 */
	out->phys = (w->entry & VG_PTE_PAGE_MASK) + (w->offset & mask);
	out->system = w->entry & VG_PTE_SYSTEM;
	/*
	 * The fragment field says that neighbouring entries map contiguous memory like this
	 * one, so the TLB may cache all of them as one block.
	 */
	out->shift = frag > shift ? frag : shift;
	if (w->entry & VG_PTE_READABLE)
		out->access |= VG_READ;
	if (w->entry & VG_PTE_WRITEABLE)
		out->access |= VG_WRITE;
	if (w->entry & VG_PTE_EXECUTABLE)
		out->access |= VG_EXECUTE;
	return VG_WALK_OK;
}

static enum vg_walk_status invalid(const struct walk *w, unsigned int shift,
				   struct vg_translation *out)
{
	if (!(w->entry & VG_PTE_PRT))
		return VG_WALK_INVALID;
	out->prt = true;
	out->shift = shift;
	out->access = VG_READ | VG_WRITE;
	return VG_WALK_OK;
}

enum vg_walk_status vg_walk(const struct vg_vm_context *ctx, uint64_t va, vg_walk_read_fn read,
			    void *arg, struct vg_translation *out)
{
	struct walk w = { .read = read, .arg = arg, .entry = ctx->root };
	unsigned int level = ctx->depth;
	unsigned int bfs = 0, shift;

	*out = (struct vg_translation){ .level = level };
	va &= VG_VA_MASK;
	if (!ctx->enabled || va < ctx->start || va > ctx->last)
		return VG_WALK_RANGE;
	w.offset = va - ctx->start;

	for (; level > 0; level--) {
		shift = level_shift(ctx, level);
		out->level = level;
		if (!descend(&w, shift, level == ctx->depth ? 0 : VG_LEVEL_BITS))
			return VG_WALK_BAD_TABLE;
		out->entry = w.entry;
		if (!(w.entry & VG_PTE_VALID))
			return invalid(&w, shift, out);
		if (w.entry & VG_PDE_PTE)
			return leaf(&w, shift, out);
		bfs = vg_pde_bfs(w.entry);
	}

	out->level = 0;
	shift = VG_PAGE_SHIFT + bfs;
	if (bfs > VG_LEVEL_BITS + ctx->block_size)
		return VG_WALK_BAD_TABLE;
	if (!descend(&w, shift, ctx->depth ? VG_LEVEL_BITS + ctx->block_size - bfs : 0))
		return VG_WALK_BAD_TABLE;
	if (w.entry & VG_PTE_VALID && w.entry & VG_PTE_TF && bfs) {
		if (!descend(&w, VG_PAGE_SHIFT, bfs))
			return VG_WALK_BAD_TABLE;
		shift = VG_PAGE_SHIFT;
	}
	out->entry = w.entry;
	if (!(w.entry & VG_PTE_VALID))
		return invalid(&w, shift, out);
	return leaf(&w, shift, out);
}
