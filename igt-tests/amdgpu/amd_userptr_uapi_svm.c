// SPDX-License-Identifier: MIT
/*
 * KFD's shared virtual memory (SVM) and userptrs with the flag exclude each other, page by page,
 * because each of them would track the page without knowing of the other.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_scatter.h"
#include "lib/igt_time.h"

#include "amd_userptr_uapi.h"

/*
 * The BO has this many ranges of a page each.  The memory has twice as many pages, and every other
 * page is a range.
 */
enum { PAGES = 8 };

/*
 * How often two threads register the same memory at once, one as a userptr and one for SVM.  Go on
 * after that until each of them was first once.
 */
enum { RACES = 200 };

/*
 * In two of three rounds one thread begins up to LATE_NS after the other.  The limit doubles after
 * each LATE_ROUNDS rounds, and begins anew after LATE_STEPS such steps.  So either ioctl can be
 * first, although they take different times, and times differ from machine to machine.
 */
#define LATE_NS igt_patience(100000)
enum { LATE_ROUNDS = 20, LATE_STEPS = 8 };

static size_t page(void)
{
	return getpagesize();
}

static int register_svm(struct amd_userptr *up, void *cpu, uint64_t size)
{
	union {
		struct kfd_ioctl_svm_args args;
		char bytes[sizeof(struct kfd_ioctl_svm_args) +
			   sizeof(struct kfd_ioctl_svm_attribute)];
	} svm = {
		.args = {
			.start_addr = (uintptr_t)cpu,
			.size = size,
			.op = KFD_IOCTL_SVM_OP_SET_ATTR,
			.nattr = 1,
		},
	};

	svm.args.attrs[0].type = KFD_IOCTL_SVM_ATTR_ACCESS;
	svm.args.attrs[0].value = up->kfd.node.gpu_id;
	/*
	 * The kernel takes the size from the ioctl number, so add the size of the attributes to it.
	 */
	return ioctl(up->kfd.fd,
		     AMDKFD_IOC_SVM + (sizeof(struct kfd_ioctl_svm_attribute) << _IOC_SIZESHIFT),
		     &svm)
		       ? -errno
		       : 0;
}

static void require_svm(struct amd_userptr *up)
{
	void *cpu = amd_userptr_mmap(up, page(), 1);

	igt_require_f(!register_svm(up, cpu, page()), "KFD offers no shared virtual memory\n");
	amd_userptr_munmap(up, cpu, page());
}

static int create(struct amd_userptr *up, void *cpu, uint64_t size)
{
	uint32_t handle;
	int ret = __amd_userptr_create(up->fd, cpu, size, AMD_USERPTR_TRACKED, &handle);

	if (!ret)
		igt_assert_eq(__amd_userptr_close_handle(up->fd, handle), 0);
	return ret;
}

static void svm_first(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, 4 * page(), 1);

	require_svm(up);
	igt_assert_eq(register_svm(up, cpu + page(), page()), 0);
	igt_assert_eq(create(up, cpu + page(), page()), -EADDRINUSE);
	igt_assert_eq(create(up, cpu, 4 * page()), -EADDRINUSE);
	igt_assert_eq(create(up, cpu + 2 * page(), 2 * page()), 0);
	igt_assert_eq(create(up, cpu, page()), 0);
}

static void userptr_first(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, 6 * page(), 1);
	struct amd_userptr_bo *bo;

	require_svm(up);
	bo = amd_userptr_create(up, cpu + 2 * page(), 2 * page(), AMD_USERPTR_TRACKED);
	amd_userptr_map(up, bo);
	igt_assert_eq(register_svm(up, cpu + 2 * page(), 2 * page()), -EADDRINUSE);
	igt_assert_eq(register_svm(up, cpu + 3 * page(), page()), -EADDRINUSE);
	igt_assert_eq(register_svm(up, cpu, 6 * page()), -EADDRINUSE);
	igt_assert_eq(register_svm(up, cpu + page(), page()), 0);
	igt_assert_eq(register_svm(up, cpu + 4 * page(), page()), 0);
	amd_userptr_roundtrip(up, bo, 2);

	/*
	 * The memory belongs to the userptr until the process closes its last handle, also while
	 * the userptr is not mapped.
	 */
	amd_userptr_unmap(up, bo);
	igt_assert_eq(register_svm(up, cpu + 2 * page(), page()), -EADDRINUSE);
	amd_userptr_destroy(up, bo);
	igt_assert_eq(register_svm(up, cpu + 2 * page(), page()), 0);
}

/* The driver refuses a BO.  Then it must let the process register the memory for SVM. */
static void refused_first(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, 2 * page(), 1);

	require_svm(up);
	igt_assert_eq(mprotect(cpu + page(), page(), PROT_NONE), 0);
	igt_assert_neq(create(up, cpu, 2 * page()), 0);
	igt_assert_eq(register_svm(up, cpu, page()), 0);
}

static void ranges_first(struct amd_userptr *up)
{
	char *cpu = (char *)amd_userptr_mmap(up, 2 * PAGES * page(), 1);
	struct amd_userptr_scatter scatter;
	struct amd_userptr_args args;

	require_svm(up);
	amd_userptr_scatter_init(&scatter, up, PAGES);
	for (unsigned int i = 0; i < PAGES; i++)
		amd_userptr_scatter_add(&scatter, cpu + 2 * i * page(), page(), 0);
	amd_userptr_scatter_shuffle(&scatter, 1);
	args = amd_userptr_scatter_args(&scatter, 0);
	igt_assert_eq(__amd_userptr_ioctl(up->fd, &args), 0);
	amd_userptr_adopt_bo(up, args.handle, NULL, args.size);
	for (unsigned int i = 0; i < 2 * PAGES; i++)
		igt_assert_eq(register_svm(up, cpu + i * page(), page()), i % 2 ? 0 : -EADDRINUSE);

	/* Now the pages between belong to SVM. */
	amd_userptr_scatter_add(&scatter, cpu + page(), page(), 0);
	args = amd_userptr_scatter_args(&scatter, 0);
	igt_assert_eq(__amd_userptr_ioctl(up->fd, &args), -EADDRINUSE);
}

struct race {
	struct amd_userptr *up;
	pthread_barrier_t barrier;
	void *cpu;
	int ret;
	bool svm_late;	  /* true: race_svm() is late; false: the thread of the userptr is */
	uint32_t late_ns; /* how late that thread is; 0: neither thread is late */
};

static uint32_t late_time(uint64_t *random, unsigned int round)
{
	return amd_stamp_pick(random, LATE_NS << round / LATE_ROUNDS % LATE_STEPS);
}

static void be_late(const struct race *race, bool svm)
{
	const struct timespec pause = { .tv_nsec = race->late_ns };

	if (race->late_ns && svm == race->svm_late)
		nanosleep(&pause, NULL);
}

static void *race_svm(void *data)
{
	struct race *race = data;

	pthread_barrier_wait(&race->barrier);
	be_late(race, true);
	race->ret = register_svm(race->up, race->cpu, page());
	return NULL;
}

static void both_at_once(struct amd_userptr *up)
{
	const uint64_t deadline = igt_now_ms() + 2 * AMD_USERPTR_WAIT_MS;
	struct race race = { .up = up };
	unsigned int won = 0, rounds = 0;
	uint64_t random = 1;

	require_svm(up);
	for (; rounds < RACES || ((!won || won == rounds) && igt_now_ms() < deadline); rounds++) {
		pthread_t thread;
		uint32_t handle;
		int ret;

		race.cpu = amd_userptr_mmap(up, page(), 1);
		race.svm_late = rounds % 2;
		race.late_ns = rounds % 3 ? late_time(&random, rounds) : 0;
		igt_assert_eq(pthread_barrier_init(&race.barrier, NULL, 2), 0);
		igt_assert_eq(pthread_create(&thread, NULL, race_svm, &race), 0);
		pthread_barrier_wait(&race.barrier);
		be_late(&race, false);
		ret = __amd_userptr_create(up->fd, race.cpu, page(), AMD_USERPTR_TRACKED, &handle);
		igt_assert_eq(pthread_join(thread, NULL), 0);
		pthread_barrier_destroy(&race.barrier);
		igt_assert_f((!ret && race.ret == -EADDRINUSE) || (ret == -EADDRINUSE && !race.ret),
			     "round %u: userptr %d, SVM %d\n", rounds, ret, race.ret);
		won += !ret;
		if (!ret)
			igt_assert_eq(__amd_userptr_close_handle(up->fd, handle), 0);
		amd_userptr_munmap(up, race.cpu, page());
	}
	igt_info("of %u pages userptrs got %u\n", rounds, won);
	igt_assert_lt(0, won);
	igt_assert_lt(won, rounds);
}

const struct amd_userptr_subtest amd_userptr_svm_subtests[] = {
	{ .name = "hsa-no-svm-memory",
	  .run = svm_first,
	  .describe = "The driver refuses a userptr of memory that is registered for SVM." },
	{ .name = "hsa-no-svm-after",
	  .run = userptr_first,
	  .describe = "KFD refuses SVM of memory that is a userptr." },
	{ .name = "hsa-no-svm-refused",
	  .run = refused_first,
	  .describe = "KFD takes memory for SVM whose userptr was refused." },
	{ .name = "hsa-no-svm-ranges",
	  .run = ranges_first,
	  .describe = "A BO of ranges excludes its ranges from SVM, and no memory between them." },
	{ .name = "hsa-no-svm-race",
	  .run = both_at_once,
	  .describe =
		  "When one thread makes an HSA userptr of a page and another registers the page for SVM, exactly one succeeds." },
};
const unsigned int amd_userptr_num_svm_subtests = ARRAY_LENGTH(amd_userptr_svm_subtests);
