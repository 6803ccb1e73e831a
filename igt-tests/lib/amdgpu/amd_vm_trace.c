// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "igt.h"
#include "igt_sysfs.h"

#include "lib/amdgpu/amd_vm_trace.h"
#include "lib/igt_tracefs.h"

/* Bits of an entry (drivers/gpu/drm/amd/amdgpu/amdgpu_vm.h): AMDGPU_PTE_VALID, AMDGPU_PTE_FRAG. */
#define PTE_VALID      1ull
#define PTE_FRAG_SHIFT 7
#define PTE_FRAG       (0x1full << PTE_FRAG_SHIFT)

/*
 * KiB for the events of each CPU.  An update of entries is one event for each run of contiguous
 * pages, so a BO of 160 MiB makes many events when the machine's memory is fragmented.
 */
#define BUFFER_KIB "8192"

void amd_vm_trace_start(void)
{
	static const char *const events[] = { "amdgpu/amdgpu_vm_bo_update",
					      "amdgpu/amdgpu_vm_update_ptes" };

	igt_require_f(igt_tracefs_on(events, sizeof(events) / sizeof(events[0])),
		      "no tracefs at /sys/kernel/tracing, or not root\n");
	igt_assert(igt_sysfs_set(AT_FDCWD, IGT_TRACEFS_INSTANCE "buffer_size_kb", BUFFER_KIB));
	igt_tracefs_clear();
}

/* Returns how many events the buffers of all CPUs have lost. */
static uint64_t lost_events(void)
{
	uint64_t lost = 0, number;
	char path[160], line[128];

	for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++) {
		FILE *file;

		snprintf(path, sizeof(path), IGT_TRACEFS_INSTANCE "per_cpu/cpu%ld/stats", cpu);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file)) {
			if (!strncmp(line, "overrun:", 8) &&
			    igt_tracefs_number(line, "overrun:", 10, &number))
				lost += number;
		}
		if (file)
			fclose(file);
	}
	return lost;
}

static unsigned int parts_of_page(void)
{
	return getpagesize() / AMD_VM_TRACE_PAGE;
}

/* Returns log2 of the number of the CPU's pages in the fragment of an entry with @flags. */
static unsigned int fragment_of(uint64_t flags)
{
	const unsigned int log2 = (flags & PTE_FRAG) >> PTE_FRAG_SHIFT;
	const unsigned int shift = __builtin_ctz(parts_of_page());

	return log2 > shift ? log2 - shift : 0;
}

/* Add the entries [start, end), in pages of the CPU from the beginning of the traced range. */
static void add_entries(struct amd_vm_trace *trace, uint64_t start, uint64_t end, uint64_t flags)
{
	trace->pages += end - start;
	trace->first = start < trace->first ? start : trace->first;
	trace->last = end - 1 > trace->last ? end - 1 : trace->last;
	if (!(flags & PTE_VALID))
		return;
	if (fragment_of(flags) > trace->fragment)
		trace->fragment = fragment_of(flags);
	flags &= ~PTE_FRAG;
	trace->mixed |= trace->valid && flags != trace->flags;
	trace->valid += end - start;
	trace->flags = flags;
}

struct amd_vm_trace amd_vm_trace_read(uint64_t va, uint64_t size)
{
	const uint64_t base = va / AMD_VM_TRACE_PAGE, pages = size / AMD_VM_TRACE_PAGE;
	const unsigned int parts = parts_of_page();
	struct amd_vm_trace trace = { .first = UINT64_MAX };
	FILE *file = fopen(IGT_TRACEFS_INSTANCE "trace", "r");
	char line[1024];
	uint64_t start, end, flags;

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, "amdgpu_vm_bo_update: "))
			trace.windows += igt_tracefs_number(line, "soffs=", 16, &start) &&
					 start == base;
		else if (igt_tracefs_number(line, "start:", 16, &start) &&
			 igt_tracefs_number(line, "end:", 16, &end) &&
			 igt_tracefs_number(line, "flags:", 16, &flags) && start >= base &&
			 start < base + pages)
			add_entries(&trace, (start - base) / parts,
				    (end - base + parts - 1) / parts, flags);
	}
	fclose(file);
	igt_assert_f(!lost_events(), "the trace has lost the oldest events\n");
	igt_debug("%u windows, %llu pages, %llu to %llu, flags %#llx%s, up to 2^%u\n",
		  trace.windows, (unsigned long long)trace.pages, (unsigned long long)trace.first,
		  (unsigned long long)trace.last, (unsigned long long)trace.flags,
		  trace.mixed ? " and others" : "", trace.fragment);
	return trace;
}
