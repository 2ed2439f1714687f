/* The recursive definition: calls, returns and little else. */
#include "bench.h"

static NOINLINE unsigned fib(unsigned n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

PROGRAM(fib, 240, "recursive calls, shallow")
{
	uint64_t sum = 0;
	while (rounds--)
		sum = mix(sum, fib(25 + rounds % 3));
	return sum;
}
