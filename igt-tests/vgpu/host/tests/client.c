// SPDX-License-Identifier: MIT
#include "client.h"

#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

static struct client *new_unversioned(const struct vg_config *config)
{
	struct client *c = calloc(1, sizeof(*c));

	t_assert(c);
	t_equal(vg_vfio_user_init(&c->dev, config, NULL), 0);
	return c;
}

struct client *client_new_unversioned(void)
{
	return new_unversioned(&(struct vg_config){ 0 });
}

struct client *client_new_with(const struct vg_config *config)
{
	static const struct {
		struct vfio_user_version version;
		char json[20];
	} offer = { .json = "{\"capabilities\":{}}" };
	struct client *c = new_unversioned(config);

	t_equal(client_call(c, VFIO_USER_VERSION, &offer, sizeof(offer)), 0);
	return c;
}

struct client *client_new(void)
{
	return client_new_with(&(struct vg_config){ 0 });
}

void client_free(struct client *c)
{
	vg_vfio_user_fini(&c->dev);
	free(c);
}

static int handle(struct client *c, size_t size, int *fds, unsigned int nfds)
{
	struct vfio_user_header sent, got;
	int ret;

	memcpy(&sent, c->message, sizeof(sent));
	ret = vg_vfio_user_handle(&c->dev, c->message, size, fds, nfds, &c->reply);
	t_equal(ret == -EPROTO, c->dev.error[0] != '\0');
	if (ret == -EPROTO && !c->reply.size)
		return ENDED;
	if (!c->reply.size) {
		t_assert(sent.flags & (VFIO_USER_F_NO_REPLY | VFIO_USER_F_TYPE_REPLY));
		return 0;
	}
	t_assert(!(sent.flags & VFIO_USER_F_NO_REPLY));
	t_assert(c->reply.size >= sizeof(got));
	memcpy(&got, c->reply.data, sizeof(got));
	t_equal(got.id, sent.id);
	t_equal(got.command, sent.command);
	t_equal(got.size, c->reply.size);
	if (got.flags == (VFIO_USER_F_TYPE_REPLY | VFIO_USER_F_ERROR)) {
		t_assert(got.error);
		t_equal(got.size, sizeof(got));
		t_equal(c->reply.fd, -1);
		return got.error;
	}
	t_equal(got.flags, VFIO_USER_F_TYPE_REPLY);
	t_equal(got.error, 0);
	return 0;
}

int client_send_raw_fds(struct client *c, const struct vfio_user_header *header, const void *body,
			size_t bytes, int *fds, unsigned int nfds)
{
	t_assert(sizeof(*header) + bytes <= sizeof(c->message));
	memcpy(c->message, header, sizeof(*header));
	if (bytes)
		memcpy(c->message + sizeof(*header), body, bytes);
	return handle(c, sizeof(*header) + bytes, fds, nfds);
}

int client_send_raw(struct client *c, const struct vfio_user_header *header, const void *body,
		    size_t bytes)
{
	return client_send_raw_fds(c, header, body, bytes, NULL, 0);
}

int client_call_fds(struct client *c, uint16_t command, uint32_t flags, const void *body,
		    size_t len, int *fds, unsigned int nfds)
{
	struct vfio_user_header header = {
		.id = ++c->last_id,
		.command = command,
		.size = sizeof(header) + len,
		.flags = VFIO_USER_F_TYPE_COMMAND | flags,
	};

	t_assert(header.size <= sizeof(c->message));
	memcpy(c->message, &header, sizeof(header));
	if (len)
		memcpy(c->message + sizeof(header), body, len);
	return handle(c, header.size, fds, nfds);
}

int client_call(struct client *c, uint16_t command, const void *body, size_t len)
{
	return client_call_fds(c, command, 0, body, len, NULL, 0);
}

const void *client_body(const struct client *c, size_t len)
{
	t_equal(c->reply.size - sizeof(struct vfio_user_header), len);
	return c->reply.data + sizeof(struct vfio_user_header);
}

int client_dma_map(struct client *c, uint64_t iova, uint64_t size, uint32_t flags, int fd,
		   uint64_t offset)
{
	struct vfio_user_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.offset = offset,
		.iova = iova,
		.size = size,
	};
	int sent = fd >= 0 ? dup(fd) : -1;

	return client_call_fds(c, VFIO_USER_DMA_MAP, 0, &map, sizeof(map), &sent, fd >= 0);
}

int client_dma_unmap(struct client *c, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_user_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = size,
	};
	int ret = client_call(c, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap));

	if (!ret)
		t_assert(!memcmp(client_body(c, sizeof(unmap)), &unmap, sizeof(unmap)));
	return ret;
}

int client_region_read(struct client *c, uint32_t region, uint64_t offset, void *data,
		       uint32_t count)
{
	struct vfio_user_region_access access = { offset, region, count };
	int ret = client_call(c, VFIO_USER_REGION_READ, &access, sizeof(access));

	if (!ret) {
		const uint8_t *body = client_body(c, sizeof(access) + count);

		t_assert(!memcmp(body, &access, sizeof(access)));
		memcpy(data, body + sizeof(access), count);
	}
	return ret;
}

int client_region_write(struct client *c, uint32_t region, uint64_t offset, const void *data,
			uint32_t count)
{
	struct vfio_user_region_access access = { offset, region, count };
	uint8_t *body = malloc(sizeof(access) + count);
	int ret;

	t_assert(body);
	memcpy(body, &access, sizeof(access));
	memcpy(body + sizeof(access), data, count);
	ret = client_call(c, VFIO_USER_REGION_WRITE, body, sizeof(access) + count);
	free(body);
	if (!ret)
		t_assert(!memcmp(client_body(c, sizeof(access)), &access, sizeof(access)));
	return ret;
}

void *client_dma(struct client *c, uint64_t addr, uint64_t len, bool write)
{
	return c->dev.vg->ops->dma(c->dev.vg->host, addr, len, write, NULL);
}

uint64_t client_gpa(struct client *c, uint64_t addr)
{
	uint64_t gpa;

	t_assert(c->dev.vg->ops->dma(c->dev.vg->host, addr, 1, false, &gpa));
	return gpa;
}

bool client_may_be_device(struct client *c, uint64_t addr)
{
	return c->dev.vg->ops->may_be_device(c->dev.vg->host, addr);
}

int memory_file(uint64_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	t_assert(fd >= 0);
	t_equal(ftruncate(fd, size), 0);
	return fd;
}

unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	t_assert(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

int run_tests(const struct test *tests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned int before = open_fds();

		tests[i].run();
		t_equal(open_fds(), before);
		printf("ok %s\n", tests[i].name);
	}
	return 0;
}
