#include "media/g711.h"

/*
 * Both laws: a sign, three bits of segment, four of step, and of each step the
 * middle.  mu-law has all bits inverted and a bias that makes every segment
 * twice as long as the one before; A-law has every other bit inverted, and its
 * first two segments are equally long.
 */
#define SIGN 0x80
#define BIAS 132

int16_t
g711_pcmu(uint8_t octet)
{
	const unsigned u = (uint8_t)~octet;
	const int v = (int)((((u & 0x0f) << 3) + BIAS) << (u >> 4 & 7)) - BIAS;

	return (int16_t)((u & SIGN) != 0 ? -v : v);
}

int16_t
g711_pcma(uint8_t octet)
{
	const unsigned a = octet ^ 0x55U, segment = a >> 4 & 7;
	unsigned v = ((a & 0x0f) << 4) + 8;

	if (segment > 0)
		v = (v + 256) << (segment - 1);
	return (int16_t)((a & SIGN) != 0 ? (int)v : -(int)v);
}
