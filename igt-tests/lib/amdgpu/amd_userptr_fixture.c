// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

/*
 * The limit of a subtest.  It is below the runner's limit, so a hanging subtest fails by itself and
 * the fixture behind it cleans up.
 */
#define SUBTEST_SECONDS igt_patience(50)

static int try_kfd(int fd)
{
	struct amd_kfd kfd;
	int ret = __amd_kfd_open_novm(&kfd, fd);

	amd_kfd_close(&kfd);
	return ret;
}

/*
 * Most subtests compare page frames to see that their event has happened, and the kernel shows them
 * to root only (CAP_SYS_ADMIN).
 */
static bool sees_page_frames(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	const bool seen = __igt_procfs_pfn(pagemap, &pagemap) != 0;

	if (pagemap >= 0)
		close(pagemap);
	return seen;
}

void amd_userptr_fixture_open(struct amd_userptr *up)
{
	int fd = drm_open_driver_render(DRIVER_AMDGPU);
	int no_kfd = try_kfd(fd);

	igt_require_f(!no_kfd, "No KFD for this GPU: %s\n", strerror(-no_kfd));
	igt_require_f(sees_page_frames(), "page frame numbers are hidden (not root?)\n");
	igt_undo_init();
	/*
	 * NUMA balancing moves pages, which causes evictions that the subtests do not expect.  A
	 * failure does not matter, because a kernel without this file has no NUMA balancing.
	 */
	igt_undo_set_for_program("/proc/sys/kernel/numa_balancing", "0");
	amd_userptr_open(up, fd);
}

void amd_userptr_require_flag(struct amd_userptr *up)
{
	igt_require_f(amd_userptr_supported(up),
		      "This kernel does not know AMDGPU_GEM_USERPTR_HSA\n");
}

static const char *const suffixes[AMD_KFD_NUM_QUEUE_TYPES] = {
	[AMD_KFD_QUEUE_PM4] = "",
	[AMD_KFD_QUEUE_SDMA] = "-sdma",
	[AMD_KFD_QUEUE_AQL] = "-aql",
};

static void run_one(struct amd_userptr *up, const struct amd_userptr_subtest *subtest,
		    enum amd_kfd_queue_type type)
{
	igt_describe(subtest->describe);
	igt_subtest_f("%s%s", subtest->name, suffixes[type]) {
		igt_set_timeout(SUBTEST_SECONDS, subtest->name);
		amd_userptr_use_queue(up, type);
		if (subtest->run_with)
			subtest->run_with(up, subtest->data);
		else
			subtest->run(up);
		igt_reset_timeout();
	}
	/* Clean up outside of the subtest, because a failed assertion jumps out of the subtest. */
	igt_fixture()
		amd_userptr_cleanup(up);
}

void amd_userptr_run_subtests(struct amd_userptr *up, const struct amd_userptr_subtest *subtests,
			      unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		run_one(up, &subtests[i], AMD_KFD_QUEUE_PM4);
		if (subtests[i].sdma_too)
			run_one(up, &subtests[i], AMD_KFD_QUEUE_SDMA);
		if (subtests[i].aql_too)
			run_one(up, &subtests[i], AMD_KFD_QUEUE_AQL);
	}
}

void amd_userptr_fixture_close(struct amd_userptr *up)
{
	amd_userptr_close(up);
	drm_close_driver(up->fd);
}
