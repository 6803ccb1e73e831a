/* SPDX-License-Identifier: MIT */
/* amdgpu-userptr-info: print for each GPU whether the library can map memory, and why not. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <amdgpu_drm.h>
#include <xf86drm.h>

#include <amdgpu_userptr.h>

#include "uapi.h"

#define KFD	      "/dev/kfd"
#define TOPOLOGY      "/sys/class/kfd/kfd/topology/nodes"
#define MAX_NODES     256 /* most nodes of a topology; sysfs numbers them without gaps */
#define MAX_DEVICES   256
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	EXIT_CAN_MAP = 0,
	EXIT_CANNOT_MAP = 1,
	EXIT_TROUBLE = 2,
};

/*
 * A GPU, and why it cannot map memory. fail() keeps the first reason, because each step needs the
 * steps before it.
 */
struct gpu {
	char node[32]; /* of /dev/dri */
	uint32_t render_minor;
	char pci[16];
	char name[128];
	char driver[32];
	char isa[16];
	uint32_t kfd_gpu_id;
	const char *step; /* the step that failed, or NULL */
	int error;	  /* a negative errno, or 0 */
	char reason[256];
	bool has_caps;
	struct amdgpu_userptr_caps caps;
	bool has_hdp;
	struct amdgpu_userptr_hdp hdp;
};

static const struct {
	uint32_t flag;
	const char *name;
} coherences[] = {
	{ AMDGPU_USERPTR_MAP_COHERENT, "coherent" },
	{ AMDGPU_USERPTR_MAP_UNCACHED, "uncached" },
	{ AMDGPU_USERPTR_MAP_EXT_COHERENT, "ext-coherent" },
};

__attribute__((format(printf, 4, 5))) static void fail(struct gpu *gpu, const char *step, int error,
						       const char *format, ...)
{
	va_list args;

	if (gpu->step)
		return;
	gpu->step = step;
	gpu->error = error;
	va_start(args, format);
	vsnprintf(gpu->reason, sizeof(gpu->reason), format, args);
	va_end(args);
}

static const char *who_may(int error)
{
	return error == EACCES ? "; members of the group that owns it may" : "";
}

/* Read the numbers of a node of KFD's topology. False: there is no such node. */
static bool read_topology(unsigned int index, uint32_t *minor, uint32_t *gpu_id, uint32_t *target)
{
	unsigned long long value;
	char path[96], name[64];
	FILE *file;

	*minor = *gpu_id = *target = 0;
	snprintf(path, sizeof(path), TOPOLOGY "/%u/gpu_id", index);
	file = fopen(path, "re");
	if (!file)
		return false;
	/* read() fails with EPERM when the device cgroup forbids the GPU to the process. */
	if (fscanf(file, "%" SCNu32, gpu_id) != 1)
		*gpu_id = 0;
	fclose(file);
	snprintf(path, sizeof(path), TOPOLOGY "/%u/properties", index);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (fscanf(file, "%63s %llu", name, &value) == 2) {
		if (!strcmp(name, "drm_render_minor"))
			*minor = value;
		else if (!strcmp(name, "gfx_target_version"))
			*target = value;
	}
	fclose(file);
	return true;
}

/* Skip nodes with a gpu_id of 0, because these are CPUs. */
static void find_kfd_gpu(struct gpu *gpu)
{
	uint32_t found, gpu_id, target;

	for (unsigned int i = 0; i < MAX_NODES && read_topology(i, &found, &gpu_id, &target); i++) {
		if (!gpu_id || found != gpu->render_minor)
			continue;
		gpu->kfd_gpu_id = gpu_id;
		if (!target)
			return;
		snprintf(gpu->isa, sizeof(gpu->isa), "gfx%" PRIu32 "%" PRIx32 "%" PRIx32,
			 target / 10000, target / 100 % 100, target % 100);
		return;
	}
}

static bool is_amdgpu(struct gpu *gpu, int fd)
{
	drmVersionPtr version = drmGetVersion(fd);

	if (!version) {
		fail(gpu, "driver", -errno, "%s does not tell its driver: %s", gpu->node,
		     strerror(errno));
		return false;
	}
	snprintf(gpu->driver, sizeof(gpu->driver), "%s", version->name);
	drmFreeVersion(version);
	if (!strcmp(gpu->driver, "amdgpu"))
		return true;
	fail(gpu, "driver", -ENODEV, "the driver is %s, not amdgpu", gpu->driver);
	return false;
}

static void name_of(struct gpu *gpu, int fd)
{
	uint32_t major, minor;
	amdgpu_device_handle device;
	const char *name;

	if (amdgpu_device_initialize(fd, &major, &minor, &device))
		return;
	/* libdrm may have no list of names, or not this GPU in it. */
	name = amdgpu_get_marketing_name(device);
	if (name)
		snprintf(gpu->name, sizeof(gpu->name), "%s", name);
	amdgpu_device_deinitialize(device);
}

/* Let KFD use the GPU address space of the file. @kfd: the file of KFD, or a negative errno. */
static void acquire_vm(struct gpu *gpu, int kfd, int fd)
{
	struct amd_acquire_vm_args args = {
		.drm_fd = fd,
		.gpu_id = gpu->kfd_gpu_id,
	};

	if (kfd < 0) {
		fail(gpu, "kfd", kfd, "cannot open " KFD ": %s%s", strerror(-kfd), who_may(-kfd));
	} else if (!gpu->kfd_gpu_id) {
		fail(gpu, "topology", -ENODEV,
		     "KFD does not have the GPU, or forbids it to this process");
	} else if (ioctl(kfd, AMD_IOC_ACQUIRE_VM, &args)) {
		fail(gpu, "acquire", -errno, "KFD does not take the GPU address space: %s",
		     strerror(errno));
	}
}

static void ask_library(struct gpu *gpu, int kfd, int fd)
{
	const struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.fds = &fd,
		.num_devices = 1,
	};
	struct amdgpu_userptr_ctx *ctx;
	int ret;

	ret = amdgpu_userptr_ctx_create(&args, &ctx);
	if (ret) {
		fail(gpu, "context", ret, "no context: %s", strerror(-ret));
		return;
	}
	gpu->caps.size = sizeof(gpu->caps);
	ret = amdgpu_userptr_query_caps(ctx, &gpu->caps);
	if (ret)
		fail(gpu, "context", ret, "no answer from the library: %s", strerror(-ret));
	gpu->has_caps = !ret;
	/* Report a kernel that is too old first, because then acquire_vm() does not help. */
	if (gpu->has_caps && gpu->caps.hsa_reason == AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD)
		fail(gpu, "map", gpu->caps.hsa_status, "%s",
		     amdgpu_userptr_reason_text(gpu->caps.hsa_reason));
	if (!gpu->step)
		acquire_vm(gpu, kfd, fd);
	if (!gpu->step) {
		ret = amdgpu_userptr_query_caps(ctx, &gpu->caps);
		if (ret || gpu->caps.hsa_status)
			fail(gpu, "map", ret ? ret : gpu->caps.hsa_status, "%s",
			     amdgpu_userptr_reason_text(gpu->caps.hsa_reason));
		else if (!gpu->caps.vm_timeline)
			fail(gpu, "map", -EOPNOTSUPP, "%s",
			     amdgpu_userptr_reason_text(AMDGPU_USERPTR_REASON_KERNEL_TOO_OLD));
	}
	gpu->hdp.size = sizeof(gpu->hdp);
	gpu->has_hdp = !amdgpu_userptr_query_hdp(ctx, &gpu->hdp);
	amdgpu_userptr_ctx_destroy(ctx);
}

/*
 * The driver makes a node for each partition that the GPU can have (amdgpu_xcp_drv.c). If a
 * partition is not in use KFD does not have it, and the kernel logs an error when a process opens
 * its node. So this program leaves such nodes out.
 */
static bool is_unused_partition(const struct gpu *gpu, const drmDevice *device)
{
	return device->bustype == DRM_BUS_PLATFORM && !gpu->kfd_gpu_id &&
	       !strncmp(device->businfo.platform->fullname, "amdgpu_xcp", strlen("amdgpu_xcp"));
}

/* Fill in @gpu. False: the node belongs to an unused partition, so leave it out. */
static bool look_at(struct gpu *gpu, const drmDevice *device, int kfd)
{
	struct stat st;
	int fd;

	memset(gpu, 0, sizeof(*gpu));
	snprintf(gpu->node, sizeof(gpu->node), "%s", device->nodes[DRM_NODE_RENDER]);
	if (device->bustype == DRM_BUS_PCI)
		snprintf(gpu->pci, sizeof(gpu->pci), "%04x:%02x:%02x.%d",
			 device->businfo.pci->domain, device->businfo.pci->bus,
			 device->businfo.pci->dev, device->businfo.pci->func);
	if (!stat(gpu->node, &st)) {
		gpu->render_minor = minor(st.st_rdev);
		find_kfd_gpu(gpu);
	}
	if (is_unused_partition(gpu, device))
		return false;
	fd = open(gpu->node, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fail(gpu, "open", -errno, "cannot open %s: %s%s", gpu->node, strerror(errno),
		     who_may(errno));
		return true;
	}
	if (is_amdgpu(gpu, fd)) {
		name_of(gpu, fd);
		ask_library(gpu, kfd, fd);
	}
	close(fd);
	return true;
}

static int compare_nodes(const void *a, const void *b)
{
	const struct gpu *one = a, *other = b;

	return (one->render_minor > other->render_minor) -
	       (one->render_minor < other->render_minor);
}

/* Fill in the GPUs that have a render node, without unused partitions; return their number. */
static int look(struct gpu *gpus)
{
	int kfd = open(KFD, O_RDWR | O_CLOEXEC), count = 0, found;
	drmDevicePtr devices[MAX_DEVICES];

	if (kfd < 0)
		kfd = -errno;
	found = drmGetDevices2(0, devices, MAX_DEVICES);
	for (int i = 0; i < found; i++) {
		if (devices[i]->available_nodes & (1 << DRM_NODE_RENDER) &&
		    look_at(&gpus[count], devices[i], kfd))
			count++;
	}
	qsort(gpus, count, sizeof(gpus[0]), compare_nodes);
	if (found > 0)
		drmFreeDevices(devices, found);
	if (kfd >= 0)
		close(kfd);
	return count;
}

static const char *backend_name(uint32_t backend)
{
	return backend == AMDGPU_USERPTR_BACKEND_SCATTER ? "scatter" : "ranges";
}

static void print_caps(const struct amdgpu_userptr_caps *caps)
{
	const char *separator = "";

	printf("  driver:     DRM %" PRIu32 ".%" PRIu32 "\n", caps->drm_major, caps->drm_minor);
	printf("  backend:    %s, at most %" PRIu32 " ranges\n", backend_name(caps->backend),
	       caps->max_ranges);
	printf("  coherence:  ");
	for (size_t i = 0; i < ARRAY_SIZE(coherences); i++) {
		if (!(caps->map_flags & coherences[i].flag))
			continue;
		printf("%s%s", separator, coherences[i].name);
		separator = ", ";
	}
	printf("%s\n", *separator ? "" : "no choice");
	printf("  addresses:  %#" PRIx64 " to %#" PRIx64 ", in units of %" PRIu64
	       ", aligned to %" PRIu64 "\n",
	       caps->va_min, caps->va_max, caps->granularity, caps->va_alignment);
	printf("  pages:      CPU pages of %" PRIu64 ", %s\n", caps->page_size,
	       caps->granularity < caps->page_size ? "parts of them can be mapped"
						   : "mapped as a whole");
}

static void print_hdp(const struct amdgpu_userptr_hdp *hdp)
{
	printf("  HDP flush:  %s: %s\n", amdgpu_userptr_hdp_way_name(hdp->way),
	       amdgpu_userptr_hdp_need_text(hdp->need));
	for (uint32_t way = AMDGPU_USERPTR_HDP_REMAP; way < ARRAY_SIZE(hdp->status); way++)
		printf("    %-10s%s\n", amdgpu_userptr_hdp_way_name(way),
		       hdp->status[way] ? strerror(-hdp->status[way]) : "yes");
}

static void print_text(const struct gpu *gpus, int count)
{
	if (!count)
		printf("no GPU: /dev/dri has no render node\n");
	for (int i = 0; i < count; i++) {
		const struct gpu *gpu = &gpus[i];

		printf("%s%s%s%s%s%s%s\n", gpu->node, *gpu->pci ? "  " : "", gpu->pci,
		       *gpu->name ? "  " : "", gpu->name, *gpu->isa ? "  " : "", gpu->isa);
		if (gpu->step)
			printf("  map:        no: %s\n", gpu->reason);
		else
			printf("  map:        yes\n");
		if (gpu->has_caps)
			print_caps(&gpu->caps);
		if (gpu->has_hdp)
			print_hdp(&gpu->hdp);
	}
}

static void json_string(const char *name, const char *text)
{
	printf("\"%s\": ", name);
	if (!text || !*text) {
		printf("null");
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void json_caps(const struct amdgpu_userptr_caps *caps)
{
	const char *separator = "";

	printf(",\n     \"drm\": \"%" PRIu32 ".%" PRIu32 "\", ", caps->drm_major, caps->drm_minor);
	json_string("backend", backend_name(caps->backend));
	printf(", \"max_ranges\": %" PRIu32 ", \"page_size\": %" PRIu64 ",\n", caps->max_ranges,
	       caps->page_size);
	printf("     \"va_min\": %" PRIu64 ", \"va_max\": %" PRIu64 ", \"granularity\": %" PRIu64
	       ", \"va_alignment\": %" PRIu64 ",\n     \"coherence\": [",
	       caps->va_min, caps->va_max, caps->granularity, caps->va_alignment);
	for (size_t i = 0; i < ARRAY_SIZE(coherences); i++) {
		if (!(caps->map_flags & coherences[i].flag))
			continue;
		printf("%s\"%s\"", separator, coherences[i].name);
		separator = ", ";
	}
	printf("]");
}

static void json_hdp(const struct amdgpu_userptr_hdp *hdp)
{
	printf(",\n     \"hdp\": {");
	json_string("way", amdgpu_userptr_hdp_way_name(hdp->way));
	printf(", \"needed\": %s, ", hdp->need == AMDGPU_USERPTR_HDP_NEEDED ? "true" : "false");
	json_string("why", amdgpu_userptr_hdp_need_text(hdp->need));
	printf(", \"status\": {");
	for (uint32_t way = AMDGPU_USERPTR_HDP_REMAP; way < ARRAY_SIZE(hdp->status); way++)
		printf("%s\"%s\": %" PRId32, way > AMDGPU_USERPTR_HDP_REMAP ? ", " : "",
		       amdgpu_userptr_hdp_way_name(way), hdp->status[way]);
	printf("}}");
}

static void version_text(char *text, size_t size)
{
	const uint32_t version = amdgpu_userptr_version();

	snprintf(text, size, "%" PRIu32 ".%" PRIu32 ".%" PRIu32, version >> 16, version >> 8 & 0xff,
		 version & 0xff);
}

static void print_json(const struct gpu *gpus, int count)
{
	char version[32];

	version_text(version, sizeof(version));
	printf("{");
	json_string("version", version);
	printf(", \"gpus\": [");
	for (int i = 0; i < count; i++) {
		const struct gpu *gpu = &gpus[i];

		printf("%s\n    {", i ? "," : "");
		json_string("node", gpu->node);
		printf(", ");
		json_string("pci", gpu->pci);
		printf(", ");
		json_string("driver", gpu->driver);
		printf(",\n     ");
		json_string("name", gpu->name);
		printf(", ");
		json_string("isa", gpu->isa);
		printf(", \"kfd_gpu_id\": %" PRIu32 ",\n     \"can_map\": %s, ", gpu->kfd_gpu_id,
		       gpu->step ? "false" : "true");
		json_string("step", gpu->step);
		printf(", \"error\": %d, ", gpu->error);
		json_string("reason", gpu->reason);
		if (gpu->has_caps)
			json_caps(&gpu->caps);
		if (gpu->has_hdp)
			json_hdp(&gpu->hdp);
		printf("}");
	}
	printf("%s]}\n", count ? "\n" : "");
}

static int usage(FILE *out, int status)
{
	fprintf(out,
		"Usage: amdgpu-userptr-info [--json | --help | --version]\n"
		"Prints what each GPU of the machine can do with libamdgpu_userptr, and why not.\n"
		"Exit status: 0: a GPU can map memory; 1: none can; 2: trouble.\n");
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	static struct gpu gpus[MAX_DEVICES];
	int option, count, status = EXIT_CANNOT_MAP;
	bool json = false;
	char version[32];

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			return usage(stdout, EXIT_SUCCESS);
		case 'v':
			version_text(version, sizeof(version));
			printf("amdgpu-userptr-info %s\n", version);
			return EXIT_SUCCESS;
		default:
			return usage(stderr, EXIT_TROUBLE);
		}
	}
	if (optind != argc)
		return usage(stderr, EXIT_TROUBLE);

	count = look(gpus);
	if (json)
		print_json(gpus, count);
	else
		print_text(gpus, count);
	for (int i = 0; i < count; i++) {
		if (!gpus[i].step)
			status = EXIT_CAN_MAP;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "amdgpu-userptr-info: cannot write: %s\n", strerror(errno));
		return EXIT_TROUBLE;
	}
	return status;
}
