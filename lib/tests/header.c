/* SPDX-License-Identifier: MIT */
/* The header alone, as C and as C++. */
#include <amdgpu_userptr.h>

int main(void)
{
	struct amdgpu_userptr_map_args args;

	args.size = sizeof(args);
	return args.size == 0;
}
