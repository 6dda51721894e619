/*
 * What IOMMU_DEBUG_PAGEALLOC does for each iommu_map() and iommu_unmap(), in plain C: one step per page, with a counter
 * for each page of memory, and for an unmap a walk of a four-level page table for each page. (Linux 7.2,
 * drivers/iommu/iommu-debug-pagealloc.c; described in the kernel documentation's words by its Kconfig entry.)
 *
 *   cc -O2 -o kernel-loop kernel-loop.c && ./kernel-loop WORKLOAD PAGES_PER_MAP SECONDS
 *
 * Workloads: `page` maps and unmaps single pages out of 4096 live ones, asking for the page at its allocation and its
 * free; `gib` maps a GiB in pieces of PAGES_PER_MAP pages and unmaps it at once. Prints operations and nanoseconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE_SHIFT 12
#define FAN 512
#define GIB_PAGES (FAN * FAN)
/* Pages that the allocator hands out again and again: 256 MiB. */
#define POOL (1 << 16)

/* A leaf entry holds a physical address and bit 0; with LEAF it maps a block at its level. */
#define PRESENT 1ull
#define LEAF 2ull
#define ADDRESS (~0xfffull)

static uint64_t *root;
static int32_t *refs;

static uint64_t *new_table(void)
{
	uint64_t *table = aligned_alloc(4096, FAN * sizeof(*table));

	if (!table)
		abort();
	memset(table, 0, FAN * sizeof(*table));
	return table;
}

static uint64_t *entry_of(uint64_t iova_page, int level)
{
	uint64_t *table = root;
	int at;

	for (at = 3; at > level; at--) {
		uint64_t *entry = &table[(iova_page >> (9 * at)) & (FAN - 1)];

		if (!*entry)
			*entry = (uint64_t)(uintptr_t)new_table() | PRESENT;
		table = (uint64_t *)(uintptr_t)(*entry & ADDRESS);
	}
	return &table[(iova_page >> (9 * level)) & (FAN - 1)];
}

/* iommu_iova_to_phys(): from the root, for each page anew. Returns the page, or 0. */
static __attribute__((noinline)) uint64_t iova_to_page(uint64_t iova_page)
{
	uint64_t *table = root;
	int at;

	for (at = 3; at >= 0; at--) {
		uint64_t entry = table[(iova_page >> (9 * at)) & (FAN - 1)];

		if (!(entry & PRESENT))
			return 0;
		if (at == 0 || (entry & LEAF))
			return (entry >> PAGE_SHIFT) + (iova_page & ((1ull << (9 * at)) - 1));
		table = (uint64_t *)(uintptr_t)(entry & ADDRESS);
	}
	return 0;
}

static int level_of(uint64_t pages)
{
	return pages >= GIB_PAGES ? 2 : pages >= FAN ? 1 : 0;
}

static void map(uint64_t iova_page, uint64_t page, uint64_t pages)
{
	int level = level_of(pages);
	uint64_t step = 1ull << (9 * level), i;

	for (i = 0; i < pages; i += step)
		*entry_of(iova_page + i, level) = ((page + i) << PAGE_SHIFT) | PRESENT | (level ? LEAF : 0);
	for (i = 0; i < pages; i++)
		refs[page + i]++;
}

static void unmap(uint64_t iova_page, uint64_t pages, int level)
{
	uint64_t step = 1ull << (9 * level), i;

	for (i = 0; i < pages; i++) {
		uint64_t page = iova_to_page(iova_page + i);

		if (page)
			refs[page]--;
	}
	for (i = 0; i < pages; i += step)
		*entry_of(iova_page + i, level) = 0;
}

static int is_mapped(uint64_t page)
{
	return refs[page] != 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static uint32_t state = 20261127;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

int main(int argc, char **argv)
{
	uint64_t pages = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	double limit = (argc > 3 ? atof(argv[3]) : 0.5) * 1e9, start, unmap_ns = 0, spent;
	uint64_t operations = 0, unmaps = 0, warnings = 0, i;
	int is_gib = argc > 1 && !strcmp(argv[1], "gib");
	static uint64_t live[4096];

	root = new_table();
	refs = calloc(1 << 24, sizeof(*refs));
	start = now();
	do {
		if (is_gib) {
			double before;

			for (i = 0; i < GIB_PAGES; i += pages)
				map((1ull << 20) + i, (1ull << 20) + i, pages);
			before = now();
			unmap(1ull << 20, GIB_PAGES, level_of(pages));
			unmap_ns += now() - before;
			unmaps++;
		} else {
			for (i = 0; i < 4096; i++) {
				if (live[i]) {
					unmap((1ull << 20) - i, 1, 0);
					warnings += is_mapped(live[i]);
				}
				live[i] = 1 + (next_random() & (POOL - 1));
				warnings += is_mapped(live[i]);
				map((1ull << 20) - i, live[i], 1);
				operations++;
			}
		}
		spent = now() - start;
	} while (spent < limit);
	/* Pages are picked at random: some are live twice, which the counters see. Printed so that nothing is optimised away. */
	printf("%.3f %llu\n", is_gib ? unmap_ns / unmaps : spent / operations, (unsigned long long)warnings);
	return 0;
}
