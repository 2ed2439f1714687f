/* rep movs, stos, scas and cmps, in all widths and at odd addresses. */
#include "bench.h"

#define SIZE 16384
static unsigned char from[SIZE + 64], to[SIZE + 64];

static void movsb(void *d, const void *s, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n)::"memory");
}

static void movsl(void *d, const void *s, size_t n)
{
	__asm__ volatile("rep movsl" : "+D"(d), "+S"(s), "+c"(n)::"memory");
}

static void stosb(void *d, int value, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(value) : "memory");
}

static void stosl(void *d, int value, size_t n)
{
	__asm__ volatile("rep stosl" : "+D"(d), "+c"(n) : "a"(value) : "memory");
}

static size_t scasb(const void *d, int value, size_t n)
{
	__asm__ volatile("repne scasb" : "+D"(d), "+c"(n) : "a"(value) : "memory", "cc");
	return n;
}

static size_t cmpsb(const void *d, const void *s, size_t n)
{
	__asm__ volatile("repe cmpsb" : "+D"(d), "+S"(s), "+c"(n)::"memory", "cc");
	return n;
}

PROGRAM(repstring, 3000, "string instructions: rep movs, stos, scas, cmps")
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < sizeof from; i++)
		from[i] = 1 + i % 250;
	while (rounds--) {
		unsigned shift = rounds % 13;
		movsl(to, from, SIZE / 4);
		movsb(to + shift, from + 3, SIZE);
		sum = mix(sum, cmpsb(to + shift, from + 3, SIZE));
		to[shift + SIZE - 1 - rounds % 5] ^= 0xff;
		sum = mix(sum, cmpsb(to + shift, from + 3, SIZE));
		sum = mix(sum, scasb(from, 251 + rounds % 3, SIZE));
		stosl(to, rounds, SIZE / 4);
		stosb(to + shift, rounds & 0x7f, SIZE);
		sum = mix(sum, to[shift] + to[SIZE - 1]);
		for (int i = 0; i < 64; i++) /* short ones, as compilers make them */
			movsb(to + i * 64, from + i, 24);
		sum = mix(sum, to[1000]);
	}
	return sum;
}
