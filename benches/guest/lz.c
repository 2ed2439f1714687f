/* Compression by earlier occurrences (as LZ4 does it), and back. */
#include "bench.h"
#include <string.h>

#define SIZE 65536
#define SLOTS 4096
static unsigned char plain[SIZE], packed[SIZE * 2], again[SIZE];
static uint16_t last[SLOTS];

static uint32_t word(const unsigned char *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}

/* A token is 0, count, bytes; or length, distance (two bytes). */
static NOINLINE unsigned compress(void)
{
	unsigned in = 0, out = 0, literals = 0;
	memset(last, 0, sizeof last);
	while (in + 4 < SIZE) {
		uint16_t *slot = &last[word(plain + in) * 2654435761u >> 20];
		unsigned before = *slot;
		*slot = in;
		if (before < in && word(plain + before) == word(plain + in)) {
			unsigned length = 4;
			while (length < 255 && in + length < SIZE && plain[before + length] == plain[in + length])
				length++;
			packed[out++] = length;
			packed[out++] = (in - before) >> 8;
			packed[out++] = in - before;
			in += length;
			literals = 0;
		} else {
			if (literals == 0 || packed[literals] == 255) {
				packed[out++] = 0;
				literals = out;
				packed[out++] = 0;
			}
			packed[literals]++;
			packed[out++] = plain[in++];
		}
	}
	return out;
}

static NOINLINE unsigned expand(unsigned size)
{
	unsigned in = 0, out = 0;
	while (in < size) {
		unsigned length = packed[in++];
		if (length == 0) {
			for (length = packed[in++]; length; length--)
				again[out++] = packed[in++];
		} else {
			unsigned from = out - (packed[in] << 8 | packed[in + 1]);
			for (in += 2; length; length--)
				again[out++] = again[from++];
		}
	}
	return out;
}

PROGRAM(lz, 360, "compression by earlier occurrences, and back")
{
	uint32_t seed = 11;
	uint64_t sum = 0;
	for (unsigned at = 0; at < SIZE;) {
		unsigned from = at > 300 ? next_random(&seed) % (at - 40) : 0, n = 5 + next_random(&seed) % 20;
		for (; n && at < SIZE; n--, at++)
			plain[at] = at > 300 && n & 15 ? plain[from++] : 'a' + next_random(&seed) % 26;
	}
	while (rounds--) {
		plain[rounds * 997 % SIZE] ^= 1;
		unsigned size = compress(), back = expand(size);
		sum = mix(mix(sum, size), memcmp(plain, again, back) == 0);
	}
	return sum;
}
