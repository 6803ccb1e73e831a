/* SPDX-License-Identifier: MIT */
/*
 * Private side of libamdgpu_userptr.
 *
 * device.c	contexts and their devices
 * space.c	GPU address space: where a map goes
 * reserve.c	CPU address space that is reserved for it
 * maps.c	which map is where
 * range.c	arithmetic on ranges; pure, no ioctls, no allocation
 * map.c	map and unmap
 * reason.c	what an error means
 * build.c	their steps in the kernel, and the roll back
 * sync.c	page table updates and waiting for them
 * ioctl.c	the only file that talks to the kernel and to libdrm
 */
#ifndef AU_INTERNAL_H
#define AU_INTERNAL_H

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <amdgpu_drm.h>

#include "amdgpu_userptr.h"
#include "uapi.h"

/*
 * First DRM minor of amdgpu whose GEM_VA takes a timeline syncobj. Older ones ignore the fields,
 * and a wait for such a point has nothing to wait for.
 */
#define AU_DRM_MINOR_VM_TIMELINE	64
/* First one that may know AMDGPU_GEM_USERPTR_SCATTER; trying tells. */
#define AU_DRM_MINOR_SCATTER		65
/* First one that may know AMDGPU_GEM_USERPTR_COHERENT and its like; trying tells. */
#define AU_DRM_MINOR_COHERENCE		65

/* Most ranges of one call: 32 MiB of arguments and about as much bookkeeping. */
#define AU_MAX_RANGES	(1u << 20)

/* Most ranges the kernel takes for one scatter buffer object. */
#define AU_MAX_BO_RANGES	(1u << 20)

/*
 * Largest buffer object in pages. The kernel keeps a page pointer and a DMA address per page in one
 * array, which kvcalloc() limits to INT_MAX bytes (drivers/gpu/drm/ttm/ttm_tt.c,
 * ttm_dma_tt_alloc_page_directory()); rounded down so that pieces stay aligned to 512 pages.
 */
#define AU_BO_ALIGN_PAGES	UINT64_C(512)
#define AU_MAX_BO_PAGES \
	(((uint64_t)INT_MAX / (2 * sizeof(uint64_t))) & ~(AU_BO_ALIGN_PAGES - 1))

/* From this size on a map is aligned for fragments of it (AMDGPU_VM_FRAGMENT_SIZE_2MB). */
#define AU_LARGE_ALIGNMENT	(UINT64_C(2) << 20)

static_assert(offsetof(struct amd_gem_va_args, map_size) ==
	      offsetof(struct drm_amdgpu_gem_va, map_size), "not the uapi's layout");
static_assert(offsetof(struct amd_userptr_args, handle) ==
	      offsetof(struct drm_amdgpu_gem_userptr, handle), "not the uapi's layout");

/* The caller's array of ranges goes to the kernel as it is. */
static_assert(offsetof(struct amdgpu_userptr_range, cpu_addr) ==
		      offsetof(struct amd_userptr_range, addr) &&
	      offsetof(struct amdgpu_userptr_range, size) ==
		      offsetof(struct amd_userptr_range, size) &&
	      offsetof(struct amdgpu_userptr_range, flags) ==
		      offsetof(struct amd_userptr_range, flags) &&
	      offsetof(struct amdgpu_userptr_range, reserved) ==
		      offsetof(struct amd_userptr_range, pad) &&
	      sizeof(struct amdgpu_userptr_range) == sizeof(struct amd_userptr_range) &&
	      AMDGPU_USERPTR_RANGE_READONLY == AMDGPU_GEM_USERPTR_RANGE_READONLY,
	      "ranges need a conversion for the kernel");

/* On what the .map file exports; all else is hidden. */
#define AU_PUBLIC	__attribute__((visibility("default")))

/*
 * Everything the library asks of the outside. Tests put a model of the kernel here; @priv is theirs.
 * Functions return 0 or -errno and may change errno.
 */
struct au_ops {
	int (*ioctl)(void *priv, int fd, unsigned long request, void *arg);
	int (*device_fd)(void *priv, amdgpu_device_handle device);
	/* The same for all files of one render node. */
	int (*device_id)(void *priv, int fd, uint64_t *id);
	int (*va_alloc)(void *priv, amdgpu_device_handle device, uint64_t size, uint64_t alignment,
			uint64_t *va, amdgpu_va_handle *handle);
	void (*va_free)(void *priv, amdgpu_va_handle handle);
	int (*reserve)(void *priv, uint64_t size, uint64_t *addr);
	int (*release)(void *priv, uint64_t addr, uint64_t size);
	uint64_t (*page_size)(void *priv);
};

extern const struct au_ops au_kernel_ops;

/* Constant after creation, but for the timeline. */
struct au_device {
	struct amdgpu_userptr_ctx *ctx;
	amdgpu_device_handle handle;		/* NULL when the caller gave a file */
	int fd;
	uint32_t drm_major, drm_minor;
	uint64_t va_alignment;
	uint64_t va_min, va_max;		/* [min, max), low half */
	uint64_t high_va_min, high_va_max;	/* 0, 0: no high half */
	uint32_t syncobj;			/* timeline of page table updates, 0: none */
	uint32_t gpu_ctx;			/* amdgpu's, only to ask for resets; 0: none */
	atomic_uint num_resets;			/* that somebody has noticed */

	/* Points must enter the timeline in order: held from taking a point to the ioctl's end. */
	pthread_mutex_t timeline_lock;
	uint64_t timeline_point;		/* last one that the kernel has accepted */
};

/* How much fits into one buffer object; fewer ranges in tests. */
struct au_bo_limits {
	uint64_t size;				/* bytes */
	uint32_t num_ranges;			/* of a scatter buffer object */
};

struct amdgpu_userptr_ctx {
	const struct au_ops *ops;
	void *ops_priv;
	const char *mark;			/* to 1; to 0 in a forked child */
	uint64_t page_size;
	enum amdgpu_userptr_backend backend;	/* constant, not AUTO */
	struct au_bo_limits limits;		/* constant */
	uint64_t timeout_ns;			/* constant, 0: none */
	atomic_uint_fast64_t num_ioctls;

	pthread_mutex_t lock;			/* for the rest, never held across an ioctl */
	struct amdgpu_userptr_mapping **maps;	/* by address, no overlap, with unfinished ones */
	size_t num_maps, max_maps;
	struct amdgpu_userptr_stats stats;	/* but for @ioctls */
	struct au_reservation *spares;		/* by address: the kernel did not release them */

	uint32_t num_devices;
	struct au_device devices[];
};

/* A range of a map: 16 bytes, since there may be a million of them. */
struct au_range {
	uint64_t offset;			/* in the map; it ends where the next one begins */
	uint64_t cpu_addr;			/* page aligned, AMDGPU_USERPTR_RANGE_* in the low bits */
};

#define AU_RANGE_FLAGS	((uint64_t)AMDGPU_USERPTR_RANGE_READONLY)

#define AU_MAP_COHERENCE \
	(AMDGPU_USERPTR_MAP_COHERENT | AMDGPU_USERPTR_MAP_UNCACHED | AMDGPU_USERPTR_MAP_EXT_COHERENT)

/* How the ranges of a map are divided among buffer objects. */
enum au_division {
	AU_PER_RANGE,				/* one each */
	AU_COALESCE,				/* one for neighbours that are so in memory too */
	AU_SCATTER,				/* one for as many as it can take */
};

/* What one userptr buffer object covers: ranges [first_range, end_range), or a part of one. */
struct au_bo {
	uint64_t offset;
	uint64_t cpu_addr;			/* not of a scatter buffer object */
	uint64_t size;
	uint32_t range_flags;			/* those that all its ranges have */
	uint32_t first_range;
	uint32_t end_range;
	bool scatter;				/* whole ranges, from anywhere */
};

/* CPU address space without access. */
struct au_reservation {
	uint64_t addr;
	uint64_t size;
	struct au_reservation *next;		/* ctx->lock: of ctx->spares */
};

/* A piece of GPU address space. */
struct au_space {
	enum amdgpu_userptr_va_mode mode;
	uint64_t va;
	uint64_t size;
	struct au_reservation *reservation;	/* AMDGPU_USERPTR_VA_RESERVE, with slack */
	amdgpu_va_handle handle;		/* AMDGPU_USERPTR_VA_ALLOC */
};

/* Page table updates that belong together. */
struct au_updates {
	uint64_t point;				/* of the last one */
	unsigned int resets;			/* of the device before the first one */
};

/* How far a map has got on one device; taking it down starts from here. */
struct au_map_device {
	uint32_t *handles;			/* one per BO */
	uint32_t num_handles;			/* that exist */
	uint64_t mapped;			/* bytes from the map's start that have a VA mapping */
	bool clearing;				/* they had, and @updates is not done yet */
	int error;				/* because of which a GPU may still reach the memory */
	struct au_updates updates;
};

struct amdgpu_userptr_mapping {
	struct amdgpu_userptr_ctx *ctx;
	struct au_space space;
	uint32_t flags;				/* AMDGPU_USERPTR_MAP_* */
	uint32_t va_flags;
	bool ready;				/* ctx->lock: can be looked up */
	uint32_t num_ranges;
	uint32_t num_bos;
	uint32_t num_scatter_bos;
	int64_t deadline;			/* of the wait that map() is in */
	const struct amdgpu_userptr_range *given;	/* the caller's, while the map is made */
	struct au_range *ranges;
	struct au_bo *bos;
	struct au_map_device devices[];
};

/* Whom to blame, as in struct amdgpu_userptr_map_args. */
struct au_failure {
	uint32_t range;
	uint32_t device;
	uint32_t stage;
};

/* device.c */
int au_ctx_create(const struct amdgpu_userptr_ctx_args *args, const struct au_ops *ops, void *priv,
		  struct amdgpu_userptr_ctx **ctx);
/* 0, or -EPERM in a forked child. */
int au_ctx_check_owner(const struct amdgpu_userptr_ctx *ctx);
/*
 * What the kernel says to a buffer object of a page of the library's own. No version number tells
 * for sure which flags a kernel knows.
 */
int au_device_try(struct au_device *device, bool scatter, uint32_t map_flags);
/*
 * Take a caller's struct of a first version with @first bytes, of which this library knows @known:
 * copies what both know to @copy and zeroes the rest of it.
 */
int au_struct_get(const void *user, void *copy, size_t first, size_t known);
/* The way back, for structs with out fields. */
void au_struct_put(void *user, const void *copy, size_t known);

/* space.c */
/* @space: in: mode, va (fixed), size. @alignment 0: a good one. */
int au_space_get(struct amdgpu_userptr_ctx *ctx, struct au_space *space, uint64_t alignment);
void au_space_put(struct amdgpu_userptr_ctx *ctx, struct au_space *space);
/* Nobody may get the addresses any more. */
void au_space_abandon(struct au_space *space);
/* Whether all of [va, va + size) can be mapped on the device. */
bool au_device_has_va(const struct au_device *device, uint64_t va, uint64_t size);
/* Whether there are addresses for which that is true. */
bool au_device_has_size(const struct au_device *device, uint64_t size);

/* reserve.c */
int au_reserve(struct amdgpu_userptr_ctx *ctx, uint64_t size, struct au_reservation **reservation);
/* Now, or when the kernel permits. */
void au_release(struct amdgpu_userptr_ctx *ctx, struct au_reservation *reservation);
/* At the end of the context; the first error of what has to stay reserved. */
int au_release_spares(struct amdgpu_userptr_ctx *ctx);

/* maps.c */
/* Claim the map's addresses in the context; -EEXIST when another map has some of them. */
int au_maps_insert(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_mapping *map);
void au_maps_remove(struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_mapping *map);
/* Map, ready or not, that covers @va, or NULL. Call with ctx->lock held. */
struct amdgpu_userptr_mapping *au_maps_find(const struct amdgpu_userptr_ctx *ctx, uint64_t va);

/* range.c */
/* Check @count ranges; @total: sum of the sizes, @bad: index of a range that is wrong. */
int au_ranges_check(const struct amdgpu_userptr_range *ranges, uint32_t count, uint64_t page_size,
		    uint64_t *total, uint32_t *bad);
/* Lay the ranges out one after the other. */
void au_ranges_place(const struct amdgpu_userptr_range *ranges, uint32_t count,
		     struct au_range *placed);
/* Divide them, @total bytes, among buffer objects; returns how many. @bos NULL: only count. */
uint64_t au_ranges_to_bos(const struct amdgpu_userptr_range *ranges, uint32_t count,
			  enum au_division division, const struct au_bo_limits *limits,
			  uint64_t total, struct au_bo *bos);
/* Ranges [first, end) of those the buffer object covers, as one of its kind. */
struct au_bo au_bo_part(const struct au_bo *bo, const struct amdgpu_userptr_range *ranges,
			const struct au_range *placed, uint32_t first, uint32_t end);
/* Index of the range that holds byte @offset of the map. */
uint32_t au_ranges_find(const struct au_range *placed, uint32_t count, uint64_t offset);

/* map.c */
/* Free the memory of a map that has nothing left in the kernel. */
void au_map_free(struct amdgpu_userptr_mapping *map);
/* Unmap. With @final the map is gone whatever happens, else it stays after -ETIME. */
int au_unmap(struct amdgpu_userptr_mapping *map, bool final);

/* reason.c */
/* enum amdgpu_userptr_reason of an error at a stage, which names a range or AMDGPU_USERPTR_NONE. */
uint32_t au_reason(int error, uint32_t stage, uint32_t range);

/* build.c */
/* All in the kernel that the map is made of; what there is of it at an error has to be taken down. */
int au_map_build(struct amdgpu_userptr_mapping *map, struct au_failure *failure);
/*
 * Undo what has been built, as far as there is something. -ETIME: call again, unless it is @final.
 * After another error all is gone, but see au_map_is_clean().
 */
int au_map_take_down(struct amdgpu_userptr_mapping *map, bool final);
/* Whether no GPU can reach anything at the addresses of a map that was taken down. */
bool au_map_is_clean(const struct amdgpu_userptr_mapping *map);

/* sync.c */
uint64_t au_now_ns(void);
/* Of a wait that begins now. */
int64_t au_deadline(const struct amdgpu_userptr_ctx *ctx);
void au_updates_begin(struct au_device *device, struct au_updates *updates);
/* Change page tables. */
int au_va_map(struct au_device *device, uint32_t handle, uint64_t va, uint64_t size,
	      uint32_t va_flags, struct au_updates *updates);
/* Remove all mappings in the range, of whatever BO. */
int au_va_clear(struct au_device *device, uint64_t va, uint64_t size, struct au_updates *updates);
/* -ETIME after the deadline; -ECANCELED when a reset may have cancelled an update. */
int au_va_wait(struct au_device *device, const struct au_updates *updates, int64_t deadline);

/* ioctl.c, all 0 or -errno */
int au_drm_version(struct au_device *device);
int au_device_info(struct au_device *device);
/* @ranges: those given for the map; @map_flags: AMDGPU_USERPTR_MAP_*. */
int au_gem_userptr(struct au_device *device, const struct au_bo *bo,
		   const struct amdgpu_userptr_range *ranges, uint32_t map_flags, uint32_t *handle);
int au_gem_close(struct au_device *device, uint32_t handle);
int au_gem_va(struct au_device *device, const struct amd_gem_va_args *args);
int au_syncobj_create(struct au_device *device, uint32_t *syncobj);
int au_syncobj_destroy(struct au_device *device, uint32_t syncobj);
int au_syncobj_wait(struct au_device *device, uint32_t syncobj, uint64_t point, int64_t deadline);
int au_gpu_ctx_create(struct au_device *device, uint32_t *gpu_ctx);
int au_gpu_ctx_destroy(struct au_device *device, uint32_t gpu_ctx);
/* @reset: whether the GPU was reset since the last call or creation. */
int au_gpu_ctx_query(struct au_device *device, bool *reset);

#endif /* AU_INTERNAL_H */
