/* SPDX-License-Identifier: MIT */
/*
 * rocr_client - ROCr and the library in one process
 *
 * Scattered pages get GPU addresses that ROCr has reserved. ROCr's own asynchronous copies carry
 * them to VRAM and back, while a thread changes the pages: a fork with copy-on-write, pages that
 * are dropped, moved to another NUMA node, and reclaimed. Each kind of change has to happen in the
 * middle of a copy, and every byte of each copy is checked.
 *
 *	rocr_client [--no-svm] [RANGES]
 *
 * --no-svm: ROCr registers memory as a userptr of KFD, not as SVM (HSA_USE_SVM=0).
 *
 * Prints one line. Exit status: 0: success; 1: a check failed; 77: there is no GPU, or the kernel
 * does not know AMDGPU_GEM_USERPTR_HSA.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "rocr_client.h"

#define EXIT_SKIP	    77
#define DEFAULT_RANGES	    1024
/* Changes of each kind that have to happen during copies of each direction. */
#define WANTED_CHANGES	    3
/* The most changes of one kind that may come too late, that is after their copy has ended. */
#define MAX_LATE	    50
/* Pages of the memory that ROCr locks. */
#define LOCKED_PAGES	    16
#define RESTORE_DEADLINE_MS 60000

struct client {
	bool svm;
	struct rocr rocr;
	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *mapping;
	struct pages pages;
	size_t size; /* of all pages */
	void *va;    /* GPU address of all pages in a row, reserved by ROCr */
	void *vram;
	char *plain;		  /* host memory of ROCr, for results */
	hsa_signal_t began, done; /* of the copy that is under way */
	enum change change;	  /* the thread makes it during that copy */
	enum direction direction;
	bool in_time; /* the thread was ready before the copy was */
	unsigned int changes[NUM_DIRECTIONS][NUM_CHANGES];
	unsigned int copies;
	uint64_t wrong;
	struct amdgpu_userptr_evictions evictions;
	/* The result of a map of memory that ROCr has locked, and of one after the unlock. */
	const char *locked, *unlocked;
};

void check(int result, const char *what)
{
	if (!result)
		return;
	if (result < 0)
		fprintf(stderr, "rocr_client: %s: %s\n", what, strerror(-result));
	else
		fprintf(stderr, "rocr_client: %s: status %#x\n", what, result);
	exit(EXIT_FAILURE);
}

/* ------------------------------------------------------------------------------------------- */
/* The library										       */

static int open_library(struct client *c)
{
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.devices = &c->rocr.device,
		.num_devices = 1,
	};
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };

	check(amdgpu_userptr_ctx_create(&args, &c->ctx), "create a context");
	check(amdgpu_userptr_query_caps(c->ctx, &caps), "query caps");
	if (caps.hsa_reason == AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD)
		printf("rocr_client: skipped: %s\n", amdgpu_userptr_reason_text(caps.hsa_reason));
	else
		check(caps.hsa_status, amdgpu_userptr_reason_text(caps.hsa_reason));
	return caps.hsa_status;
}

/* ROCr has given KFD one file, so the library cannot map in the address space of another file. */
static void check_other_file(struct client *c)
{
	const int fd = rocr_open_render_node(&c->rocr);
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &fd,
		.num_devices = 1,
	};
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps) };
	struct amdgpu_userptr_ctx *ctx;

	check(amdgpu_userptr_ctx_create(&args, &ctx), "create a context of another file");
	check(amdgpu_userptr_query_caps(ctx, &caps), "query caps of another file");
	check(caps.hsa_reason == AMDGPU_USERPTR_REASON_NO_KFD_VM ? 0 : -EINVAL,
	      "another file has the address space of ROCr");
	check(amdgpu_userptr_ctx_destroy(ctx), "destroy a context of another file");
	close(fd);
}

/* Count from here on how often the kernel evicts and restores ROCr's queues. */
static void watch_evictions(struct client *c)
{
	struct amdgpu_userptr_watch_args args = {
		.size = sizeof(args),
		.kfd_fd = open("/dev/kfd", O_RDWR | O_CLOEXEC),
		.gpu_id = c->rocr.gpu_id,
	};

	check(args.kfd_fd < 0 ? -errno : 0, "open KFD");
	check(amdgpu_userptr_watch_evictions(c->ctx, &args), "watch evictions");
	close(args.kfd_fd);
	c->evictions.size = sizeof(c->evictions);
}

static void map_pages(struct client *c)
{
	struct amdgpu_userptr_range *ranges = calloc(c->pages.count, sizeof(*ranges));
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.va_mode = AMDGPU_USERPTR_VA_FIXED,
		.ranges = ranges,
		.num_ranges = c->pages.count,
		.range_stride = sizeof(*ranges),
	};
	int ret;

	check(ranges ? 0 : -ENOMEM, "allocate ranges");
	check(hsa_amd_vmem_address_reserve(&c->va, c->size, 0, 0), "reserve addresses of ROCr");
	args.fixed_va = (uintptr_t)c->va;
	for (unsigned int i = 0; i < c->pages.count; i++) {
		ranges[i].cpu_addr = (uintptr_t)c->pages.page[i].addr;
		ranges[i].size = c->pages.page_size;
	}
	ret = amdgpu_userptr_map(c->ctx, &args, &c->mapping);
	check(ret, amdgpu_userptr_reason_text(args.failed_reason));
	free(ranges);
}

/*
 * Map memory that ROCr has locked, or has unlocked again. Either map() succeeds, or its reason must
 * say that the memory belongs to SVM.
 */
static const char *try_map(struct client *c, void *memory)
{
	const struct amdgpu_userptr_range range = {
		.cpu_addr = (uintptr_t)memory,
		.size = LOCKED_PAGES * c->pages.page_size,
	};
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.va_mode = AMDGPU_USERPTR_VA_ALLOC,
		.ranges = &range,
		.num_ranges = 1,
		.range_stride = sizeof(range),
	};
	struct amdgpu_userptr_mapping *mapping;
	int ret = amdgpu_userptr_map(c->ctx, &args, &mapping);

	if (!ret) {
		check(amdgpu_userptr_unmap(mapping), "unmap locked memory");
		return "mapped";
	}
	if (ret != -EADDRINUSE || args.failed_reason != AMDGPU_USERPTR_REASON_SVM ||
	    args.failed_range != 0)
		check(ret, amdgpu_userptr_reason_text(args.failed_reason));
	return "refused as SVM's";
}

static void map_locked_memory(struct client *c)
{
	const size_t size = LOCKED_PAGES * c->pages.page_size;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *gpu_address;

	check(memory == MAP_FAILED ? -errno : 0, "allocate memory to lock");
	memset(memory, 1, size);
	check(hsa_amd_memory_lock(memory, size, &c->rocr.gpu, 1, &gpu_address),
	      "hsa_amd_memory_lock");
	c->locked = try_map(c, memory);
	check(hsa_amd_memory_unlock(memory), "hsa_amd_memory_unlock");
	c->unlocked = try_map(c, memory);
	munmap(memory, size);
}

/* ------------------------------------------------------------------------------------------- */
/* Copies while pages change								       */

/* Change pages as soon as the copy moves bytes. The change counts if the copy still runs then. */
static void *change_thread(void *arg)
{
	struct client *c = arg;

	rocr_wait(c->began);
	pages_change(&c->pages, c->change, c->direction == TO_VRAM);
	c->in_time = hsa_signal_load_scacquire(c->done) > 0;
	return NULL;
}

/*
 * Copy one page, and queue a copy of all pages behind it.  When the first copy has ended,
 * change_thread() changes pages, so that the change falls into the second copy.
 */
static void copy_and_change(struct client *c, void *dst, const void *src)
{
	pthread_t thread;

	hsa_signal_store_relaxed(c->began, 1);
	hsa_signal_store_relaxed(c->done, 1);
	check(-pthread_create(&thread, NULL, change_thread, c), "create a thread");
	rocr_copy_async(&c->rocr, c->direction, dst, src, c->pages.page_size, c->began);
	rocr_copy_async(&c->rocr, c->direction, dst, src, c->size, c->done);
	rocr_wait(c->done);
	pthread_join(thread, NULL);
	pages_end_change(&c->pages);
	c->copies += 2;
	c->changes[c->direction][c->change] += c->in_time;
	check(amdgpu_userptr_query_evictions(c->ctx, &c->evictions), "evictions");
}

static void copy_to_vram(struct client *c)
{
	pages_open_window(&c->pages);
	copy_and_change(c, c->vram, c->va);
	rocr_copy(&c->rocr, TO_HOST, c->plain, c->vram, c->size);
	c->wrong += pages_check(&c->pages, c->plain);
}

static void copy_to_host(struct client *c)
{
	struct pages *pages = &c->pages;

	/* New contents for all pages, in VRAM. */
	for (unsigned int i = 0; i < pages->count; i++) {
		struct amd_stamp *stamp = &pages->page[i].stamp;

		stamp->started++;
		amd_stamp_fill(stamp, c->plain + i * pages->page_size, pages->page_size,
			       stamp->started);
		stamp->finished = stamp->started;
	}
	rocr_copy(&c->rocr, TO_VRAM, c->vram, c->plain, c->size);
	/*
	 * After the copy a page has the new contents. If the page was dropped during the copy, a
	 * part of it may be zero.
	 */
	pages_open_window(pages);
	copy_and_change(c, c->va, c->vram);
	c->wrong += pages_check(pages, NULL);
}

static void copy_all(struct client *c)
{
	for (c->direction = 0; c->direction < NUM_DIRECTIONS; c->direction++) {
		for (c->change = 0; c->change < NUM_CHANGES; c->change++) {
			const unsigned int *changes = &c->changes[c->direction][c->change];
			unsigned int late = 0;

			while (*changes < WANTED_CHANGES) {
				if (c->direction == TO_VRAM)
					copy_to_vram(c);
				else
					copy_to_host(c);
				late += !c->in_time;
				check(late > MAX_LATE ? -ETIME : 0, "no change during a copy");
			}
		}
	}
}

/* Wait until the kernel has evicted the queues for each change and has restored them. */
static void check_evictions(struct client *c)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	unsigned int changes = 0;

	for (int direction = 0; direction < NUM_DIRECTIONS; direction++)
		for (int change = 0; change < NUM_CHANGES; change++)
			changes += c->changes[direction][change];
	for (int ms = 0; ms < RESTORE_DEADLINE_MS; ms++) {
		check(amdgpu_userptr_query_evictions(c->ctx, &c->evictions), "evictions");
		if (c->evictions.userptr_evictions >= changes &&
		    c->evictions.restores >= c->evictions.evictions)
			return;
		nanosleep(&pause, NULL);
	}
	check(-ETIME, "evictions and restores");
}

/* ------------------------------------------------------------------------------------------- */

static void open_client(struct client *c, unsigned int ranges)
{
	pages_create(&c->pages, ranges);
	c->size = c->pages.count * c->pages.page_size;
	c->vram = rocr_alloc(&c->rocr, c->rocr.vram_pool, c->size);
	c->plain = rocr_alloc(&c->rocr, c->rocr.host_pool, c->size);
	c->began = rocr_signal();
	c->done = rocr_signal();
}

static void close_client(struct client *c)
{
	check(amdgpu_userptr_unmap(c->mapping), "unmap");
	check(hsa_amd_vmem_address_free(c->va, c->size), "free addresses of ROCr");
	check(amdgpu_userptr_ctx_destroy(c->ctx), "destroy the context");
	check(hsa_signal_destroy(c->began), "destroy a signal");
	check(hsa_signal_destroy(c->done), "destroy a signal");
	check(hsa_amd_memory_pool_free(c->vram), "free VRAM");
	check(hsa_amd_memory_pool_free(c->plain), "free memory of ROCr");
	rocr_close(&c->rocr);
	pages_destroy(&c->pages);
}

static void print_changes(const struct client *c, enum direction direction)
{
	for (int change = 0; change < NUM_CHANGES; change++)
		printf("%s%u %s", change ? ", " : " ", c->changes[direction][change],
		       change_names[change]);
}

static void print_result(const struct client *c)
{
	printf("rocr_client: %u ranges, %zu bytes, %u copies, during copies to VRAM",
	       c->pages.count, c->size, c->copies);
	print_changes(c, TO_VRAM);
	printf(", to the host");
	print_changes(c, TO_HOST);
	printf("; evictions %llu, restores %llu; memory that ROCr locked: %s, unlocked: %s; "
	       "wrong bytes %llu\n",
	       (unsigned long long)c->evictions.evictions,
	       (unsigned long long)c->evictions.restores, c->locked, c->unlocked,
	       (unsigned long long)c->wrong);
}

int main(int argc, char **argv)
{
	struct client client = { .svm = true };
	struct client *c = &client;
	unsigned int ranges = DEFAULT_RANGES;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--no-svm"))
			c->svm = false;
		else
			ranges = strtoul(argv[i], NULL, 0);
	}
	check(setenv("HSA_USE_SVM", c->svm ? "1" : "0", 1) ? -errno : 0, "setenv");
	if (rocr_open(&c->rocr)) {
		printf("rocr_client: skipped: ROCr has no GPU\n");
		return EXIT_SKIP;
	}
	if (open_library(c))
		return EXIT_SKIP;
	check_other_file(c);
	open_client(c, ranges);
	watch_evictions(c);
	map_pages(c);
	copy_all(c);
	check_evictions(c);
	map_locked_memory(c);
	close_client(c);
	print_result(c);
	return c->wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
