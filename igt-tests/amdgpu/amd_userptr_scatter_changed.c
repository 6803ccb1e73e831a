// SPDX-License-Identifier: MIT
/* Helpers of the tests in which one range of a BO loses its memory and the others keep theirs. */
#include <sys/mman.h>

#include "igt.h"

#include "amd_userptr_scatter.h"

char *scatter_changed(const struct amd_userptr_scatter *scatter)
{
	return (char *)(uintptr_t)scatter->ranges[CHANGED].addr;
}

void scatter_map_fresh(void *addr)
{
	igt_assert(mmap(addr, page(), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == addr);
}

void scatter_rest_goes_on(struct amd_userptr_scatter *scatter, uint32_t seed)
{
	const uint64_t behind = (CHANGED + 1) * page();

	amd_userptr_scatter_writes(scatter, 0, CHANGED * page(), seed);
	amd_userptr_scatter_writes(scatter, behind, amd_userptr_scatter_size(scatter) - behind,
				   seed + 1);
}
