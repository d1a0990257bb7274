//go:build gc && (linux || darwin || windows || freebsd)

package controlflow

import "golang.org/x/arch/x86/x86asm"

// decodes reports whether there is code to be read, and a decoder for it.
func decodes() bool { return true }

// decode returns the instruction that code begins with. One without a size is unknown.
func decode(code []byte) instruction {
	switch code[0] {
	case 0xC4, 0xC5, 0x62:
		return instruction{kind: plain, size: vectorSize(code)}
	}
	in, err := x86asm.Decode(code, 64)
	if err != nil || in.Op == 0 {
		return instruction{}
	}
	if to, ok := in.Args[0].(x86asm.Rel); ok {
		return instruction{relative(in.Op), in.Len, in.Len + int(to)}
	}
	switch in.Op {
	case x86asm.CALL:
		return instruction{kind: call, size: in.Len}
	case x86asm.JMP, x86asm.LJMP, x86asm.LCALL, x86asm.SYSRET, x86asm.SYSEXIT, x86asm.XABORT:
		return instruction{kind: anywhere, size: in.Len}
	case x86asm.RET, x86asm.LRET, x86asm.IRET, x86asm.IRETD, x86asm.IRETQ, x86asm.UD1, x86asm.UD2, x86asm.HLT, x86asm.INT:
		return instruction{kind: stop, size: in.Len}
	}
	return instruction{kind: plain, size: in.Len}
}

func relative(op x86asm.Op) kind {
	switch op {
	case x86asm.CALL:
		return call
	case x86asm.JMP:
		return jump
	}
	return branch
}

// vectorSize returns the size of an instruction of the newer encodings (VEX, EVEX),
// which the decoder does not know, and 0 where it is not known. They compute, and never
// jump.
func vectorSize(code []byte) int {
	if len(code) < 6 {
		return 0
	}
	var opcode, table int
	switch {
	case code[0] == 0xC5:
		opcode, table = 2, 1
	case code[0] == 0xC4:
		opcode, table = 3, int(code[1]&0x1F)
	case code[0] == 0x62 && code[1]&0x08 == 0 && code[2]&0x04 != 0:
		opcode, table = 4, int(code[1]&0x07)
	default:
		return 0
	}
	if table < 1 || table > 3 {
		return 0
	}
	op := code[opcode]
	if table == 1 && op == 0x77 { // VZEROUPPER has no operands
		return opcode + 1
	}
	modrm := code[opcode+1]
	size := opcode + 2
	mode, base := modrm>>6, modrm&7
	if mode != 3 && base == 4 {
		if size >= len(code) {
			return 0
		}
		base = code[size] & 7 // of the scaled index
		if base == 4 {
			base = 0 // the stack pointer is a base like others
		}
		size++
	}
	switch {
	case mode == 1:
		size++
	case mode == 2 || mode == 0 && base == 5:
		size += 4
	}
	if table == 3 || table == 1 && (op >= 0x70 && op <= 0x73 || op == 0xC2 || op >= 0xC4 && op <= 0xC6) {
		size++
	}
	if size > len(code) {
		return 0
	}
	return size
}

// isPadding reports whether code is but what fills the space between functions.
func isPadding(code []byte) bool {
	for _, b := range code {
		if b != 0xCC {
			return false
		}
	}
	return true
}
