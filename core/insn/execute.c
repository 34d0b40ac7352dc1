/* SPDX-License-Identifier: MPL-2.0 */
/* Carries out a decoded instruction on copies of its operands, as the processor would have done on memory. */
#include "core/insn.h"

#define FLAG_CARRY UINT64_C(0x001)
#define FLAG_PARITY UINT64_C(0x004)
#define FLAG_AUXILIARY UINT64_C(0x010)
#define FLAG_ZERO UINT64_C(0x040)
#define FLAG_SIGN UINT64_C(0x080)
#define FLAG_OVERFLOW UINT64_C(0x800)
#define FLAGS_ARITHMETIC (FLAG_CARRY | FLAG_PARITY | FLAG_AUXILIARY | FLAG_ZERO | FLAG_SIGN | FLAG_OVERFLOW)

/* --- Operands ------------------------------------------------------------------------------------------------- */

static uint64_t mask_of(unsigned size)
{
	return size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

static uint64_t sign_bit(unsigned size)
{
	return UINT64_C(1) << (8 * size - 1);
}

static uint64_t register_read(const struct insn *insn, const uint64_t gpr[16])
{
	uint64_t value = insn->high_byte ? gpr[insn->reg] >> 8 : gpr[insn->reg];

	return value & mask_of(insn->register_size);
}

/* Four-byte results clear the upper half; smaller ones leave the rest of the register alone. */
static void register_write(const struct insn *insn, uint64_t gpr[16], uint64_t value)
{
	unsigned shift = insn->high_byte ? 8 : 0;
	uint64_t mask = mask_of(insn->register_size);

	if (insn->register_size >= 4) {
		gpr[insn->reg] = value & mask;
		return;
	}
	gpr[insn->reg] = (gpr[insn->reg] & ~(mask << shift)) | (value & mask) << shift;
}

static uint64_t source_read(const struct insn *insn, const uint64_t gpr[16])
{
	return insn->has_immediate ? insn->immediate & mask_of(insn->size) : register_read(insn, gpr);
}

static uint64_t widened(const struct insn *insn, uint64_t memory)
{
	uint64_t value = memory & mask_of(insn->size);

	if (insn->sign_extend && (value & sign_bit(insn->size)) != 0) {
		value |= ~mask_of(insn->size);
	}
	return value;
}

/* --- Arithmetic ----------------------------------------------------------------------------------------------- */

/* An operation on operands of `size` bytes, and the flags it leaves. */
struct operation {
	unsigned size;
	uint64_t left, right;
	uint64_t result;
	uint64_t flags;
};

static bool parity_even(uint64_t value)
{
	unsigned folded = (unsigned)(value & 0xff);

	folded ^= folded >> 4;
	folded ^= folded >> 2;
	folded ^= folded >> 1;
	return (folded & 1) == 0;
}

static void flags_of_result(struct operation *operation)
{
	operation->result &= mask_of(operation->size);
	operation->flags |= operation->result == 0 ? FLAG_ZERO : 0;
	operation->flags |= (operation->result & sign_bit(operation->size)) != 0 ? FLAG_SIGN : 0;
	operation->flags |= parity_even(operation->result) ? FLAG_PARITY : 0;
}

/* Bit n of `carries` is the carry (or borrow) out of bit n; overflow is when the top two differ. */
static void flags_of_carries(struct operation *operation, uint64_t carries)
{
	uint64_t top = sign_bit(operation->size);
	bool out = (carries & top) != 0;
	bool into = (carries & top >> 1) != 0;

	operation->flags |= out ? FLAG_CARRY : 0;
	operation->flags |= out != into ? FLAG_OVERFLOW : 0;
	operation->flags |= (carries & 8) != 0 ? FLAG_AUXILIARY : 0;
}

static void add(struct operation *operation, uint64_t carry)
{
	uint64_t left = operation->left, right = operation->right;
	uint64_t sum = left + right + carry;

	operation->result = sum;
	flags_of_carries(operation, (left & right) | ((left | right) & ~sum));
	flags_of_result(operation);
}

static void subtract(struct operation *operation, uint64_t borrow)
{
	uint64_t left = operation->left, right = operation->right;
	uint64_t difference = left - right - borrow;

	operation->result = difference;
	flags_of_carries(operation, (~left & right) | ((~left | right) & difference));
	flags_of_result(operation);
}

static void logical(struct operation *operation, uint64_t result)
{
	operation->result = result;
	flags_of_result(operation);
}

static void perform(struct operation *operation, enum insn_alu alu, uint64_t rflags)
{
	uint64_t carry = rflags & FLAG_CARRY;

	switch (alu) {
	case INSN_ADD:
		add(operation, 0);
		break;
	case INSN_ADC:
		add(operation, carry);
		break;
	case INSN_SUB:
	case INSN_CMP:
		subtract(operation, 0);
		break;
	case INSN_SBB:
		subtract(operation, carry);
		break;
	case INSN_OR:
		logical(operation, operation->left | operation->right);
		break;
	case INSN_XOR:
		logical(operation, operation->left ^ operation->right);
		break;
	case INSN_AND:
	case INSN_TEST:
	default:
		logical(operation, operation->left & operation->right);
		break;
	}
}

/* Leaves the flags in *rflags and gives the result. */
static uint64_t calculate(const struct insn *insn, const uint64_t gpr[16], uint64_t *rflags, uint64_t memory)
{
	uint64_t source = source_read(insn, gpr);
	uint64_t value = memory & mask_of(insn->size);
	struct operation operation = {
		.size = insn->size,
		.left = insn->to_register ? source : value,
		.right = insn->to_register ? value : source,
	};

	perform(&operation, insn->alu, *rflags);
	*rflags = (*rflags & ~FLAGS_ARITHMETIC) | operation.flags;
	return operation.result;
}

/* --- All ------------------------------------------------------------------------------------------------------ */

static bool execute_alu(const struct insn *insn, uint64_t gpr[16], uint64_t *rflags, uint64_t *memory)
{
	uint64_t result = calculate(insn, gpr, rflags, *memory);

	if (insn->to_register) {
		register_write(insn, gpr, result);
		return false;
	}
	*memory = result;
	return true;
}

static void execute_exchange(const struct insn *insn, uint64_t gpr[16], uint64_t *memory)
{
	uint64_t value = register_read(insn, gpr);

	register_write(insn, gpr, *memory);
	*memory = value;
}

bool insn_execute(const struct insn *insn, uint64_t gpr[16], uint64_t *rflags, uint64_t *memory)
{
	switch (insn->kind) {
	case INSN_LOAD:
		register_write(insn, gpr, widened(insn, *memory));
		return false;
	case INSN_STORE:
		*memory = source_read(insn, gpr);
		return true;
	case INSN_ALU:
		return execute_alu(insn, gpr, rflags, memory);
	case INSN_COMPARE:
		calculate(insn, gpr, rflags, *memory);
		return false;
	case INSN_EXCHANGE:
		execute_exchange(insn, gpr, memory);
		return true;
	case INSN_PUSH:
	default:
		*memory &= mask_of(insn->size);
		return false;
	}
}
