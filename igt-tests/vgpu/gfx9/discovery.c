// SPDX-License-Identifier: MIT
/*
 * The IP discovery binary, which lists the GPU's IP blocks and the addresses of their
 * registers.  drivers/gpu/drm/amd/amdgpu/amdgpu_discovery.c reads it.
 */
#include <stddef.h>
#include <string.h>

#include "gfx9/bases.h"
#include "gfx9/images.h"
#include "gfx9/kernel_headers.h"
#include "vgpu.h"

enum {
	BINARY_VERSION = 1,
	IP_TABLE_VERSION = 3, /* struct ip_v3 */
	GC_TABLE_MAJOR = 2,   /* struct gc_info_v2_1 */
	GC_TABLE_MINOR = 1,
	MAX_BASES = 9,

	/* Bases of blocks that the binary lists, although the model has no register of them. */
	DF_BASE = 0x7000,
	THM_BASE = 0x16600,
	UMC_BASE = 0x14000,
};

#define VERSION(major_, minor_, revision_) \
	.major = (major_), .minor = (minor_), .revision = (revision_)
#define BASES(...) \
	.bases = { __VA_ARGS__ }, \
	.num_bases = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t)

/*
 * The blocks of one I/O die (AID) with one XCC or more, at the base addresses (in dwords) that the
 * asic_reg headers count from.  Display, VCN and JPEG are not listed, because they
 * are not modelled.  MP0 is listed, because soc15_need_reset_on_init() reads one of
 * its registers (drivers/gpu/drm/amd/amdgpu/soc15.c:841); for this version of MP0
 * the driver adds no RAS block.  From the version of MP1 the driver derives the
 * reference clock of 100 MHz, so it needs no VBIOS for that (soc15_get_xclk(),
 * :346).  The binary has an entry of GC and one of SDMA for each XCC.
 */
static const struct {
	uint16_t hw_id;
	uint8_t major, minor, revision, num_bases;
	uint32_t bases[MAX_BASES];
} ips[] = {
	{ GC_HWID, VERSION(9, 4, 3), BASES(VG_GC_BASE_0, VG_GC_BASE_1) },
	{ MMHUB_HWID, VERSION(1, 8, 0), BASES(VG_MMHUB_BASE_0) },
	{ ATHUB_HWID, VERSION(1, 8, 0), BASES(VG_ATHUB_BASE_0) },
	{ OSSSYS_HWID, VERSION(4, 4, 2), BASES(VG_OSS_BASE_0) },
	{ HDP_HWID, VERSION(4, 4, 2), BASES(VG_HDP_BASE_0) },
	{ SDMA0_HWID, VERSION(4, 4, 2), BASES(VG_SDMA_BASE_0, VG_SDMA_BASE_1) },
	{ DF_HWID, VERSION(4, 5, 0), BASES(DF_BASE) },
	{ MP0_HWID, VERSION(13, 0, 2), BASES(VG_MP_BASE_0) },
	{ MP1_HWID, VERSION(13, 0, 6), BASES(VG_MP_BASE_0) },
	{ THM_HWID, VERSION(13, 0, 2), BASES(THM_BASE) },
	{ NBIF_HWID, VERSION(7, 9, 0),
	  BASES(VG_NBIO_BASE_0, VG_NBIO_BASE_1, VG_NBIO_BASE_2, VG_NBIO_BASE_3, VG_NBIO_BASE_4,
		VG_NBIO_BASE_5, VG_NBIO_BASE_6, VG_NBIO_BASE_7, VG_NBIO_BASE_8) },
	{ SMUIO_HWID, VERSION(13, 0, 3), BASES(VG_SMUIO_BASE_0, VG_SMUIO_BASE_1) },
	{ UMC_HWID, VERSION(12, 0, 0), BASES(UMC_BASE) },
};

/*
 * 40 CUs in four shader engines, in each XCC.  With one engine of 40 CUs the driver would shift
 * by more than the width of its masks (drivers/gpu/drm/amd/amdkfd/kfd_topology.c).
 */
static const struct gc_info_v2_1 gc_info = {
	.header = {
		.table_id = GC_TABLE_ID,
		.version_major = GC_TABLE_MAJOR,
		.version_minor = GC_TABLE_MINOR,
		.size = sizeof(gc_info),
	},
	.gc_num_se = 4,
	.gc_num_cu_per_sh = 10,
	.gc_num_sh_per_se = 1,
	.gc_num_tccs = 16,
	.gc_num_gprs = 512,
	.gc_gs_table_depth = 32,
	.gc_gsprim_buff_depth = 1792,
	.gc_wave_size = 64,
	.gc_max_waves_per_simd = 8,
	.gc_max_scratch_slots_per_cu = 32,
	.gc_lds_size = 64,
	.gc_num_sc_per_se = 1,
	.gc_num_tcp_per_sh = 10,
	.gc_tcp_size_per_cu = 16,
	.gc_num_sdp_interface = 16,
	.gc_num_cu_per_sqc = 2,
	.gc_instruction_cache_size_per_sqc = 64,
	.gc_scalar_data_cache_size_per_sqc = 16,
	.gc_tcc_size = 4096,
};

static uint16_t byte_sum(const uint8_t *data, size_t size)
{
	uint16_t sum = 0;

	while (size--)
		sum += *data++;
	return sum;
}

static size_t put(uint8_t *buf, size_t at, const void *data, size_t size)
{
	memcpy(buf + at, data, size);
	return at + size;
}

static size_t put_ip(uint8_t *buf, size_t at, size_t i, unsigned int instance)
{
	uint32_t bases[MAX_BASES];
	struct ip_v3 ip = {
		.hw_id = ips[i].hw_id,
		.instance_number = instance,
		.num_base_address = ips[i].num_bases,
		.major = ips[i].major,
		.minor = ips[i].minor,
		.revision = ips[i].revision,
	};

	for (size_t b = 0; b < ips[i].num_bases; b++)
		bases[b] = ips[i].bases[b] + instance * VG_XCC_DISTANCE;
	at = put(buf, at, &ip, sizeof(ip));
	return put(buf, at, bases, ips[i].num_bases * sizeof(bases[0]));
}

/* Is there an instance of the block for each XCC? */
static bool is_repeated(uint16_t hw_id)
{
	return hw_id == GC_HWID || hw_id == SDMA0_HWID;
}

/* Write the table of IP blocks, which has one die. */
static size_t put_ip_table(uint8_t *buf, size_t at, unsigned int xccs)
{
	enum { NUM_IPS = sizeof(ips) / sizeof(ips[0]) };
	struct ip_discovery_header header = {
		.signature = DISCOVERY_TABLE_SIGNATURE,
		.version = IP_TABLE_VERSION,
		.num_dies = 1,
		.die_info[0].die_offset = at + sizeof(header),
	};
	struct die_header die = { .num_ips = 0 };
	size_t end = at + sizeof(header) + sizeof(die);

	for (size_t i = 0; i < NUM_IPS; i++) {
		unsigned int count = is_repeated(ips[i].hw_id) ? xccs : 1;

		for (unsigned int n = 0; n < count; n++)
			end = put_ip(buf, end, i, n);
		die.num_ips += count;
	}
	put(buf, at + sizeof(header), &die, sizeof(die));
	header.size = end - at;
	put(buf, at, &header, sizeof(header));
	return end;
}

static void describe(struct binary_header *header, table which, const uint8_t *buf, size_t at,
		     size_t end)
{
	header->table_list[which] = (struct table_info){
		.offset = at,
		.checksum = byte_sum(buf + at, end - at),
		.size = end - at,
	};
}

size_t vg_image_discovery(const struct vg_config *config, uint8_t *buf)
{
	unsigned int xccs = config->xccs ? config->xccs : 1;
	const struct harvest_table harvest = {
		.header.signature = HARVEST_TABLE_SIGNATURE,
	};
	struct binary_header header = {
		.binary_signature = BINARY_SIGNATURE,
		.version_major = BINARY_VERSION,
	};
	const size_t summed = offsetof(struct binary_header, binary_size);
	size_t at = sizeof(header), end;

	end = put_ip_table(buf, at, xccs);
	describe(&header, IP_DISCOVERY, buf, at, end);
	at = end;
	end = put(buf, at, &gc_info, sizeof(gc_info));
	describe(&header, GC, buf, at, end);
	at = end;
	end = put(buf, at, &harvest, sizeof(harvest));
	describe(&header, HARVEST_INFO, buf, at, end);

	header.binary_size = end;
	put(buf, 0, &header, sizeof(header));
	header.binary_checksum = byte_sum(buf + summed, end - summed);
	put(buf, 0, &header, sizeof(header));
	return end;
}
