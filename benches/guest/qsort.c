/* The library's qsort with a comparison through a pointer. */
#include "bench.h"
#include <stdlib.h>

#define COUNT 50000

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

PROGRAM(qsort, 28, "sorting: the C library's qsort")
{
	static uint32_t data[COUNT];
	uint32_t seed = 1;
	uint64_t sum = 0;
	while (rounds--) {
		for (int i = 0; i < COUNT; i++)
			data[i] = next_random(&seed);
		qsort(data, COUNT, sizeof *data, compare);
		for (int i = 0; i < COUNT; i += 500)
			sum = mix(sum, data[i]);
	}
	return sum;
}
