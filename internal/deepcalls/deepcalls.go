// Package deepcalls calls functions from stacks as deep as wanted, of functions
// that are all different, as those of real programs are. A function that calls
// itself would do for tests, but flatters runtime.Callers in benchmarks: the
// runtime remembers the few places where it was last.
package deepcalls

// Most is the largest depth of [At].
const Most = 80

// At calls f from below so many calls, of as many functions.
func At(depth int, f func()) {
	if depth <= 0 {
		f()
		return
	}
	calls[Most-min(depth, Most)](f)
}

// The functions are called by way of an array, so that none is inlined.
var calls [Most]func(func())

func init() {
	calls = [Most]func(func()){
		func(f func()) { calls[1](f) },
		func(f func()) { calls[2](f) },
		func(f func()) { calls[3](f) },
		func(f func()) { calls[4](f) },
		func(f func()) { calls[5](f) },
		func(f func()) { calls[6](f) },
		func(f func()) { calls[7](f) },
		func(f func()) { calls[8](f) },
		func(f func()) { calls[9](f) },
		func(f func()) { calls[10](f) },
		func(f func()) { calls[11](f) },
		func(f func()) { calls[12](f) },
		func(f func()) { calls[13](f) },
		func(f func()) { calls[14](f) },
		func(f func()) { calls[15](f) },
		func(f func()) { calls[16](f) },
		func(f func()) { calls[17](f) },
		func(f func()) { calls[18](f) },
		func(f func()) { calls[19](f) },
		func(f func()) { calls[20](f) },
		func(f func()) { calls[21](f) },
		func(f func()) { calls[22](f) },
		func(f func()) { calls[23](f) },
		func(f func()) { calls[24](f) },
		func(f func()) { calls[25](f) },
		func(f func()) { calls[26](f) },
		func(f func()) { calls[27](f) },
		func(f func()) { calls[28](f) },
		func(f func()) { calls[29](f) },
		func(f func()) { calls[30](f) },
		func(f func()) { calls[31](f) },
		func(f func()) { calls[32](f) },
		func(f func()) { calls[33](f) },
		func(f func()) { calls[34](f) },
		func(f func()) { calls[35](f) },
		func(f func()) { calls[36](f) },
		func(f func()) { calls[37](f) },
		func(f func()) { calls[38](f) },
		func(f func()) { calls[39](f) },
		func(f func()) { calls[40](f) },
		func(f func()) { calls[41](f) },
		func(f func()) { calls[42](f) },
		func(f func()) { calls[43](f) },
		func(f func()) { calls[44](f) },
		func(f func()) { calls[45](f) },
		func(f func()) { calls[46](f) },
		func(f func()) { calls[47](f) },
		func(f func()) { calls[48](f) },
		func(f func()) { calls[49](f) },
		func(f func()) { calls[50](f) },
		func(f func()) { calls[51](f) },
		func(f func()) { calls[52](f) },
		func(f func()) { calls[53](f) },
		func(f func()) { calls[54](f) },
		func(f func()) { calls[55](f) },
		func(f func()) { calls[56](f) },
		func(f func()) { calls[57](f) },
		func(f func()) { calls[58](f) },
		func(f func()) { calls[59](f) },
		func(f func()) { calls[60](f) },
		func(f func()) { calls[61](f) },
		func(f func()) { calls[62](f) },
		func(f func()) { calls[63](f) },
		func(f func()) { calls[64](f) },
		func(f func()) { calls[65](f) },
		func(f func()) { calls[66](f) },
		func(f func()) { calls[67](f) },
		func(f func()) { calls[68](f) },
		func(f func()) { calls[69](f) },
		func(f func()) { calls[70](f) },
		func(f func()) { calls[71](f) },
		func(f func()) { calls[72](f) },
		func(f func()) { calls[73](f) },
		func(f func()) { calls[74](f) },
		func(f func()) { calls[75](f) },
		func(f func()) { calls[76](f) },
		func(f func()) { calls[77](f) },
		func(f func()) { calls[78](f) },
		func(f func()) { calls[79](f) },
		func(f func()) { f() },
	}
}
