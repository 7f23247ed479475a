package sock

import "os"

// FileSender is a Stream that can send from a file without the bytes passing
// through the program.
type FileSender interface {
	// TrySendFile sends up to n bytes of f from offset on, and returns how many
	// the connection took; the position of f does not matter and stays. io.EOF
	// says that f has nothing there, ErrUnsupported that f is of a kind that
	// cannot be sent so; nothing has been sent then. The other errors are those
	// of TryWrite.
	TrySendFile(f *os.File, offset int64, n int) (int, error)
}
