/* Template: a row of pixels as one plane of `real` a channel, for one storage type at one level.
 *
 * Needs X, X_LOAD(p), X_LOAD_N(p, n), REAL, V, VW(word), LANES, NAME(kernel), as rows.inc.h does, and
 * VALUES_ARE_BYTES.
 *
 * planes[c * stride + i] is channel c of pixel i. The kernels read planes by whole vectors, so a plane ends with zeros
 * up to a whole number of vectors. Nothing is read beyond the row.
 */

/* LANES pixels of three channels. */
FL_INLINE void NAME(load_rgb)(const X *row, V *red, V *green, V *blue) {
#if VALUES_ARE_BYTES
    VW(load_rgb_u8)(row, red, green, blue);
#else
    VW(load_rgb)(row, red, green, blue);
#endif
}

FL_INLINE void NAME(split)(ptrdiff_t n, const int channels, const X *row, REAL *planes, ptrdiff_t stride) {
    ptrdiff_t i = 0;
    if (channels == 3)
        for (; i + LANES <= n; i += LANES) {
            V red, green, blue;
            NAME(load_rgb)(row + 3 * i, &red, &green, &blue);
            VW(store)(planes + i, red);
            VW(store)(planes + stride + i, green);
            VW(store)(planes + 2 * stride + i, blue);
        }
    for (; i < n; i++)
        for (int c = 0; c < channels; c++) planes[c * stride + i] = (REAL)row[channels * i + c];
}

static void NAME(to_planes)(ptrdiff_t n, ptrdiff_t channels, const X *row, REAL *planes, ptrdiff_t stride) {
    if (channels == 1) {
        ptrdiff_t i = 0;
        for (; i + LANES <= n; i += LANES) VW(store)(planes + i, X_LOAD(row + i));
        if (i < n) VW(store)(planes + i, X_LOAD_N(row + i, n - i));
        return;
    }
    if (channels == 3)
        NAME(split)(n, 3, row, planes, stride);
    else
        NAME(split)(n, (int)channels, row, planes, stride);
    for (ptrdiff_t c = 0; c < channels; c++)
        for (ptrdiff_t i = n; i < fl_whole(n, LANES); i++) planes[c * stride + i] = 0;
}
