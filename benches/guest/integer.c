/* Adds, shifts, rotates and multiplications that depend on one another. */
#include "bench.h"

PROGRAM(integer, 400, "integer arithmetic")
{
	uint32_t a = 0x12345678, b = 0x9abcdef0, c = 1, d = 7;
	while (rounds--) {
		for (int i = 0; i < 500000; i++) {
			a += b;
			d = (d ^ a) << 16 | (d ^ a) >> 16;
			c += d * 5;
			b = (b ^ c) << 12 | (b ^ c) >> 20;
			a = a * 0x01000193 + (c >> 3);
			d -= a & b;
			if ((d & 7) == 3)
				c ^= 0x55;
		}
	}
	return mix(mix(mix(a, b), c), d);
}
