package journal

// isFull is never true: each file server has words of its own for it.
func isFull(error) bool { return false }
