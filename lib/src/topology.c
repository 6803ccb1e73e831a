/* SPDX-License-Identifier: MIT */
/* KFD's topology in sysfs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "internal.h"

#define NODES	  "/sys/class/kfd/kfd/topology/nodes"
#define MAX_NODES 256 /* sysfs numbers nodes and links without gaps */
#define MAX_LINKS 256
#define XGMI	  11 /* CRAT_IOLINK_TYPE_XGMI of drivers/gpu/drm/amd/amdkfd/kfd_crat.h */

/*
 * Read one number of a file with lines of a name and a number. @value: stays as it is if there is
 * no such line.
 */
static bool read_number(const char *path, const char *name, uint64_t *value)
{
	char found[64];
	uint64_t number;
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	while (fscanf(file, "%63s %" SCNu64, found, &number) == 2) {
		if (strcmp(found, name))
			continue;
		*value = number;
		break;
	}
	fclose(file);
	return true;
}

static bool is_cpu(uint64_t node)
{
	char path[128];
	uint64_t cores = 0;

	snprintf(path, sizeof(path), NODES "/%" PRIu64 "/properties", node);
	read_number(path, "cpu_cores_count", &cores);
	return cores;
}

/* Whether a link of the node is xGMI to a CPU. */
static bool has_xgmi_to_cpu(unsigned int node)
{
	for (unsigned int i = 0; i < MAX_LINKS; i++) {
		uint64_t type = 0, to = UINT64_MAX;
		char path[128];

		snprintf(path, sizeof(path), NODES "/%u/io_links/%u/properties", node, i);
		if (!read_number(path, "type", &type))
			return false;
		read_number(path, "node_to", &to);
		if (type == XGMI && is_cpu(to))
			return true;
	}
	return false;
}

bool au_kernel_xgmi_to_cpu(void *priv, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	for (unsigned int i = 0; i < MAX_NODES; i++) {
		uint64_t minor = 0;
		char path[128];

		snprintf(path, sizeof(path), NODES "/%u/properties", i);
		if (!read_number(path, "drm_render_minor", &minor))
			return false;
		/* The nodes of CPUs have the minor number 0. */
		if (minor && minor == minor(st.st_rdev))
			return has_xgmi_to_cpu(i);
	}
	return false;
}
