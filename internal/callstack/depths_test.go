package callstack_test

// atDepth calls f below so many calls of different functions.
func atDepth(depth int, f func()) { depths[len(depths)-depth](f) }

var depths [80]func(func())

func init() {
	depths = [...]func(func()){
		depth0,
		depth1,
		depth2,
		depth3,
		depth4,
		depth5,
		depth6,
		depth7,
		depth8,
		depth9,
		depth10,
		depth11,
		depth12,
		depth13,
		depth14,
		depth15,
		depth16,
		depth17,
		depth18,
		depth19,
		depth20,
		depth21,
		depth22,
		depth23,
		depth24,
		depth25,
		depth26,
		depth27,
		depth28,
		depth29,
		depth30,
		depth31,
		depth32,
		depth33,
		depth34,
		depth35,
		depth36,
		depth37,
		depth38,
		depth39,
		depth40,
		depth41,
		depth42,
		depth43,
		depth44,
		depth45,
		depth46,
		depth47,
		depth48,
		depth49,
		depth50,
		depth51,
		depth52,
		depth53,
		depth54,
		depth55,
		depth56,
		depth57,
		depth58,
		depth59,
		depth60,
		depth61,
		depth62,
		depth63,
		depth64,
		depth65,
		depth66,
		depth67,
		depth68,
		depth69,
		depth70,
		depth71,
		depth72,
		depth73,
		depth74,
		depth75,
		depth76,
		depth77,
		depth78,
		depth79,
	}
}

//go:noinline
func depth0(f func()) { depth1(f) }

//go:noinline
func depth1(f func()) { depth2(f) }

//go:noinline
func depth2(f func()) { depth3(f) }

//go:noinline
func depth3(f func()) { depth4(f) }

//go:noinline
func depth4(f func()) { depth5(f) }

//go:noinline
func depth5(f func()) { depth6(f) }

//go:noinline
func depth6(f func()) { depth7(f) }

//go:noinline
func depth7(f func()) { depth8(f) }

//go:noinline
func depth8(f func()) { depth9(f) }

//go:noinline
func depth9(f func()) { depth10(f) }

//go:noinline
func depth10(f func()) { depth11(f) }

//go:noinline
func depth11(f func()) { depth12(f) }

//go:noinline
func depth12(f func()) { depth13(f) }

//go:noinline
func depth13(f func()) { depth14(f) }

//go:noinline
func depth14(f func()) { depth15(f) }

//go:noinline
func depth15(f func()) { depth16(f) }

//go:noinline
func depth16(f func()) { depth17(f) }

//go:noinline
func depth17(f func()) { depth18(f) }

//go:noinline
func depth18(f func()) { depth19(f) }

//go:noinline
func depth19(f func()) { depth20(f) }

//go:noinline
func depth20(f func()) { depth21(f) }

//go:noinline
func depth21(f func()) { depth22(f) }

//go:noinline
func depth22(f func()) { depth23(f) }

//go:noinline
func depth23(f func()) { depth24(f) }

//go:noinline
func depth24(f func()) { depth25(f) }

//go:noinline
func depth25(f func()) { depth26(f) }

//go:noinline
func depth26(f func()) { depth27(f) }

//go:noinline
func depth27(f func()) { depth28(f) }

//go:noinline
func depth28(f func()) { depth29(f) }

//go:noinline
func depth29(f func()) { depth30(f) }

//go:noinline
func depth30(f func()) { depth31(f) }

//go:noinline
func depth31(f func()) { depth32(f) }

//go:noinline
func depth32(f func()) { depth33(f) }

//go:noinline
func depth33(f func()) { depth34(f) }

//go:noinline
func depth34(f func()) { depth35(f) }

//go:noinline
func depth35(f func()) { depth36(f) }

//go:noinline
func depth36(f func()) { depth37(f) }

//go:noinline
func depth37(f func()) { depth38(f) }

//go:noinline
func depth38(f func()) { depth39(f) }

//go:noinline
func depth39(f func()) { depth40(f) }

//go:noinline
func depth40(f func()) { depth41(f) }

//go:noinline
func depth41(f func()) { depth42(f) }

//go:noinline
func depth42(f func()) { depth43(f) }

//go:noinline
func depth43(f func()) { depth44(f) }

//go:noinline
func depth44(f func()) { depth45(f) }

//go:noinline
func depth45(f func()) { depth46(f) }

//go:noinline
func depth46(f func()) { depth47(f) }

//go:noinline
func depth47(f func()) { depth48(f) }

//go:noinline
func depth48(f func()) { depth49(f) }

//go:noinline
func depth49(f func()) { depth50(f) }

//go:noinline
func depth50(f func()) { depth51(f) }

//go:noinline
func depth51(f func()) { depth52(f) }

//go:noinline
func depth52(f func()) { depth53(f) }

//go:noinline
func depth53(f func()) { depth54(f) }

//go:noinline
func depth54(f func()) { depth55(f) }

//go:noinline
func depth55(f func()) { depth56(f) }

//go:noinline
func depth56(f func()) { depth57(f) }

//go:noinline
func depth57(f func()) { depth58(f) }

//go:noinline
func depth58(f func()) { depth59(f) }

//go:noinline
func depth59(f func()) { depth60(f) }

//go:noinline
func depth60(f func()) { depth61(f) }

//go:noinline
func depth61(f func()) { depth62(f) }

//go:noinline
func depth62(f func()) { depth63(f) }

//go:noinline
func depth63(f func()) { depth64(f) }

//go:noinline
func depth64(f func()) { depth65(f) }

//go:noinline
func depth65(f func()) { depth66(f) }

//go:noinline
func depth66(f func()) { depth67(f) }

//go:noinline
func depth67(f func()) { depth68(f) }

//go:noinline
func depth68(f func()) { depth69(f) }

//go:noinline
func depth69(f func()) { depth70(f) }

//go:noinline
func depth70(f func()) { depth71(f) }

//go:noinline
func depth71(f func()) { depth72(f) }

//go:noinline
func depth72(f func()) { depth73(f) }

//go:noinline
func depth73(f func()) { depth74(f) }

//go:noinline
func depth74(f func()) { depth75(f) }

//go:noinline
func depth75(f func()) { depth76(f) }

//go:noinline
func depth76(f func()) { depth77(f) }

//go:noinline
func depth77(f func()) { depth78(f) }

//go:noinline
func depth78(f func()) { depth79(f) }

//go:noinline
func depth79(f func()) { f() }
