// SPDX-License-Identifier: MIT
/*
 * Tests that the firmware files have the fields that the driver requires
 * (drivers/gpu/drm/amd/amdgpu/amdgpu_ucode.c, amdgpu_rlc.c).  The test has the
 * offsets as numbers, so that it notices if the model uses a wrong structure.
 */
#include "gfx9/images.h"
#include "host/images.h"
#include "test.h"
#include "vgpu.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	uint8_t data[VG_IMAGE_MAX];
	size_t size;
};

static uint32_t le(const struct file *file, size_t at, unsigned int bytes)
{
	uint32_t value = 0;

	t_assert(at + bytes <= file->size);
	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint32_t)file->data[at + i] << 8 * i;
	return value;
}

static void read_file(struct file *file, const char *dir, const char *name)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/amdgpu/%s", dir, name);
	fd = open(path, O_RDONLY);
	t_assert(fd >= 0);
	n = read(fd, file->data, sizeof(file->data));
	t_assert(n > 0);
	t_assert((size_t)n < sizeof(file->data));
	file->size = n;
	close(fd);
	t_equal(unlink(path), 0);
}

static void check_common(const struct file *file, unsigned int major, size_t header)
{
	size_t payload = le(file, 24, 4);

	t_equal(le(file, 0, 4), file->size);
	t_equal(le(file, 4, 4), header);
	t_equal(le(file, 8, 2), major);
	t_equal(le(file, 10, 2), 0);
	t_equal(le(file, 12, 2), 9);
	t_equal(le(file, 14, 2), 4);
	t_assert(le(file, 16, 4));
	t_equal(payload + le(file, 20, 4), file->size);
	t_assert(payload >= header);
	t_equal(payload % 4, 0);
	/* There is no code: behind the header are only zeros. */
	for (size_t i = header; i < file->size; i++)
		t_equal(file->data[i], 0);
}

static void mec_has_a_jump_table_inside(const char *dir)
{
	struct file mec;
	uint32_t dwords;

	read_file(&mec, dir, "gc_9_4_3_mec.bin");
	check_common(&mec, 1, 32 + 3 * 4);
	dwords = le(&mec, 20, 4) / 4;
	t_equal(mec.size, 4352);
	t_equal(le(&mec, 40, 4), 64);
	t_equal(le(&mec, 36, 4) + le(&mec, 40, 4), dwords);
}

static void rlc_has_empty_lists_inside(const char *dir)
{
	struct file rlc;

	read_file(&rlc, dir, "gc_9_4_3_rlc.bin");
	check_common(&rlc, 2, 32 + 18 * 4);
	t_equal(rlc.size, 512);
	/* The last fields of the header are four pairs of a size and an offset. */
	for (size_t at = 32 + 10 * 4; at < 32 + 18 * 4; at += 8) {
		t_equal(le(&rlc, at, 4), 0);
		t_equal(le(&rlc, at + 4, 4), 256);
	}
}

static void sdma_has_no_jump_table(const char *dir)
{
	struct file sdma;

	read_file(&sdma, dir, "sdma_4_4_2.bin");
	check_common(&sdma, 1, 32 + 4 * 4);
	t_equal(sdma.size, 512);
	t_equal(le(&sdma, 40, 4), 0);
	t_equal(le(&sdma, 44, 4), 0);
}

static const struct vg_config config;

static void discovery_is_written_too(const char *dir)
{
	struct file discovery, again = { .size = 0 };

	read_file(&discovery, dir, "ip_discovery.bin");
	again.size = vg_image_discovery(&config, again.data);
	t_equal(discovery.size, again.size);
	t_assert(!memcmp(discovery.data, again.data, again.size));
}

static void unusable_directory_is_an_error(const char *dir)
{
	char path[128];

	t_equal(vg_images_write(&config, "/dev/null"), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/no/such", dir);
	t_equal(vg_images_write(&config, path), -ENOENT);
}

int main(void)
{
	char dir[] = "/tmp/test_firmware.XXXXXX", path[64];

	t_assert(mkdtemp(dir));
	t_equal(vg_images_write(&config, dir), 0);
	t_equal(vg_images_write(&config, dir), 0); /* overwrites the files that are there */
	mec_has_a_jump_table_inside(dir);
	rlc_has_empty_lists_inside(dir);
	sdma_has_no_jump_table(dir);
	discovery_is_written_too(dir);
	snprintf(path, sizeof(path), "%s/amdgpu", dir);
	t_equal(rmdir(path), 0); /* no other files */
	unusable_directory_is_an_error(dir);
	t_equal(rmdir(dir), 0);
	return 0;
}
