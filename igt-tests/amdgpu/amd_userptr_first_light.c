// SPDX-License-Identifier: MIT
/*
 * The first program to run on a new GPU.  Its subtests run in this order, and each needs only the
 * parts that the subtests before it have tested, and one new part: the driver, KFD, the packets of
 * each kind of queue, the caches, the clock, and only then a userptr of the series.  If a subtest
 * from fence-pm4 to timestamp-sdma fails, the packets that the tests write do not fit the GPU
 * (amd_pkt*.c), and the results of the other programs say nothing about the driver.  Only the last
 * two subtests need a kernel with the series.
 */
#include <errno.h>
#include <string.h>

#include "igt.h"

#include "lib/amdgpu/amd_info.h"
#include "lib/amdgpu/amd_pkt.h"
#include "lib/amdgpu/amd_userptr.h"
#include "lib/amdgpu/amd_userptr_fixture.h"

IGT_TEST_DESCRIPTION("Tells wrong packets from a wrong driver, for the first run on a GPU.");

/* The size of each buffer: more than AMD_PKT_COPY_MAX, so a copy takes several packets. */
#define SIZE	    (3u << 20)
/* The buffers of the cache test stay within a GPU's caches. */
#define CACHED_SIZE (64u << 10)
#define ROUNDS	    64
#define MAX_MEMS    3

/* The process, the queue and the buffers that a subtest has made; a fixture frees them. */
struct light {
	int fd; /* render node */
	struct amd_kfd kfd;
	bool have_kfd, have_queue;
	struct amd_kfd_queue queue;
	struct amd_kfd_mem mems[MAX_MEMS];
	unsigned int num_mems;
};

static void put_out(struct light *light)
{
	if (light->have_queue)
		__amd_kfd_queue_destroy(&light->queue);
	light->have_queue = false;
	while (light->num_mems)
		__amd_kfd_free(&light->kfd, &light->mems[--light->num_mems]);
}

static void need_kfd(struct light *light)
{
	int ret;

	if (light->have_kfd)
		return;
	ret = __amd_kfd_open(&light->kfd, light->fd);
	igt_require_f(ret != -ENODEV, "No KFD for this GPU\n");
	igt_require_f(ret != -EACCES && ret != -EPERM, "No permission to open /dev/kfd\n");
	igt_assert_f(ret == 0, "KFD does not take the render node's VM: %s\n", strerror(-ret));
	light->have_kfd = true;
}

static void make_queue(struct light *light, enum amd_kfd_queue_type type)
{
	need_kfd(light);
	if (type == AMD_KFD_QUEUE_SDMA)
		igt_require_f(light->kfd.node.num_sdma_engines,
			      "The GPU has no SDMA engine for KFD\n");
	amd_kfd_queue_create(&light->kfd, type, &light->queue);
	light->have_queue = true;
}

static struct amd_kfd_mem *new_mem(struct light *light)
{
	igt_assert(light->num_mems < MAX_MEMS);
	return &light->mems[light->num_mems];
}

static struct amd_kfd_mem *make_gtt(struct light *light)
{
	struct amd_kfd_mem *mem = new_mem(light);

	amd_kfd_alloc_gtt(&light->kfd, SIZE, mem);
	light->num_mems++;
	return mem;
}

static struct amd_kfd_mem *make_vram(struct light *light)
{
	struct amd_kfd_mem *mem = new_mem(light);

	amd_kfd_alloc_vram(&light->kfd, SIZE, mem);
	light->num_mems++;
	return mem;
}

static struct amd_kfd_mem *make_cached_gtt(struct light *light)
{
	struct amd_kfd_mem *mem = new_mem(light);

	igt_assert_eq(__amd_kfd_alloc_cached_gtt(&light->kfd, CACHED_SIZE, mem), 0);
	light->num_mems++;
	return mem;
}

static void print_version(const char *what, uint32_t version)
{
	igt_info("%s %u.%u.%u\n", what, version >> 16, version >> 8 & 0xff, version & 0xff);
}

static void render_node(struct light *light)
{
	struct drm_amdgpu_info_device device = { 0 };
	uint32_t version;

	amd_info(light->fd, AMDGPU_INFO_DEV_INFO, &device, sizeof(device));
	igt_info("device 0x%x, family %u\n", device.device_id, device.family);
	igt_assert_f(device.device_id, "the driver does not know its device\n");
	igt_assert_eq(__amd_pkt_ip_version(light->fd, false, &version), 0);
	print_version("graphics core", version);
	igt_assert_eq(__amd_pkt_ip_version(light->fd, true, &version), 0);
	print_version("SDMA", version);
}

static void kfd(struct light *light)
{
	const struct amd_kfd_node *node = &light->kfd.node;

	need_kfd(light);
	igt_info("node %u, gfx %u, %u XCC, %u SDMA engines\n", node->index,
		 node->gfx_target_version, node->num_xcc, node->num_sdma_engines);
	igt_assert(node->gpu_id);
	igt_assert(node->gfx_target_version);
}

/* The queue runs a packet that does nothing, and one that writes the queue's fence. */
static void fence(struct light *light, enum amd_kfd_queue_type type)
{
	uint32_t before;

	make_queue(light, type);
	before = *light->queue.fence;
	amd_kfd_queue_nop(&light->queue, 4);
	amd_kfd_queue_sync(&light->queue, AMD_USERPTR_WAIT_MS);
	igt_assert_neq(*light->queue.fence, before);
}

/* Copy to VRAM and back, by packets of one engine only, and compare every byte. */
static void copy(struct light *light, enum amd_kfd_queue_type type)
{
	struct amd_kfd_mem *from, *to, *vram;

	make_queue(light, type);
	from = make_gtt(light);
	to = make_gtt(light);
	vram = make_vram(light);
	amd_pattern_fill(from->cpu, SIZE, 1);
	amd_pattern_fill(to->cpu, SIZE, 2);
	amd_kfd_queue_copy(&light->queue, vram->va, from->va, SIZE);
	amd_kfd_queue_sync(&light->queue, AMD_USERPTR_WAIT_MS);
	amd_kfd_queue_copy(&light->queue, to->va, vram->va, SIZE);
	amd_kfd_queue_sync(&light->queue, AMD_USERPTR_WAIT_MS);
	amd_pattern_check(to->cpu, SIZE, 1, "GTT that went to VRAM and back");
}

/*
 * The CPU changes the source in each round.  If the queue does not drop the old content from the
 * caches, the GPU copies the old content.  If the queue does not write the caches back before the
 * fence, the CPU finds the old copy.  The simulated GPU has no caches, so on it this subtest fails
 * only if the copy itself goes wrong.
 */
static void caches(struct light *light, enum amd_kfd_queue_type type)
{
	struct amd_kfd_mem *from, *to;

	make_queue(light, type);
	from = make_cached_gtt(light);
	to = make_cached_gtt(light);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		amd_pattern_fill(from->cpu, CACHED_SIZE, round);
		amd_kfd_queue_copy(&light->queue, to->va, from->va, CACHED_SIZE);
		amd_kfd_queue_sync(&light->queue, AMD_USERPTR_WAIT_MS);
		amd_pattern_check(to->cpu, CACHED_SIZE, round, "a copy of cached memory");
	}
}

/* The clock that a packet stores must lie between two reads of the clock by the driver. */
static void timestamp(struct light *light, enum amd_kfd_queue_type type)
{
	volatile uint64_t *stamp;
	struct amd_kfd_mem *mem;
	uint64_t before, after;

	make_queue(light, type);
	mem = make_gtt(light);
	stamp = mem->cpu;
	*stamp = 0;
	igt_assert_eq(__amd_kfd_gpu_clock(&light->kfd, &before), 0);
	amd_kfd_queue_timestamp(&light->queue, mem->va);
	amd_kfd_queue_sync(&light->queue, AMD_USERPTR_WAIT_MS);
	igt_assert_eq(__amd_kfd_gpu_clock(&light->kfd, &after), 0);
	igt_assert_lte_u64(before, *stamp);
	igt_assert_lte_u64(*stamp, after);
}

static const struct {
	const char *name, *describe;
	void (*run)(struct light *light);
	void (*run_queue)(struct light *light, enum amd_kfd_queue_type type);
	enum amd_kfd_queue_type type;
} steps[] = {
	{ .name = "render-node",
	  .run = render_node,
	  .describe = "The driver names the device, and the versions of its engines." },
	{ .name = "kfd",
	  .run = kfd,
	  .describe = "KFD has the GPU, and takes the VM of the render node." },
	{ .name = "fence-pm4",
	  .run_queue = fence,
	  .type = AMD_KFD_QUEUE_PM4,
	  .describe = "A PM4 queue runs a NOP and writes its fence." },
	{ .name = "fence-sdma",
	  .run_queue = fence,
	  .type = AMD_KFD_QUEUE_SDMA,
	  .describe = "An SDMA queue runs a NOP and writes its fence." },
	{ .name = "fence-aql",
	  .run_queue = fence,
	  .type = AMD_KFD_QUEUE_AQL,
	  .describe = "An AQL queue runs a NOP in an IB and writes its fence." },
	{ .name = "copy-pm4",
	  .run_queue = copy,
	  .type = AMD_KFD_QUEUE_PM4,
	  .describe = "A PM4 queue copies GTT to VRAM and back." },
	{ .name = "copy-sdma",
	  .run_queue = copy,
	  .type = AMD_KFD_QUEUE_SDMA,
	  .describe = "An SDMA queue copies GTT to VRAM and back." },
	{ .name = "copy-aql",
	  .run_queue = copy,
	  .type = AMD_KFD_QUEUE_AQL,
	  .describe = "An AQL queue copies GTT to VRAM and back." },
	{ .name = "caches-pm4",
	  .run_queue = caches,
	  .type = AMD_KFD_QUEUE_PM4,
	  .describe = "A PM4 queue sees what the CPU stores to cached memory, and the reverse." },
	{ .name = "caches-sdma",
	  .run_queue = caches,
	  .type = AMD_KFD_QUEUE_SDMA,
	  .describe = "An SDMA queue sees what the CPU stores to cached memory, and the reverse." },
	{ .name = "timestamp-pm4",
	  .run_queue = timestamp,
	  .type = AMD_KFD_QUEUE_PM4,
	  .describe = "A packet of a PM4 queue stores the GPU's clock." },
	{ .name = "timestamp-sdma",
	  .run_queue = timestamp,
	  .type = AMD_KFD_QUEUE_SDMA,
	  .describe = "A packet of an SDMA queue stores the GPU's clock." },
};

static void userptr_map(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, SIZE, 1);

	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_userptr_roundtrip(up, bo, 2);
}

static void userptr_change(struct amd_userptr *up)
{
	struct amd_userptr_bo *bo = amd_userptr_tracked(up, SIZE, 1);

	amd_userptr_gpu_check(up, bo->va, bo->size, 1);
	amd_kfd_smi_mark(&up->smi);
	amd_userptr_dontneed(bo);
	amd_userptr_expect_evictions(up, 0);
	amd_userptr_gpu_check_zero(up, bo->va, bo->size);
	amd_userptr_roundtrip(up, bo, 2);
}

static const struct amd_userptr_subtest userptr_steps[] = {
	{ .name = "userptr-map",
	  .run = userptr_map,
	  .describe = "CPU and GPU see each other's stores to a userptr." },
	{ .name = "userptr-change",
	  .run = userptr_change,
	  .describe = "After its pages are dropped the queues are restored, with new pages." },
};

static struct light light = { .fd = -1 };
static struct amd_userptr up;
static bool have_up;

int igt_main()
{
	igt_fixture()
		light.fd = drm_open_driver_render(DRIVER_AMDGPU);

	for (unsigned int i = 0; i < ARRAY_LENGTH(steps); i++) {
		igt_describe(steps[i].describe);
		igt_subtest(steps[i].name) {
			if (steps[i].run)
				steps[i].run(&light);
			else
				steps[i].run_queue(&light, steps[i].type);
		}
		/* A failed assertion jumps out of the subtest, so clean up outside of it. */
		igt_fixture()
			put_out(&light);
	}

	igt_subtest_group() {
		igt_fixture() {
			need_kfd(&light);
			/*
			 * A process has one VM of KFD for a GPU.  Until the process ends this is
			 * the VM of light.fd, so open KFD with the same file.
			 */
			amd_kfd_close(&light.kfd);
			light.have_kfd = false;
			have_up = true;
			amd_userptr_open(&up, light.fd);
			amd_userptr_require_flag(&up);
		}
		amd_userptr_run_subtests(&up, userptr_steps, ARRAY_LENGTH(userptr_steps));
	}
	igt_fixture() {
		if (have_up)
			amd_userptr_close(&up);
		if (light.have_kfd)
			amd_kfd_close(&light.kfd);
		drm_close_driver(light.fd);
	}
}
