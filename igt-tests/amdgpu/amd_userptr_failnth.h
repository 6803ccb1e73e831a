/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_failnth test. */
#ifndef AMD_USERPTR_FAILNTH_H
#define AMD_USERPTR_FAILNTH_H

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_scatter.h"
#include "lib/igt_fail_nth.h"

/*
 * How many CPU pages are 1 MiB.  KFD's memory counter is in MiB.  So the counter shows if the
 * driver still counts a userptr of this size after its ioctl has failed.
 */
#define FAILNTH_PAGES (((size_t)1 << 20) / getpagesize())

/* More allocations than any call makes.  A test that reaches this n fails, so that it ends. */
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
/* Drop all pages by one MADV_DONTNEED, then fill range i with the pattern of @seed + i. */
void failnth_memory_change(struct failnth_memory *memory, uint32_t seed);
/* Call GEM_USERPTR once (drmIoctl() could repeat it); 0 or -errno. */
int failnth_create(struct failnth_memory *memory, uint32_t *handle);
/* Make the BO, assert success, and let the clean-up close it. */
void failnth_make(struct failnth_memory *memory);
/*
 * Let the queue read all of the memory at @va, and assert that it finds the CPU's bytes; false when
 * the GPU faults.
 */
bool failnth_reads(struct failnth_memory *memory, uint64_t va);

/* The progress of a subtest, which its processes share: each goes on where the last one ended. */
struct failnth_count {
	unsigned int n;	       /* the next attempt lets its n-th allocation fail */
	unsigned int failures; /* attempts in which an allocation failed */
	unsigned int errors;   /* attempts whose call returned an error */
	bool end; /* the last call made fewer than n allocations, so no n is left to try */
};

/*
 * Assert that the result @ret of an attempt is allowed, count it, and go on to the next n.
 * @failed: an allocation failed in this attempt.
 */
void failnth_note(struct failnth_count *count, const char *what, bool failed, int ret);
/* At the end, print the counts, and assert that every n was tried and an allocation failed. */
void failnth_finish(const struct failnth_count *count, const char *what);

/* Let amd_userptr_cleanup() end all injected failures, also after an assertion has failed. */
void failnth_begin(struct amd_userptr *up);

struct failnth_case {
	bool many;	  /* the userptr has a range for each page */
	const char *what; /* begins the messages */
	/*
	 * Makes one attempt.  Returns false if the process cannot make another one, because a GPU
	 * page fault has ended its queues.  In that case another process goes on.
	 */
	bool (*attempt)(struct amd_userptr *mine, const struct failnth_case *what,
			struct igt_fail_nth *inject, struct failnth_count *count);
	bool kworkers; /* allocations of the restore worker fail, not those of the process */
};

/* Call GEM_VA while its n-th allocation fails, wait for the update, and return GEM_VA's result. */
int failnth_va(struct amd_userptr *mine, const struct failnth_case *what,
	       struct igt_fail_nth *inject, struct failnth_count *count, uint32_t operation,
	       const struct amd_userptr_bo *bo, uint64_t va, uint64_t size);

/* Make a BO that is no userptr, and map it.  Returns its handle. */
uint32_t failnth_map_plain(struct amd_userptr *mine, uint64_t domain, uint64_t va, uint64_t size);

/*
 * Call attempt() until every n was tried, and start another process whenever attempt() returns
 * false or its process has run for PROCESS_MS.
 */
void failnth_run(struct amd_userptr *up, const struct failnth_case *what);

extern const struct amd_userptr_subtest amd_userptr_failnth_va_subtests[];
extern const unsigned int amd_userptr_num_failnth_va_subtests;
extern const struct amd_userptr_subtest amd_userptr_failnth_huge_subtests[];
extern const unsigned int amd_userptr_num_failnth_huge_subtests;
extern const struct amd_userptr_subtest amd_userptr_failnth_acquire_subtests[];
extern const unsigned int amd_userptr_num_failnth_acquire_subtests;

#endif
