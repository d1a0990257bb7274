//go:build race

package dynamoslog_test

const raceDetector = true
