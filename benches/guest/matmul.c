/* Matrices of doubles, the textbook's three loops. */
#include "bench.h"
#include <string.h>

#define N 96
static double a[N][N], b[N][N], c[N][N];

PROGRAM(matmul, 32, "doubles: matrix multiplication")
{
	uint64_t sum = 0;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = (i * 3 + j) % 17 / 8.0;
			b[i][j] = (i + j * 5) % 23 / 16.0;
		}
	while (rounds--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				double s = 0;
				for (int k = 0; k < N; k++)
					s += a[i][k] * b[k][j];
				c[i][j] = s;
			}
		a[rounds % N][3] = c[5][7] / 4096;
	}
	for (int i = 0; i < N; i++) {
		uint64_t bits;
		memcpy(&bits, &c[i][(i * 7) % N], 8);
		sum = mix(sum, bits);
	}
	return sum;
}
