/* SPDX-License-Identifier: MIT */
/*
 * Queries of libamdgpu_userptr: addresses, counters, and evictions of the queues. A program
 * includes <amdgpu_userptr.h>, which includes this header.
 */
#ifndef AMDGPU_USERPTR_QUERY_H
#define AMDGPU_USERPTR_QUERY_H

#include <amdgpu_userptr.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The range has CPU addresses that are also GPU addresses of the mapping, but the mapping has
 * another byte there. So one number is the address of two things, which is permitted but rarely
 * intended.
 */
#define AMDGPU_USERPTR_INFO_VA_CLASH (1u << 0)

/**
 * struct amdgpu_userptr_info - a byte that a mapping has: its CPU address and its GPU address
 */
struct amdgpu_userptr_info {
	uint32_t size;				/**< sizeof(struct amdgpu_userptr_info) */
	uint32_t flags;				/**< out: AMDGPU_USERPTR_INFO_* */
	struct amdgpu_userptr_mapping *mapping; /**< out: the mapping that has the address */
	uint64_t mapping_va;			/**< out: GPU address of its first byte */
	uint64_t mapping_size;			/**< out: bytes of all its ranges */
	uint64_t cpu_addr;	 /**< out: CPU address of the byte at the GPU address */
	uint64_t range_va;	 /**< out: GPU address of the range that has the byte */
	uint64_t range_cpu_addr; /**< out: CPU address of that range */
	uint64_t range_size;	 /**< out: bytes of that range */
	uint32_t range_flags;	 /**< out: AMDGPU_USERPTR_RANGE_* of that range */
	uint32_t range_index;	 /**< out: index of that range in the array given to map */
	uint64_t gpu_va;	 /**< out: the GPU address */
	uint64_t devices;	 /**< out: the devices that the mapping is on, a bit for each */
	/**
	 * out: other devices that may reach the memory, a bit for each, because the removal of the
	 * mapping from them is not complete or has failed
	 */
	uint64_t reachable;
	/**
	 * out: GPU address and bytes of the whole units that the mapping takes. With
	 * AMDGPU_USERPTR_MAP_ROUND_OUT they may begin before @mapping_va and end behind the last
	 * byte. The GPU can reach the memory there, too.
	 */
	uint64_t span_va;
	uint64_t span_size; /**< out */
};

/**
 * amdgpu_userptr_query() - look up a GPU address in all mappings of a context
 * @ctx: context
 * @gpu_va: any GPU address
 * @info: in: @size; out: the rest
 *
 * Return: 0; -ENOENT when no mapping has the address; -EINVAL or -E2BIG for bad arguments; -EPERM
 * in a forked child.
 */
int amdgpu_userptr_query(struct amdgpu_userptr_ctx *ctx, uint64_t gpu_va,
			 struct amdgpu_userptr_info *info);

/**
 * amdgpu_userptr_query_cpu() - look up a CPU address in all mappings of a context
 * @ctx: context
 * @cpu_addr: any CPU address
 * @min_va: 0, or the lowest GPU address that counts
 * @info: in: @size; out: the rest
 *
 * Memory can have several GPU addresses, because mappings, and the ranges of one mapping, may
 * overlap in memory. The function finds the lowest one that is @min_va or more. To find all of
 * them, call again with @min_va = @info.gpu_va + 1 until the function returns -ENOENT.
 *
 * The time grows with the logarithm of the number of mappings and of the ranges of a mapping, and
 * with the number of mappings whose lowest and highest CPU addresses have @cpu_addr between them.
 * The first look-up after a map() reads all ranges of the new mapping, and the first look-up that
 * gets to a mapping of many ranges sorts these ranges. Other calls on the context wait meanwhile:
 * about a second for a million ranges.
 *
 * Return: 0; -ENOENT when no mapping has the address; -EINVAL or -E2BIG for bad arguments; -ENOMEM
 * when there is no memory to sort the ranges; -EPERM in a forked child.
 */
int amdgpu_userptr_query_cpu(struct amdgpu_userptr_ctx *ctx, const void *cpu_addr, uint64_t min_va,
			     struct amdgpu_userptr_info *info);

/**
 * struct amdgpu_userptr_stats - counters of a context
 *
 * The members marked "now" describe the mappings that a query can find. They leave out mappings
 * that are being removed, also if the removal is late. The other members, except for
 * @failed_reachable, count from the creation of the context on.
 */
struct amdgpu_userptr_stats {
	uint32_t size;	       /**< sizeof(struct amdgpu_userptr_stats) */
	uint32_t reserved;     /**< 0 */
	uint64_t mappings;     /**< out, now: mappings */
	uint64_t bytes;	       /**< out, now: bytes of GPU address space of the mappings */
	uint64_t ranges;       /**< out, now: ranges of the mappings */
	uint64_t bos;	       /**< out, now: their buffer objects, on all devices together */
	uint64_t map_calls;    /**< out: map() calls with valid arguments and memory for them */
	uint64_t map_failures; /**< out: calls of @map_calls that failed */
	uint64_t map_ns;       /**< out: nanoseconds in the calls of @map_calls */
	uint64_t unmap_calls;  /**< out: mappings that were removed */
	uint64_t unmap_ns;     /**< out: nanoseconds in their removal */
	uint64_t ioctls;       /**< out: ioctls */
	uint64_t scatter_bos;  /**< out, now: those of @bos made with USERPTR_SCATTER */
	/**
	 * out: the devices, a bit for each, that may still reach memory of map() calls that have
	 * failed. When it is 0 the caller may use all that memory for something else. If a device
	 * is only late, its bit goes away as soon as a later call has ended the roll back. If the
	 * roll back fails with another error, as after a reset of the GPU, the bit stays as long as
	 * the context.
	 */
	uint64_t failed_reachable;
};

/**
 * amdgpu_userptr_query_stats() - read the counters of a context
 * @ctx: context
 * @stats: in: @size; out: the rest
 *
 * The function first ends the roll backs that were late and can be ended now, without a wait for
 * page tables, so that @failed_reachable is up to date.
 *
 * Return: 0; -EINVAL or -E2BIG for bad arguments; -EPERM in a forked child.
 */
int amdgpu_userptr_query_stats(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_stats *stats);

/**
 * struct amdgpu_userptr_watch_args - arguments of amdgpu_userptr_watch_evictions()
 */
struct amdgpu_userptr_watch_args {
	uint32_t size;	 /**< sizeof(struct amdgpu_userptr_watch_args) */
	uint32_t device; /**< index of the device in the context */
	int32_t kfd_fd; /**< a file of /dev/kfd, opened by this process; needed only for the call */
	uint32_t gpu_id; /**< KFD's number of the device, as AMDKFD_IOC_ACQUIRE_VM takes it */
};

/**
 * amdgpu_userptr_watch_evictions() - begin to count how often the kernel stops the queues
 * @ctx: context
 * @args: the device, KFD's number for it, and a file of /dev/kfd
 *
 * KFD reports each stop as an SMI event. The library opens no device itself, because a sandbox may
 * forbid that to the process. It asks for the events on the caller's file of /dev/kfd. The kernel
 * then gives it a file of events, and the library keeps this file until the end of the context.
 *
 * Return: 0, or
 * -EINVAL: bad arguments, or KFD has no such device for the process.
 * -E2BIG: @args uses a field of a newer header.
 * -EEXIST: the device is watched already.
 * -EBADF, -ENOTTY: @kfd_fd is not open, or not of /dev/kfd, or another process has opened it.
 * -EMFILE, -ENFILE: too many files are open.
 * -ENOMEM.
 * -EPERM: in a forked child.
 */
int amdgpu_userptr_watch_evictions(struct amdgpu_userptr_ctx *ctx,
				   const struct amdgpu_userptr_watch_args *args);

/**
 * struct amdgpu_userptr_evictions - evictions of the process's queues on one device
 *
 * An eviction stops all queues of the process on all of its devices, so each device has about the
 * same counts. Evictions for any reason count, also those that come from memory that is not of this
 * context. The kernel keeps about 200 events for the library and drops others, so the counts are
 * too low if the time between two queries is long. If the process has CAP_SYS_ADMIN and is in a PID
 * namespace, processes of other namespaces with the same ID count, too.
 */
struct amdgpu_userptr_evictions {
	uint32_t size;		    /**< sizeof(struct amdgpu_userptr_evictions) */
	uint32_t device;	    /**< in: index of the device in the context */
	uint64_t evictions;	    /**< out: how often the kernel stopped the queues */
	uint64_t userptr_evictions; /**< out: those of @evictions because a userptr's memory changed
				     */
	uint64_t restores;	    /**< out: how often the kernel started them again */
	uint64_t failed_restores;   /**< out: attempts to start them that the kernel repeats */
};

/**
 * amdgpu_userptr_query_evictions() - read the counts since amdgpu_userptr_watch_evictions()
 * @ctx: context
 * @evictions: in: @size, @device; out: the rest
 *
 * Return: 0; -ENOENT when the device is not watched; -EINVAL or -E2BIG for bad arguments; -ENOMEM;
 * -EPERM in a forked child.
 */
int amdgpu_userptr_query_evictions(struct amdgpu_userptr_ctx *ctx,
				   struct amdgpu_userptr_evictions *evictions);

#ifdef __cplusplus
}
#endif

#endif /* AMDGPU_USERPTR_QUERY_H */
