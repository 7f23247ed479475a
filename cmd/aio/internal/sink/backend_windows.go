package sink

// Windows: the portable backend, with the rename that refuses to replace.

import "golang.org/x/sys/windows"

func openBackend(dir string) (backend, error) { return probeNamed(dir) }

// renameNoReplace moves without the flag that os.Rename sets.
func renameNoReplace(from, to string) error {
	src, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	dst, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(src, dst, 0)
}
