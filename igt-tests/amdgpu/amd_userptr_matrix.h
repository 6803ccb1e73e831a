/* SPDX-License-Identifier: MIT */
/* The parts of amd_userptr_matrix (BOs of one range) and amd_userptr_matrix_scatter (of many). */
#ifndef AMD_USERPTR_MATRIX_H
#define AMD_USERPTR_MATRIX_H

#include "lib/amdgpu/amd_userptr_area.h"
#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_task.h"

/* Makes a BO of an area, and maps it so that byte x at bo->va is byte x of the area. */
struct amd_userptr_bo_kind {
	struct amd_userptr_bo *(*create)(struct amd_userptr_area *area);
	void (*map)(struct amd_userptr *up, struct amd_userptr_bo *bo);
};

/* Each of the two programs defines this for its kind of BO. */
extern const struct amd_userptr_bo_kind amd_userptr_matrix_kind;

struct amd_userptr_case {
	const struct amd_userptr_backing *backing;
	const struct amd_userptr_event *event;
	enum amd_userptr_effect effect; /* the effect of @event on @backing */
};

struct amd_userptr_matrix {
	struct amd_userptr *up;
	const struct amd_userptr_bo_kind *kind;
	struct amd_userptr_stall stall;
	int no_stall; /* -errno when the test cannot hold the restore worker, else 0 */
	/*
	 * State of the running subtest.  It is not on the stack, because a failed assertion jumps
	 * out of the subtest, and the clean-up needs the state.
	 */
	const struct amd_userptr_case *test;
	/*
	 * The memory that the event changes, and other memory, on which the queue works if the
	 * event makes a hole.
	 */
	struct amd_userptr_area area, other;
	struct igt_task event_task, close_task;
	uint32_t closing; /* the handle that close_task closes */
};

/* A timing: the state of the queues and the restore worker when the event comes. */
struct amd_userptr_timing {
	const char *name;
	const char *what;
	void (*run)(struct amd_userptr_matrix *matrix, const struct amd_userptr_case *test);
	bool holes_only; /* runs only for events with the effect AMD_USERPTR_HOLE */
	bool stalls;	 /* holds the restore worker, which needs FUSE */
};

extern const struct amd_userptr_timing amd_userptr_timings[];
extern const unsigned int amd_userptr_num_timings;

#endif
