/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_hsa test. */
#ifndef AMD_USERPTR_HSA_H
#define AMD_USERPTR_HSA_H

#include <stdbool.h>

#include "lib/amdgpu/amd_userptr.h"

/* Enough pages for a first, a middle and a last one, and for a partly used page table. */
#define AMD_USERPTR_PAGES 16
#define AMD_USERPTR_SIZE ((size_t)AMD_USERPTR_PAGES * getpagesize())

/* A subtest that takes longer than this many seconds hangs. */
#define AMD_USERPTR_SUBTEST_S 120

#ifndef ARRAY_LENGTH
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#endif

struct amd_userptr_subtest {
	const char *name;
	const char *describe;
	void (*run)(struct amd_userptr *up);
	bool sdma_too;			/* a second subtest, "...-sdma", on an SDMA queue */
};

extern const struct amd_userptr_subtest amd_userptr_move_subtests[];
extern const unsigned int amd_userptr_num_move_subtests;
extern const struct amd_userptr_subtest amd_userptr_lifetime_subtests[];
extern const unsigned int amd_userptr_num_lifetime_subtests;
extern const struct amd_userptr_subtest amd_userptr_fault_subtests[];
extern const unsigned int amd_userptr_num_fault_subtests;
extern const struct amd_userptr_subtest amd_userptr_stock_gap;

#endif
