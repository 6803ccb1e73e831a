/* SPDX-License-Identifier: MIT */
/* The parts of the amd_userptr_kill test. */
#ifndef AMD_USERPTR_KILL_H
#define AMD_USERPTR_KILL_H

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/amdgpu/amd_userptr_mapped.h"
#include "lib/amdgpu/amd_userptr_victim.h"

/* The limit of a subtest. */
enum { KILL_SECONDS = 50 };

/* Memory that a victim and its judge share. */
struct kill_report {
	atomic_bool ready;	       /* the victim has set itself up */
	atomic_bool go;		       /* the judge lets the victim make the call */
	atomic_bool started, returned; /* the victim has begun the call, has returned from it */
	atomic_uint connection;	       /* the number of the victim's FUSE connection, to abort it */
	uint64_t took_us;	       /* how long the call takes when nothing kills it */
};

extern const struct amd_userptr_subtest amd_userptr_kill_waits_subtests[];
extern const unsigned int amd_userptr_num_kill_waits_subtests;

#endif
