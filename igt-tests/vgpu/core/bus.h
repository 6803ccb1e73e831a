/* SPDX-License-Identifier: MIT */
/* The register BAR and the doorbell BAR. */
#ifndef VG_BUS_H
#define VG_BUS_H

#include "core/gpu.h"

/* Add a block and its registers to the bus; stops the model if two registers share an address. */
void vg_bus_add(struct vgpu *vg, const struct vg_block *block);
/*
 * Add the registers of instance @instance of all repeated blocks, each @distance dwords behind the
 * register of the first instance; 0 or -ENOMEM.
 */
int vg_bus_add_instance(struct vgpu *vg, unsigned int instance, uint32_t distance);
void vg_bus_free(struct vgpu *vg);
/* Set the storage of all registers to their reset values. */
void vg_bus_reset(struct vgpu *vg);

/* A write to the doorbell BAR; @offset counts bytes. */
void vg_doorbell(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size);

#endif
