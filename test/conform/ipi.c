/* SPDX-License-Identifier: MIT */
/* IPIs by hypercall: HvCallSendSyntheticClusterIpi (0x000B). Those to sets are in ipi_sets.c. */
#include "ipi.h"

#define FAST (HV_CALL_SEND_IPI | HV_CONTROL_FAST)

static uint64_t send(uint64_t vector, uint64_t mask)
{
	return hv_call(FAST, vector, mask);
}

void conform_ipi_self(void)
{
	ipi_forget();
	expect_equal(hv_status(send(IPI_VECTOR, vp_bit_of(0))), HV_SUCCESS, "an IPI to oneself");
	ipi_take();
	expect_equal(ipi_count(0), 1, "interrupts that came");
}

void conform_ipi_memory(void)
{
	const uint64_t words[2] = {IPI_VECTOR, vp_bit_of(0)};

	ipi_forget();
	expect_equal(hv_status(call_blocks(HV_CALL_SEND_IPI, words, 2)), HV_SUCCESS,
		     "with its input in memory");
	ipi_take();
	expect_equal(ipi_count(0), 1, "interrupts that came");
}

/* Sent with interrupts enabled it comes before the next instruction. */
void conform_ipi_self_at_once(void)
{
	uint64_t mask = vp_bit_of(0);
	unsigned late = 0;

	for (unsigned i = 0; i < 50; i++) {
		ipi_forget();
		interrupts_on();
		send(IPI_VECTOR, mask);
		late += ipi_count(0) != 1;
		interrupts_off();
	}
	expect_equal(late, 0, "of 50 so many were not taken when the call returned");
}

void conform_ipi_pending(void)
{
	ipi_forget();
	send(IPI_VECTOR, vp_bit_of(0));
	expect(apic_bit(APIC_IRR, IPI_VECTOR), "with interrupts disabled the vector is in the IRR");
	expect(!apic_bit(APIC_TMR, IPI_VECTOR), "as edge-triggered");
	expect_equal(ipi_count(0), 0, "and not taken");
	ipi_take();
	expect_equal(ipi_count(0), 1, "with interrupts enabled it is");
}

void conform_ipi_low_vectors(void)
{
	for (unsigned vector = 0; vector < 0x10; vector++) {
		expect_equal(hv_status(send(vector, vp_bit_of(0))), HV_INVALID_PARAMETER, "vector 0x%x",
			     vector);
	}
}

void conform_ipi_high_vectors(void)
{
	static const uint32_t vectors[] = {0x100, 0x120, 0x10061, 0x80000061, 0xFFFFFFFF};

	for (unsigned i = 0; i < COUNT_OF(vectors); i++) {
		expect_equal(hv_status(send(vectors[i], vp_bit_of(0))), HV_INVALID_PARAMETER, "vector 0x%x",
			     vectors[i]);
	}
}

void conform_ipi_extreme_vectors(void)
{
	static const uint8_t vectors[] = {0x10, 0x1F, 0x20, 0xFE, 0xFF};

	for (unsigned i = 0; i < COUNT_OF(vectors); i++) {
		irq_set(vectors[i], irq_count_only);
		irq_forget();
		unsigned status = hv_status(send(vectors[i], vp_bit_of(0)));
		interrupts_on();
		interrupts_off();
		apic_eoi();
		irq_set(vectors[i], NULL);
		expect_equal(status, HV_SUCCESS, "vector 0x%x", vectors[i]);
		expect_equal(this_cpu()->irq_count[vectors[i]], 1, "it arrives");
	}
}

void conform_ipi_nobody(void)
{
	ipi_forget();
	observe("an empty mask: status 0x%x", hv_status(send(IPI_VECTOR, 0)));
	ipi_take();
	expect_equal(ipi_count(0), 0, "interrupts that came");
}

void conform_ipi_absent(void)
{
	ipi_forget();
	observe("a mask with VP 63 alone: status 0x%x", hv_status(send(IPI_VECTOR, 1ull << 63)));
	ipi_take();
	expect_equal(ipi_count(0), 0, "interrupts that came");
	expect_equal(hv_status(send(IPI_VECTOR, vp_bit_of(0))), HV_SUCCESS, "IPIs go on");
	ipi_take();
}

/* HV_INPUT_VTL: bits 3:0 the level, bit 4 says that it is meant. Level 1 needs VSM. */
void conform_ipi_target_vtl(void)
{
	ipi_forget();
	uint64_t level_0 = send(IPI_VECTOR | 0x10ull << 32, vp_bit_of(0));
	ipi_take();
	observe("target VTL 0, explicitly: status 0x%x, %u interrupts", hv_status(level_0), ipi_count(0));
	ipi_forget();
	uint64_t level_1 = send(IPI_VECTOR | 0x11ull << 32, vp_bit_of(0));
	ipi_take();
	observe("target VTL 1: status 0x%x, %u interrupts", hv_status(level_1), ipi_count(0));
}

void conform_ipi_padding(void)
{
	ipi_forget();
	uint64_t result = send(IPI_VECTOR | 0xABCDEFull << 40, vp_bit_of(0));
	ipi_take();
	observe("ones in bytes 5 to 7, reserved or padding: status 0x%x, %u interrupts", hv_status(result),
		ipi_count(0));
}

void conform_ipi_other(void)
{
	ipi_forget();
	expect_equal(hv_status(send(IPI_VECTOR, vp_bit_of(1))), HV_SUCCESS, "an IPI to another processor");
	expect(WAIT_FOR(ipi_count(1) == 1, 2000), "comes there");
	ipi_take();
	expect_equal(ipi_count(0), 0, "interrupts that came here");
}

void conform_ipi_several(void)
{
	unsigned count = smp_start();

	ipi_forget();
	expect_equal(hv_status(send(IPI_VECTOR, ipi_everybody())), HV_SUCCESS, "an IPI to all %u processors",
		     count);
	ipi_take();
	delay(5);
	for (unsigned i = 0; i < count; i++) {
		expect(WAIT_FOR(ipi_count(i) == 1, 2000), "processor %u has taken it once", i);
	}
}

/* Edge-triggered interrupts of one vector merge, but none may be lost after the last was taken. */
void conform_ipi_many(void)
{
	uint64_t mask = vp_bit_of(1);
	unsigned lost = 0;

	for (unsigned i = 0; i < 200; i++) {
		ipi_forget();
		send(IPI_VECTOR, mask);
		lost += !WAIT_FOR(ipi_count(1) == 1, 10000);
	}
	expect_equal(lost, 0, "of 200 IPIs, one after the other, so many were lost");
}

static volatile bool is_off, may_return;

static void with_apic_disabled(void *unused)
{
	(void)unused;
	interrupts_off();
	apic_write(APIC_SVR, APIC_SPURIOUS_VECTOR);
	is_off = true;
	WAIT_FOR(may_return, 5000);
	apic_init();
	interrupts_on();
}

void conform_ipi_apic_disabled(void)
{
	uint64_t mask = vp_bit_of(1);

	is_off = false;
	may_return = false;
	ipi_forget();
	smp_post(1, with_apic_disabled, NULL);
	expect(WAIT_FOR(is_off, 2000), "the other processor has disabled its APIC");
	remark("status 0x%x", hv_status(send(IPI_VECTOR, mask)));
	delay(2);
	may_return = true;
	expect(smp_wait(1, 10000), "it comes back");
	delay(2);
	expect_equal(ipi_count(1), 0, "an APIC that is software-disabled takes no IPI");
}
