/* Planets that attract one another: adds, multiplications, divisions and roots of doubles. */
#include "bench.h"
#include <math.h>
#include <string.h>

#define BODIES 5

static struct {
	double x[3], v[3], mass;
} body[BODIES] = {
	{ { 0, 0, 0 }, { 0, 0, 0 }, 39.5 },
	{ { 4.84, -1.16, -0.10 }, { 0.606, 2.81, -0.02 }, 0.0377 },
	{ { 8.34, 4.12, -0.40 }, { -1.01, 1.82, 0.008 }, 0.0113 },
	{ { 12.9, -15.1, -0.22 }, { 1.08, 0.868, -0.01 }, 0.0017 },
	{ { 15.4, -25.9, 0.18 }, { 0.979, 0.594, -0.035 }, 0.0020 },
};

PROGRAM(nbody, 128, "doubles: planets, with divisions and square roots")
{
	uint64_t sum = 0;
	while (rounds--) {
		for (int step = 0; step < 2000; step++) {
			for (int i = 0; i < BODIES; i++)
				for (int j = i + 1; j < BODIES; j++) {
					double d[3], square = 0;
					for (int k = 0; k < 3; k++) {
						d[k] = body[i].x[k] - body[j].x[k];
						square += d[k] * d[k];
					}
					double pull = 0.001 / (square * sqrt(square));
					for (int k = 0; k < 3; k++) {
						body[i].v[k] -= d[k] * body[j].mass * pull;
						body[j].v[k] += d[k] * body[i].mass * pull;
					}
				}
			for (int i = 0; i < BODIES; i++)
				for (int k = 0; k < 3; k++)
					body[i].x[k] += 0.001 * body[i].v[k];
		}
	}
	for (int i = 0; i < BODIES; i++) {
		uint64_t bits;
		memcpy(&bits, &body[i].x[i % 3], 8);
		sum = mix(sum, bits);
	}
	return sum;
}
