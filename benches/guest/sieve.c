/* Eratosthenes, over a megabyte of flags. */
#include "bench.h"
#include <string.h>

#define LIMIT 1000000
static unsigned char composite[LIMIT];

PROGRAM(sieve, 18, "sieve of Eratosthenes: byte stores at a stride")
{
	uint64_t sum = 0;
	while (rounds--) {
		unsigned count = 0;
		memset(composite, 0, sizeof composite);
		for (unsigned i = 2; i < LIMIT; i++) {
			if (composite[i])
				continue;
			count++;
			for (unsigned j = 2 * i; j < LIMIT; j += i)
				composite[j] = 1;
		}
		sum = mix(sum, count);
	}
	return sum;
}
