/* SPDX-License-Identifier: MIT */
/*
 * Command submissions: IBs that the kernel puts on its own rings, as graphics
 * clients have it, with whatever BOs they list.  By the ioctls themselves, which
 * libdrm would repeat when they say -EAGAIN.
 */
#ifndef AMD_USERPTR_CS_H
#define AMD_USERPTR_CS_H

#include <stdint.h>

#include "lib/amdgpu/amd_kfd.h"

/* The flags of a writable userptr for submissions. */
#define AMD_USERPTR_LISTED (AMDGPU_GEM_USERPTR_REGISTER | AMDGPU_GEM_USERPTR_VALIDATE)

/* Bytes of GTT that the process and its IBs share. */
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
	 * Writes the packets of the IB, as if it were the ring of a queue, with
	 * amd_kfd_queue_copy(), _write(), _poll()...; nobody submits it.
	 */
	struct amd_kfd_queue packets;
};

/*
 * A context and an IB for the ring of a type (PM4: compute, or SDMA) of the VM
 * of @fd; 0 or -errno.
 */
int __amd_userptr_cs_open(int fd, enum amd_kfd_queue_type ring, struct amd_userptr_cs *cs);
void amd_userptr_cs_close(struct amd_userptr_cs *cs);

/* An empty IB; nothing else has to have it then. */
void amd_userptr_cs_begin(struct amd_userptr_cs *cs);
/*
 * Submit the IB once, with the BOs it has itself and @count others on the list;
 * what the kernel says: 0, -EAGAIN when a userptr has changed meanwhile...
 */
int __amd_userptr_cs_submit(struct amd_userptr_cs *cs, const uint32_t *handles, unsigned int count,
			    uint64_t *seq);
/* Until it is done; -ETIME. */
int __amd_userptr_cs_wait(struct amd_userptr_cs *cs, uint64_t seq, unsigned int timeout_ms);

#endif
