/* SPDX-License-Identifier: MIT */
/* Address space that the library reserves for GPU addresses, from the real kernel. */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

static bool is_mapped(uint64_t addr)
{
	return !msync((void *)(uintptr_t)addr, 1, MS_ASYNC);
}

/* Nothing in a child would ever give it back. */
static void child_has_no_reservation(void)
{
	const uint64_t size = sysconf(_SC_PAGESIZE);
	uint64_t addr;
	int status;
	pid_t pid;

	t_equal(au_kernel_ops.reserve(NULL, size, &addr), 0);
	t_assert(is_mapped(addr));
	pid = fork();
	if (!pid)
		_exit(is_mapped(addr));
	t_equal(waitpid(pid, &status, 0), pid);
	t_equal(status, 0);
	au_kernel_ops.release(NULL, addr, size);
	t_assert(!is_mapped(addr));
}

int main(void)
{
	child_has_no_reservation();
	return 0;
}
