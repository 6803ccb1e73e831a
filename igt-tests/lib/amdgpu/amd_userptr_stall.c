// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_stall.h"
#include "lib/igt_fuse.h"

int __amd_userptr_stall_init(struct amd_userptr_stall *stall)
{
	void *page = mmap(NULL, getpagesize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(stall, 0, sizeof(*stall));
	if (page == MAP_FAILED)
		return -errno;
	stall->page = page;
	return __igt_fuse_start(&stall->fuse);
}

void amd_userptr_stall_fini(struct amd_userptr_stall *stall)
{
	if (!stall->page)
		return;
	munmap(stall->page, getpagesize());
	igt_fuse_stop(&stall->fuse);
	memset(stall, 0, sizeof(*stall));
}

static void map_page(struct amd_userptr_stall *stall, int flags, int fd)
{
	igt_assert(mmap(stall->page, getpagesize(), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_FIXED | flags, fd,
			fd < 0 ? 0 : stall->offset) == stall->page);
}

/*
 * Make a userptr of the page. Where the kernel lacks AMDGPU_GEM_USERPTR_HSA, use KFD's userptr,
 * which the same worker restores.
 */
static void follow_page(struct amd_userptr_stall *stall, struct amd_userptr *up)
{
	const size_t size = getpagesize();

	if (up->supported) {
		igt_assert_eq(__amd_userptr_create(up->fd, stall->page, size, AMD_USERPTR_TRACKED,
						   &stall->handle),
			      0);
		return;
	}
	stall->va = amd_kfd_va_reserve(size, 0);
	igt_assert(stall->va);
	amd_kfd_register(&up->kfd, stall->page, size, stall->va, &stall->mem);
}

void amd_userptr_stall_hold(struct amd_userptr_stall *stall, struct amd_userptr *up)
{
	map_page(stall, MAP_ANONYMOUS, -1);
	follow_page(stall, up);
	stall->offset += IGT_FUSE_NEXT;
	/*
	 * Set this before the worker can wait, so that drop() releases the worker also when an
	 * assertion below fails.
	 */
	stall->held = true;
	map_page(stall, 0, stall->fuse.file);
	igt_assert_f(igt_fuse_asked(&stall->fuse, AMD_USERPTR_WAIT_MS),
		     "the restore worker did not ask for the page\n");
	igt_assert(amd_userptr_queues_evicted(up));
}

/* Returns whether the worker was held until now. */
static bool let_go(struct amd_userptr_stall *stall)
{
	const bool waits = stall->held && igt_fuse_waits(&stall->fuse);

	if (stall->held)
		igt_fuse_answer(&stall->fuse);
	stall->held = false;
	return waits;
}

void amd_userptr_stall_drop(struct amd_userptr_stall *stall, struct amd_userptr *up)
{
	let_go(stall);
	if (stall->handle)
		__amd_userptr_close_handle(up->fd, stall->handle);
	stall->handle = 0;
	__amd_kfd_free(&up->kfd, &stall->mem);
	if (stall->va)
		amd_kfd_va_release(stall->va, getpagesize());
	stall->va = 0;
}

void amd_userptr_stall_release(struct amd_userptr_stall *stall)
{
	igt_assert_f(let_go(stall), "the page that holds the restore worker came too early\n");
}
