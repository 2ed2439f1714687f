/* Code that is written and then called, over and over, as a just-in-time compiler does it. */
#include "bench.h"
#include <string.h>
#include <sys/mman.h>

#define FUNCTIONS 64

typedef uint32_t function(void);

/* mov eax, N; ror eax, 5; xor eax, M; ret. Bytes that mean the same in 32 and 64 bits. */
static void emit(unsigned char *at, uint32_t n, uint32_t m)
{
	*at++ = 0xb8;
	memcpy(at, &n, 4);
	memcpy(at + 4, "\xc1\xc8\x05\x35", 4);
	memcpy(at + 8, &m, 4);
	at[12] = 0xc3;
}

PROGRAM(selfmod, 640, "code written and called at once: a JIT's work")
{
	unsigned char *code =
		mmap(NULL, FUNCTIONS * 64, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t value = 1;
	if (code == MAP_FAILED)
		fail("mmap");
	while (rounds--) {
		for (int i = 0; i < FUNCTIONS; i++)
			emit(code + i * 64, value + i, rounds * 2654435761u);
		for (int calls = 0; calls < 8; calls++)
			for (int i = 0; i < FUNCTIONS; i++)
				value += ((function *)(void *)(code + i * 64))();
	}
	return value;
}
