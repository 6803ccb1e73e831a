// SPDX-License-Identifier: MIT
/*
 * Breaks the driver on purpose: the functions of amdgpu that the parameter "skip"
 * names return 0 and do nothing.  So a test can show that it notices a missing safety
 * step.  Load this module after amdgpu.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/slab.h>

#define MAX_SKIPS 8

static char *skip[MAX_SKIPS];
static int num_skips;
module_param_array(skip, charp, &num_skips, 0444);
MODULE_PARM_DESC(skip, "functions that do nothing from now on");

static struct kprobe probe[MAX_SKIPS];
static atomic_t skipped[MAX_SKIPS];

static int get_skipped(char *buffer, const struct kernel_param *kp)
{
	int sum = 0;

	for (int i = 0; i < num_skips; i++)
		sum += atomic_read(&skipped[i]);
	return sysfs_emit(buffer, "%d\n", sum);
}

static const struct kernel_param_ops skipped_ops = { .get = get_skipped };

module_param_cb(skipped, &skipped_ops, NULL, 0444);
MODULE_PARM_DESC(skipped, "calls that did nothing");

/*
 * Continue at the function's caller.  The probe is at the function's first instruction, so the
 * return address is still where the call has put it.
 */
static void go_back(struct pt_regs *regs)
{
#ifdef CONFIG_X86
	/* The return address is on top of the stack. */
	instruction_pointer_set(regs, *(unsigned long *)regs->sp);
	regs->sp += sizeof(unsigned long);
#else
	instruction_pointer_set(regs, procedure_link_pointer(regs));
#endif
}

/* Let the probed function return 0 at once. */
static int return_at_once(struct kprobe *p, struct pt_regs *regs)
{
	if (atomic_inc_return(&skipped[p - probe]) == 1)
		pr_notice("vgpu_sabotage: %s left out\n", p->symbol_name);
	regs_set_return_value(regs, 0);
	go_back(regs);
	return 1;
}

/*
 * This handler does nothing, but it must exist: for a probe without a post handler the kernel may
 * replace the breakpoint by a jump, and then ignores the instruction pointer that return_at_once()
 * sets.
 */
static void unused(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

static int __init vgpu_sabotage_init(void)
{
	for (int i = 0; i < num_skips; i++) {
		int err;

		probe[i].symbol_name = skip[i];
		probe[i].pre_handler = return_at_once;
		probe[i].post_handler = unused;
		err = register_kprobe(&probe[i]);
		if (!err)
			continue;
		pr_err("vgpu_sabotage: %s: %d\n", skip[i], err);
		while (i--)
			unregister_kprobe(&probe[i]);
		return err;
	}
	return num_skips ? 0 : -EINVAL;
}

static void __exit vgpu_sabotage_exit(void)
{
	for (int i = 0; i < num_skips; i++)
		unregister_kprobe(&probe[i]);
}

module_init(vgpu_sabotage_init);
module_exit(vgpu_sabotage_exit);

MODULE_DESCRIPTION("Leaves out steps of a driver, to test its tests");
MODULE_LICENSE("Dual MIT/GPL");
