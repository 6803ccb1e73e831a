// SPDX-License-Identifier: MIT
/*
 * KFD's SMI events: the kernel writes one line of text per event, "<event id in hex> <details>".
 * The formats are the KFD_EVENT_FMT_* of <linux/kfd_ioctl.h>.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/igt_time.h"

/* The most bytes that can be pending: KFD_MAX_KFIFO_SIZE of amdkfd/kfd_smi_events.c */
#define SMI_FIFO_SIZE 8192

#define EVENT_BIT(event) KFD_SMI_EVENT_MASK_FROM_INDEX(event)

int __amd_kfd_smi_open(struct amd_kfd *kfd, pid_t pid, struct amd_kfd_smi *smi)
{
	const uint64_t events = EVENT_BIT(KFD_SMI_EVENT_QUEUE_EVICTION) |
				EVENT_BIT(KFD_SMI_EVENT_QUEUE_RESTORE) |
				EVENT_BIT(KFD_SMI_EVENT_VMFAULT);
	struct kfd_ioctl_smi_events_args args = { .gpuid = kfd->node.gpu_id };

	memset(smi, 0, sizeof(*smi));
	smi->fd = -1;
	if (ioctl(kfd->fd, AMDKFD_IOC_SMI_EVENTS, &args))
		return -errno;
	smi->fd = args.anon_fd;
	smi->pid = pid ? pid : getpid();
	if (write(smi->fd, &events, sizeof(events)) != sizeof(events)) {
		int ret = -errno;

		amd_kfd_smi_close(smi);
		return ret;
	}
	return 0;
}

void amd_kfd_smi_close(struct amd_kfd_smi *smi)
{
	if (smi->fd >= 0)
		close(smi->fd);
	smi->fd = -1;
}

static void count_eviction(struct amd_kfd_smi *smi, const char *details)
{
	unsigned int node;
	long long ns;
	int pid, trigger;

	if (sscanf(details, "%lld -%d %x %d", &ns, &pid, &node, &trigger) != 4)
		smi->count.other++;
	else if (pid == smi->pid) {
		smi->count.evictions++;
		smi->count.eviction_ns = ns;
		if (trigger >= 0 && trigger < AMD_KFD_NUM_TRIGGERS)
			smi->count.evictions_by[trigger]++;
	}
}

static void count_restore(struct amd_kfd_smi *smi, const char *details)
{
	unsigned int node;
	char rescheduled;
	long long ns;
	int pid;

	if (sscanf(details, "%lld -%d %x %c", &ns, &pid, &node, &rescheduled) != 4)
		smi->count.other++;
	else if (pid != smi->pid)
		return;
	else if (rescheduled == 'R')
		smi->count.rescheduled++;
	else {
		smi->count.restores++;
		smi->count.restore_ns = ns;
	}
}

static void count_line(struct amd_kfd_smi *smi, const char *line)
{
	unsigned int event, pid;
	int details;

	if (sscanf(line, "%x %n", &event, &details) != 1) {
		smi->count.other++;
		return;
	}
	switch (event) {
	case KFD_SMI_EVENT_QUEUE_EVICTION:
		count_eviction(smi, line + details);
		break;
	case KFD_SMI_EVENT_QUEUE_RESTORE:
		count_restore(smi, line + details);
		break;
	case KFD_SMI_EVENT_VMFAULT:
		/*
		 * The event has the number of the thread that acquired the VM.  Tests acquire the
		 * VM in the main thread, whose number is the pid.
		 */
		if (sscanf(line + details, "%x:", &pid) == 1 && (pid_t)pid == smi->pid)
			smi->count.vm_faults++;
		break;
	default:
		smi->count.other++;
	}
}

/* A read may end in the middle of an event: keep the start of a line for the next read. */
static void take_bytes(struct amd_kfd_smi *smi, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			if (smi->line_len < sizeof(smi->line) - 1)
				smi->line[smi->line_len++] = bytes[i];
			continue;
		}
		smi->line[smi->line_len] = '\0';
		smi->line_len = 0;
		count_line(smi, smi->line);
	}
}

int __amd_kfd_smi_drain(struct amd_kfd_smi *smi)
{
	char bytes[SMI_FIFO_SIZE];
	ssize_t len;

	/* read() of an empty buffer returns EAGAIN also without O_NONBLOCK. */
	while ((len = read(smi->fd, bytes, sizeof(bytes))) > 0) {
		take_bytes(smi, bytes, len);
		/*
		 * KFD drops an event that does not fit into its buffer.  So an event may be missing
		 * if the buffer had no room for the longest event.
		 */
		smi->full |= len > SMI_FIFO_SIZE - KFD_SMI_EVENT_MSG_SIZE;
	}

	return len < 0 && errno != EAGAIN ? -errno : 0;
}

int __amd_kfd_smi_mark(struct amd_kfd_smi *smi)
{
	int ret = __amd_kfd_smi_drain(smi);

	memset(&smi->count, 0, sizeof(smi->count));
	smi->full = false;
	return ret;
}

static unsigned int seen(const struct amd_kfd_smi *smi, enum kfd_smi_event event)
{
	switch (event) {
	case KFD_SMI_EVENT_QUEUE_EVICTION:
		return smi->count.evictions;
	case KFD_SMI_EVENT_QUEUE_RESTORE:
		return smi->count.restores;
	case KFD_SMI_EVENT_VMFAULT:
		return smi->count.vm_faults;
	default:
		return 0;
	}
}

int __amd_kfd_smi_wait(struct amd_kfd_smi *smi, enum kfd_smi_event event, unsigned int count,
		       unsigned int timeout_ms)
{
	const uint64_t deadline = igt_now_ms() + timeout_ms;

	for (;;) {
		struct pollfd pfd = { .fd = smi->fd, .events = POLLIN };
		uint64_t now = igt_now_ms();
		int ret = __amd_kfd_smi_drain(smi);

		if (ret && ret != -EINTR)
			return ret;
		if (seen(smi, event) >= count)
			return 0;
		if (now >= deadline)
			return smi->full ? -EOVERFLOW : -ETIME;
		if (poll(&pfd, 1, deadline - now) < 0 && errno != EINTR)
			return -errno;
	}
}

/*
 * Wait for restores until their count equals the count of evictions.  Compare the counts again
 * after each wait, because another eviction may have come.
 */
int __amd_kfd_smi_wait_restored(struct amd_kfd_smi *smi, unsigned int evictions,
				unsigned int timeout_ms)
{
	const struct amd_kfd_smi_counts *count = &smi->count;
	int ret = __amd_kfd_smi_wait(smi, KFD_SMI_EVENT_QUEUE_EVICTION, evictions, timeout_ms);

	while (!ret && count->restores < count->evictions)
		ret = __amd_kfd_smi_wait(smi, KFD_SMI_EVENT_QUEUE_RESTORE, count->evictions,
					 timeout_ms);
	return ret;
}
