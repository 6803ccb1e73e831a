// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_mm.h"
#include "lib/amdgpu/amd_userptr_trace.h"

bool amd_userptr_trace_on(const char *const *events, unsigned int count)
{
	if (mkdir(AMD_USERPTR_TRACE, 0700) && errno != EEXIST)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		char path[160];

		snprintf(path, sizeof(path), AMD_USERPTR_TRACE "events/%s/enable", events[i]);
		if (__amd_userptr_write_text(path, "1"))
			return false;
	}
	return true;
}

void amd_userptr_trace_off(void)
{
	rmdir(AMD_USERPTR_TRACE);
}

void amd_userptr_trace_clear(void)
{
	int fd = open(AMD_USERPTR_TRACE "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	igt_assert_fd(fd);
	close(fd);
}

bool amd_userptr_trace_number(const char *line, const char *word, int base, uint64_t *number)
{
	const char *found = strstr(line, word);

	if (!found)
		return false;
	*number = strtoull(found + strlen(word), NULL, base);
	return true;
}
