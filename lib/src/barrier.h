/* SPDX-License-Identifier: MIT */
/*
 * Barriers between the CPU and a device, for each architecture.
 *
 * C11's fences only order accesses of threads. So a compiler may use a barrier that CPUs see and
 * devices do not: on arm64 "dmb ish", and on x86 a barrier that does not empty the write-combining
 * buffers. VRAM is mapped with write combining. On arm64 such a mapping is Normal-NC memory, and a
 * doorbell or a register is Device memory.
 *
 * au_store_barrier(): all stores before it reach the device before any store behind it.
 * au_full_barrier(): all accesses before it are done before any access behind it.
 */
#ifndef AU_BARRIER_H
#define AU_BARRIER_H

#if defined(__x86_64__)

/* Write-combined stores are weakly ordered, and SFENCE and MFENCE drain their buffers. */
static inline void au_store_barrier(void)
{
	__asm__ volatile("sfence" ::: "memory");
}

static inline void au_full_barrier(void)
{
	__asm__ volatile("mfence" ::: "memory");
}

#elif defined(__aarch64__)

/*
 * The devices are in the outer shareable domain. The kernel has "dmb oshst" between stores to
 * memory and a store to a register (arch/arm64/include/asm/io.h, __io_bw()). The full barrier is a
 * DSB, because a DSB also waits until a load has returned.
 */
static inline void au_store_barrier(void)
{
	__asm__ volatile("dmb oshst" ::: "memory");
}

static inline void au_full_barrier(void)
{
	__asm__ volatile("dsb osh" ::: "memory");
}

#elif defined(__powerpc64__)

/*
 * Only the instruction sync (and not lwsync) orders all loads and stores, both of cacheable and of
 * caching-inhibited memory.
 */
static inline void au_store_barrier(void)
{
	__asm__ volatile("sync" ::: "memory");
}

static inline void au_full_barrier(void)
{
	__asm__ volatile("sync" ::: "memory");
}

#elif defined(__riscv)

/* Order I/O and memory, as the kernel's wmb() and mb() do (arch/riscv/include/asm/barrier.h). */
static inline void au_store_barrier(void)
{
	__asm__ volatile("fence ow, ow" ::: "memory");
}

static inline void au_full_barrier(void)
{
	__asm__ volatile("fence iorw, iorw" ::: "memory");
}

#elif defined(__loongarch64)

static inline void au_store_barrier(void)
{
	__asm__ volatile("dbar 0" ::: "memory");
}

static inline void au_full_barrier(void)
{
	__asm__ volatile("dbar 0" ::: "memory");
}

#else

/*
 * Nobody has looked up the barriers of this architecture, so __sync_synchronize() may not order
 * accesses of VRAM, which is mapped with write combining. READ_BACK and DUMMY depend on that order
 * alone, so the library does not offer them here. The other ways do not depend on it alone: REMAP
 * ends with a load from a register, and KERNEL and SUBMIT with an ioctl.
 */
#define AU_NO_DEVICE_BARRIERS 1

static inline void au_store_barrier(void)
{
	__sync_synchronize();
}

static inline void au_full_barrier(void)
{
	__sync_synchronize();
}

#endif

#endif /* AU_BARRIER_H */
