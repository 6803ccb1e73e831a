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

#define KPROBE_EVENTS  "/sys/kernel/tracing/kprobe_events"
#define KPROBE_PROFILE "/sys/kernel/tracing/kprobe_profile"

bool igt_tracefs_on(const char *const *events, unsigned int count)
{
	if (mkdir(IGT_TRACEFS_INSTANCE, 0700) && errno != EEXIST)
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
	rmdir(IGT_TRACEFS_INSTANCE);
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

bool igt_tracefs_kprobe_add(const char *name, const char *where)
{
	char text[256];

	snprintf(text, sizeof(text), "p:%s %s\n", name, where);
	return igt_sysfs_set(AT_FDCWD, KPROBE_EVENTS, text);
}

void igt_tracefs_kprobe_remove(const char *name)
{
	char text[256];

	snprintf(text, sizeof(text), "-:%s\n", name);
	igt_sysfs_set(AT_FDCWD, KPROBE_EVENTS, text);
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
