/* Template: reading memory and doing next to nothing with it, for `fastlin bench`.
 *
 * One stream from the first byte to the last, as rows lie: the processor's own prefetchers keep more lines on their way
 * for it than for several streams or than asked for by instructions (both slower where measured). FL_READ_BYTES a
 * round, in four sums or more, so that no sum waits for the last one.
 */
static uint32_t NAME(read)(ptrdiff_t n, const void *bytes_n) {
    enum { VECTORS = FL_READ_BYTES / FL_VECTOR_BYTES };
    const char *at = bytes_n, *const end = at + n;
    vf_bits sum[VECTORS];
    memset(sum, 0, sizeof sum);
    for (; at < end; at += FL_READ_BYTES) {
        FL_UNROLL for (int i = 0; i < VECTORS; i++) {
            vf_bits v;
            memcpy(&v, at + i * FL_VECTOR_BYTES, sizeof v);
            sum[i] ^= v;
        }
    }
    uint32_t all = 0;
    for (int i = 0; i < VECTORS; i++) {
        for (int j = 0; j < VF_LANES; j++) all ^= sum[i][j];
    }
    return all;
}
