//go:build !linux && !windows

package sink

// Unix systems other than Linux: the portable backend, with hard links to refuse replacing.

func openBackend(dir string) (backend, error) { return probeNamed(dir) }

func renameNoReplace(from, to string) error { return linkNoReplace(from, to) }
