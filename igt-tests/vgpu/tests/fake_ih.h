/* SPDX-License-Identifier: MIT */
/* In a file of its own: the IH's register names need their own source file. */
#ifndef FAKE_IH_H
#define FAKE_IH_H

#include <stdint.h>

struct vgpu;

/* Ring 0 at guest physical @ring, write pointer written back to @wptr. */
void fake_ih_program(struct vgpu *vg, uint64_t ring, uint32_t bytes, uint64_t wptr);

#endif
