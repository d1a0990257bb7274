package journal

import "time"

// Trouble makes the file system fail.
type Trouble struct {
	Fault    func(op, path string) error // asked before each operation
	Private  bool                        // nothing that is appended reaches the files
	Unmapped bool                        // records are written where they could be mapped
	Retry    time.Duration
}

func OptionsWith(opts Options, t Trouble) Options {
	opts.system = system{fault: t.Fault, private: t.Private, unmapped: t.Unmapped}
	opts.retry = t.Retry
	return opts
}

// AdoptWith is Adopt on a file system that fails.
func AdoptWith(dir string, t Trouble) ([]*Remains, error) {
	return adoptAll(&system{fault: t.Fault}, dir)
}

const (
	HeaderSize   = headerSize
	RecordHeader = recordHeader
	CanMap       = canMap
)
