//go:build race

package handlertest

// RaceDetector tells whether the race detector is on, with which tests take longer.
const RaceDetector = true
