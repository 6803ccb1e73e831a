// SPDX-License-Identifier: MIT
/*
 * The kernel takes a block of memory offline (Documentation/admin-guide/mm/memory-hotplug.rst).  To
 * do so it moves all pages of the block elsewhere, among them those of a userptr.  Only a block
 * whose pages can all be moved goes offline, so the tests take blocks of ZONE_MOVABLE, which a
 * machine has with the kernel parameter movablecore, for example.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "igt.h"

#include "lib/amdgpu/amd_userptr_fixture.h"
#include "lib/igt_mm.h"
#include "lib/igt_procfs.h"
#include "lib/igt_time.h"
#include "lib/igt_undo.h"

IGT_TEST_DESCRIPTION("Userptrs whose pages are in memory that goes offline.");

#define MEMORY "/sys/devices/system/memory/"

/*
 * The test allocates memory in chunks, and looks in each chunk for a piece, of the size of its
 * userptr, that is in a block to try.
 */
#define CHUNK	    ((size_t)16 << 20)
#define PIECE	    ((size_t)64 << 10)
#define MOST_CHUNKS (AMD_USERPTR_MAX / 2)

/*
 * The kernel tries to take a block offline until it succeeds or a signal comes, so the test sends
 * itself a signal after this time.
 */
#define OFFLINE_SECONDS igt_patience(10)

/*
 * How long the test goes on to try further blocks.  The last block may take OFFLINE_SECONDS and
 * twice IGT_MM_RETRY_MS more, and all of this together is less than a subtest may take.
 */
#define SEARCH_MS igt_patience(20000)

/* Nodes of NUMA that the test knows. */
enum { NODES = 32 };

/* How many different blocks to try: one may have a page that the kernel cannot move just now. */
enum { MOST_BLOCKS = 8 };

/* No block has this number. */
#define NO_BLOCK (~0ul)

struct search {
	uint64_t block_size;
	unsigned long refused[MOST_BLOCKS]; /* blocks that did not go offline */
	unsigned int num_refused;
	int error; /* -errno from the last of these blocks */
};

static void block_path(char *path, size_t size, unsigned long block, const char *file)
{
	snprintf(path, size, MEMORY "memory%lu/%s", block, file);
}

/* Read a file of sysfs without its newline; false: it cannot be read. */
static bool get_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	if (len < 0)
		return false;
	line[len] = 0;
	line[strcspn(line, "\n")] = 0;
	return true;
}

static int put_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 || write(fd, line, strlen(line)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

static bool has_state(unsigned long block, const char *state)
{
	char path[64], line[32];

	block_path(path, sizeof(path), block, "state");
	return get_line(path, line, sizeof(line)) && !strcmp(line, state);
}

static bool is_movable(unsigned long block)
{
	char path[64], line[64];

	block_path(path, sizeof(path), block, "valid_zones");
	return get_line(path, line, sizeof(line)) && !strcmp(line, "Movable") &&
	       has_state(block, "online");
}

static bool was_refused(const struct search *search, unsigned long block)
{
	for (unsigned int i = 0; i < search->num_refused; i++)
		if (search->refused[i] == block)
			return true;
	return false;
}

/* Returns NO_BLOCK if no page is at @addr, for example because the kernel has paged it out. */
static unsigned long block_of(const struct search *search, const void *addr)
{
	const uint64_t pfn = igt_procfs_pfn(addr);

	return pfn ? pfn * getpagesize() / search->block_size : NO_BLOCK;
}

/*
 * Returns the first piece of the @chunk whose first page is in a block to try, or NULL if there is
 * no such piece.
 */
static char *find_piece(const struct search *search, char *chunk, unsigned long *block)
{
	for (size_t at = 0; at < CHUNK; at += PIECE) {
		*block = block_of(search, chunk + at);
		if (!was_refused(search, *block) && is_movable(*block))
			return chunk + at;
	}
	return NULL;
}

/*
 * The journal calls this function also when the block is online, and then there is nothing to do.
 * If the kernel cannot put the block online, for example for lack of memory, the journal tries
 * again.
 */
static bool put_online(const char *path, const char *value)
{
	char line[32];

	if (!get_line(path, line, sizeof(line)) || strcmp(line, "offline"))
		return true;
	return !put_line(path, value);
}

static void interrupt(int signal)
{
}

/*
 * The timer of put_offline().  It is not on the stack, so that the clean-up can end the timer if
 * the subtest ends in the write.
 */
static struct {
	bool on;
	timer_t timer;
	struct sigaction before;
} limit;

static void limit_end(void)
{
	if (!limit.on)
		return;
	timer_delete(limit.timer);
	sigaction(SIGUSR1, &limit.before, NULL);
	limit.on = false;
}

static void limit_begin(void)
{
	/* Without SA_RESTART, so that the signal ends the write. */
	const struct sigaction action = { .sa_handler = interrupt };
	/* Send the signal again and again, because the first may come before the write begins. */
	const struct itimerspec spec = {
		.it_value.tv_sec = OFFLINE_SECONDS,
		.it_interval.tv_nsec = 100000000,
	};
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

	igt_assert_eq(sigaction(SIGUSR1, &action, &limit.before), 0);
	igt_assert_eq(timer_create(CLOCK_MONOTONIC, &event, &limit.timer), 0);
	limit.on = true;
	igt_assert_eq(timer_settime(limit.timer, 0, &spec, NULL), 0);
}

/*
 * Write "offline", and give up after OFFLINE_SECONDS; 0 or -errno.  The function cannot use alarm()
 * for that, because the time limit of the subtest uses it already.
 */
static int put_offline(const char *path)
{
	int ret;

	limit_begin();
	ret = put_line(path, "offline");
	limit_end();
	return ret;
}

/* Take the block offline; 0 or -errno.  The clean-up puts it online again. */
static int take_offline(unsigned long block)
{
	char path[64];
	int ret;

	block_path(path, sizeof(path), block, "state");
	igt_undo_later(put_online, path, "online_movable");
	/*
	 * Name the block, so that the user can put it online if nothing else does
	 * (docs/hardware-ci.md).
	 */
	igt_info("memory%lu goes offline\n", block);
	ret = put_offline(path);
	if (ret)
		igt_undo_now(path);
	return ret;
}

/* Can the kernel move all pages of the @piece?  Also true if it has no other node for them. */
static bool can_move(char *piece)
{
	return __igt_mm_migrate(piece, PIECE, getpagesize()) != -EBUSY;
}

static struct amd_userptr_bo *make_userptr(struct amd_userptr *up, char *piece)
{
	struct amd_userptr_bo *bo = amd_userptr_create(up, piece, PIECE, AMD_USERPTR_TRACKED);

	amd_userptr_map(up, bo);
	return bo;
}

/*
 * The block with the @piece has stayed online.  Destroy the userptr, and assert that the userptr
 * did not keep the kernel from moving the pages of the piece.  It would do so if the driver pinned
 * the pages.
 */
static void give_up(struct amd_userptr *up, struct amd_userptr_bo *bo, char *piece)
{
	const bool moved = can_move(piece);

	amd_userptr_destroy(up, bo);
	if (moved || !can_move(piece))
		return;
	/* Look once more, because something else may have kept the pages just then. */
	bo = make_userptr(up, piece);
	igt_assert_f(can_move(piece), "the kernel can move pages only if they are no userptr\n");
	amd_userptr_destroy(up, bo);
}

/* Why a block has stayed online */
static const char *reason_of(int error)
{
	switch (-error) {
	case EINTR:
		return "the kernel could not move all of its pages in time";
	case EBUSY:
		return "it has pages that the kernel cannot move";
	case EAGAIN:
		return "the page was in another block once it was a userptr";
	default:
		return strerror(-error);
	}
}

/* Make a userptr in the @piece, take its @block offline, and see whether all works; 0 or -errno. */
static int try_block(struct amd_userptr *up, char *piece, unsigned long block,
		     const struct search *search)
{
	struct amd_userptr_bo *bo;
	char path[64];
	int ret;

	amd_pattern_fill(piece, PIECE, 1);
	bo = make_userptr(up, piece);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	/* Something may have moved the page since the search. */
	ret = block_of(search, piece) == block ? 0 : -EAGAIN;
	if (!ret) {
		amd_kfd_smi_mark(&up->smi);
		ret = take_offline(block);
	}
	if (ret) {
		give_up(up, bo, piece);
		return ret;
	}
	igt_assert(has_state(block, "offline"));
	amd_userptr_expect_evictions(up, 0);
	for (size_t at = 0; at < PIECE; at += getpagesize())
		igt_assert(block_of(search, piece + at) != block);
	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);

	block_path(path, sizeof(path), block, "state");
	igt_undo_now(path);
	igt_assert(has_state(block, "online"));
	amd_userptr_gpu_check(up, bo->va, bo->size, 3);
	amd_userptr_destroy(up, bo);
	return 0;
}

/*
 * The chunks come from the nodes in turn, because perhaps no block of one node goes offline.
 * mbind() refuses a node without memory (EINVAL), and a kernel without NUMA has no mbind()
 * (ENOSYS), so accept both errors.
 */
static char *map_chunk(struct amd_userptr *up, unsigned int number)
{
	const int highest = igt_mm_numa_node(NODES);
	const unsigned long node = highest < 0 ? 1 : 1ul << number % (highest + 1);
	char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(chunk != MAP_FAILED);
	amd_userptr_adopt(up, chunk, CHUNK);
	igt_assert_eq(madvise(chunk, CHUNK, MADV_NOHUGEPAGE), 0);
	if (syscall(SYS_mbind, chunk, CHUNK, MPOL_PREFERRED, &node, NODES + 1, 0))
		igt_assert(errno == ENOSYS || errno == EINVAL);
	memset(chunk, 0xa5, CHUNK);
	return chunk;
}

static void end_limit(struct amd_userptr *up)
{
	limit_end();
}

/*
 * Allocate memory until some of it is in a block of ZONE_MOVABLE, and try to take that block
 * offline.  The kernel takes a process' pages from this zone first.  If the block stays online,
 * look for another one.
 */
static void memory_offline(struct amd_userptr *up)
{
	/* Leave half of the memory, because the pages of the block need a new place. */
	const unsigned long long most = igt_procfs_number("/proc/meminfo", "MemAvailable:") / 2;
	const uint64_t deadline = igt_now_ms() + SEARCH_MS;
	struct search search = { 0 };
	unsigned long block;
	char line[32];
	char *piece;

	up->undo = end_limit;
	/*
	 * Ignore the lines that the kernel prints about a page that keeps a block online
	 * (mm/memory_hotplug.c, mm/debug.c).  The regular expression has no backslash, because the
	 * test hands it over through kmsg, which escapes backslashes.
	 */
	igt_emit_ignore_dmesg_regex("failed to isolate pfn|migrating pfn [0-9a-f]+ failed|"
				    "page: refcount:|page does not match folio|memcg:|aops:|"
				    "flags: 0x[0-9a-f]+[(]|page_type: |raw: |head: |"
				    "page dumped because: ");
	igt_require_f(get_line(MEMORY "block_size_bytes", line, sizeof(line)),
		      "no CONFIG_MEMORY_HOTPLUG\n");
	search.block_size = strtoull(line, NULL, 16);
	igt_assert(search.block_size);
	for (unsigned int i = 0; i < MOST_CHUNKS && i * CHUNK / 1024 < most; i++) {
		char *chunk = map_chunk(up, i);

		while (search.num_refused < MOST_BLOCKS && igt_now_ms() < deadline &&
		       (piece = find_piece(&search, chunk, &block))) {
			search.error = try_block(up, piece, block, &search);
			if (!search.error)
				return;
			search.refused[search.num_refused++] = block;
		}
	}
	igt_require_f(search.num_refused,
		      "the process got no memory of ZONE_MOVABLE (kernel parameter movablecore)\n");
	igt_skip_on_f(true, "none of %u blocks went offline; the last one: %s\n",
		      search.num_refused, reason_of(search.error));
}

static const struct amd_userptr_subtest subtests[] = {
	{ .name = "memory-offline",
	  .run = memory_offline,
	  .sdma_too = true,
	  .describe =
		  "The GPU uses the new pages when memory goes offline, and when it comes back." },
};

static struct amd_userptr up;

int igt_main()
{
	igt_fixture() {
		amd_userptr_fixture_open(&up);
		amd_userptr_require_flag(&up);
	}

	amd_userptr_run_subtests(&up, subtests, ARRAY_LENGTH(subtests));

	igt_fixture()
		amd_userptr_fixture_close(&up);
}
