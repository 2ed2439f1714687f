/* strlen, memchr and strcmp as loops over bytes, as small C libraries have them. */
#include "bench.h"

static NOINLINE size_t length(const char *p)
{
	const char *at = p;
	while (*at)
		at++;
	return at - p;
}

static NOINLINE const char *find(const char *p, char c, size_t n)
{
	for (; n; n--, p++)
		if (*p == c)
			return p;
	return NULL;
}

static NOINLINE int compare(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

PROGRAM(bytes, 9600, "string loops byte by byte: strlen, memchr, strcmp")
{
	static char one[8192], two[8192];
	uint64_t sum = 0;
	while (rounds--) {
		unsigned n = 4000 + rounds % 4096;
		for (unsigned i = rounds & 63; i < n; i += 64)
			one[i] = two[i] = 'a' + i % 13;
		for (unsigned i = 0; i < n; i++)
			if (!one[i])
				one[i] = two[i] = 'n';
		one[n] = two[n] = 0;
		two[n - 1] = 'z';
		const char *at = find(one, 'y', n);
		sum = mix(sum, length(one) + (at ? at - one : 0));
		sum = mix(sum, compare(one, two) < 0);
		two[n - 1] = one[n - 1];
		one[n] = two[n] = 'q';
	}
	return sum;
}
