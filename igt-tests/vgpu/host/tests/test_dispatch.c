// SPDX-License-Identifier: MIT
/* Framing, VERSION, and the checks that all commands share. */
#include "client.h"

#include <time.h>
#include <unistd.h>

static void version_is_answered_with_capabilities(void)
{
	static const char offer[] = "\0\0\7\0{\"capabilities\":{\"max_msg_fds\":16}}";
	struct client *c = client_new_unversioned();
	const struct vfio_user_version *version;
	const char *json;
	size_t len;

	t_equal(client_call(c, VFIO_USER_VERSION, offer, sizeof(offer)), 0);
	len = c->reply.size - sizeof(struct vfio_user_header);
	version = client_body(c, len);
	t_equal(version->major, 0);
	t_equal(version->minor, 7);
	json = (const char *)(version + 1);
	t_equal(json[len - sizeof(*version) - 1], '\0');
	t_assert(strstr(json, "\"max_msg_fds\":8,"));
	t_assert(strstr(json, "\"max_data_xfer_size\":1048576,"));
	t_assert(strstr(json, "\"pgsizes\":4096}"));
	client_free(c);
}

static void version_may_come_without_json(void)
{
	const struct vfio_user_version version = { 0, 0 };
	struct client *c = client_new_unversioned();

	t_equal(client_call(c, VFIO_USER_VERSION, &version, sizeof(version)), 0);
	client_free(c);
}

static void version_with_unterminated_json_is_invalid(void)
{
	struct client *c = client_new_unversioned();

	t_equal(client_call(c, VFIO_USER_VERSION, "\0\0\0\0{}", 6), EINVAL);
	t_equal(client_call(c, VFIO_USER_VERSION, "\0\0", 2), EINVAL);
	client_free(c);
}

static void other_major_version_ends_the_connection(void)
{
	const struct vfio_user_version version = { 1, 0 };
	struct client *c = client_new_unversioned();

	t_equal(client_call(c, VFIO_USER_VERSION, &version, sizeof(version)), ENDED);
	client_free(c);
}

static void second_version_ends_the_connection(void)
{
	const struct vfio_user_version version = { 0, 0 };
	struct client *c = client_new();

	t_equal(client_call(c, VFIO_USER_VERSION, &version, sizeof(version)), ENDED);
	client_free(c);
}

static void command_before_version_ends_the_connection(void)
{
	struct client *c = client_new_unversioned();

	t_equal(client_call(c, VFIO_USER_DEVICE_RESET, NULL, 0), ENDED);
	t_equal(c->dev.vg->resets, 0);
	client_free(c);
}

static void unknown_command_is_refused_and_ends_the_connection(void)
{
	static const uint16_t unknown[] = { 0, 6, 11, 12, 14, 15, 1000, 0xffff };

	for (size_t i = 0; i < T_ARRAY_SIZE(unknown); i++) {
		struct client *c = client_new();

		t_equal(client_call(c, unknown[i], NULL, 0), ENOTSUP);
		t_assert(c->dev.error[0]);
		client_free(c);
	}
}

static void header_size_must_be_in_bounds(void)
{
	static const uint32_t sizes[] = { 0, 15, VFIO_USER_MAX_MESSAGE + 1, 0xffffffff };
	struct client *c = client_new();

	for (size_t i = 0; i < T_ARRAY_SIZE(sizes); i++) {
		struct vfio_user_header header = {
			.command = VFIO_USER_DEVICE_RESET,
			.size = sizes[i],
		};

		t_equal(vg_vfio_user_check_header(&c->dev, &header), -EPROTO);
		t_equal(client_send_raw(c, &header, NULL, 0), ENDED);
	}
	client_free(c);
}

static void header_size_must_be_the_message_size(void)
{
	struct vfio_user_header header = {
		.command = VFIO_USER_DEVICE_GET_INFO,
		.size = sizeof(header) + sizeof(struct vfio_user_device_info),
	};
	const uint8_t body[64] = { sizeof(struct vfio_user_device_info) };
	struct client *c = client_new();

	t_equal(client_send_raw(c, &header, body, sizeof(struct vfio_user_device_info)), 0);
	t_equal(client_send_raw(c, &header, body, 15), ENDED);
	t_equal(client_send_raw(c, &header, body, 17), ENDED);
	client_free(c);
}

static void truncated_header_ends_the_connection(void)
{
	struct client *c = client_new();

	for (size_t size = 0; size < sizeof(struct vfio_user_header); size++)
		t_equal(vg_vfio_user_handle(&c->dev, c->message, size, NULL, 0, &c->reply),
			-EPROTO);
	client_free(c);
}

static void reply_from_the_client_ends_the_connection(void)
{
	struct client *c = client_new();

	t_equal(client_call_fds(c, VFIO_USER_DEVICE_RESET, VFIO_USER_F_TYPE_REPLY, NULL, 0, NULL,
				0),
		ENDED);
	t_equal(c->dev.vg->resets, 0);
	client_free(c);
}

static void short_bodies_are_invalid(void)
{
	static const struct {
		uint16_t command;
		size_t len;
	} commands[] = {
		{ VFIO_USER_DMA_MAP, sizeof(struct vfio_user_dma_map) },
		{ VFIO_USER_DMA_UNMAP, sizeof(struct vfio_user_dma_unmap) },
		{ VFIO_USER_DEVICE_GET_INFO, sizeof(struct vfio_user_device_info) },
		{ VFIO_USER_DEVICE_GET_REGION_INFO, sizeof(struct vfio_region_info) },
		{ VFIO_USER_DEVICE_GET_IRQ_INFO, sizeof(struct vfio_irq_info) },
		{ VFIO_USER_DEVICE_SET_IRQS, sizeof(struct vfio_irq_set) },
		{ VFIO_USER_REGION_READ, sizeof(struct vfio_user_region_access) },
		{ VFIO_USER_REGION_WRITE, sizeof(struct vfio_user_region_access) },
	};
	const uint8_t body[64] = { 64 };
	struct client *c = client_new();

	for (size_t i = 0; i < T_ARRAY_SIZE(commands); i++) {
		for (size_t len = 0; len < commands[i].len; len++)
			t_equal(client_call(c, commands[i].command, body, len), EINVAL);
	}
	client_free(c);
}

static void short_argsz_is_invalid(void)
{
	static const struct {
		uint16_t command;
		uint32_t argsz;
	} commands[] = {
		{ VFIO_USER_DMA_MAP, sizeof(struct vfio_user_dma_map) },
		{ VFIO_USER_DMA_UNMAP, sizeof(struct vfio_user_dma_unmap) },
		{ VFIO_USER_DEVICE_GET_INFO, sizeof(struct vfio_user_device_info) },
		{ VFIO_USER_DEVICE_GET_REGION_INFO, sizeof(struct vfio_region_info) },
		{ VFIO_USER_DEVICE_GET_IRQ_INFO, sizeof(struct vfio_irq_info) },
		{ VFIO_USER_DEVICE_SET_IRQS, sizeof(struct vfio_irq_set) },
	};
	struct client *c = client_new();

	for (size_t i = 0; i < T_ARRAY_SIZE(commands); i++) {
		uint32_t body[8] = { commands[i].argsz - 1 };

		t_equal(client_call(c, commands[i].command, body, commands[i].argsz), EINVAL);
	}
	client_free(c);
}

static void unwanted_descriptors_are_refused_and_closed(void)
{
	static const uint16_t commands[] = {
		VFIO_USER_DEVICE_RESET,	       VFIO_USER_DMA_UNMAP,
		VFIO_USER_DEVICE_GET_INFO,     VFIO_USER_DEVICE_GET_REGION_INFO,
		VFIO_USER_DEVICE_GET_IRQ_INFO, VFIO_USER_REGION_READ,
		VFIO_USER_REGION_WRITE,
	};
	const uint8_t body[32] = { 32 };
	struct client *c = client_new();

	for (size_t i = 0; i < T_ARRAY_SIZE(commands); i++) {
		unsigned int before = open_fds();
		int fds[] = { memory_file(0), memory_file(0) };
		size_t len = commands[i] == VFIO_USER_DEVICE_RESET ? 0 : sizeof(body);

		t_equal(client_call_fds(c, commands[i], 0, body, len, fds, 2), EINVAL);
		t_equal(open_fds(), before);
	}
	t_equal(c->dev.vg->resets, 0);
	client_free(c);
}

static void no_reply_is_honoured(void)
{
	struct client *c = client_new();

	t_equal(client_call_fds(c, VFIO_USER_DEVICE_RESET, VFIO_USER_F_NO_REPLY, NULL, 0, NULL, 0),
		0);
	t_equal(c->reply.size, 0);
	t_equal(c->dev.vg->resets, 1);
	client_free(c);
}

static void failure_without_a_reply_ends_the_connection(void)
{
	struct client *c = client_new();

	t_equal(client_call_fds(c, VFIO_USER_DEVICE_RESET, VFIO_USER_F_NO_REPLY, "x", 1, NULL, 0),
		ENDED);
	t_assert(strstr(c->dev.error, "DEVICE_RESET"));
	client_free(c);
}

/*
 * If the connection went on, QEMU would only log the failure, and then have other memory at the
 * address than the device.
 */
static void failure_of_a_mapping_ends_the_connection(void)
{
	enum { PAGE = VFIO_USER_PGSIZE };
	struct client *c = client_new();

	t_equal(client_dma_map(c, 0, 2 * PAGE, VFIO_USER_DMA_READ, -1, 0), 0);
	t_assert(!c->dev.error[0]);
	t_equal(client_dma_map(c, PAGE, PAGE, VFIO_USER_DMA_READ, -1, 0), EEXIST);
	t_assert(strstr(c->dev.error, "DMA_MAP failed: File exists"));
	t_equal(client_dma_unmap(c, PAGE, PAGE, 0), EINVAL);
	t_assert(strstr(c->dev.error, "DMA_UNMAP failed: Invalid argument"));
	client_free(c);
}

static void reset_resets_model_and_configuration(void)
{
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct client *c = client_new();
	uint16_t now;

	t_equal(client_region_write(c, VG_PCI_CONFIG, PCI_COMMAND, &command, 2), 0);
	t_equal(client_region_read(c, VG_PCI_CONFIG, PCI_COMMAND, &now, 2), 0);
	t_equal(now, command);
	t_equal(client_call(c, VFIO_USER_DEVICE_RESET, NULL, 0), 0);
	t_equal(c->dev.vg->resets, 1);
	t_equal(client_region_read(c, VG_PCI_CONFIG, PCI_COMMAND, &now, 2), 0);
	t_equal(now, 0);
	t_equal(client_call(c, VFIO_USER_DEVICE_RESET, "x", 1), EINVAL);
	client_free(c);
}

static void device_info_tells_of_regions_and_irqs(void)
{
	struct vfio_user_device_info info = { .argsz = 1000 };
	struct client *c = client_new();

	t_equal(client_call(c, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info)), 0);
	memcpy(&info, client_body(c, sizeof(info)), sizeof(info));
	t_equal(info.argsz, sizeof(info));
	t_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	t_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	t_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
	client_free(c);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* vg_host_ops.clock() starts at 0 with the device and runs as fast as CLOCK_MONOTONIC. */
static void clock_goes_with_the_machine(void)
{
	enum { APART_NS = 2000000 };
	uint64_t before, after, apart, first, last, begin = now_ns();
	struct client *c = client_new();
	const struct vg_host_ops *ops = c->dev.vg->ops;

	before = now_ns();
	first = ops->clock(c->dev.vg->host);
	after = now_ns();
	t_assert(first <= after - begin); /* the clock starts with the device */
	while (now_ns() < after + APART_NS)
		;
	apart = now_ns() - after;
	last = ops->clock(c->dev.vg->host);
	t_assert(last - first >= apart);
	t_assert(last - first <= now_ns() - before);
	client_free(c);
}

/* A socket that keeps the last command of the server. */
struct sent {
	uint8_t message[2 * VFIO_USER_PGSIZE];
	size_t size;
	int ret;
};

static int keep(void *arg, const void *message, size_t size)
{
	struct sent *sent = arg;

	t_assert(size <= sizeof(sent->message));
	memcpy(sent->message, message, size);
	sent->size = size;
	return sent->ret;
}

static struct client *client_with_socket(struct sent *sent)
{
	struct client *c = client_new();

	c->dev.send = keep;
	c->dev.send_arg = sent;
	return c;
}

static void write_to_the_bus_is_a_command(void)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5 };
	struct sent sent = { 0 };
	struct client *c = client_with_socket(&sent);
	struct vfio_user_write_memory body;
	struct vfio_user_header header;

	c->dev.vg->ops->bus_write(&c->dev, 0x8000001000, data, sizeof(data));
	memcpy(&header, sent.message, sizeof(header));
	memcpy(&body, sent.message + sizeof(header), sizeof(body));
	t_equal(sent.size, sizeof(header) + sizeof(body) + sizeof(data));
	t_equal(header.size, sent.size);
	t_equal(header.command, 12);
	t_equal(header.flags, 0);
	t_equal(body.address, 0x8000001000);
	t_equal(body.count, sizeof(data));
	t_assert(!memcmp(sent.message + sizeof(header) + sizeof(body), data, sizeof(data)));
	t_equal(c->dev.vg->bus_written, 0);
	/* QEMU's reply has the address and the count. */
	header.flags = VFIO_USER_F_TYPE_REPLY;
	header.size = sizeof(header) + sizeof(body);
	t_equal(client_send_raw(c, &header, &body, sizeof(body)), 0);
	t_equal(c->reply.size, 0);
	t_equal(c->dev.vg->bus_written, 1);
	t_equal(c->dev.vg->bus_error, 0);
	/* There is one reply to a command. */
	t_equal(client_send_raw(c, &header, &body, sizeof(body)), ENDED);
	client_free(c);
}

static void error_of_a_write_to_the_bus_is_told(void)
{
	struct sent sent = { 0 };
	struct client *c = client_with_socket(&sent);
	struct vfio_user_header header;

	c->dev.vg->ops->bus_write(&c->dev, 0x8000001000, "x", 1);
	memcpy(&header, sent.message, sizeof(header));
	header.flags = VFIO_USER_F_TYPE_REPLY | VFIO_USER_F_ERROR;
	header.size = sizeof(header);
	header.error = ENODEV;
	t_equal(client_send_raw(c, &header, NULL, 0), 0);
	t_equal(c->dev.vg->bus_error, -ENODEV);
	sent.ret = -EPIPE;
	c->dev.vg->ops->bus_write(&c->dev, 0x8000001000, "x", 1);
	t_equal(c->dev.vg->bus_written, 2);
	t_equal(c->dev.vg->bus_error, -EPIPE);
	client_free(c);
}

int main(void)
{
	static const struct test tests[] = {
		TEST(version_is_answered_with_capabilities),
		TEST(version_may_come_without_json),
		TEST(version_with_unterminated_json_is_invalid),
		TEST(other_major_version_ends_the_connection),
		TEST(second_version_ends_the_connection),
		TEST(command_before_version_ends_the_connection),
		TEST(unknown_command_is_refused_and_ends_the_connection),
		TEST(header_size_must_be_in_bounds),
		TEST(header_size_must_be_the_message_size),
		TEST(truncated_header_ends_the_connection),
		TEST(reply_from_the_client_ends_the_connection),
		TEST(short_bodies_are_invalid),
		TEST(short_argsz_is_invalid),
		TEST(unwanted_descriptors_are_refused_and_closed),
		TEST(no_reply_is_honoured),
		TEST(failure_without_a_reply_ends_the_connection),
		TEST(failure_of_a_mapping_ends_the_connection),
		TEST(reset_resets_model_and_configuration),
		TEST(clock_goes_with_the_machine),
		TEST(device_info_tells_of_regions_and_irqs),
		TEST(write_to_the_bus_is_a_command),
		TEST(error_of_a_write_to_the_bus_is_told),
	};

	return run_tests(tests, T_ARRAY_SIZE(tests));
}
