/* SPDX-License-Identifier: MIT */
/* A vfio-user client without a socket, in front of a device with a fake model. */
#ifndef CLIENT_H
#define CLIENT_H

#include "fake_model.h"
#include "host/vfio_user.h"
#include "test.h"

struct client {
	struct vg_vfio_user dev;
	struct vg_reply reply; /* the reply to the last message */
	uint16_t last_id;
	/* Longer than any legal message, so that a test can send one that is too long. */
	uint8_t message[VFIO_USER_MAX_MESSAGE + 4096];
};

enum {
	ENDED = -1, /* a function returns this if the device ended the connection without a reply */
};

/* Make a client.  Only client_new() negotiates the version with the device. */
struct client *client_new(void);
struct client *client_new_unversioned(void);
/* The same as client_new(), with a model that gets @config. */
struct client *client_new_with(const struct vg_config *config);
void client_free(struct client *c);

/*
 * Send a command with @len bytes of @body.  Returns the errno of the reply, 0
 * for success, or ENDED; checks that the header of the reply is right.
 */
int client_call(struct client *c, uint16_t command, const void *body, size_t len);
/* Send a command with header flags and descriptors, which the device closes. */
int client_call_fds(struct client *c, uint16_t command, uint32_t flags, const void *body,
		    size_t len, int *fds, unsigned int nfds);
/* Send @header as it is, and @bytes bytes of @body. */
int client_send_raw(struct client *c, const struct vfio_user_header *header, const void *body,
		    size_t bytes);
int client_send_raw_fds(struct client *c, const struct vfio_user_header *header, const void *body,
			size_t bytes, int *fds, unsigned int nfds);

/* The reply's body, which must have @len bytes. */
const void *client_body(const struct client *c, size_t len);

int client_dma_map(struct client *c, uint64_t iova, uint64_t size, uint32_t flags, int fd,
		   uint64_t offset);
int client_dma_unmap(struct client *c, uint64_t iova, uint64_t size, uint32_t flags);
int client_region_read(struct client *c, uint32_t region, uint64_t offset, void *data,
		       uint32_t count);
int client_region_write(struct client *c, uint32_t region, uint64_t offset, const void *data,
			uint32_t count);

/* The model's pointer to a bus address, or NULL. */
void *client_dma(struct client *c, uint64_t addr, uint64_t len, bool write);
/* The guest physical address of a bus address that the device may read. */
uint64_t client_gpa(struct client *c, uint64_t addr);
/* Does the device let the client write to a bus address at which the client has no memory? */
bool client_may_be_device(struct client *c, uint64_t addr);

/* Make a memfd of @size bytes. */
int memory_file(uint64_t size);
/* The number of descriptors that this process has open, plus a constant; for comparisons only. */
unsigned int open_fds(void);

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(function) { #function, function }

/*
 * Run the tests, and check that each leaves no descriptor open.  Returns the program's exit status.
 */
int run_tests(const struct test *tests, size_t count);

#endif
