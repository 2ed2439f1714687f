/* Memory that is asked for, touched page by page and given back: a page fault each. */
#include "bench.h"
#include <sys/mman.h>

#define PAGE 4096
#define PAGES 256

PROGRAM(faults, 280, "page faults: mmap, touch, munmap")
{
	uint64_t sum = 0;
	while (rounds--) {
		unsigned char *memory =
			mmap(NULL, PAGE * PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			fail("mmap");
		for (int i = 0; i < PAGES; i++)
			memory[i * PAGE + i] = i;
		for (int i = 0; i < PAGES; i++)
			sum += memory[i * PAGE + i] + memory[i * PAGE + i + 1];
		if (munmap(memory, PAGE * PAGES))
			fail("munmap");
	}
	return sum;
}
