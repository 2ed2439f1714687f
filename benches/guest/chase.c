/* A pointer that leads through 32 MiB in an order that no TLB foresees: one step, one page. */
#include "bench.h"
#include <stdlib.h>

#define PAGE 4096
#define PAGES 8192

PROGRAM(chase, 160, "pointer chasing through 8192 pages: TLB misses")
{
	char *memory = malloc((size_t)PAGE * PAGES);
	static uint32_t order[PAGES];
	uint32_t seed = 3;
	uint64_t sum = 0;
	if (!memory)
		fail("malloc");
	for (uint32_t i = 0; i < PAGES; i++)
		order[i] = i;
	for (uint32_t i = PAGES - 1; i > 0; i--) {
		uint32_t j = next_random(&seed) % (i + 1), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
#define PLACE(i) (memory + (size_t)order[i] * PAGE + order[i] % 61 * 64)
	for (uint32_t i = 0; i < PAGES; i++)
		*(void **)PLACE(i) = PLACE((i + 1) % PAGES);
	char *at = PLACE(0);
	while (rounds--) {
		for (int i = 0; i < PAGES * 5 / 2 + 1; i++)
			at = *(char **)at;
		sum = mix(sum, (uint64_t)(at - memory));
	}
	return sum;
}
