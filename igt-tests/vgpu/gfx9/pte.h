/* SPDX-License-Identifier: MIT */
/*
 * Page table and directory entries of GFX9 with translate-further;
 * drivers/gpu/drm/amd/amdgpu/amdgpu_vm.h:50-93, gmc_v9_0.c:984-1047.
 */
#ifndef VG_PTE_H
#define VG_PTE_H

#include <stdint.h>

#define VG_PTE_VALID	  (1ull << 0)
#define VG_PTE_SYSTEM	  (1ull << 1) /* the page is in guest RAM, else in VRAM */
#define VG_PTE_EXECUTABLE (1ull << 4)
#define VG_PTE_READABLE	  (1ull << 5)
#define VG_PTE_WRITEABLE  (1ull << 6)
#define VG_PTE_PRT	  (1ull << 51) /* no page: reads give 0, writes are dropped */
#define VG_PDE_PTE	  (1ull << 54) /* this directory entry maps a page */
#define VG_PTE_TF	  (1ull << 56) /* translate further: this entry of PDB0 points to a PTB */

#define VG_PTE_FRAG_SHIFT 7
#define VG_PTE_FRAG_MASK  0x1full /* log2 of the number of pages in the fragment */
#define VG_PDE_BFS_SHIFT  59
#define VG_PDE_BFS_MASK	  0x1full /* log2 of the number of pages for an entry of the next table */

#define VG_PTE_PAGE_MASK  0x0000fffffffff000ull
#define VG_PDE_TABLE_MASK 0x0000ffffffffffc0ull
#define VG_VA_BITS	  48
#define VG_VA_MASK	  ((1ull << VG_VA_BITS) - 1)

static inline unsigned int vg_pte_frag(uint64_t pte)
{
	return pte >> VG_PTE_FRAG_SHIFT & VG_PTE_FRAG_MASK;
}

static inline unsigned int vg_pde_bfs(uint64_t pde)
{
	return pde >> VG_PDE_BFS_SHIFT & VG_PDE_BFS_MASK;
}

#endif
