/* SPDX-License-Identifier: MIT */
/*
 * Includes the kernel's headers that describe the files that amdgpu loads.  The
 * definitions below stand for kernel types and macros that these headers mention and
 * this program does not use.
 */
#ifndef VG_IMAGES_KERNEL_HEADERS_H
#define VG_IMAGES_KERNEL_HEADERS_H

#include <linux/stddef.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef __counted_by
#define __counted_by(member)
#endif
#define __packed		       __attribute__((packed))
#define DECLARE_FLEX_ARRAY(type, name) __DECLARE_FLEX_ARRAY(type, name)
#define __printf(format, args)
#define LITTLEENDIAN_CPU

typedef uint8_t u8;
struct mutex {
	int unused;
};
struct amdgpu_device;
struct firmware;

#include "discovery.h"
#include "soc15_hw_ip.h"
#include "amdgpu_ucode.h"

#endif
