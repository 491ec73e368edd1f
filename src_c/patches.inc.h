/* Template: from pixels to patches, and from products with words to features, in float32 at one level.
 *
 * Needs NAME(kernel).
 *
 * Plan. A block of positions is cut out of the image's plane into rows of d pixels, each less its mean, in three passes
 * over d numbers in the first-level cache: copy and sum, subtract and sum the squares, scale after the whitening. The mean is
 * taken off the pixels themselves, not off the products, as those of a bright flat patch would cancel to nothing. The
 * whitening is the scores kernel of rows.inc.h: components are its classes. It stands for 324 of about 400 vector operations
 * a position.
 * The triangle needs the mean over all words before the first is pooled: the dots of one position, 4 bytes a word, are kept
 * until then and no longer.
 */
static void NAME(pixels)(ptrdiff_t n, const void *image_n, int is_u8, float scale, float *plane_n) {
    const vf by = vf_set1(scale);
    ptrdiff_t i = 0;
    if (is_u8) {
        const uint8_t *image = (const uint8_t *)image_n;
        for (; i + VF_LANES <= n; i += VF_LANES) vf_store(plane_n + i, vf_load_u8(image + i) * by);
        for (; i < n; i++) plane_n[i] = (float)image[i] * scale;
    } else {
        const float *image = (const float *)image_n;
        for (; i + VF_LANES <= n; i += VF_LANES) vf_store(plane_n + i, vf_load(image + i) * by);
        for (; i < n; i++) plane_n[i] = image[i] * scale;
    }
}

static void NAME(patches)(ptrdiff_t n, const float *plane, ptrdiff_t ld_plane, const int64_t *offset_n, ptrdiff_t rows,
                          ptrdiff_t d, float eps, float *x_nd, ptrdiff_t ld_x, float *factor_n) {
    const ptrdiff_t width = d / rows, whole = d / VF_LANES * VF_LANES, rest = d - whole;
    for (ptrdiff_t p = 0; p < n; p++) {
        float *x = x_nd + p * ld_x;
        const float *from = plane + offset_n[p];
        /* Whole vectors: what a piece writes too much is the next one's, or behind the row. */
        for (ptrdiff_t r = 0; r < rows; r++, from += ld_plane)
            for (ptrdiff_t i = 0; i < width; i += VF_LANES) vf_store(x + r * width + i, vf_load(from + i));
        vf sum = vf_set1(0.0f), square = sum;
        for (ptrdiff_t i = 0; i < whole; i += VF_LANES) sum = sum + vf_load(x + i);
        if (rest) sum = sum + vf_load_n(x + whole, rest);
        const float mean = vf_sum(sum) / (float)d;
        const vf mean_v = vf_set1(mean);
        for (ptrdiff_t i = 0; i < whole; i += VF_LANES) {
            const vf v = vf_load(x + i) - mean_v;
            vf_store(x + i, v);
            square = vf_fma(v, v, square);
        }
        for (ptrdiff_t i = whole; i < d; i++) x[i] -= mean;
        if (rest) {
            const vf v = vf_load_n(x + whole, rest);
            square = vf_fma(v, v, square);
        }
        const float variance = vf_sum(square) / (float)(d > 1 ? d - 1 : 1) + eps;
        factor_n[p] = variance > 0.0f ? 1.0f / sqrtf(variance) : 0.0f;
    }
}

static void NAME(contrast)(ptrdiff_t n, ptrdiff_t d, float *w_nd, ptrdiff_t ld_w, const float *factor_n,
                           const float *bias_d, float *norm_n) {
    for (ptrdiff_t r = 0; r < n; r++, w_nd += ld_w) {
        const vf factor = vf_set1(factor_n[r]);
        vf norm = vf_set1(0.0f);
        ptrdiff_t i = 0;
        for (; i + VF_LANES <= d; i += VF_LANES) {
            const vf w = vf_fma(vf_load(w_nd + i), factor, vf_load(bias_d + i));
            vf_store(w_nd + i, w);
            norm = vf_fma(w, w, norm);
        }
        if (i < d) {
            const vf w = vf_fma(vf_load_n(w_nd + i, d - i), factor, vf_load_n(bias_d + i, d - i));
            vf_store_n(w_nd + i, w, d - i);
            norm = vf_fma(w, w, norm);
        }
        norm_n[r] = vf_sum(norm);
    }
}

/* The first n lanes of v, zeros behind. */
FL_INLINE vf NAME(first_lanes)(vf v, ptrdiff_t n) {
    float lanes[VF_LANES];
    vf_store(lanes, v);
    return vf_load_n(lanes, n);
}

static void NAME(triangle)(const fl_words *words, const float *norm_w, float norm, float *dots, float *sums) {
    const ptrdiff_t mirrors = words->odd ? 2 : 1, n = words->n_words;
    const vf zero = vf_set1(0.0f), own = vf_set1(norm), two = vf_set1(-2.0f);
    vf sum = zero;
    for (ptrdiff_t m = 0; m < mirrors; m++) {
        float *z = dots + m * words->padded;
        for (ptrdiff_t w = 0; w < n; w += VF_LANES) {
            const vf squared = vf_fma(two, vf_load(z + w), own + vf_load(norm_w + w));
            const vf distance = vf_sqrt(vf_max(squared, zero));
            vf_store(z + w, distance);
            sum = sum + (w + VF_LANES <= n ? distance : NAME(first_lanes)(distance, n - w));
        }
    }
    const vf mean = vf_set1(vf_sum(sum) / (float)(mirrors * n));
    for (ptrdiff_t m = 0; m < mirrors; m++) {
        const ptrdiff_t start = m * words->padded;
        for (ptrdiff_t w = start; w < start + n; w += VF_LANES)
            vf_store(sums + w, vf_load(sums + w) + vf_max(mean - vf_load(dots + w), zero));
    }
}

static ptrdiff_t NAME(nearest)(const fl_words *words, const float *norm_w, const float *dots) {
    const ptrdiff_t mirrors = words->odd ? 2 : 1;
    float best[VF_LANES];
    uint32_t place[VF_LANES], lane[VF_LANES];
    vf_bits at;
    vf most = vf_set1(-INFINITY);
    for (uint32_t i = 0; i < VF_LANES; i++) lane[i] = i;
    vf_bits here, found;
    memcpy(&here, lane, sizeof here);
    memcpy(&found, lane, sizeof found);
    for (ptrdiff_t m = 0; m < mirrors; m++) {
        const float *of_mirror = dots + m * words->padded;
        for (ptrdiff_t w = 0; w < words->padded; w += VF_LANES) {
            /* |x - c|^2 less |x|^2, over -2; the padding's norms are infinite. */
            const vf closeness = vf_fma(vf_set1(-0.5f), vf_load(norm_w + w), vf_load(of_mirror + w));
            at = VF_LESS(most, closeness);
            most = vf_select(at, closeness, most);
            found = (here & at) | (found & ~at);
            here = here + VF_LANES;
        }
    }
    vf_store(best, most);
    memcpy(place, &found, sizeof place);
    int first = 0;
    for (int i = 1; i < VF_LANES; i++)
        if (best[i] > best[first] || (best[i] == best[first] && place[i] < place[first])) first = i;
    return (ptrdiff_t)place[first];
}

/* Sum of one map over the regions of a bin. */
FL_INLINE vf NAME(bin)(const fl_pooling *pooling, ptrdiff_t y, ptrdiff_t x, const float *map, ptrdiff_t ld_region) {
    vf sum = vf_set1(0.0f);
    for (ptrdiff_t i = pooling->first_y[y]; i < pooling->last_y[y]; i++)
        for (ptrdiff_t j = pooling->first_x[x]; j < pooling->last_x[x]; j++)
            sum = sum + vf_load(map + (i * pooling->regions_x + j) * ld_region);
    return sum;
}

static void NAME(pool)(const fl_words *words, const fl_pooling *pooling, const float *sums, float *features) {
    const ptrdiff_t maps = pooling->mirrors * pooling->signs, ld_region = maps * words->padded, n = words->n_words;
    const ptrdiff_t written = pooling->average ? pooling->signs : maps;
    const vf zero = vf_set1(0.0f), half = vf_set1(0.5f);
    for (ptrdiff_t y = 0; y < pooling->bins_y; y++) {
        for (ptrdiff_t x = 0; x < pooling->bins_x; x++) {
            for (ptrdiff_t map = 0; map < written; map++, features += n) {
                for (ptrdiff_t w = 0; w < n; w += VF_LANES) {
                    const float *s = sums + map * words->padded + w;
                    vf v = NAME(bin)(pooling, y, x, s, ld_region);
                    if (pooling->average) {
                        const float *mirror = s + pooling->signs * words->padded;
                        v = (v + NAME(bin)(pooling, y, pooling->bins_x - 1 - x, mirror, ld_region)) * half;
                    }
                    v = vf_max(v, zero); /* rounding may leave less */
                    if (pooling->power == 0.5) v = vf_sqrt(v);
                    if (n - w >= VF_LANES)
                        vf_store(features + w, v);
                    else
                        vf_store_n(features + w, v, n - w);
                }
                if (pooling->power != 0.5 && pooling->power != 1.0)
                    for (ptrdiff_t w = 0; w < n; w++) features[w] = powf(features[w], (float)pooling->power);
            }
        }
    }
}
