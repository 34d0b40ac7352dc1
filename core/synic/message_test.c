/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Messages one by one: how they lie in the slot, what waits and what lets it go on; a naive twin driven at random
 * beside the real queues; and senders that post while the guest reads.
 */
#include "core/apic.h"
#include "core/reftime.h"
#include "core/vp.h"
#include "test/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define SINT 2
#define VECTOR 0x42
#define MASKED UINT64_C(0x10000)
#define POLLING UINT64_C(0x40000)
#define SIMP UINT64_C(0x5001)

static struct vp *prepared(void **state)
{
	struct vp *vp = fake_vp(*state, 0);

	unit_apic_enable(vp);
	synic_control_write(vp, 1);
	synic_messages_write(vp, SIMP);
	assert_true(synic_sint_write(vp, SINT, VECTOR));
	return vp;
}

static struct hv_message *slot_of(struct vp *vp, unsigned sint)
{
	struct hv_message *page = vp->synic.messages.frame;

	return &page[sint];
}

static struct hv_message content_of(uint32_t type)
{
	struct hv_message content = {.type = type, .payload_size = 8, .origin = 0x1234};

	content.payload[0] = type * UINT64_C(0x0101010101010101);
	return content;
}

/* --- One message ---------------------------------------------------------------------------------------------- */

static void a_message_lies_in_its_slot(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);
	struct hv_message content = {
		.type = 0x77, .payload_size = 13, .flags = 0xff, .reserved_6 = {0xff, 0xff}, .origin = 0xabc};
	struct synic_message message = {.content = &content};
	uint8_t page[PAGE_SIZE], expected[PAGE_SIZE];

	memset(vp->synic.messages.frame, 0xee, PAGE_SIZE);
	slot_of(vp, SINT)->type = 0;
	memset(content.payload, 0x5a, sizeof(content.payload));
	memset(expected, 0xee, PAGE_SIZE);
	memcpy(expected + 512, "\x77\0\0\0\x0d\0\0\0\xbc\x0a\0\0\0\0\0\0", 16);
	memset(expected + 528, 0x5a, 13);
	synic_message_queue(vp, SINT, &message);
	assert_true(fake_guest_read(fake, gpa(0x5000), page, sizeof(page)));
	assert_memory_equal(page, expected, PAGE_SIZE);
	assert_false(message.pending);
	assert_int_equal(vp->synic.waiting, 0);
	unit_expect_interrupt(vp, VECTOR);
}

static void payloads_of_all_sizes(void **state)
{
	struct vp *vp = prepared(state);

	for (unsigned size = 0; size <= 240; size++) {
		struct hv_message content = content_of(1);
		struct synic_message message = {.content = &content};
		uint8_t *payload = (uint8_t *)slot_of(vp, 15)->payload;

		content.payload_size = (uint8_t)size;
		memset(content.payload, 0x5a, sizeof(content.payload));
		memset(vp->synic.messages.frame, 0, PAGE_SIZE);
		synic_message_queue(vp, 15, &message);
		assert_int_equal(slot_of(vp, 15)->payload_size, size);
		for (unsigned i = 0; i < 240; i++) {
			assert_int_equal(payload[i], i < size ? 0x5a : 0);
		}
	}
}

/* The delivery time is that of the delivery, not that of the expiry or of the queueing. */
static void a_timers_message_is_told_when(void **state)
{
	struct fake *fake = *state;
	struct vp *vp = prepared(state);
	struct hv_message content = {.type = 0x80000010, .payload_size = 24, .payload = {3, 17, 99}};
	struct synic_message message = {.content = &content};

	synic_messages_write(vp, 0);
	synic_message_queue(vp, SINT, &message);
	assert_true(message.pending);
	fake_advance_units(fake, 5000);
	synic_messages_write(vp, SIMP);
	assert_int_equal(slot_of(vp, SINT)->payload[0], 3);
	assert_int_equal(slot_of(vp, SINT)->payload[1], 17);
	assert_int_equal(slot_of(vp, SINT)->payload[2], reftime_now(vp->partition));
	assert_int_equal(content.payload[2], 99);
}

static void a_masked_or_polled_sint_gets_messages_in_silence(void **state)
{
	struct vp *vp = prepared(state);
	const uint64_t settings[] = {MASKED, MASKED | VECTOR, POLLING | VECTOR, MASKED | POLLING | VECTOR};

	for (unsigned i = 0; i < 4; i++) {
		struct hv_message content = content_of(i + 1);
		struct synic_message message = {.content = &content};

		assert_true(synic_sint_write(vp, SINT, settings[i]));
		synic_message_queue(vp, SINT, &message);
		assert_int_equal(slot_of(vp, SINT)->type, i + 1);
		unit_expect_interrupt(vp, 0);
		slot_of(vp, SINT)->type = 0;
	}
}

/* --- Who is a target ------------------------------------------------------------------------------------------ */

static void messages_need_control_and_page(void **state)
{
	struct vp *vp = prepared(state);

	assert_int_equal(synic_message_check(vp), HV_STATUS_SUCCESS);
	synic_control_write(vp, 2);
	assert_int_equal(synic_message_check(vp), HV_STATUS_INVALID_SYNIC_STATE);
	synic_control_write(vp, 1);
	synic_messages_write(vp, SIMP & ~UINT64_C(1));
	assert_int_equal(synic_message_check(vp), HV_STATUS_INVALID_SYNIC_STATE);
	synic_messages_write(vp, UINT64_MAX);
	assert_int_equal(synic_message_check(vp), HV_STATUS_SUCCESS);
	/* A mask is no obstacle. */
	assert_true(synic_sint_write(vp, SINT, MASKED));
	assert_int_equal(synic_message_check(vp), HV_STATUS_SUCCESS);
}

static void what_is_switched_on_gets_what_waited(void **state)
{
	struct vp *vp = prepared(state);
	struct hv_message content = content_of(9);
	struct synic_message message = {.content = &content};

	synic_control_write(vp, 0);
	synic_message_queue(vp, SINT, &message);
	synic_rescan(vp);
	assert_true(message.pending);
	synic_messages_write(vp, 0);
	synic_control_write(vp, 1);
	assert_true(message.pending);
	assert_true(synic_sint_write(vp, SINT, MASKED));
	assert_true(message.pending);
	assert_int_equal(slot_of(vp, SINT)->type, 0);
	synic_messages_write(vp, SIMP);
	assert_false(message.pending);
	assert_int_equal(slot_of(vp, SINT)->type, 9);
}

/* --- Queues --------------------------------------------------------------------------------------------------- */

static void the_second_waits_and_the_slot_says_so(void **state)
{
	struct vp *vp = prepared(state);
	struct hv_message content[3] = {content_of(1), content_of(2), content_of(3)};
	struct synic_message message[3] = {
		{.content = &content[0]}, {.content = &content[1]}, {.content = &content[2]}};

	synic_message_queue(vp, SINT, &message[0]);
	assert_int_equal(slot_of(vp, SINT)->flags, 0);
	unit_expect_interrupt(vp, VECTOR);
	apic_eoi(vp);
	synic_message_queue(vp, SINT, &message[1]);
	synic_message_queue(vp, SINT, &message[2]);
	assert_int_equal(slot_of(vp, SINT)->type, 1);
	assert_int_equal(slot_of(vp, SINT)->flags, 1);
	assert_int_equal(vp->synic.waiting, 1u << SINT);
	unit_expect_interrupt(vp, 0);
	/* Another SINT has a slot of its own. */
	slot_of(vp, SINT)->type = 0;
	synic_rescan(vp);
	assert_int_equal(slot_of(vp, SINT)->type, 2);
	assert_int_equal(slot_of(vp, SINT)->flags, 1);
	unit_expect_interrupt(vp, VECTOR);
	slot_of(vp, SINT)->type = 0;
	apic_eoi(vp);
	assert_int_equal(slot_of(vp, SINT)->type, 3);
	assert_int_equal(slot_of(vp, SINT)->flags, 0);
	assert_int_equal(vp->synic.waiting, 0);
	unit_expect_interrupt(vp, VECTOR);
}

static void sints_do_not_wait_for_each_other(void **state)
{
	struct vp *vp = prepared(state);
	struct hv_message content[16];
	struct synic_message message[2][16] = {{{0}}};

	for (unsigned i = 0; i < 16; i++) {
		content[i] = content_of(i + 1);
		message[0][i].content = message[1][i].content = &content[i];
		synic_message_queue(vp, i, &message[0][i]);
		synic_message_queue(vp, i, &message[1][i]);
	}
	assert_int_equal(vp->synic.waiting, 0xffff);
	for (unsigned i = 0; i < 16; i += 2) {
		assert_int_equal(slot_of(vp, i)->type, i + 1);
		slot_of(vp, i)->type = 0;
	}
	synic_rescan(vp);
	assert_int_equal(vp->synic.waiting, 0xaaaa);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(slot_of(vp, i)->type, i + 1);
		assert_int_equal(message[1][i].pending, i % 2);
	}
}

/* A new message is a reason to look, too: the guest may have taken the last one without telling. */
static void a_new_message_pushes_the_queue_on(void **state)
{
	struct vp *vp = prepared(state);
	struct hv_message content[3] = {content_of(1), content_of(2), content_of(3)};
	struct synic_message message[3] = {
		{.content = &content[0]}, {.content = &content[1]}, {.content = &content[2]}};

	synic_message_queue(vp, SINT, &message[0]);
	synic_message_queue(vp, SINT, &message[1]);
	slot_of(vp, SINT)->type = 0;
	synic_message_queue(vp, SINT, &message[2]);
	assert_int_equal(slot_of(vp, SINT)->type, 2);
	assert_int_equal(slot_of(vp, SINT)->flags, 1);
	assert_true(message[2].pending);
}

static void what_waits_can_be_taken_back(void **state)
{
	struct vp *vp = prepared(state);
	struct hv_message content[5];
	struct synic_message message[5] = {{0}};

	for (unsigned i = 0; i < 5; i++) {
		content[i] = content_of(i + 1);
		message[i].content = &content[i];
		synic_message_queue(vp, SINT, &message[i]);
	}
	synic_message_forget(vp, SINT, &message[0]); /* has been delivered */
	assert_int_equal(slot_of(vp, SINT)->type, 1);
	synic_message_forget(vp, SINT + 1, &message[1]); /* not in that queue */
	assert_true(message[1].pending);
	synic_message_forget(vp, SINT, &message[2]);
	synic_message_forget(vp, SINT, &message[4]);
	assert_false(message[2].pending || message[4].pending);
	/* The end of the queue is where the next one goes. */
	synic_message_queue(vp, SINT, &message[2]);
	static const uint32_t order[] = {2, 4, 3};

	for (unsigned i = 0; i < 3; i++) {
		slot_of(vp, SINT)->type = 0;
		synic_rescan(vp);
		assert_int_equal(slot_of(vp, SINT)->type, order[i]);
	}
	assert_int_equal(vp->synic.waiting, 0);
	/* A lone one, and then the queue works on. */
	synic_message_queue(vp, SINT, &message[0]);
	synic_message_forget(vp, SINT, &message[0]);
	assert_int_equal(vp->synic.waiting, 0);
	synic_message_queue(vp, SINT, &message[1]);
	assert_true(message[1].pending);
}

/* --- Lazy EOI ------------------------------------------------------------------------------------------------- */

/* A guest may rely on its EOI instead of EOM, so with a message waiting there is no lazy EOI. */
static void a_waiting_message_wants_a_real_eoi(void **state)
{
	struct vp *vp = prepared(state);
	struct hv_message content[3] = {content_of(1), content_of(2), content_of(3)};
	struct synic_message message[3] = {
		{.content = &content[0]}, {.content = &content[1]}, {.content = &content[2]}};
	const uint32_t *assist = vp->assist.frame;

	overlay_set(vp, &vp->assist, 0x6001);
	synic_message_queue(vp, SINT, &message[0]);
	unit_expect_interrupt(vp, VECTOR);
	assert_int_equal(*assist, 1);
	/* It comes while the handler runs. */
	synic_message_queue(vp, SINT, &message[1]);
	assert_true((vp->requests & VP_REQUEST_INTERRUPT) != 0);
	unit_expect_interrupt(vp, 0);
	assert_int_equal(*assist, 0);
	slot_of(vp, SINT)->type = 0;
	apic_eoi(vp);
	assert_int_equal(slot_of(vp, SINT)->type, 2);
	/* It was there before the interrupt was offered. */
	synic_message_queue(vp, SINT, &message[2]);
	unit_expect_interrupt(vp, VECTOR);
	assert_int_equal(*assist, 0);
	slot_of(vp, SINT)->type = 0;
	apic_eoi(vp);
	assert_int_equal(slot_of(vp, SINT)->type, 3);
	unit_expect_interrupt(vp, VECTOR);
	assert_int_equal(*assist, 1);
}

/* --- Model ---------------------------------------------------------------------------------------------------- */

enum fault {
	FAULT_NONE,
	FAULT_NO_FLAG,	     /* the flag is not set in a slot that is taken */
	FAULT_LAST_IN_FIRST, /* the queue is a stack */
	FAULT_EAGER,	     /* the SIM page is not asked for */
	FAULT_SILENT,	     /* only a message that did not wait interrupts */
	FAULT_COUNT
};

#define MODEL_MESSAGES 6

struct twin {
	enum fault fault;
	unsigned queue[MODEL_MESSAGES]; /* numbers, the oldest first */
	unsigned count;
	unsigned slot; /* 0: empty, else the number + 1 */
	bool flag, interrupt, control, page;
};

static void twin_deliver(struct twin *twin, bool fresh)
{
	if (twin->count == 0 || !twin->control || (!twin->page && twin->fault != FAULT_EAGER)) {
		return;
	}
	if (twin->slot != 0) {
		twin->flag = twin->flag || twin->fault != FAULT_NO_FLAG;
		return;
	}
	unsigned at = twin->fault == FAULT_LAST_IN_FIRST ? twin->count - 1 : 0;

	twin->slot = twin->queue[at] + 1;
	for (unsigned i = at + 1; i < twin->count; i++) {
		twin->queue[i - 1] = twin->queue[i];
	}
	twin->count--;
	twin->flag = twin->count != 0;
	twin->interrupt = twin->interrupt || fresh || twin->fault != FAULT_SILENT;
}

static bool twin_holds(const struct twin *twin, unsigned number)
{
	for (unsigned i = 0; i < twin->count; i++) {
		if (twin->queue[i] == number) {
			return true;
		}
	}
	return false;
}

static void twin_forget(struct twin *twin, unsigned number)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < twin->count; i++) {
		if (twin->queue[i] != number) {
			twin->queue[kept++] = twin->queue[i];
		}
	}
	twin->count = kept;
}

struct pair {
	struct vp *vp;
	struct twin twin;
	struct hv_message content[MODEL_MESSAGES];
	struct synic_message message[MODEL_MESSAGES];
};

static bool pair_agrees(const struct pair *pair)
{
	const struct hv_message *slot = slot_of(pair->vp, SINT);
	const struct twin *twin = &pair->twin;

	if (slot->type != twin->slot || (slot->type != 0 && (slot->flags & 1) != twin->flag) ||
	    (pair->vp->synic.waiting != 0) != (twin->count != 0)) {
		return false;
	}
	for (unsigned i = 0; i < MODEL_MESSAGES; i++) {
		if (pair->message[i].pending != twin_holds(twin, i)) {
			return false;
		}
	}
	return true;
}

static void pair_queue(struct pair *pair, unsigned number)
{
	struct twin *twin = &pair->twin;

	if (pair->message[number].pending || twin_holds(twin, number)) {
		return;
	}
	synic_message_queue(pair->vp, SINT, &pair->message[number]);
	twin->queue[twin->count++] = number;
	twin_deliver(twin, true);
}

static bool pair_take_interrupt(struct pair *pair)
{
	struct fake_entry entry = fake_vp_enter(pair->vp, true);
	bool came = entry.event.verdict == APIC_DELIVER;
	bool expected = pair->twin.interrupt;

	pair->twin.interrupt = false;
	if (came) {
		apic_eoi(pair->vp);
		twin_deliver(&pair->twin, false);
	}
	return came == expected;
}

static bool pair_step(struct pair *pair, uint64_t random)
{
	struct twin *twin = &pair->twin;
	unsigned number = (unsigned)(random >> 8) % MODEL_MESSAGES;

	switch (random % 8) {
	case 0 ... 2:
		pair_queue(pair, number);
		break;
	case 3:
		slot_of(pair->vp, SINT)->type = 0;
		twin->slot = 0;
		break;
	case 4:
		synic_rescan(pair->vp);
		twin_deliver(twin, false);
		break;
	case 5:
		synic_message_forget(pair->vp, SINT, &pair->message[number]);
		twin_forget(twin, number);
		break;
	case 6:
		twin->control = number != 0;
		synic_control_write(pair->vp, twin->control);
		twin_deliver(twin, false);
		twin->page = number != 1;
		synic_messages_write(pair->vp, twin->page ? SIMP : 0);
		twin_deliver(twin, false);
		break;
	default:
		return pair_take_interrupt(pair) && pair_agrees(pair);
	}
	return pair_agrees(pair);
}

static bool twin_agrees(enum fault fault, unsigned steps)
{
	struct fake *fake = fake_hv_create(1, FAKE_RAM_PAGES);
	void *state = fake;
	struct pair pair = {.vp = prepared(&state), .twin = {.fault = fault, .control = true, .page = true}};
	uint64_t seed = 0x1234567;
	bool agrees = true;

	for (unsigned i = 0; i < MODEL_MESSAGES; i++) {
		pair.content[i] = content_of(i + 1);
		pair.message[i].content = &pair.content[i];
	}
	for (unsigned i = 0; i < steps && agrees; i++) {
		agrees = pair_step(&pair, unit_random(&seed));
	}
	fake_hv_destroy(fake);
	return agrees;
}

static void the_twin_agrees(void **state)
{
	(void)state;
	assert_true(twin_agrees(FAULT_NONE, 200000));
}

static void planted_faults_are_found(void **state)
{
	(void)state;
	for (enum fault fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
		assert_false(twin_agrees(fault, 2000));
	}
}

/* --- Senders at once ------------------------------------------------------------------------------------------ */

#define SENDERS_MAX 3
#define BUFFERS_MAX 4
#define PATIENCE 20 /* seconds without a message */
#define ENOUGH 15   /* seconds of posting: where others load the host, each yield costs a turn of theirs */
#define LEAST 50    /* messages of a sender in this time, if any host shall be called alive */

struct sender {
	struct vp *vp;
	unsigned number, buffers, posts;
	time_t end;
	_Atomic unsigned posted; /* in all, once `done` */
	_Atomic bool done;
	struct hv_message content[BUFFERS_MAX];
	struct synic_message message[BUFFERS_MAX];
};

/* As a port does: a free buffer, or another try later. */
static void *post(void *argument)
{
	struct sender *sender = argument;
	unsigned i;

	for (i = 0; i < sender->posts && time(NULL) < sender->end; i++) {
		unsigned at = i % sender->buffers;

		while (atomic_load(&sender->message[at].pending)) {
			sched_yield();
		}
		sender->content[at] = (struct hv_message){.type = sender->number + 1, .payload_size = 24};
		sender->content[at].payload[0] = i;
		sender->content[at].payload[1] = ~(uint64_t)i;
		sender->content[at].payload[2] = i;
		sender->message[at].content = &sender->content[at];
		synic_message_queue(sender->vp, SINT, &sender->message[at]);
	}
	atomic_store(&sender->posted, i);
	atomic_store(&sender->done, true);
	return NULL;
}

/* False: somebody is still posting. */
static bool all_posted(const struct sender *senders, unsigned count, unsigned *posted)
{
	*posted = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!atomic_load(&senders[i].done)) {
			return false;
		}
		*posted += atomic_load(&senders[i].posted);
	}
	return true;
}

/* What the specification asks of a guest: take the message, empty the slot, then EOM if more were announced. */
static unsigned guest_take(struct vp *vp, uint64_t next[SENDERS_MAX])
{
	struct hv_message *slot = slot_of(vp, SINT);
	uint32_t type = __atomic_load_n(&slot->type, __ATOMIC_ACQUIRE);

	if (type == 0) {
		return 0;
	}
	assert_in_range(type, 1, SENDERS_MAX);
	uint64_t *expected = &next[type - 1];

	assert_int_equal(slot->payload[0], *expected);
	assert_int_equal(slot->payload[1], ~*expected);
	assert_int_equal(slot->payload[2], *expected);
	(*expected)++;
	__atomic_store_n(&slot->type, 0, __ATOMIC_SEQ_CST);
	if ((__atomic_load_n(&slot->flags, __ATOMIC_SEQ_CST) & 1) != 0) {
		synic_rescan(vp);
	}
	return 1;
}

static void all_arrive(struct vp *vp, unsigned count, unsigned buffers, unsigned posts)
{
	static struct sender senders[SENDERS_MAX];
	pthread_t threads[SENDERS_MAX];
	uint64_t next[SENDERS_MAX] = {0};
	unsigned taken = 0, posted;
	time_t last = time(NULL), end = last + ENOUGH;

	for (unsigned i = 0; i < count; i++) {
		senders[i] = (struct sender){
			.vp = vp, .number = i, .buffers = buffers, .posts = posts, .end = end};
		assert_int_equal(pthread_create(&threads[i], NULL, post, &senders[i]), 0);
	}
	while (!all_posted(senders, count, &posted) || taken < posted) {
		if (guest_take(vp, next) != 0) {
			taken++;
			last = time(NULL);
		} else {
			assert_true(time(NULL) - last < PATIENCE);
			sched_yield();
		}
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(next[i], senders[i].posted);
		assert_true(senders[i].posted >= LEAST);
	}
	assert_int_equal(vp->synic.waiting, 0);
}

static void no_message_of_many_senders_is_left_behind(void **state)
{
	all_arrive(prepared(state), SENDERS_MAX, BUFFERS_MAX, 20000);
}

/* The sharpest form: nobody else comes to push on a message that was left behind. */
static void no_message_of_a_lone_sender_is_left_behind(void **state)
{
	all_arrive(prepared(state), 1, 1, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_one(a_message_lies_in_its_slot),
		unit_test_one(payloads_of_all_sizes),
		unit_test_one(a_timers_message_is_told_when),
		unit_test_one(a_masked_or_polled_sint_gets_messages_in_silence),
		unit_test_one(messages_need_control_and_page),
		unit_test_one(what_is_switched_on_gets_what_waited),
		unit_test_one(the_second_waits_and_the_slot_says_so),
		unit_test_one(sints_do_not_wait_for_each_other),
		unit_test_one(a_new_message_pushes_the_queue_on),
		unit_test_one(what_waits_can_be_taken_back),
		unit_test_one(a_waiting_message_wants_a_real_eoi),
		cmocka_unit_test(the_twin_agrees),
		cmocka_unit_test(planted_faults_are_found),
		unit_test_one(no_message_of_many_senders_is_left_behind),
		unit_test_one(no_message_of_a_lone_sender_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
