/* SPDX-License-Identifier: MIT */
/*
 * Compile the header alone, as C and as C++. In C++ the name of a struct needs no keyword unless a
 * function has the same name, so this file also checks that no function has. The flags of a map
 * must not need another header.
 */
#include <amdgpu_userptr.h>

#ifdef __cplusplus
static amdgpu_userptr_mapping *mapping;
#else
static struct amdgpu_userptr_mapping *mapping;
#endif

int main(void)
{
	struct amdgpu_userptr_map_args args;

	args.size = sizeof(args);
	args.flags = AMDGPU_USERPTR_MAP_MEMORY_LOCK;
	args.va_flags = AMDGPU_USERPTR_VA_MEMORY_LOCK;
	return args.size == 0 || mapping;
}
