/* SPDX-License-Identifier: MIT */
/* ROCr as rocr_client uses it: agents, memory, signals, copies. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rocr_client.h"

/* Long, because a simulated GPU on a busy machine is slow. */
#define COPY_DEADLINE_NS (60 * UINT64_C(1000000000))

static hsa_status_t find_agents(hsa_agent_t agent, void *data)
{
	struct rocr *rocr = data;
	hsa_device_type_t type;
	hsa_status_t ret = hsa_agent_get_info(agent, HSA_AGENT_INFO_DEVICE, &type);

	if (ret == HSA_STATUS_SUCCESS && type == HSA_DEVICE_TYPE_CPU && !rocr->cpu.handle)
		rocr->cpu = agent;
	if (ret == HSA_STATUS_SUCCESS && type == HSA_DEVICE_TYPE_GPU && !rocr->gpu.handle)
		rocr->gpu = agent;
	return ret;
}

static hsa_status_t find_pool(hsa_amd_memory_pool_t pool, void *data)
{
	hsa_amd_memory_pool_t *found = data;
	hsa_amd_segment_t segment;
	bool may_allocate = false;

	hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_SEGMENT, &segment);
	hsa_amd_memory_pool_get_info(pool, HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED,
				     &may_allocate);
	if (segment == HSA_AMD_SEGMENT_GLOBAL && may_allocate && !found->handle)
		*found = pool;
	return HSA_STATUS_SUCCESS;
}

/*
 * A number in a file of the GPU's directory in KFD's topology: the number behind @key, or the first
 * number if @key is empty.
 */
static unsigned int topology_number(hsa_agent_t gpu, const char *name, const char *key)
{
	unsigned int node = 0, number = 0;
	char path[80], line[80];
	FILE *file;

	check(hsa_agent_get_info(gpu, (hsa_agent_info_t)HSA_AMD_AGENT_INFO_DRIVER_NODE_ID, &node),
	      "number of the KFD node");
	snprintf(path, sizeof(path), "/sys/class/kfd/kfd/topology/nodes/%u/%s", node, name);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)))
			continue;
		number = strtoul(line + strlen(key), NULL, 10);
		break;
	}
	if (file)
		fclose(file);
	return number;
}

int rocr_open_render_node(const struct rocr *rocr)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/dri/renderD%u",
		 topology_number(rocr->gpu, "properties", "drm_render_minor "));
	fd = open(path, O_RDWR | O_CLOEXEC);
	check(fd < 0 ? -errno : 0, path);
	return fd;
}

/*
 * Find libdrm's handle of the GPU address space that ROCr has given to KFD. libdrm has one handle
 * for each GPU in a process, so it returns ROCr's handle for any file of the GPU.
 */
static void find_device(struct rocr *rocr)
{
	const int fd = rocr_open_render_node(rocr);
	uint32_t major, minor;

	check(amdgpu_device_initialize(fd, &major, &minor, &rocr->device), "libdrm's handle");
	close(fd);
}

int rocr_open(struct rocr *rocr)
{
	*rocr = (struct rocr){ 0 };
	if (hsa_init() != HSA_STATUS_SUCCESS)
		return -ENODEV;
	check(hsa_iterate_agents(find_agents, rocr), "agents");
	if (!rocr->gpu.handle)
		return -ENODEV;
	check(hsa_amd_agent_iterate_memory_pools(rocr->cpu, find_pool, &rocr->host_pool),
	      "memory pools of the CPU");
	check(hsa_amd_agent_iterate_memory_pools(rocr->gpu, find_pool, &rocr->vram_pool),
	      "memory pools of the GPU");
	rocr->gpu_id = topology_number(rocr->gpu, "gpu_id", "");
	find_device(rocr);
	return 0;
}

void rocr_close(struct rocr *rocr)
{
	check(amdgpu_device_deinitialize(rocr->device), "put libdrm's handle");
	check(hsa_shut_down(), "hsa_shut_down");
}

void *rocr_alloc(const struct rocr *rocr, hsa_amd_memory_pool_t pool, size_t size)
{
	void *memory = NULL;

	check(hsa_amd_memory_pool_allocate(pool, size, 0, &memory), "allocate memory of ROCr");
	check(hsa_amd_agents_allow_access(1, &rocr->gpu, NULL, memory), "allow access");
	return memory;
}

hsa_signal_t rocr_signal(void)
{
	hsa_signal_t signal = { 0 };

	check(hsa_signal_create(0, 0, NULL, &signal), "create a signal");
	return signal;
}

/*
 * The two agents of a copy choose its engine: ROCr copies between a CPU and a GPU by SDMA, and
 * within a GPU by a shader, which the simulated GPU does not have.
 */
void rocr_copy_async(const struct rocr *rocr, enum direction direction, void *dst, const void *src,
		     size_t size, hsa_signal_t done)
{
	const bool to_vram = direction == TO_VRAM;

	check(hsa_amd_memory_async_copy(dst, to_vram ? rocr->gpu : rocr->cpu, src,
					to_vram ? rocr->cpu : rocr->gpu, size, 0, NULL, done),
	      "hsa_amd_memory_async_copy");
}

void rocr_wait(hsa_signal_t signal)
{
	hsa_signal_value_t value = hsa_signal_wait_scacquire(signal, HSA_SIGNAL_CONDITION_LT, 1,
							     COPY_DEADLINE_NS,
							     HSA_WAIT_STATE_BLOCKED);

	check(value ? (value < 0 ? (int)value : -ETIME) : 0, "a copy");
}

void rocr_copy(const struct rocr *rocr, enum direction direction, void *dst, const void *src,
	       size_t size)
{
	hsa_signal_t done = rocr_signal();

	hsa_signal_store_relaxed(done, 1);
	rocr_copy_async(rocr, direction, dst, src, size, done);
	rocr_wait(done);
	check(hsa_signal_destroy(done), "destroy a signal");
}
