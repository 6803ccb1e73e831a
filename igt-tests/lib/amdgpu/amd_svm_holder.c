// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_svm_holder.h"
#include "lib/amdgpu/amd_userptr.h"

int __amd_svm_holder_init(struct amd_svm_holder *holder, struct amd_kfd *kfd)
{
	void *page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	int ret;

	memset(holder, 0, sizeof(*holder));
	holder->kfd = kfd;
	if (page == MAP_FAILED)
		return -errno;
	ret = __amd_kfd_svm_access(kfd, page, getpagesize());
	munmap(page, getpagesize());
	return ret ? ret : __igt_fuse_start(&holder->fuse);
}

void amd_svm_holder_fini(struct amd_svm_holder *holder)
{
	/*
	 * When the server ends, the kernel aborts the request for the page.  So the thread gets an
	 * error and ends.
	 */
	igt_fuse_stop(&holder->fuse);
	igt_task_end(&holder->task);
	amd_svm_holder_forget(holder);
}

static int register_page(void *data)
{
	struct amd_svm_holder *holder = data;

	return __amd_kfd_svm_access(holder->kfd, holder->page, getpagesize());
}

void amd_svm_holder_hold(struct amd_svm_holder *holder)
{
	void *page;

	holder->offset += IGT_FUSE_NEXT;
	page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE, holder->fuse.file,
		    holder->offset);
	igt_assert(page != MAP_FAILED);
	holder->page = page;
	igt_task_make(&holder->task, register_page, holder);
	igt_task_let_go(&holder->task);
	igt_assert(igt_fuse_asked(&holder->fuse, AMD_USERPTR_WAIT_MS));
}

void amd_svm_holder_release(struct amd_svm_holder *holder)
{
	const bool waits = igt_fuse_waits(&holder->fuse);

	igt_fuse_answer(&holder->fuse);
	igt_assert_eq(igt_task_end(&holder->task), 0);
	igt_assert_f(waits, "the page that holds the lock came too early\n");
}

void amd_svm_holder_forget(struct amd_svm_holder *holder)
{
	if (holder->page)
		munmap(holder->page, getpagesize());
	holder->page = NULL;
}
