/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_H
#define HOOKS_H

#include <linux/device.h>
#include <linux/types.h>

/* Remember that a device has the @count pages from @pfn on, so that hooks.c reports their frees. */
void know(unsigned long pfn, unsigned long count);
/*
 * Report to the page oracle of @dev that the kernel mapped or unmapped (@kind) pages for it.  Does
 * nothing if @dev is no simulated GPU.
 */
void say_dma(const struct device *dev, u32 kind, u32 flags, dma_addr_t addr, size_t size);

#endif
