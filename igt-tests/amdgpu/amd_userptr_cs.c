// SPDX-License-Identifier: MIT
/*
 * Command submissions and user memory that changes: clients that list a userptr, as graphics
 * clients do, and submissions in the VM of a KFD process, which reach its userptrs without listing
 * them.
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

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
