/* SPDX-License-Identifier: MPL-2.0 */
/*
 * void machine_xmm_get(struct vp *vp, unsigned count, void *out)
 * void machine_xmm_set(struct vp *vp, unsigned count, const void *in)
 * void machine_fpu_get(struct vp *vp, void *image)
 * void machine_fpu_set(struct vp *vp, const void *image)
 *
 * The hypervisor is compiled without SSE and x87, so the registers still hold what the guest left in them. CR4.OSFXSR is set
 * (svm_lp_enable). CR0.TS may be the guest's concern, but CR0 is the host's here.
 */
	.text
	.code64
	.globl machine_xmm_get
machine_xmm_get:
	cmp $1, %esi
	jb 1f
	movups %xmm0, (%rdx)
	je 1f
	cmp $3, %esi
	movups %xmm1, 16(%rdx)
	jb 1f
	movups %xmm2, 32(%rdx)
	je 1f
	cmp $5, %esi
	movups %xmm3, 48(%rdx)
	jb 1f
	movups %xmm4, 64(%rdx)
	je 1f
	movups %xmm5, 80(%rdx)
1:	ret

	.globl machine_xmm_set
machine_xmm_set:
	cmp $1, %esi
	jb 1f
	movups (%rdx), %xmm0
	je 1f
	cmp $3, %esi
	movups 16(%rdx), %xmm1
	jb 1f
	movups 32(%rdx), %xmm2
	je 1f
	cmp $5, %esi
	movups 48(%rdx), %xmm3
	jb 1f
	movups 64(%rdx), %xmm4
	je 1f
	movups 80(%rdx), %xmm5
1:	ret

	.globl machine_fpu_get
machine_fpu_get:
	fxsave64 (%rsi)
	ret

	.globl machine_fpu_set
machine_fpu_set:
	fxrstor64 (%rsi)
	ret
	.section .note.GNU-stack, "", @progbits
