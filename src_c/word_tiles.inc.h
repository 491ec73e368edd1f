/* Template: products of whitened patches with words in register tiles, and the soft threshold that sums them up.
 *
 * Needs what word_cells.inc.h needs, and CELL_SPREAD(p) (the cell at p in all lanes), CELL_DOT(a, b, sum), and
 * PLAIN_VECTORS (vectors of words in a panel without mirror words; with them it is 2).
 *
 * Plan. A tile is 6 positions x a panel of words, the words in the lanes: a step of one cell loads the panel's vectors
 * and spreads one cell of each position, for positions x vectors multiply-adds. Registers: 32 with AVX-512, else 16.
 *   mirror words   the even components' sums and the odd ones' of 6 x 2 vectors: 24 + 2 + 1 = 27 of 32; of 16, the odd
 *                  ones' 12 + 2 + 1 = 15 while the even ones' rest on the stack, which costs 12 stores a tile.
 *   plain words    6 x 4 + 4 + 1 = 29 of 32; 6 x 2 + 2 + 1 = 15 of 16.
 * A panel (2 x 64 bytes x 48 cells = 6 KiB) stays in the first-level cache while all positions of a chunk pass, and the
 * chunk's rows (200 KiB) come from the second level.
 *
 * The threshold is applied to a tile while it is in registers: for one product p, max(p, a) and min(p, -a) are summed
 * over the tile's positions, and what a alone would have given is taken off, so that no more than the pooled sums is
 * ever stored. That is 10 operations a position for the 4 numbers of a pair. Where no product passes the threshold the
 * sum is exactly zero, as the same additions give what is taken off.
 */
#define TILE_ROWS 6

/* sum[r][v] = products of a row and a panel over `cells`; returns the panel's next cell. */
FL_INLINE const float *NAME(tile)(const int rows, const int vectors, const float *row, ptrdiff_t ld, ptrdiff_t cells,
                                  const float *panel, vf (*sum)[4]) {
    FL_UNROLL for (int r = 0; r < rows; r++)
        FL_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = vf_set1(0.0f);
    for (ptrdiff_t k = 0; k < cells; k++, panel += vectors * VF_LANES) {
        vf b[4];
        FL_UNROLL for (int v = 0; v < vectors; v++) b[v] = vf_load(panel + v * VF_LANES);
        FL_UNROLL for (int r = 0; r < rows; r++) {
            const vf a = CELL_SPREAD(row + r * ld + k);
            FL_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = CELL_DOT(a, b[v], sum[r][v]);
        }
    }
    return panel;
}

/* Add one product's two sides, over the tile's positions, to the sums of either. */
FL_INLINE void NAME(threshold)(const int rows, const vf *product, float threshold, float alone, float *above,
                               float *below) {
    const vf a = vf_set1(threshold), minus_a = vf_set1(-threshold);
    vf up = vf_max(a, product[0]), down = vf_min(minus_a, product[0]);
    FL_UNROLL for (int r = 1; r < rows; r++) {
        up = up + vf_max(a, product[r]);
        down = down + vf_min(minus_a, product[r]);
    }
    vf_store(above, vf_load(above) + (up - vf_set1(alone)));
    vf_store(below, vf_load(below) - (down + vf_set1(alone)));
}

FL_INLINE void NAME(soft_tile)(const int rows, const int paired, const float *row, ptrdiff_t even, ptrdiff_t odd,
                               const float *panel, float threshold, float alone, float *sums, ptrdiff_t ld_sums) {
    const int vectors = paired ? 2 : PLAIN_VECTORS;
    vf e[TILE_ROWS][4], o[TILE_ROWS][4], product[TILE_ROWS];
    panel = NAME(tile)(rows, vectors, row, even + odd, even, panel, e);
    if (paired) NAME(tile)(rows, vectors, row + even, even + odd, odd, panel, o);
    FL_UNROLL for (int v = 0; v < vectors; v++) {
        float *s = sums + v * VF_LANES;
        FL_UNROLL for (int r = 0; r < rows; r++) product[r] = paired ? e[r][v] + o[r][v] : e[r][v];
        NAME(threshold)(rows, product, threshold, alone, s, s + ld_sums);
        if (paired) {
            FL_UNROLL for (int r = 0; r < rows; r++) product[r] = e[r][v] - o[r][v];
            NAME(threshold)(rows, product, threshold, alone, s + 2 * ld_sums, s + 3 * ld_sums);
        }
    }
}

FL_INLINE void NAME(dots_tile)(const int rows, const int paired, const float *row, ptrdiff_t even, ptrdiff_t odd,
                               const float *panel, float *dots, ptrdiff_t padded) {
    const int vectors = paired ? 2 : PLAIN_VECTORS;
    const ptrdiff_t ld_dots = paired ? 2 * padded : padded;
    vf e[TILE_ROWS][4], o[TILE_ROWS][4];
    panel = NAME(tile)(rows, vectors, row, even + odd, even, panel, e);
    if (paired) NAME(tile)(rows, vectors, row + even, even + odd, odd, panel, o);
    FL_UNROLL for (int r = 0; r < rows; r++) {
        FL_UNROLL for (int v = 0; v < vectors; v++) {
            float *to = dots + r * ld_dots + v * VF_LANES;
            vf_store(to, paired ? e[r][v] + o[r][v] : e[r][v]);
            if (paired) vf_store(to + padded, e[r][v] - o[r][v]);
        }
    }
}

/* How many of the positions that are left the next tile takes: no tile of one where two of half a height do. */
FL_INLINE int NAME(rows_of_tile)(ptrdiff_t left) {
    return (int)(left >= 2 * TILE_ROWS ? TILE_ROWS : left > TILE_ROWS ? (left + 1) / 2 : left);
}

#define FOR_ROWS(rows, TILE)                                                                                           \
    switch (rows) {                                                                                                    \
    case 1: TILE(1); break;                                                                                            \
    case 2: TILE(2); break;                                                                                            \
    case 3: TILE(3); break;                                                                                            \
    case 4: TILE(4); break;                                                                                            \
    case 5: TILE(5); break;                                                                                            \
    default: TILE(6); break;                                                                                           \
    }

FL_INLINE void NAME(soft_of)(const int paired, const fl_words *words, ptrdiff_t n_runs, const fl_run *runs,
                             const float *rows, const float *packed, float threshold, float *sums) {
    const ptrdiff_t even = NAME(cells_of)(words->even), odd = NAME(cells_of)(words->odd), cells = even + odd;
    const ptrdiff_t width = PANEL_OF(paired), maps = paired ? 4 : 2;
    float alone[TILE_ROWS + 1] = {0.0f};
    for (int r = 1; r <= TILE_ROWS; r++) alone[r] = r == 1 ? threshold : alone[r - 1] + threshold;
    for (ptrdiff_t w = 0; w < words->padded; w += width, packed += width * cells) {
        for (const fl_run *run = runs; run < runs + n_runs; run++) {
            float *s = sums + run->region * maps * words->padded + w;
            const float *row = rows + run->first * cells;
            for (ptrdiff_t left = run->n; left > 0;) {
                const int tile = NAME(rows_of_tile)(left);
#define SOFT_TILE(n) NAME(soft_tile)(n, paired, row, even, odd, packed, threshold, alone[n], s, words->padded)
                FOR_ROWS(tile, SOFT_TILE)
#undef SOFT_TILE
                row += tile * cells;
                left -= tile;
            }
        }
    }
}

FL_INLINE void NAME(dots_of)(const int paired, const fl_words *words, ptrdiff_t n, const float *rows,
                             const float *packed, float *dots) {
    const ptrdiff_t even = NAME(cells_of)(words->even), odd = NAME(cells_of)(words->odd), cells = even + odd;
    const ptrdiff_t width = PANEL_OF(paired), ld_dots = (paired ? 2 : 1) * words->padded;
    for (ptrdiff_t w = 0; w < words->padded; w += width, packed += width * cells) {
        const float *row = rows;
        float *to = dots + w;
        for (ptrdiff_t left = n; left > 0;) {
            const int tile = NAME(rows_of_tile)(left);
#define DOTS_TILE(n) NAME(dots_tile)(n, paired, row, even, odd, packed, to, words->padded)
            FOR_ROWS(tile, DOTS_TILE)
#undef DOTS_TILE
            row += tile * cells;
            to += tile * ld_dots;
            left -= tile;
        }
    }
}

static void NAME(soft)(const fl_words *words, ptrdiff_t n_runs, const fl_run *runs, const float *rows,
                       const float *packed, float threshold, float *sums) {
    if (words->odd)
        NAME(soft_of)(1, words, n_runs, runs, rows, packed, threshold, sums);
    else
        NAME(soft_of)(0, words, n_runs, runs, rows, packed, threshold, sums);
}

static void NAME(dots)(const fl_words *words, ptrdiff_t n, const float *rows, const float *packed, float *dots) {
    if (words->odd)
        NAME(dots_of)(1, words, n, rows, packed, dots);
    else
        NAME(dots_of)(0, words, n, rows, packed, dots);
}

#undef FOR_ROWS
#undef TILE_ROWS
