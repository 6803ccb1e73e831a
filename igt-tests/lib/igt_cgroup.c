// SPDX-License-Identifier: MIT
/* Documentation/admin-guide/cgroup-v2.rst */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/igt_cgroup.h"
#include "lib/igt_mm.h"

#define ROOT "/run/amd_userptr_cgroup"
#define GROUP ROOT "/userptr"

const char *amd_userptr_cgroup_init(size_t limit)
{
	char text[32];

	if (mkdir(ROOT, 0700) && errno != EEXIST)
		return "not root";
	if (mount("none", ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		return "no cgroup2 in this kernel, or not root";
	if (__amd_userptr_write_text(ROOT "/cgroup.subtree_control", "+memory"))
		return "no memory controller (CONFIG_MEMCG)";
	if (mkdir(GROUP, 0700) && errno != EEXIST)
		return "no cgroup can be made";
	snprintf(text, sizeof(text), "%zu", limit);
	return __amd_userptr_write_text(GROUP "/memory.max", text) ? "no memory.max" : NULL;
}

void amd_userptr_cgroup_fini(void)
{
	rmdir(GROUP);
	umount(ROOT);
	rmdir(ROOT);
}

int __amd_userptr_cgroup_join(void)
{
	return __amd_userptr_write_text(GROUP "/cgroup.procs", "0");
}

int __amd_userptr_cgroup_swap(bool may)
{
	return __amd_userptr_write_text(GROUP "/memory.swap.max", may ? "max" : "0");
}

unsigned long long amd_userptr_cgroup_event(const char *word)
{
	return amd_userptr_number_in(GROUP "/memory.events", word);
}
