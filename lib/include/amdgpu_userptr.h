/* SPDX-License-Identifier: MIT */
/*
 * libamdgpu_userptr - scattered host memory as one contiguous GPU virtual address range
 *
 * A context stands for one or more amdgpu render nodes. amdgpu_userptr_map() takes an array of
 * CPU address ranges and makes a mapping of them: the ranges follow each other in the GPU virtual
 * address space of every device of the context. The memory is not pinned. When the CPU's page
 * tables change (fork and copy-on-write, MADV_DONTNEED, migration, swap), the kernel stops the KFD
 * user mode queues of the process, updates the GPU's page tables, and starts the queues again.
 *
 * This needs a kernel with AMDGPU_GEM_USERPTR_HSA, and a render node file whose GPU address space
 * KFD has acquired (AMDKFD_IOC_ACQUIRE_VM; ROCr does it for the files that it opens). The library
 * never falls back to userptr buffer objects without that flag. The kernel would map such buffer
 * objects without an error, but it does not stop KFD queues for them, so the queues would go on
 * using memory that the process has lost.
 *
 * Rules for all functions
 *
 * - A function returns 0 or a negative errno, unless it returns a string or a number. It does not
 *   change errno and prints nothing.
 * - Each struct begins with its own size. The caller fills in sizeof(the struct) and zeroes the
 *   rest. The library refuses unknown flags and reserved fields that are not zero with -EINVAL. It
 *   accepts the larger struct of a newer header if the part that it does not know is zero, and
 *   otherwise returns -E2BIG. It accepts a smaller struct down to the first published size.
 * - The library checks every argument before the first ioctl. It writes only the fields that are
 *   marked "out", and on failure only the failed_* fields.
 * - Any thread can call any function at any time. But no call may use a context that another call
 *   destroys, or a mapping that another call unmaps. A signal handler must not call the library,
 *   because the call that the signal has interrupted may hold a lock of the library. A thread must
 *   not be cancelled in a call, because the locks that the call holds would stay taken.
 * - After fork() the child must not use the parent's contexts: in the child all functions that take
 *   a context or a mapping return -EPERM, without an ioctl. Only amdgpu_userptr_ctx_destroy()
 *   works: it frees the child's copy of the context and leaves the parent's GPU state alone. The
 *   child's copy of the memory that the library has for mappings stays allocated, because a thread
 *   of the parent may have been changing it at the time of the fork. The child does not inherit
 *   reserved GPU addresses (VA_RESERVE), unless another thread forks it while the library is
 *   reserving them. If the context watches evictions, amdgpu_userptr_ctx_destroy() also closes the
 *   child's descriptor of the file of events, by its number. So a child that has closed all
 *   descriptors and opened other files must not destroy the context, because one of these files may
 *   have the number now.
 *
 * Stability
 *
 * Before version 1.0 each minor version may change functions and structs. Each minor version has
 * another version of the symbols (now AMDGPU_USERPTR_0.1), so a program that was built for another
 * minor version does not start. A patch version corrects bugs and changes nothing else that
 * programs see.
 *
 * From 1.0 on, functions, flags, enumerators and members of structs are only added: members at the
 * end of a struct, where zero asks for the earlier behaviour. So a program runs with any later
 * version of the library. It runs with an earlier version as long as it uses no addition which that
 * version lacks. A later version may return errors that are not listed for a function here.
 *
 * Page size: addresses and sizes are multiples of a unit that is known only at run time,
 * amdgpu_userptr_caps.granularity. It is the CPU page size (64 KiB on some machines), or 4 KiB
 * where the kernel can map parts of larger CPU pages. For a buffer that does not begin and end at
 * such multiples use amdgpu_userptr_range_cover() or AMDGPU_USERPTR_MAP_ROUND_OUT.
 */
#ifndef AMDGPU_USERPTR_H
#define AMDGPU_USERPTR_H

#include <stdint.h>

#include <amdgpu.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this header. amdgpu_userptr_version() returns the version of the library. */
#define AMDGPU_USERPTR_VERSION_MAJOR 0
#define AMDGPU_USERPTR_VERSION_MINOR 1
#define AMDGPU_USERPTR_VERSION_PATCH 0

/** A version as one number. A later version has a larger number. */
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

/** No range, or no device; see struct amdgpu_userptr_map_args. */
#define AMDGPU_USERPTR_NONE UINT32_MAX

/** One or more devices, and the mappings on them. */
struct amdgpu_userptr_ctx;

/** Ranges of host memory at one range of GPU virtual addresses. */
struct amdgpu_userptr_mapping;

/* ------------------------------------------------------------------------------------------- */
/* Context										       */

/**
 * enum amdgpu_userptr_backend - which buffer objects the kernel makes for a mapping
 * @AMDGPU_USERPTR_BACKEND_AUTO: SCATTER if the kernel knows it for all devices, else RANGES
 * @AMDGPU_USERPTR_BACKEND_SCATTER: one buffer object for all ranges (AMDGPU_GEM_USERPTR_SCATTER).
 *	The number of ioctls does not depend on the number of ranges, unless ranges have only parts
 *	of CPU pages: then the library maps each piece of memory by an ioctl.
 * @AMDGPU_USERPTR_BACKEND_RANGES: one buffer object, with two ioctls, for each piece of memory. A
 *	piece is a range, or several that follow each other in the array and in memory and have
 *	equal flags. A piece of half a TiB or more takes several buffer objects (with 4 KiB pages).
 *
 * The GPU sees the same memory with each backend. Only the cost differs.
 */
enum amdgpu_userptr_backend {
	AMDGPU_USERPTR_BACKEND_AUTO = 0,
	AMDGPU_USERPTR_BACKEND_SCATTER = 1,
	AMDGPU_USERPTR_BACKEND_RANGES = 2,
};

/**
 * struct amdgpu_userptr_ctx_args - arguments of amdgpu_userptr_ctx_create()
 *
 * The caller sets exactly one of @devices and @fds. No two entries may be of the same render node.
 * The index of a device in the context is its position in the array.
 * The caller keeps the handles and files, and must not close them before the context is destroyed.
 * The library neither duplicates nor closes them. Each must be the handle or the file that KFD
 * acquired. A second open of the same render node has another address space, in which
 * amdgpu_userptr_map() fails with -EOPNOTSUPP.
 */
struct amdgpu_userptr_ctx_args {
	uint32_t size;			     /**< sizeof(struct amdgpu_userptr_ctx_args) */
	uint32_t flags;			     /**< 0, because there are no flags yet */
	const amdgpu_device_handle *devices; /**< @num_devices libdrm handles, or NULL */
	const int *fds;			     /**< @num_devices render node files, or NULL */
	uint32_t num_devices;		     /**< 1 to AMDGPU_USERPTR_MAX_DEVICES */
	uint32_t backend;		     /**< enum amdgpu_userptr_backend */
	/**
	 * Longest time that a call waits for page table updates, in nanoseconds; 0: no limit. The
	 * limit is for all waits of the call together, also for those of its roll back. The time in
	 * ioctls does not count, and an ioctl can take seconds, because it waits for locks that the
	 * kernel holds while it looks for the memory of mappings and starts the queues of the
	 * process again. Without a limit a call blocks for as long as the GPU hangs, and for ever
	 * if the kernel does not reset the GPU.
	 *
	 * While the GPU hangs, the kernel would block each call that closes a buffer object until
	 * all page table updates of the file are done. So the library first waits for the updates
	 * that it has started, and closes nothing after -ETIME. In two cases a call may block in
	 * spite of the limit: the GPU hangs in an update that another user of the file, such as
	 * ROCm, has started, because the library does not know such updates; or another thread
	 * starts an update while the call is closing buffer objects, and the GPU hangs in this
	 * update. The kernel closes a buffer object under a lock that all GPUs of the process
	 * share, so while such a call blocks, calls for other GPUs block, too.
	 */
	uint64_t timeout_ns;
};

/** Most devices of one context. */
#define AMDGPU_USERPTR_MAX_DEVICES 64

/**
 * amdgpu_userptr_ctx_create() - create a context
 * @args: devices
 * @ctx: out: the context
 *
 * The function also succeeds on kernels without AMDGPU_GEM_USERPTR_HSA, so that
 * amdgpu_userptr_query_caps() can name the reason.
 *
 * Return: 0, or
 * -EINVAL, -E2BIG: bad arguments, such as a negative file descriptor.
 * -EBADF: a file is not open.
 * -ENODEV: a file is not of the amdgpu driver.
 * -EOPNOTSUPP: the caller asks for BACKEND_SCATTER, and the kernel does not know it for a device.
 * -ENOMEM: no memory or address space.
 * Errors of ioctls on the files, such as -EACCES.
 */
int amdgpu_userptr_ctx_create(const struct amdgpu_userptr_ctx_args *args,
			      struct amdgpu_userptr_ctx **ctx);

/**
 * amdgpu_userptr_ctx_destroy() - unmap everything and free the context
 * @ctx: the context, or NULL (nothing happens)
 *
 * The function unmaps the mappings that are left, as amdgpu_userptr_unmap() does, with one time
 * limit for all of them. Afterwards no pointer to a mapping of the context is valid. Whatever the
 * function returns, the context is gone. In a forked child it frees only the child's copy of the
 * context.
 *
 * Return: 0 or the first error.
 * -ETIME: the page tables of a device were not up to date in time. The device may still reach the
 *	memory. The kernel keeps the buffer objects until the process ends, also if the caller
 *	closes the device's file, because KFD holds that file.
 * -ENOMEM: because of vm.max_map_count the kernel did not release all of the reserved address
 *	space. No GPU can reach the memory.
 * Another error, such as -ECANCELED after a reset of the GPU: a step failed, and a GPU may still
 *	reach the memory. -EIO also replaces a kernel error whose number would have one of the
 *	meanings above.
 */
int amdgpu_userptr_ctx_destroy(struct amdgpu_userptr_ctx *ctx);

/**
 * struct amdgpu_userptr_caps - what works on one device of a context
 */
struct amdgpu_userptr_caps {
	uint32_t size;	 /**< sizeof(struct amdgpu_userptr_caps) */
	uint32_t device; /**< in: index of the device in the context */
	/**
	 * out: 0: the kernel makes BOs with AMDGPU_GEM_USERPTR_HSA, so amdgpu_userptr_map() works
	 * now if @vm_timeline is 1, too. -EINVAL: the kernel does not know this flag. -EOPNOTSUPP:
	 * the GPU address space of the file does not belong to KFD, or the device would need bounce
	 * buffers. -EPERM: the address space belongs to another process. -EPROTO: XNACK is on.
	 * -EBUSY: a checkpoint is being restored, or the file has DRM user queues. -EDQUOT: KFD's
	 * limit for memory that GPUs can reach does not permit more. -ENOMEM: no memory. -ETIME:
	 * the library could not ask, because earlier page table updates are late. Other errors are
	 * those of stage USERPTR of amdgpu_userptr_map(). The library asks the kernel for a BO, so
	 * the answer is right for patched kernels of any version number.
	 */
	int32_t hsa_status;
	uint32_t vm_timeline; /**< out: 1: the library can wait for page tables (DRM 3.64) */
	uint32_t drm_major;   /**< out: DRM interface version of the driver */
	uint32_t drm_minor;   /**< out */
	uint32_t max_ranges;  /**< out: most ranges of one amdgpu_userptr_map() call */
	uint32_t backend;     /**< out: enum amdgpu_userptr_backend in use, never AUTO */
	uint64_t page_size;   /**< out: CPU page size; the kernel watches whole CPU pages */
	/**
	 * out: unit of GPU addresses, and of CPU addresses and sizes of ranges. It is 4096 if the
	 * kernel says for all devices of the context that it can map parts of CPU pages
	 * (AMDGPU_IDS_FLAGS_GPU_PAGE_VA), otherwise @page_size.
	 */
	uint64_t granularity;
	uint64_t va_alignment; /**< out: alignment that the device asks for */
	uint64_t va_min;       /**< out: lowest GPU address that can be mapped */
	uint64_t va_max;       /**< out: end of the lower half of the GPU address space */
	uint32_t map_flags;    /**< out: AMDGPU_USERPTR_MAP_* that the device can do */
	uint32_t hsa_reason;   /**< out: enum amdgpu_userptr_reason; NONE: map() works now */
};

/**
 * amdgpu_userptr_query_caps() - ask what works on a device
 * @ctx: context
 * @caps: in: @size, @device; out: the rest
 *
 * Return: 0; -EINVAL or -E2BIG for bad arguments; -EPERM in a forked child.
 */
int amdgpu_userptr_query_caps(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_caps *caps);

/* ------------------------------------------------------------------------------------------- */
/* Map and unmap									       */

/** The GPU may only read the range, so the memory may be read-only for the CPU. */
#define AMDGPU_USERPTR_RANGE_READONLY (1u << 0)

/**
 * struct amdgpu_userptr_range - a piece of host memory
 *
 * Ranges may overlap each other: the GPU then sees the memory at several addresses. The kernel
 * accepts at most 64 ranges with the same page in one buffer object. The limit does not matter if,
 * between the start and the end of the mapping, a range begins or ends inside of a CPU page, or if
 * the mapping begins or ends inside of a CPU page of which another range has a part, too: then the
 * library registers each CPU page only once.
 */
struct amdgpu_userptr_range {
	uint64_t cpu_addr; /**< start, multiple of amdgpu_userptr_caps.granularity, not 0 */
	uint64_t size;	   /**< bytes, multiple of amdgpu_userptr_caps.granularity, not 0 */
	uint32_t flags;	   /**< AMDGPU_USERPTR_RANGE_* */
	uint32_t reserved; /**< 0 */
};

/**
 * enum amdgpu_userptr_va_mode - where the GPU addresses come from
 * @AMDGPU_USERPTR_VA_RESERVE: the library reserves CPU address space (PROT_NONE) and uses the same
 *	numbers on the GPU. If everybody in the process chooses GPU addresses in this way, as ROCr
 *	does, no two of them can collide. The library reserves only addresses that all devices of
 *	the context have, also where the CPU has more address bits than a device.
 * @AMDGPU_USERPTR_VA_ALLOC: amdgpu_va_range_alloc() of libdrm, which does not know the addresses
 *	that KFD uses. Only for a context of one device that was given as amdgpu_device_handle.
 * @AMDGPU_USERPTR_VA_FIXED: the caller's address in @fixed_va, for example from
 *	hsa_amd_vmem_address_reserve() or mmap() with PROT_NONE. It must be free on every device
 *	that gets the mapping.
 */
enum amdgpu_userptr_va_mode {
	AMDGPU_USERPTR_VA_RESERVE = 0,
	AMDGPU_USERPTR_VA_ALLOC = 1,
	AMDGPU_USERPTR_VA_FIXED = 2,
};

/**
 * Make a buffer object for each range, with either backend. Without this flag the kernel treats
 * ranges that follow each other in the array and in memory as one, so they are cheaper to map. With
 * this flag, a change of one range causes the kernel no work on the others. But ranges that have
 * parts of the same CPU page still share a buffer object.
 */
#define AMDGPU_USERPTR_MAP_NO_COALESCE (1u << 0)

/*
 * How the GPU caches the memory. The flags mean the same as AMDGPU_GEM_CREATE_* of the same names
 * in <amdgpu_drm.h>, and as KFD_IOC_ALLOC_MEM_FLAGS_* of the same names for KFD's userptrs. Without
 * any of these flags the memory is coarse-grained: coherent only where one dispatch ends and the
 * next begins. Coarse-grained memory is the default of KFD's ioctl and of hsaKmtRegisterMemory();
 * but hsaKmtRegisterMemoryWithFlags() sets COHERENT unless its caller asks for CoarseGrain. Some
 * GPUs ignore AMDGPU_VM_MTYPE_* in va_flags, but not the flags below. Kernels before DRM 3.65
 * refuse the flags, see amdgpu_userptr_caps.map_flags.
 */
/** Coherent with CPU threads and other devices for instructions of system scope. */
#define AMDGPU_USERPTR_MAP_COHERENT	(1u << 1)
/** The GPU does not cache the memory, so it is coherent without flushes of the GPU's caches. */
#define AMDGPU_USERPTR_MAP_UNCACHED	(1u << 2)
/** Coherent across devices for instructions of device scope, too. */
#define AMDGPU_USERPTR_MAP_EXT_COHERENT (1u << 3)

/**
 * Ranges of any address and size, whose bytes follow each other at @gpu_va. The first range may
 * begin inside of a unit (amdgpu_userptr_caps.granularity), and the last one may end inside of a
 * unit. Two ranges may meet inside of a unit only if the second one continues the first one in
 * memory and has equal flags. Everything else fails with -EINVAL and
 * AMDGPU_USERPTR_REASON_GRANULARITY, because a GPU page has the bytes of one piece of memory.
 *
 * The library maps whole units, so the GPU can reach the rest of the first and of the last unit: up
 * to 65535 bytes of other data at each end where the unit is a CPU page of 64 KiB.
 */
#define AMDGPU_USERPTR_MAP_ROUND_OUT (1u << 4)

/*
 * The @flags and @va_flags of a mapping that behaves like one of ROCr's hsa_amd_memory_lock():
 * coarse-grained, writeable and executable. For hsa_amd_memory_lock_to_pool() add MAP_COHERENT if
 * the pool is fine-grained, and MAP_EXT_COHERENT if it is fine-grained with extended scope.
 */
#define AMDGPU_USERPTR_MAP_MEMORY_LOCK 0u
/* AMDGPU_VM_PAGE_READABLE, _WRITEABLE and _EXECUTABLE, without a need for <amdgpu_drm.h> */
#define AMDGPU_USERPTR_VA_MEMORY_LOCK  ((1u << 1) | (1u << 2) | (1u << 3))

/**
 * enum amdgpu_userptr_stage - which step failed
 * @AMDGPU_USERPTR_STAGE_NONE: none
 * @AMDGPU_USERPTR_STAGE_VALIDATE: before any ioctl: checks of arguments, memory for the library
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
 * @AMDGPU_USERPTR_REASON_NONE: the call did not fail
 * @AMDGPU_USERPTR_REASON_OTHER: the library knows no more than the errno
 * @AMDGPU_USERPTR_REASON_ARGUMENT: an argument is not valid
 * @AMDGPU_USERPTR_REASON_LIMIT: too many ranges have the same page
 * @AMDGPU_USERPTR_REASON_NO_MEMORY: there is no memory
 * @AMDGPU_USERPTR_REASON_NO_ADDRESSES: the process has no address space, or the device cannot map
 *	at the address
 * @AMDGPU_USERPTR_REASON_ADDRESS_IN_USE: something else is mapped at the GPU addresses
 * @AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD: the kernel does not know a flag that the call needs
 * @AMDGPU_USERPTR_REASON_NO_KFD_VM: KFD has not acquired the GPU address space of the file
 * @AMDGPU_USERPTR_REASON_FOREIGN_VM: the GPU address space of the file is another process's
 * @AMDGPU_USERPTR_REASON_MEMORY: a range is not mapped, not writable, or has failed
 * @AMDGPU_USERPTR_REASON_SVM: KFD's shared virtual memory manages the memory of a range
 * @AMDGPU_USERPTR_REASON_XNACK: the queues of the process can wait for page faults
 * @AMDGPU_USERPTR_REASON_BUSY: the kernel cannot do it now, but may later
 * @AMDGPU_USERPTR_REASON_TIMEOUT: the page tables were not up to date in time
 * @AMDGPU_USERPTR_REASON_RESET: the GPU was reset
 * @AMDGPU_USERPTR_REASON_GRANULARITY: the range, or the seam between it and the range before, is
 *	not at the start of a unit (amdgpu_userptr_caps.granularity); or @fixed_va is not as far
 *	behind the start of its unit as the first range is
 * @AMDGPU_USERPTR_REASON_KFD_LIMIT: KFD's limit for memory that GPUs can reach does not permit more
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
	AMDGPU_USERPTR_REASON_GRANULARITY = 16,
	AMDGPU_USERPTR_REASON_KFD_LIMIT = 17,
};

/**
 * struct amdgpu_userptr_map_args - arguments of amdgpu_userptr_map()
 */
struct amdgpu_userptr_map_args {
	uint32_t size;	  /**< sizeof(struct amdgpu_userptr_map_args) */
	uint32_t flags;	  /**< AMDGPU_USERPTR_MAP_* */
	uint32_t va_mode; /**< enum amdgpu_userptr_va_mode */
	/**
	 * AMDGPU_VM_PAGE_READABLE, _WRITEABLE, _EXECUTABLE, _NOALLOC and AMDGPU_VM_MTYPE_* of
	 * <amdgpu_drm.h>, or AMDGPU_USERPTR_VA_MEMORY_LOCK; 0: readable and writeable. READONLY
	 * ranges are never writeable. An MTYPE alone is not 0, so it gives no access at all.
	 */
	uint32_t va_flags;
	/**
	 * The GPU address for VA_FIXED, otherwise 0: a multiple of amdgpu_userptr_caps.granularity,
	 * and of @alignment. Each device must have all addresses of the mapping. With MAP_ROUND_OUT
	 * @fixed_va is the address of the first byte, so it has to be as far behind the start of
	 * its unit as the first range is.
	 */
	uint64_t fixed_va;
	/**
	 * Alignment of the GPU address, a power of two and a multiple of the CPU page size. (With
	 * MAP_ROUND_OUT: of the address of the unit in which the first range begins.) 0: the
	 * alignment that the devices ask for, and 2 MiB for mappings of at least that size, because
	 * the page tables can then have large fragments.
	 */
	uint64_t alignment;
	/**
	 * In the order of their GPU addresses. The array must not change during the call; the
	 * library does not need it afterwards.
	 */
	const struct amdgpu_userptr_range *ranges;
	uint32_t num_ranges;   /**< 1 to amdgpu_userptr_caps.max_ranges */
	uint32_t range_stride; /**< sizeof(struct amdgpu_userptr_range) */
	uint64_t gpu_va;       /**< out: the GPU address of the first byte */
	/**
	 * out: index of the range at fault, or AMDGPU_USERPTR_NONE if the error is not about the
	 * memory or the address of a single range
	 */
	uint32_t failed_range;
	uint32_t failed_device; /**< out: index of the device at fault, or AMDGPU_USERPTR_NONE */
	uint32_t failed_stage;	/**< out: enum amdgpu_userptr_stage */
	uint32_t failed_reason; /**< out: enum amdgpu_userptr_reason */
	/**
	 * The devices that get the mapping, a bit for each: bit i is the device with index i in the
	 * context. 0: all. amdgpu_userptr_attach() adds others later.
	 */
	uint64_t devices;
	/**
	 * out: the devices, a bit for each, that may still reach the memory although the call has
	 * failed, because the roll back has not removed the mapping, or not yet. Usually 0.
	 */
	uint64_t failed_reachable;
};

/**
 * amdgpu_userptr_map() - map ranges of host memory to one contiguous range of GPU addresses
 * @ctx: context
 * @args: ranges and placement
 * @mapping: out: the mapping
 *
 * The function makes the mapping on all devices that @args names, or on none. When it returns 0 the
 * GPUs see the memory. When it fails nothing is left behind, unless @failed_reachable is not 0; and
 * @args names the step, the reason, and the range and the device if one of them is at fault. If
 * @args itself is wrong (its size, NULL) the function returns -EINVAL or -E2BIG and writes nothing.
 * It writes nothing in a forked child either.
 *
 * The roll back can fail, too, when a GPU hangs or is reset: then @failed_reachable is not 0. If
 * the GPU is only late, later calls of map(), unmap() and query_stats() on the context finish the
 * roll back as soon as it can be done, and give back the addresses. Until then a map() by VA_FIXED
 * at these addresses fails with -EEXIST. If the roll back ends with another error, the library
 * gives the addresses to nobody again, as after an error of amdgpu_userptr_unmap().
 * amdgpu_userptr_stats.failed_reachable tells when no GPU can reach the memory any more, so that
 * the caller may use it for something else.
 *
 * A mapping follows the addresses, not the memory: after munmap() the GPU faults when it accesses
 * the range, and after mremap() nothing is left at the old address. If the process maps other
 * memory at the address, the kernel does not notice at once. Each time the kernel starts the queues
 * of the process again, it looks for new memory in some of the ranges that lack memory, and the
 * next time in others. So the GPU may get the new memory much later. To make sure that the GPU gets
 * it, unmap the mapping and map its ranges again.
 *
 * Return: 0, or
 * -EINVAL: bad arguments. The ranges do not begin and end at units (REASON_GRANULARITY). At stage
 *	USERPTR: the kernel does not know AMDGPU_GEM_USERPTR_HSA, or the caching that @flags ask
 *	for. At stage VA_MAP: the GPU address is in use.
 * -E2BIG: more than max_ranges ranges, too many ranges with the same page, or @args or a range uses
 *	a field of a newer header.
 * -EOVERFLOW: a range, or the sum of the sizes, does not fit into 64 bits.
 * -ERANGE: a device cannot map at the GPU addresses, or has fewer addresses than the map needs.
 * -EEXIST: the GPU addresses overlap another mapping of this context, or one whose removal is late.
 * -EOPNOTSUPP: the GPU address space of a device does not belong to KFD (acquire it first), or the
 *	device would need bounce buffers for the memory (REASON_NO_KFD_VM, too, because the kernel
 *	has one error for both), or the kernel cannot tell when page table updates are complete
 *	(DRM before 3.64).
 * -EFAULT: a range is not mapped, or not readable. If somebody has backported the flags to a kernel
 *	before Linux 6.19, also: a range is not writable.
 * -EPERM: in a forked child. At stage USERPTR: the memory of a range is not writable and the range
 *	not READONLY (REASON_MEMORY), or the GPU address space is another process's
 *	(REASON_FOREIGN_VM).
 * -EACCES: the kernel does not permit access to the memory of a range.
 * -EADDRINUSE: KFD's shared virtual memory (SVM) manages the range already.
 * -EHWPOISON: memory of a range has failed (a hardware error).
 * -EPROTO: the queues of the process can wait for page faults (XNACK is on): use SVM.
 * -EBUSY: the kernel cannot make the mapping now. At stage USERPTR: a checkpoint is being restored,
 *	or the file has DRM user queues. At stage VA_MAP: page tables are evicted.
 * -ESRCH: the process is ending.
 * -ENODEV: the device was removed.
 * -ETIME: at stage WAIT, the page tables were not up to date, or a reset of the GPU not over,
 *	before the context's @timeout_ns.
 * -ECANCELED: at stage WAIT, the GPU was reset during the call or since the call before, so the
 *	kernel may have dropped page table updates, also those of earlier mappings.
 * -EDQUOT: KFD's limit for memory that GPUs can reach does not permit more. The memory counts once
 *	for each device.
 * -ENOMEM: there is no memory or address space. After mlockall(MCL_FUTURE) the addresses of
 *	VA_RESERVE count against RLIMIT_MEMLOCK.
 */
int amdgpu_userptr_map(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_map_args *args,
		       struct amdgpu_userptr_mapping **mapping);

/**
 * struct amdgpu_userptr_attach_args - arguments of amdgpu_userptr_attach()
 */
struct amdgpu_userptr_attach_args {
	uint32_t size;		/**< sizeof(struct amdgpu_userptr_attach_args) */
	uint32_t device;	/**< index of the device in the context */
	uint32_t failed_range;	/**< out: as in struct amdgpu_userptr_map_args */
	uint32_t failed_stage;	/**< out: enum amdgpu_userptr_stage */
	uint32_t failed_reason; /**< out: enum amdgpu_userptr_reason */
	uint32_t reserved;	/**< 0 */
};

/**
 * amdgpu_userptr_attach() - let one more device see a mapping
 * @mapping: the mapping
 * @args: the device
 *
 * The device gets the same memory at the same GPU addresses, with the flags of the mapping. When
 * the function returns 0 the GPU sees the memory. When it fails the mapping is as before. If @args
 * itself is wrong (its size, NULL), and in a forked child, the function writes nothing. If the roll
 * back fails the device may still reach the memory: amdgpu_userptr_info.reachable names the device,
 * and the device cannot be attached again. If the device is only late, amdgpu_userptr_detach() goes
 * on waiting for it; when amdgpu_userptr_detach() returns 0 the device can be attached again. Calls
 * of attach() and detach() for one mapping wait for each other.
 *
 * Return: 0, or
 * -EINVAL: bad arguments, or as in amdgpu_userptr_map().
 * -E2BIG: @args uses a field of a newer header, or too many ranges have the same page.
 * -EEXIST: the mapping is on the device already.
 * -ERANGE: the device cannot map at the GPU addresses.
 * -EDQUOT: KFD's limit leaves no room to count the memory for one more device.
 * -EBUSY: at stage VALIDATE, the mapping is being removed, or the device may still reach the memory
 *	after an earlier failure.
 * -ETIME: the page tables were not up to date before the context's @timeout_ns. If the device may
 *	still reach the memory, amdgpu_userptr_detach() goes on waiting.
 * -EPERM: in a forked child, or as in amdgpu_userptr_map().
 * All other errors of amdgpu_userptr_map() that come from a device.
 */
int amdgpu_userptr_attach(struct amdgpu_userptr_mapping *mapping,
			  struct amdgpu_userptr_attach_args *args);

/**
 * amdgpu_userptr_detach() - remove a mapping from one device
 * @mapping: the mapping
 * @device: index of the device in the context
 *
 * The mapping keeps its ranges and addresses, also when the last device is detached, and
 * amdgpu_userptr_attach() can add the device again. When the function returns 0 the GPU cannot
 * reach the memory through the mapping.
 *
 * Return: 0, or
 * -EINVAL: bad arguments.
 * -EPERM: in a forked child.
 * -ENOENT: the mapping is not on the device.
 * -EBUSY: the mapping is being removed (an earlier amdgpu_userptr_unmap() returned -ETIME).
 * -ETIME: the page tables were not up to date before the context's @timeout_ns. The mapping is no
 *	longer on the device, but the device may still reach the memory: call again to go on
 *	waiting.
 * Another error, such as -ECANCELED after a reset of the GPU: a step failed. -EIO also replaces a
 *	kernel error whose number would have one of the meanings above. The mapping is no longer on
 *	the device. If amdgpu_userptr_info.reachable names the device, the device may still reach
 *	the memory: it cannot be attached again, and amdgpu_userptr_unmap() will return an error,
 *	too, and keep the addresses. Otherwise the error only means that a buffer object could not
 *	be closed.
 */
int amdgpu_userptr_detach(struct amdgpu_userptr_mapping *mapping, uint32_t device);

/**
 * amdgpu_userptr_unmap() - remove a mapping from all devices
 * @mapping: the mapping, or NULL (nothing happens)
 *
 * When the function returns 0 no GPU can reach the memory through the mapping, because the page
 * tables are updated and the TLBs flushed. (If a flush fails and the kernel does not reset the GPU,
 * only the kernel's log tells: "TLB flush failed".) GPU accesses during and after the call fault.
 * The function starts the updates of all devices before it waits for any, with one time limit for
 * all.
 *
 * Return: 0, or
 * -EPERM: in a forked child, where the memory of @mapping stays allocated.
 * -ETIME: the page tables were not up to date before the context's @timeout_ns. @mapping still
 *	holds the memory and the addresses, but can only be unmapped, and no query finds it: call
 *	again to go on waiting.
 * Another error, such as -ECANCELED after a reset of the GPU: a step failed, and @mapping is gone
 *	all the same. -EIO also replaces a kernel error whose number would have one of the meanings
 *	above. A GPU may still reach the memory. So the library does not give the addresses to
 *	another mapping, and the caller must not use those of VA_FIXED again. But if
 *	amdgpu_userptr_unmap_reachable() sets @reachable to 0, no GPU can reach the memory, and the
 *	addresses are free. Otherwise the memory is safe only when the process has ended: until then
 *	the caller must neither free it nor use it for something else.
 */
int amdgpu_userptr_unmap(struct amdgpu_userptr_mapping *mapping);

/**
 * amdgpu_userptr_unmap_reachable() - unmap, and tell which devices may still reach the memory
 * @mapping: the mapping, or NULL (nothing happens)
 * @reachable: out: the devices, a bit for each, that may still reach the memory, or NULL. 0 if the
 *	function returns 0. After -ETIME the devices whose page tables are not up to date yet, or
 *	whose buffer objects cannot be closed yet. The function does not write it when it returns
 *	-EPERM.
 *
 * Return: as amdgpu_userptr_unmap(). An error with @reachable 0 only means that a buffer object
 * could not be closed.
 */
int amdgpu_userptr_unmap_reachable(struct amdgpu_userptr_mapping *mapping, uint64_t *reachable);

/**
 * amdgpu_userptr_range_cover() - range of whole units around a buffer
 * @ctx: context
 * @addr: start of the buffer
 * @len: bytes, not 0
 * @range: out: the units (amdgpu_userptr_caps.granularity), with @flags 0
 * @offset: out: distance of the buffer from the start of the range
 *
 * The GPU can reach everything in these units, not only the buffer.
 *
 * Return: 0; -EINVAL for @len 0 and NULL; -EOVERFLOW if the units do not fit into 64 bits; -EPERM
 * in a forked child.
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

#ifdef __cplusplus
}
#endif

#include <amdgpu_userptr_query.h>
#include <amdgpu_userptr_hdp.h>

#endif /* AMDGPU_USERPTR_H */
