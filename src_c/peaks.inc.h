/* Template: multiply-adds from registers alone, the most that the level's arithmetic does, for `fastlin bench`.
 *
 * PEAK_CHAINS sums, each sum = sum * a + b over and over: every step waits for its own sum's last one, so the chains
 * must hide its latency. Two units of 4 cycles want 8 chains (Zen, Intel since Skylake), of 5 cycles 10 (Haswell). 14
 * chains with a and b are the 16 registers that all levels have, and nothing else is in the loop, whose own two
 * instructions a few times 14 hide. Where a multiplication and an addition are two instructions (SSE2) a step is 6 to 8
 * cycles and two units of each want 16 chains: there the figure may be an eighth low.
 *
 * Needs PEAK_VECTOR, PEAK_SET1(real), PEAK_STEP(sum, a, b), PEAK_SUM(sum), NAME. Leaves PEAK_STEPS.
 */
#undef PEAK_CHAINS
#undef PEAK_TIMES
#undef PEAK_STEPS
#define PEAK_CHAINS 14
#define PEAK_TIMES 4
#define PEAK_STEPS (PEAK_CHAINS * PEAK_TIMES) /* of a round, in vectors */

static double NAME(multiply_add)(ptrdiff_t rounds, double a, double b) {
    const PEAK_VECTOR factor = PEAK_SET1(a), term = PEAK_SET1(b);
    PEAK_VECTOR sum[PEAK_CHAINS], all = PEAK_SET1(0);
    for (int i = 0; i < PEAK_CHAINS; i++) sum[i] = PEAK_SET1(i);
    for (ptrdiff_t k = 0; k < rounds; k++) {
        FL_UNROLL for (int t = 0; t < PEAK_TIMES; t++) {
            FL_UNROLL for (int i = 0; i < PEAK_CHAINS; i++) sum[i] = PEAK_STEP(sum[i], factor, term);
        }
    }
    for (int i = 0; i < PEAK_CHAINS; i++) all = all + sum[i];
    return (double)PEAK_SUM(all);
}

#undef PEAK_VECTOR
#undef PEAK_SET1
#undef PEAK_STEP
#undef PEAK_SUM
