/* SPDX-License-Identifier: MIT */
#include "core/gpu.h"

enum { NS_PER_US = 1000 };

/* One tick of virtual time is a microsecond of the GPU's clock. */
uint64_t vg_gpu_clock(const struct vgpu *vg)
{
	if (vg->config.real_clock)
		return vg->ops->clock(vg->host) * vg->chip->clock_mhz / NS_PER_US;
	return vg->time * vg->chip->clock_mhz;
}
