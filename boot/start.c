/* SPDX-License-Identifier: MPL-2.0 */
/*
 * From the loader to root's first instruction, in order:
 *
 *   console, what the loader gave, the processor's abilities, ACPI, our memory region, our own page tables and the move
 *   there, clocks, logical processors, the root partition, root's kernel; then every LP runs its VP for ever.
 */
#include "boot/handover.h"
#include "boot/root.h"
#include "core/hv.h"
#include "core/partition.h"
#include "core/vp.h"
#include "drivers/clock/clock.h"
#include "drivers/pic/pic.h"
#include "drivers/serial/serial.h"
#include "x86/apic/local_apic.h"
#include "x86/backend.h"
#include "x86/cpu/instructions.h"
#include "x86/cpu/trap.h"
#include "x86/machine_x86.h"
#include "x86/mm/host_map.h"
#include "x86/mm/memory_map.h"
#include "x86/mm/page_table.h"
#include "x86/mm/pool.h"
#include "x86/nested/nested.h"
#include "x86/panic.h"
#include "x86/smp/smp.h"
#include "x86/vm/vp.h"
#include "lib/print.h"
#include "lib/string.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MIB(n) ((uint64_t)(n) << 20)
#define LIMIT_4G (UINT64_C(1) << 32)
#define REGION_LEAST MIB(1)	   /* image, tables */
#define REGION_PER_LP (192u << 10) /* stack, control blocks, call pages, overlays with their tables */
#define TRAMPOLINE_LIMIT UINT64_C(0xa0000)
#define TSC_HZ_LEAST 10000000
#define CPUID_TSC_INVARIANT (1u << 8) /* 0x80000007 EDX */
#define OVERLAYS_OF_PARTITION (4 + PORT_MONITOR_OVERLAY_MAX)
#define OVERLAYS_OF_VP 5

void boot_main(uint32_t multiboot_info);

static struct handover handover;
static struct root_entry root_entry;
static const struct profile *root_profile = &profile_full;
static bool root_debug_loopback;
static bool tsc_is_trusted;
static _Atomic bool root_may_run;

/* --- Memory ------------------------------------------------------------------------------------------------- */

static uint64_t region_size(void)
{
	bool huge = (cpu_cpuid(0x80000001, 0).edx & (1u << 26)) != 0;
	uint64_t size = REGION_LEAST + (uint64_t)machine.acpi.processor_count * REGION_PER_LP;

	if (!huge) { /* the direct map then takes a page for each GiB */
		size += memory_map_end(&machine.firmware_memory) / SIZE_1G * 4096;
	}
	return (size + SIZE_2M - 1) & ~(SIZE_2M - 1);
}

/* The region goes as high as it can, below 4 GiB, away from the modules and from where we run now. */
static void take_region(void)
{
	struct memory_map avoid = {0};
	uint64_t size = region_size(), base, cr3;

	memory_map_add(&avoid, (struct memory_range){0, MIB(4), MEMORY_USABLE});
	memory_map_add(&avoid,
		       (struct memory_range){handover.kernel.base, handover.kernel.size, MEMORY_USABLE});
	memory_map_add(&avoid,
		       (struct memory_range){handover.initrd.base, handover.initrd.size, MEMORY_USABLE});
	base = memory_map_find_top(&machine.firmware_memory, size, SIZE_2M, LIMIT_4G, &avoid);
	if (base == 0) {
		panic_stop(
			"too little memory: %lu KiB in all, no %lu KiB free for the hypervisor; give the machine more "
			"RAM (64 MiB is plenty)",
			memory_map_total(&machine.firmware_memory) >> 10, size >> 10);
	}
	machine.root_memory = machine.firmware_memory;
	memory_map_reserve(&machine.root_memory, base, size);
	machine.root_main = memory_map_largest(&machine.root_memory);
	pool_init((struct pool_region){base, size}, base + host_map_image_size());
	cr3 = host_map_build(memory_map_end(&machine.firmware_memory), base);
	if (cr3 == 0) {
		panic_stop("the hypervisor's region of %lu KiB is too small for its page tables", size >> 10);
	}
	host_map_move(base, cr3);
}

static void say_memory(void)
{
	uint64_t total = memory_map_total(&machine.firmware_memory);

	hv_log(&machine.hv, "memory taken: %lu KiB of %lu MiB, at 0x%lx", pool_region.size >> 10,
	       (total + MIB(1) - 1) >> 20, pool_region.base);
}

/* --- Processors --------------------------------------------------------------------------------------------- */

static void check_processor(void)
{
	const char *refusal = backend_choose();
	char text[128];

	if (refusal != NULL) {
		panic_stop("cannot start: %s", refusal);
	}
	backend->describe(text, sizeof(text));
	hv_log(&machine.hv, "%s: %s", backend->name, text);
	machine.gpa_bits = cpu_cpuid(0x80000008, 0).eax & 0xff;
	if (machine.gpa_bits > NESTED_GPA_BITS_MAX) {
		machine.gpa_bits = NESTED_GPA_BITS_MAX;
	}
}

static void read_acpi(void)
{
	if (!acpi_scan(&machine.acpi) || machine.acpi.processor_count == 0) {
		panic_stop("cannot start: no usable ACPI tables; boot by BIOS, or QEMU with ACPI");
	}
	if (machine.acpi.pm_timer_port == 0) {
		panic_stop("cannot start: ACPI names no PM timer, which the clocks are measured by");
	}
	if (machine.acpi.processors_ignored != 0) {
		hv_log(&machine.hv, "%u processors beyond %u are left alone", machine.acpi.processors_ignored,
		       LP_MAX);
	}
}

/* Flat 32-bit protected mode, as both boot protocols want it, and the APIC as firmware leaves it. */
static void set_entry_state(struct x86_vp *vp)
{
	static const enum hv_register_name data[] = {HV_X64_REGISTER_ES, HV_X64_REGISTER_SS,
						     HV_X64_REGISTER_DS, HV_X64_REGISTER_FS,
						     HV_X64_REGISTER_GS};

	backend->segment_set(vp, HV_X64_REGISTER_CS, 0, UINT64_C(0xc09b0010ffffffff));
	for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		backend->segment_set(vp, data[i], 0, UINT64_C(0xc0930018ffffffff));
	}
	machine_register_set(&vp->vp, HV_X64_REGISTER_CR0, 0x11); /* PE, ET */
	machine_register_set(&vp->vp, HV_X64_REGISTER_RIP, root_entry.eip);
	vp->vp.gpr[GPR_RAX] = root_entry.eax;
	vp->vp.gpr[GPR_RBX] = root_entry.ebx;
	vp->vp.gpr[GPR_RSI] = root_entry.esi;
	apic_virtual_wire(&vp->vp);
}

static _Noreturn void run_vp(struct lp *lp)
{
	while (!atomic_load(&root_may_run)) {
		cpu_pause();
	}
	host_map_drop_low();
	local_apic_write(LOCAL_APIC_LVT_TIMER, LOCAL_APIC_TIMER); /* one-shot: machine_deadline_set */
	machine_vp_init_state(&lp->vp->vp);
	if (lp->index == 0) {
		set_entry_state(lp->vp);
	}
	atomic_fetch_or(&lp->vp->vp.requests, VP_REQUEST_INTERRUPT); /* look before the first entry */
	__asm__ volatile("sti");
	backend->run(lp->vp);
}

static void start_lp(struct lp *lp) __attribute__((noreturn));
static void start_lp(struct lp *lp)
{
	trap_init_lp();
	local_apic_init_lp();
	backend->lp_enable(lp);
	__asm__ volatile("clgi");
	atomic_store(&lp->online, true);
	run_vp(lp);
}

static uint64_t find_trampoline(void)
{
	uint64_t page = memory_map_find_top(&machine.firmware_memory, 4096, 4096, TRAMPOLINE_LIMIT,
					    &(struct memory_map){0});

	if (page == 0) {
		panic_stop("cannot start: no free page below 640 KiB for starting processors");
	}
	return page;
}

static struct lp *add_lp(uint32_t apic_id)
{
	struct lp *lp = &machine.lp[machine.lp_count];

	lp->index = machine.lp_count;
	lp->apic_id = apic_id;
	atomic_store(&lp->online, false);
	lp->host_save = pool_alloc(1);
	if (lp->host_save == NULL) {
		panic_stop("out of memory for logical processor %u", lp->index);
	}
	machine.lp_count++;
	return lp;
}

static void start_processor(uint32_t apic_id, uint64_t trampoline)
{
	struct lp *lp = add_lp(apic_id);

	if (!smp_prepare_lp(lp)) {
		panic_stop("out of memory for logical processor %u", lp->index);
	}
	if (!smp_start_lp(lp, trampoline, machine.hv.tsc_hz, start_lp)) {
		hv_log(&machine.hv, "LP with APIC id %u does not start; root will not see a VP for it",
		       apic_id);
		machine.lp_count--;
		return;
	}
	hv_log(&machine.hv, "LP %u started, APIC id %u", lp->index, lp->apic_id);
}

/* Not one that runs already (firmware may list it twice), nor one whose id does not fit an xAPIC's IPI. */
static bool can_be_started(uint32_t apic_id)
{
	for (unsigned i = 0; i < machine.lp_count; i++) {
		if (machine.lp[i].apic_id == apic_id) {
			return false;
		}
	}
	return local_apic_reaches(apic_id);
}

static void start_processors(void)
{
	uint32_t self = local_apic_id();
	uint64_t trampoline = find_trampoline();

	machine.lp[0].apic_id = self;
	hv_log(&machine.hv, "LP 0 started, APIC id %u", self);
	for (unsigned i = 0; i < machine.acpi.processor_count; i++) {
		if (machine.lp_count < LP_MAX && can_be_started(machine.acpi.apic_id[i])) {
			start_processor(machine.acpi.apic_id[i], trampoline);
		}
	}
}

static bool tsc_is_invariant(void)
{
	return tsc_is_trusted || (cpu_cpuid(0x80000000, 0).eax >= 0x80000007 &&
				  (cpu_cpuid(0x80000007, 0).edx & CPUID_TSC_INVARIANT) != 0);
}

static void measure_clocks(void)
{
	struct clock_rates rates = clock_measure(machine.acpi.pm_timer_port);

	if (rates.tsc_hz <= TSC_HZ_LEAST) {
		panic_stop("cannot start: the TSC runs at %lu Hz, more than 10 MHz are needed", rates.tsc_hz);
	}
	machine.hv.tsc_hz = rates.tsc_hz;
	machine.hv.tsc_is_invariant = tsc_is_invariant();
	machine.tsc_to_apic = (rates.apic_hz << MACHINE_TSC_TO_APIC_SHIFT) / rates.tsc_hz;
	hv_init(&machine.hv);
	hv_log(&machine.hv, "TSC %lu kHz, APIC timer %lu kHz", rates.tsc_hz / 1000, rates.apic_hz / 1000);
}

/* --- Root --------------------------------------------------------------------------------------------------- */

static void create_vp(unsigned index)
{
	struct lp *lp = &machine.lp[index];
	struct x86_vp *vp = pool_alloc((sizeof(struct x86_vp) + 4095) / 4096);

	if (vp == NULL || (vp->lp = lp, !backend->vp_create(vp)) ||
	    !vp_create(&vp->vp, &machine.hv.root, index, lp->apic_id)) {
		panic_stop("out of memory for VP %u", index);
	}
	machine.vp[index] = vp;
	machine.core_vp[index] = &vp->vp;
	lp->vp = vp;
}

static void create_root(void)
{
	unsigned overlays = OVERLAYS_OF_PARTITION + OVERLAYS_OF_VP * machine.lp_count;

	machine.hv.root.vp = machine.core_vp;
	machine.hv.root.vp_count = machine.lp_count;
	if (!nested_create(&machine.hv.root, overlays, machine.gpa_bits) ||
	    !partition_create(&machine.hv.root, &machine.hv, 1, root_profile)) {
		panic_stop("out of memory for the root partition");
	}
	if (root_debug_loopback && !debug_channel_open(&machine.hv.root, true)) {
		panic_stop("out of memory for the debug channel");
	}
	for (unsigned i = 0; i < machine.lp_count; i++) {
		create_vp(i);
	}
}

/* Digits behind an optional "0x"; stops at anything else. */
static uint32_t parse_hex(const char *text)
{
	uint32_t value = 0;

	if (text[0] == '0' && text[1] == 'x') {
		text += 2;
	}
	for (;; text++) {
		if (*text >= '0' && *text <= '9') {
			value = value << 4 | (uint32_t)(*text - '0');
		} else if (*text >= 'a' && *text <= 'f') {
			value = value << 4 | (uint32_t)(*text - 'a' + 10);
		} else {
			return value;
		}
	}
}

static _Noreturn void refuse_profile(const char *name)
{
	char names[128];
	unsigned length = 0;

	for (unsigned i = 0; profile_name(i) != NULL; i++) {
		length +=
			(unsigned)print_text(names + length, sizeof(names) - length, " %s", profile_name(i));
	}
	panic_stop("hv-profile=%s is no profile; there are:%s", name, names);
}

static void set_debug_exit(const char *value)
{
	machine.debug_exit_port = (uint16_t)parse_hex(value);
}

static void set_identity(const char *value)
{
	if (strcmp(value, "guest") != 0) {
		panic_stop("identity=%s is not implemented yet; use identity=guest", value);
	}
}

static void set_profile(const char *value)
{
	root_profile = profile_find(value);
	if (root_profile == NULL) {
		refuse_profile(value);
	}
	hv_log(&machine.hv, "profile %s", root_profile->name);
}

static void set_debug_channel(const char *value)
{
	if (strcmp(value, "loopback") != 0) {
		panic_stop("debug-channel=%s is not known; there is debug-channel=loopback", value);
	}
	root_debug_loopback = true;
}

static void set_tsc(const char *value)
{
	if (strcmp(value, "invariant") != 0) {
		panic_stop("tsc=%s is not known; there is tsc=invariant", value);
	}
	tsc_is_trusted = true;
}

/* The port comes first: what the other options make us say ends through it. */
static const struct option {
	const char *name;
	void (*set)(const char *value);
} options[] = {
	{"debug-exit", set_debug_exit}, /* port of QEMU's isa-debug-exit, in hex */
	{"identity", set_identity},	/* whether root is a guest or knows that it is root */
	{"hv-profile", set_profile},	/* what root is offered */
	{"debug-channel", set_debug_channel},
	{"tsc", set_tsc}, /* whether it is taken for invariant though the processor does not say so */
};

/* Words without "=" may be pieces of the path that QEMU puts first. */
static void refuse_unknown_options(void)
{
	char name[32];

	for (unsigned i = 0; handover_option_name(handover.options, i, name, sizeof(name)); i++) {
		bool known = false;

		for (unsigned k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
			known |= strcmp(name, options[k].name) == 0;
		}
		if (!known) {
			panic_stop(
				"%s= is no option; there are debug-exit, identity, hv-profile, debug-channel and tsc",
				name);
		}
	}
}

static void read_options(void)
{
	char value[32];

	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (handover_option(handover.options, options[i].name, value, sizeof(value))) {
			options[i].set(value);
		}
	}
	refuse_unknown_options();
}

/* What runs on the final page tables and in the final place. */
static _Noreturn void start_root(void)
{
	say_memory();
	pic_mask_all();
	local_apic_find();
	local_apic_init_lp();
	measure_clocks();
	start_processors();
	backend->lp_enable(&machine.lp[0]);
	root_entry = root_load(&handover);
	create_root();
	__asm__ volatile("clgi");
	hv_log(&machine.hv, "starting root: %u VPs, entry 0x%x", machine.lp_count, root_entry.eip);
	serial_hand_over(true);
	atomic_store(&root_may_run, true);
	run_vp(&machine.lp[0]);
}

void boot_main(uint32_t multiboot_info)
{
	uint64_t stack;

	__asm__("mov %%rsp, %0" : "=r"(stack));
	smp_adopt_boot_lp(&machine.lp[0], (void *)(stack & ~(uint64_t)(LP_STACK_SIZE - 1)));
	machine.lp_count = 1;
	trap_init_lp();
	serial_init();
	hv_log(&machine.hv, "Verdigris %s", VERDIGRIS_VERSION);
	handover_read(&handover, multiboot_info);
	read_options();
	check_processor();
	read_acpi();
	machine.lp[0].host_save = NULL;
	take_region();
	machine.lp[0].host_save = pool_alloc(1);
	start_root();
}
