/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/amdgpu/amd_kfd.h"
#include "kfd_limit.h"

#define SWITCH "/sys/module/amdgpu/parameters/no_system_mem_limit"

static bool is_switched_off(void)
{
	FILE *file = fopen(SWITCH, "r");
	bool off;

	if (!file)
		return false;
	off = fgetc(file) == 'Y';
	fclose(file);
	return off;
}

uint64_t kfd_limit(void)
{
	unsigned long long used, limit = 0;
	FILE *file;

	if (is_switched_off()) {
		fprintf(stderr, "no_system_mem_limit switches KFD's limit off\n");
		return 0;
	}
	file = fopen(AMD_KFD_MEM_LIMIT, "r");
	if (file) {
		if (fscanf(file, "System mem used %lluM out of %lluM", &used, &limit) != 2)
			limit = 0;
		fclose(file);
	}
	if (!limit)
		fprintf(stderr, "%s does not tell KFD's limit\n", AMD_KFD_MEM_LIMIT);
	return limit << 20;
}

bool kfd_limit_is_required(int argc, char **argv)
{
	return argc == 3 && !strcmp(argv[2], "limit");
}
