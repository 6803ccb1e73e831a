/* SPDX-License-Identifier: MIT */
/*
 * Dispatches arbitrary bytes as a stream of vfio-user messages, which it cuts into messages by the
 * size in each header, as a reader of the socket does.  The tests' client checks each reply.  The
 * transport only echoes the id of a message, so this target uses the id to choose how many
 * descriptors come with the message and how much memory each has.
 */
#include <unistd.h>

#include "core/bits.h"
#include "host/tests/client.h"

#define ID_FDS	    VG_BITS(3, 0)
#define ID_FD_PAGES VG_BITS(7, 4)

/* The entry point that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/*
 * Use the device as the model may use it after the message: raise an interrupt, and access the
 * memory that a DMA_MAP with this @body has mapped.
 */
static void use_device(struct client *c, const void *body, size_t len)
{
	struct vfio_user_dma_map map;
	const volatile uint8_t *p;

	c->dev.vg->ops->raise_irq(c->dev.vg->host);
	if (len < sizeof(map))
		return;
	memcpy(&map, body, sizeof(map));
	p = client_dma(c, map.iova, 1, false);
	if (p)
		(void)*p;
	p = map.size ? client_dma(c, map.iova + map.size - 1, 1, false) : NULL;
	if (p)
		(void)*p;
}

/* Send the message at the front of @bytes.  Returns its size, or 0 when there is none. */
static size_t send_first(struct client *c, const uint8_t *bytes, size_t size)
{
	struct vfio_user_header header;
	int fds[VFIO_USER_MAX_FDS];
	unsigned int nfds;

	if (size < sizeof(header))
		return 0;
	memcpy(&header, bytes, sizeof(header));
	if (vg_vfio_user_check_header(&c->dev, &header) || header.size > size)
		return 0;
	nfds = VG_GET(ID_FDS, header.id) % (VFIO_USER_MAX_FDS + 1);
	for (unsigned int i = 0; i < nfds; i++)
		fds[i] = memory_file(VG_GET(ID_FD_PAGES, header.id) * VFIO_USER_PGSIZE);
	client_send_raw_fds(c, &header, bytes + sizeof(header), header.size - sizeof(header), fds,
			    nfds);
	if (c->dev.error[0])
		return 0;
	use_device(c, bytes + sizeof(header), header.size - sizeof(header));
	return header.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct client *c = client_new_unversioned();
	size_t n;

	for (; (n = send_first(c, bytes, size)); bytes += n)
		size -= n;
	client_free(c);
	return 0;
}
