// SPDX-License-Identifier: MIT
/*
 * Sends random messages.  Many of them have the right layout and so pass the first checks.
 * The device must reply to each message or end the connection, and must not keep a
 * descriptor that it does not need.  The seed is fixed, unless an argument gives
 * another one.
 */
#include "client.h"

#include <unistd.h>

enum {
	MESSAGES = 60000,
	MAX_BODY = 128,
	MAX_FDS = 3,
	/* A device in use keeps two descriptors open: its VRAM and the MSI eventfd. */
	FDS_OF_A_DEVICE = 2,
};

static uint64_t random_u64(uint64_t *state)
{
	/* xorshift64, Marsaglia 2003 */
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
	return (random_u64(state) >> 32) % limit;
}

/* Choose one of the numbers at which checks often change their result. */
static uint64_t telling(uint64_t *state)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		3,
		4,
		5,
		7,
		8,
		9,
		16,
		20,
		24,
		32,
		0x1000,
		0x2000,
		0x100000,
		VG_MMIO_SIZE - 4,
		VG_DOORBELL_SIZE - 8,
		VG_VRAM_SIZE - 4,
		VG_VRAM_SIZE,
		0x21,
		0x24,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		UINT64_MAX - 4095,
		UINT64_MAX,
	};

	return below(state, 8) ? values[below(state, T_ARRAY_SIZE(values))] : random_u64(state);
}

static size_t make_body(uint64_t *state, uint8_t *body)
{
	size_t len = 4 * below(state, MAX_BODY / 4) + (below(state, 16) ? 0 : 1);

	for (size_t at = 0; at < MAX_BODY;) {
		uint64_t value = telling(state);
		size_t n = below(state, 2) ? 4 : 8;

		if (n > MAX_BODY - at)
			n = MAX_BODY - at;
		memcpy(body + at, &value, n);
		at += n;
	}
	return len;
}

/* Make a body that has the right length for @command and a count that fits this length. */
static size_t make_plausible(uint64_t *state, uint16_t command, uint8_t *body)
{
	struct vfio_user_region_access access = { 0 };

	switch (command) {
	case VFIO_USER_REGION_WRITE:
	case VFIO_USER_REGION_READ:
		access.offset = telling(state);
		access.region = below(state, VFIO_PCI_NUM_REGIONS);
		access.count = 1u << below(state, 5);
		memcpy(body, &access, sizeof(access));
		return sizeof(access) + (command == VFIO_USER_REGION_WRITE ? access.count : 0);
	case VFIO_USER_DMA_MAP:
		body[0] = sizeof(struct vfio_user_dma_map);
		return body[0];
	case VFIO_USER_DMA_UNMAP:
		body[0] = sizeof(struct vfio_user_dma_unmap);
		return body[0];
	case VFIO_USER_DEVICE_SET_IRQS:
		body[0] = sizeof(struct vfio_irq_set);
		return body[0];
	}
	return make_body(state, body);
}

static void send_one(struct client **c, uint64_t *state)
{
	uint8_t body[MAX_BODY] = { 0 };
	uint16_t command = below(state, 64) ? 2 + below(state, 12) : random_u64(state);
	uint32_t flags = below(state, 16) ? 0 : below(state, 64);
	unsigned int nfds = below(state, 4) ? 0 : 1 + below(state, MAX_FDS);
	size_t len = make_body(state, body);
	int fds[MAX_FDS];

	if (below(state, 2))
		len = make_plausible(state, command, body);
	for (unsigned int i = 0; i < nfds; i++)
		fds[i] = memory_file(4096);
	client_call_fds(*c, command, flags, body, len, fds, nfds);
	if ((*c)->dev.error[0]) {
		client_free(*c);
		*c = client_new();
	}
}

int main(int argc, char **argv)
{
	uint64_t state = argc > 1 ? strtoull(argv[1], NULL, 0) : 0x9e3779b97f4a7c15;
	unsigned int before = open_fds();
	struct client *c = client_new();

	t_assert(state);
	for (unsigned int i = 0; i < MESSAGES; i++) {
		send_one(&c, &state);
		if (i % 1000 == 0)
			t_assert(open_fds() <= before + FDS_OF_A_DEVICE);
	}
	client_free(c);
	t_equal(open_fds(), before);
	return 0;
}
