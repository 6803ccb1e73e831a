/* SPDX-License-Identifier: MIT */
/*
 * A model of the kernel behind struct au_ops: buffer objects, GPU mappings, syncobjs and address
 * space, with the rules the library must keep. Breaking one ends the program.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <pthread.h>

#include "internal.h"

#define FAKE_MAX_DEVICES	3
#define FAKE_FIRST_FD		1000
#define FAKE_CPU_PAGE		UINT64_C(4096)

/* What fake_device_info() answers unless a test changes it. */
#define FAKE_VA_MIN		UINT64_C(0x200000)
#define FAKE_VA_MAX		(UINT64_C(1) << 47)
#define FAKE_HIGH_VA_MIN	UINT64_C(0xffff800000000000)
#define FAKE_HIGH_VA_MAX	UINT64_C(0xffffffffffe00000)

struct fake_bo {
	uint64_t addr, size;
	uint32_t first_range, num_ranges;	/* scatter: in the device's, instead of @addr */
	uint32_t flags;
	bool open;
	unsigned int num_mappings;
	uint64_t removed;			/* point of the last removal of a mapping */
};

struct fake_mapping {
	uint64_t va, size;
	uint32_t handle;
	uint32_t flags;
};

struct fake_device {
	struct fake_bo *bos;			/* handle - 1 */
	uint32_t num_bos, max_bos;
	struct amdgpu_userptr_range *ranges;	/* of all scatter BOs, closed or not */
	uint32_t num_ranges, max_ranges;
	struct fake_mapping *mappings;		/* by address */
	uint32_t num_mappings, max_mappings;
	uint64_t point, waited;			/* of the timeline: last added, last waited for */
	bool syncobj;
	bool gpu_ctx;
	bool hangs;				/* page table updates are not done in time */
	bool reset;				/* since the last query */
	bool no_scatter;			/* does not know AMDGPU_GEM_USERPTR_SCATTER */
	bool no_coherence;			/* nor AMDGPU_GEM_USERPTR_COHERENT and its like */
	unsigned int open_bos;
};

enum fake_call {
	FAKE_VERSION, FAKE_INFO, FAKE_USERPTR, FAKE_CLOSE, FAKE_MAP, FAKE_CLEAR,
	FAKE_SYNCOBJ_CREATE, FAKE_SYNCOBJ_DESTROY, FAKE_WAIT,
	FAKE_CTX_CREATE, FAKE_CTX_DESTROY, FAKE_CTX_QUERY,
	FAKE_VA_ALLOC, FAKE_VA_FREE, FAKE_RESERVE, FAKE_RELEASE,
	FAKE_NUM_CALLS
};

struct fake_kernel {
	pthread_mutex_t lock;
	uint64_t page_size;
	uint32_t drm_minor;
	const char *driver;
	bool one_node;				/* all files are of one render node */
	int userptr_error;			/* of each GEM_USERPTR, such as -EOPNOTSUPP */
	uint64_t bad_addr;			/* ranges with it are refused by GEM_USERPTR */
	int bad_error;				/* for that reason, -EFAULT from fake_init() on */
	uint32_t backend;			/* that fake_ctx() asks for */
	uint64_t timeout_ns;			/* likewise */
	uint64_t next_reservation;
	unsigned int reservations, allocations;

	unsigned int calls;			/* of anything */
	unsigned int count[FAKE_NUM_CALLS];
	unsigned int fail_call;			/* 1: the next one fails with @fail_error, 0: none */
	int fail_error;
	bool failed;				/* that happened */

	struct fake_device devices[FAKE_MAX_DEVICES];
};

extern const struct au_ops fake_ops;

/* In main() of tests that run with each backend: the one that the command line names. */
uint32_t fake_backend(int argc, char **argv);

void fake_init(struct fake_kernel *fake, uint32_t backend);
/* Free what the model has of a device. */
void fake_device_free(struct fake_device *device);
/* Nothing must be left. */
void fake_fini(struct fake_kernel *fake);
/* No BO, mapping, reservation or allocation; syncobjs belong to contexts. */
void fake_check_empty(const struct fake_kernel *fake);

/* Context on the first @num_devices devices by file, and on the first device by handle. */
struct amdgpu_userptr_ctx *fake_ctx(struct fake_kernel *fake, uint32_t num_devices);
struct amdgpu_userptr_ctx *fake_ctx_by_handle(struct fake_kernel *fake);

/* The mapping that covers @va, or NULL. */
const struct fake_mapping *fake_find(const struct fake_kernel *fake, unsigned int device,
				     uint64_t va);
/* The BO in that mapping, and the flags that the range behind @va gives its page table entries. */
const struct fake_bo *fake_find_bo(const struct fake_kernel *fake, unsigned int device,
				   uint64_t va);
uint32_t fake_find_flags(const struct fake_kernel *fake, unsigned int device, uint64_t va);
/* CPU address behind @va, or 0. */
uint64_t fake_translate(const struct fake_kernel *fake, unsigned int device, uint64_t va);

static inline struct amdgpu_userptr_map_args
fake_map_args(const struct amdgpu_userptr_range *ranges, uint32_t count)
{
	return (struct amdgpu_userptr_map_args) {
		.size = sizeof(struct amdgpu_userptr_map_args),
		.ranges = ranges,
		.num_ranges = count,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
}

#endif /* FAKE_KERNEL_H */
