/* SPDX-License-Identifier: MIT */
/* Declarations that the source files of the test amd_hdp share. */
#ifndef AMD_HDP_H
#define AMD_HDP_H

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

/*
 * The MMIO remap page has 4 KiB. Larger CPU pages would map other registers, too, so a kernel with
 * larger CPU pages refuses to open or map the remap page.
 */
#define AMD_HDP_REMAP_PAGE_SIZE 4096

/*
 * In each round the CPU writes to VRAM, flush() flushes the HDP, and the current queue must read
 * the data that the CPU has written.
 */
void amd_hdp_all_rounds(void (*flush)(void *arg), void *arg);

/* Write to the flush register in the page at @page, and read it back. */
void amd_hdp_write_remapped(volatile uint32_t *page);

/* Subtests that use the render node, in amd_hdp_render.c */
void amd_hdp_ioctl(struct amd_userptr *up);
void amd_hdp_ioctl_errors(struct amd_userptr *up);
void amd_hdp_open_global(struct amd_userptr *up);
void amd_hdp_open_global_uses(struct amd_userptr *up);

#endif
