/* SPDX-License-Identifier: MIT */
/*
 * The host data path (HDP) of the GPUs of a context. A program includes <amdgpu_userptr.h>, which
 * includes this header.
 *
 * Stores of the CPU to VRAM through the PCI aperture pass the HDP, and may wait there. A GPU that
 * learns from a doorbell that there is new data can then still read the old data. Stores to memory
 * of the system do not pass the HDP, so the memory of mappings never needs a flush.
 */
#ifndef AMDGPU_USERPTR_HDP_H
#define AMDGPU_USERPTR_HDP_H

#include <amdgpu_userptr.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum amdgpu_userptr_hdp_way - how to flush the HDP, from the best way to the worst
 * @AMDGPU_USERPTR_HDP_AUTO: the best way that works, but READ_BACK and DUMMY only if the device has
 *	none of REMAP, KERNEL and SUBMIT. If it has some of these three, but the library can
 *	prepare none of them now, the flush fails.
 * @AMDGPU_USERPTR_HDP_NONE: nothing but a barrier, because no flush is needed
 * @AMDGPU_USERPTR_HDP_REMAP: a store to a register in the MMIO remap page, and a load of this
 *	register. There is no ioctl. Only where CPU pages have 4 KiB and the GPU is not a virtual
 *	function. The page comes from the kernel (AMDGPU_GEM_OP_OPEN_GLOBAL) or from the caller
 *	(@mem_flush_cntl).
 * @AMDGPU_USERPTR_HDP_KERNEL: an ioctl, DRM_IOCTL_AMDGPU_HDP_FLUSH, with pages of any size and on
 *	virtual functions
 * @AMDGPU_USERPTR_HDP_SUBMIT: submit commands that do nothing, and wait until they are done. The
 *	driver flushes before all commands. SUBMIT needs no recent ioctl, only DRM 3.64 and an SDMA
 *	or compute ring for submissions, but it waits for other work on the ring.
 * @AMDGPU_USERPTR_HDP_READ_BACK: store the last byte again and read it back. Only with @addr. It is
 *	known to suffice on some GPUs (ROCm uses it on gfx90a and gfx94x), not documented for all.
 * @AMDGPU_USERPTR_HDP_DUMMY: two stores to a page of VRAM that belongs to the library, and a load
 *	from it. DUMMY does nothing while the kernel has moved the page to system memory.
 */
enum amdgpu_userptr_hdp_way {
	AMDGPU_USERPTR_HDP_AUTO = 0,
	AMDGPU_USERPTR_HDP_NONE = 1,
	AMDGPU_USERPTR_HDP_REMAP = 2,
	AMDGPU_USERPTR_HDP_KERNEL = 3,
	AMDGPU_USERPTR_HDP_SUBMIT = 4,
	AMDGPU_USERPTR_HDP_READ_BACK = 5,
	AMDGPU_USERPTR_HDP_DUMMY = 6,
};

/** Number of elements of amdgpu_userptr_hdp.status. */
#define AMDGPU_USERPTR_HDP_NUM_WAYS 7

/**
 * enum amdgpu_userptr_hdp_need - whether stores of the CPU to VRAM pass the HDP
 * @AMDGPU_USERPTR_HDP_NEEDED: the stores pass the HDP, or the library does not know
 * @AMDGPU_USERPTR_HDP_APU: the GPU is a part of the CPU, and its VRAM is memory of the system
 * @AMDGPU_USERPTR_HDP_XGMI: the CPU reaches VRAM by xGMI, coherently
 * @AMDGPU_USERPTR_HDP_SYSTEM_MEMORY: the memory that the caller asks about is in a mapping, so it
 *	is memory of the system
 */
enum amdgpu_userptr_hdp_need {
	AMDGPU_USERPTR_HDP_NEEDED = 0,
	AMDGPU_USERPTR_HDP_APU = 1,
	AMDGPU_USERPTR_HDP_XGMI = 2,
	AMDGPU_USERPTR_HDP_SYSTEM_MEMORY = 3,
};

/**
 * struct amdgpu_userptr_hdp_flush_args - arguments of amdgpu_userptr_hdp_flush()
 */
struct amdgpu_userptr_hdp_flush_args {
	uint32_t size;	 /**< sizeof(struct amdgpu_userptr_hdp_flush_args) */
	uint32_t device; /**< index of the device in the context */
	/**
	 * enum amdgpu_userptr_hdp_way. Programs other than tests use AUTO. A test can choose any
	 * way. It can also choose NONE where a flush is needed, to see the effect of a missing
	 * flush.
	 */
	uint32_t way;
	uint32_t reserved; /**< 0 */
	/**
	 * CPU address of the VRAM that the caller has written, or NULL. READ_BACK needs @addr: it
	 * reads the last byte there and stores the same value again, so nobody else may write that
	 * byte during the call.
	 */
	void *addr;
	uint64_t len; /**< bytes at @addr; 0 if it is NULL */
	/**
	 * The register KFD_MMIO_REMAP_HDP_MEM_FLUSH_CNTL of this device, if the caller has mapped
	 * the page of this register by KFD, otherwise NULL. ROCm returns the address as
	 * HDP_MEM_FLUSH_CNTL of HSA_AMD_AGENT_INFO_HDP_FLUSH. The library uses the register for
	 * REMAP.
	 */
	volatile uint32_t *mem_flush_cntl;
};

/**
 * amdgpu_userptr_hdp_flush() - let a GPU see the CPU's stores to its VRAM
 * @ctx: context
 * @args: device
 *
 * When the function returns 0 the device sees all stores to its VRAM that the caller has made
 * before the call, and those of other threads that the caller has synchronized with. The call is
 * also a barrier: stores of the caller behind it, such as a doorbell, do not reach the device
 * earlier.
 *
 * The first call for a device finds the way and prepares it; amdgpu_userptr_query_hdp() does that,
 * too. Later calls allocate nothing, and with REMAP they make no ioctl. REMAP keeps the device
 * awake until the context ends.
 *
 * The call does not make stores of the GPU visible to the CPU.
 *
 * Return: 0, or
 * -EINVAL: bad arguments; READ_BACK without @addr; @mem_flush_cntl with another way than AUTO and
 *	REMAP.
 * -E2BIG: @args uses a field of a newer header.
 * -EOPNOTSUPP: the device does not have the way, or no way at all.
 * -ENOMEM: there is no memory, no VRAM that the CPU can reach, or no GPU address.
 * -ETIME: the commands of SUBMIT were not done before the context's @timeout_ns.
 * -ECANCELED: a reset of the GPU has cancelled the commands of SUBMIT, and another reset those of
 *	the second try, or the kernel did not give the CS context that the second try needs.
 * -ENODEV: the device was removed.
 * -EPERM: in a forked child.
 * Other errors of ioctls on the file.
 */
int amdgpu_userptr_hdp_flush(struct amdgpu_userptr_ctx *ctx,
			     const struct amdgpu_userptr_hdp_flush_args *args);

/**
 * struct amdgpu_userptr_hdp - how a device's HDP is flushed, and why in that way
 */
struct amdgpu_userptr_hdp {
	uint32_t size;	  /**< sizeof(struct amdgpu_userptr_hdp) */
	uint32_t device;  /**< in: index of the device in the context */
	const void *addr; /**< in: NULL, or memory of the process that the caller asks about */
	uint32_t way;	  /**< out: enum amdgpu_userptr_hdp_way that AUTO uses without arguments */
	uint32_t need;	  /**< out: enum amdgpu_userptr_hdp_need; why @way is NONE, or NEEDED */
	/**
	 * out: for each enum amdgpu_userptr_hdp_way: 0: it works. -EOPNOTSUPP: the kernel or the
	 * device does not have it. Another negative errno: the library cannot prepare it now. The
	 * element of AUTO is for a flush whose caller names no memory: 0 if AUTO finds a way for
	 * this flush. The element of READ_BACK is for a flush whose caller names memory.
	 */
	int32_t status[AMDGPU_USERPTR_HDP_NUM_WAYS];
	uint32_t reserved; /**< 0 */
};

/**
 * amdgpu_userptr_query_hdp() - ask which ways a device has, and which one a flush uses
 * @ctx: context
 * @hdp: in: @size, @device, @addr; out: the rest
 *
 * The function tries all ways once, and keeps those that work prepared until the context ends.
 *
 * Return: 0; -EINVAL or -E2BIG for bad arguments; -ENOMEM when there is no memory to look for
 * @addr; -EPERM in a forked child.
 */
int amdgpu_userptr_query_hdp(struct amdgpu_userptr_ctx *ctx, struct amdgpu_userptr_hdp *hdp);

/**
 * amdgpu_userptr_hdp_way_name() - a word for an enum amdgpu_userptr_hdp_way
 * @way: the way
 *
 * Return: a string constant, never NULL.
 */
const char *amdgpu_userptr_hdp_way_name(uint32_t way);

/**
 * amdgpu_userptr_hdp_need_text() - a sentence for an enum amdgpu_userptr_hdp_need
 * @need: the answer
 *
 * Return: a string constant, never NULL.
 */
const char *amdgpu_userptr_hdp_need_text(uint32_t need);

#ifdef __cplusplus
}
#endif

#endif /* AMDGPU_USERPTR_HDP_H */
