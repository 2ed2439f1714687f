/* What every program of the benchmark sees. One file, one program: it registers itself and returns a checksum. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

struct program {
	const char *name;
	/* What it is about, for the table's reader */
	const char *about;
	/* Repetitions of a full run: 0.5 to 1 s under QEMU 7.2's TCG */
	unsigned rounds;
	uint64_t (*run)(unsigned rounds);
};

/* Defines and registers a program; the body sees `rounds`. The linker gathers the section `programs`. */
#define PROGRAM(NAME, ROUNDS, ABOUT)                                                                              \
	static uint64_t NAME##_program(unsigned rounds);                                                          \
	static const struct program NAME##_entry = { #NAME, ABOUT, ROUNDS, NAME##_program };                      \
	static const struct program *const NAME##_pointer __attribute__((used, section("programs"))) = &NAME##_entry; \
	static uint64_t NAME##_program(unsigned rounds)

#define NOINLINE __attribute__((noinline, noclone))

/* A fixed sequence of pseudo-random numbers (xorshift). */
static inline uint32_t next_random(uint32_t *state)
{
	uint32_t x = *state;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* Takes a number into a checksum. */
static inline uint64_t mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ (sum >> 29);
}

/* Ends the program with a message where the system refuses something. */
void fail(const char *what) __attribute__((noreturn));

#endif
