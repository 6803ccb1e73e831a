/* SPDX-License-Identifier: MIT */
/* Two GPUs with a queue each, a context of the library on both, and memory for its maps. */
#ifndef DEVICE_PAIR_H
#define DEVICE_PAIR_H

#include "amdgpu_userptr.h"
#include "lib/amdgpu/amd_kfd.h"

#define EXIT_SKIP    77
#define PAIR_DEVICES 2
#define PAIR_RANGES  3

struct pair_device {
	struct amd_kfd kfd;
	struct amd_kfd_queue queue;
	struct amd_kfd_mem result; /* the GPU copies the ranges to it, and the test compares */
};

struct pair {
	struct pair_device devices[PAIR_DEVICES];
	uint32_t backend;
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_range ranges[PAIR_RANGES];
	size_t page;
	char *memory; /* every second page of it is a range */
	uint64_t va;  /* the GPU address of all maps; 0: the library reserves one for each */
};

/* An ioctl that has failed without a call to the kernel. */
struct pair_failure {
	int device;	       /* index of the device; -1: no ioctl has failed */
	unsigned long request; /* of the ioctl */
	uint32_t handle;       /* of the BO, if the ioctl was to close one */
};

/*
 * Open the first two GPUs that KFD has, for the backend that the command line names. Returns 0, or
 * EXIT_SKIP after it has printed the reason.
 */
int pair_open(struct pair *pair, int argc, char **argv);
void pair_close(struct pair *pair);

/* Make a context on both GPUs. Its caller destroys it; pair_close() destroys @pair->ctx only. */
struct amdgpu_userptr_ctx *pair_ctx(const struct pair *pair, uint64_t timeout_ns);

/* Map the ranges on a set of devices, a bit for each. 0: all. */
int pair_map(struct pair *pair, struct amdgpu_userptr_ctx *ctx, uint64_t devices,
	     struct amdgpu_userptr_map_args *args, struct amdgpu_userptr_mapping **map);

/* Bytes of all ranges. */
uint64_t pair_bytes(const struct pair *pair);

void pair_change_memory(struct pair *pair);

/*
 * Let a GPU read from the address of a map, and assert that it finds the ranges there, one after
 * the other.
 */
void pair_expect_reads(struct pair *pair, unsigned int index, uint64_t va);

/*
 * Let @count ioctls on the render nodes fail with @error, beginning with the @nth from now on, so
 * that each error path of the library runs. pair_inject_end() ends the failures and returns the
 * first ioctl that failed.
 */
void pair_inject(const struct pair *pair, unsigned int nth, unsigned int count, int error);
/* Like pair_inject(), but only ioctls with the number @request count and fail. */
void pair_inject_request(const struct pair *pair, unsigned long request, unsigned int nth,
			 unsigned int count, int error);
struct pair_failure pair_inject_end(void);

#endif /* DEVICE_PAIR_H */
