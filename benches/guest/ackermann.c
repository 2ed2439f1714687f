/* Recursion as deep as the stack allows. */
#include "bench.h"

static NOINLINE unsigned ackermann(unsigned m, unsigned n)
{
	if (m == 0)
		return n + 1;
	if (n == 0)
		return ackermann(m - 1, 1);
	return ackermann(m - 1, ackermann(m, n - 1));
}

PROGRAM(ackermann, 72, "recursive calls, deep")
{
	uint64_t sum = 0;
	while (rounds--)
		sum = mix(sum, ackermann(3, 6 + rounds % 3));
	return sum;
}
