/* SPDX-License-Identifier: MIT */
/* A GPU that copies memory, for the examples: KFD without ROCm, and one SDMA queue. */
#ifndef GPU_QUEUE_H
#define GPU_QUEUE_H

#include <stdint.h>
#include <sys/uio.h>

struct gpu_queue {
	int kfd, drm_fd; /* /dev/kfd; a render node whose GPU address space KFD uses */
	uint32_t gpu_id;
	char *ring;
	uint64_t put;		    /* bytes of packets in the ring since its creation */
	volatile uint64_t *control; /* read pointer, write pointer, fence */
	volatile uint64_t *doorbell;
	uint64_t copies;
	char *seen; /* memory to which gpu_queue_compare() copies */
};

/* All functions return 0 or a negative errno. -ENODEV: KFD does not have this GPU. */
int gpu_queue_open(struct gpu_queue *gpu, const char *render_node);
/* System memory that CPU and GPU have at the same address. */
int gpu_queue_alloc(struct gpu_queue *gpu, uint64_t size, char **memory);
/* Let the GPU copy, and wait for it. -ETIME: the GPU has not copied all after a minute. */
int gpu_queue_copy(struct gpu_queue *gpu, uint64_t dst, uint64_t src, uint64_t size);
/*
 * Let the GPU read from @va on, and compare with @pieces one after the other; -EIO if they differ.
 */
int gpu_queue_compare(struct gpu_queue *gpu, uint64_t va, const struct iovec *pieces,
		      unsigned int num_pieces);
/* Make memory of KFD, or of this process (USERPTR), accessible to the GPU at @va. */
int gpu_queue_map(struct gpu_queue *gpu, uint64_t va, uint64_t size, uint32_t flags,
		  uint64_t *offset, uint64_t *handle);
int gpu_queue_unmap(struct gpu_queue *gpu, uint64_t handle);

#endif
