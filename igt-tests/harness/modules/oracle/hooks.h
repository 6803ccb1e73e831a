/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_H
#define HOOKS_H

#include <linux/device.h>
#include <linux/types.h>

/*
 * Remember the @count pages from @pfn on, which a device has or may get, so that hooks.c reports
 * when the kernel frees them.
 */
void know(unsigned long pfn, unsigned long count);
/*
 * Report to the page oracle of @dev that the kernel mapped or unmapped (@kind) for it the pages of
 * @size bytes at the physical address @phys.  Does nothing if @dev is no simulated GPU.
 */
void say_pages(const struct device *dev, u32 kind, u32 flags, phys_addr_t phys, size_t size);

#endif
