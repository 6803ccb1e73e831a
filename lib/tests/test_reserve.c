/* SPDX-License-Identifier: MIT */
/*
 * Address space that the library reserves for GPU addresses. The kernel is real, the GPU a model.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"

#define NUM_MAPS     6
#define WINDOW_PAGES 6 /* create() reserves these; limit_of_vmas() needs as many */

static struct au_ops ops; /* the GPU is the model, the address space is real */

static bool is_mapped(uint64_t addr)
{
	return !msync((void *)(uintptr_t)addr, 1, MS_ASYNC);
}

/* A forked child must not inherit a reservation, because it could not release it. */
static void child_has_no_reservation(void)
{
	const uint64_t size = sysconf(_SC_PAGESIZE);
	uint64_t addr;
	int status;
	pid_t pid;

	t_equal(au_kernel_ops.reserve(NULL, 0, size, &addr), 0);
	t_assert(is_mapped(addr));
	pid = fork();
	if (!pid)
		_exit(is_mapped(addr));
	t_equal(waitpid(pid, &status, 0), pid);
	t_equal(status, 0);
	t_equal(au_kernel_ops.release(NULL, addr, size), 0);
	t_assert(!is_mapped(addr));
}

/* Returns 0 for success, 1 for a failure, and 2 if the process could not lock its memory. */
static int reserve_with_locked_memory(void)
{
	struct rlimit limit;
	uint64_t addr;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return 2;
	if (limit.rlim_max > 1 << 20)
		limit.rlim_max = 1 << 20;
	limit.rlim_cur = limit.rlim_max;
	/*
	 * Become another user than root, because the limit is not for root.  Do not call
	 * mlockall(), because AddressSanitizer replaces it by a function that does nothing.
	 */
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || (!getuid() && setuid(65534)) ||
	    syscall(SYS_mlockall, MCL_FUTURE))
		return 2;
	if (au_kernel_ops.reserve(NULL, 0, UINT64_C(1) << 30, &addr) != -ENOMEM)
		return 1;
	return au_kernel_ops.page_get(NULL, UINT64_C(1) << 30, &addr) != -ENOMEM;
}

/* A process that locks its memory, and may not lock any more, has no address space left. */
static void locked_memory(void)
{
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(reserve_with_locked_memory());
	t_equal(waitpid(pid, &status, 0), pid);
	t_equal(status, 0);
}

struct filler {
	char *addr;
	size_t size;
};

static unsigned long max_map_count(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	unsigned long count;

	t_assert(file && fscanf(file, "%lu", &count) == 1);
	fclose(file);
	return count;
}

/*
 * Make every second page a VMA of its own by mprotect(), until the process has as many VMAs as it
 * may have.
 */
static struct filler fill_vmas(void)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct filler filler = { .size = (max_map_count() + 2) * page };

	filler.addr = mmap(NULL, filler.size, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_assert(filler.addr != MAP_FAILED);
	for (size_t at = page; at < filler.size; at += 2 * page) {
		if (mprotect(filler.addr + at, page, PROT_NONE)) {
			t_equal(errno, ENOMEM);
			return filler;
		}
	}
	t_assert(!"the kernel refused none");
	return filler;
}

/* Make the system call itself: AddressSanitizer's munmap() would have to map memory. */
static void free_vmas(const struct filler *filler)
{
	t_assert(!syscall(SYS_munmap, filler->addr, filler->size));
}

/* The GPU addresses of gfx9 end here; from GPU_START on a process usually has no memory. */
#define GPU_END	  (1ull << 47)
#define GPU_START (1ull << 40)

static uint64_t window;

/* Hand out the window from its end downwards, as the kernel does, so the pieces are one VMA. */
static int reserve_in_window(void *priv, uint64_t hint, uint64_t size, uint64_t *addr)
{
	window -= size;
	*addr = window;
	return 0;
}

static unsigned int refused;

static int real_release(void *priv, uint64_t addr, uint64_t size)
{
	const int ret = au_kernel_ops.release(priv, addr, size);

	refused += !!ret;
	return ret;
}

static struct amdgpu_userptr_ctx *create(struct fake_kernel *fake)
{
	const int fd = FAKE_FIRST_FD;
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &fd,
		.num_devices = 1,
	};
	const uint64_t window_size = WINDOW_PAGES * sysconf(_SC_PAGESIZE);
	struct amdgpu_userptr_ctx *ctx;

	ops = fake_ops;
	ops.reserve = reserve_in_window;
	ops.release = real_release;
	t_equal(au_kernel_ops.reserve(NULL, 0, window_size, &window), 0);
	/* On arm64 the kernel may choose addresses that no GPU has. */
	if (window + window_size > GPU_END) {
		t_equal(au_kernel_ops.release(NULL, window, window_size), 0);
		t_equal(au_kernel_ops.reserve(NULL, GPU_START, window_size, &window), 0);
	}
	window += window_size;
	fake_init(fake, AMDGPU_USERPTR_BACKEND_AUTO);
	fake->page_size = sysconf(_SC_PAGESIZE);
	t_equal(au_ctx_create(&args, &ops, fake, &ctx), 0);
	return ctx;
}

/*
 * Unmap the maps in the order @order. Their reservations are one VMA, and the kernel refuses to
 * split it as long as the process has as many VMAs as it may have. From the unmap with index
 * @with_room on there is room for more VMAs. In the end no reservation may be left.
 */
static void limit_of_vmas(const unsigned int *order, unsigned int with_room)
{
	const struct amdgpu_userptr_range range = {
		.cpu_addr = sysconf(_SC_PAGESIZE),
		.size = sysconf(_SC_PAGESIZE),
	};
	struct amdgpu_userptr_mapping *maps[NUM_MAPS];
	uint64_t va[NUM_MAPS];
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	struct filler filler;

	ctx = create(&fake);
	for (unsigned int i = 0; i < NUM_MAPS; i++) {
		struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);

		t_equal(amdgpu_userptr_map(ctx, &args, &maps[i]), 0);
		va[i] = args.gpu_va;
	}
	filler = fill_vmas();
	refused = 0;
	for (unsigned int i = 0; i < NUM_MAPS; i++) {
		if (i == with_room)
			free_vmas(&filler);
		t_equal(amdgpu_userptr_unmap(maps[order[i]]), 0);
	}
	t_assert(refused);
	if (with_room == NUM_MAPS)
		free_vmas(&filler);
	for (unsigned int i = 0; i < NUM_MAPS; i++)
		t_assert(!is_mapped(va[i]));
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

/* Return NULL if there are no addresses. */
static struct au_reservation *reserve_bytes(struct amdgpu_userptr_ctx *ctx, uint64_t size)
{
	struct au_reservation *reservation = calloc(1, sizeof(*reservation));

	t_assert(reservation);
	if (!au_reserve(ctx, size, reservation))
		return reservation;
	free(reservation);
	return NULL;
}

static int no_more(void *priv, uint64_t hint, uint64_t size, uint64_t *addr)
{
	return -ENOMEM;
}

/* When no address space is left, the library uses a piece that the kernel refused to release. */
static void spare_is_used(void)
{
	struct au_reservation *reservations[3], *again;
	const uint64_t size = 2 * sysconf(_SC_PAGESIZE);
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;
	uint64_t middle;
	struct filler filler;

	ctx = create(&fake);
	for (unsigned int i = 0; i < T_ARRAY_SIZE(reservations); i++)
		reservations[i] = reserve_bytes(ctx, size);
	filler = fill_vmas();
	middle = reservations[1]->addr;
	au_release(ctx, reservations[1]);
	t_assert(ctx->spares && is_mapped(middle));
	free_vmas(&filler);

	ops.reserve = no_more;
	t_assert(!reserve_bytes(ctx, 2 * size));
	again = reserve_bytes(ctx, size / 2);
	t_equal(again->addr, middle + size / 2);
	reservations[1] = reserve_bytes(ctx, size / 2);
	t_equal(reservations[1]->addr, middle);
	t_assert(!ctx->spares);
	au_release(ctx, again);
	for (unsigned int i = 0; i < T_ARRAY_SIZE(reservations); i++)
		au_release(ctx, reservations[i]);
	t_assert(!is_mapped(middle));
	t_equal(amdgpu_userptr_ctx_destroy(ctx), 0);
	fake_fini(&fake);
}

static int refuse_release(void *priv, uint64_t addr, uint64_t size)
{
	return -ENOMEM;
}

/* The end of the context reports that the kernel still refuses to release address space. */
static void destroy_is_refused(void)
{
	const struct amdgpu_userptr_range range = {
		.cpu_addr = sysconf(_SC_PAGESIZE),
		.size = sysconf(_SC_PAGESIZE),
	};
	struct amdgpu_userptr_map_args args = fake_map_args(&range, 1);
	struct amdgpu_userptr_mapping *map;
	struct amdgpu_userptr_ctx *ctx;
	struct fake_kernel fake;

	ctx = create(&fake);
	t_equal(amdgpu_userptr_map(ctx, &args, &map), 0);
	ops.release = refuse_release;
	t_equal(amdgpu_userptr_unmap(map), 0);
	t_equal(amdgpu_userptr_ctx_destroy(ctx), -ENOMEM);
	t_assert(is_mapped(args.gpu_va));
	fake_fini(&fake);
}

int main(void)
{
	static const unsigned int inner_first[] = { 1, 3, 0, 2, 4, 5 };
	static const unsigned int row[] = { 2, 1, 3, 4, 0, 5 };

	child_has_no_reservation();
	locked_memory();
	limit_of_vmas(inner_first, NUM_MAPS);
	limit_of_vmas(inner_first, 2);
	limit_of_vmas(row, NUM_MAPS);
	spare_is_used();
	destroy_is_refused();
	return 0;
}
