/* SPDX-License-Identifier: MIT */
/* Why a call failed. Most errors have several meanings, and the stage says which one it is. */
#include <errno.h>

#include "internal.h"

/* At this stage the library itself has found the error, not the kernel. */
static uint32_t reason_of_validate(int error)
{
	switch (error) {
	case -ENOMEM:
		return AMDGPU_USERPTR_REASON_NO_MEMORY;
	case -EOPNOTSUPP:
		return AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD;
	case -ERANGE:
		return AMDGPU_USERPTR_REASON_NO_ADDRESSES;
	case -EBUSY:
		return AMDGPU_USERPTR_REASON_BUSY;
	default:
		return AMDGPU_USERPTR_REASON_ARGUMENT;
	}
}

static uint32_t reason_of_reserve(int error)
{
	if (error == -EEXIST)
		return AMDGPU_USERPTR_REASON_ADDRESS_IN_USE;
	return AMDGPU_USERPTR_REASON_NO_ADDRESSES;
}

/*
 * The kernel returns -EPERM for memory that lacks a permission, and for any memory if the address
 * space is another process's. Its answer for a page of the library, @probe, tells which case it is.
 */
static uint32_t reason_of_permission(int probe)
{
	if (!probe)
		return AMDGPU_USERPTR_REASON_MEMORY;
	return probe == -EPERM ? AMDGPU_USERPTR_REASON_FOREIGN_VM : AMDGPU_USERPTR_REASON_OTHER;
}

static uint32_t reason_of_userptr(int error, int probe)
{
	switch (error) {
	case -EINVAL:
		return AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD;
	case -EOPNOTSUPP:
		return AMDGPU_USERPTR_REASON_NO_KFD_VM;
	case -EPERM:
		return reason_of_permission(probe);
	case -EFAULT:
	case -EACCES:
	case -EHWPOISON:
		return AMDGPU_USERPTR_REASON_MEMORY;
	case -EADDRINUSE:
		return AMDGPU_USERPTR_REASON_SVM;
	case -EPROTO:
		return AMDGPU_USERPTR_REASON_XNACK;
	case -E2BIG:
		return AMDGPU_USERPTR_REASON_LIMIT;
	case -EDQUOT:
		return AMDGPU_USERPTR_REASON_KFD_LIMIT;
	default:
		return AMDGPU_USERPTR_REASON_OTHER;
	}
}

static uint32_t reason_of_step(int error, uint32_t stage, int probe)
{
	switch (stage) {
	case AMDGPU_USERPTR_STAGE_VALIDATE:
		return reason_of_validate(error);
	case AMDGPU_USERPTR_STAGE_VA_RESERVE:
		return reason_of_reserve(error);
	case AMDGPU_USERPTR_STAGE_USERPTR:
		return reason_of_userptr(error, probe);
	case AMDGPU_USERPTR_STAGE_VA_MAP:
		return error == -EINVAL ? AMDGPU_USERPTR_REASON_ADDRESS_IN_USE
					: AMDGPU_USERPTR_REASON_OTHER;
	default:
		return AMDGPU_USERPTR_REASON_OTHER;
	}
}

uint32_t au_reason(int error, uint32_t stage, int probe)
{
	uint32_t reason;

	if (!error)
		return AMDGPU_USERPTR_REASON_NONE;
	reason = reason_of_step(error, stage, probe);
	if (reason != AMDGPU_USERPTR_REASON_OTHER)
		return reason;
	/* These errors mean the same at each stage. */
	switch (error) {
	case -ENOMEM:
		return AMDGPU_USERPTR_REASON_NO_MEMORY;
	case -EBUSY:
		return AMDGPU_USERPTR_REASON_BUSY;
	case -ETIME:
		return AMDGPU_USERPTR_REASON_TIMEOUT;
	case -ECANCELED:
		return AMDGPU_USERPTR_REASON_RESET;
	default:
		return AMDGPU_USERPTR_REASON_OTHER;
	}
}

AU_PUBLIC
const char *amdgpu_userptr_reason_text(uint32_t reason)
{
	static const char *const texts[] = {
		[AMDGPU_USERPTR_REASON_NONE] = "no error",
		[AMDGPU_USERPTR_REASON_OTHER] = "an error of the kernel",
		[AMDGPU_USERPTR_REASON_ARGUMENT] = "an argument is not valid",
		[AMDGPU_USERPTR_REASON_LIMIT] = "too many ranges have the same page",
		[AMDGPU_USERPTR_REASON_NO_MEMORY] = "there is no memory",
		[AMDGPU_USERPTR_REASON_NO_ADDRESSES] = "there are no such GPU addresses",
		[AMDGPU_USERPTR_REASON_ADDRESS_IN_USE] = "the GPU addresses are in use",
		[AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD] =
			"the kernel does not know what the call needs",
		[AMDGPU_USERPTR_REASON_NO_KFD_VM] =
			"KFD does not use the GPU address space of the render node file",
		[AMDGPU_USERPTR_REASON_FOREIGN_VM] =
			"the GPU address space belongs to another process",
		[AMDGPU_USERPTR_REASON_MEMORY] = "the memory is missing or lacks a permission",
		[AMDGPU_USERPTR_REASON_SVM] = "KFD's shared virtual memory manages the memory",
		[AMDGPU_USERPTR_REASON_XNACK] = "XNACK is on in the process",
		[AMDGPU_USERPTR_REASON_BUSY] = "the kernel cannot do it now",
		[AMDGPU_USERPTR_REASON_TIMEOUT] = "the GPU did not get ready in time",
		[AMDGPU_USERPTR_REASON_RESET] = "the GPU was reset",
		[AMDGPU_USERPTR_REASON_GRANULARITY] =
			"ranges can only meet where a unit of GPU addresses begins",
		[AMDGPU_USERPTR_REASON_KFD_LIMIT] =
			"KFD's limit does not permit more memory that GPUs can reach",
	};

	return reason < sizeof(texts) / sizeof(texts[0]) ? texts[reason] : "unknown";
}
