// SPDX-License-Identifier: MIT
/* DMA_MAP and DMA_UNMAP: the guest memory that the device may access. */
#include "client.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PAGE = VFIO_USER_PGSIZE,
	RO = VFIO_USER_DMA_READ,
	RW = VFIO_USER_DMA_READ | VFIO_USER_DMA_WRITE,
	RAM_SIZE = 64 << 20,
};

static void mapped_memory_is_the_file(void)
{
	struct client *c = client_new();
	int fd = memory_file(16 * PAGE);
	uint64_t value = 0x123456789abcdef0, back;

	t_equal(client_dma_map(c, 0x100000, 4 * PAGE, RW, fd, 2 * PAGE), 0);
	memcpy(client_dma(c, 0x100000 + 3 * PAGE, 8, true), &value, 8);
	t_equal(pread(fd, &back, 8, 5 * PAGE), 8);
	t_equal(back, value);
	close(fd);
	client_free(c);
}

static void descriptor_is_closed_after_mapping(void)
{
	struct client *c = client_new();
	int fd = memory_file(PAGE);
	unsigned int before = open_fds();

	t_equal(client_dma_map(c, 0, PAGE, RW, fd, 0), 0);
	t_equal(client_dma_map(c, 0, PAGE, RW, fd, 0), EEXIST);
	t_equal(open_fds(), before);
	close(fd);
	client_free(c);
}

static void access_needs_permission(void)
{
	struct client *c = client_new();
	int fd = memory_file(2 * PAGE);

	t_equal(client_dma_map(c, 0, PAGE, RO, fd, 0), 0);
	t_equal(client_dma_map(c, PAGE, PAGE, VFIO_USER_DMA_WRITE, fd, PAGE), 0);
	t_assert(client_dma(c, 0, 1, false));
	t_assert(!client_dma(c, 0, 1, true));
	t_assert(!client_dma(c, PAGE, 1, false));
	t_assert(client_dma(c, PAGE, 1, true));
	close(fd);
	client_free(c);
}

static void access_stays_inside_mapped_ranges(void)
{
	struct client *c = client_new();
	int fd = memory_file(2 * PAGE);

	t_equal(client_dma_map(c, PAGE, PAGE, RW, fd, 0), 0);
	t_equal(client_dma_map(c, 2 * PAGE, PAGE, RW, fd, PAGE), 0);
	t_assert(client_dma(c, PAGE, PAGE, false));
	t_assert(client_dma(c, 3 * PAGE - 1, 1, false));
	t_assert(!client_dma(c, PAGE - 1, 1, false));
	t_assert(!client_dma(c, PAGE - 1, 2, false));
	t_assert(!client_dma(c, 3 * PAGE, 1, false));
	t_assert(!client_dma(c, 3 * PAGE - 1, 2, false));
	t_assert(!client_dma(c, PAGE, UINT64_MAX, false));
	t_assert(!client_dma(c, UINT64_MAX, 2, false));
	close(fd);
	client_free(c);
}

/* Behind an IOMMU a contiguous buffer may be many ranges, one for each page. */
static void access_may_cross_ranges_with_contiguous_memory(void)
{
	struct client *c = client_new();
	int fd = memory_file(8 * PAGE);

	for (uint64_t i = 0; i < 4; i++)
		t_equal(client_dma_map(c, i * PAGE, PAGE, RW, fd, i * PAGE), 0);
	t_equal(client_dma_map(c, 4 * PAGE, PAGE, RO, fd, 4 * PAGE), 0);
	t_equal(client_dma_map(c, 5 * PAGE, PAGE, RW, fd, 6 * PAGE), 0);
	t_assert(client_dma(c, PAGE - 1, 3 * PAGE + 1, true));
	t_assert(!client_dma(c, PAGE - 1, 3 * PAGE + 2, true));
	t_assert(client_dma(c, PAGE - 1, 4 * PAGE + 1, false));
	t_assert(!client_dma(c, PAGE - 1, 4 * PAGE + 2, false));
	close(fd);
	client_free(c);
}

/* Before the guest switches its IOMMU on, QEMU maps all RAM where the guest has it. */
static void page_behind_a_bus_address_is_known(void)
{
	struct client *c = client_new();
	int low = memory_file(16 * PAGE), high = memory_file(16 * PAGE);

	t_equal(client_dma_map(c, 0, 16 * PAGE, RW, low, 0), 0);
	t_equal(client_dma_map(c, 64 * PAGE, 8 * PAGE, RW, high, 0), 0);
	t_equal(client_dma_map(c, 128 * PAGE, 8 * PAGE, RW, high, 8 * PAGE), 0);
	t_equal(client_gpa(c, 5 * PAGE + 7), 5 * PAGE + 7);
	t_equal(c->dev.dma.translated, 0);
	t_equal(client_dma_unmap(c, 0, UINT64_MAX - PAGE + 1, 0), 0);

	t_equal(client_dma_map(c, 1000 * PAGE, PAGE, RW, low, 3 * PAGE), 0);
	t_equal(client_dma_map(c, 1001 * PAGE, 2 * PAGE, RO, high, 2 * PAGE), 0);
	t_equal(client_dma_map(c, 5 * PAGE, PAGE, RW, high, 9 * PAGE), 0);
	t_equal(client_gpa(c, 1000 * PAGE + 1), 3 * PAGE + 1);
	t_equal(client_gpa(c, 1002 * PAGE + 1), 67 * PAGE + 1);
	t_equal(client_gpa(c, 5 * PAGE), 129 * PAGE);
	t_equal(c->dev.dma.translated, 3);
	/* These two pages of the file are not neighbours in the guest. */
	t_equal(client_dma_map(c, 2000 * PAGE, 2 * PAGE, RW, high, 7 * PAGE), 0);
	t_equal(client_gpa(c, 2000 * PAGE), VG_DMA_UNKNOWN);
	t_equal(c->dev.dma.translated, 3);

	t_equal(client_dma_unmap(c, 0, 0, VFIO_USER_DMA_UNMAP_ALL), 0);
	t_equal(client_dma_map(c, 0, 16 * PAGE, RW, low, 0), 0);
	t_equal(client_gpa(c, 3 * PAGE), 3 * PAGE);
	close(low);
	close(high);
	client_free(c);
}

/* If an IOMMU has moved a range, it may also have moved the pages of a file that comes later. */
static void page_of_a_late_file_is_unknown(void)
{
	struct client *c = client_new();
	int first = memory_file(2 * PAGE), late = memory_file(PAGE);

	t_equal(client_dma_map(c, 0, 2 * PAGE, RW, first, 0), 0);
	t_equal(client_dma_map(c, 10 * PAGE, PAGE, RW, first, PAGE), 0);
	t_equal(client_dma_map(c, 20 * PAGE, PAGE, RW, late, 0), 0);
	t_equal(client_gpa(c, 10 * PAGE), PAGE);
	t_equal(client_gpa(c, 20 * PAGE), VG_DMA_UNKNOWN);
	close(first);
	close(late);
	client_free(c);
}

/*
 * The device must refuse a page if it has no room to keep the page's guest physical address.
 * Otherwise a later mapping of the page could get a wrong address.
 */
static void too_many_pieces_are_refused(void)
{
	struct client *c = client_new();
	int fd = memory_file((VG_DMA_MAX_PIECES + 1) * PAGE);

	for (uint64_t i = 0; i <= VG_DMA_MAX_PIECES; i++)
		t_equal(client_dma_map(c, 2 * i * PAGE, PAGE, RW, fd, i * PAGE),
			i < VG_DMA_MAX_PIECES ? 0 : ENOSPC);
	t_assert(!client_dma(c, 2 * VG_DMA_MAX_PIECES * PAGE, 1, false));
	close(fd);
	client_free(c);
}

/* A guest with an IOMMU maps page by page, at any address, and unmaps in another order. */
static void many_pages_can_be_mapped(void)
{
	enum { COUNT = 5000, STEP = 1237 }; /* COUNT is coprime to STEP and STEP + 2 */
	struct client *c = client_new();
	int fd = memory_file(COUNT * PAGE);
	uint64_t at;

	t_equal(client_dma_map(c, 0, COUNT * PAGE, RW, fd, 0), 0);
	t_equal(client_dma_unmap(c, 0, COUNT * PAGE, 0), 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		at = i * STEP % COUNT;
		t_equal(client_dma_map(c, 2 * at * PAGE, PAGE, RW, fd, at * PAGE), 0);
		*(uint64_t *)client_dma(c, 2 * at * PAGE, 8, true) = at;
	}
	t_equal(c->dev.dma.count, COUNT);
	for (at = 0; at < COUNT; at++) {
		t_equal(*(uint64_t *)client_dma(c, 2 * at * PAGE, 8, false), at);
		t_assert(!client_dma(c, (2 * at + 1) * PAGE, 1, false));
	}
	for (uint64_t i = 0; i < COUNT; i++) {
		at = i * (STEP + 2) % COUNT;
		t_equal(client_dma_unmap(c, 2 * at * PAGE, PAGE, 0), 0);
		t_assert(!client_dma(c, 2 * at * PAGE, 1, false));
	}
	t_equal(c->dev.dma.count, 0);
	close(fd);
	client_free(c);
}

static void range_without_memory_is_known_but_out_of_reach(void)
{
	struct client *c = client_new();

	t_equal(client_dma_map(c, 0xfffc0000, 0x40000, RO, -1, 0), 0);
	t_assert(!client_dma(c, 0xfffc0000, 4, false));
	t_equal(client_dma_map(c, 0xfffc0000, PAGE, RO, -1, 0), EEXIST);
	t_equal(client_dma_unmap(c, 0xfffc0000, 0x40000, 0), 0);
	client_free(c);
}

/*
 * Without an IOMMU a device may be at any address without memory, because the client knows where
 * the devices are.  With an IOMMU, each device has a range.
 */
static void device_behind_an_iommu_has_a_range(void)
{
	struct client *c = client_new();
	int fd = memory_file(2 * PAGE);

	t_equal(client_dma_map(c, 0, 2 * PAGE, RW, fd, 0), 0);
	t_equal(client_dma_map(c, 100 * PAGE, PAGE, RW, -1, 0), 0);
	t_assert(client_may_be_device(c, 100 * PAGE));
	t_assert(client_may_be_device(c, 101 * PAGE));
	t_equal(client_dma_unmap(c, 0, 0, VFIO_USER_DMA_UNMAP_ALL), 0);

	t_equal(client_dma_map(c, 10 * PAGE, PAGE, RO, fd, 0), 0);
	t_equal(client_dma_map(c, 200 * PAGE, PAGE, RW, -1, 0), 0);
	t_equal(client_dma_map(c, 201 * PAGE, PAGE, RO, -1, 0), 0);
	t_assert(client_may_be_device(c, 201 * PAGE - 1));
	t_assert(!client_may_be_device(c, 10 * PAGE));
	t_assert(!client_may_be_device(c, 200 * PAGE - 1));
	t_assert(!client_may_be_device(c, 201 * PAGE));
	t_assert(!client_may_be_device(c, 202 * PAGE));
	close(fd);
	client_free(c);
}

static void bad_ranges_are_invalid(void)
{
	static const struct {
		uint64_t iova, size;
	} bad[] = {
		{ 0, 0 },
		{ 1, PAGE },
		{ 0, PAGE - 1 },
		{ 0, PAGE + 8 },
		{ UINT64_MAX - PAGE + 1, 2 * PAGE },
		{ 2 * PAGE, UINT64_MAX - PAGE + 1 },
	};
	struct client *c = client_new();

	for (size_t i = 0; i < T_ARRAY_SIZE(bad); i++) {
		t_equal(client_dma_map(c, bad[i].iova, bad[i].size, RW, -1, 0), EINVAL);
		t_equal(client_dma_unmap(c, bad[i].iova, bad[i].size, 0), EINVAL);
	}
	t_equal(client_dma_map(c, 0, PAGE, RW | 4, -1, 0), EINVAL);
	t_equal(client_dma_unmap(c, 0, PAGE, 1), EINVAL);
	client_free(c);
}

static void the_last_page_of_the_address_space_can_be_mapped(void)
{
	struct client *c = client_new();
	int fd = memory_file(PAGE);

	t_equal(client_dma_map(c, UINT64_MAX - PAGE + 1, PAGE, RW, fd, 0), 0);
	t_assert(client_dma(c, UINT64_MAX, 1, false));
	t_equal(client_dma_unmap(c, UINT64_MAX - PAGE + 1, PAGE, 0), 0);
	close(fd);
	client_free(c);
}

static void mapping_beyond_the_file_is_invalid(void)
{
	struct client *c = client_new();
	int fd = memory_file(2 * PAGE);

	t_equal(client_dma_map(c, 0, 3 * PAGE, RW, fd, 0), EINVAL);
	t_equal(client_dma_map(c, 0, PAGE, RW, fd, 2 * PAGE), EINVAL);
	t_equal(client_dma_map(c, 0, PAGE, RW, fd, UINT64_MAX - PAGE + 1), EINVAL);
	t_equal(client_dma_map(c, 0, PAGE, RW, fd, 1), EINVAL);
	t_equal(client_dma_map(c, 0, PAGE, RW, fd, PAGE), 0);
	close(fd);
	client_free(c);
}

static void only_files_of_memory_can_be_mapped(void)
{
	struct client *c = client_new();
	int pipe_fds[2];

	t_equal(pipe(pipe_fds), 0);
	t_equal(client_dma_map(c, 0, PAGE, RW, pipe_fds[0], 0), EINVAL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	client_free(c);
}

static void read_only_file_cannot_be_mapped_for_writing(void)
{
	struct client *c = client_new();
	char path[32];
	int fd = memory_file(PAGE), ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	t_assert(ro >= 0);
	t_equal(client_dma_map(c, 0, PAGE, RW, ro, 0), EACCES);
	t_equal(client_dma_map(c, 0, PAGE, RO, ro, 0), 0);
	close(ro);
	close(fd);
	client_free(c);
}

static void more_than_one_descriptor_is_refused(void)
{
	struct vfio_user_dma_map map = {
		.argsz = sizeof(map),
		.flags = RW,
		.size = PAGE,
	};
	struct client *c = client_new();
	int fds[] = { memory_file(PAGE), memory_file(PAGE) };

	t_equal(client_call_fds(c, VFIO_USER_DMA_MAP, 0, &map, sizeof(map), fds, 2), EINVAL);
	t_assert(!client_dma(c, 0, 1, false));
	client_free(c);
}

static void overlap_is_refused_and_changes_nothing(void)
{
	struct client *c = client_new();
	int fd = memory_file(16 * PAGE);

	t_equal(client_dma_map(c, 4 * PAGE, 4 * PAGE, RW, fd, 0), 0);
	t_equal(client_dma_map(c, 0, 5 * PAGE, RW, fd, 0), EEXIST);
	t_equal(client_dma_map(c, 7 * PAGE, 4 * PAGE, RW, fd, 0), EEXIST);
	t_equal(client_dma_map(c, 5 * PAGE, PAGE, RW, fd, 0), EEXIST);
	t_equal(client_dma_map(c, 0, 16 * PAGE, RW, fd, 0), EEXIST);
	t_equal(c->dev.dma.count, 1);
	t_equal(client_dma_map(c, 0, 4 * PAGE, RW, fd, 0), 0);
	t_equal(client_dma_map(c, 8 * PAGE, 4 * PAGE, RW, fd, 0), 0);
	t_assert(client_dma(c, 4 * PAGE, 4 * PAGE, true));
	close(fd);
	client_free(c);
}

static void unmap_removes_all_ranges_wholly_inside(void)
{
	struct client *c = client_new();

	for (uint64_t i = 1; i < 6; i++)
		t_equal(client_dma_map(c, 2 * i * PAGE, PAGE, RW, -1, 0), 0);
	t_equal(client_dma_unmap(c, 3 * PAGE, 6 * PAGE, 0), 0);
	t_equal(c->dev.dma.count, 2);
	t_equal(client_dma_map(c, 2 * PAGE, PAGE, RW, -1, 0), EEXIST);
	t_equal(client_dma_map(c, 10 * PAGE, PAGE, RW, -1, 0), EEXIST);
	client_free(c);
}

/* The model may let the GPU access memory until the device unmaps it (fault late-unmap). */
static void unmap_asks_the_model_first(void)
{
	struct client *c = client_new();
	int fd = memory_file(2 * PAGE);

	c->dev.vg->watched = PAGE;
	t_equal(client_dma_map(c, 0, 2 * PAGE, RW, fd, 0), 0);
	t_equal(client_dma_unmap(c, 0, 2 * PAGE, 0), 0);
	t_assert(c->dev.vg->still_there && !client_dma(c, PAGE, 1, false));
	t_equal(client_dma_map(c, 0, 2 * PAGE, RW, fd, 0), 0);
	c->dev.vg->still_there = NULL;
	t_equal(client_dma_unmap(c, 0, 0, VFIO_USER_DMA_UNMAP_ALL), 0);
	t_assert(c->dev.vg->still_there && !client_dma(c, PAGE, 1, false));
	close(fd);
	client_free(c);
}

static void unmap_does_not_split_a_range(void)
{
	struct client *c = client_new();
	int fd = memory_file(8 * PAGE);

	t_equal(client_dma_map(c, 0, 4 * PAGE, RW, fd, 0), 0);
	t_equal(client_dma_map(c, 4 * PAGE, 4 * PAGE, RW, fd, 4 * PAGE), 0);
	t_equal(client_dma_unmap(c, 0, PAGE, 0), EINVAL);
	t_equal(client_dma_unmap(c, PAGE, PAGE, 0), EINVAL);
	t_equal(client_dma_unmap(c, 0, 5 * PAGE, 0), EINVAL);
	t_equal(client_dma_unmap(c, 3 * PAGE, 5 * PAGE, 0), EINVAL);
	t_equal(c->dev.dma.count, 2);
	t_assert(client_dma(c, 0, 4 * PAGE, true));
	close(fd);
	client_free(c);
}

/* QEMU unmaps addresses without a range when the guest switches its IOMMU on. */
static void unmap_of_nothing_changes_nothing(void)
{
	struct client *c = client_new();

	t_equal(client_dma_unmap(c, 0, PAGE, 0), 0);
	t_equal(client_dma_unmap(c, PAGE, UINT64_MAX - 2 * PAGE + 1, 0), 0);
	client_free(c);
}

static void unmap_all_leaves_nothing(void)
{
	struct client *c = client_new();

	t_equal(client_dma_map(c, 0, PAGE, RW, -1, 0), 0);
	t_equal(client_dma_map(c, 8 * PAGE, PAGE, RW, -1, 0), 0);
	t_equal(client_dma_unmap(c, 0, PAGE, VFIO_USER_DMA_UNMAP_ALL), EINVAL);
	t_equal(client_dma_unmap(c, 0, 0, VFIO_USER_DMA_UNMAP_ALL), 0);
	t_equal(c->dev.dma.count, 0);
	t_equal(client_dma_unmap(c, 0, 0, VFIO_USER_DMA_UNMAP_ALL), 0);
	client_free(c);
}

static void table_is_bounded(void)
{
	struct client *c = client_new();
	int fd;

	t_equal(client_dma_map(c, 0, PAGE, RW, -1, 0), 0);
	c->dev.dma.count = VG_DMA_MAX_RANGES; /* to add so many would take seconds */
	t_equal(client_dma_map(c, PAGE, PAGE, RW, -1, 0), ENOSPC);
	t_equal(client_dma_unmap(c, 0, PAGE, 0), 0);
	t_equal(client_dma_map(c, PAGE, PAGE, RW, -1, 0), 0);
	t_equal(client_dma_unmap(c, PAGE, PAGE, 0), 0);
	c->dev.dma.count = 0;
	for (uint64_t i = 0; i <= VG_DMA_MAX_FILES; i++) {
		fd = memory_file(PAGE);
		t_equal(client_dma_map(c, i * PAGE, PAGE, RW, fd, 0),
			i < VG_DMA_MAX_FILES ? 0 : ENOSPC);
		close(fd);
	}
	client_free(c);
}

/* An access to a part that the file has lost would kill the process of the device by SIGBUS. */
static void size_of_a_file_must_not_change(void)
{
	struct client *c = client_new();
	int fd = memory_file(4 * PAGE);

	t_equal(client_dma_map(c, 0, PAGE, RW, fd, 0), 0);
	t_equal(ftruncate(fd, 8 * PAGE), 0);
	t_equal(client_dma_map(c, PAGE, PAGE, RW, fd, PAGE), EINVAL);
	close(fd);
	client_free(c);
}

/*
 * SeaBIOS writes the chipset's PAM registers, which change the memory map below 1 MiB.  QEMU
 * then unmaps RAM and maps the same RAM again in other pieces.  The device must keep access.
 */
static void pam_remapping_leaves_the_same_memory(void)
{
	static const struct {
		bool map;
		uint64_t iova, size;
		uint32_t flags;
	} sequence[] = {
		{ true, 0, RAM_SIZE, RW },	{ false, 0, RAM_SIZE, 0 },
		{ true, 0, 0xc0000, RW },	{ true, 0xc0000, 0x20000, RO },
		{ true, 0xe0000, 0x20000, RO }, { true, 0x100000, RAM_SIZE - 0x100000, RW },
		{ false, 0, 0xc0000, 0 },	{ false, 0xc0000, 0x20000, 0 },
		{ false, 0xe0000, 0x20000, 0 }, { false, 0x100000, RAM_SIZE - 0x100000, 0 },
		{ true, 0, RAM_SIZE, RW },
	};
	struct client *c = client_new();
	int fd = memory_file(RAM_SIZE);
	unsigned int before = open_fds();

	for (size_t i = 0; i < T_ARRAY_SIZE(sequence); i++) {
		uint64_t iova = sequence[i].iova, size = sequence[i].size;

		if (sequence[i].map)
			t_equal(client_dma_map(c, iova, size, sequence[i].flags, fd, iova), 0);
		else
			t_equal(client_dma_unmap(c, iova, size, 0), 0);
		if (i == 5) {
			*(uint32_t *)client_dma(c, 0x100000, 4, true) = 0x600dcafe;
			t_assert(!client_dma(c, 0xc0000, 4, true));
			t_assert(!client_dma(c, 0xffffc, 8, true));
		}
	}
	t_equal(c->dev.dma.count, 1);
	t_equal(*(uint32_t *)client_dma(c, 0x100000, 4, false), 0x600dcafe);
	t_assert(client_dma(c, 0xffffc, 8, true));
	t_equal(open_fds(), before);
	close(fd);
	client_free(c);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(mapped_memory_is_the_file),
		TEST(descriptor_is_closed_after_mapping),
		TEST(access_needs_permission),
		TEST(access_stays_inside_mapped_ranges),
		TEST(access_may_cross_ranges_with_contiguous_memory),
		TEST(page_behind_a_bus_address_is_known),
		TEST(page_of_a_late_file_is_unknown),
		TEST(too_many_pieces_are_refused),
		TEST(many_pages_can_be_mapped),
		TEST(range_without_memory_is_known_but_out_of_reach),
		TEST(device_behind_an_iommu_has_a_range),
		TEST(bad_ranges_are_invalid),
		TEST(the_last_page_of_the_address_space_can_be_mapped),
		TEST(mapping_beyond_the_file_is_invalid),
		TEST(only_files_of_memory_can_be_mapped),
		TEST(read_only_file_cannot_be_mapped_for_writing),
		TEST(more_than_one_descriptor_is_refused),
		TEST(overlap_is_refused_and_changes_nothing),
		TEST(unmap_removes_all_ranges_wholly_inside),
		TEST(unmap_asks_the_model_first),
		TEST(unmap_does_not_split_a_range),
		TEST(unmap_of_nothing_changes_nothing),
		TEST(unmap_all_leaves_nothing),
		TEST(table_is_bounded),
		TEST(size_of_a_file_must_not_change),
		TEST(pam_remapping_leaves_the_same_memory),
	};

	return run_tests(tests, T_ARRAY_SIZE(tests));
}
