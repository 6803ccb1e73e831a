/* SPDX-License-Identifier: MIT */
/*
 * For systems whose packages have no <drm/drm.h>, although <linux/kfd_ioctl.h> includes it: Debian
 * 12's linux-libc-dev leaves it out, because libdrm-dev has the same header as <drm.h>.
 */
#include <drm.h>
