//go:build !gc || !(amd64 || arm64) || !(linux || darwin || windows || freebsd)

package controlflow

func decodes() bool { return false }

func decode([]byte) instruction { return instruction{} }

func isPadding([]byte) bool { return true }
