//go:build gc && !purego

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
	SUB  $16, R6, R6                // the first frame may be one word below its stack pointer

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

// See retraces in walk.go. The frames are read where they were found before, and
// each must lead to the next: so the reads do not wait for each other. The first
// frame is this one, the others are further out: they are in the stack.
//
// func retraces(chain *frame, n int, id uintptr) (same bool, goroutine uintptr)
TEXT ·retraces(SB), NOSPLIT|NOFRAME, $0-40
	MOVD chain+0(FP), R0
	MOVD n+8(FP), R1
	MOVD id+16(FP), R2
	ADD  g, R2, R2
	MOVD (R2), R2
	MOVD R2, goroutine+32(FP)
	MOVD RSP, R6
	MOVD R29, R7                    // where the frame before leads to
	MOVD 0(g), R8                   // g.stack.lo
	MOVD 8(g), R9                   // g.stack.hi
	CMP  R8, R6
	BLO  different
	SUB  $16, R6, R6                // the first frame may be one word below its stack pointer
	CMP  R6, R7
	BLS  different

same:
	LDP  (R0), (R11, R12)
	SUB  R12, R9, R10               // the frame
	CMP  R7, R10
	BNE  different
	MOVD 8(R10), R13
	CMP  R11, R13
	BNE  different
	MOVD 0(R10), R7
	ADD  $16, R0, R0
	SUBS $1, R1, R1
	BNE  same
	CBNZ R7, different
	MOVD $1, R3
	MOVB R3, same+24(FP)
	RET

different:
	MOVB ZR, same+24(FP)
	RET
