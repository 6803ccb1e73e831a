/* SPDX-License-Identifier: MIT */
/*
 * The vfio-user protocol, version 0.0, as far as a PCI device with shared guest RAM
 * needs it (QEMU docs/interop/vfio-user.rst).  All numbers are little endian, like
 * those of the machines that this program runs on.  Where the protocol uses
 * structures of the kernel's VFIO uapi, so does this program.
 */
#ifndef VFIO_USER_PROTO_H
#define VFIO_USER_PROTO_H

#include <assert.h>
#include <endian.h>
#include <linux/vfio.h>
#include <stddef.h>
#include <stdint.h>

static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "the wire is little endian");

enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_WRITE_MEMORY = 12, /* the protocol's DMA_WRITE, which the server sends */
	VFIO_USER_DEVICE_RESET = 13,
};

struct vfio_user_header {
	uint16_t id; /* the sender of the command chooses it; the reply repeats it */
	uint16_t command;
	uint32_t size; /* of the whole message, this header included */
	uint32_t flags;
	uint32_t error; /* errno, valid with VFIO_USER_F_ERROR */
};

static_assert(sizeof(struct vfio_user_header) == 16, "header");

enum {
	VFIO_USER_F_TYPE_MASK = 0xf,
	VFIO_USER_F_TYPE_COMMAND = 0,
	VFIO_USER_F_TYPE_REPLY = 1,
	VFIO_USER_F_NO_REPLY = 0x10,
	VFIO_USER_F_ERROR = 0x20,
};

/* Behind this structure come the sender's capabilities as JSON text, and a NUL. */
struct vfio_user_version {
	uint16_t major;
	uint16_t minor;
};

static_assert(sizeof(struct vfio_user_version) == 4, "version");

enum {
	VFIO_USER_DMA_READ = 1 << 0,
	VFIO_USER_DMA_WRITE = 1 << 1,
	VFIO_USER_DMA_UNMAP_ALL = 1 << 1,
};

struct vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* offset in the file whose descriptor comes with the message */
	uint64_t iova;
	uint64_t size;
};

static_assert(sizeof(struct vfio_user_dma_map) == 32, "dma_map");

struct vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
};

static_assert(sizeof(struct vfio_user_dma_unmap) == 24, "dma_unmap");

/* The first fields of struct vfio_device_info; this transport sends only these. */
struct vfio_user_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
};

static_assert(sizeof(struct vfio_user_device_info) == 16, "device_info");
static_assert(offsetof(struct vfio_device_info, num_irqs) == 12, "device_info");
static_assert(sizeof(struct vfio_region_info) == 32, "region_info");
static_assert(sizeof(struct vfio_irq_info) == 16, "irq_info");
static_assert(sizeof(struct vfio_irq_set) == 20, "irq_set");

/* In a write and in the reply to a read, the @count bytes of data come behind this structure. */
struct vfio_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

static_assert(sizeof(struct vfio_user_region_access) == 16, "region_access");

/* The @count bytes of data come behind this structure. */
struct vfio_user_write_memory {
	uint64_t address;
	uint64_t count;
};

static_assert(sizeof(struct vfio_user_write_memory) == 16, "write_memory");

/* The limits that this server announces, and the largest message that follows from them. */
enum {
	VFIO_USER_MAX_FDS = 8,
	VFIO_USER_MAX_DATA = 1 << 20,
	VFIO_USER_PGSIZE = 4096,
	VFIO_USER_MAX_MESSAGE = sizeof(struct vfio_user_header) +
				sizeof(struct vfio_user_region_access) + VFIO_USER_MAX_DATA,
};

#endif
