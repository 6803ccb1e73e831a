// SPDX-License-Identifier: MIT
/* DEVICE_GET_IRQ_INFO, DEVICE_SET_IRQS and the interrupt itself. */
#include "client.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	TRIGGER_EVENTFD = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
	TRIGGER_NONE = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
	TRIGGER_BOOL = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER,
	MASK_NONE = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK,
	UNMASK_EVENTFD = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK,
	INTX = VFIO_PCI_INTX_IRQ_INDEX,
	MSI = VFIO_PCI_MSI_IRQ_INDEX,
};

/* Send SET_IRQS with a copy of @fd. */
static int set_irqs(struct client *c, uint32_t index, uint32_t flags, uint32_t start,
		    uint32_t count, int fd)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = flags,
		.index = index,
		.start = start,
		.count = count,
	};
	int sent = fd >= 0 ? dup(fd) : -1;

	return client_call_fds(c, VFIO_USER_DEVICE_SET_IRQS, 0, &set, sizeof(set), &sent, fd >= 0);
}

static void raise_irq(struct client *c)
{
	c->dev.vg->ops->raise_irq(c->dev.vg->host);
}

static uint64_t pending(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void irqs_are_intx_and_one_msi(void)
{
	struct client *c = client_new();

	for (uint32_t i = 0; i <= VFIO_PCI_NUM_IRQS; i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i };
		int ret = client_call(c, VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info));

		t_equal(ret, i == VFIO_PCI_NUM_IRQS ? EINVAL : 0);
		if (ret)
			continue;
		memcpy(&info, client_body(c, sizeof(info)), sizeof(info));
		t_equal(info.index, i);
		t_equal(info.count, i == INTX || i == MSI);
		t_equal(info.flags & VFIO_IRQ_INFO_EVENTFD, info.count);
		t_equal(!!(info.flags & VFIO_IRQ_INFO_MASKABLE), i == INTX);
	}
	client_free(c);
}

static void msi_signals_the_eventfd(void)
{
	struct client *c = client_new();
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	raise_irq(c);
	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, fd), 0);
	t_equal(pending(fd), 0);
	raise_irq(c);
	t_equal(pending(fd), 1);
	raise_irq(c);
	raise_irq(c);
	t_equal(pending(fd), 2);
	close(fd);
	client_free(c);
}

static void replaced_eventfd_is_closed(void)
{
	struct client *c = client_new();
	int first = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int second = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int before = open_fds();

	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, first), 0);
	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, second), 0);
	t_equal(open_fds(), before + 1);
	raise_irq(c);
	t_equal(pending(first), 0);
	t_equal(pending(second), 1);
	close(first);
	close(second);
	client_free(c);
}

static void teardown_silences_and_closes(void)
{
	struct client *c = client_new();
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int before = open_fds();

	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, fd), 0);
	t_equal(set_irqs(c, MSI, TRIGGER_NONE, 0, 0, -1), 0);
	t_equal(open_fds(), before);
	raise_irq(c);
	t_equal(pending(fd), 0);

	/* The other way to remove the interrupt is an eventfd message without an eventfd. */
	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, fd), 0);
	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, -1), 0);
	t_equal(open_fds(), before);
	close(fd);
	client_free(c);
}

static void intx_eventfds_are_accepted_and_closed(void)
{
	struct client *c = client_new();
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int before = open_fds();

	t_equal(set_irqs(c, INTX, TRIGGER_EVENTFD, 0, 1, fd), 0);
	t_equal(set_irqs(c, INTX, UNMASK_EVENTFD, 0, 1, fd), 0);
	t_equal(set_irqs(c, INTX, MASK_NONE, 0, 1, -1), 0);
	t_equal(open_fds(), before);
	raise_irq(c);
	t_equal(pending(fd), 0);
	close(fd);
	client_free(c);
}

static void client_can_trigger_by_itself(void)
{
	struct {
		struct vfio_irq_set set;
		uint8_t data;
	} __attribute__((packed)) body = {
		.set = { .argsz = sizeof(body), .flags = TRIGGER_BOOL, .index = MSI, .count = 1 },
	};
	struct client *c = client_new();
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, fd), 0);
	t_equal(set_irqs(c, MSI, TRIGGER_NONE, 0, 1, -1), 0);
	t_equal(pending(fd), 1);
	t_equal(client_call(c, VFIO_USER_DEVICE_SET_IRQS, &body, sizeof(body)), 0);
	t_equal(pending(fd), 0);
	body.data = 1;
	t_equal(client_call(c, VFIO_USER_DEVICE_SET_IRQS, &body, sizeof(body)), 0);
	t_equal(pending(fd), 1);
	close(fd);
	client_free(c);
}

static void bad_settings_are_invalid_and_change_nothing(void)
{
	static const struct {
		uint32_t index, flags, start, count;
		bool fd;
	} bad[] = {
		{ VFIO_PCI_NUM_IRQS, TRIGGER_EVENTFD, 0, 1, true },
		{ UINT32_MAX, TRIGGER_EVENTFD, 0, 1, true },
		{ VFIO_PCI_MSIX_IRQ_INDEX, TRIGGER_EVENTFD, 0, 1, true },
		{ MSI, TRIGGER_EVENTFD, 0, 2, true },
		{ MSI, TRIGGER_EVENTFD, 1, 1, true },
		{ MSI, TRIGGER_EVENTFD, 2, 0, false },
		{ MSI, TRIGGER_EVENTFD, UINT32_MAX, 2, true },
		{ MSI, TRIGGER_EVENTFD, 0, UINT32_MAX, true },
		{ MSI, TRIGGER_EVENTFD, 0, 0, true },
		{ MSI, TRIGGER_NONE, 0, 1, true },
		{ MSI, TRIGGER_BOOL, 0, 1, false },
		{ MSI, VFIO_IRQ_SET_DATA_EVENTFD, 0, 1, true },
		{ MSI, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 1, false },
		{ MSI, TRIGGER_EVENTFD | VFIO_IRQ_SET_ACTION_MASK, 0, 1, true },
		{ MSI, TRIGGER_EVENTFD | VFIO_IRQ_SET_DATA_BOOL, 0, 1, true },
		{ MSI, TRIGGER_EVENTFD | 1 << 20, 0, 1, true },
	};
	struct client *c = client_new();
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int before;

	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, fd), 0);
	before = open_fds();
	for (size_t i = 0; i < T_ARRAY_SIZE(bad); i++) {
		t_equal(set_irqs(c, bad[i].index, bad[i].flags, bad[i].start, bad[i].count,
				 bad[i].fd ? other : -1),
			EINVAL);
		t_equal(open_fds(), before);
	}
	t_equal(pending(fd), 0);
	raise_irq(c);
	t_equal(pending(fd), 1);
	t_equal(pending(other), 0);
	close(fd);
	close(other);
	client_free(c);
}

static void a_file_that_would_block_does_not(void)
{
	struct client *c = client_new();
	const uint64_t limit = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_CLOEXEC), pipe_fds[2];

	/*
	 * The counter of this eventfd is at its limit, so a blocking write would wait.  The
	 * device must not wait.
	 */
	t_equal(write(fd, &limit, sizeof(limit)), sizeof(limit));
	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, fd), 0);
	alarm(10);
	raise_irq(c);

	/* The device must not block either when the "eventfd" is a pipe that nobody reads. */
	t_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	t_equal(set_irqs(c, MSI, TRIGGER_EVENTFD, 0, 1, pipe_fds[1]), 0);
	for (int i = 0; i < 1 << 14; i++)
		raise_irq(c);
	alarm(0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(fd);
	client_free(c);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(irqs_are_intx_and_one_msi),
		TEST(msi_signals_the_eventfd),
		TEST(replaced_eventfd_is_closed),
		TEST(teardown_silences_and_closes),
		TEST(intx_eventfds_are_accepted_and_closed),
		TEST(client_can_trigger_by_itself),
		TEST(bad_settings_are_invalid_and_change_nothing),
		TEST(a_file_that_would_block_does_not),
	};

	return run_tests(tests, T_ARRAY_SIZE(tests));
}
