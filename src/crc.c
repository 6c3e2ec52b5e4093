#include "crc.h"

/* Eight bytes at a time: table[k][b] is what byte b does to the checksum k bytes later. */
enum { STRIDE = 8 };

struct crc_kind {
    slice name;
    size_t size;
    uint64_t polynomial; /* reflected */
};

static const crc_kind kinds[] = {
    {{"crc32", 5}, 4, 0xEDB88320u},
    {{"crc32c", 6}, 4, 0x82F63B78u},
    {{"crc64nvme", 9}, 8, 0x9A6C9329AC4BC9B5u},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static uint64_t tables[KINDS][STRIDE][256];

static uint64_t shift_byte(uint64_t value, uint64_t polynomial) {
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ polynomial : value >> 1;
    return value;
}

/* Before main, so that no thread can see half a table. */
__attribute__((constructor)) static void make_tables(void) {
    for (size_t kind = 0; kind < KINDS; kind++) {
        uint64_t(*table)[256] = tables[kind];
        for (unsigned byte = 0; byte < 256; byte++) {
            table[0][byte] = shift_byte(byte, kinds[kind].polynomial);
        }
        for (size_t later = 1; later < STRIDE; later++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                uint64_t value = table[later - 1][byte];
                table[later][byte] = value >> 8 ^ table[0][value & 0xff];
            }
        }
    }
}

const crc_kind *crc_find(slice name) {
    for (size_t i = 0; i < KINDS; i++) {
        if (slice_eq(name, kinds[i].name)) return &kinds[i];
    }
    return NULL;
}

size_t crc_size(const crc_kind *kind) {
    return kind->size;
}

static uint64_t all_bits(const crc_kind *kind) {
    return kind->size == 8 ? UINT64_MAX : UINT32_MAX;
}

static uint64_t load_little_endian(const char *at) {
    uint64_t value = 0;
    for (int i = STRIDE - 1; i >= 0; i--) value = value << 8 | (unsigned char)at[i];
    return value;
}

static uint64_t update_stride(uint64_t (*table)[256], uint64_t value) {
    uint64_t next = 0;
    for (int i = 0; i < STRIDE; i++) next ^= table[STRIDE - 1 - i][value >> 8 * i & 0xff];
    return next;
}

uint64_t crc_update(const crc_kind *kind, uint64_t before, slice bytes) {
    uint64_t(*table)[256] = tables[kind - kinds];
    uint64_t value = before ^ all_bits(kind);
    for (; bytes.len >= STRIDE; bytes = slice_from(bytes, STRIDE)) {
        value = update_stride(table, value ^ load_little_endian(bytes.ptr));
    }
    for (size_t i = 0; i < bytes.len; i++) {
        value = value >> 8 ^ table[0][(value ^ (unsigned char)bytes.ptr[i]) & 0xff];
    }
    return value ^ all_bits(kind);
}

/* --- combining -------------------------------------------------------------------------------- */

/* The product of two polynomials modulo the kind's. Reflected: the highest bit is x^0. */
static uint64_t multiply(const crc_kind *kind, uint64_t a, uint64_t b) {
    const uint64_t one = (uint64_t)1 << (kind->size * 8 - 1);
    uint64_t product = 0;
    for (uint64_t bit = one; bit; bit >>= 1) {
        if (a & bit) product ^= b;
        b = b & 1 ? b >> 1 ^ kind->polynomial : b >> 1;
    }
    return product;
}

/* x^(8 * bytes): what so many bytes of zeros do. */
static uint64_t power_of_bytes(const crc_kind *kind, uint64_t bytes) {
    const uint64_t one = (uint64_t)1 << (kind->size * 8 - 1);
    uint64_t power = one, square = one >> 8; /* x^8 */
    for (; bytes; bytes >>= 1) {
        if (bytes & 1) power = multiply(kind, power, square);
        square = multiply(kind, square, square);
    }
    return power;
}

uint64_t crc_combine(const crc_kind *kind, uint64_t first, uint64_t second,
                     uint64_t second_length) {
    return multiply(kind, power_of_bytes(kind, second_length), first) ^ second;
}
