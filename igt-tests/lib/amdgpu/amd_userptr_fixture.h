/* SPDX-License-Identifier: MIT */
/*
 * The fixture of a test program, which opens a struct amd_userptr, and tables of subtests that
 * share it.  igt_main() of most programs consists of these calls: see igt-tests/amdgpu/README.md.
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
	/*
	 * If it is not NULL, amd_userptr_run_subtests() calls run_with(up, data) instead of
	 * run(up).  So subtests that differ only in their data can share a function.
	 */
	void (*run_with)(struct amd_userptr *up, const void *data);
	const void *data;
	bool sdma_too; /* there is also a subtest "...-sdma" on an SDMA queue */
	bool aql_too;  /* there is also a subtest "...-aql" on an AQL queue */
};

/* In the first fixture: open the render node and KFD, or skip; also skip if not root. */
void amd_userptr_fixture_open(struct amd_userptr *up);
/* In the fixture of a group: skip the group when the kernel lacks AMDGPU_GEM_USERPTR_HSA. */
void amd_userptr_require_flag(struct amd_userptr *up);
/*
 * Outside of fixtures: define the subtests of a table, each followed by a fixture that cleans up.
 */
void amd_userptr_run_subtests(struct amd_userptr *up, const struct amd_userptr_subtest *subtests,
			      unsigned int count);
/* In the last fixture: close all that amd_userptr_fixture_open() has opened. */
void amd_userptr_fixture_close(struct amd_userptr *up);

#endif
