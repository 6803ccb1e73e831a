// SPDX-License-Identifier: MIT
#include "fake_model.h"

#include <stdlib.h>
#include <string.h>

struct vgpu *vgpu_new(const struct vg_config *config, const struct vg_host_ops *ops, void *host)
{
	struct vgpu *vg = calloc(1, sizeof(*vg));

	if (vg) {
		vg->ops = ops;
		vg->host = host;
		vg->seed = config->seed;
		vg->vram = config->vram;
	}
	return vg;
}

void vgpu_free(struct vgpu *vg)
{
	free(vg);
}

void vgpu_reset(struct vgpu *vg)
{
	vg->resets++;
}

uint32_t vgpu_mmio_read(struct vgpu *vg, uint32_t offset)
{
	return vg->mmio[offset / 4];
}

void vgpu_mmio_write(struct vgpu *vg, uint32_t offset, uint32_t value)
{
	vg->mmio_writes++;
	vg->mmio[offset / 4] = value;
}

void vgpu_vram_read(struct vgpu *vg, uint64_t offset, void *data, size_t len)
{
	vg->vram_reads++;
	memcpy(data, vg->vram + offset, len);
}

void vgpu_vram_write(struct vgpu *vg, uint64_t offset, const void *data, size_t len)
{
	vg->vram_writes++;
	memcpy(vg->vram + offset, data, len);
}

void vgpu_doorbell_write(struct vgpu *vg, uint32_t offset, uint64_t value, unsigned int size)
{
	vg->doorbells++;
	vg->doorbell_offset = offset;
	vg->doorbell_value = value;
	vg->doorbell_size = size;
}

void vgpu_bus_written(struct vgpu *vg, int error)
{
	vg->bus_written++;
	vg->bus_error = error;
}

bool vgpu_step(struct vgpu *vg)
{
	if (vg->busy_steps) {
		vg->busy_steps--;
		vg->steps++;
		if (!vg->busy_steps)
			vg->stopped = vg->stops_when_done;
	}
	return vg->busy_steps;
}

void vgpu_unmapping(struct vgpu *vg)
{
	vg->still_there = vg->ops->dma(vg->host, vg->watched, 1, false, NULL);
}

bool vgpu_run(struct vgpu *vg)
{
	vg->runs++;
	vgpu_step(vg);
	return vg->waiting;
}

void vgpu_drain(struct vgpu *vg)
{
	while (vgpu_step(vg))
		;
	vg->drains++;
}

void vgpu_trace(struct vgpu *vg, const char *fmt, ...)
{
}

bool vgpu_busy(const struct vgpu *vg)
{
	return vg->busy_steps;
}

bool vgpu_waiting(const struct vgpu *vg)
{
	return vg->waiting;
}

const char *vgpu_stopped(const struct vgpu *vg)
{
	return vg->stopped;
}
