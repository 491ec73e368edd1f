"""How fast the library is on this machine, beside its peers and beside what the machine can do: `fastlin bench`.

A run is made of parts, each a child process, as BLAS and OpenMP look at their environment once, when they load: one
thread, several, and lower SIMD levels (`run`). A part measures the machine's limits (`limits`) and goes through the
cases (`cases`): every implementation at hand (`peers`, `images`) is checked against the float64 twin (`answers`) and
timed in turns with the others (`timing`, `rows`). `report` sets what came of it beside what is wanted (`bars`,
`verdicts`).
"""
