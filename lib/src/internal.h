/* SPDX-License-Identifier: MIT */
/*
 * Private side of libamdgpu_userptr.
 *
 * device.c	contexts and their devices
 * map.c	map
 * unmap.c	unmap, and the maps whose removal is late
 * attach.c	one more device for a map, or one less
 * build.c	the calls of the kernel that make a map and remove it
 * range.c	arithmetic on ranges; no ioctls, no allocation
 * pages.c	ranges that do not begin and end at CPU pages
 * space.c	the GPU addresses of maps
 * reserve.c	CPU address space whose numbers are GPU addresses
 * cpu_space.c	CPU address space: calls of the kernel
 * maps.c	the table of maps, by GPU address; the queries
 * cpu.c	the maps by CPU address
 * reason.c	the meaning of errors
 * evictions.c	how often the kernel evicts the queues
 * sync.c	page table updates and waits for them
 * hdp.c	flush of the host data path: which way, and the calls
 * hdp_ways.c	each way to flush it
 * topology.c	KFD's topology in sysfs
 * ioctl.c	the only file that issues ioctls and calls libdrm
 *
 * A "map" here is a struct amdgpu_userptr_mapping. A "BO" is a buffer object. A "VA mapping" is the
 * kernel's: a BO, or a part of it, at a GPU address.
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
#include "ops.h"
#include "uapi.h"

/*
 * First DRM minor of amdgpu whose GEM_VA takes a timeline syncobj. Older kernels ignore the fields
 * and add no point, so a wait for the point would fail.
 */
#define AU_DRM_MINOR_VM_TIMELINE 64
/*
 * Kernels before these DRM minors do not know AMDGPU_GEM_USERPTR_SCATTER, or
 * AMDGPU_GEM_USERPTR_COHERENT and the like. A later kernel may know these flags or not: see
 * au_device_try().
 */
#define AU_DRM_MINOR_SCATTER	 65
#define AU_DRM_MINOR_COHERENCE	 65

/*
 * Most ranges of one call. The caller's array of them has 24 MiB, and the library's own array
 * (struct au_range) has 16 MiB.
 */
#define AU_MAX_RANGES (1u << 20)

/* Most ranges that the kernel accepts for one scatter BO. */
#define AU_MAX_BO_RANGES (1u << 20)

/*
 * Largest BO in pages. The kernel has one array with a page pointer and a DMA address per page, and
 * kvcalloc() limits that array to INT_MAX bytes (drivers/gpu/drm/ttm/ttm_tt.c,
 * ttm_dma_tt_alloc_page_directory()). The library cuts a larger range into BOs of this size. The
 * size is a multiple of 512 pages, so all of these BOs are aligned to 512 pages if the first is.
 */
#define AU_BO_ALIGN_PAGES UINT64_C(512)
#define AU_MAX_BO_PAGES	  (((uint64_t)INT_MAX / (2 * sizeof(uint64_t))) & ~(AU_BO_ALIGN_PAGES - 1))

/* Size of a GPU page (AMDGPU_GPU_PAGE_SIZE in drivers/gpu/drm/amd/amdgpu/amdgpu_gart.h). */
#define AU_GPU_PAGE UINT64_C(4096)

/* A map of at least 2 MiB is aligned to 2 MiB, so that its page tables can have large fragments. */
#define AU_LARGE_ALIGNMENT (UINT64_C(2) << 20)

static_assert(offsetof(struct amd_gem_va_args, map_size) ==
		      offsetof(struct drm_amdgpu_gem_va, map_size),
	      "not the uapi's layout");
static_assert(offsetof(struct amd_userptr_args, handle) ==
		      offsetof(struct drm_amdgpu_gem_userptr, handle),
	      "not the uapi's layout");

static_assert(AMDGPU_USERPTR_VA_MEMORY_LOCK == (AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE |
						AMDGPU_VM_PAGE_EXECUTABLE),
	      "not the uapi's values");

/* The kernel gets the caller's array of ranges as it is, so both structs need the same layout. */
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

/* For the functions that the .map file exports. All others are hidden. */
#define AU_PUBLIC __attribute__((visibility("default")))

/* A set of devices of a context is a mask: bit i is the device with index i. */
static inline uint64_t au_device_bit(uint32_t index)
{
	return UINT64_C(1) << index;
}

/* The most bytes that wait in a file of events (KFD_MAX_KFIFO_SIZE of kfd_smi_events.c). */
#define AU_SMI_FIFO_SIZE 8192

/* KFD's events of one device. */
struct au_smi {
	pthread_mutex_t lock; /* protects all members */
	int fd;		      /* file of events; -1: the caller does not watch the device */
	int pid;	      /* of this process; an event has the ID of its process */
	struct amdgpu_userptr_evictions count;
	char line[2 * AMD_SMI_EVENT_MSG_SIZE]; /* event whose end has not been read yet */
	size_t line_len;
};

/* A series of page table updates on one device. */
struct au_updates {
	uint64_t point;	     /* of the last update */
	unsigned int resets; /* device->num_resets before the first update */
};

/* A BO of the library's own, one CPU page, and the CPU's view of it. */
struct au_own_bo {
	uint32_t handle; /* 0: none */
	void *ptr;	 /* NULL: not mapped */
};

/* Commands that do nothing. When the library submits them, the driver flushes the HDP. */
struct au_noop {
	/* A thread holds this lock from the submission until the commands are done. */
	pthread_mutex_t lock;
	struct au_own_bo ib;
	uint32_t num_dwords;
	uint32_t ip_type;
	struct au_reservation *reservation; /* the GPU addresses of @ib, or NULL */
	bool mapped;			    /* the library has asked the kernel to map @ib there */
	struct au_updates updates;	    /* of the page tables for @ib */
	uint32_t gpu_ctx;		    /* 0: none */
};

/* Flush of the host data path. */
struct au_hdp {
	bool has_ioctl;	      /* constant: the kernel says that it has the ioctl */
	pthread_mutex_t lock; /* a thread holds it while it prepares a way */
	uint32_t absent;      /* bits of ways that do not exist; under @lock */
	atomic_int need;      /* enum amdgpu_userptr_hdp_need; -1: not known yet */
	atomic_int best;      /* enum amdgpu_userptr_hdp_way; AUTO: not known yet */
	/*
	 * Bits of ways. Once a bit is set, the BOs below that the way uses stay the same until the
	 * end of the context, so threads use them without @lock.
	 */
	atomic_uint prepared;
	struct au_own_bo remap;
	struct au_own_bo dummy;
	atomic_uint dummy_value;
	struct au_noop noop;
};

/* Constant after creation, except for the members with a lock, @smi and @hdp. */
struct au_device {
	struct amdgpu_userptr_ctx *ctx;
	amdgpu_device_handle handle; /* NULL when the caller gave a file */
	int fd;
	uint32_t drm_major, drm_minor;
	uint64_t va_alignment;
	uint64_t granularity;		   /* unit of GPU addresses */
	bool apu;			   /* its VRAM is memory of the system */
	uint32_t family;		   /* AMDGPU_FAMILY_* */
	uint64_t va_min, va_max;	   /* GPU addresses [min, max), low half */
	uint64_t high_va_min, high_va_max; /* the same for the high half; 0, 0: none */
	uint32_t syncobj;		   /* timeline of page table updates, 0: none */
	uint32_t gpu_ctx;		   /* CS context to ask for resets; 0: none */

	/*
	 * The kernel reports a reset to one query only. So a thread holds this lock from the query
	 * until it has counted the reset, and any other thread that asks meanwhile sees the count.
	 */
	pthread_mutex_t resets_lock;
	/*
	 * Number of resets that any thread has noticed, plus one if a reset was running when the
	 * context was created.
	 */
	unsigned int num_resets;

	/*
	 * Points must enter the timeline in order, so a thread holds this lock from the choice of a
	 * point to the end of the ioctl.
	 */
	pthread_mutex_t timeline_lock;
	uint64_t timeline_point; /* last point that the kernel has accepted */
	uint64_t timeline_done;	 /* last point that a wait has found done */

	struct au_smi smi;
	struct au_hdp hdp;
};

/* How much fits into one BO. Tests set lower limits. */
struct au_bo_limits {
	uint64_t size;	     /* bytes */
	uint32_t num_ranges; /* of a scatter BO */
};

struct amdgpu_userptr_ctx {
	const struct au_ops *ops;
	void *ops_priv;
	const char *mark; /* points to 1; in a forked child to 0, see create_mark() */
	uint64_t page_size;
	uint64_t granularity; /* constant: unit of GPU addresses; a divisor of the page size */
	enum amdgpu_userptr_backend backend; /* constant, not AUTO */
	struct au_bo_limits limits;	     /* constant */
	uint64_t va_min, va_max;	     /* constant: GPU addresses that all devices have */
	uint64_t timeout_ns;		     /* constant, 0: none */
	atomic_uint_fast64_t num_ioctls;

	pthread_mutex_t lock; /* protects the members below; not held across ioctls */
	/* In the order of GPU addresses, without overlap. Some may not be ready. */
	struct amdgpu_userptr_mapping **maps;
	size_t num_maps, max_maps;
	struct amdgpu_userptr_mapping *by_cpu;	   /* root of the treap of cpu.c */
	struct amdgpu_userptr_mapping *new_by_cpu; /* maps that no look-up of cpu.c has seen yet */
	uint64_t priority;			   /* of the node inserted last; never 0 */
	struct amdgpu_userptr_stats stats;	   /* but not @ioctls, @failed_reachable */
	struct au_reservation *spares;		   /* by address; see reserve.c */
	uint64_t search_end;			   /* see reserve.c; 0: no search yet */
	struct amdgpu_userptr_mapping *orphans;	   /* see unmap.c */
	/* Orphans in @maps. Some may be off the list, while a thread asks the kernel about them. */
	size_t num_orphans;
	/* Bits of devices that may reach memory of failed maps that the library has freed. */
	uint64_t lost;

	uint32_t num_devices;
	struct au_device devices[];
};

/* A range of a map. It has only 16 bytes, because a map can have a million ranges. */
struct au_range {
	uint64_t offset : 60; /* in the map; the range ends where the next one begins */
	uint64_t flags : 4;   /* AMDGPU_USERPTR_RANGE_* */
	uint64_t cpu_addr;
};

static_assert(sizeof(struct au_range) == 2 * sizeof(uint64_t), "larger than it has to be");

#define AU_MAP_COHERENCE \
	(AMDGPU_USERPTR_MAP_COHERENT | AMDGPU_USERPTR_MAP_UNCACHED | \
	 AMDGPU_USERPTR_MAP_EXT_COHERENT)

/* How the library divides the ranges of a map among BOs. */
enum au_division {
	AU_PER_RANGE, /* one BO for each range */
	AU_COALESCE,  /* one BO for neighbours in the array that continue each other in memory */
	AU_SCATTER,   /* one BO for as many ranges as it can have */
};

/*
 * One userptr BO. It has the ranges [first_range, end_range). If a range is too large for one BO,
 * this BO may have only a part of its first range.
 */
struct au_bo {
	uint64_t offset;
	uint64_t cpu_addr; /* 0 for a scatter BO */
	uint64_t size;
	uint32_t range_flags; /* flags that all its ranges have */
	uint32_t first_range;
	uint32_t end_range;
	bool scatter; /* the ranges may be anywhere in memory; each of them is whole */
};

/* How the ranges of a map lie in CPU pages; see pages.c. */
struct au_layout {
	uint64_t bytes; /* sum of the sizes of the ranges */
	uint64_t head;	/* bytes of the map's first unit before the first range */
	uint64_t size;	/* bytes of GPU addresses: whole units */
	uint64_t lead;	/* bytes of the first CPU page before the map's first unit; 0 if @packed */
	bool partial;	/* some ranges do not begin and end at CPU pages */
	bool packed;	/* the map has pieces */
	/* The CPU pages for the kernel; NULL: the ranges are CPU pages. */
	struct amdgpu_userptr_range *registered;
	uint32_t num_registered;
};

/* A part of a BO, in a packed map. */
struct au_piece {
	uint64_t offset; /* in the map */
	uint64_t bo_offset;
	uint64_t size;
	uint32_t bo;
	uint32_t flags; /* AMDGPU_USERPTR_RANGE_* */
};

/* CPU address space without access. */
struct au_reservation {
	uint64_t addr;
	uint64_t size;
	struct au_reservation *next; /* in ctx->spares, under ctx->lock */
};

/* A piece of GPU address space. */
struct au_space {
	enum amdgpu_userptr_va_mode mode;
	uint64_t va;
	uint64_t size;
	struct au_reservation *reservation; /* of AMDGPU_USERPTR_VA_RESERVE */
	amdgpu_va_handle handle;	    /* of AMDGPU_USERPTR_VA_ALLOC */
};

/*
 * The time limit of one call. The time begins with the first wait, because ioctls do not count.
 * Zero the struct at the start of the call.
 */
struct au_timer {
	bool runs;
	int64_t deadline; /* of the waits; INT64_MAX: none */
	/*
	 * Until this time the call repeats removals that the kernel refuses; 0: the kernel has
	 * refused none. The first refusal sets this time. For a call without a time limit the time
	 * begins there, because a wait before the first refusal can take any time.
	 */
	int64_t last_try;
	uint64_t pause_ns;
};

/* A part of a BO at a GPU address. */
struct au_va_mapping {
	uint32_t handle;
	uint32_t va_flags;
	uint64_t bo_offset;
	uint64_t va;
	uint64_t size;
};

/* The parts of a map that exist on one device. au_map_take_down() removes these parts. */
struct au_map_device {
	uint32_t *handles;    /* one per BO; NULL: the map has no BO on the device */
	uint32_t num_handles; /* BOs that exist: the first ones of the map */
	uint64_t mapped;      /* bytes with a VA mapping, from the map's start */
	bool clearing; /* the removal of VA mappings has begun, and is not known to be done */
	bool asked;    /* the library has asked the kernel to remove them */
	bool late;     /* other updates of the device are not done, so the BOs stay */
	int error;     /* if not 0, the device may still reach the memory */
	struct au_updates updates;
};

/* For cpu.c: a node of a context's treap of maps, or of its list of new maps. Under ctx->lock. */
struct au_cpu_node {
	/* The pointer in the list that points to the map; NULL: the map is not in the list. */
	struct amdgpu_userptr_mapping **at_new;
	struct amdgpu_userptr_mapping *next_new;
	/* Only a map in the treap uses the members below. */
	uint64_t first, last;  /* lowest and highest CPU address */
	uint64_t subtree_last; /* highest CPU address of all maps in the subtree */
	uint64_t priority;     /* not lower than the priority of a child */
	struct amdgpu_userptr_mapping *child[2];
	struct au_cpu_entry *array; /* NULL: there was no look-up yet */
};

struct amdgpu_userptr_mapping {
	struct amdgpu_userptr_ctx *ctx;
	struct au_cpu_node cpu;
	struct au_space space;
	struct au_layout layout;
	uint32_t flags; /* AMDGPU_USERPTR_MAP_* */
	uint32_t va_flags;
	bool ready;	   /* query() can find it; under ctx->lock */
	uint64_t attached; /* bits of devices that the map is on; under ctx->lock */
	/*
	 * Bits of devices that may still reach the map's memory although the map is not on them,
	 * because its removal is late or a call has failed; under ctx->lock.
	 */
	uint64_t reachable;
	/* map() has failed, but the map is not off all devices yet (unmap.c); under ctx->lock. */
	bool orphan;
	struct amdgpu_userptr_mapping *next_orphan; /* in ctx->orphans, under ctx->lock */
	/* attach() and detach() hold this lock while they use @devices, @given and @timer. */
	pthread_mutex_t lock;
	uint32_t num_ranges;
	uint32_t num_bos;
	uint32_t num_scatter_bos;
	struct au_timer *timer;			  /* of au_map_build() */
	const struct amdgpu_userptr_range *given; /* the ranges as an array for the kernel */
	struct au_range *ranges;		  /* of the caller */
	struct au_bo *bos;			  /* of the ranges for the kernel */
	struct au_piece *pieces;		  /* NULL: each BO is one piece */
	uint32_t num_pieces;
	struct au_map_device devices[];
};

/* The GPU address of the map's first byte. */
static inline uint64_t au_map_va(const struct amdgpu_userptr_mapping *map)
{
	return map->space.va + map->layout.head;
}

/* All devices of the context. */
static inline uint64_t au_all_devices(const struct amdgpu_userptr_ctx *ctx)
{
	return UINT64_MAX >> (AMDGPU_USERPTR_MAX_DEVICES - ctx->num_devices);
}

/* The failed_* members of struct amdgpu_userptr_map_args, and an input of au_reason(). */
struct au_failure {
	uint32_t range;
	uint32_t device;
	uint32_t stage;
	uint32_t reason; /* NONE: au_reason() finds it */
	uint64_t reachable;
	/*
	 * After -EPERM for the memory: the kernel's answer, 0 or -errno, for a page that the
	 * library owns. The answer tells bad memory from an address space of another process.
	 */
	int probe;
};

/* device.c */
int au_ctx_create(const struct amdgpu_userptr_ctx_args *args, const struct au_ops *ops, void *priv,
		  struct amdgpu_userptr_ctx **ctx);
/* 0, or -EPERM in a forked child. */
int au_ctx_check_owner(const struct amdgpu_userptr_ctx *ctx);
/*
 * Ask the kernel for a BO of one page that belongs to the library, close the BO, and return the
 * error or 0. There is no other way to find out which flags a kernel knows, because a patched
 * kernel can have any version number. -ETIME: the library did not ask, because the kernel would not
 * close the BO in time.
 */
int au_device_try(struct au_device *device, bool scatter, uint32_t map_flags,
		  struct au_timer *timer);
/*
 * Copy the part of a caller's struct that the caller's header and this library know to @copy, and
 * zero the rest of @copy. @first: size of the struct's first version. @known: size in this library.
 */
int au_struct_get(const void *user, void *copy, size_t first, size_t known);
/* Copy a struct with out fields back to the caller. */
void au_struct_put(void *user, const void *copy, size_t known);

/* space.c */
/*
 * Get addresses. @space: in: mode, va (VA_FIXED), size. @alignment 0: the library chooses. @stage:
 * out: the stage of a failure, because -ENOMEM can mean that there are no addresses, or that the
 * library has no memory.
 */
int au_space_get(struct amdgpu_userptr_ctx *ctx, struct au_space *space, uint64_t alignment,
		 uint32_t *stage);
void au_space_put(struct amdgpu_userptr_ctx *ctx, struct au_space *space);
/* Free the memory of @space, but leave the addresses reserved until the process ends. */
void au_space_abandon(struct au_space *space);
/* Whether the device can map at all of [va, va + size). */
bool au_device_has_va(const struct au_device *device, uint64_t va, uint64_t size);
/* Whether the device has @size addresses in a row. */
bool au_device_has_size(const struct au_device *device, uint64_t size);

/* reserve.c */
/* Reserve @size bytes. @reservation: zeroed memory from calloc(). */
int au_reserve(struct amdgpu_userptr_ctx *ctx, uint64_t size, struct au_reservation *reservation);
/* Release the reservation now, or as soon as the kernel permits. */
void au_release(struct amdgpu_userptr_ctx *ctx, struct au_reservation *reservation);
/* At the end of the context: release all spares. Return the first error of the kernel. */
int au_release_spares(struct amdgpu_userptr_ctx *ctx);

/* maps.c */
/*
 * Claim the map's addresses in the context. -EEXIST: another map has some of them. -ENOMEM: the
 * library has no memory.
 */
int au_maps_insert(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_mapping *map);
void au_maps_remove(struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_mapping *map);
/* The map, ready or not, that has @va, or NULL. Call with ctx->lock held. */
struct amdgpu_userptr_mapping *au_maps_find(const struct amdgpu_userptr_ctx *ctx, uint64_t va);
/*
 * @ready: let the queries find the map, and count it in the statistics. Otherwise hide the map from
 * the queries, and subtract it from the statistics.
 */
void au_maps_set_ready(struct amdgpu_userptr_mapping *map, bool ready);
/* Range @index of the map as the caller of map() gave it. */
struct amdgpu_userptr_range au_map_range(const struct amdgpu_userptr_mapping *map, uint32_t index);
/* Add the BOs on the devices @mask to the statistics or subtract them. Call with ctx->lock held. */
void au_maps_count_bos(const struct amdgpu_userptr_mapping *map, uint64_t mask, bool add);

/* cpu.c */
/*
 * au_cpu_insert() lets au_cpu_find() find the map, and au_cpu_remove() hides the map from it. Call
 * these three functions with ctx->lock held.
 */
void au_cpu_insert(struct amdgpu_userptr_mapping *map);
void au_cpu_remove(struct amdgpu_userptr_mapping *map);
/* Find the lowest GPU address @va >= @min_va of the byte at @addr, or return -ENOENT or -ENOMEM. */
int au_cpu_find(struct amdgpu_userptr_ctx *ctx, uint64_t addr, uint64_t min_va,
		struct amdgpu_userptr_mapping **map, uint64_t *va);

/* range.c */
/* Whether all ranges are valid and have whole pages. @total: out: sum of the sizes. */
bool au_ranges_are_pages(const struct amdgpu_userptr_range *ranges, uint32_t count,
			 uint64_t page_size, uint64_t *total);
/*
 * Check @count ranges, whose addresses and sizes have to be multiples of @unit. @total: out: sum of
 * the sizes. @bad: out: index of the first bad range.
 */
int au_ranges_check(const struct amdgpu_userptr_range *ranges, uint32_t count, uint64_t unit,
		    uint64_t *total, uint32_t *bad);
/* Give the ranges offsets, one after the other, and return the sum of the sizes. */
uint64_t au_ranges_place(const struct amdgpu_userptr_range *ranges, uint32_t count,
			 struct au_range *placed);
/*
 * Divide ranges of @total bytes among BOs and return their number. @bos: out: the first @max of
 * them; with @max 0 only count. If @max is not 0, the function stops when there are more than @max
 * BOs.
 */
uint64_t au_ranges_to_bos(const struct amdgpu_userptr_range *ranges, uint32_t count,
			  enum au_division division, const struct au_bo_limits *limits,
			  uint64_t total, struct au_bo *bos, uint64_t max);
/*
 * Return a BO of the same kind that has the ranges [first, end) of @bo. If @bo is a scatter BO, the
 * new BO keeps the offset of @bo, because the callers do not need the offset.
 */
struct au_bo au_bo_part(const struct au_bo *bo, const struct amdgpu_userptr_range *ranges,
			uint32_t first, uint32_t end);
/* Index of the range that has byte @offset of the map. */
uint32_t au_ranges_find(const struct au_range *placed, uint32_t count, uint64_t offset);

/* pages.c */
/*
 * Check the ranges, and fill in @layout except for @registered. On an error the function sets the
 * range of @failure, and also its reason if the errno does not tell the reason.
 */
int au_layout_check(const struct amdgpu_userptr_ctx *ctx, const struct amdgpu_userptr_range *ranges,
		    uint32_t count, uint32_t map_flags, struct au_layout *layout,
		    struct au_failure *failure);
/* Fill in @registered and @num_registered of the layout, or return -ENOMEM. */
int au_layout_register(struct au_layout *layout, const struct amdgpu_userptr_range *ranges,
		       uint32_t count, uint64_t page_size);
/*
 * Make the pieces of a map with a packed layout. Call it when the array of the map's BOs is
 * complete. -ENOMEM: there is no memory.
 */
int au_map_make_pieces(struct amdgpu_userptr_mapping *map,
		       const struct amdgpu_userptr_range *ranges, uint32_t count);

/* map.c */
/* Check that each device of @mask has a timeline. If a device has none, @failure names it. */
int au_check_devices(const struct amdgpu_userptr_ctx *ctx, uint64_t mask,
		     struct au_failure *failure);
int au_check_va(const struct amdgpu_userptr_ctx *ctx, uint64_t mask, const struct au_space *space,
		struct au_failure *failure);
/* Free the library's structures of a map that has no BO and no VA mapping (any more). */
void au_map_free(struct amdgpu_userptr_mapping *map);

/* unmap.c */
/*
 * After au_map_take_down(): give back the map's addresses, or abandon them if a GPU may still reach
 * memory through them, and free the map.
 */
void au_map_end(struct amdgpu_userptr_mapping *map);
/*
 * End a map whose map() has failed, so that no caller has it. Call it after au_map_take_down().
 * @late: au_map_take_down() returned -ETIME, so the map becomes an orphan (see unmap.c).
 */
void au_map_end_failed(struct amdgpu_userptr_mapping *map, bool late);
/*
 * The devices that may reach memory of failed maps: of orphans, or of maps that the library has
 * freed. Call with ctx->lock held.
 */
uint64_t au_orphans_reachable(const struct amdgpu_userptr_ctx *ctx);
/* Remove the orphans whose page table updates are done by now. This does not wait. */
void au_orphans_reap(struct amdgpu_userptr_ctx *ctx);
/* For the end of the context: remove all maps, and return the first error. */
int au_unmap_all(struct amdgpu_userptr_ctx *ctx, struct au_timer *timer);

/* reason.c */
/* The enum amdgpu_userptr_reason of an error. @probe: of struct au_failure. */
uint32_t au_reason(int error, uint32_t stage, int probe);

/* evictions.c */
void au_smi_init(struct au_smi *smi);
void au_smi_fini(struct au_device *device);

/* hdp.c */
void au_hdp_init(struct au_hdp *hdp);
/* Call it after au_hdp_unprepare(). */
void au_hdp_fini(struct au_hdp *hdp);

/* hdp_ways.c */
/* Prepare a way. Call with hdp->lock held. -EOPNOTSUPP: the device does not have the way. */
int au_hdp_prepare(struct au_device *device, uint32_t way, struct au_timer *timer);
/* Flush by a way that is prepared, or needs no preparation. */
int au_hdp_flush_by(struct au_device *device, uint32_t way,
		    const struct amdgpu_userptr_hdp_flush_args *args, struct au_timer *timer);
/*
 * For the end of the context: undo all preparations. If the GPU hangs, the BOs of the preparations
 * stay until the process ends.
 */
void au_hdp_unprepare(struct au_device *device, struct au_timer *timer);

/* build.c */
/*
 * Make the BOs and VA mappings of the map on the devices of @mask. After an error call
 * au_map_take_down() with the same @timer.
 */
int au_map_build(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer,
		 struct au_failure *failure);
/* Start to remove the VA mappings from the devices of @mask, without a wait for page tables. */
void au_map_clear(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer);
/*
 * Remove the VA mappings and BOs of the map from the devices of @mask. -ETIME: a device has not
 * updated its page tables yet, and the BOs stay, so call again. In all other cases there is nothing
 * left that a second call could remove. After another error the kernel may have kept a BO, or a
 * device may still reach the memory: see au_map_reachable().
 */
int au_map_take_down(struct amdgpu_userptr_mapping *map, uint64_t mask, struct au_timer *timer);
/*
 * For the end of the context, after -ETIME of au_map_take_down(): give up the BOs of the devices
 * that are late, and close the others. Return the first error.
 */
int au_map_leave(struct amdgpu_userptr_mapping *map);
/*
 * After au_map_take_down(): the devices of @mask that may still reach memory through the map's
 * addresses.
 */
uint64_t au_map_reachable(const struct amdgpu_userptr_mapping *map, uint64_t mask);
/* As au_map_reachable(), and also the devices whose BOs stay because of other updates. */
uint64_t au_map_pending(const struct amdgpu_userptr_mapping *map, uint64_t mask);

/* sync.c */
uint64_t au_now_ns(void);
/* Deadline of a wait that begins now. */
int64_t au_deadline(const struct amdgpu_userptr_ctx *ctx);
/* The deadline of the call's waits. The first use of the timer starts it. */
int64_t au_timer_deadline(const struct amdgpu_userptr_ctx *ctx, struct au_timer *timer);
/* Sleep before another try, and return true; or return false if there is no more time for one. */
bool au_timer_pause(const struct amdgpu_userptr_ctx *ctx, struct au_timer *timer);
/* Call it for a new device, after au_gpu_ctx_create(). */
int au_resets_init(struct au_device *device);
/* Call it before the first update. -ETIME: a reset of the GPU is not over by the deadline. */
int au_updates_begin(struct au_device *device, struct au_updates *updates, struct au_timer *timer);
/* Start the page table updates of a new VA mapping. au_va_wait() waits for them. */
int au_va_map(struct au_device *device, const struct au_va_mapping *mapping,
	      struct au_updates *updates);
/* Start to remove all VA mappings in the range, whatever their BO is. */
int au_va_clear(struct au_device *device, uint64_t va, uint64_t size, struct au_updates *updates);
/* Wait. -ETIME: not done by the deadline. -ECANCELED: a reset may have cancelled an update. */
int au_va_wait(struct au_device *device, const struct au_updates *updates, int64_t deadline);
/*
 * Before GEM_CLOSE, which waits for all updates of the file and cannot be interrupted: wait for all
 * updates that the library has started on the device. Return -ETIME if they are not done by the
 * deadline. Otherwise return 0, also after an error of the wait.
 */
int au_updates_drain(struct au_device *device, struct au_timer *timer);

/* ioctl.c: these return 0 or -errno */
int au_drm_version(struct au_device *device);
int au_device_info(struct au_device *device);
/* @ranges: all ranges of the map. @map_flags: AMDGPU_USERPTR_MAP_*. */
int au_gem_userptr(struct au_device *device, const struct au_bo *bo,
		   const struct amdgpu_userptr_range *ranges, uint32_t map_flags, uint32_t *handle);
int au_gem_close(struct au_device *device, uint32_t handle);
int au_gem_va(struct au_device *device, const struct amd_gem_va_args *args);
int au_syncobj_create(struct au_device *device, uint32_t *syncobj);
int au_syncobj_destroy(struct au_device *device, uint32_t syncobj);
int au_syncobj_wait(struct au_device *device, uint32_t syncobj, uint64_t point, int64_t deadline);
int au_gpu_ctx_create(struct au_device *device, uint32_t *gpu_ctx);
int au_gpu_ctx_destroy(struct au_device *device, uint32_t gpu_ctx);
/*
 * @reset: out: whether a reset of the GPU has begun since the last query, or for the first query,
 * since the creation of the CS context.
 */
int au_gpu_ctx_query(struct au_device *device, bool *reset);
/* @in_reset: out: whether a reset of the GPU has begun and is not over. */
int au_gpu_ctx_in_reset(struct au_device *device, bool *in_reset);

/* Make a BO of one CPU page, and map it for the CPU. After an error there is no BO. */
int au_own_bo_create(struct au_device *device, uint64_t domain, uint64_t flags,
		     struct au_own_bo *bo);
/* Open the MMIO remap page as a BO. -EOPNOTSUPP: the kernel has no such page. */
int au_own_bo_open_remap(struct au_device *device, struct au_own_bo *bo);
void au_own_bo_close(struct au_device *device, struct au_own_bo *bo);
/* -EINVAL: the kernel does not know the ioctl. */
int au_ioctl_hdp_flush(struct au_device *device);
/* @rings: out: the rings of the type; 0: the device has none. */
int au_hw_ip_rings(struct au_device *device, uint32_t ip_type, uint32_t *rings);
/* Submit the commands. @fence: out: for au_cs_wait(). */
int au_cs_submit(struct au_device *device, const struct au_noop *noop, uint64_t *fence);
int au_cs_wait(struct au_device *device, const struct au_noop *noop, uint64_t fence,
	       int64_t deadline);

int au_smi_open(struct au_device *device, int kfd_fd, uint32_t gpu_id);
/* -EAGAIN: there are no events. */
int au_smi_read(struct au_device *device, char *bytes, size_t size, size_t *len);
void au_smi_close(struct au_device *device);

#endif /* AU_INTERNAL_H */
