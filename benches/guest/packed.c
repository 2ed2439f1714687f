/* Packed integers of SSE2 over an image: blend, sums of differences, products, shuffles. */
#include "bench.h"
#include <emmintrin.h>

#define SIZE (1 << 15)
static unsigned char a[SIZE] __attribute__((aligned(16))), b[SIZE] __attribute__((aligned(16)));

PROGRAM(packed, 3000, "SSE2: packed integers")
{
	uint64_t sum = 0;
	__m128i total = _mm_setzero_si128(), products = _mm_setzero_si128();
	const __m128i zero = _mm_setzero_si128();
	for (int i = 0; i < SIZE; i++) {
		a[i] = i * 13 >> 2;
		b[i] = i * 7 >> 3;
	}
	while (rounds--) {
		__m128i weight = _mm_set1_epi16(rounds % 200);
		for (int i = 0; i < SIZE; i += 16) {
			__m128i x = _mm_load_si128((__m128i *)(a + i)), y = _mm_load_si128((__m128i *)(b + i));
			total = _mm_add_epi64(total, _mm_sad_epu8(x, y));
			__m128i xl = _mm_unpacklo_epi8(x, zero), xh = _mm_unpackhi_epi8(x, zero);
			__m128i yl = _mm_unpacklo_epi8(y, zero), yh = _mm_unpackhi_epi8(y, zero);
			products = _mm_add_epi32(products, _mm_madd_epi16(xl, yl));
			xl = _mm_srli_epi16(_mm_mullo_epi16(_mm_subs_epu16(xl, yl), weight), 8);
			xh = _mm_srli_epi16(_mm_mullo_epi16(_mm_subs_epu16(xh, yh), weight), 8);
			__m128i blend = _mm_packus_epi16(_mm_add_epi16(xl, yl), _mm_add_epi16(xh, yh));
			__m128i more = _mm_cmpgt_epi8(x, y);
			blend = _mm_or_si128(_mm_and_si128(more, blend), _mm_andnot_si128(more, _mm_avg_epu8(x, y)));
			blend = _mm_shuffle_epi32(_mm_max_epu8(blend, _mm_slli_epi16(y, 1)), 0x1b);
			_mm_store_si128((__m128i *)(b + i), _mm_adds_epu8(blend, _mm_set1_epi8(1)));
		}
	}
	uint64_t out[4] __attribute__((aligned(16)));
	_mm_store_si128((__m128i *)out, total);
	_mm_store_si128((__m128i *)(out + 2), products);
	for (int i = 0; i < 4; i++)
		sum = mix(sum, out[i]);
	for (int i = 0; i < SIZE; i += 256)
		sum = mix(sum, b[i]);
	return sum;
}
