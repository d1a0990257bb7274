//go:build gc && !purego

#include "textflag.h"

// See walk in walk.go. The function has no frame: BP is that of its caller. It
// calls nothing and cannot be preempted, so that the stack does not move while
// it is read.
//
// func walk(to *frame, limit int, id uintptr) (n int, hash, goroutine uintptr)
TEXT ·walk(SB), NOSPLIT, $0-48
	MOVQ to+0(FP), DI
	MOVQ limit+8(FP), CX
	MOVQ id+16(FP), R12
	MOVQ (TLS), R8                  // g
	MOVQ (R8)(R12*1), R12
	MOVQ R12, goroutine+40(FP)
	XORL AX, AX                     // frames so far
	XORL R11, R11                   // hash
	MOVQ $0x9E3779B97F4A7C15, R13
	MOVQ SP, SI                     // the frame before
	MOVQ BP, BX                     // the frame
	MOVQ 8(R8), R10                 // g.stack.hi
	CMPQ SI, 0(R8)                  // g.stack.lo
	JCS  broken

next:
	CMPQ BX, SI
	JLS  broken                     // not further out
	MOVQ R10, R9
	SUBQ BX, R9                     // distance from the stack's end
	JCS  broken
	CMPQ R9, $16
	JCS  broken                     // not in this stack
	TESTQ $7, BX
	JNE  broken
	CMPQ AX, CX
	JGE  deeper
	MOVQ 8(BX), DX
	MOVQ DX, 0(DI)
	MOVQ R9, 8(DI)
	ADDQ $16, DI
	INCQ AX
	XORQ DX, R11
	IMULQ R13, R11
	MOVQ BX, SI
	MOVQ 0(BX), BX
	TESTQ BX, BX
	JNE  next
	MOVQ AX, n+24(FP)
	MOVQ R11, hash+32(FP)
	RET

broken:
	MOVQ $0, n+24(FP)
	MOVQ $0, hash+32(FP)
	RET

deeper:
	MOVQ $-1, n+24(FP)
	MOVQ $0, hash+32(FP)
	RET

// See retraces in walk.go. The frames are read where they were found before, and
// each must lead to the next: so the reads do not wait for each other, which halves
// the time. The first frame is this one, the others are further out: they are in
// the stack.
//
// func retraces(chain *frame, n int, id uintptr) (same bool, goroutine uintptr)
TEXT ·retraces(SB), NOSPLIT, $0-40
	MOVQ chain+0(FP), DI
	MOVQ n+8(FP), CX
	MOVQ id+16(FP), R12
	MOVQ (TLS), R8                  // g
	MOVQ (R8)(R12*1), R12
	MOVQ R12, goroutine+32(FP)
	CMPQ SP, 0(R8)                  // g.stack.lo
	JCS  different
	CMPQ BP, SP
	JLS  different
	MOVQ 8(R8), R10                 // g.stack.hi
	MOVQ BP, R9                     // where the frame before leads to

same:
	MOVQ R10, BX
	SUBQ 8(DI), BX                  // the frame
	CMPQ BX, R9
	JNE  different
	MOVQ 8(BX), DX
	CMPQ DX, 0(DI)
	JNE  different
	MOVQ 0(BX), R9
	ADDQ $16, DI
	DECQ CX
	JNE  same
	TESTQ R9, R9
	JNE  different
	MOVB $1, same+24(FP)
	RET

different:
	MOVB $0, same+24(FP)
	RET
