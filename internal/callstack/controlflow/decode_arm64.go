//go:build gc && (linux || darwin || windows || freebsd)

package controlflow

import (
	"encoding/binary"

	"golang.org/x/arch/arm64/arm64asm"
)

// decodes reports whether there is code to be read, and a decoder for it.
func decodes() bool { return true }

const wordSize = 4

// decode returns the instruction that code begins with. Between instructions there may
// be constants: what is none is of unknown kind.
func decode(code []byte) instruction {
	if len(code) < wordSize {
		return instruction{}
	}
	word := binary.LittleEndian.Uint32(code)
	switch group := word >> 25 & 0xF; {
	case group < 4: // reserved, and no instruction that is known
		return instruction{kind: unknown, size: wordSize}
	case group>>1 != 5: // it computes, loads or stores
		return instruction{kind: plain, size: wordSize}
	}
	in, err := arm64asm.Decode(code[:wordSize])
	if err != nil {
		if word>>22 == 0b1101010100 { // of the system's registers and barriers
			return instruction{kind: plain, size: wordSize}
		}
		return instruction{kind: unknown, size: wordSize}
	}
	target := 0
	for _, arg := range in.Args {
		if to, ok := arg.(arm64asm.PCRel); ok {
			target = int(to)
		}
	}
	return instruction{kindOf(in), wordSize, target}
}

func kindOf(in arm64asm.Inst) kind {
	switch in.Op {
	case arm64asm.BL, arm64asm.BLR:
		return call
	case arm64asm.B:
		if _, conditional := in.Args[0].(arm64asm.Cond); conditional {
			return branch
		}
		return jump
	case arm64asm.CBZ, arm64asm.CBNZ, arm64asm.TBZ, arm64asm.TBNZ:
		return branch
	case arm64asm.RET, arm64asm.BRK, arm64asm.HLT, arm64asm.ERET, arm64asm.DRPS:
		return stop
	case arm64asm.BR:
		return anywhere
	}
	return plain
}

// isPadding reports whether code is but what fills the space between functions.
func isPadding(code []byte) bool {
	for _, b := range code {
		if b != 0 {
			return false
		}
	}
	return true
}
