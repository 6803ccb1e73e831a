/* SPDX-License-Identifier: MIT */
/*
 * Tables of subtests that share one context: what a test's igt_main() is made of.
 */
#ifndef AMD_USERPTR_FIXTURE_H
#define AMD_USERPTR_FIXTURE_H

#include <stdbool.h>

#include "lib/amdgpu/amd_userptr.h"

#ifndef ARRAY_LENGTH
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#endif

struct amd_userptr_subtest {
	const char *name;
	const char *describe;
	void (*run)(struct amd_userptr *up);
	/* Instead of run, where several subtests differ in data only. */
	void (*run_with)(struct amd_userptr *up, const void *data);
	const void *data;
	bool sdma_too;			/* a second subtest, "...-sdma", on an SDMA queue */
	bool aql_too;			/* another one, "...-aql" */
};

/* In the first fixture: open the device and KFD, or skip. */
void amd_userptr_fixture_open(struct amd_userptr *up);
/* In the fixture of a group: skip it when the kernel lacks AMDGPU_GEM_USERPTR_HSA. */
void amd_userptr_require_flag(struct amd_userptr *up);
/* Outside of fixtures: define the subtests, each with a fixture that cleans up. */
void amd_userptr_run_subtests(struct amd_userptr *up, const struct amd_userptr_subtest *subtests,
			      unsigned int count);
/* In the last fixture. */
void amd_userptr_fixture_close(struct amd_userptr *up);

#endif
