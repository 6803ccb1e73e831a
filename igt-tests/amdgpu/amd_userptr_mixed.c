// SPDX-License-Identifier: MIT
/*
 * A process has userptrs together with other GPU memory: SVM ranges, or a buffer that it imports
 * from another client.  In one test several threads make userptrs.  Other tests try to make a
 * userptr of memory that belongs to a device, or map such memory over a userptr.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_stamp.h"
#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/amdgpu/amd_userptr_remains.h"
#include "lib/igt_mm.h"

#include "amd_userptr_mixed.h"

IGT_TEST_DESCRIPTION(
	"Userptrs beside SVM, imported buffers, other processes and other users of the memory.");

/* How many rounds of changes and checks a subtest makes. */
enum { ROUNDS = 24 };

/* The number of threads, and how many userptrs of each kind a thread makes. */
enum { THREADS = 4, MAKES = 8 };

/* A page table has 4 KiB, but takes whole pages of the kernel. */
#define PAGE_TABLE_SIZE ((uint64_t)getpagesize())

void mixed_settle(struct amd_userptr *up)
{
	amd_kfd_smi_wait_restored(&up->smi, 0, AMD_USERPTR_WAIT_MS);
	igt_assert_eq(up->smi.count.vm_faults, 0);
}

/* ---- SVM ---- */

/* There is one memory for each kind of userptr, and a last one that SVM maps. */
enum { SVM = AMD_USERPTR_NUM_KINDS, NUM_MEMORIES };

struct memory {
	char *cpu;
	uint64_t va;
	uint32_t seed;
	struct amd_userptr_mapped mapped;
};

static void change(struct memory *memory, unsigned int how)
{
	memory->seed++;
	switch (how) {
	case 0:
		igt_assert_eq(madvise(memory->cpu, MIXED_SIZE, MADV_DONTNEED), 0);
		break;
	case 1:
		igt_assert_eq(__igt_mm_fork_and_write(memory->cpu, MIXED_SIZE), 0);
		break;
	case 2:
		igt_assert_eq(__igt_mm_poke(memory->cpu, MIXED_SIZE), 0);
		break;
	default:
		igt_assert_eq(madvise(memory->cpu, MIXED_SIZE, MADV_PAGEOUT), 0);
	}
	amd_pattern_fill(memory->cpu, MIXED_SIZE, memory->seed);
}

static void check_all(struct amd_userptr *up, struct memory *memories)
{
	for (int i = 0; i < NUM_MEMORIES; i++) {
		amd_userptr_gpu_check(up, memories[i].va, MIXED_SIZE, memories[i].seed);
		amd_userptr_gpu_fill(up, memories[i].va, MIXED_SIZE, ++memories[i].seed);
	}
	for (int i = 0; i < NUM_MEMORIES; i++)
		amd_pattern_check(memories[i].cpu, MIXED_SIZE, memories[i].seed,
				  "written by the GPU");
}

static void svm_beside(struct amd_userptr *up)
{
	struct memory memories[NUM_MEMORIES];
	uint64_t random = 1;
	int ret;

	for (int i = 0; i < NUM_MEMORIES; i++) {
		memories[i] = (struct memory){ .seed = i << 16 };
		memories[i].cpu = (char *)amd_userptr_mmap(up, MIXED_SIZE, memories[i].seed);
	}
	memories[SVM].va = (uintptr_t)memories[SVM].cpu;
	ret = __amd_kfd_svm_access(&up->kfd, memories[SVM].cpu, MIXED_SIZE);
	igt_require_f(ret == 0, "KFD offers no shared virtual memory: %s\n", strerror(-ret));
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		amd_userptr_mapped_make(up, kind, memories[kind].cpu, MIXED_SIZE,
					&memories[kind].mapped);
		memories[kind].va = memories[kind].mapped.va;
	}
	check_all(up, memories);
	amd_kfd_smi_mark(&up->smi);
	for (int round = 0; round < ROUNDS; round++) {
		/* Change two memories; most rounds choose two different ones. */
		change(&memories[round % NUM_MEMORIES], amd_stamp_pick(&random, 4));
		change(&memories[amd_stamp_pick(&random, NUM_MEMORIES)],
		       amd_stamp_pick(&random, 4));
		mixed_settle(up);
		check_all(up, memories);
	}
	igt_info("evicted %u times, %u of them for userptrs, %u for SVM\n", up->smi.count.evictions,
		 up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR],
		 up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_SVM]);
	igt_assert_lt(0, up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR]);
	igt_assert_lt(0, up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_SVM]);
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++)
		amd_userptr_mapped_drop(up, &memories[kind].mapped);
}

/* ---- another client's buffer ---- */

/* A buffer in GTT of another client of the render node.  This process imports it as a dma-buf. */
struct imported {
	struct amd_userptr_cs client;
	int file, dmabuf;	/* the other client's render node, and the dma-buf; 0: not open */
	struct amd_kfd_mem mem; /* the buffer in KFD */
	uint32_t handle;	/* the buffer in GEM, if GEM imported it; 0: KFD did */
	uint64_t va;
};

/*
 * The imported buffer and the userptrs of a subtest.  They are not on the stack, so that the
 * clean-up can drop them after a failed assertion, too.
 */
static struct {
	struct imported imported;
	struct amd_userptr_mapped mapped[AMD_USERPTR_NUM_KINDS];
} made;

static void import_by_kfd(struct amd_userptr *up, struct imported *imported)
{
	struct kfd_ioctl_import_dmabuf_args args = {
		.gpu_id = up->kfd.node.gpu_id,
		.va_addr = imported->va,
		.dmabuf_fd = imported->dmabuf,
	};

	igt_assert_eq(ioctl(up->kfd.fd, AMDKFD_IOC_IMPORT_DMABUF, &args), 0);
	imported->mem = (struct amd_kfd_mem){
		.size = imported->client.data.size,
		.va = imported->va,
		.reserved = true,
		.handle = args.handle,
	};
	igt_assert_eq(__amd_kfd_map_memory(&up->kfd, imported->mem.handle), 0);
}

static void import_by_gem(struct amd_userptr *up, struct imported *imported)
{
	igt_assert_eq(drmPrimeFDToHandle(up->fd, imported->dmabuf, &imported->handle), 0);
	igt_assert_eq(__amd_userptr_va(up, AMDGPU_VA_OP_MAP, imported->handle, imported->va, 0,
				       imported->client.data.size, AMD_USERPTR_RW),
		      0);
}

/* Returns the error of the call that drops the import, or 0. */
static int __drop_buffer(struct amd_userptr *up, struct imported *imported)
{
	int ret = 0;

	if (imported->handle)
		ret = __amd_userptr_close_handle(up->fd, imported->handle);
	if (imported->mem.size) /* this also releases the addresses */
		ret = __amd_kfd_free(&up->kfd, &imported->mem);
	else if (imported->va)
		amd_kfd_va_release(imported->va, imported->client.data.size);
	amd_userptr_cs_close(&imported->client);
	if (imported->dmabuf)
		close(imported->dmabuf);
	if (imported->file)
		close(imported->file);
	memset(imported, 0, sizeof(*imported));
	return ret;
}

static void drop_buffer(struct amd_userptr *up, struct imported *imported)
{
	igt_assert_eq(__drop_buffer(up, imported), 0);
}

/*
 * Drop the imported buffer and the userptrs of a subtest.  Ignore errors, because after a failure
 * the buffer and the userptrs may have any state.
 */
static void drop_made(struct amd_userptr *up)
{
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++)
		__amd_userptr_mapped_drop(up, &made.mapped[kind]);
	__drop_buffer(up, &made.imported);
}

static struct imported *import_buffer(struct amd_userptr *up, bool by_gem)
{
	struct imported *imported = &made.imported;

	up->undo = drop_made;
	imported->file = drm_reopen_driver(up->fd);
	igt_assert_eq(__amd_userptr_cs_open(imported->file, AMD_KFD_QUEUE_SDMA, &imported->client),
		      0);
	igt_assert_eq(drmPrimeHandleToFD(imported->file, imported->client.data.handle, DRM_CLOEXEC,
					 &imported->dmabuf),
		      0);
	imported->va = amd_kfd_va_reserve(imported->client.data.size, 0);
	igt_assert(imported->va);
	if (by_gem)
		import_by_gem(up, imported);
	else
		import_by_kfd(up, imported);
	close(imported->dmabuf);
	imported->dmabuf = 0;
	return imported;
}

/*
 * Let the CPU store the pattern of @seed in the buffer.  Then let a command submission of the other
 * client store @seed in the first dword.
 */
static void client_stores(struct imported *imported, uint32_t seed)
{
	struct amd_userptr_cs *cs = &imported->client;
	uint32_t value = seed;
	uint64_t seq;

	amd_pattern_fill(cs->data.cpu, MIXED_SIZE, seed);
	amd_userptr_cs_begin(cs);
	amd_kfd_queue_write(&cs->packets, cs->data.va, &value, 1);
	igt_assert_eq(__amd_userptr_cs_submit(cs, NULL, 0, &seq), 0);
	igt_assert_eq(__amd_userptr_cs_wait(cs, seq, AMD_USERPTR_WAIT_MS), 0);
}

static const char *const evict_files[] = { "amdgpu_evict_vram", "amdgpu_evict_gtt" };

/* Skip here if a debugfs file is missing, before the subtest makes anything. */
static void require_evict(struct amd_userptr *up)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(evict_files); i++) {
		const int file = __amd_info_debugfs(up->fd, evict_files[i]);

		igt_require_f(file >= 0, "no debugfs file to evict with\n");
		close(file);
	}
}

/* Let TTM evict all VRAM or all GTT, depending on the debugfs file @name. */
static void evict(struct amd_userptr *up, const char *name)
{
	int file = __amd_info_debugfs(up->fd, name);
	char text[32];

	igt_assert_fd(file);
	igt_assert_lt(0, read(file, text, sizeof(text)));
	close(file);
}

/* In each round drop the memory of one userptr, and let the GPU copy the client's buffer to it. */
static void import_beside(struct amd_userptr *up, const void *by_gem)
{
	struct imported *imported;

	require_evict(up);
	imported = import_buffer(up, by_gem);
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++)
		amd_userptr_mapped_make(up, kind, amd_userptr_mmap(up, MIXED_SIZE, 0), MIXED_SIZE,
					&made.mapped[kind]);
	amd_kfd_smi_mark(&up->smi);
	for (uint32_t seed = 1; seed <= ROUNDS; seed++) {
		struct amd_userptr_mapped *one = &made.mapped[seed % AMD_USERPTR_NUM_KINDS];

		client_stores(imported, seed);
		igt_assert_eq(madvise(one->cpu, MIXED_SIZE, MADV_DONTNEED), 0);
		/* Evict now, so that TTM's restore runs while the worker restores the userptr. */
		if (seed % 4 == 0)
			evict(up, evict_files[seed % 8 == 0]);
		amd_kfd_queue_copy(up->queue, one->va, imported->va, MIXED_SIZE);
		amd_kfd_queue_sync(up->queue, AMD_USERPTR_WAIT_MS);
		igt_assert_eq_u32(*(uint32_t *)one->cpu, seed);
		*(uint32_t *)one->cpu = amd_pattern(seed, 0);
		amd_pattern_check(one->cpu, MIXED_SIZE, seed,
				  "copied from another client's buffer");
		mixed_settle(up);
	}
	igt_assert_lt(0, up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR]);
	igt_assert_lt(0, up->smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_TTM]);
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++)
		amd_userptr_mapped_drop(up, &made.mapped[kind]);
	drop_buffer(up, imported);
}

/* ---- threads ---- */

/* It is not on the stack, because after a failed assertion the threads run until the clean-up. */
static struct maker {
	pthread_t thread;
	bool runs;
	struct amd_userptr up; /* a copy of the subtest's @up, but with another syncobj */
	char *cpu;
	int error; /* -errno of the call that failed, or 0 */
} makers[THREADS];

static void *make_some(void *data)
{
	struct maker *maker = data;

	for (int i = 0; i < MAKES * AMD_USERPTR_NUM_KINDS && !maker->error; i++) {
		struct amd_userptr_mapped mapped;

		maker->error = __amd_userptr_mapped_make(&maker->up, i % AMD_USERPTR_NUM_KINDS,
							 maker->cpu, MIXED_SIZE, &mapped);
		if (!maker->error && madvise(maker->cpu, MIXED_SIZE, MADV_DONTNEED))
			maker->error = -errno;
		if (!maker->error)
			maker->error = __amd_userptr_mapped_drop(&maker->up, &mapped);
	}
	return NULL;
}

/* Wait for the threads.  Each thread ends by itself when it has made its last userptr. */
static void end_makers(struct amd_userptr *up)
{
	for (int i = 0; i < THREADS; i++) {
		if (makers[i].runs)
			pthread_join(makers[i].thread, NULL);
		makers[i].runs = false;
		if (makers[i].up.syncobj)
			drmSyncobjDestroy(up->fd, makers[i].up.syncobj);
		makers[i].up.syncobj = 0;
	}
}

/* All threads make userptrs in one VM while a queue copies. */
static void threads(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	struct amd_userptr_remains before;
	const char *remains;

	amd_userptr_remains_look(up, &before);
	/*
	 * Allow for the page tables of new addresses, which the VM keeps until it ends: three
	 * levels for each userptr at most.
	 */
	before.vram += THREADS * MAKES * AMD_USERPTR_NUM_KINDS * 3 * PAGE_TABLE_SIZE;
	memset(makers, 0, sizeof(makers));
	up->undo = end_makers;
	for (int i = 0; i < THREADS; i++) {
		makers[i].up = *up;
		makers[i].up.syncobj = 0;
		makers[i].cpu = (char *)amd_userptr_mmap(up, MIXED_SIZE, 1);
		igt_assert_eq(drmSyncobjCreate(up->fd, 0, &makers[i].up.syncobj), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		igt_assert_eq(pthread_create(&makers[i].thread, NULL, make_some, &makers[i]), 0);
		makers[i].runs = true;
	}
	for (uint32_t seed = 2; seed < 2 + ROUNDS; seed += 2)
		amd_userptr_roundtrip(up, bo, seed);
	end_makers(up);
	for (int i = 0; i < THREADS; i++)
		igt_assert_f(!makers[i].error, "thread %d: %s\n", i, strerror(-makers[i].error));
	amd_userptr_roundtrip(up, bo, 2 + ROUNDS);
	remains = amd_userptr_remains_wait(up, &before);
	igt_assert_f(!remains, "resources stay in use\n%s\n", remains);
}

/* ---- memory of a device ---- */

static void expect_no_userptr(struct amd_userptr *up, void *cpu, const char *what)
{
	for (int kind = 0; kind < AMD_USERPTR_NUM_KINDS; kind++) {
		struct amd_userptr_mapped mapped;
		int ret = __amd_userptr_mapped_make(up, kind, cpu, getpagesize(), &mapped);

		if (!ret)
			__amd_userptr_mapped_drop(up, &mapped);
		igt_assert_f(ret == -EFAULT, "userptr%s of %s: %s instead of EFAULT\n",
			     amd_userptr_kind_suffix[kind], what, ret ? strerror(-ret) : "made");
	}
}

/* Map the first page of the GPU's BAR of VRAM, as a debugger of drivers does. */
static void pci_bar(struct amd_userptr *up)
{
	char path[64];
	struct stat st;
	void *bar;
	int file;

	igt_assert_eq(fstat(up->fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/resource0", major(st.st_rdev),
		 minor(st.st_rdev));
	file = open(path, O_RDWR | O_CLOEXEC);
	igt_require_f(file >= 0, "the GPU's BAR cannot be opened: %s\n", strerror(errno));
	bar = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	igt_require_f(bar != MAP_FAILED, "the kernel does not map a BAR that a driver uses: %s\n",
		      strerror(errno));
	amd_userptr_adopt(up, bar, getpagesize());
	amd_info_ignore_user_pages_log();
	expect_no_userptr(up, bar, "a PCI BAR");
	amd_userptr_roundtrip(up, amd_userptr_tracked(up, MIXED_SIZE, 1), 2);
}

static void device_memory(struct amd_userptr *up)
{
	struct imported *imported;

	amd_info_ignore_user_pages_log();
	expect_no_userptr(up, up->in.cpu, "a buffer of KFD");
	expect_no_userptr(up, up->kfd.doorbells, "doorbells");
	imported = import_buffer(up, false);
	expect_no_userptr(up, imported->client.data.cpu, "a buffer of GEM");
	drop_buffer(up, imported);
	amd_userptr_roundtrip(up, amd_userptr_tracked(up, MIXED_SIZE, 1), 2);
}

/*
 * Map a device's memory over a userptr, so that the userptr becomes a hole.  Then map memory of the
 * process there again, so that the hole heals.
 */
static void becomes_device_memory(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, MIXED_SIZE, 1);
	struct imported *imported = import_buffer(up, false);
	union drm_amdgpu_gem_mmap args = { .in.handle = imported->client.data.handle };

	igt_assert_eq(drmIoctl(imported->file, DRM_IOCTL_AMDGPU_GEM_MMAP, &args), 0);
	amd_kfd_smi_mark(&up->smi);
	igt_assert(mmap(bo->cpu, MIXED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			imported->file, args.out.addr_ptr) == bo->cpu);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_queue_alive(up);
	/*
	 * The kernel calls the notifier also when it unmaps memory of a device, so the notifier
	 * evicts the queues again.
	 */
	amd_kfd_smi_mark(&up->smi);
	igt_assert(mmap(bo->cpu, MIXED_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == bo->cpu);
	amd_pattern_fill(bo->cpu, MIXED_SIZE, 2);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check(up, bo->va, MIXED_SIZE, 2);
	amd_userptr_roundtrip(up, bo, 3);
	drop_buffer(up, imported);
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "svm-beside",
	  .run = svm_beside,
	  .describe = "Ranges of SVM and userptrs of every kind change in one process." },
	{ .name = "import-beside",
	  .run_with = import_beside,
	  .describe =
		  "TTM restores another client's buffer, which KFD has imported, while the worker restores userptrs." },
	{ .name = "import-beside-va",
	  .run_with = import_beside,
	  .data = "by GEM",
	  .describe =
		  "TTM restores another client's buffer, which GEM_VA maps, while the worker restores userptrs." },
	{ .name = "threads",
	  .run = threads,
	  .describe = "Several threads make and close userptrs at the same time." },
	{ .name = "device-memory",
	  .run = device_memory,
	  .describe =
		  "The driver refuses a userptr of memory that a driver has mapped for the CPU." },
	{ .name = "pci-bar",
	  .run = pci_bar,
	  .describe = "The driver refuses a userptr of a PCI BAR." },
	{ .name = "becomes-device-memory",
	  .run = becomes_device_memory,
	  .describe = "A userptr is a hole when a device's memory is mapped over it." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));
	amd_userptr_run_subtests(&up, amd_userptr_mixed_process_subtests,
				 amd_userptr_num_mixed_process_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_mixed_memory_subtests,
				 amd_userptr_num_mixed_memory_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_mixed_disk_subtests,
				 amd_userptr_num_mixed_disk_subtests);
	amd_userptr_run_subtests(&up, amd_userptr_mixed_ring_subtests,
				 amd_userptr_num_mixed_ring_subtests);

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
