// SPDX-License-Identifier: MIT
/* Documentation/admin-guide/cgroup-v2.rst describes the files of a cgroup that this file uses. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/igt_cgroup.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

#define ROOT	    "/run/amd_userptr_cgroup"
#define GROUP	    ROOT "/userptr"
#define CONTROLLERS ROOT "/cgroup.subtree_control" /* controllers of the root's children */

/* How long the processes of a cgroup may need to end after they were killed. */
#define END_MS igt_patience(1000)

/*
 * igt_undo.h keeps a journal of changes, and undoes the last change first: it removes the cgroup,
 * then the controller, then the mount.  As long as the kernel refuses to remove the cgroup, the
 * controller and the mount have to stay.  This function tells whether the cgroup is still there.
 */
static bool group_is_left(void)
{
	return !access(GROUP, F_OK);
}

/*
 * This does not call igt_sysfs_set(), which may allocate memory, because the functions below also
 * run in the handler of a signal.
 */
static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/*
 * Kill the processes in the cgroup, because the kernel does not remove the cgroup before they have
 * ended.  If the program was killed, its guard calls this, and children of the program may still
 * run.
 */
static bool remove_group(const char *what, const char *value)
{
	put(GROUP "/cgroup.kill", "1");
	return !rmdir(GROUP) || errno != EBUSY;
}

/*
 * Switch the memory controller off.  The kernel refuses that if another process has made cgroups
 * with limits of memory meanwhile.  The controller stays on in that case, because those cgroups
 * need it.
 */
static bool memory_off(const char *what, const char *value)
{
	if (group_is_left())
		return false;
	put(CONTROLLERS, "-memory");
	return true;
}

static bool unmount(const char *what, const char *value)
{
	if (group_is_left())
		return false;
	umount(ROOT);
	rmdir(ROOT);
	return true;
}

static bool memory_is_on(void)
{
	int fd = open(CONTROLLERS, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	char text[256];

	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return strstr(text, "memory");
}

/*
 * A program that was killed may have left a cgroup, which has that program's limits and counters.
 * So remove the old cgroup, and make a new one.
 */
static bool make_group(void)
{
	const uint64_t deadline = igt_now_ms() + END_MS;

	while (mkdir(GROUP, 0700)) {
		if (errno != EEXIST || igt_now_ms() >= deadline)
			return false;
		remove_group(GROUP, NULL);
		igt_pause();
	}
	return true;
}

const char *igt_cgroup_init(enum igt_cgroup_limit kind, size_t limit)
{
	const char *file = kind == IGT_CGROUP_KILL ? GROUP "/memory.max" : GROUP "/memory.high";
	char text[32];

	igt_undo_later(unmount, ROOT, NULL);
	if (mkdir(ROOT, 0700) && errno != EEXIST)
		return "not root";
	if (mount("none", ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		return "no cgroup2 in this kernel, or not root";
	if (!memory_is_on()) {
		igt_undo_later(memory_off, CONTROLLERS, NULL);
		if (!igt_sysfs_set(AT_FDCWD, CONTROLLERS, "+memory"))
			return "no memory controller (CONFIG_MEMCG)";
	}
	igt_undo_later(remove_group, GROUP, NULL);
	if (!make_group())
		return "no cgroup can be made";
	snprintf(text, sizeof(text), "%zu", limit);
	return igt_sysfs_set(AT_FDCWD, file, text) ? NULL : "no limit of memory";
}

void igt_cgroup_fini(void)
{
	igt_undo_now(GROUP);
	igt_undo_now(CONTROLLERS);
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
