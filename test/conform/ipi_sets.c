/* SPDX-License-Identifier: MIT */
/* IPIs by hypercall to a sparse set of processors: HvCallSendSyntheticClusterIpiEx (0x0015). */
#include "ipi.h"

static uint64_t send(uint64_t vector, uint64_t format, uint64_t banks, const uint64_t *bank, unsigned words)
{
	uint64_t input[3 + 64] = {vector, format, banks};

	for (unsigned i = 0; i < words; i++) {
		input[3 + i] = bank[i];
	}
	return call_blocks(HV_CALL_SEND_IPI_EX | HV_CONTROL_VARIABLE(words), input, 3 + words);
}

void conform_ipi_set_sparse(void)
{
	uint64_t self = vp_bit_of(0);

	ipi_forget();
	expect_equal(hv_status(send(IPI_VECTOR, HV_SET_SPARSE, 1, &self, 1)), HV_SUCCESS,
		     "a set with the caller alone");
	ipi_take();
	expect_equal(ipi_count(0), 1, "interrupts that came");
}

void conform_ipi_set_of_others(void)
{
	uint64_t others = ipi_everybody() & ~vp_bit_of(0);

	ipi_forget();
	expect_equal(hv_status(send(IPI_VECTOR, HV_SET_SPARSE, 1, &others, 1)), HV_SUCCESS,
		     "a set with all but the caller");
	for (unsigned i = 1; i < smp_start(); i++) {
		expect(WAIT_FOR(ipi_count(i) == 1, 2000), "processor %u has taken it", i);
	}
	ipi_take();
	expect_equal(ipi_count(0), 0, "interrupts that came here");
}

void conform_ipi_set_all(void)
{
	ipi_forget();
	expect_equal(hv_status(send(IPI_VECTOR, HV_SET_ALL, 0, NULL, 0)), HV_SUCCESS, "the format for all");
	ipi_take();
	delay(5);
	for (unsigned i = 0; i < smp_start(); i++) {
		expect(WAIT_FOR(ipi_count(i) == 1, 2000), "processor %u has taken it once", i);
	}
}

void conform_ipi_set_unknown_format(void)
{
	uint64_t self = vp_bit_of(0);

	ipi_forget();
	expect_refused(send(IPI_VECTOR, 2, 1, &self, 1), "format 2");
	expect_refused(send(IPI_VECTOR, ~0ull, 1, &self, 1), "format ~0");
	ipi_take();
	expect_equal(ipi_count(0), 0, "interrupts that came");
}

void conform_ipi_set_too_few_banks(void)
{
	uint64_t self = vp_bit_of(0);

	ipi_forget();
	expect_refused(send(IPI_VECTOR, HV_SET_SPARSE, 3, &self, 1), "contents for one of two banks");
	expect_refused(send(IPI_VECTOR, HV_SET_SPARSE, 1, NULL, 0), "contents for none of one bank");
	ipi_take();
	remark("%u interrupts came", ipi_count(0));
}

void conform_ipi_set_empty_bank(void)
{
	const uint64_t banks[2] = {vp_bit_of(0), 0};

	ipi_forget();
	expect_equal(hv_status(send(IPI_VECTOR, HV_SET_SPARSE, 3, banks, 2)), HV_SUCCESS,
		     "an empty second bank");
	ipi_take();
	expect_equal(ipi_count(0), 1, "interrupts that came");
}

/* Bank 0 is not there, so that the only contents are those of bank 5: VP 320 and up. */
void conform_ipi_set_order_of_banks(void)
{
	const uint64_t banks[2] = {0, ~0ull};

	ipi_forget();
	remark("a set of VPs 320 to 383: status 0x%x",
	       hv_status(send(IPI_VECTOR, HV_SET_SPARSE, 1u << 5, banks + 1, 1)));
	remark("an empty bank 0 and these: status 0x%x",
	       hv_status(send(IPI_VECTOR, HV_SET_SPARSE, 0x21, banks, 2)));
	ipi_take();
	delay(2);
	for (unsigned i = 0; i < smp_start(); i++) {
		expect_equal(ipi_count(i), 0, "interrupts that came to processor %u, which is in bank 0", i);
	}
}

void conform_ipi_set_nobody(void)
{
	static const uint64_t none;

	ipi_forget();
	observe("a set with one empty bank: status 0x%x",
		hv_status(send(IPI_VECTOR, HV_SET_SPARSE, 1, &none, 1)));
	observe("a set without banks: status 0x%x", hv_status(send(IPI_VECTOR, HV_SET_SPARSE, 0, NULL, 0)));
	ipi_take();
	expect_equal(ipi_count(0), 0, "interrupts that came");
}

void conform_ipi_set_vectors(void)
{
	static const uint32_t vectors[] = {0, 0xF, 0x100, 0xFFFFFFFF};

	for (unsigned i = 0; i < COUNT_OF(vectors); i++) {
		expect_equal(hv_status(send(vectors[i], HV_SET_ALL, 0, NULL, 0)), HV_INVALID_PARAMETER,
			     "vector 0x%x", vectors[i]);
	}
}
