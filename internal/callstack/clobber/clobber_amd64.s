#include "funcdata.h"
#include "textflag.h"

// func With(value uintptr, f func())
TEXT ·With(SB), 0, $16-16
	GO_ARGS
	NO_LOCAL_POINTERS
	MOVQ value+0(FP), BP
	MOVQ f+8(FP), DX
	MOVQ (DX), AX
	CALL AX
	RET

// func StackPointer(f func())
TEXT ·StackPointer(SB), 0, $16-8
	GO_ARGS
	NO_LOCAL_POINTERS
	MOVQ SP, BP
	MOVQ f+0(FP), DX
	MOVQ (DX), AX
	CALL AX
	RET

// func Outer(f func())
TEXT ·Outer(SB), 0, $16-8
	GO_ARGS
	NO_LOCAL_POINTERS
	MOVQ (BP), BP
	MOVQ (BP), BP
	MOVQ f+0(FP), DX
	MOVQ (DX), AX
	CALL AX
	RET
