/* SPDX-License-Identifier: MIT */
/* The part of the model for KFD's files of SMI events. */
#include "fake_kernel.h"
#include "test.h"

int fake_smi_open(struct fake_kernel *fake, int fd, struct amd_smi_events_args *args)
{
	const uint32_t index = args->gpuid - FAKE_FIRST_GPU;

	if (fd != FAKE_KFD_FD)
		return -ENOTTY;
	if (index >= FAKE_MAX_DEVICES)
		return -EINVAL;
	t_assert(!fake->devices[index].smi);
	fake->devices[index].smi = true;
	args->anon_fd = FAKE_FIRST_SMI + index;
	return 0;
}

static struct fake_device *smi_of(struct fake_kernel *fake, int fd)
{
	t_assert(fd >= FAKE_FIRST_SMI && fd < FAKE_FIRST_SMI + FAKE_MAX_DEVICES);
	t_assert(fake->devices[fd - FAKE_FIRST_SMI].smi);
	return &fake->devices[fd - FAKE_FIRST_SMI];
}

int fake_smi_enable(void *priv, int fd, uint64_t events)
{
	struct fake_kernel *fake = priv;
	int ret;

	pthread_mutex_lock(&fake->lock);
	smi_of(fake, fd);
	t_equal(events, AMD_SMI_EVENT_BIT(AMD_SMI_EVENT_QUEUE_EVICTION) |
				AMD_SMI_EVENT_BIT(AMD_SMI_EVENT_QUEUE_RESTORE));
	ret = fake_begin(fake, FAKE_SMI_ENABLE);
	pthread_mutex_unlock(&fake->lock);
	return ret;
}

int fake_smi_read(void *priv, int fd, char *bytes, size_t size)
{
	struct fake_kernel *fake = priv;
	struct fake_device *device;
	int len;

	pthread_mutex_lock(&fake->lock);
	errno = EXDEV;
	device = smi_of(fake, fd);
	len = device->num_event_bytes < size ? device->num_event_bytes : size;
	if (device->smi_read_limit && device->smi_read_limit < (unsigned int)len)
		len = device->smi_read_limit;
	memcpy(bytes, device->events, len);
	device->num_event_bytes -= len;
	memmove(device->events, device->events + len, device->num_event_bytes);
	if (!len)
		len = -EAGAIN;
	if (device->smi_error)
		len = device->smi_error;
	pthread_mutex_unlock(&fake->lock);
	return len;
}

void fake_smi_close(void *priv, int fd)
{
	struct fake_kernel *fake = priv;

	pthread_mutex_lock(&fake->lock);
	errno = EXDEV;
	fake->count[FAKE_SMI_CLOSE]++;
	smi_of(fake, fd)->smi = false;
	pthread_mutex_unlock(&fake->lock);
}

void fake_event(struct fake_kernel *fake, unsigned int device, const char *line)
{
	struct fake_device *dev = &fake->devices[device];
	const size_t len = strlen(line);

	if (!dev->smi || len > sizeof(dev->events) - dev->num_event_bytes)
		return;
	memcpy(dev->events + dev->num_event_bytes, line, len);
	dev->num_event_bytes += len;
}
