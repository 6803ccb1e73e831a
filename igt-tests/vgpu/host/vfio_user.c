// SPDX-License-Identifier: MIT
#include "vfio_user.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { VERSION_MAJOR = 0 };

static const char capabilities[] = "{\"capabilities\":{"
				   "\"max_msg_fds\":8,"
				   "\"max_data_xfer_size\":1048576,"
				   "\"pgsizes\":4096}}";

static_assert(VFIO_USER_MAX_FDS == 8 && VFIO_USER_MAX_DATA == 1048576 && VFIO_USER_PGSIZE == 4096,
	      "capabilities[] says the same");

/* A message without its header, for the handler of its command. */
struct request {
	const uint8_t *body;
	size_t len;
	int *fds; /* a handler that keeps a descriptor sets it to -1 here */
	unsigned int nfds;
};

static int end_connection(struct vg_vfio_user *dev, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int end_connection(struct vg_vfio_user *dev, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(dev->error, sizeof(dev->error), format, args);
	va_end(args);
	return -EPROTO;
}

/*
 * Reserve @len bytes at the end of the reply.  Returns the pointer to them, or NULL if the
 * reply has no room for them.
 */
static void *reply_add(struct vg_reply *reply, size_t len)
{
	void *at = reply->data + reply->size;

	if (len > sizeof(reply->data) - reply->size)
		return NULL;
	reply->size += len;
	return at;
}

static int reply_put(struct vg_reply *reply, const void *body, size_t len)
{
	void *at = reply_add(reply, len);

	if (!at)
		return -EMSGSIZE;
	memcpy(at, body, len);
	return 0;
}

static int do_version(struct vg_vfio_user *dev, const struct request *req, struct vg_reply *reply)
{
	struct vfio_user_version version;
	const char *json = (const char *)req->body + sizeof(version);
	size_t json_len = req->len - sizeof(version);

	memcpy(&version, req->body, sizeof(version));
	if (dev->negotiated)
		return end_connection(dev, "a second VERSION");
	if (version.major != VERSION_MAJOR)
		return end_connection(dev, "the client speaks version %u.%u, not %u.x",
				      version.major, version.minor, VERSION_MAJOR);
	if (json_len && json[json_len - 1] != '\0')
		return -EINVAL;
	dev->negotiated = true;

	/* No capability of the client changes a reply, so ignore them all. */
	if (reply_put(reply, &version, sizeof(version)))
		return -EMSGSIZE;
	return reply_put(reply, capabilities, sizeof(capabilities));
}

static int do_dma_map(struct vg_vfio_user *dev, const struct request *req, struct vg_reply *reply)
{
	struct vfio_user_dma_map map;
	uint64_t gpa;
	int ret;

	memcpy(&map, req->body, sizeof(map));
	if (map.argsz < sizeof(map) || req->nfds > 1)
		return -EINVAL;
	ret = vg_dma_map(&dev->dma, map.iova, map.size, map.flags, req->nfds ? req->fds[0] : -1,
			 map.offset);
	if (ret || !vg_dma_lookup(&dev->dma, map.iova, 1, false, &gpa))
		gpa = VG_DMA_UNKNOWN;
	vgpu_trace(dev->vg,
		   "dma op=map iova=%#" PRIx64 " size=%#" PRIx64 " flags=%#x gpa=%#" PRIx64
		   " ret=%d",
		   map.iova, map.size, map.flags, gpa, ret);
	return ret;
}

static int do_dma_unmap(struct vg_vfio_user *dev, const struct request *req, struct vg_reply *reply)
{
	struct vfio_user_dma_unmap unmap;
	int ret = 0;

	memcpy(&unmap, req->body, sizeof(unmap));
	if (unmap.argsz < sizeof(unmap) || unmap.flags & ~VFIO_USER_DMA_UNMAP_ALL)
		return -EINVAL;
	if (unmap.flags & VFIO_USER_DMA_UNMAP_ALL && (unmap.iova || unmap.size))
		return -EINVAL;
	vgpu_unmapping(dev->vg);
	if (unmap.flags & VFIO_USER_DMA_UNMAP_ALL)
		vg_dma_unmap_all(&dev->dma);
	else
		ret = vg_dma_unmap(&dev->dma, unmap.iova, unmap.size);
	vgpu_trace(dev->vg, "dma op=unmap iova=%#" PRIx64 " size=%#" PRIx64 " flags=%#x ret=%d",
		   unmap.iova, unmap.size, unmap.flags, ret);
	return ret ? ret : reply_put(reply, &unmap, sizeof(unmap));
}

static int do_get_info(struct vg_vfio_user *dev, const struct request *req, struct vg_reply *reply)
{
	struct vfio_user_device_info info;

	memcpy(&info, req->body, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info = (struct vfio_user_device_info){
		.argsz = sizeof(info),
		.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
		.num_regions = VFIO_PCI_NUM_REGIONS,
		.num_irqs = VFIO_PCI_NUM_IRQS,
	};
	return reply_put(reply, &info, sizeof(info));
}

static int do_get_region_info(struct vg_vfio_user *dev, const struct request *req,
			      struct vg_reply *reply)
{
	struct vfio_region_info info;

	memcpy(&info, req->body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info = (struct vfio_region_info){
		.argsz = sizeof(info),
		.index = info.index,
		.size = vg_pci_region_size(info.index),
	};
	if (info.size)
		info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (info.index == VG_PCI_VRAM && !dev->trap_vram) {
		info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
		reply->fd = dev->vram_fd;
	}
	return reply_put(reply, &info, sizeof(info));
}

static int do_get_irq_info(struct vg_vfio_user *dev, const struct request *req,
			   struct vg_reply *reply)
{
	struct vfio_irq_info info;
	int ret;

	memcpy(&info, req->body, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info.argsz = sizeof(info);
	ret = vg_irq_get_info(&info);
	return ret ? ret : reply_put(reply, &info, sizeof(info));
}

static int do_set_irqs(struct vg_vfio_user *dev, const struct request *req, struct vg_reply *reply)
{
	struct vfio_irq_set set;
	int ret;

	/* @argsz also counts the data behind @set, but no eventfds, which the socket passes. */
	memcpy(&set, req->body, sizeof(set));
	if (set.argsz < sizeof(set))
		return -EINVAL;
	ret = vg_irq_set(&dev->irq, &set, req->body + sizeof(set), req->len - sizeof(set), req->fds,
			 req->nfds);
	vgpu_trace(dev->vg, "set-irqs index=%u flags=%#x start=%u count=%u fds=%u ret=%d",
		   set.index, set.flags, set.start, set.count, req->nfds, ret);
	return ret;
}

static int check_access(const struct vfio_user_region_access *access)
{
	uint64_t size = vg_pci_region_size(access->region);

	if (!access->count || access->count > VFIO_USER_MAX_DATA)
		return -EINVAL;
	if (access->offset > size || access->count > size - access->offset)
		return -EINVAL;
	return 0;
}

/*
 * Registers are dwords.  A narrower read returns a part of the dword that contains
 * the read bytes.  A 64 bit access becomes two of 32 bits, the low dword first, as on
 * the bus.
 */
static int mmio_read(struct vgpu *vg, uint32_t offset, uint8_t *data, uint32_t len)
{
	uint32_t dword = offset & ~(uint32_t)3;

	if ((len != 1 && len != 2 && len != 4 && len != 8) || offset % len)
		return -EINVAL;
	for (uint32_t done = 0; done < len; dword += 4) {
		uint32_t value = vgpu_mmio_read(vg, dword);
		uint32_t n = len < 4 ? len : 4;

		memcpy(data + done, (uint8_t *)&value + (offset & 3), n);
		done += n;
	}
	return 0;
}

static int mmio_write(struct vgpu *vg, uint32_t offset, const uint8_t *data, uint32_t len)
{
	if ((len != 4 && len != 8) || offset % 4)
		return -EINVAL;
	for (uint32_t done = 0; done < len; done += 4) {
		uint32_t value;

		memcpy(&value, data + done, sizeof(value));
		vgpu_mmio_write(vg, offset + done, value);
	}
	return 0;
}

static int doorbell_write(struct vgpu *vg, uint32_t offset, const uint8_t *data, uint32_t len)
{
	uint64_t value = 0;

	if ((len != 4 && len != 8) || offset % len)
		return -EINVAL;
	memcpy(&value, data, len);
	vgpu_doorbell_write(vg, offset, value, len);
	return 0;
}

static int do_region_read(struct vg_vfio_user *dev, const struct request *req,
			  struct vg_reply *reply)
{
	struct vfio_user_region_access access;
	uint8_t *data;

	memcpy(&access, req->body, sizeof(access));
	if (req->len != sizeof(access) || check_access(&access))
		return -EINVAL;
	if (reply_put(reply, &access, sizeof(access)))
		return -EMSGSIZE;
	data = reply_add(reply, access.count);
	if (!data)
		return -EMSGSIZE;

	switch (access.region) {
	case VG_PCI_VRAM:
		vgpu_vram_read(dev->vg, access.offset, data, access.count);
		return 0;
	case VG_PCI_DOORBELL:
		memset(data, 0, access.count); /* doorbells can only be written */
		return 0;
	case VG_PCI_MMIO:
		return mmio_read(dev->vg, access.offset, data, access.count);
	case VG_PCI_CONFIG:
		vg_pci_config_read(&dev->pci, access.offset, data, access.count);
		return 0;
	}
	return -EINVAL;
}

static int do_region_write(struct vg_vfio_user *dev, const struct request *req,
			   struct vg_reply *reply)
{
	struct vfio_user_region_access access;
	const uint8_t *data = req->body + sizeof(access);
	int ret = 0;

	memcpy(&access, req->body, sizeof(access));
	if (check_access(&access) || req->len - sizeof(access) != access.count)
		return -EINVAL;

	switch (access.region) {
	case VG_PCI_VRAM:
		vgpu_vram_write(dev->vg, access.offset, data, access.count);
		break;
	case VG_PCI_DOORBELL:
		ret = doorbell_write(dev->vg, access.offset, data, access.count);
		break;
	case VG_PCI_MMIO:
		ret = mmio_write(dev->vg, access.offset, data, access.count);
		break;
	case VG_PCI_CONFIG:
		vg_pci_config_write(&dev->pci, access.offset, data, access.count);
		break;
	}
	return ret ? ret : reply_put(reply, &access, sizeof(access));
}

static int do_reset(struct vg_vfio_user *dev, const struct request *req, struct vg_reply *reply)
{
	if (req->len)
		return -EINVAL;
	vg_pci_reset(&dev->pci);
	vgpu_reset(dev->vg);
	return 0;
}

static const struct handler {
	const char *name;
	size_t min_len; /* the smallest size of the body */
	unsigned int max_fds;
	int (*handle)(struct vg_vfio_user *dev, const struct request *req, struct vg_reply *reply);
} handlers[] = {
	[VFIO_USER_VERSION] = { "VERSION", sizeof(struct vfio_user_version), 0, do_version },
	[VFIO_USER_DMA_MAP] = { "DMA_MAP", sizeof(struct vfio_user_dma_map), 1, do_dma_map },
	[VFIO_USER_DMA_UNMAP] = { "DMA_UNMAP", sizeof(struct vfio_user_dma_unmap), 0,
				  do_dma_unmap },
	[VFIO_USER_DEVICE_GET_INFO] = { "DEVICE_GET_INFO", sizeof(struct vfio_user_device_info), 0,
					do_get_info },
	[VFIO_USER_DEVICE_GET_REGION_INFO] = { "DEVICE_GET_REGION_INFO",
					       sizeof(struct vfio_region_info), 0,
					       do_get_region_info },
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = { "DEVICE_GET_IRQ_INFO", sizeof(struct vfio_irq_info), 0,
					    do_get_irq_info },
	[VFIO_USER_DEVICE_SET_IRQS] = { "DEVICE_SET_IRQS", sizeof(struct vfio_irq_set),
					VFIO_USER_MAX_FDS, do_set_irqs },
	[VFIO_USER_REGION_READ] = { "REGION_READ", sizeof(struct vfio_user_region_access), 0,
				    do_region_read },
	[VFIO_USER_REGION_WRITE] = { "REGION_WRITE", sizeof(struct vfio_user_region_access), 0,
				     do_region_write },
	[VFIO_USER_DEVICE_RESET] = { "DEVICE_RESET", 0, 0, do_reset },
};

static const struct handler *find_handler(uint16_t command)
{
	if (command >= sizeof(handlers) / sizeof(handlers[0]) || !handlers[command].handle)
		return NULL;
	return &handlers[command];
}

static bool is_reply(const struct vfio_user_header *header)
{
	return (header->flags & VFIO_USER_F_TYPE_MASK) == VFIO_USER_F_TYPE_REPLY;
}

/* The client has answered a write of ops_bus_write(), so the write is complete or has failed. */
static void take_reply(struct vg_vfio_user *dev, const struct vfio_user_header *header)
{
	dev->unanswered--;
	vgpu_bus_written(dev->vg, header->flags & VFIO_USER_F_ERROR ? -(int)header->error : 0);
}

int vg_vfio_user_check_header(struct vg_vfio_user *dev, const struct vfio_user_header *header)
{
	if (header->size < sizeof(*header) || header->size > VFIO_USER_MAX_MESSAGE)
		return end_connection(dev, "command %u with a message size of %u", header->command,
				      header->size);
	if (is_reply(header) && header->command == VFIO_USER_WRITE_MEMORY && dev->unanswered)
		return 0;
	if ((header->flags & VFIO_USER_F_TYPE_MASK) != VFIO_USER_F_TYPE_COMMAND)
		return end_connection(dev, "a reply to command %u, which was not sent",
				      header->command);
	return 0;
}

/* Run the handler of a message; 0, the errno for the reply, or -EPROTO. */
static int dispatch(struct vg_vfio_user *dev, const struct vfio_user_header *header,
		    const struct request *req, struct vg_reply *reply)
{
	const struct handler *handler = find_handler(header->command);

	if (!dev->negotiated && header->command != VFIO_USER_VERSION)
		return end_connection(dev, "command %u before VERSION", header->command);
	if (!handler) {
		end_connection(dev, "unknown command %u", header->command);
		return -ENOTSUP;
	}
	if (req->len < handler->min_len || req->nfds > handler->max_fds)
		return -EINVAL;
	return handler->handle(dev, req, reply);
}

/*
 * Must the connection end because the command has failed?  Yes if the client wants no reply,
 * because it would not learn of the failure.  Yes also for DMA_MAP and DMA_UNMAP, because then the
 * device and the client have different memory at a bus address, and QEMU would go on in spite of
 * the error.
 */
static bool must_succeed(const struct vfio_user_header *header)
{
	return header->flags & VFIO_USER_F_NO_REPLY || header->command == VFIO_USER_DMA_MAP ||
	       header->command == VFIO_USER_DMA_UNMAP;
}

/* Put the header before the reply's body.  If the client gets no reply, empty it. */
static void finish_reply(struct vg_vfio_user *dev, struct vfio_user_header *header, int ret,
			 struct vg_reply *reply)
{
	if (ret && !dev->error[0] && must_succeed(header))
		end_connection(dev, "%s failed: %s", find_handler(header->command)->name,
			       strerror(-ret));
	if (ret == -EPROTO || header->flags & VFIO_USER_F_NO_REPLY) {
		reply->size = 0;
		reply->fd = -1;
		return;
	}
	header->flags = VFIO_USER_F_TYPE_REPLY;
	header->error = -ret;
	if (ret) {
		header->flags |= VFIO_USER_F_ERROR;
		reply->size = sizeof(*header);
		reply->fd = -1;
	}
	header->size = reply->size;
	memcpy(reply->data, header, sizeof(*header));
}

int vg_vfio_user_handle(struct vg_vfio_user *dev, const void *message, size_t size, int *fds,
			unsigned int nfds, struct vg_reply *reply)
{
	struct vfio_user_header header = { 0 };
	struct request req = { .fds = fds, .nfds = nfds };
	int ret;

	dev->error[0] = '\0';
	reply->size = sizeof(header);
	reply->fd = -1;
	memcpy(&header, message, size < sizeof(header) ? size : sizeof(header));
	if (size < sizeof(header) || header.size != size) {
		ret = end_connection(dev, "a message of %zu bytes that says %u", size, header.size);
	} else {
		req.body = (const uint8_t *)message + sizeof(header);
		req.len = size - sizeof(header);
		ret = vg_vfio_user_check_header(dev, &header);
		if (!ret && is_reply(&header))
			take_reply(dev, &header);
		else if (!ret)
			ret = dispatch(dev, &header, &req, reply);
	}
	for (unsigned int i = 0; i < nfds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (is_reply(&header))
		header.flags |= VFIO_USER_F_NO_REPLY;
	finish_reply(dev, &header, ret, reply);
	return dev->error[0] ? -EPROTO : 0;
}

static void *ops_dma(void *host, uint64_t addr, uint64_t len, bool write, uint64_t *gpa)
{
	struct vg_vfio_user *dev = host;

	return vg_dma_lookup(&dev->dma, addr, len, write, gpa);
}

static bool ops_may_be_device(void *host, uint64_t addr)
{
	const struct vg_vfio_user *dev = host;

	return vg_dma_may_be_device(&dev->dma, addr);
}

/* Let the client write, because the address is not in the memory that it shares. */
static void ops_bus_write(void *host, uint64_t addr, const void *data, size_t len)
{
	struct vg_vfio_user *dev = host;
	struct {
		struct vfio_user_header header;
		struct vfio_user_write_memory body;
		uint8_t data[VFIO_USER_PGSIZE];
	} message = {
		.header = {
			.id = ++dev->last_id,
			.command = VFIO_USER_WRITE_MEMORY,
			.size = offsetof(__typeof__(message), data) + len,
			.flags = VFIO_USER_F_TYPE_COMMAND,
		},
		.body = { .address = addr, .count = len },
	};
	int ret;

	memcpy(message.data, data, len);
	dev->unanswered++;
	ret = dev->send ? dev->send(dev->send_arg, &message, message.header.size) : -ENOTCONN;
	if (ret) {
		dev->unanswered--;
		vgpu_bus_written(dev->vg, ret);
	}
}

static void ops_raise_irq(void *host)
{
	struct vg_vfio_user *dev = host;

	vg_irq_raise(&dev->irq);
}

static void ops_trace(void *host, const char *line)
{
	struct vg_vfio_user *dev = host;

	fprintf(dev->trace, "%s\n", line);
}

static uint64_t monotonic_ns(void)
{
	const uint64_t ns_per_s = 1000000000;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * ns_per_s + now.tv_nsec;
}

static uint64_t ops_clock(void *host)
{
	const struct vg_vfio_user *dev = host;

	return monotonic_ns() - dev->started;
}

static const struct vg_host_ops quiet_ops = {
	.dma = ops_dma,
	.bus_write = ops_bus_write,
	.may_be_device = ops_may_be_device,
	.raise_irq = ops_raise_irq,
	.clock = ops_clock,
};

static const struct vg_host_ops traced_ops = {
	.dma = ops_dma,
	.bus_write = ops_bus_write,
	.may_be_device = ops_may_be_device,
	.raise_irq = ops_raise_irq,
	.trace = ops_trace,
	.clock = ops_clock,
};

static int alloc_vram(struct vg_vfio_user *dev)
{
	int ret;

	dev->vram_fd = memfd_create("vram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (dev->vram_fd < 0)
		return -errno;
	/*
	 * The client gets the descriptor, so seal it: if the client could shrink the memory, the
	 * next access of this process to the missing part would kill this process by SIGBUS.
	 */
	if (ftruncate(dev->vram_fd, VG_VRAM_SIZE) < 0 ||
	    fcntl(dev->vram_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto err;
	dev->vram = mmap(NULL, VG_VRAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dev->vram_fd, 0);
	if (dev->vram == MAP_FAILED)
		goto err;
	return 0;
err:
	ret = -errno;
	close(dev->vram_fd);
	return ret;
}

int vg_vfio_user_init(struct vg_vfio_user *dev, const struct vg_config *config, FILE *trace)
{
	struct vg_config with_vram = *config;
	int ret;

	memset(dev, 0, sizeof(*dev));
	dev->trace = trace;
	dev->trap_vram = config->hdp_fifo;
	dev->started = monotonic_ns();
	vg_irq_init(&dev->irq);
	vg_pci_reset(&dev->pci);
	ret = alloc_vram(dev);
	if (ret)
		return ret;
	with_vram.vram = dev->vram;
	dev->vg = vgpu_new(&with_vram, trace ? &traced_ops : &quiet_ops, dev);
	if (!dev->vg) {
		munmap(dev->vram, VG_VRAM_SIZE);
		close(dev->vram_fd);
		return -ENOMEM;
	}
	return 0;
}

void vg_vfio_user_fini(struct vg_vfio_user *dev)
{
	vgpu_free(dev->vg);
	vg_dma_fini(&dev->dma);
	vg_irq_fini(&dev->irq);
	munmap(dev->vram, VG_VRAM_SIZE);
	close(dev->vram_fd);
}
