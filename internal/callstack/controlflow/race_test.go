//go:build race

package controlflow_test

const raceDetector = true
