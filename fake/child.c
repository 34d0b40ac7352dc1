/* SPDX-License-Identifier: MPL-2.0 */
/* Partitions besides root: there is no call yet that makes them, so tests do. */
#include "fake/fake.h"

#include <stdlib.h>

struct fake_child {
	struct partition partition;
	struct profile profile;
	struct fake_vp *vps;
	struct vp **vp_pointers;
	struct fake_child *next;
};

static void child_free(struct fake_child *child)
{
	free(child->vps);
	free(child->vp_pointers);
	free(child);
}

static struct fake_child *child_allocate(uint32_t vp_count)
{
	struct fake_child *child = calloc(1, sizeof(*child));

	if (child == NULL) {
		abort();
	}
	child->vps = calloc(vp_count, sizeof(*child->vps));
	child->vp_pointers = calloc(vp_count, sizeof(struct vp *));
	if (child->vps == NULL || child->vp_pointers == NULL) {
		abort();
	}
	fake_vps_prepare(child->vps, child->vp_pointers, vp_count);
	return child;
}

struct partition *fake_child_create(struct fake *fake, uint64_t id, uint64_t privileges, uint32_t vp_count)
{
	struct fake_child *child = child_allocate(vp_count);
	struct partition *partition = &child->partition;

	child->profile = profile_full;
	child->profile.privileges = privileges;
	partition->machine = fake;
	if (!partition_create(partition, &fake->hv, id, &child->profile)) {
		child_free(child);
		return NULL;
	}
	child->next = fake->children;
	fake->children = child;
	partition->vp = child->vp_pointers;
	partition->vp_count = vp_count;
	for (uint32_t i = 0; i < vp_count; i++) {
		if (!vp_create(partition->vp[i], partition, i, i)) {
			return NULL;
		}
	}
	return partition;
}

struct fake_vp *fake_children_earliest(struct fake *fake, struct fake_vp *first)
{
	for (struct fake_child *child = fake->children; child != NULL; child = child->next) {
		for (uint32_t i = 0; i < child->partition.vp_count; i++) {
			first = child->vps[i].deadline < first->deadline ? &child->vps[i] : first;
		}
	}
	return first;
}

bool fake_children_stale(struct fake *fake)
{
	for (struct fake_child *child = fake->children; child != NULL; child = child->next) {
		for (uint32_t i = 0; i < child->partition.vp_count; i++) {
			if (child->vps[i].nested_stale) {
				return true;
			}
		}
	}
	return false;
}

void fake_children_destroy(struct fake *fake)
{
	while (fake->children != NULL) {
		struct fake_child *child = fake->children;

		fake->children = child->next;
		child_free(child);
	}
}
