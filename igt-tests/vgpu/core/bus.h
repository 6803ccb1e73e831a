/* SPDX-License-Identifier: MIT */
/* Register BAR address -> register table entry. */
#ifndef VG_BUS_H
#define VG_BUS_H

#include "core/model.h"

/* Enter every block's registers; stops when two claim one address. */
void vg_bus_init(struct vgpu *vg);
/* Start values into the storage. */
void vg_bus_reset(struct vgpu *vg);

#endif
