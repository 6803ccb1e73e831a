// SPDX-License-Identifier: MIT
/*
 * H15 of docs/upstreaming.md.  When a process closed its last handle of a userptr, the driver
 * removed the MMU notifier at once, although a submission still used the memory.  munmap() then did
 * not wait for the submission, which stored to pages that the kernel had given to others.  The bug
 * needs no KFD.
 *
 * The submission waits in its IB for a word of memory, so that the test can close the handle, unmap
 * the memory and take the freed pages again before the GPU stores anything.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_cs.h"
#include "lib/igt_procfs.h"
#include "lib/igt_task.h"
#include "lib/igt_time.h"

#include "amd_userptr_stock_bugs.h"

#define CLOSE_SIZE	((size_t)16 * getpagesize())
#define CLOSE_PAGES	(CLOSE_SIZE / getpagesize())
#define CLOSE_MAX_PAGES 16
#define CLOSE_SECONDS	60

/* If close and munmap() take longer than this, the test concludes that they wait for the IB. */
#define RETURN_MS 300

/*
 * How many attempts to make.  An attempt shows nothing when the kernel gives the test's new memory
 * none of the freed pages.
 */
#define ATTEMPTS 8

/* Dwords in cs.data: the IB waits for WORD_GO, and stores WORD_STARTED before that. */
enum { WORD_GO, WORD_STARTED };

enum result { WAITED, INTACT, SHOWS_NOTHING };

/* A graphics client: a file of the render node of its own, whose VM nobody acquires for KFD. */
struct client {
	struct amd_userptr *up;
	int fd;
	struct amd_userptr_cs cs;
	char *memory;
	uint64_t va;
	uint32_t handle;
	uint64_t pfns[CLOSE_MAX_PAGES];
};

static void make_userptr(struct client *client)
{
	struct drm_amdgpu_gem_va map = {
		.operation = AMDGPU_VA_OP_MAP,
		.flags = AMD_USERPTR_RW,
		.map_size = CLOSE_SIZE,
	};

	client->memory = (char *)amd_userptr_mmap(client->up, CLOSE_SIZE, 1);
	igt_assert_eq(__amd_userptr_create(client->fd, client->memory, CLOSE_SIZE,
					   AMD_USERPTR_LISTED, &client->handle),
		      0);
	client->va = amd_kfd_va_reserve(CLOSE_SIZE, 0);
	igt_assert(client->va);
	map.handle = client->handle;
	map.va_address = client->va;
	igt_assert_eq(ioctl(client->fd, DRM_IOCTL_AMDGPU_GEM_VA, &map), 0);
	for (unsigned int page = 0; page < CLOSE_PAGES; page++)
		client->pfns[page] = igt_procfs_pfn(client->memory + page * getpagesize());
}

/* Submit an IB that waits for WORD_GO and then stores to each page of the userptr. */
static uint64_t submit(struct client *client)
{
	const uint32_t one = 1, value = AMD_USERPTR_STRAY_VALUE;
	volatile uint32_t *words = client->cs.data.cpu;
	const uint64_t deadline = igt_now_ms() + AMD_USERPTR_WAIT_MS;
	const uint64_t word_va = client->cs.data.va;
	uint64_t seq;

	words[WORD_GO] = 0;
	words[WORD_STARTED] = 0;
	amd_userptr_cs_begin(&client->cs);
	amd_kfd_queue_write(&client->cs.packets, word_va + WORD_STARTED * sizeof(one), &one, 1);
	amd_kfd_queue_poll(&client->cs.packets, word_va + WORD_GO * sizeof(one), 1);
	for (unsigned int page = 0; page < CLOSE_PAGES; page++)
		amd_kfd_queue_write(&client->cs.packets, client->va + page * getpagesize(), &value,
				    1);
	igt_assert_eq(__amd_userptr_cs_submit(&client->cs, &client->handle, 1, &seq), 0);
	while (!words[WORD_STARTED] && igt_now_ms() < deadline)
		igt_pause();
	igt_assert_eq_u32(words[WORD_STARTED], 1);
	return seq;
}

static int close_and_unmap(void *data)
{
	struct client *client = data;

	if (__amd_userptr_close_handle(client->fd, client->handle))
		return -errno;
	return munmap(client->memory, CLOSE_SIZE) ? -errno : 0;
}

static enum result attempt(struct client *client)
{
	volatile uint32_t *words = client->cs.data.cpu;
	struct igt_task task;
	uint64_t seq;
	uint32_t *fresh = NULL;
	unsigned int index;
	bool returned;

	make_userptr(client);
	igt_task_make(&task, close_and_unmap, client);
	seq = submit(client);
	igt_task_let_go(&task);
	returned = igt_task_wait(&task, RETURN_MS);
	if (returned)
		fresh = amd_userptr_mmap(client->up, AMD_USERPTR_FRESH_SIZE, 2);
	words[WORD_GO] = 1;
	igt_assert_eq(__amd_userptr_cs_wait(&client->cs, seq, AMD_USERPTR_WAIT_MS), 0);
	igt_assert_eq(igt_task_end(&task), 0);
	if (!returned)
		return WAITED;
	amd_pattern_check(fresh, AMD_USERPTR_FRESH_SIZE, 2, "memory that has a freed page");
	return amd_userptr_find_reused(fresh, client->pfns, CLOSE_PAGES, &index) ? INTACT
										 : SHOWS_NOTHING;
}

static void close_in_child(struct amd_userptr *up)
{
	struct client client = { .up = up, .fd = drm_reopen_driver(up->fd) };
	enum result result = SHOWS_NOTHING;

	igt_assert(CLOSE_PAGES <= CLOSE_MAX_PAGES);
	amd_userptr_stay_on_cpu();
	igt_assert_eq(__amd_userptr_cs_open(client.fd, AMD_KFD_QUEUE_SDMA, &client.cs), 0);
	for (unsigned int i = 0; i < ATTEMPTS && result == SHOWS_NOTHING; i++) {
		result = attempt(&client);
		amd_userptr_disown(up, client.memory);
		amd_kfd_va_release(client.va, CLOSE_SIZE);
	}
	igt_assert_f(result != SHOWS_NOTHING, "the new memory got none of the freed pages\n");
	igt_info("%s\n",
		 result == WAITED ? "the close waits for the submission" : "nothing was stored");
	amd_userptr_cs_close(&client.cs);
	close(client.fd);
}

static void run(struct amd_userptr *up)
{
	igt_set_timeout(igt_patience(CLOSE_SECONDS),
			"a userptr that is closed while a submission uses it");
	/* Run in a child, because close_in_child() binds its process to one CPU. */
	igt_fork(child, 1)
		close_in_child(up);
	igt_waitchildren();
	igt_reset_timeout();
}

const struct amd_userptr_subtest amd_userptr_close_subtest = {
	.name = "close-submitted",
	.run = run,
	.describe =
		"After the close of a handle the driver tracks a userptr until the submissions that use it have ended.",
};
