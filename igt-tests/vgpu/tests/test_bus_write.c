/* SPDX-License-Identifier: MIT */
/* Tests writes of the engines to the memory of another device, for example to its VRAM BAR. */
#include <errno.h>
#include <string.h>

#include "tests/engine.h"
#include "vega10_enum.h"

#define DEVICE 0x8000000000ull /* bus address behind which there is no RAM */

/* A host with another device, which gets the bytes of the last write. */
struct bus {
	struct vg_host_ops ops; /* first, so that bus_write() finds the bus */
	struct engine e;
	uint64_t addr;
	uint8_t data[VG_PAGE_SIZE];
	size_t len;
	unsigned int writes;
	bool absent; /* the host knows that there is no device */
};

/* vg->ops points to the member ops of a struct bus, which is its first member. */
static void bus_write(void *host, uint64_t addr, const void *data, size_t len)
{
	struct bus *b = (struct bus *)((struct fake_host *)host)->vg->ops;

	CHECK(len <= sizeof(b->data));
	b->addr = addr;
	b->len = len;
	b->writes++;
	memcpy(b->data, data, len);
}

static bool may_be_device(void *host, uint64_t addr)
{
	return !((struct bus *)((struct fake_host *)host)->vg->ops)->absent;
}

/* Let the user's first page of data be on the other device. */
static struct bus *start(void)
{
	struct bus *b = calloc(1, sizeof(*b));

	CHECK(b);
	engine_init(&b->e, 1, 0, 0);
	b->ops = *b->e.f->vg->ops;
	b->ops.bus_write = bus_write;
	b->ops.may_be_device = may_be_device;
	b->e.f->vg->ops = &b->ops;
	fake_map(b->e.f, ENGINE_VMID, ENGINE_DATA_VA, DEVICE, FAKE_RW | VG_PTE_SYSTEM);
	return b;
}

/*
 * The second packet may tell the CPU of the first packet's write, so it waits until the write is
 * done.
 */
static void the_engines_wait_for_a_write(void)
{
	struct bus *b = start();
	struct fake_host *f = b->e.f;
	volatile uint32_t *told = engine_data(&b->e) + VG_PAGE_SIZE / 4;

	build_write32(&b->e.u.ring, ENGINE_DATA_VA + 0x10, 0xabcd1234);
	build_write32(&b->e.u.ring, ENGINE_DATA_VA + VG_PAGE_SIZE, 1);
	user_queue_kick(f, &b->e.u);
	fake_run(f, ENGINE_STEPS);
	CHECK(b->writes == 1 && b->addr == DEVICE + 0x10 && b->len == 4);
	CHECK(*(uint32_t *)b->data == 0xabcd1234);
	for (unsigned int i = 0; i < 10; i++) {
		CHECK(vgpu_busy(f->vg) && vgpu_waiting(f->vg));
		CHECK(vgpu_run(f->vg)); /* the host may pause */
		vgpu_drain(f->vg);
	}
	CHECK(*told == 0);
	vgpu_bus_written(f->vg, 0);
	fake_run(f, ENGINE_STEPS);
	CHECK(*told == 1 && b->writes == 1);
	CHECK(fake_logged(f, "bus-write addr=0x8000000010 bytes=4"));
	fake_free(f);
	free(b);
}

/* The model cuts a copy at pages, and each part is one write. */
static void a_copy_goes_page_by_page(void)
{
	struct bus *b = start();
	struct fake_host *f = b->e.f;
	uint8_t *source = (uint8_t *)engine_data(&b->e) + VG_PAGE_SIZE;

	fake_map(f, ENGINE_VMID, ENGINE_DATA_VA + 8 * VG_PAGE_SIZE, DEVICE + VG_PAGE_SIZE,
		 FAKE_RW | VG_PTE_SYSTEM);
	for (unsigned int i = 0; i < VG_PAGE_SIZE; i++)
		source[i] = i * 7 + i / 251;
	build_dma(&b->e.u.ring, ENGINE_DATA_VA + 8 * VG_PAGE_SIZE, ENGINE_DATA_VA + VG_PAGE_SIZE,
		  VG_PAGE_SIZE);
	user_queue_kick(f, &b->e.u);
	fake_run(f, ENGINE_STEPS);
	CHECK(b->writes == 1 && b->addr == DEVICE + VG_PAGE_SIZE && b->len == VG_PAGE_SIZE);
	CHECK(!memcmp(b->data, source, VG_PAGE_SIZE));
	vgpu_bus_written(f->vg, 0);
	fake_run(f, ENGINE_STEPS);
	CHECK(!vgpu_busy(f->vg));
	fake_free(f);
	free(b);
}

static void a_write_that_fails_stops(void)
{
	struct bus *b = start();

	build_write32(&b->e.u.ring, ENGINE_DATA_VA, 1);
	user_queue_kick(b->e.f, &b->e.u);
	fake_run(b->e.f, ENGINE_STEPS);
	vgpu_bus_written(b->e.f->vg, -ENODEV);
	fake_expect_stop(b->e.f, "a write to another device failed: No such device");
	free(b);
}

/* When an IOMMU translates, the host can know that no device is at the address. */
static void a_write_to_nothing_stops(void)
{
	struct bus *b = start();

	b->absent = true;
	build_write32(&b->e.u.ring, ENGINE_DATA_VA, 1);
	user_queue_kick(b->e.f, &b->e.u);
	fake_run(b->e.f, ENGINE_STEPS);
	CHECK(!b->writes);
	fake_expect_stop(b->e.f,
			 "translates to bus address 0x8000000000, where there is no memory");
	free(b);
}

/* Reads and atomic operations would have to wait for an answer, which is not modelled. */
static void a_read_stops(void)
{
	struct bus *b = start();

	build_dma(&b->e.u.ring, ENGINE_DATA_VA + VG_PAGE_SIZE, ENGINE_DATA_VA, 4);
	user_queue_kick(b->e.f, &b->e.u);
	fake_run(b->e.f, ENGINE_STEPS);
	CHECK(!b->writes);
	fake_expect_stop(b->e.f, "no memory");
	free(b);
}

static void an_atomic_stops(void)
{
	const struct pm4_atomic_mem add = {
		.control = VG_PREP(ATOMIC_MEM_OP, TC_OP_ATOMIC_ADD_32),
		.addr_lo = vg_lo(ENGINE_DATA_VA),
		.addr_hi = vg_hi(ENGINE_DATA_VA),
		.src_lo = 1,
	};
	struct bus *b = start();

	build_packet(&b->e.u.ring, PM4_ATOMIC_MEM, &add, PM4_DWORDS(add));
	user_queue_kick(b->e.f, &b->e.u);
	fake_run(b->e.f, ENGINE_STEPS);
	CHECK(!b->writes);
	fake_expect_stop(b->e.f, "no memory");
	free(b);
}

int main(void)
{
	the_engines_wait_for_a_write();
	a_copy_goes_page_by_page();
	a_write_that_fails_stops();
	a_write_to_nothing_stops();
	a_read_stops();
	an_atomic_stops();
	return 0;
}
