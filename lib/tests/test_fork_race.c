/* SPDX-License-Identifier: MIT */
/*
 * A process forks while another of its threads maps and unmaps, and the child destroys its copy of
 * the context. The child's memory can have any state that the parent's thread has left half done.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

#define PAGE	  FAKE_CPU_PAGE
#define FIRST_VA  UINT64_C(0x100000000)
#define NUM_MAPS  4000
#define NUM_FORKS 100
#define SECONDS	  20

static const struct amdgpu_userptr_range range = { PAGE, PAGE, 0, 0 };

static struct amdgpu_userptr_ctx *ctx;
static atomic_bool stop;

static struct amdgpu_userptr_mapping *map_at(uint64_t va)
{
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_mapping *map;

	args.va_mode = AMDGPU_USERPTR_VA_FIXED;
	args.fixed_va = va;
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	return map;
}

/* Use the lowest address, so that the library moves all of its table of maps each time. */
static void *work(void *unused)
{
	while (!stop)
		t_equal(amdgpu_userptr_unmap(map_at(FIRST_VA)), 0);
	return NULL;
}

int main(int argc, char **argv)
{
	struct fake_kernel fake;
	pthread_t thread;

	fake_init(&fake, fake_backend(argc, argv));
	ctx = fake_ctx(&fake, 1);
	for (unsigned int i = 1; i <= NUM_MAPS; i++)
		map_at(FIRST_VA + 2 * i * PAGE);
	t_equal(pthread_create(&thread, NULL, work, NULL), 0);
	for (unsigned int i = 0; i < NUM_FORKS; i++) {
		pid_t pid = fork();
		int status;

		t_assert(pid >= 0);
		if (!pid) {
			alarm(SECONDS);
			_exit(amdgpu_userptr_ctx_destroy(ctx) != 0);
		}
		t_equal(waitpid(pid, &status, 0), pid);
		t_equal(status, 0);
	}
	stop = true;
	t_equal(pthread_join(thread, NULL), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
	return 0;
}
