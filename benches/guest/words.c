/* Counts words in a hash table with chains: FNV-1a over the bytes, then a comparison. */
#include "bench.h"
#include <string.h>

#define SLOTS 4096
#define WORDS 6000

struct word {
	char text[12];
	unsigned count;
	struct word *next;
};

static struct word words[WORDS];
static struct word *slots[SLOTS];

static NOINLINE uint32_t fnv(const char *p)
{
	uint32_t hash = 0x811c9dc5;
	while (*p)
		hash = (hash ^ (unsigned char)*p++) * 0x01000193;
	return hash;
}

PROGRAM(words, 2400, "hashing: FNV-1a and a table with chains")
{
	uint32_t seed = 7;
	unsigned used = 0;
	uint64_t sum = 0;
	while (rounds--) {
		for (int i = 0; i < 1000; i++) {
			char text[12];
			uint32_t r = next_random(&seed) % 20011 % WORDS;
			int n = 0;
			for (uint32_t v = r * 2654435761u >> 4; n < 4 + (int)(r % 7); v = v / 26 + r)
				text[n++] = 'a' + v % 26;
			text[n] = 0;
			struct word **at = &slots[fnv(text) % SLOTS];
			while (*at && strcmp((*at)->text, text))
				at = &(*at)->next;
			if (!*at) {
				if (used == WORDS)
					fail("words");
				*at = &words[used++];
				strcpy((*at)->text, text);
			}
			(*at)->count++;
		}
	}
	for (unsigned i = 0; i < used; i++)
		sum = mix(sum, words[i].count);
	return mix(sum, used);
}
