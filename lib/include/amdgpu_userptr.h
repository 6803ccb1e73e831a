/* SPDX-License-Identifier: MIT */
/*
 * libamdgpu_userptr - scattered host memory as one contiguous GPU virtual address range
 *
 * A context stands for one or more amdgpu render nodes. A map takes an array of CPU address
 * ranges and places them one after the other in the GPU virtual address space of every device of
 * the context. The memory is not pinned: when the CPU side changes (fork and copy-on-write,
 * MADV_DONTNEED, migration, swap), the kernel stops the KFD user mode queues of the process,
 * brings the GPU's page tables up to date and lets the queues go on.
 *
 * That needs a kernel with AMDGPU_GEM_USERPTR_HSA, and a render node file whose GPU address space
 * KFD has adopted (AMDKFD_IOC_ACQUIRE_VM, which ROCr does for its own files). The library never
 * falls back to userptr buffers without that flag: they would map without an error, and running
 * KFD queues would lose the memory at the first change.
 *
 * Rules for all functions
 *
 * - They return 0 or a negative errno. They never touch errno and never print.
 * - Argument structs begin with their own size. Fill in sizeof(the struct) and zero the rest;
 *   unknown flags and reserved fields that are not zero are refused with -EINVAL. A larger struct
 *   of a newer header is accepted while the part this library does not know is zero (-E2BIG
 *   otherwise). A smaller struct is accepted down to its first published size.
 * - Every argument is checked before the first ioctl. In a struct of arguments only the fields
 *   marked "out" are written, and on failure only the failed_* fields.
 * - All functions of one context may be called from any thread at any time, except that a context
 *   must not be destroyed and a map must not be unmapped while another call is using it.
 * - After fork() the child must not use the parent's contexts: all calls return -EPERM there,
 *   without an ioctl. amdgpu_userptr_ctx_destroy() is the exception: it frees the child's copy of
 *   the context and leaves the parent's GPU state alone. The child's copy of the memory that the
 *   library has for maps stays allocated, because a thread of the parent may have been changing it
 *   at the time of the fork. The child does not inherit reserved GPU addresses (VA_RESERVE).
 *
 * Page size: addresses and sizes are multiples of the CPU page size, which is a run time value
 * (sysconf(_SC_PAGESIZE); 64 KiB on some hosts). amdgpu_userptr_range_cover() turns an unaligned
 * buffer into a range.
 */
#ifndef AMDGPU_USERPTR_H
#define AMDGPU_USERPTR_H

#include <stdint.h>

#include <amdgpu.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this header; amdgpu_userptr_version() has that of the library. */
#define AMDGPU_USERPTR_VERSION_MAJOR	0
#define AMDGPU_USERPTR_VERSION_MINOR	1
#define AMDGPU_USERPTR_VERSION_PATCH	0

/** A version as one number, to compare with others. */
#define AMDGPU_USERPTR_MAKE_VERSION(major, minor, patch) \
	(((uint32_t)(major) << 16) | ((uint32_t)(minor) << 8) | (uint32_t)(patch))

#define AMDGPU_USERPTR_VERSION \
	AMDGPU_USERPTR_MAKE_VERSION(AMDGPU_USERPTR_VERSION_MAJOR, AMDGPU_USERPTR_VERSION_MINOR, \
				    AMDGPU_USERPTR_VERSION_PATCH)

/**
 * amdgpu_userptr_version() - the version of the library
 *
 * Return: AMDGPU_USERPTR_VERSION of the header that the library was built with.
 */
uint32_t amdgpu_userptr_version(void);

/** An index that names nothing; see struct amdgpu_userptr_map_args. */
#define AMDGPU_USERPTR_NONE	UINT32_MAX

/** One or more devices, and the maps made on them. */
struct amdgpu_userptr_ctx;

/** Ranges of host memory that are mapped to one range of GPU virtual addresses. */
struct amdgpu_userptr_mapping;

/* ------------------------------------------------------------------------------------------- */
/* Context										       */

/**
 * enum amdgpu_userptr_backend - how maps are made of the kernel's buffer objects
 * @AMDGPU_USERPTR_BACKEND_AUTO: the best that the kernel offers on all devices
 * @AMDGPU_USERPTR_BACKEND_SCATTER: one buffer object for all ranges of a map
 *	(AMDGPU_GEM_USERPTR_SCATTER): two ioctls and a wait however many ranges there are
 * @AMDGPU_USERPTR_BACKEND_RANGES: one for each range: two ioctls per range and a wait
 *
 * What a map does is the same with each of them, only what it costs is not.
 */
enum amdgpu_userptr_backend {
	AMDGPU_USERPTR_BACKEND_AUTO = 0,
	AMDGPU_USERPTR_BACKEND_SCATTER = 1,
	AMDGPU_USERPTR_BACKEND_RANGES = 2,
};

/**
 * struct amdgpu_userptr_ctx_args - which devices a context works on
 *
 * Exactly one of @devices and @fds is set. Each entry must be another device. The handles and
 * files stay the caller's: the library neither duplicates nor closes them, and they must stay
 * open until the context is destroyed. Give the very handle or file that KFD acquired; a second
 * open of the same render node is another address space, in which maps fail with -EOPNOTSUPP.
 */
struct amdgpu_userptr_ctx_args {
	uint32_t size;				/**< sizeof(struct amdgpu_userptr_ctx_args) */
	uint32_t flags;				/**< none defined, 0 */
	const amdgpu_device_handle *devices;	/**< @num_devices libdrm handles, or NULL */
	const int *fds;				/**< @num_devices render node files, or NULL */
	uint32_t num_devices;			/**< 1 to AMDGPU_USERPTR_MAX_DEVICES */
	uint32_t backend;			/**< enum amdgpu_userptr_backend */
	/**
	 * Longest time that a call waits for page table updates, in nanoseconds; 0: no limit. The
	 * updates wait for the kernel to stop the queues of the process, so they can take seconds.
	 * Without a limit a call can block for as long as the GPU hangs, which is for ever where
	 * the kernel does not reset it. Only the waits of the library have the limit, not the
	 * ioctls.
	 */
	uint64_t timeout_ns;
};

/** Most devices of one context. */
#define AMDGPU_USERPTR_MAX_DEVICES	64

/**
 * amdgpu_userptr_ctx_create() - create a context
 * @args: devices
 * @ctx: out: the context
 *
 * It succeeds on kernels without AMDGPU_GEM_USERPTR_HSA too, so that
 * amdgpu_userptr_query_caps() can say what is missing.
 *
 * Return: 0; -EINVAL or -E2BIG for bad arguments; -ENODEV when a file is not of the amdgpu driver;
 * -EOPNOTSUPP when BACKEND_SCATTER is asked for and a device's kernel does not know it; -ENOMEM; or
 * the error of an ioctl.
 */
int amdgpu_userptr_ctx_create(const struct amdgpu_userptr_ctx_args *args,
			      struct amdgpu_userptr_ctx **ctx);

/**
 * amdgpu_userptr_ctx_destroy() - unmap everything and free the context
 * @ctx: the context, or NULL (nothing happens)
 *
 * Maps that still exist are unmapped as by amdgpu_userptr_unmap(); their pointers are dead
 * afterwards, also after -ETIME. The context is gone whatever the return value. In a forked child only the
 * child's copy of the context itself is freed.
 *
 * Return: 0 or the first error met.
 */
int amdgpu_userptr_ctx_destroy(struct amdgpu_userptr_ctx *ctx);

/**
 * struct amdgpu_userptr_caps - what works on one device of a context
 */
struct amdgpu_userptr_caps {
	uint32_t size;		/**< sizeof(struct amdgpu_userptr_caps) */
	uint32_t device;	/**< in: index of the device in the context */
	/**
	 * out: 0 when maps work now; -EINVAL: the kernel does not know AMDGPU_GEM_USERPTR_HSA;
	 * -EOPNOTSUPP: the GPU address space of this file does not belong to KFD; another
	 * negative errno: the kernel's reason. The answer comes from trying with a page of the
	 * library's own, so it is right for patched kernels of any version number.
	 */
	int32_t hsa_status;
	uint32_t vm_timeline;	/**< out: 1 when page table updates can be waited for (DRM 3.64) */
	uint32_t drm_major;	/**< out: DRM interface version of the driver */
	uint32_t drm_minor;	/**< out */
	uint32_t max_ranges;	/**< out: most ranges of one amdgpu_userptr_map() call */
	uint32_t backend;	/**< out: enum amdgpu_userptr_backend in use, never AUTO */
	uint64_t page_size;	/**< out: CPU page size, unit of CPU addresses and sizes */
	uint64_t granularity;	/**< out: unit of GPU addresses */
	uint64_t va_alignment;	/**< out: alignment the device asks for */
	uint64_t va_min;	/**< out: lowest GPU address that can be mapped */
	uint64_t va_max;	/**< out: end of the low half of the GPU address space */
	uint32_t map_flags;	/**< out: AMDGPU_USERPTR_MAP_* that maps can have on the device */
	uint32_t hsa_reason;	/**< out: enum amdgpu_userptr_reason of @hsa_status */
};

/**
 * amdgpu_userptr_query_caps() - ask what works on a device
 * @ctx: context
 * @caps: in: @size, @device; out: the rest
 *
 * Return: 0; -EINVAL or -E2BIG for bad arguments; -EPERM in a forked child; -ENOMEM.
 */
int amdgpu_userptr_query_caps(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_caps *caps);

/* ------------------------------------------------------------------------------------------- */
/* Map and unmap									       */

/** The GPU may only read the range; the memory may be mapped read-only on the CPU. */
#define AMDGPU_USERPTR_RANGE_READONLY	(1u << 0)

/**
 * struct amdgpu_userptr_range - a piece of host memory
 *
 * Ranges may overlap each other: the memory then shows up at several GPU addresses. The kernel takes
 * no more than 64 ranges of the same page in one buffer object.
 */
struct amdgpu_userptr_range {
	uint64_t cpu_addr;	/**< start, multiple of the CPU page size */
	uint64_t size;		/**< bytes, multiple of the CPU page size, not 0 */
	uint32_t flags;		/**< AMDGPU_USERPTR_RANGE_* */
	uint32_t reserved;	/**< 0 */
};

/**
 * enum amdgpu_userptr_va_mode - where the GPU addresses come from
 * @AMDGPU_USERPTR_VA_RESERVE: the library reserves CPU address space (a PROT_NONE mapping) and
 *	uses the same numbers on the GPU. As long as all GPU addresses of the process are made that
 *	way, as in ROCr, nothing can collide.
 * @AMDGPU_USERPTR_VA_ALLOC: amdgpu_va_range_alloc() of libdrm, which knows nothing of KFD's
 *	allocations. Only for a context of one device that was given as amdgpu_device_handle.
 * @AMDGPU_USERPTR_VA_FIXED: the caller's address in @fixed_va, for example from
 *	hsa_amd_vmem_address_reserve(). It must be free on every device.
 */
enum amdgpu_userptr_va_mode {
	AMDGPU_USERPTR_VA_RESERVE = 0,
	AMDGPU_USERPTR_VA_ALLOC = 1,
	AMDGPU_USERPTR_VA_FIXED = 2,
};

/**
 * Make a buffer object of each range whatever the backend, even where neighbours in the array are
 * neighbours in memory. Without it the kernel treats such neighbours as one range, which is cheaper
 * to map; with it, a change of one of them costs the kernel no work on the other.
 */
#define AMDGPU_USERPTR_MAP_NO_COALESCE	(1u << 0)

/*
 * How the GPU caches the memory, as AMDGPU_GEM_CREATE_* of the same names in <amdgpu_drm.h>; KFD's
 * userptrs with KFD_IOC_ALLOC_MEM_FLAGS_* of these names are the same. Without any of them the
 * memory is coarse-grained. They reach further than AMDGPU_VM_MTYPE_* in va_flags, which some GPUs
 * do not heed. For kernels from DRM 3.65 on; amdgpu_userptr_caps.map_flags tells.
 */
/** Shared coherently with CPU threads and other devices, by system scope of the instructions. */
#define AMDGPU_USERPTR_MAP_COHERENT	(1u << 1)
/** Not cached by the GPU: coherent without flushes of its caches. */
#define AMDGPU_USERPTR_MAP_UNCACHED	(1u << 2)
/** Coherent across devices with device scope of the instructions, too. */
#define AMDGPU_USERPTR_MAP_EXT_COHERENT	(1u << 3)

/**
 * enum amdgpu_userptr_stage - what failed
 * @AMDGPU_USERPTR_STAGE_NONE: nothing
 * @AMDGPU_USERPTR_STAGE_VALIDATE: a check of the arguments, before any ioctl
 * @AMDGPU_USERPTR_STAGE_VA_RESERVE: getting GPU addresses
 * @AMDGPU_USERPTR_STAGE_USERPTR: the kernel refused the memory
 * @AMDGPU_USERPTR_STAGE_VA_MAP: the kernel refused the GPU address
 * @AMDGPU_USERPTR_STAGE_WAIT: waiting for the page table update
 */
enum amdgpu_userptr_stage {
	AMDGPU_USERPTR_STAGE_NONE = 0,
	AMDGPU_USERPTR_STAGE_VALIDATE = 1,
	AMDGPU_USERPTR_STAGE_VA_RESERVE = 2,
	AMDGPU_USERPTR_STAGE_USERPTR = 3,
	AMDGPU_USERPTR_STAGE_VA_MAP = 4,
	AMDGPU_USERPTR_STAGE_WAIT = 5,
};

/**
 * enum amdgpu_userptr_reason - why a call failed
 * @AMDGPU_USERPTR_REASON_NONE: it did not
 * @AMDGPU_USERPTR_REASON_OTHER: the errno alone tells
 * @AMDGPU_USERPTR_REASON_ARGUMENT: an argument is not valid
 * @AMDGPU_USERPTR_REASON_LIMIT: too many ranges have the same page
 * @AMDGPU_USERPTR_REASON_NO_MEMORY: there is no memory, or KFD's limit for memory that GPUs can
 *	reach does not permit more
 * @AMDGPU_USERPTR_REASON_NO_ADDRESSES: the process has no address space, or the device cannot map
 *	at the address
 * @AMDGPU_USERPTR_REASON_ADDRESS_IN_USE: something else is mapped at the GPU addresses
 * @AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD: the kernel does not know a flag that the call needs
 * @AMDGPU_USERPTR_REASON_NO_KFD_VM: KFD has not acquired the GPU address space of the file
 * @AMDGPU_USERPTR_REASON_FOREIGN_VM: another process has acquired it
 * @AMDGPU_USERPTR_REASON_MEMORY: a range is not mapped, not writable, or has failed
 * @AMDGPU_USERPTR_REASON_SVM: KFD's shared virtual memory manages the memory of a range
 * @AMDGPU_USERPTR_REASON_XNACK: the queues of the process can wait for page faults
 * @AMDGPU_USERPTR_REASON_BUSY: the kernel cannot do it now, but may later
 * @AMDGPU_USERPTR_REASON_TIMEOUT: the page tables were not up to date in time
 * @AMDGPU_USERPTR_REASON_RESET: the GPU was reset
 */
enum amdgpu_userptr_reason {
	AMDGPU_USERPTR_REASON_NONE = 0,
	AMDGPU_USERPTR_REASON_OTHER = 1,
	AMDGPU_USERPTR_REASON_ARGUMENT = 2,
	AMDGPU_USERPTR_REASON_LIMIT = 3,
	AMDGPU_USERPTR_REASON_NO_MEMORY = 4,
	AMDGPU_USERPTR_REASON_NO_ADDRESSES = 5,
	AMDGPU_USERPTR_REASON_ADDRESS_IN_USE = 6,
	AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD = 7,
	AMDGPU_USERPTR_REASON_NO_KFD_VM = 8,
	AMDGPU_USERPTR_REASON_FOREIGN_VM = 9,
	AMDGPU_USERPTR_REASON_MEMORY = 10,
	AMDGPU_USERPTR_REASON_SVM = 11,
	AMDGPU_USERPTR_REASON_XNACK = 12,
	AMDGPU_USERPTR_REASON_BUSY = 13,
	AMDGPU_USERPTR_REASON_TIMEOUT = 14,
	AMDGPU_USERPTR_REASON_RESET = 15,
};

/**
 * struct amdgpu_userptr_map_args - arguments of amdgpu_userptr_map()
 */
struct amdgpu_userptr_map_args {
	uint32_t size;		/**< sizeof(struct amdgpu_userptr_map_args) */
	uint32_t flags;		/**< AMDGPU_USERPTR_MAP_* */
	uint32_t va_mode;	/**< enum amdgpu_userptr_va_mode */
	/**
	 * AMDGPU_VM_PAGE_READABLE, _WRITEABLE, _EXECUTABLE, _NOALLOC and AMDGPU_VM_MTYPE_* of
	 * <amdgpu_drm.h>; 0 is readable and writeable. READONLY ranges lose _WRITEABLE.
	 */
	uint32_t va_flags;
	uint64_t fixed_va;	/**< the GPU address for VA_FIXED, otherwise 0 */
	/**
	 * Alignment of the GPU address, a power of two and a multiple of the CPU page size. 0: what
	 * the device asks for, and 2 MiB when the map is at least that large, for large fragments.
	 */
	uint64_t alignment;
	const struct amdgpu_userptr_range *ranges; /**< placed one after the other */
	uint32_t num_ranges;	/**< 1 to amdgpu_userptr_caps.max_ranges */
	uint32_t range_stride;	/**< sizeof(struct amdgpu_userptr_range) */
	uint64_t gpu_va;	/**< out: the GPU address of the first byte */
	/**
	 * out: index of the range at fault, or AMDGPU_USERPTR_NONE, also where the kernel refused a
	 * buffer object of many ranges for another reason than the memory of one of them
	 */
	uint32_t failed_range;
	uint32_t failed_device;	/**< out: index of the device at fault, or AMDGPU_USERPTR_NONE */
	uint32_t failed_stage;	/**< out: enum amdgpu_userptr_stage */
	uint32_t failed_reason;	/**< out: enum amdgpu_userptr_reason */
};

/**
 * amdgpu_userptr_map() - map ranges of host memory to one contiguous range of GPU addresses
 * @ctx: context
 * @args: ranges and placement
 * @mapping: out: the map
 *
 * All or nothing, on all devices of the context. When it returns 0 the GPU sees the memory; when it
 * fails nothing is left behind. On failure @args names the stage, and the range and the device
 * where one is at fault; -EINVAL for @args itself (size, NULL) writes nothing.
 *
 * The map follows the addresses, not the memory: after munmap() GPU access to the piece faults,
 * and after mremap() the piece at the old address is gone. Memory that is mapped anew at the same
 * address is picked up with the next restore of the process, whenever that is: map the ranges again
 * to be sure of it.
 *
 * Return: 0, or
 * -EINVAL: bad arguments; at stage USERPTR the kernel does not know AMDGPU_GEM_USERPTR_HSA, or what
 *	@flags say of caches; at stage VA_MAP the GPU address is in use by somebody else.
 * -E2BIG: more than max_ranges ranges, too many of the same page, or a larger @args struct than this
 *	library knows.
 * -EOVERFLOW: a range, or the sum of the sizes, does not fit into the address space.
 * -ERANGE: the GPU addresses are outside of what a device can map.
 * -EEXIST: VA_FIXED overlaps another map of this context.
 * -EOPNOTSUPP: the GPU address space of a device does not belong to KFD (acquire it first), or
 *	the kernel cannot tell when page table updates are complete (DRM before 3.64).
 * -EFAULT: a range is not mapped, or not writable and not marked READONLY.
 * -EACCES, -EPERM: the kernel's policy does not allow this memory.
 * -EPERM: in a forked child.
 * -EADDRINUSE: KFD's shared virtual memory (SVM) manages the range already.
 * -EHWPOISON: memory of a range has failed (a hardware error).
 * -EPROTO: the queues of the process can wait for page faults (XNACK is on): use SVM.
 * -EBUSY: the kernel cannot do it now (checkpoint, DRM user queues on the same file).
 * -ETIME: at stage WAIT, the page tables were not up to date before the context's @timeout_ns.
 * -ECANCELED: at stage WAIT, the GPU was reset, so the kernel may have dropped page table updates,
 *	of earlier maps too.
 * -ENOMEM.
 */
int amdgpu_userptr_map(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_map_args *args,
		       struct amdgpu_userptr_mapping **mapping);

/**
 * amdgpu_userptr_unmap() - take a map away from all devices
 * @mapping: the map, or NULL (nothing happens)
 *
 * On return no GPU can reach the memory through the map: page tables are updated, TLBs flushed.
 * The GPU must not be using the addresses any more; if it is, its accesses fault.
 *
 * Return: 0; -EPERM in a forked child, where @mapping lives on until its context is destroyed; -ETIME
 * when the page tables were not up to date before the context's @timeout_ns: @mapping is not usable any
 * more, but still holds the memory and the addresses, and another call goes on waiting. Another
 * error, such as -ECANCELED after a reset of the GPU, means that a step failed on the way and @mapping
 * is gone all the same. A GPU may then still reach the memory, so the library does not give the
 * addresses to another map, and the caller must not use those of VA_FIXED again.
 */
int amdgpu_userptr_unmap(struct amdgpu_userptr_mapping *mapping);

/**
 * amdgpu_userptr_range_cover() - range of whole pages around a buffer
 * @ctx: context
 * @addr: start of the buffer
 * @len: bytes, not 0
 * @range: out: the pages, with @flags 0
 * @offset: out: where the buffer begins in the range
 *
 * The GPU will be able to reach everything on these pages, not only the buffer.
 *
 * Return: 0; -EINVAL; -EOVERFLOW; -EPERM in a forked child.
 */
int amdgpu_userptr_range_cover(struct amdgpu_userptr_ctx *ctx, const void *addr, uint64_t len,
			       struct amdgpu_userptr_range *range, uint64_t *offset);

/**
 * amdgpu_userptr_stage_name() - a word for an enum amdgpu_userptr_stage
 * @stage: the stage
 *
 * Return: a string constant, never NULL.
 */
const char *amdgpu_userptr_stage_name(uint32_t stage);

/**
 * amdgpu_userptr_reason_text() - a sentence for an enum amdgpu_userptr_reason
 * @reason: the reason
 *
 * Return: a string constant, never NULL.
 */
const char *amdgpu_userptr_reason_text(uint32_t reason);

/* ------------------------------------------------------------------------------------------- */
/* Queries										       */

/**
 * The range shares CPU addresses with the map's GPU addresses without being at its own place there:
 * one number then means two things. Allowed, and rarely what one wants.
 */
#define AMDGPU_USERPTR_INFO_VA_CLASH	(1u << 0)

/**
 * struct amdgpu_userptr_info - what is behind a GPU address
 */
struct amdgpu_userptr_info {
	uint32_t size;		/**< sizeof(struct amdgpu_userptr_info) */
	uint32_t flags;		/**< out: AMDGPU_USERPTR_INFO_* */
	struct amdgpu_userptr_mapping *mapping;	/**< out: the mapping the address is in */
	uint64_t mapping_va;	/**< out: GPU address of the map */
	uint64_t mapping_size;	/**< out: bytes of the map */
	uint64_t cpu_addr;	/**< out: CPU address of the byte asked for */
	uint64_t range_va;	/**< out: GPU address of the range the byte is in */
	uint64_t range_cpu_addr; /**< out: CPU address of that range */
	uint64_t range_size;	/**< out: bytes of it */
	uint32_t range_flags;	/**< out: AMDGPU_USERPTR_RANGE_*, as given */
	uint32_t range_index;	/**< out: its index in the array that was given */
};

/**
 * amdgpu_userptr_query() - look up a GPU address in all maps of a context
 * @ctx: context
 * @gpu_va: any GPU address
 * @info: in: @size; out: the rest
 *
 * Return: 0; -ENOENT when no map covers the address; -EINVAL or -E2BIG for bad arguments; -EPERM in
 * a forked child.
 */
int amdgpu_userptr_query(struct amdgpu_userptr_ctx *ctx, uint64_t gpu_va,
			 struct amdgpu_userptr_info *info);

/**
 * struct amdgpu_userptr_stats - counters of a context
 *
 * The first group describes the maps that exist now, the second adds up since creation.
 */
struct amdgpu_userptr_stats {
	uint32_t size;		/**< sizeof(struct amdgpu_userptr_stats) */
	uint32_t reserved;	/**< 0 */
	uint64_t mappings;		/**< out: maps */
	uint64_t bytes;		/**< out: bytes of GPU address space they cover */
	uint64_t ranges;	/**< out: ranges given for them */
	uint64_t bos;		/**< out: buffer objects behind them, on all devices together */
	uint64_t map_calls;	/**< out: amdgpu_userptr_map() calls that got past the checks */
	uint64_t map_failures;	/**< out: of these, calls that failed */
	uint64_t map_ns;	/**< out: time spent in them, nanoseconds */
	uint64_t unmap_calls;	/**< out: maps taken away */
	uint64_t unmap_ns;	/**< out: time spent on that, nanoseconds */
	uint64_t ioctls;	/**< out: ioctls issued */
	uint64_t scatter_bos;	/**< out: of @bos, those that cover ranges from anywhere (now) */
};

/**
 * amdgpu_userptr_query_stats() - read the counters of a context
 * @ctx: context
 * @stats: in: @size; out: the rest
 *
 * Return: 0; -EINVAL or -E2BIG for bad arguments; -EPERM in a forked child.
 */
int amdgpu_userptr_query_stats(struct amdgpu_userptr_ctx *ctx,
			       struct amdgpu_userptr_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* AMDGPU_USERPTR_H */
