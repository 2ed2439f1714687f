/* 80-bit floats on the x87 stack: a polynomial, a division, a root, conversions. No function whose last bit differs
 * between processors. */
#include "bench.h"
#include <math.h>
#include <string.h>

PROGRAM(x87, 120, "x87: long double")
{
	long double x = 0.5L, s = 0;
	uint64_t sum = 0;
	while (rounds--) {
		for (int i = 1; i <= 8000; i++) {
			long double y = x * (1 + x * (0.5L + x * (1 / 6.0L + x * (1 / 24.0L + x / 120))));
			x = y / (1 + y) + (i & 15) / 64.0L;
			s += __builtin_sqrtl(x) - (int)(x * 4);
			if (s > 100)
				s -= 100;
		}
		unsigned char bytes[16] = { 0 };
		memcpy(bytes, &s, 10);
		for (int i = 0; i < 10; i++)
			sum = mix(sum, bytes[i]);
	}
	return sum;
}
