/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_H
#define HOOKS_H

#include <linux/device.h>
#include <linux/types.h>

/* Note that these pages belong to a device, so that their frees are reported. */
void know(unsigned long pfn, unsigned long count);
/* Report a MAP or UNMAP to the device's own oracle, if it has one. */
void say_dma(const struct device *dev, u32 kind, u32 flags, dma_addr_t addr, size_t size);

#endif
