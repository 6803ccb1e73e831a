/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "bo_bytes.h"
#include "test.h"

uint64_t bo_bytes(int drm_fd)
{
	uint64_t total = 0, kib;
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", drm_fd);
	file = fopen(path, "r");
	t_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "drm-total-%*[^:]: %" SCNu64 " KiB", &kib) != 1)
			continue;
		total += kib << 10;
		found = true;
	}
	fclose(file);
	t_assert(found);
	return total;
}
