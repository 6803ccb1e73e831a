// SPDX-License-Identifier: MIT
/* Regions: BARs and configuration space. */
#include "client.h"

#include <unistd.h>

static int get_info(struct client *c, uint32_t index, struct vfio_region_info *info)
{
	int ret;

	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	ret = client_call(c, VFIO_USER_DEVICE_GET_REGION_INFO, info, sizeof(*info));
	if (!ret)
		memcpy(info, client_body(c, sizeof(*info)), sizeof(*info));
	return ret;
}

static void regions_are_those_of_the_gpu(void)
{
	static const struct {
		uint64_t size;
		uint32_t flags;
	} expected[VFIO_PCI_NUM_REGIONS] = {
		[0] = { 1 << 30, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
					 VFIO_REGION_INFO_FLAG_MMAP },
		[2] = { 2 << 20, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE },
		[5] = { 1 << 20, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE },
		[7] = { 4096, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE },
	};
	struct client *c = client_new();
	struct vfio_region_info info;

	for (uint32_t i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		t_equal(get_info(c, i, &info), 0);
		t_equal(info.index, i);
		t_equal(info.size, expected[i].size);
		t_equal(info.flags, expected[i].flags);
		t_equal(c->reply.fd, i == 0 ? c->dev.vram_fd : -1);
	}
	t_equal(get_info(c, VFIO_PCI_NUM_REGIONS, &info), EINVAL);
	t_equal(get_info(c, UINT32_MAX, &info), EINVAL);
	client_free(c);
}

static void access_outside_a_region_is_invalid(void)
{
	static const struct {
		uint32_t region;
		uint64_t offset;
		uint32_t count;
	} bad[] = {
		{ VG_PCI_VRAM, VG_VRAM_SIZE, 4 },
		{ VG_PCI_VRAM, VG_VRAM_SIZE - 2, 4 },
		{ VG_PCI_VRAM, UINT64_MAX, 4 },
		{ VG_PCI_VRAM, UINT64_MAX - 3, 4 },
		{ VG_PCI_DOORBELL, VG_DOORBELL_SIZE, 4 },
		{ VG_PCI_MMIO, VG_MMIO_SIZE, 4 },
		{ VG_PCI_CONFIG, 4096, 1 },
		{ VG_PCI_CONFIG, 4095, 2 },
		{ 1, 0, 4 },
		{ 3, 0, 4 },
		{ 6, 0, 4 },
		{ 8, 0, 4 },
		{ 9, 0, 4 },
		{ UINT32_MAX, 0, 4 },
		{ VG_PCI_VRAM, 0, 0 },
	};
	const uint8_t data[8] = { 0 };
	struct client *c = client_new();
	uint8_t back[8];

	for (size_t i = 0; i < T_ARRAY_SIZE(bad); i++) {
		t_equal(client_region_read(c, bad[i].region, bad[i].offset, back, bad[i].count),
			EINVAL);
		t_equal(client_region_write(c, bad[i].region, bad[i].offset, data, bad[i].count),
			EINVAL);
	}
	client_free(c);
}

static void count_must_match_the_data(void)
{
	struct {
		struct vfio_user_region_access access;
		uint32_t data[2];
	} body = { .access = { 0, VG_PCI_VRAM, 4 } };
	struct client *c = client_new();

	t_equal(client_call(c, VFIO_USER_REGION_WRITE, &body, sizeof(body)), EINVAL);
	t_equal(client_call(c, VFIO_USER_REGION_WRITE, &body, sizeof(body.access)), EINVAL);
	t_equal(client_call(c, VFIO_USER_REGION_READ, &body, sizeof(body)), EINVAL);
	body.access.count = UINT32_MAX;
	t_equal(client_call(c, VFIO_USER_REGION_READ, &body, sizeof(body.access)), EINVAL);
	body.access.count = VFIO_USER_MAX_DATA + 1;
	t_equal(client_call(c, VFIO_USER_REGION_READ, &body, sizeof(body.access)), EINVAL);
	client_free(c);
}

static void vram_is_shared_with_the_descriptor(void)
{
	struct client *c = client_new();
	uint8_t *data = malloc(VFIO_USER_MAX_DATA), *back = malloc(VFIO_USER_MAX_DATA);
	uint64_t offset = VG_VRAM_SIZE - VFIO_USER_MAX_DATA;

	t_assert(data && back);
	for (size_t i = 0; i < VFIO_USER_MAX_DATA; i++)
		data[i] = i * 7 + i / 251;
	t_equal(client_region_write(c, VG_PCI_VRAM, offset, data, VFIO_USER_MAX_DATA), 0);
	t_assert(!memcmp((uint8_t *)c->dev.vram + offset, data, VFIO_USER_MAX_DATA));
	t_equal(client_region_read(c, VG_PCI_VRAM, offset, back, VFIO_USER_MAX_DATA), 0);
	t_assert(!memcmp(back, data, VFIO_USER_MAX_DATA));
	free(data);
	free(back);
	client_free(c);
}

/* If the HDP holds writes, each access is a message, and the model gets it. */
static void vram_is_trapped_with_the_fifo(void)
{
	struct client *c = client_new_with(&(struct vg_config){ .hdp_fifo = 8 });
	struct vfio_region_info info;
	uint32_t value = 0xabcd1234;

	t_equal(get_info(c, VG_PCI_VRAM, &info), 0);
	t_equal(info.size, VG_VRAM_SIZE);
	t_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	t_equal(c->reply.fd, -1);
	t_equal(client_region_write(c, VG_PCI_VRAM, 4, &value, sizeof(value)), 0);
	t_equal(c->dev.vg->vram_writes, 1);
	t_equal(client_region_read(c, VG_PCI_VRAM, 4, &value, sizeof(value)), 0);
	t_equal(c->dev.vg->vram_reads, 1);
	t_equal(value, 0xabcd1234);
	client_free(c);
}

static void client_cannot_take_the_vram_away(void)
{
	struct client *c = client_new();

	t_equal(ftruncate(c->dev.vram_fd, 0), -1);
	t_equal(errno, EPERM);
	client_free(c);
}

static void registers_are_read_in_any_width(void)
{
	struct client *c = client_new();
	uint64_t value = 0;

	c->dev.vg->mmio[4] = 0x44332211;
	c->dev.vg->mmio[5] = 0x88776655;
	t_equal(client_region_read(c, VG_PCI_MMIO, 16, &value, 4), 0);
	t_equal(value, 0x44332211);
	t_equal(client_region_read(c, VG_PCI_MMIO, 16, &value, 8), 0);
	t_equal(value, 0x8877665544332211);
	value = 0;
	t_equal(client_region_read(c, VG_PCI_MMIO, 18, &value, 2), 0);
	t_equal(value, 0x4433);
	t_equal(client_region_read(c, VG_PCI_MMIO, 17, &value, 1), 0);
	t_equal(value & 0xff, 0x22);
	t_equal(client_region_read(c, VG_PCI_MMIO, 17, &value, 2), EINVAL);
	t_equal(client_region_read(c, VG_PCI_MMIO, 18, &value, 4), EINVAL);
	t_equal(client_region_read(c, VG_PCI_MMIO, 20, &value, 8), EINVAL);
	t_equal(client_region_read(c, VG_PCI_MMIO, 16, &value, 3), EINVAL);
	client_free(c);
}

static void registers_are_written_as_dwords(void)
{
	const uint64_t value = 0x1122334455667788;
	struct client *c = client_new();

	t_equal(client_region_write(c, VG_PCI_MMIO, VG_MMIO_SIZE - 4, &value, 4), 0);
	t_equal(c->dev.vg->mmio[VG_MMIO_SIZE / 4 - 1], 0x55667788);
	t_equal(client_region_write(c, VG_PCI_MMIO, 8, &value, 8), 0);
	t_equal(c->dev.vg->mmio[2], 0x55667788);
	t_equal(c->dev.vg->mmio[3], 0x11223344);
	t_equal(c->dev.vg->mmio_writes, 3);
	t_equal(client_region_write(c, VG_PCI_MMIO, 8, &value, 2), EINVAL);
	t_equal(client_region_write(c, VG_PCI_MMIO, 9, &value, 1), EINVAL);
	t_equal(client_region_write(c, VG_PCI_MMIO, 10, &value, 4), EINVAL);
	t_equal(c->dev.vg->mmio_writes, 3);
	client_free(c);
}

static void doorbells_take_32_and_64_bits(void)
{
	const uint64_t value = 0x1122334455667788;
	struct client *c = client_new();
	uint32_t back = 1;

	t_equal(client_region_write(c, VG_PCI_DOORBELL, 0x44, &value, 4), 0);
	t_equal(c->dev.vg->doorbell_offset, 0x44);
	t_equal(c->dev.vg->doorbell_size, 4);
	t_equal(c->dev.vg->doorbell_value, 0x55667788);
	t_equal(client_region_write(c, VG_PCI_DOORBELL, VG_DOORBELL_SIZE - 8, &value, 8), 0);
	t_equal(c->dev.vg->doorbell_size, 8);
	t_equal(c->dev.vg->doorbell_value, value);
	t_equal(client_region_write(c, VG_PCI_DOORBELL, 0x44, &value, 8), EINVAL);
	t_equal(client_region_write(c, VG_PCI_DOORBELL, 0x40, &value, 2), EINVAL);
	t_equal(c->dev.vg->doorbells, 2);
	t_equal(client_region_read(c, VG_PCI_DOORBELL, 0x44, &back, 4), 0);
	t_equal(back, 0);
	client_free(c);
}

static uint32_t config(struct client *c, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;

	t_equal(client_region_read(c, VG_PCI_CONFIG, offset, &value, size), 0);
	return value;
}

static void configuration_is_that_of_the_gpu(void)
{
	struct client *c = client_new();

	t_equal(config(c, 0x00, 4), 0x74a11002);
	t_equal(config(c, 0x06, 2), 0x0010);
	t_equal(config(c, 0x08, 4), 0x12000001);
	t_equal(config(c, 0x10, 4), 0x0000000c);
	t_equal(config(c, 0x18, 4), 0x0000000c);
	t_equal(config(c, 0x24, 4), 0);
	t_equal(config(c, 0x2c, 4), 0x74a11002);
	t_equal(config(c, 0x3d, 1), 1);
	client_free(c);
}

static void capabilities_are_a_chain_of_express_and_msi(void)
{
	struct client *c = client_new();
	uint32_t at = config(c, 0x34, 1);

	t_equal(at, 0x40);
	t_equal(config(c, at, 1), 0x10);
	t_equal(config(c, at + 2, 2), 0x0002);
	t_equal(config(c, at + 4, 4), 0x8000);
	t_equal(config(c, at + 0x0c, 4), 0x101);
	t_equal(config(c, at + 0x12, 2), 0x0101);
	t_equal(config(c, at + 0x24, 4), 0x180);
	at = config(c, at + 1, 1);
	t_equal(at, 0x80);
	t_equal(config(c, at, 1), 0x05);
	t_equal(config(c, at + 1, 1), 0);
	t_equal(config(c, at + 2, 2), 0x0080);
	client_free(c);
}

static void writes_change_only_what_is_writable(void)
{
	struct client *c = client_new();
	uint8_t ones[256], zeros[256] = { 0 };

	memset(ones, 0xff, sizeof(ones));
	t_equal(client_region_write(c, VG_PCI_CONFIG, 0, ones, sizeof(ones)), 0);
	t_equal(config(c, 0x00, 4), 0x74a11002);
	t_equal(config(c, 0x04, 2), 0x0546);
	t_equal(config(c, 0x10, 4), 0x0000000c);
	t_equal(config(c, 0x34, 1), 0x40);
	t_equal(config(c, 0x44, 4), 0x8000);
	t_equal(config(c, 0x82, 2), 0x0081);
	t_equal(config(c, 0x84, 4), 0xfffffffc);
	t_equal(config(c, 0x88, 4), 0xffffffff);
	t_equal(config(c, 0x8c, 2), 0xffff);
	t_equal(client_region_write(c, VG_PCI_CONFIG, 0, zeros, sizeof(zeros)), 0);
	t_equal(config(c, 0x04, 2), 0);
	t_equal(config(c, 0x82, 2), 0x0080);
	t_equal(config(c, 0x00, 4), 0x74a11002);
	client_free(c);
}

static void partial_writes_leave_the_other_bytes(void)
{
	const uint32_t address = 0xfee01234;
	struct client *c = client_new();

	t_equal(client_region_write(c, VG_PCI_CONFIG, 0x84, &address, 4), 0);
	t_equal(client_region_write(c, VG_PCI_CONFIG, 0x85, "\xab", 1), 0);
	t_equal(config(c, 0x84, 4), 0xfee0ab34);
	client_free(c);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(regions_are_those_of_the_gpu),
		TEST(access_outside_a_region_is_invalid),
		TEST(count_must_match_the_data),
		TEST(vram_is_shared_with_the_descriptor),
		TEST(vram_is_trapped_with_the_fifo),
		TEST(client_cannot_take_the_vram_away),
		TEST(registers_are_read_in_any_width),
		TEST(registers_are_written_as_dwords),
		TEST(doorbells_take_32_and_64_bits),
		TEST(configuration_is_that_of_the_gpu),
		TEST(capabilities_are_a_chain_of_express_and_msi),
		TEST(writes_change_only_what_is_writable),
		TEST(partial_writes_leave_the_other_bytes),
	};

	return run_tests(tests, T_ARRAY_SIZE(tests));
}
