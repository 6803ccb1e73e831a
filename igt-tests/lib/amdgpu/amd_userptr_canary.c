// SPDX-License-Identifier: MIT
#include <sched.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_canary.h"
#include "lib/igt_procfs.h"

uint32_t *amd_userptr_find_reused(void *fresh, const uint64_t *pfns, unsigned int count,
				  unsigned int *index)
{
	for (char *page = fresh; page < (char *)fresh + AMD_USERPTR_FRESH_SIZE;
	     page += getpagesize()) {
		const uint64_t pfn = igt_procfs_pfn(page);

		for (*index = 0; *index < count; (*index)++) {
			if (pfn && pfn == pfns[*index])
				return (uint32_t *)page;
		}
	}
	return NULL;
}

void amd_userptr_stay_on_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	igt_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}
