#define _GNU_SOURCE /* syscall */
#include "fl_cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

static void cpuid(unsigned leaf, unsigned subleaf, unsigned out[4]) {
    if (!__get_cpuid_count(leaf, subleaf, &out[0], &out[1], &out[2], &out[3])) out[0] = out[1] = out[2] = out[3] = 0;
}

static unsigned xgetbv(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

enum { OSXSAVE = 1 << 27 };

fl_cpuid fl_cpu_read(void) {
    fl_cpuid cpu = {0, 0, 0, 0, 0, 0};
    unsigned registers[4];
    cpuid(0, 0, registers);
    cpu.amd = registers[1] == signature_AMD_ebx && registers[2] == signature_AMD_ecx;
    cpuid(1, 0, registers);
    cpu.leaf1_ecx = registers[2];
    cpuid(7, 0, registers);
    const unsigned last_subleaf = registers[0];
    cpu.leaf7_ebx = registers[1];
    cpu.leaf7_edx = registers[3];
    if (last_subleaf >= 1) {
        cpuid(7, 1, registers);
        cpu.leaf7_1_eax = registers[0];
    }
    if (cpu.leaf1_ecx & OSXSAVE) cpu.xcr0 = xgetbv();
    return cpu;
}
#else
fl_cpuid fl_cpu_read(void) {
    const fl_cpuid none = {0, 0, 0, 0, 0, 0};
    return none;
}
#endif

static int all(unsigned value, unsigned bits) { return (value & bits) == bits; }

int fl_avx2_licensed(fl_cpuid cpu) {
    const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29, avx2 = 1u << 5;
    const unsigned xmm_ymm_state = 0x6;
    return all(cpu.leaf1_ecx, fma | osxsave | avx | f16c) && all(cpu.leaf7_ebx, avx2) && all(cpu.xcr0, xmm_ymm_state);
}

int fl_avx512_licensed(fl_cpuid cpu) {
    const unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
    const unsigned opmask_zmm_state = 0xe0;
    return fl_avx2_licensed(cpu) && all(cpu.leaf7_ebx, f | dq | bw | vl) && all(cpu.xcr0, opmask_zmm_state);
}

int fl_bf16_licensed(fl_cpuid cpu) { return fl_avx512_licensed(cpu) && all(cpu.leaf7_1_eax, 1u << 5); }

int fl_amx_licensed(fl_cpuid cpu) {
    const unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    const unsigned tile_config_and_data_state = 0x60000;
    return fl_avx512_licensed(cpu) && all(cpu.leaf7_edx, amx_bf16 | amx_tile) &&
           all(cpu.xcr0, tile_config_and_data_state);
}

int fl_amx_permitted(void) {
#if defined(__x86_64__) && defined(__linux__)
    const long request_permission = 0x1023, tile_data = 18; /* ARCH_REQ_XCOMP_PERM of asm/prctl.h */
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
    return 0;
#endif
}
