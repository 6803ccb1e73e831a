/* SPDX-License-Identifier: MIT */
/* A model in place of the GPU, which records the host's calls. */
#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include "vgpu.h"

struct vgpu {
	const struct vg_host_ops *ops;
	void *host;
	uint64_t seed;
	uint32_t mmio[VG_MMIO_SIZE / 4];
	uint64_t doorbell_value;
	uint32_t doorbell_offset;
	unsigned int doorbell_size;
	unsigned int resets, doorbells, mmio_writes, steps, runs, drains;
	unsigned int busy_steps;     /* how many more steps there is work for */
	bool waiting;		     /* that work is to look again */
	const char *stops_when_done; /* reason to stop when the steps are done */
	const char *stopped;
};

#endif
