/* Two points of the set at a time in one vector register of doubles. */
#include "bench.h"
#include <emmintrin.h>

PROGRAM(mandelbrot, 52, "SSE2: packed doubles")
{
	uint64_t sum = 0;
	const __m128d four = _mm_set1_pd(4.0);
	while (rounds--) {
		for (int y = 0; y < 64; y++) {
			__m128d ci = _mm_set1_pd(y / 32.0 - 1.0);
			for (int x = 0; x < 64; x += 2) {
				__m128d cr = _mm_set_pd(x / 26.0 - 1.9 + rounds / 64.0, (x + 1) / 26.0 - 1.9);
				__m128d zr = _mm_setzero_pd(), zi = _mm_setzero_pd(), n = _mm_setzero_pd();
				for (int i = 0; i < 120; i++) {
					__m128d r2 = _mm_mul_pd(zr, zr), i2 = _mm_mul_pd(zi, zi);
					__m128d inside = _mm_cmple_pd(_mm_add_pd(r2, i2), four);
					if (!_mm_movemask_pd(inside))
						break;
					n = _mm_add_pd(n, _mm_and_pd(inside, _mm_set1_pd(1.0)));
					zi = _mm_add_pd(_mm_mul_pd(_mm_add_pd(zr, zr), zi), ci);
					zr = _mm_add_pd(_mm_sub_pd(r2, i2), cr);
				}
				sum = mix(sum, _mm_cvtsd_si32(n) * 128 + _mm_cvtsd_si32(_mm_unpackhi_pd(n, n)));
			}
		}
	}
	return sum;
}
