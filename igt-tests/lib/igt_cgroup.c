// SPDX-License-Identifier: MIT
/* Documentation/admin-guide/cgroup-v2.rst describes the files of a cgroup that are used here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/igt_cgroup.h"
#include "lib/igt_procfs.h"
#include "lib/igt_undo.h"

#define ROOT  "/run/amd_userptr_cgroup"
#define GROUP ROOT "/userptr"

/*
 * Kill the processes that are in the cgroup, because it cannot be removed before they have ended.
 * When the program itself was killed, its children may still run.
 */
static bool remove_cgroup(const char *what, const char *value)
{
	int kill = open(GROUP "/cgroup.kill", O_WRONLY | O_CLOEXEC);

	if (kill >= 0) {
		(void)!write(kill, "1", 1);
		close(kill);
	}
	if (rmdir(GROUP) && errno == EBUSY)
		return false;
	umount(ROOT);
	rmdir(ROOT);
	return true;
}

const char *igt_cgroup_init(size_t limit)
{
	char text[32];

	igt_undo_later(remove_cgroup, ROOT, NULL);
	if (mkdir(ROOT, 0700) && errno != EEXIST)
		return "not root";
	if (mount("none", ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		return "no cgroup2 in this kernel, or not root";
	if (!igt_sysfs_set(AT_FDCWD, ROOT "/cgroup.subtree_control", "+memory"))
		return "no memory controller (CONFIG_MEMCG)";
	if (mkdir(GROUP, 0700) && errno != EEXIST)
		return "no cgroup can be made";
	snprintf(text, sizeof(text), "%zu", limit);
	return igt_sysfs_set(AT_FDCWD, GROUP "/memory.max", text) ? NULL : "no memory.max";
}

void igt_cgroup_fini(void)
{
	igt_undo_now(ROOT);
}

int __igt_cgroup_join(void)
{
	return igt_sysfs_set(AT_FDCWD, GROUP "/cgroup.procs", "0") ? 0 : -EIO;
}

int __igt_cgroup_swap(bool may)
{
	return igt_sysfs_set(AT_FDCWD, GROUP "/memory.swap.max", may ? "max" : "0") ? 0 : -EIO;
}

unsigned long long igt_cgroup_event(const char *word)
{
	return igt_procfs_number(GROUP "/memory.events", word);
}

unsigned long long igt_cgroup_swap_peak(void)
{
	return igt_procfs_number(GROUP "/memory.swap.peak", "");
}

void igt_cgroup_log(void)
{
	static const char *const words[] = { "anon ",	       "file ",	       "shmem ",
					     "slab ",	       "pagetables ",  "swapcached ",
					     "inactive_anon ", "active_anon ", "inactive_file ",
					     "active_file ",   "unevictable ", NULL };

	for (const char *const *word = words; *word; word++)
		igt_info("cgroup: %s%llu\n", *word, igt_procfs_number(GROUP "/memory.stat", *word));
}
