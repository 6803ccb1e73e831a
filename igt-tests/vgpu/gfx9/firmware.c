// SPDX-License-Identifier: MIT
/*
 * Firmware images without firmware: headers that
 * drivers/gpu/drm/amd/amdgpu/amdgpu_ucode.c accepts, and a payload of zeros,
 * which nothing executes.
 */
#include <string.h>

#include "gfx9/images.h"
#include "gfx9/kernel_headers.h"

enum {
	IP_MAJOR = 9,
	IP_MINOR = 4,
	PAYLOAD = sizeof(union amdgpu_firmware_header),
	MEC_PAYLOAD_SIZE = 4096,
	MEC_JUMP_TABLE_DWORDS = 64, /* size of the jump table, which is at the end of the payload */
	SMALL_PAYLOAD_SIZE = 256,

	/*
	 * From this version on KFD reads the activity counters of SDMA queues
	 * (drivers/gpu/drm/amd/amdgpu/amdgpu_amdkfd_gc_9_4_3.c:550).
	 */
	MEC_UCODE_VERSION = 194,
	RLC_UCODE_VERSION = 0x40,
	SDMA_UCODE_VERSION = 0x20,
	FEATURE_VERSION = 0x38,
	RLC_FEATURE_VERSION = 1,
};

static void fill_common(struct common_firmware_header *header, uint16_t major, size_t header_size,
			uint32_t version, uint32_t payload_size)
{
	*header = (struct common_firmware_header){
		.size_bytes = PAYLOAD + payload_size,
		.header_size_bytes = header_size,
		.header_version_major = major,
		.header_version_minor = 0,
		.ip_version_major = IP_MAJOR,
		.ip_version_minor = IP_MINOR,
		.ucode_version = version,
		.ucode_size_bytes = payload_size,
		.ucode_array_offset_bytes = PAYLOAD,
	};
}

size_t vg_image_mec(const struct vg_config *config, uint8_t *buf)
{
	struct gfx_firmware_header_v1_0 mec = {
		.ucode_feature_version = FEATURE_VERSION,
		.jt_offset = MEC_PAYLOAD_SIZE / 4 - MEC_JUMP_TABLE_DWORDS,
		.jt_size = MEC_JUMP_TABLE_DWORDS,
	};

	fill_common(&mec.header, 1, sizeof(mec), MEC_UCODE_VERSION, MEC_PAYLOAD_SIZE);
	memcpy(buf, &mec, sizeof(mec));
	return mec.header.size_bytes;
}

size_t vg_image_rlc(const struct vg_config *config, uint8_t *buf)
{
	/* The register lists are empty, but their offsets must be inside the file. */
	struct rlc_firmware_header_v2_0 rlc = {
		.ucode_feature_version = RLC_FEATURE_VERSION,
		.reg_list_format_array_offset_bytes = PAYLOAD,
		.reg_list_array_offset_bytes = PAYLOAD,
		.reg_list_format_separate_array_offset_bytes = PAYLOAD,
		.reg_list_separate_array_offset_bytes = PAYLOAD,
	};

	fill_common(&rlc.header, 2, sizeof(rlc), RLC_UCODE_VERSION, SMALL_PAYLOAD_SIZE);
	memcpy(buf, &rlc, sizeof(rlc));
	return rlc.header.size_bytes;
}

size_t vg_image_sdma(const struct vg_config *config, uint8_t *buf)
{
	struct sdma_firmware_header_v1_0 sdma = {
		.ucode_feature_version = FEATURE_VERSION,
	};

	fill_common(&sdma.header, 1, sizeof(sdma), SDMA_UCODE_VERSION, SMALL_PAYLOAD_SIZE);
	memcpy(buf, &sdma, sizeof(sdma));
	return sdma.header.size_bytes;
}
