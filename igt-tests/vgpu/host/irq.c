// SPDX-License-Identifier: MIT
#include "irq.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

static const struct {
	uint32_t count, flags;
} irqs[VFIO_PCI_NUM_IRQS] = {
	[VFIO_PCI_INTX_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
						 VFIO_IRQ_INFO_AUTOMASKED },
	[VFIO_PCI_MSI_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD },
};

void vg_irq_init(struct vg_irq *irq)
{
	irq->msi_fd = -1;
}

static void set_msi(struct vg_irq *irq, int fd)
{
	if (irq->msi_fd >= 0)
		close(irq->msi_fd);
	irq->msi_fd = fd;
}

void vg_irq_fini(struct vg_irq *irq)
{
	set_msi(irq, -1);
}

int vg_irq_get_info(struct vfio_irq_info *info)
{
	if (info->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info->count = irqs[info->index].count;
	info->flags = irqs[info->index].flags;
	return 0;
}

/* Set or remove the eventfd of the one vector of an index. */
static void set_eventfd(struct vg_irq *irq, uint32_t index, uint32_t action, int *fds,
			unsigned int nfds)
{
	if (index != VFIO_PCI_MSI_IRQ_INDEX || action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return;
	set_msi(irq, nfds ? fds[0] : -1);
	if (nfds)
		fds[0] = -1;
}

int vg_irq_set(struct vg_irq *irq, const struct vfio_irq_set *set, const uint8_t *data,
	       uint32_t len, int *fds, unsigned int nfds)
{
	uint32_t type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	bool fire;

	if (set->flags != (type | action) || set->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (action != VFIO_IRQ_SET_ACTION_MASK && action != VFIO_IRQ_SET_ACTION_UNMASK &&
	    action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;
	if (set->start > irqs[set->index].count || set->count > irqs[set->index].count - set->start)
		return -EINVAL;

	switch (type) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (len || nfds > set->count || !set->count)
			return -EINVAL;
		set_eventfd(irq, set->index, action, fds, nfds);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (nfds || len != set->count)
			return -EINVAL;
		fire = set->count && data[0];
		break;
	case VFIO_IRQ_SET_DATA_NONE:
		if (nfds || len)
			return -EINVAL;
		fire = set->count;
		break;
	default:
		return -EINVAL;
	}

	if (set->index != VFIO_PCI_MSI_IRQ_INDEX || action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return 0;
	/* By VFIO's rules a request for no vectors and without data removes the interrupt. */
	if (!set->count)
		set_msi(irq, -1);
	else if (fire)
		vg_irq_raise(irq);
	return 0;
}

void vg_irq_raise(const struct vg_irq *irq)
{
	struct pollfd pfd = { .fd = irq->msi_fd, .events = POLLOUT };
	const uint64_t one = 1;
	ssize_t n;

	/*
	 * Do not wait when the client's eventfd is not ready: then its counter is
	 * at the limit, so an interrupt is pending anyway.
	 */
	if (irq->msi_fd < 0 || poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT))
		return;
	n = write(irq->msi_fd, &one, sizeof(one));
	(void)n;
}
