// SPDX-License-Identifier: MIT
/*
 * Measures how long a queue stands still after a change of registered memory, by three clocks:
 *
 * - the CPU's: from before the change until the process sees that the queue's next packet has run;
 * - the GPU's: from the last packet before the change to the first one after it, by the clock that
 *   packets store;
 * - the driver's: from the SMI event of the eviction to the SMI event of the restore.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <xf86drm.h>

#include "amd_userptr_bench.h"
#include "lib/igt_time.h"

/* Enough samples for a 99th percentile, and for a rough one in a quick run. */
enum { STALLS = 200, STALLS_QUICK = 50 };

/* The CPU changes the first page of the range, and the queue's packets store to the last one. */
#define STALL_RANGE ((size_t)16 * getpagesize())

#define STORM_RATE	 1000
/*
 * A storm takes STORM_NS.  If it has fewer than STORM_SAMPLES samples by then, it goes on, but for
 * at most STORM_LONGEST_NS.
 */
#define STORM_NS	 3000000000ull
#define STORM_LONGEST_NS 20000000000ull
enum { STORM_SAMPLES = 30 };

struct clocks {
	struct bench_samples cpu, gpu, driver;
};

/* The place where packets store the GPU's clock, and the rate of this clock. */
struct stamps {
	struct amd_kfd_mem mem;
	volatile uint64_t *clock;
	uint64_t khz;
};

static int read_khz(struct bench *bench, uint64_t *khz)
{
	struct drm_amdgpu_info_device device = { 0 };
	struct drm_amdgpu_info request = {
		.return_pointer = (uintptr_t)&device,
		.return_size = sizeof(device),
		.query = AMDGPU_INFO_DEV_INFO,
	};
	int ret = drmCommandWrite(bench->fd, DRM_AMDGPU_INFO, &request, sizeof(request));

	*khz = device.gpu_counter_freq;
	return ret ? ret : *khz ? 0 : -EINVAL;
}

static int open_stamps(struct bench *bench, struct stamps *stamps)
{
	int ret = read_khz(bench, &stamps->khz);

	if (!ret)
		ret = __amd_kfd_alloc_gtt(&bench->kfd, getpagesize(), &stamps->mem);
	if (!ret)
		stamps->clock = stamps->mem.cpu;
	return ret;
}

/*
 * Wait with short pauses, because __amd_kfd_queue_wait() looks only once in a millisecond after a
 * while.  The kernel's buffer has room for few SMI events, so fetch them now and then, before the
 * kernel drops any.
 */
static int wait_for(struct bench *bench, uint32_t seqno)
{
	const uint64_t deadline = igt_now_ms() + BENCH_WAIT_MS;
	int ret = 0;

	for (unsigned int i = 1; !ret && !amd_kfd_queue_done(&bench->queue, seqno); i++) {
		if (igt_now_ms() >= deadline)
			return -ETIME;
		igt_pause();
		if (i % 128 == 0)
			ret = __amd_kfd_smi_drain(&bench->smi);
	}
	return ret ? ret : __amd_kfd_queue_wait(&bench->queue, seqno, BENCH_WAIT_MS);
}

/*
 * Let the queue store a word in the range and the GPU's clock in @stamps, and wait until it has
 * done both.
 */
static int run_packets(struct bench *bench, const struct bench_one *one, struct stamps *stamps,
		       unsigned int index)
{
	const uint32_t word = index + 1;

	amd_kfd_queue_write(&bench->queue, one->map.va + STALL_RANGE - getpagesize(), &word, 1);
	amd_kfd_queue_timestamp(&bench->queue, stamps->mem.va + index * sizeof(uint64_t));
	return wait_for(bench, amd_kfd_queue_submit(&bench->queue));
}

/* Returns the ns between two packets, which have stored the GPU's clock at @from and @to. */
static uint64_t gpu_ns(const struct stamps *stamps, unsigned int from, unsigned int to)
{
	return (stamps->clock[to] - stamps->clock[from]) * 1000000 / stamps->khz;
}

/* ---------------------------------------------------------------------------------------------- */
/* A single change										  */

static int drop_page(char *page)
{
	return madvise(page, getpagesize(), MADV_DONTNEED) ? -errno : 0;
}

/* The child ends at once.  The parent waits for it later. */
static int fork_child(char *page)
{
	pid_t pid = fork();

	(void)page;
	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : 0;
}

/* Drop a page that no device uses.  This shows the time that the measurement itself takes. */
static int drop_other(char *page)
{
	char *other = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	int ret;

	(void)page;
	if (other == MAP_FAILED)
		return -errno;
	*(volatile char *)other = 1;
	ret = drop_page(other);
	munmap(other, getpagesize());
	return ret;
}

static const struct single {
	const char *operation, *by_gpu, *by_driver;
	int (*change)(char *page);
	bool evicts, forks;
} singles[] = {
	{ "stall nothing", "stall nothing gpu", NULL, drop_other, false, false },
	{ "stall page", "stall page gpu", "stall page driver", drop_page, true, false },
	{ "stall fork", "stall fork gpu", "stall fork driver", fork_child, true, true },
};

/* Check that the change evicted the queues as expected, and take the driver's time as a sample. */
static int check_events(struct bench *bench, const struct single *single, struct clocks *clocks)
{
	const struct amd_kfd_smi_counts *count = &bench->smi.count;
	int ret = single->evicts ? bench_restore_wait(bench) : __amd_kfd_smi_drain(&bench->smi);

	if (!ret && !single->evicts && count->evictions)
		ret = -EBUSY;
	if (!ret && single->evicts)
		bench_add(&clocks->driver, count->restore_ns - count->eviction_ns);
	return ret;
}

/*
 * Submit the packet right after the change, which returns when the queues have been evicted.  The
 * pause before the change is a quiet time.  The driver restores the queues without a delay after
 * the first change that follows a quiet time.
 */
static int one_stall(struct bench *bench, struct bench_one *one, struct stamps *stamps,
		     const struct single *single, struct clocks *clocks)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	char *page = bench_one_page(one);
	uint64_t start;
	int ret;

	/* Touch the page, because the drop of a page that is not there would change nothing. */
	*(volatile char *)page = 1;
	nanosleep(&pause, NULL);
	ret = bench_restore_mark(bench);
	if (!ret)
		ret = run_packets(bench, one, stamps, 0);
	start = bench_now_ns();
	if (!ret)
		ret = single->change(page);
	if (!ret)
		ret = run_packets(bench, one, stamps, 1);
	if (ret)
		return ret;
	bench_add(&clocks->cpu, bench_now_ns() - start);
	bench_add(&clocks->gpu, gpu_ns(stamps, 0, 1));
	ret = check_events(bench, single, clocks);
	if (single->forks && wait(NULL) < 0)
		ret = -errno;
	return ret;
}

static int measure_single(struct bench *bench, struct bench_one *one, struct stamps *stamps,
			  const struct single *single)
{
	const unsigned int most = bench->quick ? STALLS_QUICK : STALLS;
	struct clocks clocks = { 0 };
	int ret = 0;

	for (unsigned int i = 0; !ret && i <= most; i++) {
		ret = one_stall(bench, one, stamps, single, &clocks);
		/* The first one warms up. */
		if (!i)
			clocks.cpu.num = clocks.gpu.num = clocks.driver.num = 0;
	}
	if (ret)
		return ret;
	bench_one_print(one, &clocks.cpu, single->operation);
	bench_one_print(one, &clocks.gpu, single->by_gpu);
	if (single->by_driver)
		bench_one_print(one, &clocks.driver, single->by_driver);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- */
/* A storm of changes										  */

struct storm {
	struct bench_changer changer;
	struct clocks clocks;
	uint64_t last_ns; /* begin of the change that the last sample measures */
	unsigned int packets;
};

/*
 * Run a packet; run_storm() calls this again and again.  The last change before the submission has
 * evicted the queues, so the packet waits for their restore.  A sample is the time from that change
 * until the packet has run.
 */
static int storm_packet(struct bench *bench, struct bench_one *one, struct stamps *stamps,
			struct storm *storm)
{
	const uint64_t change_ns = storm->changer.begin_ns;
	const unsigned int index = storm->packets++ % 2;
	int ret = run_packets(bench, one, stamps, index);

	if (ret || !change_ns || change_ns == storm->last_ns)
		return ret;
	storm->last_ns = change_ns;
	bench_add(&storm->clocks.cpu, bench_now_ns() - change_ns);
	if (storm->packets > 1)
		bench_add(&storm->clocks.gpu, gpu_ns(stamps, !index, index));
	return 0;
}

static int run_storm(struct bench *bench, struct bench_one *one, struct stamps *stamps,
		     struct storm *storm, unsigned int *evictions, uint64_t *ns)
{
	const uint64_t start = bench_now_ns();
	int ret = 0;

	*ns = 0;
	while (!ret && *ns < STORM_LONGEST_NS &&
	       (*ns < STORM_NS || storm->clocks.cpu.num < STORM_SAMPLES)) {
		ret = storm_packet(bench, one, stamps, storm);
		*ns = bench_now_ns() - start;
	}
	if (!ret)
		ret = __amd_kfd_smi_drain(&bench->smi);
	*evictions = bench->smi.count.evictions;
	return ret;
}

static int measure_storm(struct bench *bench, struct bench_one *one, struct stamps *stamps)
{
	struct bench_samples change = { 0 }, eviction = { 0 };
	struct storm storm = { 0 };
	unsigned int evictions, changes;
	uint64_t ns;
	int ret = bench_restore_mark(bench), err;

	if (!ret)
		ret = bench_changer_start(&storm.changer, bench_one_page(one), STORM_RATE);
	if (ret)
		return ret;
	ret = run_storm(bench, one, stamps, &storm, &evictions, &ns);
	changes = storm.changer.changes;
	err = bench_changer_stop(&storm.changer);
	ret = ret ? ret : err;
	/* Without changes and evictions there was no storm. */
	if (!ret && (!changes || !evictions || !storm.clocks.cpu.num))
		ret = -ENODATA;
	/* When the queue has run a packet, the last restore is over. */
	if (!ret)
		ret = run_packets(bench, one, stamps, 0);
	if (ret)
		return ret;
	bench_add(&change, ns / changes);
	bench_add(&eviction, ns / evictions);
	bench_one_print(one, &storm.clocks.cpu, "stall storm");
	bench_one_print(one, &storm.clocks.gpu, "stall storm gpu");
	bench_one_print(one, &change, "stall storm: a change each");
	bench_one_print(one, &eviction, "stall storm: an eviction each");
	return 0;
}

int bench_stalls(struct bench *bench)
{
	const char *way = bench->kfd_only ? "kfd" : "contiguous";
	struct stamps stamps = { 0 };
	struct bench_one one;
	int ret;

	if (bench_way_missing(bench, way, "stall page", 1, STALL_RANGE))
		return 0;
	ret = open_stamps(bench, &stamps);
	if (!ret)
		ret = bench_one_map(bench, &one, way, BENCH_CONTIGUOUS, 1, STALL_RANGE);
	for (unsigned int i = 0; !ret && i < sizeof(singles) / sizeof(singles[0]); i++)
		ret = measure_single(bench, &one, &stamps, &singles[i]);
	if (!ret)
		ret = measure_storm(bench, &one, &stamps);
	if (!ret)
		ret = bench_one_unmap(bench, &one);
	return ret ? ret : __amd_kfd_free(&bench->kfd, &stamps.mem);
}
