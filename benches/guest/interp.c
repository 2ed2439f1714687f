/* A bytecode interpreter that jumps from each operation to the next by a table (computed goto). */
#include "bench.h"

enum { LOAD, ADD, SUB, MUL, XOR, SHR, DEC, JNZ, STORE, END };

PROGRAM(interp, 72, "indirect jumps: an interpreter by computed goto")
{
	static const void *const labels[] = { &&load, &&add, &&sub, &&mul, &&xor, &&shr, &&dec, &&jnz, &&store, &&end };
	/* operation, register, register or number */
	static const unsigned char code[] = {
		LOAD, 0, 200, LOAD, 1, 17, LOAD, 2, 3, LOAD, 3, 101,
		LOAD, 5, 250,
		ADD, 1, 2, MUL, 3, 1, XOR, 2, 3, SHR, 3, 2, SUB, 1, 0, XOR, 1, 3, ADD, 2, 5, DEC, 5, 0, JNZ, 5, 24,
		STORE, 2, 0, DEC, 0, 0, JNZ, 0, 36,
		END, 0, 0,
	};
	uint64_t sum = 0;
	while (rounds--) {
		uint32_t r[8] = { 0 };
		const unsigned char *pc = code;
#define NEXT goto *labels[*pc]
		NEXT;
load:
		r[pc[1]] = pc[2] + rounds;
		pc += 3;
		NEXT;
add:
		r[pc[1]] += r[pc[2]];
		pc += 3;
		NEXT;
sub:
		r[pc[1]] -= r[pc[2]];
		pc += 3;
		NEXT;
mul:
		r[pc[1]] *= r[pc[2]] | 1;
		pc += 3;
		NEXT;
xor:
		r[pc[1]] ^= r[pc[2]];
		pc += 3;
		NEXT;
shr:
		r[pc[1]] ^= r[pc[1]] >> pc[2];
		pc += 3;
		NEXT;
dec:
		r[pc[1]]--;
		pc += 3;
		NEXT;
jnz:
		pc = r[pc[1]] ? pc - pc[2] : pc + 3;
		NEXT;
store:
		sum = mix(sum, r[pc[1]]);
		pc += 3;
		NEXT;
end:;
	}
	return sum;
}
