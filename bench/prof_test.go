package main

import "testing"

func BenchmarkRequest(b *testing.B) {
	all := contenders()
	for b.Loop() {
		for range 20 {
			requestTime(all[8])
		}
	}
}
