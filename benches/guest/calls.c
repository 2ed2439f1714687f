/* Calls through a table of functions, as virtual methods make them. */
#include "bench.h"

static NOINLINE uint32_t add(uint32_t a, uint32_t b) { return a + b; }
static NOINLINE uint32_t sub(uint32_t a, uint32_t b) { return a - b * 3; }
static NOINLINE uint32_t xor(uint32_t a, uint32_t b) { return a ^ b << 1; }
static NOINLINE uint32_t mul(uint32_t a, uint32_t b) { return a * (b | 1); }
static NOINLINE uint32_t ror(uint32_t a, uint32_t b) { return (a >> 7 | a << 25) + b; }
static NOINLINE uint32_t nor(uint32_t a, uint32_t b) { return ~(a | b); }
static NOINLINE uint32_t swp(uint32_t a, uint32_t b) { return __builtin_bswap32(a) ^ b; }
static NOINLINE uint32_t max(uint32_t a, uint32_t b) { return a > b ? a : b + 11; }

static uint32_t (*const volatile table[8])(uint32_t, uint32_t) = { add, sub, xor, mul, ror, nor, swp, max };

PROGRAM(calls, 70, "calls through function pointers")
{
	uint32_t a = 1, b = 2, seed = 99;
	while (rounds--) {
		for (int i = 0; i < 100000; i++) {
			uint32_t r = next_random(&seed);
			a = table[r >> 8 & 7](a, b);
			b = table[i & 7](b, a);
			a = table[r >> 16 & 3](b, a);
		}
	}
	return mix(a, b);
}
