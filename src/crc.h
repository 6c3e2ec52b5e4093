/* crc: the three cyclic checksums that S3 knows: CRC-32 (ISO-HDLC), CRC-32C (Castagnoli) and
 * CRC-64/NVME, all reflected. Pure functions; a checksum of nothing is 0, and that of what follows
 * goes on from that of what came before.
 */
#ifndef FINSPACE_CRC_H
#define FINSPACE_CRC_H

#include <stdint.h>

#include "slice.h"

typedef struct crc_kind crc_kind;

/* "crc32", "crc32c" or "crc64nvme"; NULL for another name. */
const crc_kind *crc_find(slice name);

/* Bytes of a checksum: 4 or 8. */
size_t crc_size(const crc_kind *kind);

/* The checksum of the bytes behind those whose checksum is `before`. */
uint64_t crc_update(const crc_kind *kind, uint64_t before, slice bytes);

/* The checksum of two texts, from those of each and the length of the second: in a time that grows
 * with the logarithm of the length. */
uint64_t crc_combine(const crc_kind *kind, uint64_t first, uint64_t second, uint64_t second_length);

#endif
