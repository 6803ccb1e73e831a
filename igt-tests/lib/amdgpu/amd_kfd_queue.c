// SPDX-License-Identifier: MIT
/* User mode queues of KFD.  Kernel references are to Linux 7.3. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lib/amdgpu/amd_kfd.h"
#include "lib/igt_time.h"

#define RING_BYTES  (64u << 10)
#define RING_DWORDS (RING_BYTES / 4)

/* How long to wait for a full ring to become empty. */
#define DRAIN_MS igt_patience(10000)

/* Offsets in the control page of a PM4 or SDMA queue. Each value has a cache line of its own. */
enum {
	CONTROL_RPTR = 0,
	CONTROL_WPTR = 64,
	CONTROL_FENCE = 128,
};

/*
 * From this bit on kfd_ioctl_create_queue_args.queue_percentage has the number of a PM4 queue's
 * XCC.
 */
enum { TARGET_XCC_SHIFT = 8 };

/*
 * Offsets in the control page of an AQL queue, which is ROCm's amd_queue_t. The command processor
 * reads the write index, the read index, and the offset of the read index.
 */
enum {
	AQL_WRITE_ID = 56,
	AQL_READ_ID = 128,
	AQL_READ_ID_OFFSET = 136,
	AQL_FENCE = 256,
	AQL_COMPLETION = 320, /* the signal of queues on several XCCs */
};

static bool is_aql(const struct amd_kfd_queue *queue)
{
	return queue->type == AMD_KFD_QUEUE_AQL;
}

static unsigned int fence_offset(const struct amd_kfd_queue *queue)
{
	return is_aql(queue) ? AQL_FENCE : CONTROL_FENCE;
}

/*
 * The doorbells of a process, which kfd_doorbell.c:kfd_doorbell_mmap() maps as a whole: 1024 queues
 * (kfd_priv.h:98), 8 bytes each on SOC15 (kfd_device.c:205).
 */
#define DOORBELL_SLICE (8u * 1024)

void amd_kfd_close(struct amd_kfd *kfd)
{
	if (kfd->doorbells)
		munmap(kfd->doorbells, DOORBELL_SLICE);
	if (kfd->fd >= 0)
		close(kfd->fd);
	kfd->doorbells = NULL;
	kfd->fd = -1;
}

static int map_doorbells(struct amd_kfd *kfd, uint64_t offset)
{
	void *map;

	if (kfd->doorbells)
		return 0;
	map = mmap(NULL, DOORBELL_SLICE, PROT_READ | PROT_WRITE, MAP_SHARED, kfd->fd,
		   offset & ~(uint64_t)(DOORBELL_SLICE - 1));
	if (map == MAP_FAILED)
		return -errno;
	kfd->doorbells = map;
	return 0;
}

static int alloc_buffers(struct amd_kfd *kfd, struct amd_kfd_queue *queue)
{
	const struct amd_kfd_node *node = &kfd->node;
	int ret;

	ret = __amd_kfd_alloc_gtt(kfd, RING_BYTES, &queue->ring);
	if (!ret) /* exactly one page: kfd_queue.c:kfd_queue_acquire_buffers() */
		ret = __amd_kfd_alloc_gtt(kfd, 1, &queue->control);
	if (!ret && is_aql(queue))
		ret = __amd_kfd_alloc_gtt(kfd, RING_BYTES, &queue->ib);
	if (ret || queue->type == AMD_KFD_QUEUE_SDMA)
		return ret;

	ret = __amd_kfd_alloc_vram(kfd, node->eop_buffer_size, &queue->eop);
	if (!ret)
		ret = __amd_kfd_alloc_gtt(kfd, amd_kfd_save_area_size(node), &queue->cwsr);
	return ret;
}

static int free_buffers(struct amd_kfd_queue *queue)
{
	struct amd_kfd_mem *mems[] = { &queue->cwsr, &queue->eop, &queue->ib, &queue->control,
				       &queue->ring };
	int ret = 0;

	for (size_t i = 0; i < sizeof(mems) / sizeof(mems[0]); i++) {
		int err = __amd_kfd_free(queue->kfd, mems[i]);

		if (!ret)
			ret = err;
	}
	return ret;
}

static int create(struct amd_kfd *kfd, struct amd_kfd_queue *queue)
{
	static const uint32_t kfd_type[] = {
		[AMD_KFD_QUEUE_PM4] = KFD_IOC_QUEUE_TYPE_COMPUTE,
		[AMD_KFD_QUEUE_SDMA] = KFD_IOC_QUEUE_TYPE_SDMA,
		[AMD_KFD_QUEUE_AQL] = KFD_IOC_QUEUE_TYPE_COMPUTE_AQL,
	};
	const struct amd_kfd_node *node = &kfd->node;
	struct kfd_ioctl_create_queue_args args = {
		.ring_base_address = queue->ring.va,
		.ring_size = RING_BYTES,
		.read_pointer_address =
			queue->control.va + (is_aql(queue) ? AQL_READ_ID : CONTROL_RPTR),
		.write_pointer_address =
			queue->control.va + (is_aql(queue) ? AQL_WRITE_ID : CONTROL_WPTR),
		.gpu_id = node->gpu_id,
		.queue_type = kfd_type[queue->type],
		.queue_percentage = KFD_MAX_QUEUE_PERCENTAGE,
		.queue_priority = KFD_MAX_QUEUE_PRIORITY / 2,
	};
	int ret;

	/*
	 * One XCC of the partition executes the packets of a PM4 queue; these bits choose the XCC
	 * (kfd_chardev.c:258). Each XCC has its own TLB. AQL queues let the first XCC execute their
	 * packets, so choose the last one for PM4 queues: then a test also notices when the driver
	 * does not flush the TLB of another XCC.
	 */
	if (queue->type == AMD_KFD_QUEUE_PM4)
		args.queue_percentage |= (node->num_xcc - 1) << TARGET_XCC_SHIFT;
	if (queue->type != AMD_KFD_QUEUE_SDMA) {
		args.eop_buffer_address = queue->eop.va;
		args.eop_buffer_size = node->eop_buffer_size;
		args.ctx_save_restore_address = queue->cwsr.va;
		args.ctx_save_restore_size = node->cwsr_size;
		args.ctl_stack_size = node->ctl_stack_size;
	}
	if (ioctl(kfd->fd, AMDKFD_IOC_CREATE_QUEUE, &args))
		return -errno;
	queue->id = args.queue_id;

	ret = map_doorbells(kfd, args.doorbell_offset);
	if (ret) {
		struct kfd_ioctl_destroy_queue_args destroy = { .queue_id = queue->id };

		ioctl(kfd->fd, AMDKFD_IOC_DESTROY_QUEUE, &destroy);
		return ret;
	}
	queue->doorbell =
		(void *)((char *)kfd->doorbells + (args.doorbell_offset & (DOORBELL_SLICE - 1)));
	return 0;
}

static bool on_several_xccs(const struct amd_kfd *kfd, enum amd_kfd_queue_type type)
{
	/* KFD maps an AQL queue on each XCC of the partition: kfd_mqd_manager_v9.c:773. */
	return type == AMD_KFD_QUEUE_AQL && kfd->node.num_xcc > 1;
}

static const struct amd_pkt *packets_for(const struct amd_kfd *kfd, enum amd_kfd_queue_type type)
{
	const struct amd_pkt *pkt = type == AMD_KFD_QUEUE_SDMA ? amd_pkt_sdma(kfd->sdma_version)
							       : amd_pkt_compute(kfd->gc_version);

	return pkt && on_several_xccs(kfd, type) && !pkt->first_xcc ? NULL : pkt;
}

bool amd_kfd_has_packets(const struct amd_kfd *kfd, enum amd_kfd_queue_type type, char *reason,
			 size_t size)
{
	bool sdma = type == AMD_KFD_QUEUE_SDMA;
	uint32_t version = sdma ? kfd->sdma_version : kfd->gc_version;

	if (packets_for(kfd, type))
		return true;
	snprintf(reason, size, "Nobody has written the packets of %s %u.%u.%u%s (amd_pkt.c)",
		 sdma ? "SDMA" : "GC", version >> 16, version >> 8 & 0xff, version & 0xff,
		 on_several_xccs(kfd, type) ? " on several XCCs" : "");
	return false;
}

int __amd_kfd_queue_create(struct amd_kfd *kfd, enum amd_kfd_queue_type type,
			   struct amd_kfd_queue *queue)
{
	int ret;

	memset(queue, 0, sizeof(*queue));
	queue->kfd = kfd;
	queue->type = type;
	queue->pkt = packets_for(kfd, type);
	if (!queue->pkt)
		return -EOPNOTSUPP;
	queue->first_xcc_only = on_several_xccs(kfd, type);
	ret = alloc_buffers(kfd, queue);
	if (!ret) {
		char *control = queue->control.cpu;

		queue->rptr = (void *)(control + (is_aql(queue) ? AQL_READ_ID : CONTROL_RPTR));
		queue->wptr = (void *)(control + (is_aql(queue) ? AQL_WRITE_ID : CONTROL_WPTR));
		queue->fence = (void *)(control + fence_offset(queue));
		*queue->rptr = 0;
		*queue->wptr = 0;
		*queue->fence = 0;
		if (is_aql(queue)) {
			*(uint32_t *)(control + AQL_READ_ID_OFFSET) = AQL_READ_ID;
			amd_kfd_aql_init_ring(queue);
		}
		if (queue->first_xcc_only)
			amd_kfd_aql_init_completion(queue, AQL_COMPLETION);
		ret = create(kfd, queue);
	}
	if (ret)
		free_buffers(queue);
	return ret;
}

int __amd_kfd_queue_destroy(struct amd_kfd_queue *queue)
{
	struct kfd_ioctl_destroy_queue_args args = { .queue_id = queue->id };
	int ret, err;

	ret = ioctl(queue->kfd->fd, AMDKFD_IOC_DESTROY_QUEUE, &args) ? -errno : 0;
	err = free_buffers(queue);
	return ret ? ret : err;
}

static uint64_t completion_va(const struct amd_kfd_queue *queue)
{
	return queue->completion ? queue->control.va + AQL_COMPLETION : 0;
}

/* Let the GPU see the IB from @begin on: put a vendor packet for each contiguous piece of it. */
static void kick_aql(struct amd_kfd_queue *queue, uint64_t begin)
{
	uint64_t index = queue->aql_put;

	while (begin < queue->put) {
		uint64_t pos = begin % RING_DWORDS;
		uint64_t count = queue->put - begin;
		struct amd_kfd_aql_packet packet;

		if (count > RING_DWORDS - pos)
			count = RING_DWORDS - pos;
		begin += count;
		packet = amd_kfd_aql_pm4(queue->ib.va + 4 * pos, count,
					 begin == queue->put ? completion_va(queue) : 0);
		index = amd_kfd_aql_put(queue, &packet);
	}
	if (!queue->error)
		amd_kfd_aql_doorbell(queue, index);
}

/*
 * Let the GPU see the emitted packets. Write pointer and doorbell count dwords, but bytes for SDMA.
 * The fences order the stores, because the GPU may read as soon as the pointer or the doorbell has
 * changed.
 */
static void kick(struct amd_kfd_queue *queue)
{
	uint64_t put = queue->type == AMD_KFD_QUEUE_SDMA ? queue->put * 4 : queue->put;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*queue->wptr = put;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*queue->doorbell = put;
}

static void put_dwords(struct amd_kfd_queue *queue, const uint32_t *dw, unsigned int count)
{
	uint32_t *ring = is_aql(queue) ? queue->ib.cpu : queue->ring.cpu;

	for (unsigned int i = 0; i < count; i++)
		ring[queue->put++ % RING_DWORDS] = dw[i];
}

/* Put a packet. If only the first XCC may execute it, put a packet before it that says so. */
static void put_packet(struct amd_kfd_queue *queue, const uint32_t *dw, unsigned int count)
{
	uint32_t first[AMD_PKT_MAX_DW];
	unsigned int n = queue->first_xcc_only ? queue->pkt->first_xcc(first, count) : 0;

	/* An IB cannot wrap around, so a packet must not cross the end of its memory. */
	if (is_aql(queue) && queue->put % RING_DWORDS + n + count > RING_DWORDS) {
		while (queue->put % RING_DWORDS)
			put_dwords(queue, &queue->pkt->nop, 1);
	}
	put_dwords(queue, first, n);
	put_dwords(queue, dw, count);
}

uint32_t amd_kfd_queue_submit(struct amd_kfd_queue *queue)
{
	uint32_t dw[AMD_PKT_MAX_DW];
	unsigned int count =
		queue->pkt->fence(dw, queue->control.va + fence_offset(queue), ++queue->seqno);
	uint64_t begin = queue->submitted_put;

	/* The ring has room for the fence, because amd_kfd_queue_emit() leaves room for one. */
	put_packet(queue, dw, count);
	queue->submitted_put = queue->put;
	if (!queue->error && is_aql(queue))
		kick_aql(queue, begin);
	else if (!queue->error)
		kick(queue);
	return queue->seqno;
}

bool amd_kfd_queue_done(const struct amd_kfd_queue *queue, uint32_t seqno)
{
	uint32_t done = queue->completion ? -(uint32_t)queue->completion->value : *queue->fence;

	return (int32_t)(done - seqno) >= 0;
}

/*
 * Look at the fence or the signal, which the GPU will write: often at first, then every
 * millisecond.
 */
int __amd_kfd_queue_wait(struct amd_kfd_queue *queue, uint32_t seqno, unsigned int timeout_ms)
{
	const uint64_t deadline = igt_now_ms() + timeout_ms;
	struct timespec pause = { .tv_nsec = 10000 };

	if (queue->error)
		return queue->error;
	while (!amd_kfd_queue_done(queue, seqno)) {
		if (igt_now_ms() >= deadline)
			return amd_kfd_queue_done(queue, seqno) ? 0 : -ETIME;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000000)
			pause.tv_nsec *= 2;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (seqno == queue->seqno)
		queue->idle_put = queue->submitted_put;
	return 0;
}

int __amd_kfd_queue_sync(struct amd_kfd_queue *queue, unsigned int timeout_ms)
{
	return __amd_kfd_queue_wait(queue, amd_kfd_queue_submit(queue), timeout_ms);
}

/*
 * Wait until there is room for @count dwords and a fence. Never fill the ring to the last dword,
 * because a full ring would look like an empty one.
 */
static void make_room(struct amd_kfd_queue *queue, unsigned int count)
{
	unsigned int fence = queue->pkt->fence_dw;

	if (queue->first_xcc_only)
		fence += AMD_PKT_FIRST_XCC_DW;
	/*
	 * Neither the packet nor the fence may cross the end of the IB. So put_packet() may leave
	 * as many dwords unused there as both have.
	 */
	if (is_aql(queue))
		count += count + fence;
	if (queue->put - queue->idle_put + count + fence >= RING_DWORDS) {
		int ret = __amd_kfd_queue_sync(queue, DRAIN_MS);

		if (!queue->error)
			queue->error = ret;
	}
}

void amd_kfd_queue_emit(struct amd_kfd_queue *queue, const uint32_t *dw, unsigned int count)
{
	uint32_t acquire[AMD_PKT_MAX_DW];
	unsigned int n = queue->pkt->acquire ? queue->pkt->acquire(acquire) : 0;

	make_room(queue, count + n + (queue->first_xcc_only ? 2 * AMD_PKT_FIRST_XCC_DW : 0));
	if (queue->error)
		return;
	/*
	 * A submission begins with an acquire, because the CPU or another queue may have stored to
	 * memory since the last submission.
	 */
	if (n && queue->put == queue->submitted_put)
		put_packet(queue, acquire, n);
	put_packet(queue, dw, count);
}

void amd_kfd_queue_nop(struct amd_kfd_queue *queue, unsigned int dwords)
{
	while (dwords--)
		amd_kfd_queue_emit(queue, &queue->pkt->nop, 1);
}

void amd_kfd_queue_write(struct amd_kfd_queue *queue, uint64_t dst, const uint32_t *data,
			 unsigned int count)
{
	uint32_t dw[AMD_PKT_MAX_DW + AMD_KFD_WRITE_MAX_DW];
	unsigned int n;

	if (!count || count > AMD_KFD_WRITE_MAX_DW) {
		queue->error = -EINVAL;
		return;
	}
	n = queue->pkt->write(dw, dst, count);
	memcpy(&dw[n], data, count * sizeof(*data));
	amd_kfd_queue_emit(queue, dw, n + count);
}

void amd_kfd_queue_copy(struct amd_kfd_queue *queue, uint64_t dst, uint64_t src, uint64_t size)
{
	uint32_t dw[AMD_PKT_MAX_DW];

	while (size) {
		uint64_t chunk = size < AMD_PKT_COPY_MAX ? size : AMD_PKT_COPY_MAX;

		amd_kfd_queue_emit(queue, dw, queue->pkt->copy(dw, dst, src, chunk));
		dst += chunk;
		src += chunk;
		size -= chunk;
	}
}

void amd_kfd_queue_fence(struct amd_kfd_queue *queue, uint64_t addr, uint32_t value)
{
	uint32_t dw[AMD_PKT_MAX_DW];

	amd_kfd_queue_emit(queue, dw, queue->pkt->fence(dw, addr, value));
}

void amd_kfd_queue_timestamp(struct amd_kfd_queue *queue, uint64_t addr)
{
	uint32_t dw[AMD_PKT_MAX_DW];

	amd_kfd_queue_emit(queue, dw, queue->pkt->timestamp(dw, addr));
}

void amd_kfd_queue_poll(struct amd_kfd_queue *queue, uint64_t addr, uint32_t value)
{
	uint32_t dw[AMD_PKT_MAX_DW];

	amd_kfd_queue_emit(queue, dw, queue->pkt->poll(dw, addr, value));
	/* The CPU or another queue may have stored to memory while this queue waited. */
	if (queue->pkt->acquire)
		amd_kfd_queue_emit(queue, dw, queue->pkt->acquire(dw));
}
