/* SPDX-License-Identifier: MIT */
/* The creation of a context fails before the library asks a device. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

static uint32_t backend;

/*
 * The linker's option --wrap sends these calls of the library here. The call with the number
 * fail_call, counted from 1, fails with fail_error. 0: none fails.
 */
static unsigned int fail_call;
static int fail_error;
static unsigned int pieces; /* of memory that is mapped or allocated */

void *__real_calloc(size_t count, size_t size);
void __real_free(void *ptr);
void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t size);
int __real_madvise(void *addr, size_t size, int advice);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *ptr);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t size);
int __wrap_madvise(void *addr, size_t size, int advice);

static bool call_fails(void)
{
	if (!fail_call || --fail_call)
		return false;
	errno = fail_error;
	return true;
}

void *__wrap_calloc(size_t count, size_t size)
{
	void *ptr = call_fails() ? NULL : __real_calloc(count, size);

	pieces += ptr != NULL;
	return ptr;
}

void __wrap_free(void *ptr)
{
	pieces -= ptr != NULL;
	__real_free(ptr);
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *ptr = call_fails() ? MAP_FAILED : __real_mmap(addr, size, prot, flags, fd, offset);

	pieces += ptr != MAP_FAILED;
	return ptr;
}

/* The name that glibc has for mmap() where Meson asks for large files. */
void *__wrap_mmap64(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	return __wrap_mmap(addr, size, prot, flags, fd, offset);
}

int __wrap_munmap(void *addr, size_t size)
{
	const int ret = __real_munmap(addr, size);

	pieces -= !ret;
	return ret;
}

int __wrap_madvise(void *addr, size_t size, int advice)
{
	return call_fails() ? -1 : __real_madvise(addr, size, advice);
}

/* On the real kernel: the file is closed, or of another driver. */
static void bad_file(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &fd,
		.num_devices = 1,
		.backend = backend,
	};
	struct amdgpu_userptr_ctx *ctx = NULL;

	t_assert(fd >= 0);
	errno = EDOM;
	t_equal(amdgpu_userptr_ctx_create(&args, &ctx), -ENODEV);
	t_equal(errno, EDOM);
	t_assert(!close(fd));
	errno = EDOM;
	t_equal(amdgpu_userptr_ctx_create(&args, &ctx), -EBADF);
	t_equal(errno, EDOM);
	t_assert(!ctx);
}

/*
 * Each of three calls fails once: calloc() for the context, and mmap() and madvise() for the mark
 * by which the context knows its process.
 */
static void no_memory(int error)
{
	const int fd = FAKE_FIRST_FD;
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &fd,
		.num_devices = 1,
		.backend = backend,
	};

	for (unsigned int call = 1; call <= 4; call++) {
		const unsigned int before = pieces;
		struct amdgpu_userptr_ctx *ctx = NULL;
		struct fake_kernel fake;
		int ret;

		fake_init(&fake, backend);
		fail_call = call;
		fail_error = error;
		errno = EDOM;
		ret = au_ctx_create(&args, &fake_ops, &fake, &ctx);
		t_equal(errno, EDOM);
		t_equal(ret, call > 3 ? 0 : call == 1 || error == EAGAIN ? -ENOMEM : -error);
		t_equal(fail_call, call <= 3 ? 0 : 1);
		fail_call = 0;
		if (ret) {
			t_assert(!ctx);
			t_equal(fake.calls, 0);
		} else {
			t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
		}
		/* fake_fini() also frees memory from realloc(), which @pieces does not count. */
		t_equal(pieces, before);
		fake_fini(&fake);
	}
}

int main(int argc, char **argv)
{
	backend = fake_backend(argc, argv);
	bad_file();
	no_memory(ENOMEM);
	/* The process may not lock more memory, or the kernel has none to split a VMA. */
	no_memory(EAGAIN);
	/* Kernels before Linux 4.14 do not know MADV_WIPEONFORK. */
	no_memory(EINVAL);
	return 0;
}
