/* SPDX-License-Identifier: MIT */
/*
 * gather - thousands of scattered pages, read by a KFD queue as one buffer
 *
 * gather maps pages of private and shared memory to one contiguous range of GPU addresses. A
 * compute queue copies them out, and gather checks every byte: first while the memory stays as it
 * is, then while a thread keeps changing it. create_context(), map_pages() and unmap_pages() show
 * how to use the library. The rest is the queue (KFD), the memory (gather_memory.c), the changes
 * (gather_mutate.c) and a table at the end.
 *
 * Exit status: 0: success. 1: wrong bytes, no eviction, a missing restore, or another error.
 * 77: there is no device, or the kernel does not know AMDGPU_GEM_USERPTR_HSA or the backend.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <amdgpu_userptr.h>

#include "gather.h"

#define EXIT_SKIP 77

/* Long, because a simulated GPU on a busy machine is slow. */
#define COPY_DEADLINE_MS 60000
/*
 * While a copy runs, gather reads KFD's SMI events at this interval, because the kernel's buffer
 * has room for only some 200 of them.
 */
#define POLL_MS		 20
/*
 * In every QUIET_EVERY-th round gather pauses the thread that changes pages, so the copy has
 * exactly one right content.
 */
#define QUIET_EVERY	 4
/*
 * gather fills the destination with this byte before a copy. No page has a word of such bytes, so a
 * word that the GPU did not write counts as wrong.
 */
#define POISON		 0xa5

struct options {
	const char *device;
	uint32_t backend; /* enum amdgpu_userptr_backend */
	unsigned int ranges;
	unsigned int seconds;
	unsigned int rounds; /* 0: copy for @seconds instead */
};

struct gather {
	struct options options;
	int drm_fd;
	struct amd_kfd kfd;
	struct amd_kfd_queue queue;
	struct amd_kfd_smi smi;
	struct amd_kfd_mem destination; /* GTT, so no MMU notifier invalidates it */
	struct gather_memory memory;

	struct amdgpu_userptr_ctx *ctx;
	struct amdgpu_userptr_mapping *map;
	uint64_t gpu_va;

	double map_ms, unmap_ms, kfd_map_ms, kfd_unmap_ms;
	uint64_t buffer_objects, wrong_bytes, changed_pages;
	unsigned int copies, quiet_copies, forks, drops;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static int fail(const char *what, int error)
{
	fprintf(stderr, "gather: %s: %s\n", what, strerror(-error));
	return error;
}

/* ------------------------------------------------------------------------------------------- */
/* The library										       */

/* Make the library's context on the render node file whose GPU address space the KFD queues use. */
static int create_context(struct gather *g)
{
	struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &g->drm_fd,
		.num_devices = 1,
		.backend = g->options.backend,
	};
	struct amdgpu_userptr_caps caps = {
		.size = sizeof(caps),
	};
	int ret;

	ret = amdgpu_userptr_ctx_create(&args, &g->ctx);
	if (ret == -EOPNOTSUPP) {
		fail("skipped, the kernel does not have the backend", ret);
		return -ENODEV;
	}
	if (!ret)
		ret = amdgpu_userptr_query_caps(g->ctx, &caps);
	if (ret)
		return fail("create context", ret);
	if (caps.hsa_status == -EINVAL || caps.hsa_status == -EOPNOTSUPP) {
		fail("skipped, the kernel does not offer AMDGPU_GEM_USERPTR_HSA", caps.hsa_status);
		return -ENODEV;
	}
	return caps.hsa_status ? fail("AMDGPU_GEM_USERPTR_HSA", caps.hsa_status) : 0;
}

/* Let the library map all pages, in the order of memory->pages, to one range of GPU addresses. */
static int map_pages(struct gather *g)
{
	const struct gather_memory *memory = &g->memory;
	struct amdgpu_userptr_range *ranges = calloc(memory->count, sizeof(*ranges));
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.ranges = ranges,
		.num_ranges = memory->count,
		.range_stride = sizeof(struct amdgpu_userptr_range),
	};
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	double start;
	int ret;

	if (!ranges)
		return -ENOMEM;
	for (unsigned int i = 0; i < memory->count; i++) {
		ranges[i].cpu_addr = (uintptr_t)memory->pages[i].addr;
		ranges[i].size = memory->page_size;
	}

	start = now_ms();
	ret = amdgpu_userptr_map(g->ctx, &args, &g->map);
	g->map_ms = now_ms() - start;
	free(ranges);
	if (ret) {
		fprintf(stderr, "gather: map, stage %s, range %d: %s\n",
			amdgpu_userptr_stage_name(args.failed_stage), (int)args.failed_range,
			strerror(-ret));
		return ret;
	}
	g->gpu_va = args.gpu_va;
	ret = amdgpu_userptr_query_stats(g->ctx, &stats);
	g->buffer_objects = stats.bos;
	return ret;
}

static int unmap_pages(struct gather *g)
{
	double start = now_ms();
	int ret = amdgpu_userptr_unmap(g->map);

	g->unmap_ms = now_ms() - start;
	g->map = NULL;
	return ret ? fail("unmap", ret) : 0;
}

/* ------------------------------------------------------------------------------------------- */
/* The queue										       */

static int open_kfd(struct gather *g)
{
	int ret = __amd_kfd_open_render_novm(&g->kfd, g->options.device);

	if (!ret) {
		g->drm_fd = g->kfd.drm_fd;
		ret = __amd_kfd_acquire_vm(&g->kfd);
	}
	return ret ? fail("no GPU with KFD", ret) : 0;
}

static int open_gpu(struct gather *g)
{
	char reason[AMD_KFD_REASON];
	int ret = open_kfd(g);

	if (ret)
		return ret;
	if (!amd_kfd_has_packets(&g->kfd, AMD_KFD_QUEUE_PM4, reason, sizeof(reason)))
		return fail(reason, -EOPNOTSUPP);
	ret = __amd_kfd_queue_create(&g->kfd, AMD_KFD_QUEUE_PM4, &g->queue);
	if (ret)
		return fail("create queue", ret);
	ret = __amd_kfd_smi_open(&g->kfd, 0, &g->smi);
	if (ret)
		return fail("KFD events", ret);
	ret = __amd_kfd_alloc_gtt(&g->kfd, g->memory.count * g->memory.page_size, &g->destination);
	return ret ? fail("allocate destination", ret) : 0;
}

/*
 * Let the GPU copy all pages from the GPU address @source to the destination, and wait for the end.
 */
static int copy_out(struct gather *g, uint64_t source)
{
	const double deadline = now_ms() + COPY_DEADLINE_MS;
	uint32_t seqno;
	int ret;

	memset(g->destination.cpu, POISON, g->destination.size);
	amd_kfd_queue_copy(&g->queue, g->destination.va, source, g->destination.size);
	seqno = amd_kfd_queue_submit(&g->queue);
	do {
		ret = __amd_kfd_queue_wait(&g->queue, seqno, POLL_MS);
		if (!ret || ret == -ETIME) {
			int err = __amd_kfd_smi_drain(&g->smi);

			ret = err ? err : ret;
		}
		if (ret == -ETIME && g->smi.count.vm_faults)
			return fail("copy, the GPU found no page", -EFAULT);
	} while (ret == -ETIME && now_ms() < deadline);
	return ret ? fail("copy", ret) : 0;
}

/* Copy the pages, and compare the copy with the contents that they had during the copy. */
static int check_once(struct gather *g, uint64_t source)
{
	struct gather_window window;
	unsigned int changed;
	uint64_t wrong;
	int ret;

	ret = gather_window_open(&g->memory, &window);
	if (ret)
		return ret;
	ret = copy_out(g, source);
	wrong = gather_window_check(&g->memory, &window, g->destination.cpu, &changed);
	if (ret)
		return ret;
	if (wrong)
		fprintf(stderr, "gather: copy %u: %llu wrong bytes, %u pages changed meanwhile\n",
			g->copies, (unsigned long long)wrong, changed);
	g->copies++;
	g->quiet_copies += !changed;
	g->changed_pages += changed;
	g->wrong_bytes += wrong;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Phases										       */

static int copy_under_change(struct gather *g)
{
	const double deadline = now_ms() + g->options.seconds * 1e3;
	struct gather_mutator mutator;
	int ret, err;

	ret = gather_mutator_start(&mutator, &g->memory, &g->kfd);
	if (ret)
		return fail("start thread", ret);
	for (unsigned int round = 1;
	     !ret && (g->options.rounds ? round <= g->options.rounds : now_ms() < deadline);
	     round++) {
		bool quiet = round % QUIET_EVERY == 0;

		if (quiet)
			gather_mutator_pause(&mutator);
		ret = check_once(g, g->gpu_va);
		if (quiet)
			gather_mutator_resume(&mutator);
	}
	err = gather_mutator_stop(&mutator);
	g->forks = mutator.forks;
	g->drops = mutator.drops;
	if (err)
		return fail("change pages", err);
	/* The thread has ended, so one more copy has to contain its last change. */
	return ret ? ret : check_once(g, g->gpu_va);
}

/* Wait until the queues run again, because the kernel restores them some time after a change. */
static int wait_for_restores(struct gather *g)
{
	int ret = __amd_kfd_smi_wait_restored(&g->smi, 0, COPY_DEADLINE_MS);

	return ret ? fail("wait for the queues to be restored", ret) : 0;
}

/*
 * Map the same memory with KFD's own ioctls, copy it, and unmap it. KFD needs four ioctls for each
 * page; gather measures their time, to compare it with the library's.
 */
static int compare_with_kfd(struct gather *g)
{
	const struct gather_memory *memory = &g->memory;
	const uint64_t size = memory->count * memory->page_size;
	const uint64_t va = amd_kfd_va_reserve(size, 0);
	struct amd_kfd_mem *mems = calloc(memory->count, sizeof(*mems));
	double start = now_ms();
	unsigned int mapped = 0;
	int ret = va && mems ? 0 : -ENOMEM;

	for (; !ret && mapped < memory->count; mapped++) {
		ret = __amd_kfd_register(&g->kfd, memory->pages[mapped].addr, memory->page_size,
					 va + mapped * memory->page_size, &mems[mapped]);
		if (ret)
			break;
	}
	g->kfd_map_ms = now_ms() - start;
	if (!ret)
		ret = check_once(g, va);

	start = now_ms();
	while (mapped) {
		int err = __amd_kfd_free(&g->kfd, &mems[--mapped]);

		ret = ret ? ret : err;
	}
	g->kfd_unmap_ms = now_ms() - start;
	free(mems);
	if (va)
		amd_kfd_va_release(va, size);
	return ret ? fail("KFD userptr per page", ret) : 0;
}

static int run(struct gather *g)
{
	int ret;

	ret = open_gpu(g);
	if (!ret)
		ret = create_context(g);
	if (!ret)
		ret = compare_with_kfd(g);
	if (!ret)
		ret = wait_for_restores(g);
	if (!ret)
		ret = __amd_kfd_smi_mark(&g->smi);
	if (!ret)
		ret = map_pages(g);
	if (!ret)
		ret = check_once(g, g->gpu_va);
	if (!ret)
		ret = copy_under_change(g);
	if (!ret)
		ret = wait_for_restores(g);
	if (!ret)
		ret = unmap_pages(g);
	return ret;
}

/*
 * The kernel would free all of this at the end of the process, too. gather frees it here, so that
 * it sees an error of any step.
 */
static int clean_up(struct gather *g)
{
	int ret = 0, err;

	if (g->ctx)
		ret = amdgpu_userptr_ctx_destroy(g->ctx);
	if (g->destination.size) {
		err = __amd_kfd_free(&g->kfd, &g->destination);
		ret = ret ? ret : err;
	}
	if (g->smi.fd > 0)
		amd_kfd_smi_close(&g->smi);
	if (g->queue.kfd) {
		err = __amd_kfd_queue_destroy(&g->queue);
		ret = ret ? ret : err;
	}
	amd_kfd_close(&g->kfd);
	return ret ? fail("clean up", ret) : 0;
}

static bool report(const struct gather *g)
{
	const struct amd_kfd_smi_counts *events = &g->smi.count;
	const unsigned int evictions = events->evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR];

	printf("\n"
	       "%-32s %10u\n"
	       "%-32s %10zu\n"
	       "%-32s %10llu\n"
	       "%-32s %10.1f\n"
	       "%-32s %10.1f\n"
	       "%-32s %10.1f\n"
	       "%-32s %10.1f\n"
	       "%-32s %10u\n"
	       "%-32s %10u\n"
	       "%-32s %10u\n"
	       "%-32s %10u\n"
	       "%-32s %10llu\n"
	       "%-32s %10u\n"
	       "%-32s %10u\n"
	       "%-32s %10llu\n",
	       "ranges", g->memory.count, "bytes", g->memory.count * g->memory.page_size,
	       "buffer objects", (unsigned long long)g->buffer_objects, "map, ms", g->map_ms,
	       "unmap, ms", g->unmap_ms, "map by KFD per range, ms", g->kfd_map_ms,
	       "unmap by KFD per range, ms", g->kfd_unmap_ms, "copies", g->copies,
	       "copies with exact comparison", g->quiet_copies, "changes by fork", g->forks,
	       "changes by drop and rewrite", g->drops, "pages changed during copies",
	       (unsigned long long)g->changed_pages, "evictions (userptr)", evictions, "restores",
	       events->restores, "wrong bytes", (unsigned long long)g->wrong_bytes);

	if (!evictions)
		fprintf(stderr, "gather: no eviction: nothing was tested\n");
	if (events->evictions != events->restores)
		fprintf(stderr, "gather: %u evictions of any kind, but %u restores\n",
			events->evictions, events->restores);
	return !g->wrong_bytes && evictions && events->evictions == events->restores;
}

static unsigned int number(const char *text, unsigned int min)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < min || value > 1000000) {
		fprintf(stderr, "gather: not a number from %u to 1000000: %s\n", min, text);
		exit(EXIT_FAILURE);
	}
	return value;
}

static uint32_t backend(const char *name)
{
	static const char *const names[] = {
		[AMDGPU_USERPTR_BACKEND_AUTO] = "auto",
		[AMDGPU_USERPTR_BACKEND_SCATTER] = "scatter",
		[AMDGPU_USERPTR_BACKEND_RANGES] = "ranges",
	};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return i;
	}
	fprintf(stderr, "gather: not auto, scatter or ranges: %s\n", name);
	exit(EXIT_FAILURE);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option longopts[] = {
		{ "ranges", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "device", required_argument, NULL, 'd' },
		{ "backend", required_argument, NULL, 'b' },
		{ 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (opt) {
		case 'n':
			options->ranges = number(optarg, 1);
			break;
		case 's':
			options->seconds = number(optarg, 1);
			break;
		case 'r':
			options->rounds = number(optarg, 1);
			break;
		case 'd':
			options->device = optarg;
			break;
		case 'b':
			options->backend = backend(optarg);
			break;
		default:
			fprintf(stderr,
				"usage: gather [--ranges N] [--seconds N | --rounds N] "
				"[--device /dev/dri/renderD128] [--backend auto|scatter|ranges]\n");
			exit(EXIT_FAILURE);
		}
	}
}

int main(int argc, char **argv)
{
	struct gather g = {
		.options = { .ranges = 4096, .seconds = 3 },
		.smi.fd = -1,
		.kfd.fd = -1,
	};
	int ret, err;

	parse(argc, argv, &g.options);
	ret = gather_memory_create(&g.memory, g.options.ranges);
	if (ret) {
		fail("allocate pages", ret);
		return EXIT_FAILURE;
	}
	ret = run(&g);
	err = clean_up(&g);
	gather_memory_destroy(&g.memory);
	if (ret == -ENODEV)
		return EXIT_SKIP;
	if (ret || err)
		return EXIT_FAILURE;
	return report(&g) ? EXIT_SUCCESS : EXIT_FAILURE;
}
