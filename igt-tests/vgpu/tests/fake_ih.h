/* SPDX-License-Identifier: MIT */
/*
 * Sets up the IH for fake_host.c.  It is a file of its own, because a source file can include the
 * register names of one block only.
 */
#ifndef FAKE_IH_H
#define FAKE_IH_H

#include <stdint.h>

struct vgpu;

/* Set up ring 0 at the guest physical address @ring; the IH stores the write pointer at @wptr. */
void fake_ih_program(struct vgpu *vg, uint64_t ring, uint32_t bytes, uint64_t wptr);

#endif
