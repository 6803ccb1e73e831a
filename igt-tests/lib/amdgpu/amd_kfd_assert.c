// SPDX-License-Identifier: MIT
/* The functions of amd_kfd.h that assert success; no other file of amd_kfd needs IGT. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_kfd.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"

/* How long another process may change KFD's counters, before the test skips or fails. */
#define MEM_USED_MS igt_patience(2000)

void amd_kfd_open(struct amd_kfd *kfd, int drm_fd)
{
	igt_assert_eq(__amd_kfd_open(kfd, drm_fd), 0);
}

void amd_kfd_alloc_gtt(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem)
{
	igt_assert_eq(__amd_kfd_alloc_gtt(kfd, size, mem), 0);
}

void amd_kfd_alloc_vram(struct amd_kfd *kfd, uint64_t size, struct amd_kfd_mem *mem)
{
	igt_assert_eq(__amd_kfd_alloc_vram(kfd, size, mem), 0);
}

void amd_kfd_register(struct amd_kfd *kfd, void *ptr, uint64_t size, uint64_t va,
		      struct amd_kfd_mem *mem)
{
	igt_assert_eq(__amd_kfd_register(kfd, ptr, size, va, mem), 0);
}

void amd_kfd_free(struct amd_kfd *kfd, struct amd_kfd_mem *mem)
{
	igt_assert_eq(__amd_kfd_free(kfd, mem), 0);
}

void amd_kfd_queue_create(struct amd_kfd *kfd, enum amd_kfd_queue_type type,
			  struct amd_kfd_queue *queue)
{
	char reason[AMD_KFD_REASON];

	igt_require_f(amd_kfd_has_packets(kfd, type, reason, sizeof(reason)), "%s\n", reason);
	igt_assert_eq(__amd_kfd_queue_create(kfd, type, queue), 0);
}

void amd_kfd_queue_destroy(struct amd_kfd_queue *queue)
{
	igt_assert_eq(__amd_kfd_queue_destroy(queue), 0);
}

void amd_kfd_queue_wait(struct amd_kfd_queue *queue, uint32_t seqno, unsigned int timeout_ms)
{
	int ret = __amd_kfd_queue_wait(queue, seqno, timeout_ms);

	igt_assert_f(ret == 0, "queue %u: fence %u wanted, at %u after %u ms: %s\n", queue->id,
		     seqno, *queue->fence, timeout_ms, strerror(-ret));
}

void amd_kfd_queue_sync(struct amd_kfd_queue *queue, unsigned int timeout_ms)
{
	amd_kfd_queue_wait(queue, amd_kfd_queue_submit(queue), timeout_ms);
}

void amd_kfd_smi_open(struct amd_kfd *kfd, pid_t pid, struct amd_kfd_smi *smi)
{
	igt_assert_eq(__amd_kfd_smi_open(kfd, pid, smi), 0);
}

void amd_kfd_smi_mark(struct amd_kfd_smi *smi)
{
	igt_assert_eq(__amd_kfd_smi_mark(smi), 0);
}

void amd_kfd_smi_drain(struct amd_kfd_smi *smi)
{
	igt_assert_eq(__amd_kfd_smi_drain(smi), 0);
}

void amd_kfd_smi_wait(struct amd_kfd_smi *smi, enum kfd_smi_event event, unsigned int count,
		      unsigned int timeout_ms)
{
	int ret = __amd_kfd_smi_wait(smi, event, count, timeout_ms);

	igt_assert_f(ret == 0,
		     "%u events of type %d wanted in %u ms: %s "
		     "(evictions %u, restores %u, GPU page faults %u)\n",
		     count, event, timeout_ms, strerror(-ret), smi->count.evictions,
		     smi->count.restores, smi->count.vm_faults);
}

void amd_kfd_smi_wait_restored(struct amd_kfd_smi *smi, unsigned int evictions,
			       unsigned int timeout_ms)
{
	int ret = __amd_kfd_smi_wait_restored(smi, evictions, timeout_ms);

	igt_assert_f(ret == 0,
		     "queues not evicted and restored in %u ms: %s "
		     "(evictions %u of %u, restores %u, GPU page faults %u)\n",
		     timeout_ms, strerror(-ret), smi->count.evictions, evictions,
		     smi->count.restores, smi->count.vm_faults);
}

unsigned long long amd_kfd_mem_used(void)
{
	return igt_procfs_number(AMD_KFD_MEM_LIMIT, "System mem used ");
}

unsigned long long amd_kfd_mem_limit(void)
{
	unsigned long long used, limit = 0;
	FILE *file = fopen(AMD_KFD_MEM_LIMIT, "r");

	if (file) {
		if (fscanf(file, "System mem used %lluM out of %lluM", &used, &limit) != 2)
			limit = 0;
		fclose(file);
	}
	return limit;
}

/*
 * /sys/class/kfd/kfd/proc has an entry for each process of KFD, named by its pid. The entry of a
 * process that has ended stays there until a work item has given back the process's memory.
 */
static bool others_use_kfd(void)
{
	DIR *dir = opendir("/sys/class/kfd/kfd/proc");
	struct dirent *entry;
	bool others = false;

	while (dir && !others && (entry = readdir(dir)))
		others = entry->d_name[0] != '.' && atoi(entry->d_name) != getpid();
	if (dir)
		closedir(dir);
	return others;
}

void amd_kfd_mem_mark(struct amd_kfd_mem_mark *mark)
{
	igt_require_f(!access(AMD_KFD_MEM_LIMIT, R_OK), "no debugfs of KFD to see its counters\n");
	mark->others = others_use_kfd();
	mark->used = amd_kfd_mem_used();
}

static void expect_used(const struct amd_kfd_mem_mark *mark, unsigned long long least,
			unsigned long long most)
{
	const uint64_t deadline = igt_now_ms() + MEM_USED_MS;
	unsigned long long used;

	do {
		used = amd_kfd_mem_used();
		if (used >= least && used <= most)
			return;
		igt_pause();
	} while (igt_now_ms() < deadline);
	igt_require_f(!mark->others && !others_use_kfd(),
		      "another process uses KFD, whose counters are for all processes\n");
	igt_assert_f(false, "KFD counts %llu MiB of system memory, and before %llu MiB\n", used,
		     mark->used);
}

void amd_kfd_mem_expect_same(const struct amd_kfd_mem_mark *mark)
{
	expect_used(mark, mark->used, mark->used);
}

void amd_kfd_mem_expect_more(const struct amd_kfd_mem_mark *mark, unsigned long long more)
{
	expect_used(mark, mark->used + more, ~0ull);
}

void amd_kfd_read_mem_limit(char *text, size_t size)
{
	int fd = open(AMD_KFD_MEM_LIMIT, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	igt_require_f(fd >= 0, "no debugfs of KFD to see its counters\n");
	len = read(fd, text, size - 1);
	close(fd);
	igt_assert_lt(0, len);
	text[len] = '\0';
}
