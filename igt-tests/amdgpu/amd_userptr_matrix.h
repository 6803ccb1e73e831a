/* SPDX-License-Identifier: MIT */
/* Every memory, every event, every moment, every queue: what a test of a kind of BO runs. */
#ifndef AMD_USERPTR_MATRIX_H
#define AMD_USERPTR_MATRIX_H

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_task.h"

/* How the BO under test is made of an area: byte x of it is byte x of the area. */
struct amd_userptr_bo_kind {
	struct amd_userptr_bo *(*create)(struct amd_userptr_area *area);
	/* Give it the GPU addresses of an area, from bo->va on. */
	void (*map)(struct amd_userptr *up, struct amd_userptr_bo *bo);
};

/* The kind that a program is about. */
extern const struct amd_userptr_bo_kind amd_userptr_matrix_kind;

struct amd_userptr_case {
	const struct amd_userptr_backing *backing;
	const struct amd_userptr_event *event;
	enum amd_userptr_effect effect;
};

struct amd_userptr_matrix {
	struct amd_userptr *up;
	const struct amd_userptr_bo_kind *kind;
	struct amd_userptr_stall stall;
	int no_stall;			/* -errno: why the restore worker cannot be held */
	/* Of the subtest that runs; not on its stack, for it may end by a jump. */
	const struct amd_userptr_case *test;
	struct amd_userptr_area area, other;
	struct igt_task event_task, close_task;
	uint32_t closing;		/* handle that close_task closes */
};

/* When the event happens. */
struct amd_userptr_timing {
	const char *name;
	const char *what;
	void (*run)(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test);
	bool holes_only;
	bool stalls;
};

extern const struct amd_userptr_timing amd_userptr_timings[];
extern const unsigned int amd_userptr_num_timings;

#endif
