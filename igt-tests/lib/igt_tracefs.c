// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/igt_tracefs.h"
#include "lib/igt_undo.h"

#define KPROBE_EVENTS  "/sys/kernel/tracing/kprobe_events"
#define KPROBE_PROFILE "/sys/kernel/tracing/kprobe_profile"

/*
 * The kernel refuses to remove an instance or a kprobe while a process has a file of it open.
 * Returns false in that case, so that the journal tries again.
 */
static bool remove_instance(const char *what, const char *value)
{
	return !rmdir(what) || errno != EBUSY;
}

static bool remove_kprobe(const char *what, const char *value)
{
	int fd = open(KPROBE_EVENTS, O_WRONLY | O_APPEND | O_CLOEXEC);
	char text[256];
	bool busy;

	if (fd < 0)
		return true;
	snprintf(text, sizeof(text), "-:%s\n", what);
	busy = write(fd, text, strlen(text)) < 0 && errno == EBUSY;
	close(fd);
	return !busy;
}

bool igt_tracefs_make_instance(const char *path)
{
	igt_undo_later(remove_instance, path, NULL);
	return !mkdir(path, 0700) || errno == EEXIST;
}

void igt_tracefs_remove_instance(const char *path)
{
	igt_undo_now(path);
}

bool igt_tracefs_on(const char *const *events, unsigned int count)
{
	if (!igt_tracefs_make_instance(IGT_TRACEFS_INSTANCE))
		return false;
	for (unsigned int i = 0; i < count; i++) {
		char path[160];

		snprintf(path, sizeof(path), IGT_TRACEFS_INSTANCE "events/%s/enable", events[i]);
		if (!igt_sysfs_set(AT_FDCWD, path, "1"))
			return false;
	}
	return true;
}

void igt_tracefs_off(void)
{
	igt_tracefs_remove_instance(IGT_TRACEFS_INSTANCE);
}

void igt_tracefs_clear(void)
{
	int fd = open(IGT_TRACEFS_INSTANCE "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	igt_assert_fd(fd);
	close(fd);
}

bool igt_tracefs_number(const char *line, const char *word, int base, uint64_t *number)
{
	const char *found = strstr(line, word);

	if (!found)
		return false;
	*number = strtoull(found + strlen(word), NULL, base);
	return true;
}

/* @type: "p" for the entry of the function, "r" for its return. */
static bool add_probe(const char *type, const char *name, const char *where)
{
	char text[256];

	/*
	 * Remove an old kprobe of this name first.  A program may have left it, if the program was
	 * killed together with its guard.
	 */
	remove_kprobe(name, NULL);
	igt_undo_later(remove_kprobe, name, NULL);
	snprintf(text, sizeof(text), "%s:%s %s\n", type, name, where);
	return igt_sysfs_set(AT_FDCWD, KPROBE_EVENTS, text);
}

bool igt_tracefs_kprobe_add(const char *name, const char *where)
{
	return add_probe("p", name, where);
}

bool igt_tracefs_kretprobe_add(const char *name, const char *where)
{
	return add_probe("r", name, where);
}

void igt_tracefs_kprobe_remove(const char *name)
{
	igt_undo_now(name);
}

uint64_t igt_tracefs_kprobe_hits(const char *name)
{
	FILE *file = fopen(KPROBE_PROFILE, "r");
	char found[64];
	uint64_t hits = 0, number;

	igt_assert(file);
	/* Each line has a name, the number of hits, and the number of misses. */
	while (fscanf(file, "%63s %" SCNu64 " %*s", found, &number) == 2) {
		if (!strcmp(found, name))
			hits = number;
	}
	fclose(file);
	return hits;
}
