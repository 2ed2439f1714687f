/* The CRC of Ethernet and zlib, a byte at a time by a table of 256 words. */
#include "bench.h"

PROGRAM(crc32, 1600, "hashing: CRC-32 by a table")
{
	static uint32_t table[256];
	static unsigned char data[1 << 16];
	uint32_t crc = 0xffffffff;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
	for (unsigned i = 0; i < sizeof data; i++)
		data[i] = i * i >> 3;
	while (rounds--)
		for (unsigned i = 0; i < sizeof data; i++)
			crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}
