/* SPDX-License-Identifier: MIT */
/* The calls that the library makes to the outside, as a table. */
#ifndef AU_OPS_H
#define AU_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amdgpu.h>

/*
 * Calls to drivers, to libdrm and for address space. Tests replace them with a model of the kernel,
 * which gets @priv. A function that returns an int returns 0 or -errno, unless its comment or its
 * name says otherwise. It may change errno.
 */
struct au_ops {
	int (*ioctl)(void *priv, int fd, unsigned long request, void *arg);
	int (*device_fd)(void *priv, amdgpu_device_handle device);
	/* All files of one render node have the same @id. */
	int (*device_id)(void *priv, int fd, uint64_t *id);
	int (*va_alloc)(void *priv, amdgpu_device_handle device, uint64_t size, uint64_t alignment,
			uint64_t *va, amdgpu_va_handle *handle);
	void (*va_free)(void *priv, amdgpu_va_handle handle);
	/* Reserve address space at @hint; 0: anywhere. -EEXIST: @hint is not free. */
	int (*reserve)(void *priv, uint64_t hint, uint64_t size, uint64_t *addr);
	int (*release)(void *priv, uint64_t addr, uint64_t size);
	/*
	 * Find the highest free address space of @size bytes in [min, max). -ENOMEM: there is none.
	 * Another thread can take it before the caller does.
	 */
	int (*find_gap)(void *priv, uint64_t min, uint64_t max, uint64_t size, uint64_t *addr);
	uint64_t (*page_size)(void *priv);
	/* Memory of the library's own that nothing else has used. @size: one page. */
	int (*page_get)(void *priv, uint64_t size, uint64_t *addr);
	void (*page_put)(void *priv, uint64_t addr, uint64_t size);
	/*
	 * For a file of KFD's SMI events. smi_read() does not block. It returns the number of bytes
	 * that it has read, or -errno.
	 */
	int (*smi_enable)(void *priv, int fd, uint64_t events);
	int (*smi_read)(void *priv, int fd, char *bytes, size_t size);
	void (*smi_close)(void *priv, int fd);
	/* The CPU's view of a BO. A forked child does not inherit it. */
	int (*map_bo)(void *priv, int fd, uint64_t offset, uint64_t size, void **ptr);
	void (*unmap_bo)(void *priv, void *ptr, uint64_t size);
	/* Whether KFD's topology says that a CPU reaches the VRAM of the file's GPU by xGMI. */
	bool (*xgmi_to_cpu)(void *priv, int fd);
};

extern const struct au_ops au_kernel_ops;

/* cpu_space.c */
/*
 * After a failed mmap() or madvise(): return -errno, but -ENOMEM for EAGAIN, because here EAGAIN
 * means a lack of memory. mmap() fails with it if the process has called mlockall() and may not
 * lock more memory. madvise() fails with it if the kernel cannot split a VMA, because it has no
 * memory for that, or the process has too many VMAs.
 */
int au_mmap_error(void);
/* For struct au_ops. */
int au_kernel_reserve(void *priv, uint64_t hint, uint64_t size, uint64_t *addr);
int au_kernel_release(void *priv, uint64_t addr, uint64_t size);
int au_kernel_find_gap(void *priv, uint64_t min, uint64_t max, uint64_t size, uint64_t *addr);
int au_kernel_page_get(void *priv, uint64_t size, uint64_t *addr);
void au_kernel_page_put(void *priv, uint64_t addr, uint64_t size);

/* topology.c: for struct au_ops */
bool au_kernel_xgmi_to_cpu(void *priv, int fd);

#endif /* AU_OPS_H */
