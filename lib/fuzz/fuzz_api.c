/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer's target: sequences of calls of the library on the model of the kernel, while calls of
 * the kernel and allocations fail, GPUs hang and are reset, and the kernel refuses memory.
 *
 * A unit, which is one input of libFuzzer, is a byte of options, three bytes for the kernel and the
 * context, and then for each step a byte that chooses the step and the bytes that the step takes.
 * Behind the end of the unit all bytes are zeros. After each step kernel and library must agree on
 * the mappings. At the end nothing may be left, and the library may not have released an address
 * that a GPU may still use (fake_kernel.c).
 */
#include <unistd.h>

#include "fake_kernel.h"
#include "test.h"
#include "wrapped.h"

/* The entry points that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define NUM_SLOTS  8
#define MAX_RANGES 24
#define FIXED_VA   UINT64_C(0x100000000)
#define TIMEOUT_NS UINT64_C(1000)

struct slot {
	struct amdgpu_userptr_mapping *map; /* NULL: free */
	uint32_t va_mode;
	uint64_t va;
	uint64_t devices;
	bool ending; /* an unmap has timed out */
	uint32_t num_ranges;
	struct amdgpu_userptr_range ranges[MAX_RANGES];
};

struct fuzz {
	const uint8_t *bytes;
	size_t size, at;
	struct fake_kernel fake;
	struct amdgpu_userptr_ctx *ctx;
	uint32_t num_devices;
	uint64_t page, unit; /* of CPU addresses, and of GPU addresses */
	bool trouble; /* an injected failure may have happened, so do not compare after each step */
	/* Addresses that the library may keep, because a GPU may reach memory through them. */
	unsigned int kept_reservations, kept_allocations;
	/* BOs of the library's own that it has given up, because the GPU hung or was reset. */
	unsigned int kept_bos;
	struct slot slots[NUM_SLOTS];
};

static unsigned long num_calls;
static unsigned int first_fds;

static void at_exit(void)
{
	/* run.py reads this line. */
	fprintf(stderr, "%lu calls of the library\n", num_calls);
	if (wrapped_num_fds() != first_fds) {
		fprintf(stderr, "%u files were open, and now %u are\n", first_fds,
			wrapped_num_fds());
		/* exit() has called this function, so the function must not call exit() again. */
		_exit(1);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	first_fds = wrapped_num_fds();
	return atexit(at_exit);
}

static uint8_t take(struct fuzz *f)
{
	return f->at < f->size ? f->bytes[f->at++] : 0;
}

/* Call the library, and check that it leaves errno alone. */
#define CALL(call) (num_calls++, errno = EDOM, check_errno(call))

static int check_errno(int ret)
{
	t_equal(errno, EDOM);
	return ret;
}

/* ------------------------------------------------------------------------------------------- */
/* Checks										       */

static void keep_addresses(struct fuzz *f, uint32_t va_mode)
{
	f->kept_reservations += va_mode == AMDGPU_USERPTR_VA_RESERVE;
	f->kept_allocations += va_mode == AMDGPU_USERPTR_VA_ALLOC;
}

/* Check the byte of the slot's map at @offset, on each device. */
static void check_byte(struct fuzz *f, const struct slot *slot, uint64_t offset)
{
	struct amdgpu_userptr_info info = { .size = sizeof(info) };
	const struct amdgpu_userptr_range *range = slot->ranges;
	const uint64_t va = slot->va + offset;

	for (; offset >= range->size; range++)
		offset -= range->size;
	t_equal(CALL(amdgpu_userptr_query(f->ctx, va, &info)), 0);
	t_assert(info.mapping == slot->map);
	t_equal(info.mapping_va, slot->va);
	t_equal(info.cpu_addr, range->cpu_addr + offset);
	t_equal(info.range_index, range - slot->ranges);
	t_equal(info.devices, slot->devices);
	for (uint32_t i = 0; i < f->num_devices; i++)
		t_equal(fake_translate(&f->fake, i, va),
			slot->devices & au_device_bit(i) ? info.cpu_addr : 0);
	t_equal(CALL(amdgpu_userptr_query_cpu(f->ctx, (void *)(uintptr_t)info.cpu_addr, va, &info)),
		0);
	t_equal(info.gpu_va, va);
}

/* BOs that the library has for itself. */
static unsigned int own_bos(const struct au_device *device)
{
	const struct au_hdp *hdp = &device->hdp;

	return !!hdp->remap.handle + !!hdp->dummy.handle + !!hdp->noop.ib.handle;
}

/* BOs that the library has made for itself, and not closed. */
static unsigned int own_open_bos(const struct fake_device *device)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < device->num_bos; i++)
		count += device->bos[i].own && device->bos[i].open;
	return count;
}

/* Numbers of the library's own BOs, of reservations and of failed closes. */
struct left {
	unsigned int bos, reservations, failed_closes;
};

/*
 * Count the library's own BOs and the reservations that the model still has, without those that the
 * context uses for flushes of the HDP. The reservations of maps are in the count, too.
 */
static struct left left_behind(const struct fuzz *f)
{
	struct left left = { .reservations = f->fake.reservations };

	for (unsigned int i = 0; i < FAKE_MAX_DEVICES; i++) {
		const struct fake_device *device = &f->fake.devices[i];

		left.bos += own_open_bos(device);
		left.failed_closes += device->failed_closes;
	}
	for (uint32_t i = 0; f->ctx && i < f->num_devices; i++) {
		left.bos -= own_bos(&f->ctx->devices[i]);
		left.reservations -= !!f->ctx->devices[i].hdp.noop.reservation;
	}
	return left;
}

/*
 * The library may give up the IB of a way to flush the HDP that it could not prepare, or whose
 * removal is uncertain. Assert that it has given up at most @ibs IBs since @before.
 */
static void keep_bos(struct fuzz *f, const struct left *before, unsigned int ibs)
{
	const struct left now = left_behind(f);

	t_assert(f->trouble || now.bos == before->bos);
	t_assert(now.bos - before->bos <= ibs + now.failed_closes - before->failed_closes);
	f->kept_bos += now.bos - before->bos;
}

/*
 * As keep_bos(), and the library may also keep the addresses of the IB. The library must not have
 * made or ended a map since @before, because the reservations of maps are in the counts.
 */
static void keep_ib(struct fuzz *f, const struct left *before)
{
	const struct left now = left_behind(f);

	keep_bos(f, before, 1);
	t_assert(f->trouble || now.reservations == before->reservations);
	t_assert(now.reservations - before->reservations <= 1);
	f->kept_reservations += now.reservations - before->reservations;
}

static bool is_reserved(const struct fuzz *f, uint64_t va)
{
	for (uint32_t i = 0; i < f->fake.num_taken; i++) {
		if (f->fake.taken[i].va == va)
			return true;
	}
	return false;
}

static void check_state(struct fuzz *f)
{
	struct amdgpu_userptr_stats stats = { .size = sizeof(stats) };
	uint64_t mappings = 0, bos = 0;

	for (unsigned int i = 0; i < NUM_SLOTS; i++) {
		const struct slot *slot = &f->slots[i];

		if (!slot->map || slot->ending)
			continue;
		mappings++;
		bos += slot->map->num_bos * __builtin_popcountll(slot->devices);
		if (!f->trouble)
			check_byte(f, slot, f->at * 977 % slot->map->layout.bytes);
	}
	t_equal(CALL(amdgpu_userptr_query_stats(f->ctx, &stats)), 0);
	t_equal(stats.mappings, mappings);
	t_equal(stats.bos, bos);
	for (uint32_t i = 0; !f->trouble && i < f->num_devices; i++)
		bos -= f->fake.devices[i].open_bos - own_bos(&f->ctx->devices[i]);
	t_assert(f->trouble || !bos);
}

/* ------------------------------------------------------------------------------------------- */
/* Steps										       */

static void take_range(struct fuzz *f, struct amdgpu_userptr_range *range)
{
	const uint8_t place = take(f), kind = take(f);

	*range = (struct amdgpu_userptr_range){
		.cpu_addr = f->page + place * f->unit,
		.size = (1 + kind % 8) * f->unit,
		.flags = kind & 0x8 ? AMDGPU_USERPTR_RANGE_READONLY : 0,
	};
	switch (kind >> 4) {
	case 15:
		range->size = (uint64_t)place << 56;
		break;
	case 14:
		range->cpu_addr += place;
		range->size -= place * (kind & 1);
		break;
	case 13:
		range->flags = place;
		break;
	case 12:
		range->cpu_addr = -range->cpu_addr;
		break;
	case 11: /* to the end of the addresses, but for one page */
		range->cpu_addr += place;
		range->size = -range->cpu_addr - f->page;
		break;
	}
}

static void step_map(struct fuzz *f)
{
	struct slot *slot = &f->slots[take(f) % NUM_SLOTS], new = { 0 };
	const uint8_t mode = take(f), flags = take(f), devices = take(f), count = take(f);
	struct amdgpu_userptr_map_args args = {
		.size = sizeof(args),
		.flags = (flags & 0xf) | (count & 0x80 ? AMDGPU_USERPTR_MAP_ROUND_OUT : 0),
		.va_mode = mode % 4,
		.va_flags = flags & 0x10 ? AMDGPU_USERPTR_VA_MEMORY_LOCK : (flags & 0xe0) << 8,
		.ranges = new.ranges,
		.num_ranges = count % (MAX_RANGES + 1),
		.range_stride = sizeof(new.ranges[0]),
		.devices = devices & 0xf,
	};
	int ret;

	if (mode & 0x80)
		args.alignment = f->page << (mode >> 4 & 7);
	for (uint32_t i = 0; i < args.num_ranges; i++)
		take_range(f, &new.ranges[i]);
	if (args.va_mode == AMDGPU_USERPTR_VA_FIXED)
		args.fixed_va = devices & 0x80 ? (uint64_t)count << 56 | (uint64_t)mode << 8
					       : FIXED_VA + (devices >> 4) * f->unit;
	if (args.va_mode == AMDGPU_USERPTR_VA_FIXED && count & 0x80)
		args.fixed_va += new.ranges[0].cpu_addr % f->unit;
	if (slot->map)
		return;
	ret = CALL(amdgpu_userptr_map(f->ctx, &args, &new.map));
	t_equal(!ret, args.failed_stage == AMDGPU_USERPTR_STAGE_NONE);
	t_equal(!ret, args.failed_reason == AMDGPU_USERPTR_REASON_NONE);
	t_assert(args.failed_range == AMDGPU_USERPTR_NONE || args.failed_range < args.num_ranges);
	t_assert(args.failed_device == AMDGPU_USERPTR_NONE || args.failed_device < f->num_devices);
	if (ret) {
		t_assert(f->trouble || !args.failed_reachable);
		if (args.failed_reachable)
			keep_addresses(f, args.va_mode);
		return;
	}
	t_equal(args.failed_reachable, 0);
	new.va = args.gpu_va;
	new.va_mode = args.va_mode;
	new.num_ranges = args.num_ranges;
	new.devices = args.devices ? args.devices : au_all_devices(f->ctx);
	*slot = new;
}

static void unmap(struct fuzz *f, struct slot *slot)
{
	uint64_t reachable = UINT64_MAX;
	int ret = CALL(amdgpu_userptr_unmap_reachable(slot->map, &reachable));

	t_assert(f->trouble || !ret);
	t_assert(ret || !reachable);
	slot->ending = ret == -ETIME;
	if (slot->ending) {
		t_assert(reachable);
		return;
	}
	if (reachable)
		keep_addresses(f, slot->va_mode);
	slot->map = NULL;
}

static void step_unmap(struct fuzz *f)
{
	struct slot *slot = &f->slots[take(f) % NUM_SLOTS];

	if (slot->map)
		unmap(f, slot);
}

static void step_attach(struct fuzz *f)
{
	struct slot *slot = &f->slots[take(f) % NUM_SLOTS];
	struct amdgpu_userptr_attach_args args = { .size = sizeof(args), .device = take(f) % 4 };
	int ret;

	if (!slot->map)
		return;
	ret = CALL(amdgpu_userptr_attach(slot->map, &args));
	if (!ret)
		slot->devices |= au_device_bit(args.device);
	else if (!f->trouble)
		t_equal(ret == -EEXIST, !!(slot->devices & au_device_bit(args.device)));
}

static void step_detach(struct fuzz *f)
{
	struct slot *slot = &f->slots[take(f) % NUM_SLOTS];
	const uint32_t device = take(f) % 4;
	int ret;

	if (!slot->map)
		return;
	ret = CALL(amdgpu_userptr_detach(slot->map, device));
	if (!f->trouble) {
		const bool on = slot->devices & au_device_bit(device);

		t_equal(ret, on ? 0 : device < f->num_devices ? -ENOENT : -EINVAL);
	}
	/*
	 * Do not look at @ret, because an injected error can be one that the library returns
	 * itself. After any error of the kernel the map is not on the device.
	 */
	if (!slot->ending && device < f->num_devices)
		slot->devices &= ~au_device_bit(device);
}

static void step_query(struct fuzz *f)
{
	const uint64_t va = FIXED_VA + take(f) * f->unit / 4, addr = take(f) * f->unit / 2;
	struct amdgpu_userptr_info info = { .size = sizeof(info) }, same = info;
	int ret;

	ret = CALL(amdgpu_userptr_query(f->ctx, va, &info));
	t_assert(!ret || ret == -ENOENT);
	ret = CALL(amdgpu_userptr_query_cpu(f->ctx, (void *)(uintptr_t)addr, 0, &info));
	t_assert(!ret || ret == -ENOENT || ret == -ENOMEM);
	if (ret)
		return;
	t_equal(info.cpu_addr, addr);
	t_equal(CALL(amdgpu_userptr_query(f->ctx, info.gpu_va, &same)), 0);
	t_assert(!memcmp(&info, &same, sizeof(info)));
}

static void step_caps(struct fuzz *f)
{
	struct amdgpu_userptr_caps caps = { .size = sizeof(caps), .device = take(f) % 4 };
	int ret = CALL(amdgpu_userptr_query_caps(f->ctx, &caps));

	t_equal(ret, caps.device < f->num_devices ? 0 : -EINVAL);
}

static void step_cover(struct fuzz *f)
{
	const uint64_t addr = (uint64_t)take(f) << 56 | take(f),
		       len = (uint64_t)take(f) << 56 | take(f);
	struct amdgpu_userptr_range range;
	uint64_t offset;

	if (CALL(amdgpu_userptr_range_cover(f->ctx, (void *)(uintptr_t)addr, len, &range, &offset)))
		return;
	t_equal(range.cpu_addr + offset, addr);
	t_assert(offset + len <= range.size && !(range.size % f->unit));
}

static void step_evictions(struct fuzz *f)
{
	const struct amdgpu_userptr_watch_args args = {
		.size = sizeof(args),
		.device = take(f) % 4,
		.kfd_fd = FAKE_KFD_FD,
		.gpu_id = FAKE_FIRST_GPU + args.device,
	};
	struct amdgpu_userptr_evictions count = { .size = sizeof(count), .device = args.device };
	char text[32] = "";
	uint8_t len = take(f) % sizeof(text);

	CALL(amdgpu_userptr_watch_evictions(f->ctx, &args));
	for (uint8_t i = 0; i < len; i++)
		text[i] = take(f);
	if (args.device < f->num_devices)
		fake_event(&f->fake, args.device, text);
	CALL(amdgpu_userptr_query_evictions(f->ctx, &count));
}

static void step_hdp(struct fuzz *f)
{
	const uint8_t kind = take(f);
	uint32_t word[2] = { 0, 7 };
	const struct amdgpu_userptr_hdp_flush_args args = {
		.size = sizeof(args),
		.device = kind >> 6,
		.way = kind & 7,
		.addr = kind & 8 ? word : NULL,
		.len = kind & 8 ? sizeof(word) : 0,
		.mem_flush_cntl = kind & 0x10 ? word : NULL,
	};
	struct amdgpu_userptr_hdp hdp = { .size = sizeof(hdp), .device = args.device };
	const bool bad = args.device >= f->num_devices || args.way >= AMDGPU_USERPTR_HDP_NUM_WAYS ||
			 (args.way == AMDGPU_USERPTR_HDP_READ_BACK && !args.addr) ||
			 (args.mem_flush_cntl && args.way != AMDGPU_USERPTR_HDP_AUTO &&
			  args.way != AMDGPU_USERPTR_HDP_REMAP);
	struct left before = left_behind(f);
	int ret = CALL(amdgpu_userptr_hdp_flush(f->ctx, &args));

	t_assert(word[1] == 7 && word[0] <= 1);
	keep_ib(f, &before);
	if (bad)
		t_equal(ret, -EINVAL);
	else if (!f->trouble)
		t_assert(!ret || ret == -EOPNOTSUPP);
	if (!(kind & 0x20))
		return;
	before = left_behind(f);
	ret = CALL(amdgpu_userptr_query_hdp(f->ctx, &hdp));
	t_equal(ret, args.device < f->num_devices ? 0 : -EINVAL);
	keep_ib(f, &before);
	if (!ret && !bad && !f->trouble && args.way != AMDGPU_USERPTR_HDP_NONE && !word[0])
		t_equal(hdp.status[args.way], CALL(amdgpu_userptr_hdp_flush(f->ctx, &args)));
}

/* Each function returns a text, whatever the number is. */
static void step_texts(struct fuzz *f)
{
	static const char *(*const functions[])(uint32_t) = {
		amdgpu_userptr_stage_name,
		amdgpu_userptr_reason_text,
		amdgpu_userptr_hdp_way_name,
		amdgpu_userptr_hdp_need_text,
	};
	const uint32_t number = take(f) | (uint32_t)take(f) << 24;

	for (size_t i = 0; i < T_ARRAY_SIZE(functions); i++) {
		const char *text;

		CALL((text = functions[i](number), 0));
		t_assert(text && *text);
	}
	t_equal(CALL((int)amdgpu_userptr_version()), AMDGPU_USERPTR_VERSION);
}

/* Pass a struct of random bytes, in which only the array of ranges is good. */
static void step_any_args(struct fuzz *f)
{
	struct {
		struct amdgpu_userptr_map_args args;
		uint64_t newer;
	} any = { 0 };
	struct amdgpu_userptr_range range = { 0 };
	struct amdgpu_userptr_mapping *map;

	for (size_t i = 0; i < sizeof(range); i++)
		((uint8_t *)&range)[i] = take(f);
	for (size_t i = 0; i < sizeof(any); i++)
		((uint8_t *)&any)[i] = take(f);
	/* The library reads as many bytes as the size says, so they have to exist. */
	if (any.args.size > sizeof(any))
		any.args.size = sizeof(any.args);
	any.args.ranges = &range;
	any.args.num_ranges %= 2;
	any.args.range_stride = sizeof(range);
	if (!CALL(amdgpu_userptr_map(f->ctx, &any.args, &map))) {
		struct slot slot = { .map = map, .va_mode = any.args.va_mode };

		unmap(f, &slot);
		while (slot.ending) {
			for (unsigned int i = 0; i < FAKE_MAX_DEVICES; i++)
				f->fake.devices[i].hangs = f->fake.devices[i].reset_polls = false;
			unmap(f, &slot);
		}
	} else if (f->trouble && any.args.size == sizeof(any.args) && any.args.failed_reachable) {
		keep_addresses(f, any.args.va_mode);
	}
}

static void step_memory(struct fuzz *f)
{
	static const int errors[] = { -EFAULT, -EPERM, -EADDRINUSE, -EHWPOISON };
	const uint8_t place = take(f);

	f->fake.bad_addr = place ? f->page + place * f->unit : UINT64_MAX;
	f->fake.bad_error = errors[place % T_ARRAY_SIZE(errors)];
}

static void step_trouble(struct fuzz *f)
{
	static const int errors[] = { -EIO,    -ENOMEM, -EINVAL, -EFAULT,    -EBUSY,
				      -ENODEV, -ENOSPC, -EPERM,	 -ECANCELED, -EOPNOTSUPP };
	const uint8_t kind = take(f), number = take(f);
	struct fake_device *device = &f->fake.devices[number % FAKE_MAX_DEVICES];

	/* From here on the model lets the library close BOs that are mapped. */
	f->trouble = f->fake.failed = true;
	switch (kind % 4) {
	case 0:
		f->fake.fail_call = 1 + number % 64;
		f->fake.fail_error = errors[(kind >> 2) % T_ARRAY_SIZE(errors)];
		break;
	case 1:
		wrapped_fail_alloc = 1 + number % 16;
		break;
	case 2:
		/* Without a time limit the library would wait for ever. */
		device->hangs = f->fake.timeout_ns && !(kind & 0x80);
		break;
	case 3:
		device->reset = true;
		device->reset_polls = kind >> 2 & 1;
		break;
	}
}

static void step(struct fuzz *f)
{
	static void (*const steps[])(struct fuzz *f) = {
		step_map,	step_map,      step_map,    step_map,	 step_unmap,
		step_unmap,	step_attach,   step_attach, step_detach, step_detach,
		step_query,	step_caps,     step_cover,  step_memory, step_trouble,
		step_evictions, step_any_args, step_hdp,    step_texts,
	};

	steps[take(f) % T_ARRAY_SIZE(steps)](f);
	check_state(f);
}

/* ------------------------------------------------------------------------------------------- */
/* A unit										       */

static bool begin(struct fuzz *f)
{
	static const struct {
		uint64_t page, unit;
	} machines[] = {
		{ 4096, 4096 },	 { 65536, 4096 },  { 65536, 65536 },
		{ 16384, 4096 }, { 16384, 16384 },
	};
	const uint8_t options = take(f), kernel = take(f), fail = take(f), number = take(f);
	const int fds[] = { FAKE_FIRST_FD, FAKE_FIRST_FD + 1, FAKE_FIRST_FD + 2 };
	const amdgpu_device_handle handle = (amdgpu_device_handle)&f->fake.devices[0];
	struct amdgpu_userptr_ctx_args args = {
		.size = sizeof(args),
		.num_devices = 1 + (options >> 2) % FAKE_MAX_DEVICES,
		.backend = options % 3,
		.timeout_ns = options & 0x40 ? TIMEOUT_NS : 0,
	};

	fake_init(&f->fake, args.backend);
	f->page = f->fake.page_size = machines[(number >> 5) % T_ARRAY_SIZE(machines)].page;
	f->unit = machines[(number >> 5) % T_ARRAY_SIZE(machines)].unit;
	f->fake.gpu_page_va = f->unit < f->page;
	f->fake.next_reservation = UINT64_C(0x7f0000000000);
	f->fake.remap_error = options & 0x80 ? 0 : -ENOENT;
	f->fake.kernel_flush_error = kernel & 4 ? 0 : -EINVAL;
	f->fake.dma_rings = !(fail & 1);
	f->fake.timeout_ns = args.timeout_ns;
	f->fake.drm_minor = AU_DRM_MINOR_COHERENCE - (kernel & 0x3) % 3;
	f->fake.devices[kernel >> 2 & 1].no_scatter = kernel & 0x8;
	f->fake.devices[kernel >> 2 & 1].no_coherence = kernel & 0x10;
	f->fake.userptr_error = kernel >> 5 == 7 ? -EOPNOTSUPP : 0;
	/* A reset is running, or the library gets no page with which it could ask the kernel. */
	f->fake.devices[number & 1].reset_polls = fail & 2 ? 3 : 0;
	f->fake.no_own_page = fail & 4;
	if (args.num_devices == 1 && options & 0x20)
		args.devices = &handle;
	else
		args.fds = fds;
	f->num_devices = args.num_devices;
	if (fail >= 0xc0) {
		f->trouble = true;
		f->fake.fail_call = 1 + number % 32;
		f->fake.fail_error = -ENOMEM;
	}
	if (CALL(au_ctx_create(&args, &fake_ops, &f->fake, &f->ctx))) {
		f->ctx = NULL;
		/* If the failed call had to destroy an object, the object is left. */
		for (unsigned int i = 0; f->fake.failed && i < FAKE_MAX_DEVICES; i++)
			f->fake.devices[i].syncobj = f->fake.devices[i].gpu_ctx = false;
	}
	f->fake.fail_call = 0;
	f->fake.no_own_page = false;
	/*
	 * Do not compare after each step if a call in begin() has failed, because a BO whose close
	 * failed may be left, or if a reset is running, because the reset may be longer than a call
	 * waits.
	 */
	f->trouble = f->fake.failed || fail & 2;
	return f->ctx;
}

static void end(struct fuzz *f)
{
	uint64_t ibs[FAKE_MAX_DEVICES];
	unsigned int num_ibs = 0;
	struct left before;
	int ret;

	wrapped_fail_alloc = f->fake.fail_call = 0;
	for (unsigned int i = 0; i < FAKE_MAX_DEVICES; i++)
		f->fake.devices[i].hangs = f->fake.devices[i].reset_polls = false;
	for (unsigned int i = 0; i < NUM_SLOTS; i++) {
		if (f->slots[i].map)
			unmap(f, &f->slots[i]);
		t_assert(!f->slots[i].map);
	}
	for (uint32_t i = 0; i < f->num_devices; i++) {
		const struct au_reservation *ib = f->ctx->devices[i].hdp.noop.reservation;

		if (ib)
			ibs[num_ibs++] = ib->addr;
	}
	before = left_behind(f);
	/* A failed map() may have left a map, and its removal returns the error of that map. */
	ret = CALL(amdgpu_userptr_ctx_destroy(f->ctx));
	f->ctx = NULL;
	t_assert(f->trouble || !ret);
	keep_bos(f, &before, num_ibs);
	for (unsigned int i = 0; i < num_ibs; i++)
		f->kept_reservations += is_reserved(f, ibs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz f = { .bytes = bytes, .size = size };
	struct left left;

	if (begin(&f)) {
		while (f.at < f.size)
			step(&f);
		end(&f);
	}
	/* The library gives back the addresses of a failed map() later if the GPU was only late. */
	t_assert(f.fake.reservations <= f.kept_reservations);
	t_assert(f.fake.allocations <= f.kept_allocations);
	f.fake.reservations = f.fake.allocations = 0;
	left = left_behind(&f);
	t_equal(left.bos, f.kept_bos);
	for (unsigned int i = 0; i < FAKE_MAX_DEVICES; i++) {
		struct fake_device *device = &f.fake.devices[i];

		t_assert(device->open_bos >= device->failed_closes);
		t_assert(device->open_bos - own_open_bos(device) <= device->failed_closes);
		t_assert(device->num_mappings <= f.kept_bos);
		device->open_bos = device->num_mappings = 0;
	}
	fake_fini(&f.fake);
	t_equal(wrapped_mmaps, 0);
	return 0;
}
