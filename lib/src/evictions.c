/* SPDX-License-Identifier: MIT */
/*
 * How often the kernel evicts the queues of the process, from KFD's SMI events.
 *
 * A file of events has one line of text for each event, "<event in hex> <details>", in the formats
 * KFD_EVENT_FMT_* of <linux/kfd_ioctl.h>. Reading the file never blocks. The kernel's buffer has
 * 8 KiB, and the kernel drops events that do not fit (drivers/gpu/drm/amd/amdkfd/kfd_smi_events.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static bool is_own(const struct au_smi *smi, int pid)
{
	/* With CAP_SYS_ADMIN the file has the events of all processes. */
	return pid == smi->pid;
}

static void count_eviction(struct au_smi *smi, const char *details)
{
	unsigned int node;
	long long ns;
	int pid, trigger;

	if (sscanf(details, "%lld -%d %x %d", &ns, &pid, &node, &trigger) != 4 || !is_own(smi, pid))
		return;
	smi->count.evictions++;
	smi->count.userptr_evictions += trigger == AMD_SMI_TRIGGER_USERPTR;
}

static void count_restore(struct au_smi *smi, const char *details)
{
	unsigned int node;
	char rescheduled;
	long long ns;
	int pid;

	if (sscanf(details, "%lld -%d %x %c", &ns, &pid, &node, &rescheduled) != 4 ||
	    !is_own(smi, pid))
		return;
	/* 'R': the restore has failed, for example because memory has changed again. */
	if (rescheduled == 'R')
		smi->count.failed_restores++;
	else
		smi->count.restores++;
}

static void count_line(struct au_smi *smi)
{
	unsigned int event;
	int details = -1;

	/*
	 * The result of sscanf() does not count %n, so only @details tells whether sscanf() has
	 * come to %n.
	 */
	if (sscanf(smi->line, "%x %n", &event, &details) != 1 || details < 0)
		return;
	if (event == AMD_SMI_EVENT_QUEUE_EVICTION)
		count_eviction(smi, smi->line + details);
	else if (event == AMD_SMI_EVENT_QUEUE_RESTORE)
		count_restore(smi, smi->line + details);
}

/*
 * Count the events in @bytes. A read can end in the middle of a line, so keep the start of the
 * line.
 */
static void take(struct au_smi *smi, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			if (smi->line_len < sizeof(smi->line) - 1)
				smi->line[smi->line_len++] = bytes[i];
			continue;
		}
		smi->line[smi->line_len] = '\0';
		smi->line_len = 0;
		count_line(smi);
	}
}

/* Call with smi->lock held. */
static int count_events(struct au_device *device)
{
	char bytes[AU_SMI_FIFO_SIZE];
	size_t len;
	int ret;

	do {
		ret = au_smi_read(device, bytes, sizeof(bytes), &len);
		if (ret)
			return ret == -EAGAIN ? 0 : ret;
		take(&device->smi, bytes, len);
	} while (len == sizeof(bytes));
	return 0;
}

void au_smi_init(struct au_smi *smi)
{
	smi->fd = -1;
	pthread_mutex_init(&smi->lock, NULL);
}

void au_smi_fini(struct au_device *device)
{
	if (device->smi.fd >= 0)
		au_smi_close(device);
	pthread_mutex_destroy(&device->smi.lock);
}

AU_PUBLIC
int amdgpu_userptr_watch_evictions(struct amdgpu_userptr_ctx *ctx,
				   const struct amdgpu_userptr_watch_args *user)
{
	struct amdgpu_userptr_watch_args args;
	const int saved_errno = errno;
	struct au_device *device;
	int ret;

	if (!ctx || !user)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	if (!ret)
		ret = au_struct_get(user, &args, sizeof(args), sizeof(args));
	if (!ret && (args.device >= ctx->num_devices || args.kfd_fd < 0))
		ret = -EINVAL;
	if (ret)
		return ret;

	device = &ctx->devices[args.device];
	pthread_mutex_lock(&device->smi.lock);
	ret = device->smi.fd >= 0 ? -EEXIST : au_smi_open(device, args.kfd_fd, args.gpu_id);
	pthread_mutex_unlock(&device->smi.lock);
	errno = saved_errno;
	return ret;
}

AU_PUBLIC
int amdgpu_userptr_query_evictions(struct amdgpu_userptr_ctx *ctx,
				   struct amdgpu_userptr_evictions *user)
{
	struct amdgpu_userptr_evictions evictions;
	const int saved_errno = errno;
	struct au_device *device;
	int ret;

	if (!ctx || !user)
		return -EINVAL;
	ret = au_ctx_check_owner(ctx);
	if (!ret)
		ret = au_struct_get(user, &evictions, sizeof(evictions), sizeof(evictions));
	if (!ret && evictions.device >= ctx->num_devices)
		ret = -EINVAL;
	if (ret)
		return ret;

	device = &ctx->devices[evictions.device];
	pthread_mutex_lock(&device->smi.lock);
	ret = device->smi.fd < 0 ? -ENOENT : count_events(device);
	device->smi.count.device = evictions.device;
	if (!ret)
		au_struct_put(user, &device->smi.count, sizeof(device->smi.count));
	pthread_mutex_unlock(&device->smi.lock);
	errno = saved_errno;
	return ret;
}
