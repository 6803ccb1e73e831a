/* SPDX-License-Identifier: MIT */
/*
 * A model of the kernel for struct au_ops: buffer objects, GPU mappings, syncobjs and address
 * space. It ends the program when the library breaks a rule.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <pthread.h>

#include "internal.h"

#define FAKE_MAX_DEVICES 3
#define FAKE_FIRST_FD	 1000
#define FAKE_MAX_TRACE	 64
#define FAKE_KFD_FD	 2000
#define FAKE_FIRST_SMI	 3000 /* files of events */
#define FAKE_FIRST_GPU	 7    /* KFD's number of the first device */
#define FAKE_CPU_PAGE	 UINT64_C(4096)
#define FAKE_OWN_PAGE	 UINT64_C(0x7e0000000000) /* page of the library's own */

/* The limits of the address space in device_info(). */
#define FAKE_VA_MIN	 UINT64_C(0x200000)
#define FAKE_VA_MAX	 (UINT64_C(1) << 47)
#define FAKE_HIGH_VA_MIN UINT64_C(0xffff800000000000)
#define FAKE_HIGH_VA_MAX UINT64_C(0xffffffffffe00000)

struct fake_bo {
	uint64_t addr, size;
	uint32_t first_range, num_ranges; /* of a scatter BO, in device->ranges */
	uint32_t flags;
	bool open;
	bool own;   /* by GEM_CREATE or GEM_OP, for the library itself */
	bool remap; /* the MMIO remap page */
	void *page; /* where the library has mapped its own BO, or NULL */
	unsigned int num_mappings;
	uint64_t removed; /* timeline point of the last removal of a mapping */
};

struct fake_mapping {
	uint64_t va, size;
	uint64_t bo_offset;
	uint32_t handle;
	uint32_t flags;
};

/* Addresses through which the GPU may reach memory until the library has waited for the removal. */
struct fake_stale {
	uint64_t va, size;
	uint64_t point; /* timeline point of the removal; UINT64_MAX: no wait ends it */
};

struct fake_device {
	struct fake_bo *bos; /* index is handle - 1 */
	uint32_t num_bos, max_bos;
	struct amdgpu_userptr_range *ranges; /* of all scatter BOs, closed or not */
	uint32_t num_ranges, max_ranges;
	struct fake_mapping *mappings; /* by address */
	uint32_t num_mappings, max_mappings;
	struct fake_stale *stale;
	uint32_t num_stale, max_stale;
	uint64_t point, waited; /* last point that the library has added, has waited for */
	bool syncobj;
	bool gpu_ctx;
	uint32_t cs_ctx;	       /* the newest context for submissions */
	unsigned int cs_ctxs;	       /* contexts for submissions that exist */
	unsigned int cancels;	       /* number of submissions that a reset will cancel */
	uint64_t cs_fence, cs_done;    /* last fence, last that the library has waited for */
	unsigned int cs_errors;	       /* this many fences of submissions get an error... */
	int cs_error;		       /* ...which is this one */
	uint32_t cs_failed;	       /* the context whose last fence has @cs_error; 0: none */
	volatile uint32_t *remap_page; /* as the library sees it */
	bool hangs;		     /* the test sets it: page table updates are not done in time */
	bool reset;		     /* the test sets it: the GPU was reset since the last query */
	unsigned int reset_polls;    /* the test sets it: number of queries during the reset */
	bool wait_failed;	     /* a wait has failed because of @fail_call */
	bool no_scatter;	     /* does not know AMDGPU_GEM_USERPTR_SCATTER */
	bool no_gpu_page_va;	     /* cannot map parts of CPU pages */
	bool no_coherence;	     /* does not know AMDGPU_GEM_USERPTR_COHERENT etc. */
	unsigned int refused_clears; /* this many calls that remove mappings fail... */
	int clear_error;	     /* ...with this error */
	unsigned int open_bos;
	unsigned int failed_closes; /* of @open_bos, those whose close has failed */
	bool smi;		    /* a file of events is open */
	char events[8192];	    /* events that the file has */
	unsigned int num_event_bytes, smi_read_limit; /* most bytes of one read; 0: no limit */
	int smi_error;				      /* if not 0, each read fails with it */
};

/* CPU address space that is not free. */
struct fake_taken {
	uint64_t va, size;
};

enum fake_call {
	FAKE_VERSION,
	FAKE_INFO,
	FAKE_USERPTR,
	FAKE_CLOSE,
	FAKE_MAP,
	FAKE_CLEAR,
	FAKE_SYNCOBJ_CREATE,
	FAKE_SYNCOBJ_DESTROY,
	FAKE_WAIT,
	FAKE_CTX_CREATE,
	FAKE_CTX_DESTROY,
	FAKE_CTX_QUERY,
	FAKE_CTX_QUERY2,
	FAKE_GEM_CREATE,
	FAKE_GEM_MMAP,
	FAKE_GEM_OP,
	FAKE_HW_IP,
	FAKE_CS,
	FAKE_WAIT_CS,
	FAKE_HDP_FLUSH,
	FAKE_MAP_BO,
	FAKE_TOPOLOGY,
	FAKE_SMI_OPEN,
	FAKE_SMI_ENABLE,
	FAKE_SMI_CLOSE,
	FAKE_VA_ALLOC,
	FAKE_VA_FREE,
	FAKE_RESERVE,
	FAKE_RELEASE,
	FAKE_FIND_GAP,
	FAKE_NUM_CALLS
};

struct fake_kernel {
	pthread_mutex_t lock;
	uint64_t page_size;
	uint64_t ids_flags; /* of the devices, besides @gpu_page_va */
	uint32_t family;    /* of the devices */
	bool xgmi;	    /* KFD's topology has xGMI between CPU and GPU */
	bool no_vram;	    /* there is no VRAM for BOs of the library */
	int remap_error;    /* of OPEN_GLOBAL; 0: the kernel has the remap page */
	/* Error of the ioctl HDP_FLUSH; 0: it flushes; -EINVAL: the kernel does not have it. */
	int kernel_flush_error;
	uint32_t dma_rings, compute_rings;
	bool gpu_page_va; /* GEM_VA can map parts of CPU pages */
	uint32_t drm_minor;
	const char *driver;
	bool one_node;		    /* all files are of one render node */
	int userptr_error;	    /* if not 0, each GEM_USERPTR fails with it */
	uint64_t bad_addr;	    /* GEM_USERPTR refuses ranges that contain this address... */
	int bad_error;		    /* ...with this error; fake_init() sets -EFAULT */
	uint32_t backend;	    /* for the contexts that fake_ctx() creates */
	uint64_t timeout_ns;	    /* for the contexts that fake_ctx() creates */
	uint64_t va_max;	    /* end of the lower half of the devices' addresses */
	uint64_t next_reservation;  /* of reserve() without a hint */
	unsigned int refused_hints; /* number of hints that another thread takes first */
	struct fake_taken *taken;
	uint32_t num_taken, max_taken;
	unsigned int reservations, allocations;
	unsigned int own_pages; /* pages of page_get() that page_put() has not freed */
	bool no_own_page;	/* the test sets it: the process cannot map another page */

	unsigned int calls; /* number of calls of fake_begin() */
	unsigned int count[FAKE_NUM_CALLS];
	unsigned int fail_call; /* 1: the next call fails, 0: none */
	int fail_error;
	/*
	 * The call that @fail_call chose has failed. From then on gem_close() no longer checks that
	 * the library has removed a BO's mappings first, because after an error the library may
	 * close the BO without that.
	 */
	bool failed;
	int64_t deadline;     /* of the first wait; the test sets it to 0 */
	bool second_deadline; /* another wait had another deadline; the test sets it to false */
	enum fake_call trace[FAKE_MAX_TRACE]; /* the first calls, as many as fit */
	unsigned int num_traced;

	struct fake_device devices[FAKE_MAX_DEVICES];
};

extern const struct au_ops fake_ops;

/* The backend that the command line names. */
uint32_t fake_backend(int argc, char **argv);

void fake_init(struct fake_kernel *fake, uint32_t backend);
/* Free the memory of a device in the model. */
void fake_device_free(struct fake_device *device);
/* Check that nothing is left, and free the model. */
void fake_fini(struct fake_kernel *fake);
/* Check that there is no BO, mapping, reservation or allocation. */
void fake_check_empty(const struct fake_kernel *fake);

/* A context on the first @num_devices devices, by file; and one on the first device, by handle. */
struct amdgpu_userptr_ctx *fake_ctx(struct fake_kernel *fake, uint32_t num_devices);
struct amdgpu_userptr_ctx *fake_ctx_by_handle(struct fake_kernel *fake);

/* Mark address space as in use, and as free again. */
void fake_take(struct fake_kernel *fake, uint64_t va, uint64_t size);
void fake_give_back(struct fake_kernel *fake, uint64_t va, uint64_t size);

/* Add a line to the events of a device, if it fits. */
void fake_event(struct fake_kernel *fake, unsigned int device, const char *line);

/* The mapping that has @va, or NULL. */
const struct fake_mapping *fake_find(const struct fake_kernel *fake, unsigned int device,
				     uint64_t va);
/* The BO of the mapping that has @va, and the flags of the page table entry for @va. */
const struct fake_bo *fake_find_bo(const struct fake_kernel *fake, unsigned int device,
				   uint64_t va);
uint32_t fake_find_flags(const struct fake_kernel *fake, unsigned int device, uint64_t va);
/* The CPU address of the byte at @va, or 0. */
uint64_t fake_translate(const struct fake_kernel *fake, unsigned int device, uint64_t va);

/* Functions that the files of the model share. The caller holds fake->lock. */
/* Make room for one more element of an array. */
void *fake_grow(void *array, uint32_t used, uint32_t *max, size_t size);
/* Index of the first mapping whose last byte is at @va or behind. */
uint32_t fake_search(const struct fake_device *device, uint64_t va);
/* Remove the mappings [first, end). @point: as in struct fake_stale. */
void fake_remove_mappings(struct fake_device *device, uint32_t first, uint32_t end, uint64_t point);
int fake_gem_va(struct fake_kernel *fake, struct fake_device *device,
		const struct amd_gem_va_args *args);
/* Count the call, and fail if the test wants it. Change errno, because the real calls may. */
int fake_begin(struct fake_kernel *fake, enum fake_call call);
/* Add a BO, and return its handle. */
uint32_t fake_add_bo(struct fake_device *device, const struct fake_bo *bo);
int fake_gem_create(struct fake_kernel *fake, struct fake_device *device,
		    union drm_amdgpu_gem_create *args);
int fake_gem_op(struct fake_kernel *fake, struct fake_device *device,
		struct drm_amdgpu_gem_op *args);
int fake_gem_mmap(struct fake_kernel *fake, struct fake_device *device,
		  union drm_amdgpu_gem_mmap *args);
int fake_hw_ip(const struct fake_kernel *fake, const struct drm_amdgpu_info *args);
int fake_cs(struct fake_kernel *fake, struct fake_device *device, union drm_amdgpu_cs *args);
int fake_wait_cs(struct fake_kernel *fake, struct fake_device *device,
		 union drm_amdgpu_wait_cs *args);
int fake_hdp_flush(struct fake_kernel *fake, struct fake_device *device,
		   const struct amd_hdp_flush_args *args);
int fake_smi_open(struct fake_kernel *fake, int fd, struct amd_smi_events_args *args);
/* Functions for fake_ops. They take fake->lock themselves. */
int fake_reserve(void *priv, uint64_t hint, uint64_t size, uint64_t *addr);
int fake_release(void *priv, uint64_t addr, uint64_t size);
int fake_find_gap(void *priv, uint64_t min, uint64_t max, uint64_t size, uint64_t *addr);
int fake_va_alloc(void *priv, amdgpu_device_handle device, uint64_t size, uint64_t alignment,
		  uint64_t *va, amdgpu_va_handle *handle);
void fake_va_free(void *priv, amdgpu_va_handle handle);
int fake_page_get(void *priv, uint64_t size, uint64_t *addr);
void fake_page_put(void *priv, uint64_t addr, uint64_t size);
int fake_map_bo(void *priv, int fd, uint64_t offset, uint64_t size, void **ptr);
void fake_unmap_bo(void *priv, void *ptr, uint64_t size);
bool fake_xgmi_to_cpu(void *priv, int fd);
int fake_smi_enable(void *priv, int fd, uint64_t events);
int fake_smi_read(void *priv, int fd, char *bytes, size_t size);
void fake_smi_close(void *priv, int fd);

static inline struct amdgpu_userptr_map_args fake_map_args(
	const struct amdgpu_userptr_range *ranges, uint32_t count)
{
	return (struct amdgpu_userptr_map_args){
		.size = sizeof(struct amdgpu_userptr_map_args),
		.ranges = ranges,
		.num_ranges = count,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
}

#endif /* FAKE_KERNEL_H */
