/* The workloads of kernel-loop.c; shadow.mjs has the same, with the same numbers from the same seed. */

#define GIB_PAGES (1ull << 18)
#define SIZES_4K (1ull << 12)
#define SIZES_2M (SIZES_4K | 1ull << 21)
#define SIZES_1G (SIZES_2M | 1ull << 30)
#define RING_OPERATIONS 65536
#define LISTS 256
#define LIST_OPERATIONS 4096
#define LIST_SPAN 512
#define LARGEST_PIECE 5
/* Where pieces of a GiB are in memory, and in IOVA space. */
#define BATCH_PFN (1ull << 23)
#define BATCH_PAGE (1ull << 20)

struct workload {
	const char *name;
	enum { RING, LIST, BATCH } kind;
	/* Of a ring: buffers that are mapped at a time, pages of each, the page above its IOVAs, and pages that are recycled. */
	unsigned int live;
	/* Of a batch: pages of each map, of each unmap, GiBs, and whether the pieces are anywhere in 32 GiB. */
	uint64_t pages, unmap_pages, top, pool, gibs;
	bool scattered;
	uint64_t pgsize_bitmap;
};

static const struct workload workloads[] = {
	{ "nic256", RING, 256, 1, 0, 1ull << 20, 0, 0, false, SIZES_1G },
	{ "nic1024", RING, 1024, 1, 0, 1ull << 20, 0, 0, false, SIZES_1G },
	{ "nic4096", RING, 4096, 1, 0, 1ull << 20, 0, 0, false, SIZES_1G },
	{ "nic4096hi", RING, 4096, 1, 0, 1ull << 36, 0, 0, false, SIZES_1G },
	{ "nic4096re", RING, 4096, 1, 0, 1ull << 20, 8192, 0, false, SIZES_1G },
	{ "nic64K", RING, 4096, 16, 0, 1ull << 20, 0, 0, false, SIZES_1G },
	{ "sg", LIST, 0, 0, 0, 1ull << 20, 0, 0, false, SIZES_1G },
	{ "vfio1G", BATCH, 0, GIB_PAGES, GIB_PAGES, 0, 0, 16, false, SIZES_1G },
	{ "vfio1Gto2M", BATCH, 0, GIB_PAGES, 512, 0, 0, 4, false, SIZES_2M },
	{ "vfio1Gto64K", BATCH, 0, GIB_PAGES, 16, 0, 0, 2, false, SIZES_4K },
	{ "vfio2M", BATCH, 0, 512, GIB_PAGES, 0, 0, 4, true, SIZES_1G },
	{ "vfio2M-in-order", BATCH, 0, 512, GIB_PAGES, 0, 0, 4, false, SIZES_1G },
	{ "vfio4K", BATCH, 0, 1, 512, 0, 0, 1, true, SIZES_1G },
	{ "vfio4Kto1G", BATCH, 0, 1, GIB_PAGES, 0, 0, 1, true, SIZES_1G },
	{ "vfio4Kto1G-in-order", BATCH, 0, 1, GIB_PAGES, 0, 0, 1, false, SIZES_1G },
};

/* Processor time: a busy neighbour disturbs it less. */
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

/* A block anywhere in 64 GiB, but for the first: the sanitizer does not count physical address 0. */
static uint64_t random_block(uint64_t pages)
{
	uint64_t pfn = (next_random() & (MEMORY_PAGES - 1)) & -pages;

	return pfn ? pfn : pages;
}

static uint64_t maps, unmaps;

static void map_pages(uint64_t page, uint64_t pfn, uint64_t pages)
{
	kernel_check(pfn, pages);
	kernel_map(page << PAGE_SHIFT, pfn << PAGE_SHIFT, pages << PAGE_SHIFT);
	maps++;
}

static void unmap_pages(uint64_t page, uint64_t pages)
{
	kernel_unmap(page << PAGE_SHIFT, pages << PAGE_SHIFT);
	unmaps++;
}

static uint64_t live_pfn[4096], pool[8192];
static unsigned int slot, recycled;

/* Buffers one after the other, each in the place of the oldest. Returns how many. */
static unsigned int ring_round(const struct workload *w)
{
	unsigned int i;

	for (i = 0; i < RING_OPERATIONS; i++) {
		uint64_t page = w->top - (slot + 1) * w->pages;

		if (live_pfn[slot]) {
			unmap_pages(page, w->pages);
			kernel_check(live_pfn[slot], w->pages);
		}
		live_pfn[slot] = w->pool ? pool[recycled++ % w->pool] : random_block(w->pages);
		map_pages(page, live_pfn[slot], w->pages);
		slot = slot + 1 == w->live ? 0 : slot + 1;
	}
	return RING_OPERATIONS;
}

static struct {
	unsigned int pieces;
	uint64_t total, pfn[256], pages[256];
} lists[LISTS];

/* Scatterlists of 64 KiB to 1 MiB in pieces of 4 to 64 KiB, each unmapped at once, in the place of the oldest. */
static unsigned int list_round(const struct workload *w)
{
	unsigned int i, piece;

	for (i = 0; i < LIST_OPERATIONS; i++) {
		uint64_t page = w->top - (slot + 1) * LIST_SPAN, total = 16 * (1 + next_random() % 16), done;

		if (lists[slot].pieces) {
			unmap_pages(page, lists[slot].total);
			for (piece = 0; piece < lists[slot].pieces; piece++)
				kernel_check(lists[slot].pfn[piece], lists[slot].pages[piece]);
		}
		for (piece = 0, done = 0; done < total; piece++) {
			uint64_t pages = 1ull << next_random() % LARGEST_PIECE;

			while (pages > total - done)
				pages /= 2;
			lists[slot].pfn[piece] = random_block(pages);
			lists[slot].pages[piece] = pages;
			map_pages(page + done, lists[slot].pfn[piece], pages);
			done += pages;
		}
		lists[slot].pieces = piece;
		lists[slot].total = total;
		slot = slot + 1 == LISTS ? 0 : slot + 1;
	}
	return LIST_OPERATIONS;
}

static uint64_t piece_of(const struct workload *w, uint64_t i, unsigned int round)
{
	uint64_t blocks = BATCH_PFN / w->pages;

	return BATCH_PFN + (w->scattered ? (uint32_t)((uint32_t)i * 0x9e3779b1u + round * 977u) & (blocks - 1) : i) * w->pages;
}

/* GiBs are mapped in pieces, then unmapped, then freed. Returns how many maps. */
static unsigned int batch_round(const struct workload *w, unsigned int round, double *unmap_ns, unsigned int *unmapped)
{
	uint64_t all = w->gibs * GIB_PAGES, pieces = all / w->pages, i;
	double start;

	for (i = 0; i < pieces; i++)
		map_pages(BATCH_PAGE + i * w->pages, piece_of(w, i, round), w->pages);
	start = now();
	for (i = 0; i < all; i += w->unmap_pages)
		unmap_pages(BATCH_PAGE + i, w->unmap_pages);
	*unmap_ns = now() - start;
	*unmapped = all / w->unmap_pages;
	for (i = 0; i < pieces; i++)
		kernel_check(piece_of(w, i, round), w->pages);
	return pieces;
}

static int ascending(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), ascending);
	return values[count / 2];
}

/* Where the live IOVAs of the end lead to, added up. */
static uint32_t translations(const struct workload *w)
{
	uint32_t sum = 0;
	uint64_t i;

	for (i = 0; w->kind == RING && i < w->live; i++)
		sum += iommu_iova_to_phys(&domain, (w->top - (i + 1) * w->pages) << PAGE_SHIFT) >> PAGE_SHIFT;
	for (i = 0; w->kind == LIST && i < LISTS * LIST_SPAN; i++)
		sum += iommu_iova_to_phys(&domain, (w->top - i - 1) << PAGE_SHIFT) >> PAGE_SHIFT;
	return sum;
}

/* Prints the medians of the rounds, of ns for each operation and for each unmap, and what came out. */
int main(int argc, char **argv)
{
	unsigned int rounds = argc > 2 ? atoi(argv[2]) : 0, round, i;
	const struct workload *w = NULL;
	double whole[1024], alone[1024];

	for (i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		if (argc > 1 && !strcmp(argv[1], workloads[i].name))
			w = &workloads[i];
	if (!w || rounds < 1 || rounds > 1024) {
		fprintf(stderr, "usage: kernel-loop WORKLOAD ROUNDS\n");
		return 2;
	}
	start_kernel(w->pgsize_bitmap);
	for (i = 0; i < w->pool; i++)
		pool[i] = random_block(1);
	for (round = 0; round < rounds; round++) {
		double start = now(), unmap_ns = 0;
		unsigned int unmapped = 1, operations;

		operations = w->kind == RING   ? ring_round(w)
			     : w->kind == LIST ? list_round(w)
					       : batch_round(w, round, &unmap_ns, &unmapped);
		whole[round] = (now() - start) / operations;
		alone[round] = unmap_ns / unmapped;
	}
	printf("%.1f %.1f %llu maps, %llu unmaps, %llu warnings, %llu pages mapped, leading to %u\n", median(whole, rounds),
	       median(alone, rounds), (unsigned long long)maps, (unsigned long long)unmaps, (unsigned long long)warnings,
	       (unsigned long long)mapped_pages(), translations(w));
	return 0;
}
