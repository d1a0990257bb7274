package viewer

import "fmt"

// later does something for a page on a goroutine beside that of the request, and returns a
// function that waits for what it comes to. A panic of a store, from which net/http saves the
// program only where the request is served, is an error.
func later[T any](do func() (T, error)) func() (T, error) {
	var got T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				err = fmt.Errorf("reading panicked: %v", value)
			}
		}()
		got, err = do()
	}()
	return func() (T, error) {
		<-done
		return got, err
	}
}
