/* Template: words and whitened patches in the cells of 4 bytes that products step through.
 *
 * Needs CELL_PARTS (components in a cell: 1 float, or 2 bfloat16), CELL_PUT(cell, part, value), where there are 2 also
 * CELL_ROW(cells, n, components, count) (n cells of so many components, and zeros), CELLS_MULTIPLE (cells of either
 * parity are padded to it, with zeros), PANEL_OF(paired) (words of a panel), NAME(kernel).
 *
 * A row is its even components' cells, then its odd ones'. A panel is cell by cell, each cell of all its words in a
 * row, so that products with it are one stream.
 */
static ptrdiff_t NAME(panel)(const fl_words *words) { return PANEL_OF(words->odd > 0); }

FL_INLINE ptrdiff_t NAME(cells_of)(ptrdiff_t components) {
    return fl_whole((components + CELL_PARTS - 1) / CELL_PARTS, CELLS_MULTIPLE);
}

static ptrdiff_t NAME(cells)(const fl_words *words) { return NAME(cells_of)(words->even) + NAME(cells_of)(words->odd); }

static void NAME(pack)(const fl_words *words, const float *words_nd, float *packed) {
    const ptrdiff_t width = NAME(panel)(words), d = words->even + words->odd;
    for (ptrdiff_t first = 0; first < words->padded; first += width) {
        for (int parity = 0; parity < 2; parity++) {
            const ptrdiff_t components = parity ? words->odd : words->even, start = parity ? words->even : 0;
            for (ptrdiff_t cell = 0; cell < NAME(cells_of)(components); cell++) {
                for (ptrdiff_t w = first; w < first + width; w++, packed++) {
                    for (int part = 0; part < CELL_PARTS; part++) {
                        const ptrdiff_t i = cell * CELL_PARTS + part;
                        const int there = w < words->n_words && i < components;
                        CELL_PUT(packed, part, there ? words_nd[w * d + start + i] : 0.0f);
                    }
                }
            }
        }
    }
}

#if CELL_PARTS > 1
static void NAME(load)(const fl_words *words, ptrdiff_t n, const float *w_nd, ptrdiff_t ld_w, float *rows) {
    for (ptrdiff_t r = 0; r < n; r++, w_nd += ld_w) {
        const float *from = w_nd;
        for (int parity = 0; parity < 2; parity++) {
            const ptrdiff_t components = parity ? words->odd : words->even;
            const ptrdiff_t cells = NAME(cells_of)(components);
            CELL_ROW(rows, cells, from, components);
            rows += cells;
            from += components;
        }
    }
}
#endif
