/* SPDX-License-Identifier: MIT */
/*
 * Command submissions as graphics clients make them: an IB that the kernel runs on its own rings,
 * and a list of BOs.  A submission calls ioctl() and not drmIoctl(), because libdrm repeats an
 * ioctl that returns -EAGAIN, which the tests want to see.
 */
#ifndef AMD_USERPTR_CS_H
#define AMD_USERPTR_CS_H

#include <stdint.h>

#include "lib/amdgpu/amd_kfd.h"

/* The flags of a writable userptr that a submission may list. */
#define AMD_USERPTR_LISTED (AMDGPU_GEM_USERPTR_REGISTER | AMDGPU_GEM_USERPTR_VALIDATE)

/* The size of the GTT memory in which CPU and GPU leave data for each other. */
#define AMD_USERPTR_CS_DATA ((uint64_t)64 << 10)

struct amd_userptr_cs_bo {
	uint32_t handle;
	uint64_t size, va;
	void *cpu;
};

struct amd_userptr_cs {
	int fd;
	uint32_t ctx;
	struct amd_userptr_cs_bo ib, data;
	/*
	 * This is no real queue: its ring is the memory of the IB, so amd_kfd_queue_copy(),
	 * _write(), _poll() and others write the packets of the IB.
	 */
	struct amd_kfd_queue packets;
};

/*
 * Make a CS context and an IB for the compute (AMD_KFD_QUEUE_PM4) or SDMA ring in the VM of @fd; 0
 * or -errno, which is -EOPNOTSUPP if amd_pkt.c has no packets for the GPU.
 */
int __amd_userptr_cs_open(int fd, enum amd_kfd_queue_type ring, struct amd_userptr_cs *cs);
void amd_userptr_cs_close(struct amd_userptr_cs *cs);

/* Start a new IB.  The GPU must have finished the old one. */
void amd_userptr_cs_begin(struct amd_userptr_cs *cs);
/*
 * Submit the IB once, with its own BOs and @count others on the list; 0 or -errno of the ioctl,
 * which is -EAGAIN when the memory of a listed userptr has changed during the ioctl, or when the
 * driver is restoring userptrs of the KFD process that uses the VM of the submission.
 */
int __amd_userptr_cs_submit(struct amd_userptr_cs *cs, const uint32_t *handles, unsigned int count,
			    uint64_t *seq);
/* Wait until the submission @seq is done; -ETIME when it takes longer. */
int __amd_userptr_cs_wait(struct amd_userptr_cs *cs, uint64_t seq, unsigned int timeout_ms);
/* Make a list of one BO, as a submission may have, and destroy the list; 0 or -errno. */
int __amd_userptr_cs_list(int fd, uint32_t handle);

#endif
