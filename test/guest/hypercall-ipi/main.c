/* SPDX-License-Identifier: MIT */
/*
 * IPIs by hypercall: HvCallSendSyntheticClusterIpi (0x000B) and its form with a VP set (0x0015).
 *
 * Checked: legal and illegal vectors; to oneself, taken before the next instruction; to others, alone and together;
 * sets that are sparse, "all", empty, of an unknown format, with banks that do not match the variable header, with
 * processors that do not exist; a target whose APIC is software-disabled, and one whose APIC is off.
 *
 * Says who: TLFS 6.0b, HvCallSendSyntheticClusterIpi(Ex): vectors 0x10 to 0xFF, INVALID_PARAMETER otherwise. What
 * happens with processors that do not exist the text leaves open: here it must merely do no harm.
 *
 * Covers: HvCallSendSyntheticClusterIpi, HvCallSendSyntheticClusterIpiEx
 *
 * Run: --smp 1
 * Run: --smp 2
 * Run: --smp 4
 */
#include "../framework/apic.h"
#include "../framework/clock.h"
#include "../framework/cpu.h"
#include "../framework/hv.h"
#include "../framework/irq.h"
#include "../framework/memory.h"
#include "../framework/smp.h"
#include "../framework/start.h"
#include "../framework/tap.h"

#define VECTOR 0x71
#define FAST (HV_CALL_SEND_IPI | HV_CONTROL_FAST)

static uint32_t vp_index[CPU_MAX];
static unsigned count;

static void learn_index(void *index)
{
	*(uint32_t *)index = (uint32_t)rdmsr(HV_MSR_VP_INDEX);
}

static uint64_t everybody(void)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < count; i++) {
		mask |= 1ull << vp_index[i];
	}
	return mask;
}

static uint64_t send_ex(uint64_t vector, uint64_t format, uint64_t banks, const uint64_t *bank,
			unsigned words)
{
	uint64_t input[3 + 64] = {vector, format, banks};

	for (unsigned i = 0; i < words; i++) {
		input[3 + i] = bank[i];
	}
	return hv_call_words(HV_CALL_SEND_IPI_EX | HV_CONTROL_VARIABLE(words), input, 3 + words);
}

static void test_vectors(void)
{
	static const uint8_t legal[] = {0x10, 0x1F, 0x20, 0x80, 0xFE, 0xFF};
	uint64_t self = 1ull << vp_index[0];

	for (unsigned vector = 0; vector < 0x10; vector += 5) {
		check_equal(hv_call(FAST, vector, self), HV_INVALID_PARAMETER, "vector 0x%x is refused",
			    vector);
	}
	check_equal(hv_call(FAST, 0x100, self), HV_INVALID_PARAMETER, "vector 0x100 is refused");
	check_equal(hv_call(FAST, 0xFFFFFFFF, self), HV_INVALID_PARAMETER, "vector 0xFFFFFFFF is refused");
	for (unsigned i = 0; i < sizeof(legal); i++) {
		irq_set(legal[i], irq_count_only);
		irq_forget();
		unsigned status = hv_status(hv_call(FAST, legal[i], self));
		interrupts_on();
		interrupts_off();
		apic_eoi();
		irq_set(legal[i], NULL);
		check(status == HV_SUCCESS && this_cpu()->irq_count[legal[i]] == 1, "vector 0x%x arrives",
		      legal[i]);
	}
}

static void test_self(void)
{
	uint64_t self = 1ull << vp_index[0];
	uint64_t input[2] = {VECTOR, self};

	irq_forget();
	interrupts_on();
	uint64_t result = hv_call(FAST, VECTOR, self);
	uint32_t taken = this_cpu()->irq_count[VECTOR];
	interrupts_off();
	check(result == HV_SUCCESS && taken == 1, "an IPI to oneself is taken before the call returns");
	irq_forget();
	interrupts_on();
	result = hv_call_words(HV_CALL_SEND_IPI, input, 2);
	taken = this_cpu()->irq_count[VECTOR];
	interrupts_off();
	check(result == HV_SUCCESS && taken == 1, "so is one with input in memory");
	irq_forget();
	interrupts_on();
	result = send_ex(VECTOR, HV_SET_SPARSE, 1, &self, 1);
	taken = this_cpu()->irq_count[VECTOR];
	interrupts_off();
	check(result == HV_SUCCESS && taken == 1, "so is one to a set");
}

static bool all_have(uint32_t wanted, unsigned from)
{
	for (unsigned i = from; i < count; i++) {
		if (cpus[i].irq_count[VECTOR] != wanted) {
			return false;
		}
	}
	return true;
}

static void forget_everywhere(void)
{
	for (unsigned i = 0; i < count; i++) {
		cpus[i].irq_count[VECTOR] = 0;
	}
}

static void test_others(void)
{
	uint64_t all = everybody();

	for (unsigned i = 1; i < count; i++) {
		forget_everywhere();
		uint64_t result = hv_call(FAST, VECTOR, 1ull << vp_index[i]);
		bool came = WAIT_FOR(cpus[i].irq_count[VECTOR] == 1, 2000);
		check(result == HV_SUCCESS && came, "processor %u gets an IPI of its own", i);
	}
	interrupts_on();
	forget_everywhere();
	hv_call(FAST, VECTOR, all);
	check(WAIT_FOR(all_have(1, 0), 2000), "one call reaches all %u", count);
	forget_everywhere();
	send_ex(VECTOR, HV_SET_SPARSE, 1, &all, 1);
	check(WAIT_FOR(all_have(1, 0), 2000), "one call with a set, too");
	forget_everywhere();
	check_equal(send_ex(VECTOR, HV_SET_ALL, 0, NULL, 0), HV_SUCCESS, "the format 'all' is accepted");
	check(WAIT_FOR(all_have(1, 0), 2000), "and reaches all, the caller too");
	delay(2);
	check(all_have(1, 0), "once");
	interrupts_off();
}

static void test_sets(void)
{
	uint64_t self = 1ull << vp_index[0];
	uint64_t banks[64] = {self, 0};
	uint64_t none = 0;

	check_equal(send_ex(VECTOR, 2, 1, &self, 1), HV_INVALID_PARAMETER, "an unknown format is refused");
	check_equal(send_ex(VECTOR, ~0ull, 1, &self, 1), HV_INVALID_PARAMETER, "so is format ~0");
	check(hv_status(send_ex(VECTOR, HV_SET_SPARSE, 3, banks, 1)) != HV_SUCCESS,
	      "more banks than words are refused");
	check_equal(send_ex(0xF, HV_SET_ALL, 0, NULL, 0), HV_INVALID_PARAMETER,
		    "vector 0xF is refused here, too");
	irq_forget();
	send_ex(VECTOR, HV_SET_SPARSE, 1, &none, 1);
	send_ex(VECTOR, HV_SET_SPARSE, 0, NULL, 0);
	hv_call(FAST, VECTOR, 0);
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 0, "empty sets reach nobody");
}

static void test_nonexistent(void)
{
	uint64_t banks[64];

	for (unsigned i = 0; i < 64; i++) {
		banks[i] = ~0ull;
	}
	banks[0] = 0;
	irq_forget();
	hv_call(FAST, VECTOR, 1ull << 63);
	send_ex(VECTOR, HV_SET_SPARSE, ~0ull, banks, 64);
	send_ex(VECTOR, HV_SET_SPARSE, 1ull << 63, banks + 1, 1);
	send_ex(VECTOR, HV_SET_SPARSE, ~1ull, banks + 1, 63);
	interrupts_on();
	interrupts_off();
	check_equal(this_cpu()->irq_count[VECTOR], 0, "processors that do not exist: nothing happens");
	check_equal(hv_call(FAST, VECTOR, 1ull << vp_index[0]), HV_SUCCESS, "and calls still work");
	interrupts_on();
	interrupts_off();
}

/* --- a target that cannot take interrupts --- */

static volatile bool apic_is_off, apic_may_return;

static void with_software_disabled_apic(void *unused)
{
	(void)unused;
	interrupts_off();
	apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
	apic_is_off = true;
	WAIT_FOR(apic_may_return, 5000);
	apic_init();
	interrupts_on();
}

static void with_apic_off(void *unused)
{
	enum apic_mode mode = apic_mode();

	(void)unused;
	interrupts_off();
	apic_switch(APIC_MODE_OFF);
	apic_is_off = true;
	WAIT_FOR(apic_may_return, 5000);
	apic_switch(mode);
	apic_init();
	interrupts_on();
}

static void check_unable(void (*work)(void *), const char *what)
{
	apic_is_off = false;
	apic_may_return = false;
	forget_everywhere();
	smp_post(1, work, NULL);
	bool off = WAIT_FOR(apic_is_off, 2000);
	uint64_t result = hv_call(FAST, VECTOR, 1ull << vp_index[1]);
	delay(2);
	apic_may_return = true;
	bool finished = smp_wait(1, 10000);
	delay(2);
	check(off && finished, "an IPI to a processor whose APIC is %s does no harm (status %u)", what,
	      hv_status(result));
	check_equal(cpus[1].irq_count[VECTOR], 0, "and is lost");
	hv_call(FAST, VECTOR, 1ull << vp_index[1]);
	check(WAIT_FOR(cpus[1].irq_count[VECTOR] == 1, 2000), "with the APIC on again IPIs arrive");
}

void test_main(void)
{
	if (!hv_enable_hypercalls() || !hv_has_hint(HV_HINT_CLUSTER_IPI | HV_HINT_EX_MASKS)) {
		skip("not advertised", "IPIs by hypercall");
		return;
	}
	count = smp_start();
	learn_index(&vp_index[0]);
	for (unsigned i = 1; i < count; i++) {
		smp_run(i, learn_index, &vp_index[i]);
	}
	test_vectors();
	test_self();
	test_sets();
	test_nonexistent();
	if (count > 1) {
		test_others();
		check_unable(with_software_disabled_apic, "software-disabled");
		check_unable(with_apic_off, "off");
	}
}
