/* Long numbers: multiplication and division by a word, each with the carry of the one before. */
#include "bench.h"

#if UINTPTR_MAX > 0xffffffff
typedef uint64_t word;
typedef unsigned __int128 twice;
#define BITS 64
#define LIMBS 512
#else
typedef uint32_t word;
typedef uint64_t twice;
#define BITS 32
#define LIMBS 4096 /* the division of 32 bits is many times as fast */
#endif

static word number[LIMBS];

static NOINLINE word multiply(word *p, int n, word by)
{
	twice carry = 0;
	for (int i = 0; i < n; i++) {
		carry += (twice)p[i] * by;
		p[i] = (word)carry;
		carry >>= BITS;
	}
	return carry;
}

/* `div` itself: the compiler calls a function for it. */
static NOINLINE word divide(word *p, int n, word by)
{
	word rest = 0;
	for (int i = n; i-- > 0;)
		__asm__("div %4" : "=a"(p[i]), "=d"(rest) : "0"(p[i]), "1"(rest), "rm"(by) : "cc");
	return rest;
}

PROGRAM(bignum, 16000, "long numbers: word multiplication and division")
{
	uint64_t sum = 0;
	for (int i = 0; i < LIMBS; i++)
		number[i] = (word)(i * UINT64_C(0x9e3779b97f4a7c15) + 1);
	while (rounds--) {
		word by = (word)UINT64_C(0xfedcba9876543211) - rounds * 2;
		sum = mix(sum, multiply(number, LIMBS, by));
		sum = mix(sum, divide(number, LIMBS, by | 1));
		number[rounds % LIMBS] ^= by;
		sum = mix(sum, number[rounds * 7 % LIMBS]);
	}
	return sum;
}
