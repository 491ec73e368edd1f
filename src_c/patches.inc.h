/* Template: from pixels to patches, and from products with words to features, in float32 at one level.
 *
 * Needs NAME(kernel).
 *
 * Plan. A block of positions is cut out of the image's plane into rows of d pixels, in one pass over them. Their mean
 * and contrast are divided out after the whitening, where there is less to divide: whitening is linear, w = (V x - mean
 * V 1) / sd + bias. So that a bright flat patch does not cancel to nothing, the patch's first pixel is taken off all of
 * them on the way: it is one of them, and so the mean of what is left is at most sqrt(d) standard deviations from zero.
 * The product V x is the scores kernel of rows.inc.h, components being its classes; it is most of the work.
 *
 * The triangle needs the mean over all words before the first is pooled: the dots of one position, 4 bytes a word, are
 * kept until then and no longer.
 */
/* The first n lanes of v, zeros behind. */
FL_INLINE vf NAME(first_lanes)(vf v, ptrdiff_t n) {
#if defined(FL_AVX512)
    return (vf)_mm512_maskz_mov_ps(fl_mask16(n), (__m512)v);
#else
    float lanes[VF_LANES];
    vf_store(lanes, v);
    return vf_load_n(lanes, n);
#endif
}

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
                          ptrdiff_t d, float eps, float *x_nd, ptrdiff_t ld_x, float *mean_n, float *factor_n) {
    const ptrdiff_t width = d / rows, whole = width / VF_LANES * VF_LANES, rest = width - whole;
    const float mean_of = 1.0f / (float)d, variance_of = 1.0f / (float)(d > 1 ? d - 1 : 1);
    for (ptrdiff_t p = 0; p < n; p++) {
        const float *from = plane + offset_n[p];
        const vf origin = vf_set1(*from);
        float *x = x_nd + p * ld_x;
        vf sum = vf_set1(0.0f), square = sum;
        for (ptrdiff_t r = 0; r < rows; r++, x += width, from += ld_plane) {
            for (ptrdiff_t i = 0; i < whole; i += VF_LANES) {
                const vf v = vf_load(from + i) - origin;
                vf_store(x + i, v);
                sum = sum + v;
                square = vf_fma(v, v, square);
            }
            if (rest) {
                /* A whole vector: what it writes too much is the next piece's, or behind the row. */
                const vf v = vf_load(from + whole) - origin, kept = NAME(first_lanes)(v, rest);
                vf_store(x + whole, v);
                sum = sum + kept;
                square = vf_fma(kept, kept, square);
            }
        }
        const float total = vf_sum(sum), mean = total * mean_of;
        const float variance = fmaxf(vf_sum(square) - total * mean, 0.0f) * variance_of + eps;
        mean_n[p] = mean;
        factor_n[p] = variance > 0.0f ? 1.0f / sqrtf(variance) : 0.0f;
    }
}

static void NAME(contrast)(ptrdiff_t n, ptrdiff_t d, float *w_nd, ptrdiff_t ld_w, const float *mean_n,
                           const float *factor_n, const float *ones_d, const float *bias_d, float *norm_n) {
    for (ptrdiff_t r = 0; r < n; r++, w_nd += ld_w) {
        const vf factor = vf_set1(factor_n[r]), less = vf_set1(-mean_n[r] * factor_n[r]);
        vf norm = vf_set1(0.0f);
        FL_EACH_VECTOR(0, d, VF_LANES, {
            const vf constant = vf_fma(less, vf_load_n(ones_d + at, width), vf_load_n(bias_d + at, width));
            const vf w = vf_fma(vf_load_n(w_nd + at, width), factor, constant);
            vf_store_n(w_nd + at, w, width);
            norm = vf_fma(w, w, norm);
        });
        norm_n[r] = vf_sum(norm);
    }
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
    const ptrdiff_t written = pooling->join ? pooling->signs : maps;
    const vf zero = vf_set1(0.0f);
    for (ptrdiff_t y = 0; y < pooling->bins_y; y++) {
        for (ptrdiff_t x = 0; x < pooling->bins_x; x++) {
            for (ptrdiff_t map = 0; map < written; map++, features += n) {
                for (ptrdiff_t w = 0; w < n; w += VF_LANES) {
                    const float *s = sums + map * words->padded + w;
                    vf v = NAME(bin)(pooling, y, x, s, ld_region);
                    if (pooling->join) {
                        const float *mirror = s + pooling->signs * words->padded;
                        v = v + NAME(bin)(pooling, y, pooling->bins_x - 1 - x, mirror, ld_region);
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
