// SPDX-License-Identifier: MIT
/*
 * Makes the mistakes that the checkers of a debug kernel look for, one for each name that
 * guest/splat.sh writes to the parameter "fault".  So a test can show that each checker reports its
 * mistake.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#define OBJECT_SIZE 128

static noinline int splat_use_after_free(void)
{
	u8 *object = kzalloc(OBJECT_SIZE, GFP_KERNEL);

	if (!object)
		return -ENOMEM;
	kfree(object);
	return READ_ONCE(object[1]) > U8_MAX;
}

static noinline int splat_out_of_bounds(void)
{
	u8 *object = kzalloc(OBJECT_SIZE, GFP_KERNEL);

	if (!object)
		return -ENOMEM;
	/* Hide the object's size from the compiler, because it would warn of the next line. */
	OPTIMIZER_HIDE_VAR(object);
	WRITE_ONCE(object[OBJECT_SIZE], 1);
	kfree(object);
	return 0;
}

/*
 * Store to the page without a check by KASAN, as a device does.  Then only the check of poisoned
 * free pages can find the store.
 */
static noinline __no_sanitize_address void dirty(u8 *page)
{
	*(volatile u8 *)page = 1;
	*(volatile u8 *)(page + OBJECT_SIZE) = 1;
}

static noinline int splat_freed_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	__free_page(page);
	dirty(page_address(page));
	/*
	 * The allocator hands out the page again that was freed last.  At that time it checks
	 * whether the page still has the poison, and reports the store.
	 */
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	__free_page(page);
	return 0;
}

struct with_timer {
	struct timer_list timer;
};

static void never(struct timer_list *timer)
{
}

static noinline int splat_active_timer(void)
{
	struct with_timer *object = kzalloc(sizeof(*object), GFP_KERNEL);

	if (!object)
		return -ENOMEM;
	timer_setup(&object->timer, never, 0);
	mod_timer(&object->timer, jiffies + 3600 * HZ);
	/* Before kfree() frees the object, ODEBUG reports the active timer and deletes it. */
	kfree(object);
	return 0;
}

static noinline int splat_list(void)
{
	LIST_HEAD(head);
	LIST_HEAD(entry);

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
	return 0;
}

static noinline int splat_dma(void)
{
	static u64 mask = DMA_BIT_MASK(64);
	struct device *dev = root_device_register("vgpu_splat");

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	dev->dma_mask = &mask;
	dma_unmap_single(dev, PAGE_SIZE, OBJECT_SIZE, DMA_TO_DEVICE);
	root_device_unregister(dev);
	return 0;
}

static noinline int splat_atomic_sleep(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
	return 0;
}

static noinline int splat_lock_order(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);

	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
	return 0;
}

/*
 * Leak many objects, because kmemleak does not report all of them: an old address on the stack
 * counts as a reference, and so does an unused entry of a sheaf, the allocator's list of free
 * objects for a CPU (mm/slub.c).
 */
static noinline int splat_leak(void)
{
	for (int i = 0; i < 512; i++)
		if (!kzalloc(OBJECT_SIZE, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static const struct {
	const char *name;
	int (*commit)(void);
} faults[] = {
	{ "use-after-free", splat_use_after_free },
	{ "out-of-bounds", splat_out_of_bounds },
	{ "freed-page", splat_freed_page },
	{ "active-timer", splat_active_timer },
	{ "list", splat_list },
	{ "dma", splat_dma },
	{ "atomic-sleep", splat_atomic_sleep },
	{ "lock-order", splat_lock_order },
	{ "leak", splat_leak },
};

static int set_fault(const char *value, const struct kernel_param *kp)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (sysfs_streq(value, faults[i].name))
			return faults[i].commit();
	return -EINVAL;
}

static const struct kernel_param_ops fault_ops = { .set = set_fault };

module_param_cb(fault, &fault_ops, NULL, 0200);
MODULE_PARM_DESC(fault, "name of the mistake to make now");

static int __init vgpu_splat_init(void)
{
	return 0;
}

static void __exit vgpu_splat_exit(void)
{
}

module_init(vgpu_splat_init);
module_exit(vgpu_splat_exit);

MODULE_DESCRIPTION("Makes debug kernels complain, to test that they do");
MODULE_LICENSE("Dual MIT/GPL");
