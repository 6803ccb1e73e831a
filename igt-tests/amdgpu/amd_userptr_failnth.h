/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_failnth test. */
#ifndef AMD_USERPTR_FAILNTH_H
#define AMD_USERPTR_FAILNTH_H

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_scatter.h"
#include "lib/igt_fail_nth.h"

/* The smallest size that KFD's memory counter, in MiB, shows when it is not given back. */
#define FAILNTH_PAGES (((size_t)1 << 20) / getpagesize())

/* More allocations than any call makes: a test that comes here would never end. */
#define FAILNTH_MOST 2000

/* The memory of a userptr: one range, or a range for each page. */
struct failnth_memory {
	struct amd_userptr_scatter scatter;
	char *cpu;
	size_t size;
	size_t span; /* the ranges are in [cpu, cpu + span) */
	bool many;
};

void failnth_memory_init(struct failnth_memory *memory, struct amd_userptr *up, bool many,
			 unsigned int pages, uint32_t seed);
/* Replace the pages by others with other content: one event. */
void failnth_memory_change(struct failnth_memory *memory, uint32_t seed);
/* One GEM_USERPTR ioctl, because drmIoctl() would repeat it; 0 or -errno. */
int failnth_create(struct failnth_memory *memory, uint32_t *handle);
/* The same, asserting success. */
void failnth_make(struct failnth_memory *memory);
/* Let the queue read all of it at @va; false when the GPU faults. */
bool failnth_reads(struct failnth_memory *memory, uint64_t va);

/* Counts of one process. */
struct failnth_count {
	unsigned int n; /* the next allocation to fail */
	unsigned int failures;
	unsigned int errors; /* calls that returned an error */
	bool end;	     /* the last call made less than n allocations */
};

/* Log an attempt and go on to the next n; @failed: an allocation has failed in it. */
void failnth_note(struct failnth_count *count, const char *what, bool failed, int ret);
/* At the end, assert that allocations failed and that a call returned an error. */
void failnth_finish(const struct failnth_count *count, const char *what);

struct failnth_case {
	bool many;
	const char *what;
	/* Returns false when the GPU has faulted: another process does the rest. */
	bool (*attempt)(struct amd_userptr *mine, const struct failnth_case *what,
			struct igt_fail_nth *inject, struct failnth_count *count);
	bool kworkers;
};

/* GEM_VA while the n-th allocation fails; its result, when the update is done. */
int failnth_va(struct amd_userptr *mine, const struct failnth_case *what,
	       struct igt_fail_nth *inject, struct failnth_count *count, uint32_t operation,
	       const struct amd_userptr_bo *bo, uint64_t va, uint64_t size);

/* Test every n, in as many processes as that takes. */
void failnth_run(struct amd_userptr *up, const struct failnth_case *what);

extern const struct amd_userptr_subtest amd_userptr_failnth_va_subtests[];
extern const unsigned int amd_userptr_num_failnth_va_subtests;
extern const struct amd_userptr_subtest amd_userptr_failnth_huge_subtests[];
extern const unsigned int amd_userptr_num_failnth_huge_subtests;
extern const struct amd_userptr_subtest amd_userptr_failnth_acquire_subtests[];
extern const unsigned int amd_userptr_num_failnth_acquire_subtests;

#endif
