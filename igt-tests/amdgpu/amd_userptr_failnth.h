/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_failnth test. */
#ifndef AMD_USERPTR_FAILNTH_H
#define AMD_USERPTR_FAILNTH_H

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_scatter.h"
#include "lib/igt_fail_nth.h"

/* As small as KFD's memory limit shows (in MiB), so that what is not given back is seen. */
#define FAILNTH_PAGES (((size_t)1 << 20) / getpagesize())

/* More allocations than any call makes: it would never end. */
#define FAILNTH_MOST 2000

/* Memory of a userptr: one range, or a range for each page. */
struct failnth_memory {
	struct amd_userptr_scatter scatter;
	char *cpu;
	size_t size;
	size_t span;			/* of the addresses from @cpu on that the ranges are in */
	bool many;
};

void failnth_memory_init(struct failnth_memory *memory, struct amd_userptr *up, bool many,
			 unsigned int pages, uint32_t seed);
/* Other pages with other content, by one event. */
void failnth_memory_change(struct failnth_memory *memory, uint32_t seed);
/* GEM_USERPTR as it is, once: drmIoctl() would try again.  0 or -errno. */
int failnth_create(struct failnth_memory *memory, uint32_t *handle);
/* The same, to succeed. */
void failnth_make(struct failnth_memory *memory);
/* The queue reads all of it at @va; false when the GPU faults. */
bool failnth_reads(struct failnth_memory *memory, uint64_t va);

/* What has failed on purpose, by process. */
struct failnth_count {
	unsigned int n;			/* the next allocation to fail */
	unsigned int failures;
	unsigned int errors;		/* calls that ended with one */
	bool end;			/* a call made less allocations than that */
};

/* One line about an attempt, and the count; @failed: an allocation did. */
void failnth_note(struct failnth_count *count, const char *what, bool failed, int ret);
/* After the last one: there was something that failed, and somebody noticed. */
void failnth_finish(const struct failnth_count *count, const char *what);
/* What the driver says when memory is short is no problem here. */
void failnth_ignore_log(void);

struct failnth_case {
	bool many;
	const char *what;
	/* Returns false when the GPU has faulted: the rest is for another process. */
	bool (*attempt)(struct amd_userptr *mine, const struct failnth_case *what,
			struct igt_fail_nth *inject, struct failnth_count *count);
	bool kworkers;
};

/* GEM_VA while the n-th allocation fails; its result, when the update is done. */
int failnth_va(struct amd_userptr *mine, const struct failnth_case *what,
	       struct igt_fail_nth *inject, struct failnth_count *count,
	       uint32_t operation, const struct amd_userptr_bo *bo, uint64_t va, uint64_t size);

/* All n, in as many processes as it takes. */
void failnth_run(struct amd_userptr *up, const struct failnth_case *what);

extern const struct amd_userptr_subtest amd_userptr_failnth_va_subtests[];
extern const unsigned int amd_userptr_num_failnth_va_subtests;
extern const struct amd_userptr_subtest amd_userptr_failnth_huge_subtests[];
extern const unsigned int amd_userptr_num_failnth_huge_subtests;
extern const struct amd_userptr_subtest amd_userptr_failnth_acquire_subtests[];
extern const unsigned int amd_userptr_num_failnth_acquire_subtests;

#endif
