#include "funcdata.h"
#include "textflag.h"

// func With(value uintptr, f func())
TEXT ·With(SB), 0, $16-16
	GO_ARGS
	NO_LOCAL_POINTERS
	MOVD value+0(FP), R29
	MOVD f+8(FP), R26
	MOVD (R26), R0
	CALL (R0)
	RET

// func StackPointer(f func())
TEXT ·StackPointer(SB), 0, $16-8
	GO_ARGS
	NO_LOCAL_POINTERS
	MOVD RSP, R29
	MOVD f+0(FP), R26
	MOVD (R26), R0
	CALL (R0)
	RET

// func Outer(f func())
TEXT ·Outer(SB), 0, $16-8
	GO_ARGS
	NO_LOCAL_POINTERS
	MOVD (R29), R29
	MOVD (R29), R29
	MOVD f+0(FP), R26
	MOVD (R26), R0
	CALL (R0)
	RET
