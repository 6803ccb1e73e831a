/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "test.h"
#include "wrapped.h"

unsigned int wrapped_fail_alloc;
unsigned int wrapped_mmaps;

void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t size);

static bool alloc_fails(void)
{
	return wrapped_fail_alloc && !--wrapped_fail_alloc;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return alloc_fails() ? NULL : __real_reallocarray(old, count, size);
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *ptr = __real_mmap(addr, size, prot, flags, fd, offset);

	wrapped_mmaps += ptr != MAP_FAILED;
	return ptr;
}

int __wrap_munmap(void *addr, size_t size)
{
	const int ret = __real_munmap(addr, size);

	wrapped_mmaps -= !ret;
	return ret;
}

unsigned int wrapped_num_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	t_assert(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}
