// SPDX-License-Identifier: MIT
/*
 * For as long as --seconds says, threads change the memory of userptrs of seven backings by all
 * events of enum soak_event, while a PM4, an AQL and an SDMA queue copy from and to the userptrs.
 *
 * The test knows at every time which content a page may have (amd_stamp.h), so it checks each
 * copied byte.  KFD's SMI events show evictions and restores.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_os.h"

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/igt_mm.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

#include "amd_userptr_soak.h"

IGT_TEST_DESCRIPTION("Long runs of CPU page table changes under userptrs that KFD queues access.");

#define KSM	    "/sys/kernel/mm/ksm/"
/* How long to wait for a restore. */
#define RESTORE_MS  igt_patience(60000)
/* Drain SMI events at least this often, because the kernel's buffer is small. */
#define SMI_MS	    20
#define REPORT_MS   60000
/* A run goes on for up to this time longer if a kind of event has not happened yet. */
#define SEEN_ALL_MS igt_patience(60000)
/* The test looks for NUMA nodes whose number is below this. */
#define MAX_NODES   1024

static struct options {
	unsigned int seconds;
	uint64_t seed;
} options = { .seconds = 10 };

static struct amd_userptr up;

int soak_fail(struct soak *soak, int error, const char *format, ...)
{
	char text[512];
	va_list args;

	if (atomic_exchange(&soak->failed, true))
		return error;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	igt_warn("%s: %s\n", text, strerror(-error));
	return error;
}

bool soak_ended(struct soak *soak)
{
	return soak->stop || soak->failed;
}

int soak_wait_restored(struct soak *soak)
{
	struct timespec deadline;
	unsigned int evictions;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += RESTORE_MS / 1000;
	pthread_mutex_lock(&soak->lock);
	evictions = soak->evictions;
	while (!ret && soak->restores < evictions && !soak->failed)
		ret = -pthread_cond_timedwait(&soak->restored, &soak->lock, &deadline);
	pthread_mutex_unlock(&soak->lock);
	return ret ? soak_fail(soak, ret, "the queues were not restored") : 0;
}

/* Wait up to SMI_MS for the next SMI event that soak_wait_restored() needs. */
static int next_event(struct amd_kfd_smi *smi)
{
	const struct amd_kfd_smi_counts *count = &smi->count;

	if (count->restores < count->evictions)
		return __amd_kfd_smi_wait(smi, KFD_SMI_EVENT_QUEUE_RESTORE, count->evictions,
					  SMI_MS);
	return __amd_kfd_smi_wait(smi, KFD_SMI_EVENT_QUEUE_EVICTION, count->evictions + 1, SMI_MS);
}

static void take_events(struct soak *soak)
{
	const struct amd_kfd_smi_counts *count = &soak->up->smi.count;
	int ret = next_event(&soak->up->smi);

	if (ret && ret != -ETIME)
		soak_fail(soak, ret, "KFD's events");
	if (count->vm_faults)
		soak_fail(soak, -EFAULT, "the GPU found no page (%u times)", count->vm_faults);
	pthread_mutex_lock(&soak->lock);
	soak->evictions = count->evictions;
	soak->restores = count->restores;
	pthread_cond_broadcast(&soak->restored);
	pthread_mutex_unlock(&soak->lock);
}

static unsigned long long sum(const atomic_ullong *counts, unsigned int num)
{
	unsigned long long total = 0;

	while (num--)
		total += counts[num];
	return total;
}

static unsigned long long available_kib(void)
{
	unsigned long long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "MemAvailable: %llu", &kib);
	if (file)
		fclose(file);
	return kib;
}

static void report(const struct soak *soak, unsigned long long ms)
{
	igt_info("%7llu.%llu %13llu %9u %8u %9llu %8llu %11llu %13llu\n", ms / 60000,
		 ms / 6000 % 10, sum(soak->events, SOAK_NUM_EVENTS), soak->evictions,
		 soak->restores, soak->reads + soak->writes,
		 (unsigned long long)soak->checked >> 20, (unsigned long long)soak->wrong,
		 available_kib());
}

/* Set up the state of a thread, before any thread runs. */
static int prepare(struct soak *soak, struct soak_thread *thread, unsigned int number)
{
	thread->soak = soak;
	thread->up = *soak->up;
	/* The random state must not be zero, and must differ from thread to thread. */
	thread->rng = (soak->seed + number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (!thread->rng)
		thread->rng = 1;
	thread->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (thread->pagemap < 0)
		return soak_fail(soak, -errno, "pagemap");
	thread->up.syncobj = 0;
	return drmSyncobjCreate(soak->up->fd, 0, &thread->up.syncobj)
		       ? soak_fail(soak, -errno, "syncobj")
		       : 0;
}

static void release(struct soak *soak, struct soak_thread *thread)
{
	if (!thread->soak)
		return;
	if (thread->up.syncobj)
		drmSyncobjDestroy(soak->up->fd, thread->up.syncobj);
	if (thread->pagemap >= 0)
		close(thread->pagemap);
}

static int open_all(struct soak *soak)
{
	static const enum amd_kfd_queue_type types[SOAK_NUM_COPIERS] = {
		AMD_KFD_QUEUE_PM4,
		AMD_KFD_QUEUE_AQL,
		AMD_KFD_QUEUE_SDMA,
	};
	unsigned int number = 0;
	int ret = soak_areas_create(soak);

	for (unsigned int i = 0; i < SOAK_NUM_COPIERS && !ret; i++) {
		ret = prepare(soak, &soak->copiers[i], number++);
		soak->copiers[i].type = types[i];
		if (!ret)
			ret = soak_copier_open(&soak->copiers[i]);
	}
	for (unsigned int i = 0; i < SOAK_NUM_INVALIDATORS && !ret; i++)
		ret = prepare(soak, &soak->invalidators[i], number++);
	return ret;
}

static void close_all(struct soak *soak)
{
	for (unsigned int i = 0; i < SOAK_NUM_INVALIDATORS; i++)
		release(soak, &soak->invalidators[i]);
	for (unsigned int i = 0; i < SOAK_NUM_COPIERS; i++) {
		if (soak->copiers[i].soak)
			soak_copier_close(&soak->copiers[i]);
		release(soak, &soak->copiers[i]);
	}
	soak_areas_destroy(soak);
}

static unsigned int start_all(struct soak *soak, struct soak_thread *threads, unsigned int num,
			      void *(*run)(void *))
{
	unsigned int started = 0;

	for (int ret = 0; started < num && !ret; started += !ret) {
		ret = -pthread_create(&threads[started].thread, NULL, run, &threads[started]);
		if (ret)
			soak_fail(soak, ret, "start a thread");
	}
	return started;
}

/*
 * Wait for the threads.  Read SMI events meanwhile, because only this thread reads them, and the
 * threads may wait for them in soak_wait_restored().
 */
static void join_all(struct soak *soak, struct soak_thread *threads, unsigned int num)
{
	while (num--) {
		while (pthread_tryjoin_np(threads[num].thread, NULL) == EBUSY)
			take_events(soak);
	}
}

static bool has_seen_all(const struct soak *soak)
{
	for (unsigned int i = 0; i < SOAK_NUM_EVENTS; i++) {
		if (!soak->events[i] && soak->can[i])
			return false;
	}
	for (unsigned int i = 0; i < SOAK_NUM_CHANGES; i++) {
		if (!soak->changes[i])
			return false;
	}
	for (unsigned int i = 0; i < SOAK_NUM_CLEAN; i++) {
		if (!soak->reclaimed[i] && soak->can_clean[i])
			return false;
	}
	return soak->reads && soak->writes;
}

/* Has the run to go on, because time is left or a kind of event has not happened yet? */
static bool goes_on(const struct soak *soak, uint64_t end)
{
	const uint64_t now = igt_now_ms();

	return !soak->failed && (now < end || (now < end + SEEN_ALL_MS && !has_seen_all(soak)));
}

static void run(struct soak *soak)
{
	const uint64_t begin = igt_now_ms(), end = begin + options.seconds * 1000ull;
	unsigned int copiers = start_all(soak, soak->copiers, SOAK_NUM_COPIERS, soak_copy);
	unsigned int invalidators =
		start_all(soak, soak->invalidators, SOAK_NUM_INVALIDATORS, soak_invalidate);
	uint64_t next = begin + REPORT_MS;

	igt_info("%9s %13s %9s %8s %9s %8s %11s %13s\n", "minutes", "events", "evictions",
		 "restores", "copies", "MiB read", "wrong bytes", "available KiB");
	while (goes_on(soak, end)) {
		take_events(soak);
		if (igt_now_ms() < next)
			continue;
		report(soak, igt_now_ms() - begin);
		next += REPORT_MS;
	}
	soak->stop = true;
	join_all(soak, soak->invalidators, invalidators);
	join_all(soak, soak->copiers, copiers);
	report(soak, igt_now_ms() - begin);
}

/* When no thread changes anything any more, compare all memory. */
static void check_all(struct soak *soak)
{
	const uint64_t deadline = igt_now_ms() + RESTORE_MS;

	do {
		take_events(soak);
	} while (!soak->failed && soak->restores < soak->evictions && igt_now_ms() < deadline);
	if (soak->restores != soak->evictions)
		soak_fail(soak, -ETIME, "%u evictions, %u restores", soak->evictions,
			  soak->restores);
	for (unsigned int i = 0; i < SOAK_NUM_AREAS && !soak->failed; i++)
		soak_check_area(&soak->copiers[i % SOAK_NUM_COPIERS], &soak->areas[i]);
	take_events(soak);
}

static bool ksm_start(void)
{
	return igt_undo_set(KSM "sleep_millisecs", "10") && igt_undo_set(KSM "run", "1");
}

static void find_abilities(struct soak *soak)
{
	soak->nodes[0] = igt_mm_numa_node(MAX_NODES);
	soak->nodes[1] = igt_mm_numa_node(soak->nodes[0]);
	for (unsigned int i = 0; i < SOAK_NUM_EVENTS; i++)
		soak->can[i] = true;
	soak->can[SOAK_MIGRATE] = soak->nodes[1] >= 0;
	soak->can[SOAK_PAGEOUT] = igt_get_total_swap_mb();
	soak->can[SOAK_KSM] = ksm_start();
	soak->can[SOAK_COLLAPSE] = igt_mm_collapsed_size() == SOAK_HUGE_SIZE;
	soak->kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	soak_find_clean(soak);
}

static void print_total(const char *name, unsigned long long number, const char *remark)
{
	igt_info("%-24s %12llu%s\n", name, number, remark);
}

static void print_totals(const struct soak *soak)
{
	static const char absent[] = " (not on this machine)";

	for (unsigned int i = 0; i < SOAK_NUM_EVENTS; i++)
		print_total(soak_event_name(i), soak->events[i], soak->can[i] ? "" : absent);
	for (unsigned int i = 0; i < SOAK_NUM_CHANGES; i++)
		print_total(soak_change_name(i), soak->changes[i], "");
	igt_info("pages that were clean, written by the GPU only, and taken by reclaim:\n");
	for (unsigned int i = 0; i < SOAK_NUM_CLEAN; i++)
		print_total(soak_clean_name(i), soak->reclaimed[i],
			    soak->can_clean[i] ? "" : absent);
	print_total("copies out of userptrs", soak->reads, "");
	print_total("copies into userptrs", soak->writes, "");
	print_total("bytes checked", soak->checked, "");
	print_total("wrong bytes", soak->wrong, "");
}

static void soak_for_seconds(void)
{
	static struct soak soak;

	soak = (struct soak){ .up = &up,
			      .seed = options.seed,
			      .lock = PTHREAD_MUTEX_INITIALIZER,
			      .restored = PTHREAD_COND_INITIALIZER,
			      .swap = PTHREAD_RWLOCK_INITIALIZER };
	find_abilities(&soak);
	amd_kfd_smi_mark(&up.smi);
	if (!open_all(&soak))
		run(&soak);
	if (!soak.failed)
		check_all(&soak);
	close_all(&soak);
	igt_undo_subtest();
	if (soak.kpageflags >= 0)
		close(soak.kpageflags);
	print_totals(&soak);

	igt_assert(!soak.failed);
	igt_assert_eq(up.smi.count.evictions_by[KFD_QUEUE_EVICTION_TRIGGER_USERPTR],
		      up.smi.count.evictions);
	igt_assert_eq(up.smi.count.other, 0);
	igt_assert_lt(0, soak.evictions);
	igt_assert_f(has_seen_all(&soak), "not every kind of event happened\n");
}

static int set_option(int opt, int index, void *data)
{
	char *end;
	unsigned long long value = strtoull(optarg, &end, 0);

	/* -2 is IGT_OPT_HANDLER_ERROR, 0 is IGT_OPT_HANDLER_SUCCESS. */
	if (end == optarg || *end || *optarg == '-' || (opt != 'r' && value > UINT_MAX / 1000))
		return -2;
	if (opt == 's')
		options.seconds = value;
	else
		options.seed = value;
	return 0;
}

static const struct option long_options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "seed", required_argument, NULL, 'r' },
	{ 0 },
};

static const char help[] = "  --seconds N	how long (10)\n"
			   "  --seed N	seed of the choice of events (0)\n";

int igt_main_args("", long_options, help, set_option, NULL)
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	igt_describe("Copies are right while threads change the memory by all kinds of events.");
	igt_subtest("soak")
		soak_for_seconds();

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
