/* Heap sort: comparisons that are hard to foretell, and swaps far apart. */
#include "bench.h"

#define COUNT 100000
static uint32_t data[COUNT];

static NOINLINE void sift(uint32_t at, uint32_t end)
{
	uint32_t value = data[at];
	for (uint32_t child; (child = 2 * at + 1) < end; at = child) {
		if (child + 1 < end && data[child + 1] > data[child])
			child++;
		if (data[child] <= value)
			break;
		data[at] = data[child];
	}
	data[at] = value;
}

PROGRAM(heapsort, 28, "sorting: heap sort")
{
	uint32_t seed = 5;
	uint64_t sum = 0;
	while (rounds--) {
		for (int i = 0; i < COUNT; i++)
			data[i] = next_random(&seed);
		for (uint32_t i = COUNT / 2; i-- > 0;)
			sift(i, COUNT);
		for (uint32_t i = COUNT; i-- > 1;) {
			uint32_t top = data[0];
			data[0] = data[i];
			data[i] = top;
			sift(0, i);
		}
		for (int i = 0; i < COUNT; i += 1000)
			sum = mix(sum, data[i]);
	}
	return sum;
}
