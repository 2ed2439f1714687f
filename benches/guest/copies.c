/* memcpy, memmove, memset and memcmp of the C library, short and long. */
#include "bench.h"
#include <string.h>

#define SIZE (1 << 18)
static unsigned char a[SIZE + 64], b[SIZE + 64];

PROGRAM(copies, 3000, "memory copies by the C library")
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < SIZE; i++)
		a[i] = i * 31 >> 4;
	while (rounds--) {
		unsigned at = rounds * 4099 % (SIZE / 2);
		memcpy(b + rounds % 16, a, SIZE);
		memmove(a + at + 8, a + at, 4096);
		memset(b + at, rounds, 1000);
		sum = mix(sum, memcmp(a + at, b + at, 8192) < 0);
		for (volatile unsigned n = 1; n < 256; n++)
			memcpy(b + n * 61, a + n * 37, n);
		sum = mix(sum, b[at + 7] + b[2000 + at % 999]);
	}
	return sum;
}
