/* Template: images stored a colour after the other, turned to a pixel after the other.
 *
 * One plain loop that compilers turn into byte shuffles where the level has them (AVX2 and up, NEON's st3): three loads,
 * nine shuffles, six blends and three stores for each vector of pixels, so that memory is the limit. 16 registers do.
 */
static void NAME(interleave3)(ptrdiff_t n, ptrdiff_t pixels, const uint8_t *planes_n, ptrdiff_t ld_planes,
                              uint8_t *restrict out_n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint8_t *red = planes_n + i * ld_planes, *green = red + pixels, *blue = green + pixels;
        uint8_t *out = out_n + i * 3 * pixels;
        for (ptrdiff_t k = 0; k < pixels; k++) {
            out[3 * k] = red[k];
            out[3 * k + 1] = green[k];
            out[3 * k + 2] = blue[k];
        }
    }
}
