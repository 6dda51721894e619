/*
 * What Linux 7.2 with IOMMU_DEBUG_PAGEALLOC executes for iommu_map(), iommu_unmap(), an allocation and a free of pages,
 * as a program: the accounting of drivers/iommu/iommu-debug-pagealloc.c and the page table of VT-d
 * (drivers/iommu/generic_pt, second stage, four levels) that it asks for each page. Written anew; each cost that is here
 * names what it stands for. Functions that are in a translation unit of their own in the kernel are calls here too.
 *
 * Not here, so that the loop is no slower than the kernel: the invalidation of the IOTLB and its waiting, the DMA API and
 * its IOVA allocator, tracepoints, locks of the buddy allocator, return thunks and other mitigations, and the warning
 * itself, which is only counted. The metadata of a page has the 4 bytes of the sanitizer alone, as without page_owner.
 *
 *   cc -O2 -o kernel-loop kernel-loop.c && ./kernel-loop WORKLOAD ROUNDS
 *
 * The workloads are in workloads.h, and the same in shadow.mjs.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define noinline __attribute__((noinline))
#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier() __asm__ volatile("" ::: "memory")

#define PAGE_SHIFT 12
#define PAGE_SIZE (1ull << PAGE_SHIFT)
#define MEMORY_PAGES (1ull << 24) /* 64 GiB */

static uint64_t warnings;
#define WARN_ON(condition) (unlikely(condition) ? (warnings++, true) : false)

/* ---- rcu_read_lock() with PREEMPT_RCU, as distributions build it: calls that count in the task (kernel/rcu/tree_plugin.h). */

static __thread struct {
	int rcu_read_lock_nesting;
	int rcu_read_unlock_special;
} current_task;

static noinline void rcu_read_lock(void)
{
	WRITE_ONCE(current_task.rcu_read_lock_nesting, READ_ONCE(current_task.rcu_read_lock_nesting) + 1);
	barrier();
}

static noinline void rcu_read_unlock(void)
{
	int nesting;

	barrier();
	nesting = READ_ONCE(current_task.rcu_read_lock_nesting) - 1;
	WRITE_ONCE(current_task.rcu_read_lock_nesting, nesting);
	if (nesting == 0 && unlikely(READ_ONCE(current_task.rcu_read_unlock_special)))
		abort();
}

/* ---- The sections of memory, SPARSEMEM_EXTREME with a virtual memory map (include/linux/mmzone.h): 128 MiB each. */

#define SECTION_SHIFT (27 - PAGE_SHIFT)
#define SUBSECTION_SHIFT (21 - PAGE_SHIFT)
#define NR_SECTIONS (1ull << (46 - 27))
#define SECTION_IS_ONLINE 4ul
#define SECTION_TAINT_ZONE_DEVICE 16ul

struct mem_section_usage {
	void *rcu[2];
	uint64_t subsection_map[1];
};

struct mem_section {
	unsigned long section_mem_map;
	struct mem_section_usage *usage;
	char *page_ext;
	unsigned long pad;
};

#define SECTIONS_PER_ROOT (PAGE_SIZE / sizeof(struct mem_section))

/* A struct page has 64 bytes; only its address is needed. With KASLR the map begins where a variable says. */
struct page {
	char bytes[64];
};

static struct mem_section **mem_section;
static uintptr_t vmemmap_base;

static struct page *pfn_to_page(uint64_t pfn)
{
	return (struct page *)(vmemmap_base + pfn * sizeof(struct page));
}

static uint64_t page_to_pfn(const struct page *page)
{
	return ((uintptr_t)page - vmemmap_base) / sizeof(struct page);
}

static struct mem_section *nr_to_section(uint64_t nr)
{
	struct mem_section *root = mem_section[nr / SECTIONS_PER_ROOT];

	return root ? &root[nr % SECTIONS_PER_ROOT] : NULL;
}

/* pfn_to_online_page() (mm/memory_hotplug.c): online, within a valid subsection, and no device memory. */
static noinline struct page *pfn_to_online_page(uint64_t pfn)
{
	uint64_t nr = pfn >> SECTION_SHIFT;
	struct mem_section_usage *usage;
	struct mem_section *section;

	if (nr >= NR_SECTIONS)
		return NULL;
	section = nr_to_section(nr);
	if (!section || !(section->section_mem_map & SECTION_IS_ONLINE))
		return NULL;
	usage = READ_ONCE(section->usage);
	if (!usage || !(usage->subsection_map[0] >> ((pfn >> SUBSECTION_SHIFT) & 63) & 1))
		return NULL;
	if (unlikely(section->section_mem_map & SECTION_TAINT_ZONE_DEVICE))
		return NULL;
	return pfn_to_page(pfn);
}

/* ---- page_ext (mm/page_ext.c): the base of a section is stored less the offset of its first page; bit 0 says invalid. */

static unsigned long page_ext_size, iommu_debug_offset;

static noinline char *page_ext_get(const struct page *page)
{
	uint64_t pfn = page_to_pfn(page);
	char *base;

	rcu_read_lock();
	base = READ_ONCE(nr_to_section(pfn >> SECTION_SHIFT)->page_ext);
	if (!base || ((uintptr_t)base & 1)) {
		rcu_read_unlock();
		return NULL;
	}
	return base + page_ext_size * pfn;
}

static noinline char *page_ext_from_phys(uint64_t phys)
{
	struct page *page = pfn_to_online_page(phys >> PAGE_SHIFT);

	return page ? page_ext_get(page) : NULL;
}

static noinline void page_ext_put(char *page_ext)
{
	if (page_ext)
		rcu_read_unlock();
}

/* ---- The page table: entries of vtdss.h, walks of iommu_pt.h. Tables are found through the direct map of memory. */

#define LEVELS 4
#define FAN_LG2 9
#define FAN (1u << FAN_LG2)
#define PTE_RW 3ull
#define PTE_LARGE (1ull << 7)
#define PTE_ADDRESS 0x000ffffffffff000ull

struct iommu_domain;

struct iommu_ops {
	uint64_t (*iova_to_phys)(struct iommu_domain *domain, uint64_t iova);
	int (*map_range)(struct iommu_domain *domain, uint64_t iova, uint64_t phys, uint64_t size);
	uint64_t (*unmap_range)(struct iommu_domain *domain, uint64_t iova, uint64_t size);
};

struct iommu_domain {
	unsigned int type;
	const struct iommu_ops *ops;
	uint64_t pgsize_bitmap;
	uint64_t *top_of_table;
	unsigned int max_vasz_lg2;
};

static uintptr_t page_offset_base;
static uint64_t *free_tables;

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)(page_offset_base + (entry & PTE_ADDRESS));
}

/* Memory as in the direct map of the kernel: touched since boot, and mapped in huge pages. */
static void *direct_map(size_t size)
{
	void *memory = aligned_alloc(1 << 21, size);

	if (!memory)
		abort();
	madvise(memory, size, MADV_HUGEPAGE);
	return memset(memory, 0, size);
}

static void free_table(uint64_t *table)
{
	table[0] = (uint64_t)free_tables;
	free_tables = table;
}

/* Zeroed, as iommu_alloc_pages_node_sz() gives it. */
static uint64_t *new_table(void)
{
	uint64_t *table;

	if (!free_tables) {
		char *more = direct_map(1 << 21);

		for (int i = 511; i >= 0; i--)
			free_table((uint64_t *)(more + i * PAGE_SIZE));
	}
	table = free_tables;
	free_tables = (uint64_t *)table[0];
	return memset(table, 0, PAGE_SIZE);
}

static unsigned int shift_of(int level)
{
	return PAGE_SHIFT + FAN_LG2 * level;
}

static unsigned int index_of(uint64_t iova, int level)
{
	return (iova >> shift_of(level)) & (FAN - 1);
}

static bool is_beyond(const struct iommu_domain *domain, uint64_t iova, uint64_t size)
{
	uint64_t last;

	return size == 0 || __builtin_add_overflow(iova, size - 1, &last) || last >> domain->max_vasz_lg2;
}

/* pt_iommu_vtdss_iova_to_phys(): its levels are unrolled by PT_MAKE_LEVELS(). */
static uint64_t pt_iova_to_phys(struct iommu_domain *domain, uint64_t iova)
{
	const uint64_t *table = READ_ONCE(domain->top_of_table);

	if (is_beyond(domain, iova, 1))
		return 0;
#pragma GCC unroll 4
	for (int level = LEVELS - 1; level >= 0; level--) {
		uint64_t entry = READ_ONCE(table[index_of(iova, level)]);

		if (!entry)
			return 0;
		if (level == 0 || (level < 3 && (entry & PTE_LARGE)))
			return (entry & PTE_ADDRESS) | (iova & ((1ull << shift_of(level)) - 1));
		table = table_of(entry);
	}
	return 0;
}

static int map_level(uint64_t *table, int level, int leaf_level, uint64_t iova, uint64_t last, uint64_t phys)
{
	unsigned int index = index_of(iova, level);
	unsigned int end = iova >> shift_of(level + 1) == last >> shift_of(level + 1) ? index_of(last, level) + 1 : FAN;

	for (; index < end; index++) {
		uint64_t entry = READ_ONCE(table[index]);
		uint64_t next = ((iova >> shift_of(level)) + 1) << shift_of(level);

		if (level == leaf_level) {
			if (entry)
				return -1; /* -EADDRINUSE */
			WRITE_ONCE(table[index], phys | PTE_RW | (level ? PTE_LARGE : 0));
		} else {
			if (!entry) {
				uint64_t none = 0;

				/* pt_table_install64(): another CPU may install the same table. */
				entry = ((uintptr_t)new_table() - page_offset_base) | PTE_RW;
				atomic_compare_exchange_strong_explicit((_Atomic uint64_t *)&table[index], &none, entry,
									memory_order_release, memory_order_relaxed);
			}
			if (map_level(table_of(entry), level - 1, leaf_level, iova,
				      last < next ? last : next - 1, phys))
				return -1;
		}
		phys += next - iova;
		iova = next;
	}
	return 0;
}

/* __map_single_page(), the fast path for a page whose table exists. */
static int map_single_page(struct iommu_domain *domain, uint64_t iova, uint64_t phys)
{
	uint64_t *table = READ_ONCE(domain->top_of_table);

#pragma GCC unroll 3
	for (int level = LEVELS - 1; level > 0; level--) {
		uint64_t entry = READ_ONCE(table[index_of(iova, level)]);

		if (!entry || (level < 3 && (entry & PTE_LARGE)))
			return -1;
		table = table_of(entry);
	}
	if (READ_ONCE(table[index_of(iova, 0)]))
		return -1;
	WRITE_ONCE(table[index_of(iova, 0)], phys | PTE_RW);
	return 0;
}

static int pt_map_range(struct iommu_domain *domain, uint64_t iova, uint64_t phys, uint64_t size)
{
	while (size) {
		/* pt_compute_best_pgsize(): what the alignment of both addresses and the length allow. */
		uint64_t fits = domain->pgsize_bitmap & ((2ull << (63 - __builtin_clzll(size))) - 1);
		uint64_t alike = (iova | phys) ? ((iova | phys) & -(iova | phys)) * 2 - 1 : ~0ull;
		uint64_t sizes = fits & alike, count;
		unsigned int lg2;

		if (is_beyond(domain, iova, size) || !sizes)
			return -1;
		if (size == PAGE_SIZE && map_single_page(domain, iova, phys) == 0)
			return 0;
		lg2 = 63 - __builtin_clzll(sizes);
		count = size >> lg2;
		if (map_level(domain->top_of_table, LEVELS - 1, (lg2 - PAGE_SHIFT) / FAN_LG2, iova, iova + (count << lg2) - 1,
			      phys))
			return -1;
		iova += count << lg2;
		phys += count << lg2;
		size -= count << lg2;
	}
	return 0;
}

/* __unmap_range(): clears leaves, and frees tables of which nothing is left because the range covers them. */
static uint64_t unmap_level(uint64_t *table, int level, uint64_t iova, uint64_t last)
{
	unsigned int index = index_of(iova, level);
	unsigned int end = iova >> shift_of(level + 1) == last >> shift_of(level + 1) ? index_of(last, level) + 1 : FAN;
	uint64_t unmapped = 0;

	for (; index < end; index++) {
		uint64_t entry = READ_ONCE(table[index]);
		uint64_t first = (iova >> shift_of(level)) << shift_of(level);
		uint64_t next = first + (1ull << shift_of(level));

		if (!entry)
			return unmapped;
		if (level == 0 || (level < 3 && (entry & PTE_LARGE))) {
			WRITE_ONCE(table[index], 0);
			unmapped += 1ull << shift_of(level);
		} else {
			unmapped += unmap_level(table_of(entry), level - 1, iova, last < next ? last : next - 1);
			if (iova == first && last >= next - 1) {
				WRITE_ONCE(table[index], 0);
				free_table(table_of(entry));
			}
		}
		iova = next;
	}
	return unmapped;
}

static uint64_t pt_unmap_range(struct iommu_domain *domain, uint64_t iova, uint64_t size)
{
	return is_beyond(domain, iova, size) ? 0
					     : unmap_level(domain->top_of_table, LEVELS - 1, iova, iova + size - 1);
}

/* iommu_iova_to_phys() (drivers/iommu/iommu.c): identity and blocked domains are told apart, then an indirect call. */
static noinline uint64_t iommu_iova_to_phys(struct iommu_domain *domain, uint64_t iova)
{
	if (domain->type == 4)
		return iova;
	if (domain->type == 0)
		return 0;
	return READ_ONCE(domain->ops)->iova_to_phys(domain, iova);
}

/* ---- The sanitizer (drivers/iommu/iommu-debug-pagealloc.c): an atomic counter for each page, a walk for each page unmapped. */

static _Atomic int *ref_of(char *page_ext)
{
	return (_Atomic int *)(page_ext + iommu_debug_offset);
}

static void change_page(uint64_t phys, int by)
{
	char *page_ext = page_ext_from_phys(phys);
	int count;

	if (!page_ext)
		return;
	/* atomic_inc_return_relaxed() is a locked xadd on x86-64. */
	count = atomic_fetch_add_explicit(ref_of(page_ext), by, memory_order_relaxed) + by;
	WARN_ON(by > 0 ? count <= 0 : count < 0);
	page_ext_put(page_ext);
}

static noinline void iommu_debug_map(struct iommu_domain *domain, uint64_t phys, uint64_t size)
{
	uint64_t step = 1ull << __builtin_ctzll(domain->pgsize_bitmap), offset, end;

	if (WARN_ON(!phys || __builtin_add_overflow(phys, size, &end)))
		return;
	for (offset = 0; offset < size; offset += step)
		change_page(phys + offset, 1);
}

static noinline void iommu_debug_update_iova(struct iommu_domain *domain, uint64_t iova, uint64_t size, int by)
{
	uint64_t step = 1ull << __builtin_ctzll(domain->pgsize_bitmap), offset, end;

	if (WARN_ON(__builtin_add_overflow(iova, size, &end)))
		return;
	for (offset = 0; offset < size; offset += step) {
		uint64_t phys = iommu_iova_to_phys(domain, iova + offset);

		if (phys)
			change_page(phys, by);
	}
}

/* __iommu_debug_check_unmapped(), from post_alloc_hook() and __free_pages_prepare() (mm/page_alloc.c). */
static noinline void iommu_debug_check_unmapped(const struct page *page, uint64_t pages)
{
	while (pages--) {
		char *page_ext = page_ext_get(page);
		int count = atomic_load_explicit(ref_of(page_ext), memory_order_relaxed);

		page_ext_put(page_ext);
		WARN_ON(count != 0);
		page++;
	}
}

/* ---- The calls of iommu.c, and of the page allocator. */

static struct iommu_domain domain;

static noinline void kernel_map(uint64_t iova, uint64_t phys, uint64_t size)
{
	if (READ_ONCE(domain.ops)->map_range(&domain, iova, phys, size))
		abort();
	iommu_debug_map(&domain, phys, size);
}

static noinline void kernel_unmap(uint64_t iova, uint64_t size)
{
	uint64_t unmapped;

	iommu_debug_update_iova(&domain, iova, size, -1);
	unmapped = READ_ONCE(domain.ops)->unmap_range(&domain, iova, size);
	if (unmapped < size)
		iommu_debug_update_iova(&domain, iova + unmapped, size - unmapped, 1);
	else if (unmapped > size)
		abort();
}

static noinline void kernel_check(uint64_t pfn, uint64_t pages)
{
	iommu_debug_check_unmapped(pfn_to_page(pfn), pages);
}

static const struct iommu_ops ops = {
	.iova_to_phys = pt_iova_to_phys,
	.map_range = pt_map_range,
	.unmap_range = pt_unmap_range,
};

static void start_kernel(uint64_t pgsize_bitmap)
{
	uint64_t sections = MEMORY_PAGES >> SECTION_SHIFT, nr;
	char *metadata = direct_map(MEMORY_PAGES * sizeof(int));
	volatile uintptr_t none = 0;

	/* The kernel decides these when it boots: no constants for the compiler. */
	page_ext_size = sizeof(int) + none;
	iommu_debug_offset = none;
	page_offset_base = none;
	vmemmap_base = 0xffffea0000000000ull + none;
	mem_section = calloc(NR_SECTIONS / SECTIONS_PER_ROOT, sizeof(*mem_section));
	for (nr = 0; nr < sections; nr++) {
		struct mem_section_usage *usage = calloc(1, sizeof(*usage));
		struct mem_section **root = &mem_section[nr / SECTIONS_PER_ROOT];

		if (!*root)
			*root = calloc(SECTIONS_PER_ROOT, sizeof(**root));
		usage->subsection_map[0] = ~0ull;
		(*root)[nr % SECTIONS_PER_ROOT] = (struct mem_section){
			.section_mem_map = SECTION_IS_ONLINE,
			.usage = usage,
			.page_ext = metadata,
		};
	}
	domain = (struct iommu_domain){
		.type = 3,
		.ops = &ops,
		.pgsize_bitmap = pgsize_bitmap,
		.top_of_table = new_table(),
		.max_vasz_lg2 = 48,
	};
}

/* Pages of which the counter is not 0. */
static uint64_t mapped_pages(void)
{
	uint64_t count = 0, pfn;

	for (pfn = 0; pfn < MEMORY_PAGES; pfn++) {
		char *page_ext = page_ext_get(pfn_to_page(pfn));

		count += atomic_load_explicit(ref_of(page_ext), memory_order_relaxed) != 0;
		page_ext_put(page_ext);
	}
	return count;
}

#include "workloads.h"
