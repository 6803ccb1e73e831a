/* SPDX-License-Identifier: MIT */
/* The interrupts of the device: one MSI vector.  The device has INTx but never uses it. */
#ifndef VG_HOST_IRQ_H
#define VG_HOST_IRQ_H

#include <linux/vfio.h>
#include <stdint.h>

struct vg_irq {
	int msi_fd; /* the client's eventfd for the MSI; -1: the client has not set one */
};

void vg_irq_init(struct vg_irq *irq);
void vg_irq_fini(struct vg_irq *irq);

/* Fill in @info for @info->index; 0 or -EINVAL. */
int vg_irq_get_info(struct vfio_irq_info *info);

/*
 * Handle VFIO_DEVICE_SET_IRQS; @data has the @len bytes behind @set.  If the function
 * keeps an eventfd, it writes -1 to its place in @fds; the caller has to close the others.
 * Returns 0 or -EINVAL.
 */
int vg_irq_set(struct vg_irq *irq, const struct vfio_irq_set *set, const uint8_t *data,
	       uint32_t len, int *fds, unsigned int nfds);

/* Signal the MSI vector; nothing happens while the client has not set it up. */
void vg_irq_raise(const struct vg_irq *irq);

#endif
