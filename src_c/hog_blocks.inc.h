/* Template: step (D) of hog.inc.h, which includes this: cells to normalised blocks. */

/* (D) A block's factor, from the sum of its votes or of their squares. */
FL_INLINE V NAME(hog_factor)(fl_norm norm, V sum) {
    const V one = VW(set1)(1);
    if (norm == FL_NORM_L1 || norm == FL_NORM_L1_SQRT) return one / (sum + VW(set1)((REAL)FL_HOG_EPSILON));
    return one / VW(sqrt)(sum + VW(set1)((REAL)(FL_HOG_EPSILON * FL_HOG_EPSILON)));
}

/* (D) The cells of one block times `factor`, clipped where Hys asks for it: their squares summed up, or times `again`
 * to `out`. Cells are padded with zeros to whole vectors; what a store brings too much the next one writes over. */
FL_INLINE V NAME(hog_block)(const fl_hog *plan, const ptrdiff_t n, const REAL *cells, ptrdiff_t across, ptrdiff_t cell,
                            REAL factor, REAL again, REAL *out) {
    const V by = VW(set1)(factor), then = VW(set1)(again);
    const V clip = VW(set1)(plan->norm == FL_NORM_L2_HYS ? (REAL)FL_HOG_CLIP : (REAL)INFINITY);
    const REAL *const end = out + plan->block_height * plan->block_width * n;
    V squares = VW(set1)(0);
    for (ptrdiff_t r = 0; r < plan->block_height; r++)
        for (ptrdiff_t c = 0; c < plan->block_width; c++, out += n)
            for (ptrdiff_t i = 0; i < n; i += LANES) {
                V v = VW(load)(cells + (r * across + c) * cell + i) * by;
                v = VW(where)(VW(lt)(clip, v), clip, v);
                if (again == 0) {
                    squares = VW(fma)(v, v, squares);
                    continue;
                }
                v = plan->norm == FL_NORM_L1_SQRT ? VW(sqrt)(v) : v * then;
                if (out + i + LANES <= end)
                    VW(store)(out + i, v);
                else
                    VW(store_n)(out + i, v, end - out - i);
            }
    return squares;
}

/* (D) Sums and factors of all blocks are taken together, a lane a cell or a block. `sums` is room for a vector a cell,
 * `factors` for two numbers a block. */
FL_INLINE void NAME(hog_blocks)(const fl_hog *plan, const ptrdiff_t n, const REAL *cells, ptrdiff_t cell, REAL *sums,
                                REAL *factors, REAL *out) {
    const ptrdiff_t across = fl_hog_cells_across(plan), down = fl_hog_cells_down(plan);
    const ptrdiff_t blocks_across = across - plan->block_width + 1, blocks_down = down - plan->block_height + 1;
    const ptrdiff_t n_blocks = blocks_across * blocks_down, size = plan->block_height * plan->block_width * n;
    const int absolute = plan->norm == FL_NORM_L1 || plan->norm == FL_NORM_L1_SQRT;
    const int times = LANES == 16 ? 4 : LANES == 8 ? 3 : LANES == 4 ? 2 : 1;
    REAL *const again = factors + fl_whole(n_blocks, FL_HOG_PAD);
    for (ptrdiff_t k = 0; k < down * across; k++) {
        V sum = VW(set1)(0);
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            const V v = VW(load)(cells + k * cell + i);
            sum = absolute ? sum + v : VW(fma)(v, v, sum); /* votes are never negative */
        }
        VW(store)(sums + k * LANES, sum);
    }
    NAME(hog_halve)(down * across * LANES, times, sums, sums);
    for (ptrdiff_t y = 0, k = 0; y < blocks_down; y++)
        for (ptrdiff_t x = 0; x < blocks_across; x++, k++) {
            REAL sum = 0;
            for (ptrdiff_t r = 0; r < plan->block_height; r++)
                for (ptrdiff_t c = 0; c < plan->block_width; c++) sum += sums[(y + r) * across + x + c];
            factors[k] = sum;
        }
    for (ptrdiff_t k = 0; k < n_blocks; k += LANES)
        VW(store)(factors + k, NAME(hog_factor)(plan->norm, VW(load)(factors + k)));
    if (plan->norm == FL_NORM_L2_HYS) {
        for (ptrdiff_t y = 0, k = 0; y < blocks_down; y++)
            for (ptrdiff_t x = 0; x < blocks_across; x++, k++) {
                const REAL *const corner = cells + (y * across + x) * cell;
                const V squares = NAME(hog_block)(plan, n, corner, across, cell, factors[k], 0, out);
                VW(store)(sums + k * LANES, squares);
            }
        NAME(hog_halve)(n_blocks * LANES, times, sums, sums);
        for (ptrdiff_t k = 0; k < n_blocks; k += LANES)
            VW(store)(again + k, NAME(hog_factor)(plan->norm, VW(load)(sums + k)));
    } else {
        for (ptrdiff_t k = 0; k < n_blocks; k++) again[k] = 1;
    }
    for (ptrdiff_t y = 0, k = 0; y < blocks_down; y++)
        for (ptrdiff_t x = 0; x < blocks_across; x++, k++, out += size)
            NAME(hog_block)(plan, n, cells + (y * across + x) * cell, across, cell, factors[k], again[k], out);
}
