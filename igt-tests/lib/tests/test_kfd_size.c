/* SPDX-License-Identifier: MIT */
/*
 * Tests that amd_kfd_size.c computes the sizes of a compute queue's buffers that the kernel
 * demands.  The kernel's own code computes them here, too: the end of kfd_queue.c, which
 * meson.build cuts out of the kernel's source.
 */
#include "lib/amdgpu/amd_kfd.h"
#include "test.h"

/* As much of the kernel as that code needs. */
typedef uint32_t u32;

#define PAGE_SIZE	     4096u
#define AMDGPU_GPU_PAGE_SIZE 4096u
#define ALIGN(x, a)	     (((x) + (a) - 1) & ~((a) - 1))
#define NUM_XCC(mask)	     ((u32)__builtin_popcount(mask))
#define WARN_ON(condition)   t_assert(!(condition))
#define min(a, b)	     ((a) < (u32)(b) ? (a) : (u32)(b))

struct kfd_node {
	u32 xcc_mask;
};
struct kfd_node_properties {
	u32 simd_count, simd_per_cu, array_count, simd_arrays_per_engine, lds_size_in_kb;
	u32 gfx_target_version, cwsr_size, ctl_stack_size, debug_memory_size, eop_buffer_size;
};
struct kfd_topology_device {
	struct kfd_node_properties node_props;
	struct kfd_node *gpu;
};
void kfd_queue_ctx_save_restore_size(struct kfd_topology_device *dev);

#include "kfd_queue_size.h"

/* The versions of kfd_device.c:304-475 for which amd_pkt.c has packets. */
static const u32 versions[] = {
	90008,	90010,	90402,	90500,	100300, 100301, 100302, 100303, 100304,
	100305, 100306, 110000, 110001, 110002, 110003, 110500, 110501, 110502,
	110503, 110504, 110700, 110701, 120000, 120001, 120500, 120501,
};

/* A GPU: compute units and shader arrays of each XCC, and arrays of each shader engine. */
static const struct shape {
	u32 cus, arrays, arrays_per_engine, xccs;
} shapes[] = {
	{ 120, 8, 1, 1 }, { 104, 8, 1, 1 }, { 38, 4, 1, 1 },  { 38, 4, 1, 6 }, { 32, 4, 1, 8 },
	{ 36, 4, 1, 2 },  { 80, 8, 2, 1 },  { 96, 12, 2, 1 }, { 64, 8, 2, 1 }, { 40, 4, 2, 1 },
	{ 51, 4, 1, 1 },  { 2, 1, 1, 1 },   { 7, 2, 2, 1 },   { 16, 1, 1, 1 }, { 36, 4, 2, 8 },
};

/*
 * Make the kernel's topology of one GPU, and the part of it that sysfs shows
 * (kfd_topology.c:436-544).
 */
static void make_topology(u32 version, const struct shape *shape, struct kfd_topology_device *dev,
			  struct amd_kfd_node *node)
{
	dev->gpu->xcc_mask = (1u << shape->xccs) - 1;
	dev->node_props = (struct kfd_node_properties){
		.simd_count = shape->cus * shape->xccs * 4,
		.simd_per_cu = 4,
		.array_count = shape->arrays,
		.simd_arrays_per_engine = shape->arrays_per_engine,
		.lds_size_in_kb = version == 90500 ? 160 : 64,
		.gfx_target_version = version,
	};
	kfd_queue_ctx_save_restore_size(dev);
	*node = (struct amd_kfd_node){
		.gfx_target_version = version,
		.simd_count = dev->node_props.simd_count,
		.simd_per_cu = dev->node_props.simd_per_cu,
		.array_count = dev->node_props.array_count * shape->xccs,
		.simd_arrays_per_engine = dev->node_props.simd_arrays_per_engine,
		.num_xcc = shape->xccs,
		.cwsr_size = dev->node_props.cwsr_size,
		.ctl_stack_size = dev->node_props.ctl_stack_size,
	};
	amd_kfd_node_sizes(node);
}

/* The checks of kfd_queue.c:kfd_queue_acquire_buffers(). */
static void check(u32 version, const struct shape *shape)
{
	struct kfd_node gpu;
	struct kfd_topology_device dev = { .gpu = &gpu };
	const struct kfd_node_properties *props = &dev.node_props;
	struct amd_kfd_node node;
	uint64_t total;

	make_topology(version, shape, &dev, &node);
	total = ((uint64_t)node.cwsr_size + props->debug_memory_size) * NUM_XCC(gpu.xcc_mask);
	if (node.debug_memory_size != props->debug_memory_size)
		fprintf(stderr, "gfx_target_version %u, %u CUs\n", version, shape->cus);
	t_equal(node.debug_memory_size, props->debug_memory_size);
	t_equal(node.eop_buffer_size, props->eop_buffer_size);
	t_equal(ALIGN(amd_kfd_save_area_size(&node), (uint64_t)PAGE_SIZE),
		ALIGN(total, (uint64_t)PAGE_SIZE));
}

int main(void)
{
	for (unsigned int i = 0; i < T_ARRAY_SIZE(versions); i++) {
		for (unsigned int j = 0; j < T_ARRAY_SIZE(shapes); j++)
			check(versions[i], &shapes[j]);
	}
	return 0;
}
