//go:build gc && !purego && go1.26 && !go1.27

#include "textflag.h"

// See walk in walk.go. The function has no frame: R29 is that of its caller. It
// calls nothing and cannot be preempted, so that the stack does not move while
// it is read.
//
// func walk(to *frame, limit int, id uintptr) (n int, hash, goroutine uintptr)
TEXT ·walk(SB), NOSPLIT|NOFRAME, $0-48
	MOVD to+0(FP), R0
	MOVD limit+8(FP), R1
	MOVD id+16(FP), R2
	ADD  g, R2, R2
	MOVD (R2), R2
	MOVD R2, goroutine+40(FP)
	MOVD ZR, R3                     // frames so far
	MOVD ZR, R4                     // hash
	MOVD $0x9E3779B97F4A7C15, R5
	MOVD RSP, R6                    // the frame before
	MOVD R29, R7                    // the frame
	MOVD 0(g), R8                   // g.stack.lo
	MOVD 8(g), R9                   // g.stack.hi
	CMP  R8, R6
	BLO  broken
	SUB  $8, R6, R6                 // a frame's place is one word below its stack pointer

next:
	CMP  R6, R7
	BLS  broken                     // not further out
	SUBS R7, R9, R10                // distance from the stack's end
	BLO  broken
	CMP  $16, R10
	BLO  broken                     // not in this stack
	TST  $7, R7
	BNE  broken
	CMP  R1, R3
	BGE  deeper
	MOVD 8(R7), R11
	MOVD R11, 0(R0)
	MOVD R10, 8(R0)
	ADD  $16, R0, R0
	ADD  $1, R3, R3
	EOR  R11, R4, R4
	MUL  R5, R4, R4
	MOVD R7, R6
	MOVD 0(R7), R7
	CBNZ R7, next
	MOVD R3, n+24(FP)
	MOVD R4, hash+32(FP)
	RET

broken:
	MOVD ZR, n+24(FP)
	MOVD ZR, hash+32(FP)
	RET

deeper:
	MOVD $-1, R3
	MOVD R3, n+24(FP)
	MOVD ZR, hash+32(FP)
	RET
