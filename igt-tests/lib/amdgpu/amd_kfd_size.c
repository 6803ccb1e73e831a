// SPDX-License-Identifier: MIT
/*
 * The sizes of a compute queue's buffers that KFD demands and sysfs does not show.  References are
 * to drivers/gpu/drm/amd/amdkfd of Linux 7.3.
 */
#include "lib/amdgpu/amd_kfd.h"

/*
 * The smallest end-of-pipe buffer that KFD accepts, from gfx 8.0 on, but not on Tonga:
 * kfd_queue.c:290, 534-539.
 */
#define EOP_BUFFER_SIZE 4096

/* Versions as gfx_target_version has them. */
enum {
	GFX10_1 = 100100,
	GFX12_5 = 120500,
	GFX12_5_1 = 120501, /* the last version that kfd_queue.c knows */
};

/* The most waves that one XCC runs: kfd_queue.c:get_num_waves(). */
static uint32_t num_waves(const struct amd_kfd_node *node)
{
	/*
	 * sysfs shows the sum over all XCCs (kfd_topology.c:436, 460), but the kernel computes with
	 * the numbers of one XCC.
	 */
	uint32_t cus = node->simd_count / node->simd_per_cu / node->num_xcc;
	uint32_t engines = node->array_count / node->num_xcc / node->simd_arrays_per_engine;

	if (node->gfx_target_version < GFX10_1)
		return cus * 40 < engines * 512 ? cus * 40 : engines * 512;
	if (node->gfx_target_version < GFX12_5)
		return cus * 32;
	return node->gfx_target_version <= GFX12_5_1 ? cus * 64 : 0;
}

void amd_kfd_node_sizes(struct amd_kfd_node *node)
{
	enum { BYTES_PER_WAVE = 32, ALIGNMENT = 64 };
	uint32_t bytes = num_waves(node) * BYTES_PER_WAVE;

	/* kfd_queue.c:kfd_queue_ctx_save_restore_size() */
	node->debug_memory_size = (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1u);
	node->eop_buffer_size = EOP_BUFFER_SIZE;
}

uint64_t amd_kfd_save_area_size(const struct amd_kfd_node *node)
{
	/*
	 * kfd_queue.c:kfd_queue_acquire_buffers() wants exactly this size, rounded up to whole
	 * pages.
	 */
	return ((uint64_t)node->cwsr_size + node->debug_memory_size) * node->num_xcc;
}
