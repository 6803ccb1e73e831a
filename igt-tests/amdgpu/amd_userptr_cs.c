// SPDX-License-Identifier: MIT
/*
 * User memory changes while command submissions access it.  Some submissions name the userptr in
 * their BO list, as the submissions of graphics clients do.  Others run in the VM of a KFD process,
 * where they reach the process's userptrs without listing them.
 */
#include "igt.h"

#include "amd_userptr_cs.h"

IGT_TEST_DESCRIPTION(
	"Command submissions that access user memory while the CPU's page tables change.");

static struct amd_userptr up;

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_supported(&up);
	}

	amd_userptr_cs_listed_subtests(&up);
	amd_userptr_cs_unlisted_subtests(&up);
	amd_userptr_cs_invalid_subtests(&up);
	amd_userptr_cs_beside_subtests(&up);

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
