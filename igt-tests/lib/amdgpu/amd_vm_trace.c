// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "igt.h"

#include "lib/igt_mm.h"
#include "lib/amdgpu/amd_vm_trace.h"

/* Bits of an entry (drivers/gpu/drm/amd/amdgpu/amdgpu_vm.h): AMDGPU_PTE_VALID, AMDGPU_PTE_FRAG. */
#define PTE_VALID	1ull
#define PTE_FRAG_SHIFT	7
#define PTE_FRAG	(0x1full << PTE_FRAG_SHIFT)

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

void amd_userptr_trace_start(void)
{
	static const char *const events[] = {
		"amdgpu/amdgpu_vm_bo_update", "amdgpu/amdgpu_vm_update_ptes"
	};

	igt_require_f(amd_userptr_trace_on(events, sizeof(events) / sizeof(events[0])),
		      "no tracefs at /sys/kernel/tracing, or not root\n");
	amd_userptr_trace_clear();
}

/* [start, end) in pages, counted from the beginning of what is looked at. */
static void add_entries(struct amd_userptr_trace *trace, uint64_t start, uint64_t end,
			uint64_t flags)
{
	trace->pages += end - start;
	trace->first = start < trace->first ? start : trace->first;
	trace->last = end - 1 > trace->last ? end - 1 : trace->last;
	if (!(flags & PTE_VALID))
		return;
	if ((flags & PTE_FRAG) >> PTE_FRAG_SHIFT > trace->fragment)
		trace->fragment = (flags & PTE_FRAG) >> PTE_FRAG_SHIFT;
	flags &= ~PTE_FRAG;
	trace->mixed |= trace->valid && flags != trace->flags;
	trace->valid += end - start;
	trace->flags = flags;
}

struct amd_userptr_trace amd_userptr_trace_read(uint64_t va, uint64_t size)
{
	const uint64_t base = va / getpagesize(), pages = size / getpagesize();
	struct amd_userptr_trace trace = { .first = UINT64_MAX };
	FILE *file = fopen(AMD_USERPTR_TRACE "trace", "r");
	char line[1024];
	uint64_t start, end, flags;

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, "amdgpu_vm_bo_update: "))
			trace.windows += amd_userptr_trace_number(line, "soffs=", 16, &start) &&
					 start == base;
		else if (amd_userptr_trace_number(line, "start:", 16, &start) &&
			 amd_userptr_trace_number(line, "end:", 16, &end) &&
			 amd_userptr_trace_number(line, "flags:", 16, &flags) &&
			 start >= base && start < base + pages)
			add_entries(&trace, start - base, end - base, flags);
	}
	fclose(file);
	igt_debug("%u windows, %llu pages, %llu to %llu, flags %#llx%s, up to 2^%u\n", trace.windows,
		  (unsigned long long)trace.pages, (unsigned long long)trace.first,
		  (unsigned long long)trace.last, (unsigned long long)trace.flags,
		  trace.mixed ? " and others" : "", trace.fragment);
	return trace;
}
