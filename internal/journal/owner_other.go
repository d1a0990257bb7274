//go:build !unix

package journal

import "os"

// ours says true: who may write to a file is not told by its mode.
func ours(os.FileInfo) bool { return true }
