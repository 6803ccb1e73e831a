/* SPDX-License-Identifier: MIT */
/* A model that takes the place of the GPU and records the host's calls. */
#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include "vgpu.h"

struct vgpu {
	const struct vg_host_ops *ops;
	void *host;
	uint64_t seed;
	uint8_t *vram;
	uint32_t mmio[VG_MMIO_SIZE / 4];
	uint64_t doorbell_value;
	uint32_t doorbell_offset;
	unsigned int doorbell_size;
	unsigned int resets, doorbells, mmio_writes, vram_reads, vram_writes;
	unsigned int steps, runs, drains, bus_written;
	uint64_t watched;	     /* bus address that vgpu_unmapping() looks up */
	void *still_there;	     /* the memory that the last vgpu_unmapping() found there */
	int bus_error;		     /* of the last vgpu_bus_written() */
	unsigned int busy_steps;     /* number of steps for which the model is still busy */
	bool waiting;		     /* during these steps its queues only wait */
	const char *stops_when_done; /* after these steps the model stops with this reason */
	const char *stopped;
};

#endif
