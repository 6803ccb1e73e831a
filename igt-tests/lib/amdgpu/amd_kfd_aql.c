// SPDX-License-Identifier: MIT
/*
 * HSA (AQL) queues: slots of the ring, vendor packets that run PM4, signals and their events.
 * Kernel references are to Linux 7.3.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/amdgpu/amd_pkt_pm4.h"
#include "lib/igt_time.h"

/* How long to wait for a free slot in a full ring. */
#define SLOT_MS igt_patience(10000)

/* The event page has a slot of 64 bits for each event of a process (kfd_events.c:273). */
#define EVENT_PAGE_BYTES (KFD_SIGNAL_EVENT_LIMIT * 8)

static unsigned int num_slots(const struct amd_kfd_queue *queue)
{
	return queue->ring.size / sizeof(struct amd_kfd_aql_packet);
}

static struct amd_kfd_aql_packet *slot_at(const struct amd_kfd_queue *queue, uint64_t index)
{
	return (struct amd_kfd_aql_packet *)queue->ring.cpu + index % num_slots(queue);
}

void amd_kfd_aql_init_ring(struct amd_kfd_queue *queue)
{
	for (unsigned int i = 0; i < num_slots(queue); i++)
		slot_at(queue, i)->header = AMD_KFD_AQL_INVALID;
}

void amd_kfd_aql_init_completion(struct amd_kfd_queue *queue, unsigned int offset)
{
	queue->completion = (void *)((char *)queue->control.cpu + offset);
	queue->completion->kind = AMD_KFD_SIGNAL_USER;
	queue->completion->value = 0;
	queue->completion->mailbox = 0; /* no event */
	queue->completion->event_id = 0;
}

/* Wait until the read index has passed the next slot, because then the slot may be used again. */
static int wait_for_slot(const struct amd_kfd_queue *queue)
{
	const uint64_t deadline = igt_now_ms() + SLOT_MS;
	const struct timespec pause = { .tv_nsec = 100000 };

	while (queue->aql_put - *queue->rptr >= num_slots(queue)) {
		if (igt_now_ms() >= deadline)
			return -ETIME;
		nanosleep(&pause, NULL);
	}
	return 0;
}

uint64_t amd_kfd_aql_put(struct amd_kfd_queue *queue, const struct amd_kfd_aql_packet *packet)
{
	struct amd_kfd_aql_packet *slot = slot_at(queue, queue->aql_put);

	if (!queue->error)
		queue->error = wait_for_slot(queue);
	if (queue->error)
		return queue->aql_put;
	*queue->wptr = queue->aql_put + 1;
	memcpy(&slot->body, &packet->body, sizeof(slot->body));
	/*
	 * Store the header last, because the GPU may read the packet as soon as its header is
	 * valid.
	 */
	__atomic_store_n(&slot->header, packet->header, __ATOMIC_RELEASE);
	return queue->aql_put++;
}

void amd_kfd_aql_doorbell(struct amd_kfd_queue *queue, uint64_t index)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*queue->doorbell = index;
}

struct amd_kfd_aql_packet amd_kfd_aql_pm4(uint64_t va, uint32_t dwords, uint64_t completion)
{
	return (struct amd_kfd_aql_packet){
		.header = AMD_KFD_AQL_VENDOR | AMD_KFD_AQL_BARRIER | AMD_KFD_AQL_SYSTEM_FENCES |
			  AMD_KFD_AQL_PM4_IB,
		.pm4 = {
			.ib = { PM4_TYPE3(PM4_INDIRECT_BUFFER, 3), amd_pkt_lo(va), amd_pkt_hi(va),
				INDIRECT_BUFFER_VALID | dwords },
			.remaining = AMD_KFD_AQL_PM4_REMAINING,
			.completion = completion,
		},
	};
}

int __amd_kfd_event_create(struct amd_kfd *kfd, struct amd_kfd_event *event)
{
	struct kfd_ioctl_create_event_args args = {
		.event_type = KFD_IOC_EVENT_SIGNAL,
		.auto_reset = 1,
	};
	bool first = !kfd->event_page.size;
	int ret = 0;

	/*
	 * The first event gives KFD the page for all events:
	 * kfd_chardev.c:kfd_ioctl_create_event().
	 */
	if (first) {
		ret = __amd_kfd_alloc_gtt(kfd, EVENT_PAGE_BYTES, &kfd->event_page);
		args.event_page_offset = kfd->event_page.handle;
	}
	if (!ret && ioctl(kfd->fd, AMDKFD_IOC_CREATE_EVENT, &args))
		ret = -errno;
	if (ret) {
		if (first)
			__amd_kfd_free(kfd, &kfd->event_page);
		return ret;
	}
	event->id = args.event_id;
	event->trigger = args.event_trigger_data;
	event->mailbox = kfd->event_page.va + 8 * args.event_slot_index;
	return 0;
}

int __amd_kfd_event_wait(struct amd_kfd *kfd, const struct amd_kfd_event *event,
			 unsigned int timeout_ms)
{
	struct kfd_event_data data = { .event_id = event->id };
	struct kfd_ioctl_wait_events_args args = {
		.events_ptr = (uintptr_t)&data,
		.num_events = 1,
		.wait_for_all = 1,
		.timeout = timeout_ms,
	};
	int ret;

	do {
		ret = ioctl(kfd->fd, AMDKFD_IOC_WAIT_EVENTS, &args);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	if (ret)
		return -errno;
	return args.wait_result == KFD_IOC_WAIT_RESULT_COMPLETE ? 0 : -ETIME;
}

int __amd_kfd_event_destroy(struct amd_kfd *kfd, const struct amd_kfd_event *event)
{
	struct kfd_ioctl_destroy_event_args args = { .event_id = event->id };

	return ioctl(kfd->fd, AMDKFD_IOC_DESTROY_EVENT, &args) ? -errno : 0;
}
