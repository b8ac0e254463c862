/* g711: PCMU and PCMA (ITU-T G.711) to 16-bit samples. */
#ifndef MEDIA_G711_H
#define MEDIA_G711_H

#include <stddef.h>
#include <stdint.h>

#define G711_RATE 8000 /* samples a second, one octet each */

int16_t g711_pcmu(uint8_t octet);
int16_t g711_pcma(uint8_t octet);

#endif
